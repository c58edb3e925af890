"""Readers of what actors and posts have in common: pictures, tags, and audiences."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from microblog.federation.documents.json_values import (
    Document,
    items,
    links,
    media_type,
    moment,
    natural_text,
    objects,
    text,
    types,
    uri,
    uri_or_none,
    uris,
)
from microblog.federation.documents.vocabulary import PUBLIC_NAMES
from microblog.model.federation_posts import PUBLIC, Audience, RemoteEmoji, RemoteHashtag, RemoteImage, RemoteMention


def read_image(value: object) -> RemoteImage | None:
    """Return the first picture of a property: a URL, a Link, an Image, or a list of them."""
    return next(_images(value), None)


def _images(value: object) -> Iterator[RemoteImage]:
    for item in items(value):
        of: Document = item if isinstance(item, dict) else {}
        for link in links(of.get("url") or of.get("href") if of else item):
            yield RemoteImage(link.url, media_type(of) or link.media_type, description(of))


def description(of: Document) -> str:
    """Return the alternative text of a picture or attachment."""
    return natural_text(of, "summary") or natural_text(of, "name")


@frozen
class Tags:
    """The `tag` property of an actor or post, by type."""

    mentions: tuple[RemoteMention, ...]
    hashtags: tuple[RemoteHashtag, ...]
    emojis: tuple[RemoteEmoji, ...]


def read_tags(of: Document) -> Tags:
    """Return the mentions, hashtags and emoji of an actor or post, without duplicates."""
    tagged = [(types(tag), tag) for tag in objects(of.get("tag"))]
    mentions = (RemoteMention(uri(tag.get("href")), text(tag.get("name")).strip()) for kinds, tag in tagged if "Mention" in kinds)
    hashtags = (read_hashtag(tag) for kinds, tag in tagged if "Hashtag" in kinds)
    emojis = (_emoji(tag) for kinds, tag in tagged if "Emoji" in kinds)
    return Tags(
        tuple({mention.href: mention for mention in mentions if mention.href}.values()),
        tuple({tag.name: tag for tag in hashtags if tag}.values()),
        tuple({emoji.shortcode: emoji for emoji in emojis if emoji}.values()),
    )


def read_hashtag(tag: Document) -> RemoteHashtag | None:
    """Return a hashtag; its name may lack the `#`. None if it has no name."""
    name = natural_text(tag, "name").strip().lstrip("#＃")
    return RemoteHashtag(name, uri(tag.get("href"))) if name else None


def _emoji(tag: Document) -> RemoteEmoji | None:
    shortcode, image = text(tag.get("name")).strip().strip(":"), read_image(tag.get("icon"))
    if not shortcode or image is None:
        return None
    return RemoteEmoji(shortcode, image, uri_or_none(tag.get("id")), moment(tag.get("updated")))


def read_audience(of: Document) -> Audience:
    """Return the addressees in `to` and `cc`. `audience`, which Lemmy uses for the community, does not widen them."""
    return Audience(addressees(of.get("to")), addressees(of.get("cc")))


def addressees(value: object) -> tuple[str, ...]:
    """Return the URIs of accounts and collections, with everybody in its one spelling."""
    named = [PUBLIC if isinstance(item, str) and item in PUBLIC_NAMES else item for item in items(value)]
    found = (PUBLIC if one in PUBLIC_NAMES else one for one in uris(named))
    return tuple(dict.fromkeys(found))
