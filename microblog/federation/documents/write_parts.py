"""Writers of what actors, posts and activities have in common: times, pictures and addressees."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.model.emojis import Emoji
from microblog.model.federation_posts import PUBLIC, Audience
from microblog.model.media import MEDIA_TYPES
from microblog.model.posts import Visibility

Json = dict[str, Any]


def moment(at: datetime) -> str:
    """Format a time in UTC, with milliseconds if there are any."""
    utc = at.astimezone(UTC)
    precision = "milliseconds" if utc.microsecond >= 1_000 else "seconds"
    return utc.isoformat(timespec=precision)[:-6] + "Z"


def media_type(path: str) -> str:
    """Return the media type of one of this site's files."""
    return MEDIA_TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")


def image(path: str, ids: SiteIds, description: str = "") -> Json:
    """Return a picture of this site."""
    named = {"summary": description} if description else {}
    return {"type": "Image", "mediaType": media_type(path), "url": ids.absolute(path), **named}


def emoji_tag(emoji: Emoji, ids: SiteIds) -> Json:
    """Return one of this site's custom emoji, which is also what its id leads to."""
    updated = {"updated": moment(emoji.updated_at)} if emoji.updated_at else {}
    id, icon = ids.make(LocalKind.EMOJI, number=emoji.id), image(emoji.path, ids)
    return {"id": id, "type": "Emoji", "name": f":{emoji.shortcode}:", **updated, "icon": icon}


def collection(id: str, total: int) -> Json:
    """Return a collection of which only the number of items is told."""
    return {"id": id, "type": "Collection", "totalItems": total}


def audience_of(visibility: Visibility, followers: str, mentioned: Iterable[str]) -> Audience:
    """Return the audience of a post or boost with this visibility. `followers` is the followers collection of its author."""
    named = tuple(dict.fromkeys(mentioned))
    match visibility:
        case Visibility.PUBLIC:
            return Audience((PUBLIC,), (followers, *named))
        case Visibility.UNLISTED:
            return Audience((followers,), (PUBLIC, *named))
        case Visibility.PRIVATE:
            return Audience((followers,), named)
        case Visibility.DIRECT:
            return Audience(named, ())


def addressed(audience: Audience) -> Json:
    """Return the properties that name an audience."""
    return {"to": list(audience.to), "cc": list(audience.cc)}
