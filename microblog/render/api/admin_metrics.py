"""API entities of the numbers for moderators."""

from __future__ import annotations

from datetime import date

from microblog.model.admin_metrics import Cohort, CohortPoint, DimensionEntry, DimensionKey, DimensionReport, MeasureKey, MeasureReport
from microblog.model.statistics import Unit
from microblog.render.admin_metrics import entry_name
from microblog.render.api.definition import ABSENT, Definition, key, many, optional
from microblog.render.api.schemas import DIGITS, MIDNIGHT, NUMBER, TEXT, nullable, one_of
from microblog.render.formatting import byte_size


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00.000Z"


_VALUE = Definition[tuple[date, int], None](
    "", {"date": key(MIDNIGHT, lambda row, _: _midnight(row[0])), "value": key(DIGITS, lambda row, _: str(row[1]))}
)

ADMIN_MEASURE = Definition[MeasureReport, None](
    "AdminMeasure",
    {
        "key": key(one_of(*MeasureKey), lambda report, _: report.key),
        "unit": key(nullable(TEXT), lambda report, _: report.key.unit),
        "total": key(DIGITS, lambda report, _: str(report.total)),
        "human_value": optional(TEXT, lambda report, _: byte_size(report.total) if report.key.unit else ABSENT),
        "previous_total": optional(DIGITS, lambda report, _: ABSENT if report.previous is None else str(report.previous)),
        "data": many(_VALUE, lambda report, _: report.days),
    },
)
"""Admin::Measure, https://docs.joinmastodon.org/entities/Admin_Measure/."""

_ENTRY = Definition[tuple[DimensionKey, DimensionEntry], None](
    "",
    {
        "key": key(TEXT, lambda row, _: row[1].key),
        "human_key": key(TEXT, lambda row, _: entry_name(*row)),
        "value": key(TEXT, lambda row, _: row[1].value),
        "unit": optional(TEXT, lambda row, _: row[1].unit or ABSENT),
        "human_value": optional(TEXT, lambda row, _: _human_value(*row)),
    },
)

ADMIN_DIMENSION = Definition[DimensionReport, None](
    "AdminDimension",
    {
        "key": key(one_of(*DimensionKey), lambda report, _: report.key),
        "data": many(_ENTRY, lambda report, _: [(report.key, entry) for entry in report.entries]),
    },
)
"""Admin::Dimension, https://docs.joinmastodon.org/entities/Admin_Dimension/."""

_POINT = Definition[CohortPoint, None](
    "",
    {
        "date": key(MIDNIGHT, lambda point, _: _midnight(point.begin)),
        "rate": key(NUMBER, lambda point, _: point.rate),
        "value": key(DIGITS, lambda point, _: str(point.people)),
    },
)

ADMIN_COHORT = Definition[Cohort, None](
    "AdminCohort",
    {
        "period": key(MIDNIGHT, lambda cohort, _: _midnight(cohort.begin)),
        "frequency": key(one_of(Unit.DAY, Unit.MONTH), lambda cohort, _: cohort.frequency),
        "data": many(_POINT, lambda cohort, _: cohort.points),
    },
)
"""Admin::Cohort, https://docs.joinmastodon.org/entities/Admin_Cohort/."""


def _human_value(dimension: DimensionKey, entry: DimensionEntry) -> object:
    if entry.unit == "bytes":
        return byte_size(int(entry.value))
    return entry.value if dimension is DimensionKey.SOFTWARE_VERSIONS else ABSENT
