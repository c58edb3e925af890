"""View model of the dashboard: what waits for moderators, and the site's numbers as charts, rankings and tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from attrs import frozen
from markupsafe import Markup

from microblog.model.admin_metrics import Cohort, DimensionKey, DimensionReport, MeasureKey, MeasureReport, WaitingCounts
from microblog.model.health import HealthCheck
from microblog.model.statistics import Unit
from microblog.render.admin_metrics import entry_name
from microblog.render.charts import Chart, ChartKind, Series, meter, svg
from microblog.render.formatting import byte_size
from microblog.render.statistics import Tile, column_label

PERIODS = {7: "7 days", 30: "30 days", 90: "90 days"}
LABELS = {
    MeasureKey.ACTIVE_USERS: "Active people",
    MeasureKey.NEW_USERS: "New accounts",
    MeasureKey.INTERACTIONS: "Interactions",
    MeasureKey.OPENED_REPORTS: "Reports opened",
    MeasureKey.RESOLVED_REPORTS: "Reports resolved",
}
"""The measures of the page."""

_PLOTS: tuple[tuple[str, str, str, ChartKind, Mapping[MeasureKey, str]], ...] = (
    ("active", "Active people", "Accounts that were logged in, per day", ChartKind.LINES, {MeasureKey.ACTIVE_USERS: "c1"}),
    ("new", "New accounts", "Sign-ups per day", ChartKind.COLUMNS, {MeasureKey.NEW_USERS: "c3"}),
    (
        *("interactions", "Interactions", "Favourites, boosts and replies, in public, per day"),
        *(ChartKind.COLUMNS, {MeasureKey.INTERACTIONS: "c4"}),
    ),
    (
        *("reports", "Reports", "Reports opened and resolved per day", ChartKind.LINES),
        {MeasureKey.OPENED_REPORTS: "c4", MeasureKey.RESOLVED_REPORTS: "c2"},
    ),
)
RANKINGS = {
    DimensionKey.LANGUAGES: ("Languages", "Public posts of people here, by language"),
    DimensionKey.SOURCES: ("Sign-ups", "New accounts, by the app that created them"),
    DimensionKey.SERVERS: ("Servers", "Public posts that are known here, by the server of their authors"),
}
FACTS = {DimensionKey.SPACE_USAGE: "Space usage", DimensionKey.SOFTWARE_VERSIONS: "Software"}


@frozen
class Queue:
    """Something that waits, and where it is done. `path` is empty for somebody who may not open that page."""

    label: str
    count: int
    path: str


@frozen
class RankingRow:
    """An entry of a ranking; `meter` is a bar beside it."""

    name: str
    count: int
    meter: Markup


@frozen
class Ranking:
    """A ranking with its title, and what is counted."""

    name: str
    title: str
    description: str
    rows: tuple[RankingRow, ...]


@frozen
class RetentionTable:
    """Months of sign-up, each with its accounts and those of them that were active in each month; empty for earlier months."""

    months: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[str, ...]], ...]


@frozen
class DashboardPage:
    """The dashboard of the last `days` days. `checks`: the health checks that are not all right."""

    days: int
    queues: tuple[Queue, ...]
    checks: tuple[HealthCheck, ...]
    tiles: tuple[Tile, ...]
    charts: tuple[tuple[Chart, Markup], ...]
    rankings: tuple[Ranking, ...]
    facts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    retention: RetentionTable
    periods: Mapping[int, str] = PERIODS


def queues(waiting: WaitingCounts, failed_jobs: int, *, is_admin: bool) -> tuple[Queue, ...]:
    """Return what waits, with the pages where it is done."""
    return (
        Queue("Open reports", waiting.reports, "/admin/reports"),
        Queue("Sign-ups to approve", waiting.applicants, "/admin/people?type=applied"),
        Queue("Appeals", waiting.appeals, "/admin/appeals"),
        Queue("Failed jobs", failed_jobs, "/admin/jobs?state=dead" if is_admin else ""),
    )


def tiles(reports: Mapping[MeasureKey, MeasureReport]) -> tuple[Tile, ...]:
    """Return the totals of the period."""
    return tuple(Tile(label, reports[key].total, 0) for key, label in LABELS.items())


def charts(reports: Mapping[MeasureKey, MeasureReport]) -> tuple[tuple[Chart, Markup], ...]:
    """Return the charts with their SVG."""
    found = []
    for name, title, description, kind, measures in _PLOTS:
        columns = tuple(column_label(day, Unit.DAY) for day, _ in next(reports[key] for key in measures).days)
        series = tuple(Series(LABELS[key], tuple(value for _, value in reports[key].days), colour) for key, colour in measures.items())
        found.append(Chart(name, title, description, columns, series, kind))
    return tuple((chart, svg(chart)) for chart in found)


def ranking(report: DimensionReport) -> Ranking:
    """Return a dimension as a ranking."""
    title, description = RANKINGS[report.key]
    counts = [int(entry.value) for entry in report.entries]
    most = max(counts, default=0)
    rows = zip(report.entries, counts, strict=True)
    return Ranking(report.key, title, description, tuple(RankingRow(entry_name(report.key, entry), n, meter(n, most)) for entry, n in rows))


def facts(report: DimensionReport) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return a dimension as a title with rows of names and values."""
    rows = ((entry_name(report.key, e), byte_size(int(e.value)) if e.unit == "bytes" else e.value) for e in report.entries)
    return FACTS[report.key], tuple(rows)


def retention_table(cohorts: Sequence[Cohort]) -> RetentionTable:
    """Return cohorts by month as a table."""
    months = [cohort.begin for cohort in cohorts]
    return RetentionTable(
        tuple(map(_month, months)), tuple((_month(cohort.begin), cohort.size, _cells(cohort, months)) for cohort in cohorts)
    )


def _cells(cohort: Cohort, months: Sequence[date]) -> tuple[str, ...]:
    points = {point.begin: f"{point.people} ({round(100 * point.rate)}%)" for point in cohort.points}
    return tuple(points.get(month, "") for month in months)


def _month(begin: date) -> str:
    return column_label(begin, Unit.MONTH)
