"""Content of posts of other servers as it is shown here: cleaned HTML with its text, titles, polls and media. Pure."""

from __future__ import annotations

import html as entities
import mimetypes
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from microblog.domain.posts import primary_language
from microblog.domain.text import post_text
from microblog.federation import bounds, remote_html
from microblog.model.accounts import Account
from microblog.model.federation_posts import RemoteAttachment, RemoteHashtag, RemotePoll, RemotePost, RemoteQuote
from microblog.model.ids import PostId
from microblog.model.media import MediaKind
from microblog.model.polls import NO_END
from microblog.model.posts import Post, Visibility
from microblog.model.remote_posts import AttachmentToStore, PostPoll

QUOTE_CLASS = "quote-inline"
"""Class of the link to a quoted post, for servers that show no quotes."""
_REFERENCE = r'RE:\s*(?:<[^<>]*>\s*)*<a [^<>]*href="{}/'  # a link to a page of the quoted server
_A = re.compile(r'<a href="([^"]*)"([^>]*)>')
_NO_PAGE = re.compile(r'class="[^"]*\b(?:mention|hashtag|u-url)\b')
_KINDS = {"image": MediaKind.IMAGE, "video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}
_UNSPECIFIC = frozenset({"octet-stream", ""})
_NEVER_SHOWN = frozenset({"svg+xml", "tiff", "vnd.adobe.photoshop"})
_LINK = '<a href="{url}" rel="nofollow noopener" target="_blank">{label}</a>'


def compose(document: RemotePost, author: Account, visibility: Visibility, now: datetime) -> Post:
    """Return the post without its id and its place in a thread. It was published and edited now at the latest."""
    html = _html(document)
    html += _quoted(document.quote, html)
    created_at = bounds.past_date(document.published, now)
    spoiler = remote_html.summary_text(document.summary) if document.is_note else ""
    edited_at = bounds.past_date(document.updated, now) if document.updated else None
    return Post(
        id=PostId(0),
        author=author,
        text=remote_html.text_of(html),
        html=html,
        visibility=visibility,
        created_at=created_at,
        spoiler=spoiler,
        sensitive=document.sensitive or bool(spoiler),
        language=primary_language(document.language),
        edited_at=edited_at if edited_at is not None and edited_at > created_at else None,
        uri=document.id,
        url=document.url or None,
    )


def _html(document: RemotePost) -> str:
    title = remote_html.summary_text(document.title)
    heading = f"<p><strong>{entities.escape(title)}</strong></p>" if title else ""
    if document.is_note:
        return heading + remote_html.clean(document.content)
    summary = remote_html.summary_text(document.summary)
    page = entities.escape(document.url or document.id)
    paragraphs = (heading, f"<p>{entities.escape(summary)}</p>" if summary else "", f"<p>{_LINK.format(url=page, label=page)}</p>")
    return "".join(paragraphs)


def _quoted(quote: RemoteQuote | None, html: str) -> str:
    """Return a link to the quoted post, unless the text has one: quotes are shown as links."""
    if quote is None or not quote.id:
        return ""
    url = entities.escape(quote.id)
    if f'"{url}"' in html or QUOTE_CLASS in html or re.search(_REFERENCE.format(re.escape("/".join(url.split("/")[:3]))), html):
        return ""
    return f'<p class="{QUOTE_CLASS}">RE: {_LINK.format(url=url, label=url)}</p>'


def links(document: RemotePost, html: str) -> list[str]:
    """Return the pages that a post links to, those first that are meant for a preview; no accounts, hashtags or quotes."""
    found = [document.link, *(entities.unescape(link[1]) for link in _A.finditer(html) if not _NO_PAGE.search(link[2]))]
    quoted = document.quote.id if document.quote else ""
    return [link for link in found if link not in ("", quoted)]


def attachments(document: RemotePost, *, are_rejected: bool = False) -> list[AttachmentToStore]:
    """Return the media of a post, each with the kind that it seems to be: its file is looked at when somebody looks at it.

    `are_rejected`: media of its server are not shown, only linked to.
    """
    found = [(each, _kind(each)) for each in document.attachments]
    return [AttachmentToStore(each, kind or MediaKind.IMAGE, is_unknown=are_rejected or kind is None) for each, kind in found]


def _kind(attachment: RemoteAttachment) -> MediaKind | None:
    """Return the kind by the media type, the type, or the name of the file; None for what is certainly shown by no browser."""
    main, _, subtype = attachment.media_type.partition("/")
    if main and subtype not in _UNSPECIFIC:
        return _KINDS.get(main) if subtype not in _NEVER_SHOWN else None
    guessed = (mimetypes.guess_type(urlsplit(attachment.url).path)[0] or "").partition("/")[0]
    return _KINDS.get(attachment.type.lower()) or _KINDS.get(guessed) or MediaKind.IMAGE


def tags(hashtags: tuple[RemoteHashtag, ...]) -> tuple[tuple[str, str], ...]:
    """Return the valid hashtags as folded keys with their first spelling."""
    found: dict[str, str] = {}
    for each in hashtags:
        name = each.name.removeprefix("#")
        for tag in post_text.parse(f"#{name}", "").tags:
            if tag.name == name:
                found.setdefault(tag.key, tag.name)
    return tuple(found.items())


def poll(document: RemotePoll | None, now: datetime) -> PostPoll | None:
    """Return a poll with the votes that its server has counted. One without an end lasts for ever."""
    if document is None:
        return None
    end = document.ends_at or (now if document.closed else datetime(NO_END, 12, 31, tzinfo=UTC))
    counts = tuple(option.votes or 0 for option in document.options)
    voters = sum(counts) if document.voters is None else document.voters
    options = tuple(option.title for option in document.options)
    hidden = all(option.votes is None for option in document.options)
    end = min(end, now) if document.closed else end
    return PostPoll(options, counts, min(voters, bounds.MAX_COUNT), document.multiple, end, hidden and end > now)
