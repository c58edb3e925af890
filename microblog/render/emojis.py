"""Custom emoji in texts: `:shortcode:` becomes a picture, for the emoji of a post or account only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from markupsafe import Markup, escape

from microblog.model.accounts import Account
from microblog.model.emojis import Emoji, pattern_of

_TOKEN = re.compile(r"<[^>]*>|[^<]+")


def in_html(html: str, emojis: Sequence[Emoji], site: str = "") -> str:
    """Return clean HTML with pictures for these emoji in its text, not within tags. `site`: URL of the site, for use elsewhere."""
    if not emojis or ":" not in html:
        return html
    pattern, pictures = _replacements(tuple(emojis), site)

    def replaced(token: re.Match[str]) -> str:
        return token[0] if token[0].startswith("<") else pattern.sub(lambda found: pictures[found[1]], token[0])

    return _TOKEN.sub(replaced, html)


def in_text(text: str, emojis: Sequence[Emoji], site: str = "") -> Markup:
    """Return plain text as HTML, with pictures for these emoji."""
    return Markup(in_html(str(escape(text)), emojis, site))  # noqa: S704 - the text is escaped, and in_html escapes what it adds


def name_html(account: Account) -> Markup:
    """Return the name of an account as HTML, with its emoji."""
    return in_text(account.name, account.emojis)


def picture_html(emoji: Emoji) -> Markup:
    """Return the picture of an emoji as HTML for templates."""
    return Markup(_picture(emoji, ""))  # noqa: S704 - _picture escapes names and addresses


@lru_cache(maxsize=2_000)
def _replacements(emojis: tuple[Emoji, ...], site: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern of the emoji in escaped text, and the picture of each. All are of the same server."""
    pictures = {str(escape(each.shortcode)): _picture(each, site) for each in emojis}
    if emojis[0].files is not None:
        return pattern_of(*pictures), pictures
    return re.compile(":(" + "|".join(map(re.escape, pictures)) + "):"), pictures


def _picture(emoji: Emoji, site: str) -> str:
    """Return the picture of an emoji as HTML. Browsers that are to reduce motion show the first frame of an animation of this site."""
    code = escape(f":{emoji.shortcode}:")
    image = (
        f'<img class="emoji" src="{site}{emoji.path}" alt="{code}" title="{code}" width="20" height="20" loading="lazy" decoding="async">'
    )
    if emoji.files is None or not emoji.files.original.endswith(".gif"):
        return image
    return f'<picture><source media="(prefers-reduced-motion: reduce)" srcset="{site}{emoji.still_path}">{image}</picture>'
