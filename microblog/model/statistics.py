"""What is counted of each day, and when a day begins and ends where the site lives."""

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
TOP = 10  # entries of a ranking that are kept


class Unit(StrEnum):
    """What a plot has one column for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def begin(self, day: date) -> date:
        """The first day of the week (a Monday) or the month that the day is in; or the day itself."""
        if self is Unit.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self is Unit.MONTH else day

    def back(self, day: date, count: int) -> date:
        """The beginning of the unit that lies so many units before the one that the day is in."""
        begin = self.begin(day)
        if self is Unit.MONTH:
            months = begin.year * 12 + begin.month - 1 - count
            return date(months // 12, months % 12 + 1, 1)
        return begin - count * (7 * DAY if self is Unit.WEEK else DAY)


class Measure(StrEnum):
    """What is counted of a day. All of it happened on that day, and counts although it was undone, edited or deleted since.

    Posts that not everybody may see are not counted, nor boosts and favourites of them: everybody reads these figures.
    A favourite, a boost and a follow count once a day for each pair, however often they were taken back and done again.
    """

    NEW_ACCOUNTS = "new_accounts"  # people who signed up, also those who were refused later
    ACTIVE = "active"  # people who posted or were signed in
    POSTED = "posted"  # people who posted, replied or boosted
    VISITED = "visited"  # people who were seen with a browser or an app that is signed in
    POSTS = "posts"  # replies are among them, boosts are not
    REPLIES = "replies"
    BOOSTS = "boosts"
    FAVOURITES = "favourites"
    FOLLOWS = "follows"  # once they were accepted
    MAILS_SENT = "mails_sent"  # taken over by the mail server, or kept as a file
    MAILS_FAILED = "mails_failed"  # refused or given up
    LIVE_PEAK = "live_peak"  # live connections at once: the processes' peaks of the same quarter of an hour, summed
    TOP_TAGS = "top_tags"  # how many tags public posts were given; the ranking is by people, then by posts
    TOP_POSTS = "top_posts"  # how many public posts were liked or boosted; the ranking is by both together


PEAKS = frozenset({Measure.ACTIVE, Measure.POSTED, Measure.VISITED, Measure.LIVE_PEAK})
"""Measures of which a longer time has the highest day: the same people come again, so days cannot be summed."""


@frozen
class TagScore:
    """How many people gave public posts this tag, and how many posts. `key` is the folded one."""

    key: str
    people: int
    posts: int


@frozen
class PostScore:
    """How often a public post was liked and boosted."""

    post: PostId
    favourites: int
    boosts: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.favourites + self.boosts


@frozen
class TimeSpan:
    """A time, from `begin` to before `end`; both aware, in UTC."""

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
    """Some days together, which begin with `begin`."""

    begin: date
    days: tuple[Day, ...] = ()

    def __getitem__(self, measure: Measure) -> int:
        """The sum of the days, or the highest of them."""
        values = [day[measure] for day in self.days]
        return max(values, default=0) if measure in PEAKS else sum(values)

    def tags(self) -> list[TagScore]:
        """The days' rankings together: people are counted each day anew."""
        return sorted(
            (
                TagScore(key, sum(score.people for score in scores), sum(score.posts for score in scores))
                for key, scores in _grouped((score.key, score) for day in self.days for score in day.tags).items()
            ),
            key=lambda score: (-score.people, -score.posts, score.key),
        )

    def posts(self) -> list[PostScore]:
        """The days' rankings together."""
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
    """The days by unit, every unit from the first day to the last, also where nothing was counted."""
    groups = _grouped((unit.begin(day.day), day) for day in counted)
    begins = dict.fromkeys(unit.begin(day) for day in days(first, last))
    return [Period(begin, tuple(groups.get(begin, ()))) for begin in begins]


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins in the zone, in UTC: where clocks skip midnight, when they skip it; where they show it twice, the first time."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def day_span(day: date, zone: ZoneInfo) -> TimeSpan:
    """The day from its midnight to the next: 23 to 25 hours around daylight saving, none where a zone left the day out."""
    return TimeSpan(start_of_day(day, zone), start_of_day(day + DAY, zone))


def days(first: date, last: date) -> Iterator[date]:
    """From the first to the last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
