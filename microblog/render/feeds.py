"""Somebody's posts as an Atom feed (RFC 4287)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import regex
from markupsafe import Markup, escape

from microblog.model.accounts import Account
from microblog.model.media import Media, MediaKind
from microblog.model.posts import Post
from microblog.render.own_links import own_links
from microblog.render.views import Site
from microblog.render.words import excerpt, iso

CONTENT_TYPE = "application/atom+xml; charset=utf-8"
_NOT_XML = regex.compile(r"[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def atom(account: Account, posts: Iterable[Post], site: Site) -> bytes:
    """The feed of one account. `posts` are public, newest first; boosts are left out. Well-formed whatever the texts hold."""
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


def _entry(post: Post, home: str, url: str) -> Markup:
    address, changed = f"{home}/{post.id}", post.edited_at or post.created_at
    said = own_links(post.html, url)
    html = f"<p><strong>{escape(post.spoiler)}</strong></p>{said}" if post.spoiler else said
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
        html=str(html),
        media=Markup("").join(
            Markup('<link rel="enclosure" type="{}" href="{}{}"/>').format(_type(piece), url, piece.path) for piece in post.media
        ),
        tags=Markup("").join(Markup('<category term="{}"/>').format(tag.name) for tag in post.tags),
    )


def _date(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _type(piece: Media) -> str:
    """What kind of file it is, as exactly as the kind tells."""
    return {MediaKind.IMAGE: "image/*", MediaKind.AUDIO: "audio/mpeg"}.get(piece.kind, "video/mp4")
