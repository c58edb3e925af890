"""Daily statistics: counted once a day is over, by UTC and by the site's time zone, and recounted on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from attrs import field, frozen

from microblog.model.errors import Invalid
from microblog.model.ids import PostId
from microblog.model.progress import Report, unreported
from microblog.model.statistics import DAY, Day, Measure, TimeSpan, day_span, days, start_of_day
from microblog.storage import day_counts, statistics
from microblog.storage.database import Cursor, Transactions

UTC_ZONE = ZoneInfo("UTC")
GRACE = timedelta(minutes=15)
"""Time after the end of a day at which it is counted: all transactions of the day have ended by then (the statement timeout is 15 s)."""
MAX_REBUILD_DAYS = 20 * 366  # days


@frozen
class WeekTotals:
    """Totals of a week from Monday on, in UTC: posts, active accounts, sign-ups."""

    start: datetime
    posts: int
    logins: int
    registrations: int


@frozen
class DailyStatistics:
    """Counts days and reads the counts. `site_zone` is the time zone of the site's days."""

    database: Transactions
    site_zone: ZoneInfo
    now: Callable[[], datetime]
    zones: tuple[ZoneInfo, ...] = field(init=False)

    @zones.default
    def _zones(self) -> tuple[ZoneInfo, ...]:
        return (UTC_ZONE,) if self.site_zone.key == UTC_ZONE.key else (self.site_zone, UTC_ZONE)

    def last_day(self, zone: ZoneInfo) -> date:
        """Return the newest day of the zone that can be counted: it has ended, and the grace period is over."""
        return (self.now() - GRACE).astimezone(zone).date() - DAY

    async def count(self, zone: ZoneInfo, day: date) -> None:
        """Count a day, replacing an earlier count. Raises Invalid if it is not over."""
        self._require_over(zone, day)
        await self.database.run(_count, zone, day)

    async def count_missing(self, zone: ZoneInfo, day: date) -> None:
        """Count the day and all earlier days that were never counted. May be interrupted, repeated and run concurrently."""
        self._require_over(zone, day)
        await self.database.run(_count, zone, day)
        beginning = await self.database.read(statistics.first_signup)
        if beginning is None:
            return
        first = beginning.astimezone(zone).date()
        for missing in await self.database.read(statistics.missing_days, zone=zone.key, first=first, last=day):
            await self.database.run(_count, zone, missing)

    async def rebuild(self, first: date | None = None, last: date | None = None, report: Report = unreported) -> tuple[date, date] | None:
        """Recount days in each zone; by default from the first account to the last complete day.

        Returns the first and the last day; None if no day is over since the first account was created. Raises Invalid if the last is not
        over, or the range is empty or too long.
        """
        newest = min(map(self.last_day, self.zones))
        first = first or await self.first_day(UTC_ZONE)
        if first is None or (last is None and newest < first):
            return None
        last = last or newest
        if last < first:
            raise Invalid({"to": f"The last day, {last}, is before the first, {first}"})
        for zone in self.zones:
            self._require_over(zone, last)
        if (last - first).days >= MAX_REBUILD_DAYS:
            raise Invalid({"to": f"The range is longer than {MAX_REBUILD_DAYS} days"})
        wanted = [(zone, day) for zone in self.zones for day in days(first, last)]
        for number, (zone, day) in enumerate(wanted, 1):
            await self.database.run(_count, zone, day)
            report("Days", number, len(wanted))
        return first, last

    async def read(self, zone: ZoneInfo, first: date, last: date) -> list[Day]:
        """Return the counts of these days, oldest first; days that were not counted are left out."""
        return await self.database.read(statistics.read, zone=zone.key, first=first, last=last)

    async def up_to_now(self, first: date, last: date) -> list[Day]:
        """Return the counts of these days in UTC, oldest first. Today and yesterday are counted on the fly if they are not stored yet."""
        found, today = await self.read(UTC_ZONE, first, last), self.now().astimezone(UTC).date()
        stored = {day.day for day in found}
        recent = [day for day in (today - DAY, today) if first <= day <= last and day not in stored]
        return [*found, *[await self.database.read(_counted, UTC_ZONE, day) for day in recent]]

    async def today(self, zone: ZoneInfo) -> Day:
        """Count today up to now, without storing it."""
        today = self.now().astimezone(zone).date()
        return await self.database.read(_counted, zone, today)

    async def first_day(self, zone: ZoneInfo) -> date | None:
        """Return the day on which the first account was created."""
        beginning = await self.database.read(statistics.first_signup)
        return beginning and beginning.astimezone(zone).date()

    async def weeks(self, count: int = 12) -> list[WeekTotals]:
        """Return the last weeks, the current one first. Counts missing days on the fly."""
        today = self.now().astimezone(UTC).date()
        monday = today - timedelta(days=today.weekday())
        first = monday - timedelta(weeks=count - 1)
        known = {day.day: day for day in await self.read(UTC_ZONE, first, today)}
        beginning = await self.first_day(UTC_ZONE)
        for day in days(max(first, beginning), today) if beginning else ():
            if day not in known:
                known[day] = await self.database.read(_counted, UTC_ZONE, day)
        return [await self._week(monday - timedelta(weeks=back), known.values()) for back in range(count)]

    async def tag_names(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the names of those hashtags that may be shown publicly today, by key."""
        return await self.database.read(statistics.tags_in_use, keys=list(keys))

    async def visible_posts(self, ids: Iterable[PostId]) -> set[PostId]:
        """Return those of the posts that may be shown publicly today."""
        return await self.database.read(statistics.listable_posts, ids=list(ids))

    async def record_peak(self, process: str, peak: int) -> None:
        """Record the process's peak number of streaming connections, in the current 15 minutes."""
        slot = self.now().replace(second=0, microsecond=0)
        slot -= timedelta(minutes=slot.minute % 15)
        await self.database.run(statistics.record_connections, slot=slot, process=process, peak=peak)

    async def _week(self, monday: date, known: Iterable[Day]) -> WeekTotals:
        within = [day for day in known if monday <= day.day < monday + 7 * DAY]
        begin, end = start_of_day(monday, UTC_ZONE), start_of_day(monday + 7 * DAY, UTC_ZONE)
        active = await self.database.read(statistics.active, TimeSpan(begin, end)) if within else 0
        return WeekTotals(begin, sum(day[Measure.POSTS] for day in within), active, sum(day[Measure.NEW_ACCOUNTS] for day in within))

    def _require_over(self, zone: ZoneInfo, day: date) -> None:
        if day > self.last_day(zone):
            raise Invalid({"to": f"{day} is not over yet in {zone.key}"})


def _counted(cursor: Cursor, zone: ZoneInfo, day: date) -> Day:
    return statistics.count(cursor, day_span(day, zone), day)


def _count(cursor: Cursor, zone: ZoneInfo, day: date) -> None:
    statistics.write(cursor, zone.key, _counted(cursor, zone, day))
    if zone.key == UTC_ZONE.key:
        _count_for_moderators(cursor, day)


def _count_for_moderators(cursor: Cursor, day: date) -> None:
    day_counts.lock_day(cursor, day=day)
    day_counts.forget_posts(cursor, day=day)
    day_counts.store_posts(cursor, day=day, span=day_span(day, UTC_ZONE))
    day_counts.forget_cohorts(cursor, day=day)
    day_counts.store_cohorts(cursor, day=day)
