"""Accent colours of the site: the style sheet with all the colours that follow from those chosen by administrators. Pure."""

from __future__ import annotations

from microblog.model.colours import Colour, contrast, mixed
from microblog.model.site_settings import DARK_SHEET, DEFAULT_ACCENT_DARK, DEFAULT_ACCENT_LIGHT, LIGHT_SHEET, TINT

BLACK, WHITE = Colour(0, 0, 0), Colour(255, 255, 255)


def accent_css(light: str, dark: str) -> str:
    """Return the style sheet for these accents, each like #14655a or empty for the default one; empty if both are."""
    if not light and not dark:
        return ""
    day, night = Colour.parse(light or DEFAULT_ACCENT_LIGHT), Colour.parse(dark or DEFAULT_ACCENT_DARK)
    pairs = {
        "--accent": (day, night),
        "--accent-strong": (mixed(day, BLACK, 0.25), mixed(night, WHITE, 0.3)),
        "--on-accent": (_on(day), _on(night)),
        "--accent-tint": (mixed(LIGHT_SHEET, day, TINT), mixed(DARK_SHEET, night, TINT)),
    }
    variables = "".join(f"  {name}: light-dark({by_day}, {by_night});\n" for name, (by_day, by_night) in pairs.items())
    deep = mixed(day, BLACK, 0.3)
    return (
        f":root {{\n{variables}}}\n"
        f".mark-ground {{ fill: {day}; }}\n"
        f".hero {{ background: linear-gradient(150deg, {deep}, {day}); }}\n"
        f".hero p {{ color: inherit; }}\n"
        f".hero .button {{ color: {deep}; }}\n"
    )


def _on(accent: Colour) -> Colour:
    """Return the colour of texts on the accent: black or white, which of them can be read better."""
    return max(BLACK, WHITE, key=lambda colour: contrast(colour, accent))
