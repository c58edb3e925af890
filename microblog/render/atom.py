"""Feeds of posts: Atom (RFC 4287) and RSS 2.0."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime

import regex
from attrs import frozen
from markupsafe import Markup

from microblog.model.accounts import Account
from microblog.model.media import Media, MediaKind
from microblog.model.posts import Post
from microblog.render.emojis import in_html, in_text
from microblog.render.formatting import excerpt, iso, path
from microblog.render.local_links import html_by
from microblog.render.site_view import SiteView

RSS_TYPE = "application/rss+xml; charset=utf-8"
CONTENT_TYPE = "application/atom+xml; charset=utf-8"
_NOT_XML = regex.compile(r"[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def atom(account: Account, posts: Iterable[Post], site: SiteView) -> bytes:
    """Return the Atom feed of one account, well-formed for any text. `posts` are public, newest first; boosts are left out."""
    home = f"{site.url}/@{account.username}"
    own = [post for post in posts if post.boost is None]
    updated = max((post.edited_at or post.created_at for post in own), default=account.created_at)
    text = Markup(
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        "<title>{name} (@{user}@{host})</title><id>{home}</id><updated>{updated}</updated>"
        '<link rel="self" type="application/atom+xml" href="{home}/feed.atom"/><link rel="alternate" type="text/html" href="{home}"/>'
        "<author><name>{name}</name><uri>{home}</uri></author><generator>microblog</generator>{entries}</feed>\n"
    ).format(
        name=account.name,
        user=account.username,
        host=site.host,
        home=home,
        updated=iso(updated),
        entries=Markup("").join(_entry(post, home, site.url) for post in own),
    )
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text).encode("utf-8")


@frozen
class RssChannel:
    """Metadata of an RSS feed. `path` is that of the HTML page with the same posts, `image` that of an image."""

    title: str
    description: str
    path: str
    image: str = ""


def rss_of_account(account: Account, posts: Iterable[Post], site: SiteView) -> bytes:
    """Return the RSS 2.0 feed of one account. `posts` are public, newest first; boosts are left out."""
    title, name = f"{account.name} (@{account.username}@{site.host})", f"@{account.username}"
    own = [post for post in posts if post.boost is None]
    return _rss(RssChannel(title, f"Public posts from {name}@{site.host}", f"/{name}", account.avatar or ""), own, site)


def rss_of_tag(name: str, posts: Iterable[Post], site: SiteView) -> bytes:
    """Return the RSS 2.0 feed of a hashtag, well-formed for any name. `posts` are public, newest first."""
    valid = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", name)
    return _rss(RssChannel(f"#{valid}", f"Public posts tagged #{valid}", path(f"/tags/{valid}")), list(posts), site)


def _rss(channel: RssChannel, posts: list[Post], site: SiteView) -> bytes:
    address = site.url + channel.path
    image_html = Markup("<image><url>{}{}</url><title>{}</title><link>{}</link></image>").format(
        site.url, channel.image, channel.title, address
    )
    text = Markup(
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" '
        'xmlns:media="http://search.yahoo.com/mrss/"><channel><title>{title}</title><description>{description}</description>'
        '<link>{address}</link><atom:link rel="self" type="application/rss+xml" href="{address}.rss"/>{picture}'
        "<generator>microblog</generator>{items}</channel></rss>\n"
    ).format(
        title=channel.title,
        description=channel.description,
        address=address,
        picture=image_html if channel.image else "",
        items=Markup("").join(_item(post, site.url) for post in posts),
    )
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text).encode("utf-8")


def _item(post: Post, url: str) -> Markup:
    return Markup(
        '<item><guid isPermaLink="true">{address}</guid><link>{address}</link><pubDate>{published}</pubDate>'
        "<description>{html}</description>{media}{tags}</item>"
    ).format(
        address=f"{url}/@{post.author.username}/{post.id}",
        published=format_datetime(post.created_at.astimezone(UTC), usegmt=True),
        html=_content_html(post, url),
        media=Markup("").join(
            Markup('<media:content url="{}{}" type="{}"/>').format(url, media.path, _type(media)) for media in post.media
        ),
        tags=Markup("").join(Markup("<category>{}</category>").format(tag.name) for tag in post.tags),
    )


def _content_html(post: Post, url: str) -> str:
    html = in_html(html_by(post.html, post.author, url), post.emojis, url)
    return f"<p><strong>{in_text(post.spoiler, post.emojis, url)}</strong></p>{html}" if post.spoiler else html


def _entry(post: Post, home: str, url: str) -> Markup:
    address, changed = f"{home}/{post.id}", post.edited_at or post.created_at
    title = excerpt(post.spoiler or post.text, 80) or _date(post.created_at)
    return Markup(
        "<entry><title>{title}</title><id>{address}</id><published>{published}</published><updated>{updated}</updated>"
        '<link rel="alternate" type="text/html" href="{address}"/><content type="html"{language}>{html}</content>{media}{tags}</entry>'
    ).format(
        title=title,
        address=address,
        published=iso(post.created_at),
        updated=iso(changed),
        language=Markup(' xml:lang="{}"').format(post.language) if post.language else "",
        html=_content_html(post, url),
        media=Markup("").join(
            Markup('<link rel="enclosure" type="{}" href="{}{}"/>').format(_type(media), url, media.path) for media in post.media
        ),
        tags=Markup("").join(Markup('<category term="{}"/>').format(tag.name) for tag in post.tags),
    )


def _date(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _type(media: Media) -> str:
    """Return the media type of the file, as exactly as the kind of the attachment allows."""
    return {MediaKind.IMAGE: "image/*", MediaKind.AUDIO: "audio/mpeg"}.get(media.kind, "video/mp4")
