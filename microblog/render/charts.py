"""Charts as SVG, drawn on the server: usable without scripts, in light and dark themes, and with a screen reader. Pure.

The image stretches to the available width, which would distort text: the page shows the labels of the axes beside it. Colours are classes
(`c1` to `c4`) of the style sheet. Each column has a `title`, which browsers show as a tooltip.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from attrs import field, frozen
from markupsafe import Markup

HEIGHT = 100
STEP = 10  # width of a column in SVG units
GAP = 1.6


class ChartKind(Enum):
    """Chart type: stacked columns, or one line per series."""

    COLUMNS = "columns"
    LINES = "lines"


@frozen
class Series:
    """The values of one measure, one per column. `colour` is c1 to c4."""

    name: str
    values: tuple[int, ...]
    colour: str = "c1"


@frozen
class Chart:
    """A chart. `name` is unique on the page; `columns` are the labels of the columns.

    The first of stacked series is at the bottom.
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
        """True if all values are 0."""
        return not any(value for series in self.series for value in series.values)

    @property
    def ticks(self) -> tuple[int, int, int]:
        """Values of the horizontal grid lines, from the top down."""
        return self.top, self.top // 2, 0

    @property
    def edges(self) -> tuple[str, ...]:
        """Labels below the chart: the first, the middle and the last column."""
        count = len(self.columns)
        return tuple(self.columns[place] for place in dict.fromkeys((0, count // 2, count - 1))) if count else ()

    def rows(self) -> list[tuple[str, tuple[int, ...]]]:
        """Return the chart as a table: each column's label with the values of all series, newest first."""
        values = zip(*(series.values for series in self.series), strict=True)
        return list(zip(self.columns, values, strict=True))[::-1]


def scale_top(most: int) -> int:
    """Return the maximum of the scale: the smallest round, even number that is at least `most`, and at least 4."""
    size = 1
    while True:
        for digit in (4, 6, 8, 10, 20):
            if digit * size >= most:
                return digit * size
        size *= 10


def svg(chart: Chart) -> Markup:
    """Return the chart as SVG. Screen readers read its title and description; the table beside it has the numbers."""
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
    """Return a bar of the length `part` / `whole`. It is hidden from screen readers, because the number is beside it."""
    length = 100 * part / whole if whole else 0
    return Markup(
        '<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="ground" width="100" height="6"/><rect class="c1" width="{}" height="6"/></svg>'
    ).format(_coordinate(length))


def _columns(chart: Chart) -> Markup:
    """Draw one path per series, its rectangles stacked on those of the series before it."""
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
    """Draw a line per series through the centres of the columns, and fill the area under the first one."""
    drawn = []
    for number, series in enumerate(chart.series):
        levels = [_coordinate(_y(chart, value)) for value in series.values]
        points = [f"{_coordinate((place + 0.5) * STEP)} {level}" for place, level in enumerate(levels)]
        if len(points) == 1:  # a line needs two points
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
    """Draw an invisible full-height rectangle per column, with its values as a tooltip."""
    return Markup("").join(
        Markup('<rect class="hit" x="{}" width="{}" height="{}"><title>{}</title></rect>').format(
            place * STEP, STEP, HEIGHT, _hover_text(column, [(series.name, series.values[place]) for series in chart.series])
        )
        for place, column in enumerate(chart.columns)
    )


def _hover_text(column: str, values: Sequence[tuple[str, int]]) -> str:
    return f"{column}: " + ", ".join(f"{value:,} {name.lower()}" for name, value in values)


def _coordinate(number: float) -> str:
    """Format a coordinate to a tenth of a unit, which is less than a pixel."""
    return f"{number:.1f}".rstrip("0").rstrip(".")
