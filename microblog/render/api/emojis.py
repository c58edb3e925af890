"""API entity of a custom emoji."""

from __future__ import annotations

from microblog.model.emojis import Emoji
from microblog.render.api.definition import ABSENT, Definition, key, optional
from microblog.render.api.schemas import FLAG, TEXT, URL
from microblog.render.api.site import SiteUrls

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
