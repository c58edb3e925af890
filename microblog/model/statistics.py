"""Daily statistics, and the bounds of days in the site's time zone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from attrs import frozen

from microblog.model.ids import PostId

K = TypeVar("K")
V = TypeVar("V")

DAY = timedelta(days=1)
TOP = 10  # entries of a stored ranking


class Unit(StrEnum):
    """Time unit of a chart's columns."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def begin(self, day: date) -> date:
        """Return the first day of the week (a Monday) or month of `day`, or `day` itself."""
        if self is Unit.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self is Unit.MONTH else day

    def back(self, day: date, count: int) -> date:
        """Return the first day of the unit `count` units before the one of `day`."""
        begin = self.begin(day)
        if self is Unit.MONTH:
            months = begin.year * 12 + begin.month - 1 - count
            return date(months // 12, months % 12 + 1, 1)
        return begin - count * (7 * DAY if self is Unit.WEEK else DAY)


class Measure(StrEnum):
    """A daily metric. It counts what happened on that day, even if it was undone, edited or deleted later.

    Only public and quiet public posts count, and boosts and favourites of them, because everybody can see these statistics. A favourite,
    a boost and a follow count once a day per pair, however often they were undone and repeated.
    """

    NEW_ACCOUNTS = "new_accounts"  # sign-ups, including those rejected later
    ACTIVE = "active"  # accounts that posted or were logged in
    POSTED = "posted"  # accounts that posted, replied or boosted
    VISITED = "visited"  # accounts seen with a logged-in browser or app
    POSTS = "posts"  # with replies, without boosts
    REPLIES = "replies"
    BOOSTS = "boosts"
    FAVOURITES = "favourites"
    FOLLOWS = "follows"  # accepted ones
    MAILS_SENT = "mails_sent"  # accepted by the mail server, or written to a file
    MAILS_FAILED = "mails_failed"  # rejected or given up
    LIVE_PEAK = "live_peak"  # concurrent live connections: the sum of the processes' peaks within the same quarter of an hour
    TOP_TAGS = "top_tags"  # different tags of public posts; ranked by people, then by posts
    TOP_POSTS = "top_posts"  # public posts that were favourited or boosted; ranked by the sum of both


PEAKS = frozenset({Measure.ACTIVE, Measure.POSTED, Measure.VISITED, Measure.LIVE_PEAK})
"""Measures whose value for a period is the maximum of its days: the same people return, so days cannot be summed."""


@frozen
class TagScore:
    """Uses of a tag in public posts: the number of authors and of posts. `key` is case-folded."""

    key: str
    people: int
    posts: int


@frozen
class PostScore:
    """Favourites and boosts of a public post."""

    post: PostId
    favourites: int
    boosts: int

    @property
    def total(self) -> int:
        """Favourites and boosts together."""
        return self.favourites + self.boosts


@frozen
class TimeSpan:
    """A half-open time span from `begin` to `end`, both in UTC."""

    begin: datetime
    end: datetime


@frozen
class Day:
    """The statistics of one day."""

    day: date
    values: Mapping[Measure, int]
    tags: tuple[TagScore, ...] = ()
    posts: tuple[PostScore, ...] = ()

    def __getitem__(self, measure: Measure) -> int:
        return self.values.get(measure, 0)


@frozen
class Period:
    """Consecutive days from `begin` on."""

    begin: date
    days: tuple[Day, ...] = ()

    def __getitem__(self, measure: Measure) -> int:
        """The sum of the days, or their maximum for PEAKS."""
        values = [day[measure] for day in self.days]
        return max(values, default=0) if measure in PEAKS else sum(values)

    def tags(self) -> list[TagScore]:
        """Merge the days' rankings. A person is counted once per day."""
        return sorted(
            (
                TagScore(key, sum(score.people for score in scores), sum(score.posts for score in scores))
                for key, scores in _grouped((score.key, score) for day in self.days for score in day.tags).items()
            ),
            key=lambda score: (-score.people, -score.posts, score.key),
        )

    def posts(self) -> list[PostScore]:
        """Merge the days' rankings."""
        return sorted(
            (
                PostScore(post, sum(score.favourites for score in scores), sum(score.boosts for score in scores))
                for post, scores in _grouped((score.post, score) for day in self.days for score in day.posts).items()
            ),
            key=lambda score: (-score.total, -score.post),
        )


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def periods(counted: Iterable[Day], unit: Unit, first: date, last: date) -> list[Period]:
    """Group the days by unit, with an entry for every unit from the first day to the last, even if empty."""
    groups = _grouped((unit.begin(day.day), day) for day in counted)
    begins = dict.fromkeys(unit.begin(day) for day in days(first, last))
    return [Period(begin, tuple(groups.get(begin, ()))) for begin in begins]


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the start of a day in a time zone, in UTC. If clocks skip midnight, the moment of the skip; if it repeats, the first."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def day_span(day: date, zone: ZoneInfo) -> TimeSpan:
    """Return the span of a day: 23 to 25 hours around daylight saving changes, empty if the zone skipped the day."""
    return TimeSpan(start_of_day(day, zone), start_of_day(day + DAY, zone))


def days(first: date, last: date) -> Iterator[date]:
    """Yield the days from the first to the last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
