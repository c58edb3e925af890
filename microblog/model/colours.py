"""Colours in sRGB and their contrast."""

from __future__ import annotations

import re

from attrs import frozen

READABLE = 4.5
"""The least contrast of texts (WCAG 2.2, success criterion 1.4.3)."""
_HEX = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", re.IGNORECASE)


@frozen
class Colour:
    """A colour, with three channels from 0 to 255. Its text is like #14655a."""

    red: int
    green: int
    blue: int

    @classmethod
    def parse(cls, text: str) -> Colour:
        """Return the colour of a text like #14655a. Raises ValueError."""
        found = _HEX.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not a colour such as #14655a")
        return cls(*(int(channel, 16) for channel in found.groups()))

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def luminance(self) -> float:
        """Relative luminance, from 0 for black to 1 for white (WCAG 2.2)."""
        red, green, blue = (_linear(channel / 255) for channel in (self.red, self.green, self.blue))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((one.luminance, other.luminance))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """Return a colour with this share of the other one, from 0 to 1."""
    pairs = zip((one.red, one.green, one.blue), (other.red, other.green, other.blue), strict=True)
    return Colour(*(round(first + (second - first) * share) for first, second in pairs))
