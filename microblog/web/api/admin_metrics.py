"""Numbers of the site for client apps of moderators: measures, dimensions and retention."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from attrs import frozen

from microblog.domain.admin_metrics import AdminMetrics
from microblog.model.admin_metrics import DayRange, DimensionKey, MeasureKey, subject_parameter
from microblog.model.errors import Invalid, Malformed
from microblog.model.statistics import Unit
from microblog.render.api.admin_metrics import ADMIN_COHORT, ADMIN_DIMENSION, ADMIN_MEASURE
from microblog.render.api.schemas import ANY, DATE, WHOLE, array_of, one_of, record
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MODERATOR, scopes={"admin:read"})
MAX_DAYS = 366
MAX_COHORT_DAYS = 92
DEFAULT_DAYS = 30  # of dimensions, which need no dates in Mastodon
MAX_ENTRIES = 100
PERIOD = (
    Param("start_at", DATE, "The first day (UTC). A time is ignored.", required=True),
    Param("end_at", DATE, f"The last day (UTC), less than {MAX_DAYS} days later. A time is ignored.", required=True),
)
K = TypeVar("K", MeasureKey, DimensionKey)


def _subjects(kind: type[K]) -> tuple[Param, ...]:
    """Return a parameter for each measure or dimension of one hashtag or server: `tag_uses[id]`, `instance_accounts[domain]`."""
    named = {key: subject_parameter(key) for key in kind}
    schema = {"id": "The ID of the hashtag.", "domain": "The domain of the server."}
    return tuple(Param(key.value, record({name: ANY}), f"{schema[name]} Required with this key.") for key, name in named.items() if name)


@frozen
class AdminMetricsRoutes:
    """Measures, dimensions and retention. Each is a POST, as in Mastodon, and changes nothing."""

    metrics: AdminMetrics

    @route(
        "POST",
        "/api/v1/admin/measures",
        READ,
        RouteDoc(
            "Get measurable data",
            array_of(ADMIN_MEASURE),
            body=(Param("keys", array_of(one_of(*MeasureKey)), "The measures.", required=True), *PERIOD, *_subjects(MeasureKey)),
            errors=(400, 404, 422),
        ),
    )
    async def measures(self, request: Request) -> Response:
        """Numbers by day, in all, and in all of the period before."""
        fields = request.fields
        keys, period = _keys(fields, MeasureKey), _period(fields)
        subjects = {key: _subject(fields, key) for key in keys}
        return Response.json(ADMIN_MEASURE.each([await self.metrics.measure(key, period, subjects[key]) for key in keys], None))

    @route(
        "POST",
        "/api/v1/admin/dimensions",
        READ,
        RouteDoc(
            "Get dimensional data",
            array_of(ADMIN_DIMENSION),
            body=(
                Param("keys", array_of(one_of(*DimensionKey)), "The dimensions.", required=True),
                Param("start_at", DATE, f"The first day (UTC); by default {DEFAULT_DAYS} days up to the last."),
                Param("end_at", DATE, "The last day (UTC); by default today."),
                Param("limit", WHOLE, f"The maximum number of entries; 10 by default, {MAX_ENTRIES} at most."),
                *_subjects(DimensionKey),
            ),
            errors=(400, 404, 422),
        ),
    )
    async def dimensions(self, request: Request) -> Response:
        """Languages, servers, apps, disk usage and versions, the largest first."""
        fields = request.fields
        keys, period, limit = _keys(fields, DimensionKey), self._period_or_default(fields), fields.limit(10, MAX_ENTRIES)
        subjects = {key: _subject(fields, key) for key in keys}
        found = [await self.metrics.dimension(key, period, limit, subjects[key]) for key in keys]
        return Response.json(ADMIN_DIMENSION.each(found, None))

    @route(
        "POST",
        "/api/v1/admin/retention",
        READ,
        RouteDoc(
            "Calculate retention data",
            array_of(ADMIN_COHORT),
            body=(*PERIOD, Param("frequency", one_of("day", "month"), "Days or months.", required=True)),
            errors=(400, 422),
        ),
    )
    async def retention(self, request: Request) -> Response:
        """Number of accounts that signed up in a day or month, and were active in it and in each later one."""
        fields = request.fields
        frequency, period = fields.required("frequency"), _period(fields)
        if frequency not in (Unit.DAY, Unit.MONTH):
            raise Invalid({"frequency": "Frequency is not included in the list"}, codes={"frequency": "ERR_INCLUSION"})
        if frequency == Unit.DAY and (period.last - period.first).days >= MAX_COHORT_DAYS:
            raise Invalid({"end_at": f"End at must be less than {MAX_COHORT_DAYS} days after the start, for days"})
        return Response.json(ADMIN_COHORT.each(await self.metrics.retention(period, Unit(frequency)), None))

    def _period_or_default(self, fields: Params) -> DayRange:
        last = _day(fields, "end_at") if fields.value("end_at") else self.metrics.statistics.now().astimezone(UTC).date()
        first = _day(fields, "start_at") if fields.value("start_at") else last - timedelta(days=DEFAULT_DAYS - 1)
        return _range(first, last)


def _keys(fields: Params, kind: type[K]) -> list[K]:
    names = list(dict.fromkeys(fields.list("keys", max=50)))
    if not names:
        raise Malformed("param is missing or the value is empty: keys")
    unknown = [name for name in names if name not in list(kind)]
    if unknown:
        raise Invalid({"keys": f"Keys includes {unknown[0][:100]}, which is unknown"}, codes={"keys": "ERR_INCLUSION"})
    return [kind(name) for name in names]


def _subject(fields: Params, key: MeasureKey | DimensionKey) -> str:
    """Return the id of the hashtag or the domain of the server; empty if the key needs none."""
    name = subject_parameter(key)
    if name is None:
        return ""
    sent = fields.required(f"{key}[{name}]", max=300).strip()
    return str(fields.id(f"{key}[{name}]")) if name == "id" else sent.lower()


def _period(fields: Params) -> DayRange:
    return _range(_day(fields, "start_at"), _day(fields, "end_at"))


def _range(first: date, last: date) -> DayRange:
    if not 0 <= (last - first).days < MAX_DAYS:
        raise Invalid({"end_at": f"End at must be at most {MAX_DAYS - 1} days after the start, and not before it"})
    return DayRange(first, last)


def _day(fields: Params, name: str) -> date:
    """Return the day of a date, with or without a time. Raises Malformed if it is missing, Invalid for anything else."""
    text = fields.required(name)
    try:
        day = datetime.fromisoformat(text.strip()).date()
    except ValueError:
        day = date.min
    if not 2000 <= day.year < 3000:
        label = name.replace("_", " ").capitalize()
        raise Invalid({name: f"{label} must be a date such as 2026-03-04"}, codes={name: "ERR_INVALID"})
    return day
