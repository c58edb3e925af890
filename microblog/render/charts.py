"""Plots as SVG, drawn on the server: readable without scripts, in light and dark, by people who do not see them too. Pure.

The picture stretches to whatever width it gets, so it holds no letters: those of the axes stand beside it as text of the page. Colours are
classes (`c1` to `c4`), because they belong to the style sheet. Each column has a `title`, which browsers show under the pointer.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from attrs import field, frozen
from markupsafe import Markup

HEIGHT = 100
STEP = 10  # width of a column in the picture's own units
GAP = 1.6


class ChartKind(Enum):
    """How values are drawn: stacked on each other, or as lines of their own."""

    COLUMNS = "columns"
    LINES = "lines"


@frozen
class Series:
    """One measure over all columns. `colour` is c1 to c4."""

    name: str
    values: tuple[int, ...]
    colour: str = "c1"


@frozen
class Chart:
    """A plot. `name` is a word that no other chart of the page has; `columns` says in words what each column stands for.

    Of stacked series the first stands at the bottom.
    """

    name: str
    title: str
    description: str
    columns: tuple[str, ...]
    series: tuple[Series, ...]
    kind: ChartKind = ChartKind.COLUMNS
    top: int = field(init=False)

    @top.default
    def _top(self) -> int:
        if self.kind is ChartKind.LINES:
            return scale_top(max((value for series in self.series for value in series.values), default=0))
        return scale_top(max((sum(values) for values in zip(*(series.values for series in self.series), strict=True)), default=0))

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to see."""
        return not any(value for series in self.series for value in series.values)

    @property
    def ticks(self) -> tuple[int, int, int]:
        """What the lines across stand for, from the top down."""
        return self.top, self.top // 2, 0

    @property
    def edges(self) -> tuple[str, ...]:
        """What stands below the plot: the first, the middle and the last column."""
        count = len(self.columns)
        return tuple(self.columns[place] for place in dict.fromkeys((0, count // 2, count - 1))) if count else ()

    def rows(self) -> list[tuple[str, tuple[int, ...]]]:
        """The same as a table: each column's words with the values of all series, the newest first."""
        values = zip(*(series.values for series in self.series), strict=True)
        return list(zip(self.columns, values, strict=True))[::-1]


def scale_top(most: int) -> int:
    """The top of the scale: the least even, round number that is not below `most`, and at least 4."""
    size = 1
    while True:
        for digit in (4, 6, 8, 10, 20):
            if digit * size >= most:
                return digit * size
        size *= 10


def svg(chart: Chart) -> Markup:
    """The plot. Its title and description are read out; the numbers are for the table beside it."""
    width = max(len(chart.columns), 1) * STEP
    drawn = _lines(chart) if chart.kind is ChartKind.LINES else _columns(chart)
    return Markup(
        '<svg class="plot {kind}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" aria-labelledby="{name}-t {name}-d">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>'
        '<path class="grid" d="M0 .5H{width}M0 {middle}H{width}M0 {bottom}H{width}"/>{drawn}{hits}</svg>'
    ).format(
        kind=chart.kind.value,
        width=width,
        height=HEIGHT,
        middle=HEIGHT // 2,
        bottom=HEIGHT - 0.5,
        name=chart.name,
        title=chart.title,
        description=chart.description,
        drawn=drawn,
        hits=_hover_targets(chart),
    )


def meter(part: int, whole: int) -> Markup:
    """A bar as long as `part` is of `whole`. It says nothing to a screen reader: the number stands beside it."""
    length = 100 * part / whole if whole else 0
    return Markup(
        '<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="ground" width="100" height="6"/><rect class="c1" width="{}" height="6"/></svg>'
    ).format(_coordinate(length))


def _columns(chart: Chart) -> Markup:
    """One path for each series, its rectangles on top of those before it."""
    below = [0] * len(chart.columns)
    paths = []
    for series in chart.series:
        path = []
        for place, value in enumerate(series.values):
            if value:
                foot, tall = _coordinate(_y(chart, below[place])), _coordinate(HEIGHT * value / chart.top)
                path.append(f"M{_coordinate(place * STEP + GAP)} {foot}v-{tall}h{_coordinate(STEP - 2 * GAP)}V{foot}z")
            below[place] += value
        paths.append(Markup('<path class="{}" d="{}"/>').format(series.colour, "".join(path)))
    return Markup("").join(paths)


def _lines(chart: Chart) -> Markup:
    """A line for each series through the middles of the columns, and below the first one a surface."""
    drawn = []
    for number, series in enumerate(chart.series):
        levels = [_coordinate(_y(chart, value)) for value in series.values]
        points = [f"{_coordinate((place + 0.5) * STEP)} {level}" for place, level in enumerate(levels)]
        if len(points) == 1:  # a line needs two ends
            points = [f"0 {levels[0]}", f"{STEP} {levels[0]}"]
        if points and number == 0:
            begin = points[0].split()[0]
            drawn.append(Markup('<path class="under {}" d="M{}V{}H{}z"/>').format(series.colour, "L".join(points), HEIGHT, begin))
        if points:
            drawn.append(Markup('<path class="line {}" d="M{}"/>').format(series.colour, "L".join(points)))
    return Markup("").join(drawn)


def _y(chart: Chart, value: int) -> float:
    return HEIGHT - HEIGHT * value / chart.top


def _hover_targets(chart: Chart) -> Markup:
    """What answers to the pointer: a column from top to bottom that says its numbers."""
    return Markup("").join(
        Markup('<rect class="hit" x="{}" width="{}" height="{}"><title>{}</title></rect>').format(
            place * STEP, STEP, HEIGHT, _hover_text(column, [(series.name, series.values[place]) for series in chart.series])
        )
        for place, column in enumerate(chart.columns)
    )


def _hover_text(column: str, values: Sequence[tuple[str, int]]) -> str:
    return f"{column}: " + ", ".join(f"{value:,} {name.lower()}" for name, value in values)


def _coordinate(number: float) -> str:
    """A coordinate to a tenth, which is less than a pixel."""
    return f"{number:.1f}".rstrip("0").rstrip(".")
