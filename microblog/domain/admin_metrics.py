"""Numbers of the site for moderators: measures by day, dimensions, and the retention of sign-ups. Days are in UTC.

Most come from tables that are counted once a day; today, and yesterday until it is counted, are counted when they are asked for, and kept
for a minute. Callers check permissions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from attrs import define, field

from microblog.domain.statistics import UTC_ZONE, DailyStatistics
from microblog.model.admin_metrics import (
    Cohort,
    CohortPoint,
    DayRange,
    DimensionEntry,
    DimensionKey,
    DimensionReport,
    MeasureKey,
    MeasureReport,
)
from microblog.model.errors import NotFound
from microblog.model.statistics import DAY, Day, Measure, TimeSpan, Unit, day_span, start_of_day
from microblog.storage import admin_metrics, day_counts, media_usage
from microblog.storage.admin_metrics import DayCount
from microblog.storage.database import Cursor

CACHE_TIME = timedelta(minutes=1)

_FROM_STATISTICS: Mapping[MeasureKey, tuple[Measure, ...]] = {
    MeasureKey.ACTIVE_USERS: (Measure.VISITED,),
    MeasureKey.NEW_USERS: (Measure.NEW_ACCOUNTS,),
    MeasureKey.INTERACTIONS: (Measure.FAVOURITES, Measure.BOOSTS, Measure.REPLIES),
}
_OF_REPORTS: Mapping[MeasureKey, Callable[..., list[DayCount]]] = {
    MeasureKey.OPENED_REPORTS: admin_metrics.opened_reports,
    MeasureKey.RESOLVED_REPORTS: admin_metrics.resolved_reports,
}
_OF_TAG: Mapping[MeasureKey, Callable[..., list[DayCount]]] = {
    MeasureKey.TAG_ACCOUNTS: admin_metrics.tag_accounts,
    MeasureKey.TAG_USES: admin_metrics.tag_uses,
    MeasureKey.TAG_SERVERS: admin_metrics.tag_servers,
}
_OF_HOST: Mapping[MeasureKey, Callable[..., list[DayCount]]] = {
    MeasureKey.INSTANCE_ACCOUNTS: admin_metrics.accounts_of_host,
    MeasureKey.INSTANCE_MEDIA: admin_metrics.media_of_host,
    MeasureKey.INSTANCE_REPORTS: admin_metrics.reports_of_host,
    MeasureKey.INSTANCE_FOLLOWS: admin_metrics.follows_of_host,
    MeasureKey.INSTANCE_FOLLOWERS: admin_metrics.followers_of_host,
}


@define
class _RecentDays:
    """The numbers of `day_counts` of the days that are not stored yet, as counted at `at`."""

    at: datetime
    posts: list[tuple[date, str, str, int]]
    cohorts: list[tuple[date, date, int, int]]


@define
class AdminMetrics:
    """Reads the numbers. `host`: the site's own name. `versions`: of the site's software, by name.

    `redis_memory` returns the bytes that Redis uses, None while it is unavailable; it is None if the site has no Redis.
    """

    statistics: DailyStatistics
    host: str
    versions: Mapping[str, str]
    redis_memory: Callable[[], Awaitable[int | None]] | None = None
    _recent: _RecentDays | None = field(default=None, init=False)

    async def measure(self, key: MeasureKey, period: DayRange, subject: str = "") -> MeasureReport:
        """Return a measure. `subject`: the id of a hashtag, or a domain. Raises NotFound for an unknown hashtag."""
        read = self.statistics.database.read
        if key in _FROM_STATISTICS:
            return await self._from_statistics(key, period)
        if key in _OF_REPORTS:
            return await read(_of_reports, key, period)
        if key in _OF_TAG:
            return await read(_of_tag, key, period, _tag_id(subject))
        if key in _OF_HOST:
            rows = await read(_OF_HOST[key], host=subject, span=_span(period))
        else:
            recent = await self._recent_days()
            rows = [*await read(day_counts.posts_by_day, host=subject), *((day, n) for day, host, _, n in recent.posts if host == subject)]
        return MeasureReport(key, sum(value for _, value in rows), None, _each_day(period, rows))

    async def dimension(self, key: DimensionKey, period: DayRange, limit: int, subject: str = "") -> DimensionReport:
        """Return a dimension with at most `limit` entries. `subject`: as in `measure`."""
        read = self.statistics.database.read
        match key:
            case DimensionKey.SPACE_USAGE:
                entries = await self._space_usage()
            case DimensionKey.SOFTWARE_VERSIONS:
                entries = await read(_software_versions, self.versions)
            case DimensionKey.SOURCES:
                found = await read(admin_metrics.sign_ups_by_app, span=_span(period), limit=limit)
                entries = _ranking(found, limit, "web", "Website")
            case DimensionKey.INSTANCE_ACCOUNTS:
                entries = _ranking(await read(admin_metrics.most_followed_of_host, host=subject, limit=limit), limit)
            case DimensionKey.TAG_SERVERS:
                found = await read(_ranking_of_tag, admin_metrics.tag_hosts, _tag_id(subject), period, limit)
                entries = _ranking(found, limit, self.host)
            case DimensionKey.TAG_LANGUAGES:
                entries = _ranking(await read(_ranking_of_tag, admin_metrics.tag_languages, _tag_id(subject), period, limit), limit, "und")
            case DimensionKey.SERVERS:
                entries = _ranking(await self._servers(period), limit, self.host)
            case _:
                entries = _ranking(await self._languages(period, subject), limit, "und")
        return DimensionReport(key, tuple(entries))

    async def retention(self, period: DayRange, frequency: Unit) -> list[Cohort]:
        """Return the cohorts that signed up in each day or month of the period, with their activity in each later one of it."""
        whole = DayRange(frequency.begin(period.first), _last_of(frequency, period.last))
        recent = await self._recent_days()
        stored = await self.statistics.database.read(day_counts.cohorts, first=whole.first, last=whole.last)
        sizes: Counter[date] = Counter()
        for day in await self._days(whole):
            sizes[frequency.begin(day.day)] += day[Measure.NEW_ACCOUNTS]
        people: Counter[tuple[date, date]] = Counter()
        for signed_up, on, active, first_of_month in (*stored, *recent.cohorts):
            people[frequency.begin(signed_up), frequency.begin(on)] += first_of_month if frequency is Unit.MONTH else active
        begins = list(dict.fromkeys(map(frequency.begin, whole.days)))
        return [
            Cohort(
                begin,
                frequency,
                sizes[begin],
                tuple(CohortPoint(later, n := people[begin, later], n / max(sizes[begin], 1)) for later in begins if later >= begin),
            )
            for begin in begins
        ]

    async def _days(self, period: DayRange) -> list[Day]:
        return await self.statistics.up_to_now(period.first, period.last)

    async def _from_statistics(self, key: MeasureKey, period: DayRange) -> MeasureReport:
        before = period.previous
        counted = {
            day.day: sum(day[measure] for measure in _FROM_STATISTICS[key]) for day in await self._days(DayRange(before.first, period.last))
        }
        if key is MeasureKey.ACTIVE_USERS:
            total, previous = await self.statistics.database.read(_visitors, period)
        else:
            total, previous = (sum(counted.get(day, 0) for day in each.days) for each in (period, before))
        return MeasureReport(key, total, previous, _each_day(period, counted.items()))

    async def _servers(self, period: DayRange) -> Iterable[tuple[str, int]]:
        recent = await self._recent_days()
        stored = await self.statistics.database.read(day_counts.posts_by_host, first=period.first, last=period.last)
        return [*stored, *((host, n) for day, host, _, n in recent.posts if period.first <= day <= period.last)]

    async def _languages(self, period: DayRange, host: str) -> Iterable[tuple[str, int]]:
        recent = await self._recent_days()
        stored = await self.statistics.database.read(day_counts.posts_by_language, host=host, first=period.first, last=period.last)
        return [
            *stored,
            *((language, n) for day, of, language, n in recent.posts if of == host and period.first <= day <= period.last),
        ]

    async def _space_usage(self) -> list[DimensionEntry]:
        database, own, copies = await self.statistics.database.read(_stored_bytes)
        redis = None if self.redis_memory is None else await self.redis_memory()
        found = {
            "postgresql": ("PostgreSQL", database),
            "redis": ("Redis", redis),
            "media": ("Media of this site", own),
            "media_cache": ("Copies of other servers' media", copies),
        }
        return [DimensionEntry(key, str(bytes), name, "bytes") for key, (name, bytes) in found.items() if bytes is not None]

    async def _recent_days(self) -> _RecentDays:
        now = self.statistics.now()
        if self._recent is None or now - self._recent.at > CACHE_TIME:
            self._recent = await self.statistics.database.read(_count_recent, now)
        return self._recent


def _count_recent(cursor: Cursor, now: datetime) -> _RecentDays:
    today = now.astimezone(UTC).date()
    found = _RecentDays(now, [], [])
    for day in day_counts.uncounted(cursor, days=[today - DAY, today]):
        found.posts += [(day, *row) for row in day_counts.count_posts(cursor, span=day_span(day, UTC_ZONE))]
        found.cohorts += [(signed_up, day, people, first) for signed_up, people, first in day_counts.count_cohorts(cursor, day=day)]
    return found


def _of_reports(cursor: Cursor, key: MeasureKey, period: DayRange) -> MeasureReport:
    now, before = (_OF_REPORTS[key](cursor, span=_span(each)) for each in (period, period.previous))
    return MeasureReport(key, sum(n for _, n in now), sum(n for _, n in before), _each_day(period, now))


def _of_tag(cursor: Cursor, key: MeasureKey, period: DayRange, tag: int) -> MeasureReport:
    """Read a measure of a hashtag. The total is counted over the whole period: who used it on two days counts once."""
    _require_tag(cursor, tag)
    now, before = (_OF_TAG[key](cursor, tag=tag, span=_span(each)) for each in (period, period.previous))
    return MeasureReport(key, dict(now)[None], dict(before)[None], _each_day(period, now))


def _ranking_of_tag(
    cursor: Cursor, f: Callable[..., list[tuple[str, int]]], tag: int, period: DayRange, limit: int
) -> list[tuple[str, int]]:
    _require_tag(cursor, tag)
    return f(cursor, tag=tag, span=_span(period), limit=limit)


def _require_tag(cursor: Cursor, tag: int) -> None:
    if not admin_metrics.tag_exists(cursor, tag=tag):
        raise NotFound


def _visitors(cursor: Cursor, period: DayRange) -> tuple[int, int]:
    now, before = (day_counts.visitors(cursor, first=each.first, last=each.last) for each in (period, period.previous))
    return now, before


def _stored_bytes(cursor: Cursor) -> tuple[int, int | None, int]:
    """Return the bytes of the database, of the media of this site as counted once a day, and of copies."""
    own = media_usage.stored(cursor)
    return admin_metrics.database_bytes(cursor), None if own is None else own.bytes, admin_metrics.copied_bytes(cursor)


def _software_versions(cursor: Cursor, versions: Mapping[str, str]) -> list[DimensionEntry]:
    known = {**versions, "PostgreSQL": admin_metrics.database_version(cursor)}
    return [DimensionEntry(name.lower(), version, name) for name, version in known.items()]


def _ranking(found: Iterable[tuple[str, int]], limit: int, unnamed: str = "", label: str = "") -> list[DimensionEntry]:
    """Add up the numbers of equal keys and return the largest. The empty key becomes `unnamed`, with `label`."""
    totals: Counter[str] = Counter()
    for key, number in found:
        totals[key] += number
    largest = sorted(totals.items(), key=lambda entry: (-entry[1], entry[0] or unnamed))[:limit]
    return [DimensionEntry(key or unnamed, str(number), "" if key else label) for key, number in largest]


def _each_day(period: DayRange, rows: Iterable[DayCount]) -> tuple[tuple[date, int], ...]:
    totals: Counter[date | None] = Counter()
    for day, number in rows:
        totals[day] += number
    return tuple((day, totals[day]) for day in period.days)


def _span(period: DayRange) -> TimeSpan:
    return TimeSpan(start_of_day(period.first, UTC_ZONE), start_of_day(period.last + DAY, UTC_ZONE))


def _last_of(frequency: Unit, day: date) -> date:
    """Return the last day of the month of `day`, or `day` itself."""
    return frequency.back(day, -1) - DAY if frequency is Unit.MONTH else day


def _tag_id(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
