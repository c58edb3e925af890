"""Custom emoji in texts: `:shortcode:` becomes a picture, for the emoji that a post or account has declared only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from markupsafe import Markup, escape

from microblog.model.accounts import Account
from microblog.model.emojis import Emoji

_TOKEN = re.compile(r"<[^>]*>|[^<]+")


def in_html(html: str, emojis: Sequence[Emoji]) -> str:
    """Return clean HTML with pictures for these emoji in its text, not within tags."""
    if not emojis or ":" not in html:
        return html
    pattern, pictures = _replacements(tuple(emojis))

    def replaced(token: re.Match[str]) -> str:
        return token[0] if token[0].startswith("<") else pattern.sub(lambda found: pictures[found[1]], token[0])

    return _TOKEN.sub(replaced, html)


def in_text(text: str, emojis: Sequence[Emoji]) -> Markup:
    """Return plain text as HTML, with pictures for these emoji."""
    return Markup(in_html(str(escape(text)), emojis))  # noqa: S704 - escaped here


def name_html(account: Account) -> Markup:
    """Return the name of an account as HTML, with its emoji."""
    return in_text(account.name, account.emojis)


@lru_cache(maxsize=2_000)
def _replacements(emojis: tuple[Emoji, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern of the emoji in escaped text, and the picture of each."""
    pictures = {str(escape(each.shortcode)): _picture(each) for each in emojis}
    return re.compile(":(" + "|".join(map(re.escape, pictures)) + "):"), pictures


def _picture(emoji: Emoji) -> str:
    code = escape(f":{emoji.shortcode}:")
    return f'<img class="emoji" src="{emoji.path}" alt="{code}" title="{code}" width="20" height="20" loading="lazy" decoding="async">'
