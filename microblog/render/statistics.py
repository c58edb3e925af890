"""Statistics as view models of the pages, and as JSON and CSV files. Pure."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from io import StringIO
from typing import Any

from attrs import field, frozen
from markupsafe import Markup

from microblog.model.federation_statistics import FederationFigures
from microblog.model.ids import PostId
from microblog.model.statistics import Day, Measure, Period, PostScore, TagScore, Unit
from microblog.render.charts import Chart, ChartKind, Series, meter, svg

LABELS = {
    Measure.NEW_ACCOUNTS: "New accounts",
    Measure.ACTIVE: "Active accounts",
    Measure.POSTED: "Accounts that posted",
    Measure.VISITED: "Accounts that were logged in",
    Measure.POSTS: "Posts",
    Measure.REPLIES: "Replies",
    Measure.BOOSTS: "Boosts",
    Measure.FAVOURITES: "Favourites",
    Measure.FOLLOWS: "Follows",
    Measure.MAILS_SENT: "E-mails sent",
    Measure.MAILS_FAILED: "E-mails failed",
    Measure.LIVE_PEAK: "Peak live connections",
    Measure.TOP_TAGS: "Hashtags",
    Measure.TOP_POSTS: "Posts with interactions",
}
PUBLIC = tuple(measure for measure in Measure if measure not in (Measure.POSTED, Measure.VISITED, Measure.MAILS_SENT, Measure.MAILS_FAILED))
"""The public measures; the others are for administrators."""

TILES = (Measure.POSTS, Measure.ACTIVE, Measure.NEW_ACCOUNTS, Measure.FAVOURITES, Measure.BOOSTS, Measure.FOLLOWS)
UNITS = {Unit.DAY: ("30 days", "day"), Unit.WEEK: ("26 weeks", "week"), Unit.MONTH: ("24 months", "month")}
COUNTS = {Unit.DAY: 30, Unit.WEEK: 26, Unit.MONTH: 24}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@frozen
class Tile:
    """The total of a measure for the selected period, and for the period before it."""

    label: str
    value: int
    before: int
    peak: bool = False

    @property
    def change(self) -> str:
        """The change in percent; empty if there is nothing to compare with."""
        if not self.before:
            return ""
        percent = round(100 * (self.value - self.before) / self.before)
        if percent == 0:
            return "No change"
        return f"+{percent}%" if percent > 0 else f"−{-percent}%"

    @property
    def way(self) -> str:
        """Direction of the change: up, down or level."""
        return "up" if self.value > self.before else "down" if self.value < self.before else "level"


@frozen
class TagRow:
    """A hashtag with its usage; `meter` is a bar beside it."""

    key: str
    name: str
    people: int
    posts: int
    meter: Markup


@frozen
class StatisticsView:
    """The statistics page. `articles` are the most favourited and boosted posts; `charts` come with their SVG.

    `zones` are the time zones to choose from: (URL, name, selected). `federation` is for administrators.
    """

    unit: Unit
    first: date
    last: date
    zone: str
    path: str
    tiles: tuple[Tile, ...] = ()
    charts: tuple[tuple[Chart, Markup], ...] = ()
    tags: tuple[TagRow, ...] = ()
    articles: tuple[str, ...] = ()
    zones: tuple[tuple[str, str, bool], ...] = ()
    today: tuple[Tile, ...] = ()
    admin: bool = False
    federation: FederationFigures | None = None
    units: Mapping[Unit, tuple[str, str]] = field(factory=lambda: UNITS)

    @property
    def title(self) -> str:
        """The heading of the page."""
        return "Administration" if self.admin else "Statistics"

    @property
    def query(self) -> str:
        """The query string of the links to the files."""
        return f"zone={'utc' if self.zone == 'UTC' else 'site'}&from={self.first}&to={self.last}"


def column_label(begin: date, unit: Unit) -> str:
    """Return the label of a column: 5 Mar, or Mar 2026."""
    return f"{begin:%b %Y}" if unit is Unit.MONTH else f"{begin.day} {begin:%b}"


def tiles(now: Sequence[Period], before: Sequence[Period]) -> tuple[Tile, ...]:
    """Return the totals of all periods together, compared with those before."""
    whole, earlier = _merge(now), _merge(before)
    return tuple(
        Tile("Active accounts (peak)" if measure is Measure.ACTIVE else LABELS[measure], whole[measure], earlier[measure])
        for measure in TILES
    )


def today(day: Day) -> tuple[Tile, ...]:
    """Return the values since midnight."""
    return tuple(Tile(LABELS[measure], day[measure], 0) for measure in Measure if measure not in (Measure.TOP_TAGS, Measure.TOP_POSTS))


@frozen
class _Plot:
    """Definition of a chart.

    `{each}` in a description is the unit (day, week or month). `busiest` is the description for weeks and months whose value is the maximum
    of their days.
    """

    name: str
    title: str
    description: str
    measures: Mapping[Measure, str]
    kind: ChartKind = ChartKind.COLUMNS
    busiest: str = ""


_PUBLIC_PLOTS = (
    _Plot("posts", "Posts", "Posts and replies per {each}", {Measure.POSTS: "c1", Measure.REPLIES: "c2"}),
    _Plot(
        "people",
        "Active accounts",
        "Accounts that posted or were logged in",
        {Measure.ACTIVE: "c1"},
        ChartKind.LINES,
        "Accounts that posted or were logged in, on the busiest day of each {each}",
    ),
    _Plot("accounts", "New accounts", "Sign-ups per {each}", {Measure.NEW_ACCOUNTS: "c3"}),
    _Plot("marks", "Favourites and boosts", "Favourites and boosts per {each}", {Measure.FAVOURITES: "c4", Measure.BOOSTS: "c1"}),
    _Plot("follows", "Follows", "New follows per {each}", {Measure.FOLLOWS: "c3"}),
    _Plot(
        "live",
        "Live connections",
        "Pages and apps connected at the same time",
        {Measure.LIVE_PEAK: "c2"},
        ChartKind.LINES,
        "Pages and apps connected at the same time, on the busiest day of each {each}",
    ),
)
_ADMIN_PLOTS = (
    _Plot("mails", "E-mail", "E-mails per {each}", {Measure.MAILS_SENT: "c1", Measure.MAILS_FAILED: "c4"}),
    _Plot(
        "presence",
        "Logged in and posting",
        "Accounts that were logged in and accounts that posted",
        {Measure.VISITED: "c2", Measure.POSTED: "c1"},
        ChartKind.LINES,
        "Accounts that were logged in and accounts that posted, on the busiest day of each {each}",
    ),
    _Plot("tags", "Hashtags", "Distinct hashtags in public posts per day, summed per {each}", {Measure.TOP_TAGS: "c3"}),
)


def charts(found: Sequence[Period], unit: Unit, *, admin: bool) -> tuple[tuple[Chart, Markup], ...]:
    """Return all charts with their SVG."""
    each = UNITS[unit][1]
    columns = tuple(column_label(period.begin, unit) for period in found)
    drawn = [
        Chart(plot.name, plot.title, _description(plot, unit).format(each=each), columns, _series(plot, found), plot.kind)
        for plot in (*_PUBLIC_PLOTS, *(_ADMIN_PLOTS if admin else ()))
    ]
    return tuple((chart, svg(chart)) for chart in drawn)


def _description(plot: _Plot, unit: Unit) -> str:
    return plot.description if unit is Unit.DAY else plot.busiest or plot.description


def _series(plot: _Plot, found: Sequence[Period]) -> tuple[Series, ...]:
    """Return the series of a chart. Posts include replies, so replies are subtracted before the two are stacked."""
    values = {measure: tuple(period[measure] for period in found) for measure in plot.measures}
    if Measure.REPLIES in values:
        values[Measure.POSTS] = tuple(
            posts - replies for posts, replies in zip(values[Measure.POSTS], values[Measure.REPLIES], strict=True)
        )
    return tuple(Series(LABELS[measure], values[measure], colour) for measure, colour in plot.measures.items())


def tag_rows(scores: Iterable[TagScore], names: Mapping[str, str], limit: int = 10) -> tuple[TagRow, ...]:
    """Return the first tags that are in `names`, which maps the tags that may be shown to their names."""
    shown = [score for score in scores if score.key in names][:limit]
    most = max((score.people for score in shown), default=0)
    return tuple(TagRow(score.key, names[score.key], score.people, score.posts, meter(score.people, most)) for score in shown)


def _merge(found: Sequence[Period]) -> Period:
    return Period(date.min, tuple(day for period in found for day in period.days))


def measures(*, admin: bool) -> tuple[Measure, ...]:
    """Return the measures that a file has columns for."""
    return tuple(Measure) if admin else PUBLIC


def statistics_json(days: Sequence[Day], zone: str, names: Mapping[str, str], posts: Collection[PostId], *, admin: bool) -> dict[str, Any]:
    """Return the statistics as a JSON object. It includes only tags in `names` and posts in `posts`, which are those that may be shown."""
    numbers = [measure for measure in measures(admin=admin) if measure not in (Measure.TOP_TAGS, Measure.TOP_POSTS)]
    return {
        "zone": zone,
        "measures": {measure.value: LABELS[measure] for measure in numbers},
        "days": [
            {
                "day": day.day.isoformat(),
                **{measure.value: day[measure] for measure in numbers},
                "top_tags": [{"name": names[tag.key], "people": tag.people, "posts": tag.posts} for tag in day.tags if tag.key in names],
                "top_posts": [_post_score(score) for score in day.posts if score.post in posts],
            }
            for day in days
        ],
    }


def _post_score(score: PostScore) -> dict[str, object]:
    return {"id": str(score.post), "favourites": score.favourites, "boosts": score.boosts}


def statistics_csv(days: Sequence[Day], zone: str, names: Mapping[str, str], *, admin: bool) -> bytes:
    """Return the statistics as CSV (RFC 4180) with a row per day. No cell can be taken for a formula."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    shown = measures(admin=admin)
    writer.writerow(["day", "zone", *map(str, shown), "tags_by_people"])
    for day in days:
        tags = " ".join(f"#{names[tag.key]}" for tag in day.tags if tag.key in names)
        writer.writerow([day.day.isoformat(), csv_cell(zone), *(day[measure] for measure in shown), csv_cell(tags)])
    return text.getvalue().encode("utf-8", "replace")


def csv_cell(text: str) -> str:
    """Escape the text, so that no spreadsheet takes it for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def preceding_range(first: date, last: date) -> tuple[date, date]:
    """Return the first and last day of the period of the same length right before this one."""
    return first - (last - first) - timedelta(days=1), first - timedelta(days=1)
