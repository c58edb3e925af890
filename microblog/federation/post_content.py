"""Content of posts of other servers as it is shown here: cleaned HTML with its text, titles, polls, and links to their media. Pure."""

from __future__ import annotations

import html as entities
from datetime import UTC, datetime

from microblog.domain.posts import primary_language
from microblog.domain.text import post_text
from microblog.federation import bounds, remote_html
from microblog.model.accounts import Account
from microblog.model.federation_posts import RemoteAttachment, RemoteHashtag, RemotePoll, RemotePost
from microblog.model.ids import PostId
from microblog.model.posts import Post, Visibility
from microblog.model.remote_posts import NO_END, PostPoll

MEDIA_CLASS = "attachment-links"
"""Class of the paragraph with links to media. Cleaned HTML has no such class, so that the paragraph can be told from the post."""
_SIGNS = {"Video": "📹", "Audio": "🎵"}
_LINK = '<a href="{url}" rel="nofollow noopener" target="_blank">{label}</a>'
MAX_LABEL = 200


def compose(document: RemotePost, author: Account, visibility: Visibility, now: datetime) -> Post:
    """Return the post without its id and its place in a thread. It was published and edited now at the latest."""
    html, created_at = _html(document), bounds.past_date(document.published, now)
    spoiler = remote_html.summary_text(document.summary) if document.is_note else ""
    edited_at = bounds.past_date(document.updated, now) if document.updated else None
    return Post(
        id=PostId(0),
        author=author,
        text=remote_html.text_of(html),
        html=html + _media_links(document.attachments),
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


def _media_links(attachments: tuple[RemoteAttachment, ...]) -> str:
    """Return links to the media, which are not fetched, and so neither shown nor copied."""
    if not attachments:
        return ""
    return f'<p class="{MEDIA_CLASS}">{"<br>".join(map(_media_link, attachments))}</p>'


def _media_link(attachment: RemoteAttachment) -> str:
    sign = _SIGNS.get(_kind(attachment), "🖼")
    label = f"[{sign} {bounds.line(attachment.description, MAX_LABEL)}".rstrip() + "]"
    return _LINK.format(url=entities.escape(attachment.url), label=entities.escape(label))


def _kind(attachment: RemoteAttachment) -> str:
    return attachment.media_type.partition("/")[0].capitalize() if attachment.media_type else attachment.type


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
    return PostPoll(options, counts, min(voters, bounds.MAX_COUNT), document.multiple, min(end, now) if document.closed else end)
