"""The properties that custom CSS may set, and the values that suit each."""

from __future__ import annotations

from attrs import frozen

Bounds = tuple[float, float]
NONE: Bounds = (1, -1)


PIXELS = {"px": 1.0, "pt": 4 / 3, "rem": 16.0, "em": 16.0, "ch": 8.0}
"""The accepted units of lengths, with about as many pixels as they have in texts of the usual size."""
_FIXED = ("px", "pt")
_OF_FONTS = (*_FIXED, "rem")


@frozen
class Allowed:
    """Bounds of the lengths (in pixels), percentages and numbers in a value, and what else it may have.

    Colours and keywords may be in every value, except MULTIPLYING_WORDS. `strings`: also texts in quotes. Sizes of fonts have no units that
    multiply from element to element, and what is drawn outside of an element has none that grow with its font.
    """

    pixels: Bounds = (0, 0)
    percent: Bounds = NONE
    number: Bounds = NONE
    strings: bool = False
    gradients: bool = False
    units: tuple[str, ...] = tuple(PIXELS)

    def fits(self, other: Allowed) -> bool:
        """Return True if all that this one accepts is accepted by the other one."""
        pairs = (self.pixels, other.pixels), (self.percent, other.percent), (self.number, other.number)
        within = all(mine == NONE or theirs[0] <= mine[0] <= mine[1] <= theirs[1] for mine, theirs in pairs)
        has_lengths = self.pixels != (0, 0)
        units = set(self.units) <= set(other.units) or not has_lengths
        return within and units and self.strings <= other.strings and self.gradients <= other.gradients


MULTIPLYING_WORDS = frozenset({"larger", "smaller"})
"""Sizes of fonts that multiply from element to element: never accepted."""
ANGLES = frozenset({"deg", "grad", "rad", "turn"})
COLOUR_FUNCTIONS = frozenset(
    {"rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch", "color", "color-mix", "light-dark"},
)
GRADIENT_FUNCTIONS = frozenset(
    {f"{prefix}{shape}-gradient" for prefix in ("", "repeating-") for shape in ("linear", "radial", "conic")},
)
COLOUR_PARTS = Allowed(percent=(-1_000, 1_000), number=(-1_000, 1_000))
GRADIENT_PARTS = Allowed(pixels=(0, 2_000), percent=(-100, 200))

_COLOUR, _WORDS, _FONTS = Allowed(), Allowed(), Allowed(strings=True)
_SPACE, _LINE, _OUTER = Allowed(pixels=(0, 64)), Allowed(pixels=(0, 12), units=_FIXED), Allowed(pixels=(-40, 40), units=_FIXED)
_FONT_SIZE = Allowed(pixels=(10, 64), units=_OF_FONTS)
_GROUND = Allowed(pixels=(0, 2_000), percent=(0, 100), gradients=True)
_ROUND = Allowed(pixels=(0, 2_000), percent=(0, 100))
_SIDES = ("top", "right", "bottom", "left", "block", "inline", "block-start", "block-end", "inline-start", "inline-end")
_CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right", "start-start", "start-end", "end-start", "end-end")

PROPERTIES: dict[str, Allowed] = {
    **dict.fromkeys(("color", "background-color", "border-color", "outline-color", "text-decoration-color"), _COLOUR),
    **dict.fromkeys(("caret-color", "accent-color", "scrollbar-color", "fill", "stroke", "color-scheme"), _COLOUR),
    **dict.fromkeys(("background", "background-image", "background-position", "background-size"), _GROUND),
    **dict.fromkeys(("background-repeat", "background-clip", "background-origin"), _WORDS),
    "font-family": _FONTS,
    "font-size": _FONT_SIZE,
    "font-weight": Allowed(number=(1, 1_000)),
    **dict.fromkeys(("font-style", "font-stretch", "font-variant", "font-variant-caps", "font-variant-numeric", "font-kerning"), _WORDS),
    "line-height": Allowed(pixels=(14, 100), percent=(100, 300), number=(1, 3)),
    **dict.fromkeys(("letter-spacing", "word-spacing"), Allowed(pixels=(-1, 16))),
    **dict.fromkeys(("text-align", "text-transform", "text-wrap", "text-decoration-line", "text-decoration-style", "hyphens"), _WORDS),
    **dict.fromkeys(("text-decoration", "text-decoration-thickness", "text-underline-offset"), Allowed(pixels=(0, 8), percent=(0, 50))),
    "list-style-type": _WORDS,
    **dict.fromkeys(("border", "border-width", "outline", "outline-width", "outline-offset"), _LINE),
    **dict.fromkeys(("border-style", "outline-style"), _WORDS),
    **dict.fromkeys([f"border-{side}" for side in _SIDES], _LINE),
    **dict.fromkeys([f"border-{side}-width" for side in _SIDES], _LINE),
    **dict.fromkeys([f"border-{side}-{part}" for side in _SIDES for part in ("color", "style")], _COLOUR),
    **dict.fromkeys(["border-radius", *(f"border-{corner}-radius" for corner in _CORNERS)], _ROUND),
    **dict.fromkeys(("box-shadow", "text-shadow"), _OUTER),
    **dict.fromkeys(["padding", "margin", *(f"{space}-{side}" for space in ("padding", "margin") for side in _SIDES)], _SPACE),
    **dict.fromkeys(("gap", "row-gap", "column-gap"), _SPACE),
    "max-width": Allowed(pixels=(320, 2_400), percent=(50, 100)),
    # Variables of the style sheet of all sites.
    **dict.fromkeys(("--paper", "--sheet", "--sunken", "--hover", "--line", "--edge", "--ink", "--soft", "--heart", "--mark"), _COLOUR),
    **dict.fromkeys(("--accent", "--accent-strong", "--on-accent", "--accent-tint"), _COLOUR),
    **dict.fromkeys(("--danger", "--danger-tint", "--on-danger"), _COLOUR),
    "--shadow": _OUTER,
    **dict.fromkeys(("--sans", "--serif", "--mono"), _FONTS),
    **dict.fromkeys(("--tiny", "--small", "--body", "--large", "--title", "--display"), _FONT_SIZE),
    **dict.fromkeys(("--gap", "--inset"), _SPACE),
    "--round": _ROUND,
    "--column": Allowed(pixels=(320, 1_200)),
}
