"""Measures, dimensions and retention for moderators: they equal what a simple count of all rows says, counted by day or on the fly."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from attrs import frozen

from microblog.domain.admin_metrics import AdminMetrics
from microblog.domain.interactions import Interactions
from microblog.domain.statistics import UTC_ZONE, DailyStatistics
from microblog.model.accounts import Account, Viewer
from microblog.model.admin_metrics import DayRange, DimensionKey, MeasureKey, MeasureReport
from microblog.model.errors import NotFound
from microblog.model.posts import Post, Visibility
from microblog.model.reports import ReportCategory
from microblog.model.statistics import DAY, Measure, Unit
from microblog.storage import reports
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, result_of

TODAY = date(2026, 3, 4)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
PERIOD = DayRange(date(2026, 2, 27), TODAY)
FAR, FARTHER = "far.example", "farther.example"


def at(day: int, hour: int = 9) -> datetime:
    """Return a time so many days after 27 February."""
    return datetime(2026, 2, 27, hour, tzinfo=UTC) + timedelta(days=day)


@frozen
class Town:
    """A site with a week of activity. `metrics` reads its numbers at noon of the last day."""

    cursor: Cursor
    metrics: AdminMetrics
    ada: Viewer
    tag: str

    def measure(self, key: MeasureKey, subject: str = "", period: DayRange = PERIOD) -> MeasureReport:
        return result_of(self.metrics.measure(key, period, subject))

    def ranking(self, key: DimensionKey, subject: str = "", limit: int = 10) -> list[tuple[str, str]]:
        found = result_of(self.metrics.dimension(key, PERIOD, limit, subject))
        return [(entry.key, entry.value) for entry in found.entries]

    def days_of(self, sql: str, **params: object) -> Counter[date]:
        """Count the rows of a statement that returns days."""
        return Counter(day for day in fetch_all(self.cursor, lambda day: day, sql, params) if PERIOD.first <= day <= PERIOD.last)


def visit(cursor: Cursor, who: Account | Viewer, *days: int) -> None:
    for day in days:
        execute(cursor, "select record_visit(%(id)s, %(at)s)", {"id": who.id, "at": at(day)})


def favourite(cursor: Cursor, who: Viewer, post: Post, now: datetime) -> None:
    result_of(Interactions(RolledBackDatabase(cursor), lambda: now).favourite(who, post.id))


def report(cursor: Cursor, by: Account | Viewer, target: Account | Viewer, opened: datetime, closed: datetime | None = None) -> None:
    id = reports.insert(
        cursor, account=by.id, target=target.id, posts=[], comment="", category=ReportCategory.SPAM, forwarded=False, rules=[], now=opened
    )
    execute(cursor, "update reports set closed_at = %(closed)s where id = %(id)s", {"closed": closed, "id": id})


@pytest.fixture(params=["counted by day", "on the fly"])
def town(cursor: Cursor, request: pytest.FixtureRequest) -> Town:
    """The days before yesterday are always counted; yesterday only if its count is not late."""
    ada, bob = make.viewer(cursor, now=at(-3)), make.viewer(cursor, now=at(-3))
    eve, late = make.viewer(cursor, now=at(0)), make.viewer(cursor, now=at(4))
    visits: list[tuple[Viewer, tuple[int, ...]]] = [(ada, (-3, 0, 1, 5)), (bob, (-3, 4)), (eve, (0, 1, 3)), (late, (4, 5))]
    for who, days in visits:
        visit(cursor, who, *days)
    made = [make.post(cursor, ada, f"Tea {day} #tea", language="de", now=at(day)) for day in (-2, 0, 0, 2, 4, 5)]
    make.post(cursor, bob, "#tea", language="en", now=at(4))
    make.post(cursor, bob, "#tea", visibility=Visibility.PRIVATE, now=at(4))
    make.post(cursor, eve, "Yes", reply_to=made[1], now=at(1))
    make.boost(cursor, bob, made[0], now=at(3))
    for day, who in ((0, bob), (4, eve), (5, late)):
        favourite(cursor, who, made[0], at(day))
    near, far = make.remote_account(cursor, host=FAR, now=at(-2)), make.remote_account(cursor, host=FAR, now=at(2))
    other = make.remote_account(cursor, host=FARTHER, now=at(1))
    written = {near: (-2, 1, 1, 5), far: (4,), other: (0, 1, 2, 3, 4)}
    for author, day in [(author, day) for author, days in written.items() for day in days]:
        make.remote_post(cursor, author, tags=["tea"], now=at(day))
    make.follow(cursor, ada, near, now=at(1))
    make.follow(cursor, bob, near, now=at(-2))
    make.follow(cursor, far, ada, now=at(4))
    report(cursor, ada, near, at(-2), at(2))
    report(cursor, bob, far, at(3))
    report(cursor, bob, eve, at(5), at(5, 10))
    statistics = DailyStatistics(RolledBackDatabase(cursor), UTC_ZONE, lambda: NOON)
    result_of(statistics.count_missing(UTC_ZONE, TODAY - DAY * (1 if request.param == "counted by day" else 2)))
    tag = str(fetch_value(cursor, "select id from tags where key = 'tea'"))
    return Town(cursor, AdminMetrics(statistics, "example.org", {"microblog": "1.2.3"}), ada, tag)


SIMPLE = {
    MeasureKey.NEW_USERS: "select (created_at at time zone 'UTC')::date from accounts where host is null",
    MeasureKey.OPENED_REPORTS: "select (created_at at time zone 'UTC')::date from reports",
    MeasureKey.RESOLVED_REPORTS: "select (closed_at at time zone 'UTC')::date from reports where closed_at is not null",
    MeasureKey.INTERACTIONS: """
        select (created_at at time zone 'UTC')::date from favourites
        union all select (created_at at time zone 'UTC')::date from posts where boost_of is not null or reply_to is not null""",
    MeasureKey.TAG_USES: """
        select (p.created_at at time zone 'UTC')::date from posts p join post_tags t on t.post_id = p.id
        where p.visibility = 'public' and p.uri is null""",
}


@pytest.mark.parametrize("key", SIMPLE)
def test_a_measure_equals_the_rows_of_each_day_and_of_the_period(town: Town, key: MeasureKey) -> None:
    found, counted = town.measure(key, town.tag), town.days_of(SIMPLE[key])
    assert found.days == tuple((day, counted[day]) for day in PERIOD.days)
    assert found.total == counted.total() > 0


def test_measures_of_the_site_equal_its_public_statistics(town: Town) -> None:
    days = result_of(town.metrics.statistics.up_to_now(PERIOD.first, PERIOD.last))
    assert [day.day for day in days] == PERIOD.days
    found = dict(town.measure(MeasureKey.INTERACTIONS).days)
    assert found == {day.day: day[Measure.FAVOURITES] + day[Measure.BOOSTS] + day[Measure.REPLIES] for day in days}
    assert dict(town.measure(MeasureKey.NEW_USERS).days) == {day.day: day[Measure.NEW_ACCOUNTS] for day in days}


def test_an_account_that_came_on_several_days_counts_once_in_the_total_of_active_users(town: Town) -> None:
    found = town.measure(MeasureKey.ACTIVE_USERS)
    assert found.days == tuple(zip(PERIOD.days, (2, 2, 0, 1, 2, 2), strict=True))
    assert found.total == 4
    assert found.previous == 3, "the period before ends on the first day of this one, as Mastodon's does"


def test_the_total_of_the_period_before_is_counted(town: Town) -> None:
    assert (town.measure(MeasureKey.OPENED_REPORTS).previous, town.measure(MeasureKey.NEW_USERS).previous) == (1, 3)
    assert town.measure(MeasureKey.TAG_USES, town.tag).previous == 3


def test_an_author_counts_once_for_a_hashtag_in_the_total(town: Town) -> None:
    found = town.measure(MeasureKey.TAG_ACCOUNTS, town.tag)
    assert found.days == tuple(zip(PERIOD.days, (1, 0, 1, 0, 2, 1), strict=True))
    assert found.total == 2


def test_servers_of_a_hashtag_are_other_servers(town: Town) -> None:
    found = town.measure(MeasureKey.TAG_SERVERS, town.tag)
    assert found.days == tuple(zip(PERIOD.days, (1, 2, 1, 1, 2, 1), strict=True))
    assert found.total == 2
    assert town.ranking(DimensionKey.TAG_SERVERS, town.tag) == [("example.org", "6"), (FARTHER, "5"), (FAR, "4")]
    assert town.ranking(DimensionKey.TAG_LANGUAGES, town.tag) == [("und", "9"), ("de", "5"), ("en", "1")]


@pytest.mark.parametrize("key", [MeasureKey.TAG_USES, MeasureKey.TAG_ACCOUNTS, MeasureKey.TAG_SERVERS])
def test_an_unknown_hashtag_is_not_found(town: Town, key: MeasureKey) -> None:
    with pytest.raises(NotFound):
        town.measure(key, "1")
    with pytest.raises(NotFound):
        town.ranking(DimensionKey.TAG_SERVERS, "1")


@pytest.mark.parametrize(
    ("key", "total", "days"),
    [
        (MeasureKey.INSTANCE_ACCOUNTS, 2, (0, 0, 1, 0, 0, 0)),
        (MeasureKey.INSTANCE_STATUSES, 5, (0, 2, 0, 0, 1, 1)),
        (MeasureKey.INSTANCE_REPORTS, 2, (0, 0, 0, 1, 0, 0)),
        (MeasureKey.INSTANCE_FOLLOWS, 2, (0, 1, 0, 0, 0, 0)),
        (MeasureKey.INSTANCE_FOLLOWERS, 1, (0, 0, 0, 0, 1, 0)),
        (MeasureKey.INSTANCE_MEDIA, 0, (0, 0, 0, 0, 0, 0)),
    ],
)
def test_measures_of_a_server_have_the_total_of_all_times(town: Town, key: MeasureKey, total: int, days: tuple[int, ...]) -> None:
    found = town.measure(key, FAR)
    assert found.days == tuple(zip(PERIOD.days, days, strict=True))
    assert (found.total, found.previous) == (total, None)
    assert town.measure(key, "unknown.example").total == 0


def test_media_of_a_server_are_the_bytes_of_the_copies_here(town: Town) -> None:
    execute(
        town.cursor,
        """with added as (
               insert into media (id, account_id, kind, created_at, remote_url)
               select new_id(%(at)s), id, 'image', %(at)s, 'https://far.example/1' from accounts where host = %(host)s returning id)
           insert into remote_files (stem, kind, media_id, bytes, used_at) select id::text, 'media', id, 1500, %(at)s from added""",
        {"at": at(2), "host": FAR},
    )
    found = town.measure(MeasureKey.INSTANCE_MEDIA, FAR)
    assert (found.total, dict(found.days)[date(2026, 3, 1)]) == (3000, 3000)
    assert ("media_cache", "3000") in town.ranking(DimensionKey.SPACE_USAGE)


def test_servers_and_languages_are_ranked_by_their_posts(town: Town) -> None:
    assert town.ranking(DimensionKey.SERVERS) == [("example.org", "7"), (FARTHER, "5"), (FAR, "4")]
    assert town.ranking(DimensionKey.SERVERS, limit=1) == [("example.org", "7")]
    assert town.ranking(DimensionKey.LANGUAGES) == [("de", "5"), ("en", "1"), ("und", "1")]
    assert town.ranking(DimensionKey.INSTANCE_LANGUAGES, FAR) == [("und", "4")]


def test_accounts_of_a_server_are_ranked_by_their_followers_here(town: Town) -> None:
    [(name, followers)] = town.ranking(DimensionKey.INSTANCE_ACCOUNTS, FAR)
    assert (name.startswith("far.user"), followers) == (True, "2")


def test_sources_are_the_apps_by_which_accounts_were_created(town: Town) -> None:
    assert town.ranking(DimensionKey.SOURCES) == [("web", "2")]


def test_versions_and_sizes_are_known(town: Town) -> None:
    versions = dict(town.ranking(DimensionKey.SOFTWARE_VERSIONS))
    assert versions["microblog"] == "1.2.3"
    assert versions["postgresql"] == str(fetch_value(town.cursor, "show server_version")).partition(" ")[0]
    assert int(dict(town.ranking(DimensionKey.SPACE_USAGE))["postgresql"]) > 1_000_000


@pytest.mark.parametrize(("used", "keys"), [(2_000_000, ["postgresql", "redis", "media_cache"]), (None, ["postgresql", "media_cache"])])
def test_space_usage_has_the_memory_of_redis_while_it_responds(town: Town, used: int | None, keys: list[str]) -> None:
    async def redis_memory() -> int | None:
        return used

    town.metrics.redis_memory = redis_memory
    found = dict(town.ranking(DimensionKey.SPACE_USAGE))
    assert (list(found), found.get("redis")) == (keys, None if used is None else str(used))


def test_retention_counts_those_of_a_day_that_came_back_on_later_days(town: Town) -> None:
    found = result_of(town.metrics.retention(PERIOD, Unit.DAY))
    assert [cohort.begin for cohort in found] == PERIOD.days
    assert [(cohort.size, [point.people for point in cohort.points]) for cohort in found] == [
        (1, [1, 1, 0, 1, 0, 0]),
        (0, [0, 0, 0, 0, 0]),
        (0, [0, 0, 0, 0]),
        (0, [0, 0, 0]),
        (1, [1, 1]),
        (0, [0]),
    ]
    assert [point.rate for point in found[0].points] == [1.0, 1.0, 0.0, 1.0, 0.0, 0.0]


def test_retention_by_month_counts_an_account_once_a_month(town: Town) -> None:
    found = result_of(town.metrics.retention(PERIOD, Unit.MONTH))
    assert [(cohort.begin.month, cohort.size, [(point.begin.month, point.people) for point in cohort.points]) for cohort in found] == [
        (2, 3, [(2, 3), (3, 3)]),
        (3, 1, [(3, 1)]),
    ]


def test_retention_stays_after_accounts_are_deleted(town: Town) -> None:
    before = result_of(town.metrics.retention(PERIOD, Unit.DAY))
    execute(town.cursor, "delete from accounts where created_at = %(at)s and host is null", {"at": at(0)})
    result_of(town.metrics.statistics.rebuild(PERIOD.first, TODAY - DAY))
    again = AdminMetrics(town.metrics.statistics, "example.org", {})
    assert result_of(again.retention(PERIOD, Unit.DAY)) == before


def test_days_that_an_earlier_release_counted_are_counted_again_for_moderators(cursor: Cursor) -> None:
    ada = make.viewer(cursor, now=at(0))
    make.post(cursor, ada, language="de", now=at(1))
    statistics = DailyStatistics(RolledBackDatabase(cursor), UTC_ZONE, lambda: NOON)
    result_of(statistics.count_missing(UTC_ZONE, date(2026, 3, 2)))
    for table in ("post_days", "cohort_days", "counted_days"):
        execute(cursor, f"delete from {table}")
    result_of(statistics.count_missing(UTC_ZONE, date(2026, 3, 3)))
    sql = "select day from counted_days order by day"
    assert fetch_all(cursor, lambda day: day, sql) == DayRange(at(0).date(), date(2026, 3, 3)).days
    assert fetch_all(cursor, lambda *row: row, "select host, day, language, posts from post_days") == [("", date(2026, 2, 28), "de", 1)]


def test_counting_a_day_again_replaces_its_numbers(town: Town) -> None:
    sql = "select * from post_days natural full join cohort_days order by 1, 2, 3, 4"
    before = fetch_all(town.cursor, lambda *row: row, sql)
    result_of(town.metrics.statistics.rebuild(at(-3).date(), TODAY - DAY * 2))
    assert fetch_all(town.cursor, lambda *row: row, sql) == before != []
