"""API entities of custom emoji."""

from __future__ import annotations

from microblog.model.emojis import CustomEmoji, Emoji
from microblog.model.media import MEDIA_TYPES
from microblog.render.api.definition import ABSENT, Definition, key, optional
from microblog.render.api.schemas import FLAG, ID, MOMENT, TEXT, URL, WHOLE, record
from microblog.render.api.site import SiteUrls, moment

EMOJI = Definition[Emoji, SiteUrls](
    "CustomEmoji",
    {
        "shortcode": key(TEXT, lambda emoji, _: emoji.shortcode),
        "url": key(URL, lambda emoji, site: site.absolute(emoji.path)),
        "static_url": key(URL, lambda emoji, site: site.absolute(emoji.still_path)),
        "visible_in_picker": key(FLAG, lambda emoji, _: emoji.is_listed),
        "category": optional(TEXT, lambda emoji, _: emoji.category or ABSENT),
    },
)
"""CustomEmoji, https://docs.joinmastodon.org/entities/CustomEmoji/."""

ADMIN_EMOJI = Definition[CustomEmoji, SiteUrls](
    "AdminEmoji",
    {
        "id": key(ID, lambda it, _: str(it.emoji.id)),
        "disabled": key(FLAG, lambda it, _: it.disabled_at is not None),
        "domain": optional(TEXT, lambda it, _: it.host or ABSENT),
        "updated_at": key(MOMENT, lambda it, _: moment(it.emoji.updated_at or it.created_at)),
        "total_file_size": key(WHOLE, lambda it, _: it.bytes),
        "content_type": key(TEXT, lambda it, _: _content_type(it)),
        "uri": key(URL, lambda it, site: it.url or site.absolute(f"/emojis/{it.emoji.id}")),
    },
    base=(EMOJI, lambda it, _: it.emoji),
)
"""AdminEmoji of GoToSocial, https://docs.gotosocial.org/en/latest/api/swagger/. `uri` of another server's is the address of its picture."""

EMOJI_CATEGORY = record({"id": TEXT, "name": TEXT})


def _content_type(emoji: CustomEmoji) -> str:
    """Return the media type of the picture, as far as its name tells."""
    name = emoji.emoji.path if emoji.host is None else (emoji.url or "")
    return MEDIA_TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")
