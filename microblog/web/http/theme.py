"""The colour theme that a visitor chose, stored in a cookie."""

from __future__ import annotations

from microblog.web.http.request import Request

THEME = "theme"
"""Name of the cookie."""
THEMES = ("auto", "light", "dark")


def theme_of(request: Request) -> str:
    """The visitor's theme; `auto` follows the device."""
    theme = request.cookie(THEME)
    return theme if theme in THEMES else "auto"
