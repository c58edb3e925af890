"""API entity of a custom emoji."""

from __future__ import annotations

from microblog.model.emojis import Emoji
from microblog.render.api.definition import ABSENT, Definition, always, copy_of, key, optional
from microblog.render.api.schemas import FLAG, TEXT, URL
from microblog.render.api.site import SiteUrls

EMOJI = Definition[Emoji, SiteUrls](
    "CustomEmoji",
    {
        "shortcode": key(TEXT, lambda emoji, _: emoji.shortcode),
        "url": key(URL, lambda emoji, site: site.absolute(emoji.path)),
        "static_url": copy_of("url", URL),
        "visible_in_picker": always(FLAG, False),
        "category": optional(TEXT, lambda emoji, _: ABSENT),
    },
)
"""CustomEmoji, https://docs.joinmastodon.org/entities/CustomEmoji/."""
