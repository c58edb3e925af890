"""Invalidation of caches across processes and commit orders; if changes cannot be determined, everything is invalidated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from attrs import define, evolve
from twisted.internet.defer import Deferred

from microblog.domain.auth_cache import AuthCache, CommandAuthentication
from microblog.domain.authentication import Authentication
from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import MAX_CHANGED_KEYS, MAX_COMPARED_KEYS, DependencyCache, InvalidationLog
from microblog.domain.caching.post_journal import PostJournal
from microblog.domain.client_info import ClientInfo
from microblog.domain.sessions import Sessions
from microblog.domain.tokens import Tokens
from microblog.model.accounts import Viewer
from microblog.model.errors import Unauthenticated, Unavailable
from microblog.model.ids import AccountId
from microblog.storage import invalidation_log
from microblog.storage.database import Connection, Cursor, connect, execute, fetch_value
from microblog.storage.invalidation_log import EVERYTHING, RETENTION, InvalidationPosition
from tests import make
from tests.fakes import NoThrottle, RolledBackDatabase, WallClock, quick_passwords, result_of
from tests.live.test_event_log import CommittingDatabase


@pytest.fixture
def connections(database_url: str) -> Iterator[Callable[[], Connection]]:
    """Function that opens connections to one database; they are closed at the end."""
    opened: list[Connection] = []

    def open_connection() -> Connection:
        opened.append(connect(database_url))
        return opened[-1]

    yield open_connection
    for connection in opened:
        connection.close()


def record_change(connection: Connection, key: str) -> None:
    """Record a change in a transaction that stays open."""
    with connection.cursor() as cursor:
        execute(cursor, "select invalidate(array[%(key)s])", {"key": key})


keys = cache_keys.of_keys


def test_changes_of_a_slow_transaction_are_not_missed(connections: Callable[[], Connection]) -> None:
    slow, quick, log = connections(), connections(), InvalidationLog(CommittingDatabase(connections()))
    start = result_of(log.position())
    record_change(slow, "slow")
    record_change(quick, "quick")
    quick.commit()
    between = result_of(log.position())
    assert not log.unchanged(keys("quick"), start)
    assert log.unchanged(keys("slow"), start)
    slow.commit()
    after = result_of(log.position())
    assert not log.unchanged(keys("slow"), between)
    assert log.unchanged(keys("quick"), between)
    assert log.unchanged(keys("slow", "quick"), after)


@pytest.mark.parametrize("others", [0, 2 * MAX_COMPARED_KEYS])
def test_shared_keys_and_authors_count_like_other_keys_after_few_and_many_changes(
    connections: Callable[[], Connection], others: int
) -> None:
    writing, log = connections(), InvalidationLog(CommittingDatabase(connections()))
    post = cache_keys.of_keys("p1") | CacheDependencies(shared=(frozenset({"p2"}), frozenset({"p3"})))
    home = post | CacheDependencies(authors=frozenset({AccountId(4)}))
    for key, concerns_post, concerns_home in (("p1", True, True), ("p3", True, True), ("f4", False, True), ("f5", False, False)):
        start = result_of(log.position())
        for other in range(others):
            record_change(writing, f"x{other}")
        record_change(writing, key)
        writing.commit()
        after = result_of(log.position())
        assert (log.unchanged(post, start), log.unchanged(home, start)) == (not concerns_post, not concerns_home)
        assert log.unchanged(home, after)


def test_what_a_command_reads_after_its_commit_saves_the_next_read(connections: Callable[[], Connection]) -> None:
    connection = connections()
    log = InvalidationLog(CommittingDatabase(connection), max_age=60.0)
    start, reads = result_of(log.position()), log.reads
    follow_up = log.follow_up()
    record_change(connection, "p1")
    connection.commit()
    with connection.cursor() as cursor:
        follow_up(cursor)()
    result_of(log.position())
    assert not log.unchanged(keys("p1"), start)
    assert log.reads == reads


def test_a_commit_after_that_read_is_not_missed(connections: Callable[[], Connection]) -> None:
    connection, other = connections(), connections()
    log = InvalidationLog(CommittingDatabase(connection), max_age=60.0)
    start, follow_up = result_of(log.position()), log.follow_up()
    with connection.cursor() as cursor:
        apply = follow_up(cursor)
    connection.commit()
    record_change(other, "p1")
    other.commit()
    log.wake()
    apply()
    result_of(log.position())
    assert not log.unchanged(keys("p1"), start)


def test_what_a_command_read_is_dropped_if_the_log_was_read_further_meanwhile(connections: Callable[[], Connection]) -> None:
    connection, other = connections(), connections()
    log = InvalidationLog(CommittingDatabase(connections()), max_age=60.0)
    result_of(log.position())
    follow_up = log.follow_up()
    record_change(connection, "c1=1,0,0")
    connection.commit()
    with connection.cursor() as cursor:
        apply = follow_up(cursor)
    record_change(other, "c1=2,0,0")
    other.commit()
    log.wake()
    start = result_of(log.position()) - 2
    apply()
    result_of(log.position())
    assert log.latest("c1", start) == "2,0,0"


def test_an_event_makes_caches_read_only_what_they_have_not_read(connections: Callable[[], Connection]) -> None:
    connection = connections()
    log = InvalidationLog(CommittingDatabase(connections()), max_age=60.0)
    result_of(log.position())
    with connection.cursor() as cursor:
        transaction = int(fetch_value(cursor, "select pg_current_xact_id()::text"))
    record_change(connection, "p1")
    connection.commit()
    assert not log.includes(transaction)
    log.wake()
    assert not log.includes(transaction)
    result_of(log.position())
    assert log.includes(transaction)


def test_a_rolled_back_change_invalidates_nothing(connections: Callable[[], Connection]) -> None:
    other, log = connections(), InvalidationLog(CommittingDatabase(connections()))
    start = result_of(log.position())
    record_change(other, "p1")
    other.rollback()
    result_of(log.position())
    assert log.unchanged(keys("p1"), start)


def test_with_a_maximum_age_the_log_is_read_after_a_wakeup_or_when_the_age_is_reached(connections: Callable[[], Connection]) -> None:
    clock = [0.0]
    other, log = connections(), InvalidationLog(CommittingDatabase(connections()), max_age=0.5, seconds=lambda: clock[0])
    start = result_of(log.position())
    record_change(other, "p1")
    other.commit()
    assert log.unchanged(keys("p1"), result_of(log.position()))
    log.wake()
    result_of(log.position())
    assert not log.unchanged(keys("p1"), start)
    record_change(other, "p2")
    other.commit()
    clock[0] = 0.6
    result_of(log.position())
    assert not log.unchanged(keys("p2"), start)


def test_a_long_absence_invalidates_everything(connections: Callable[[], Connection]) -> None:
    connection = connections()
    with connection.cursor() as cursor:
        now = invalidation_log.current_position(cursor)
        assert invalidation_log.changed_since(cursor, since=now)[1] == []
        assert invalidation_log.changed_since(cursor, since=evolve(now, at=now.at - RETENTION / 2))[1] == [EVERYTHING]


def test_old_changes_are_deleted(connections: Callable[[], Connection]) -> None:
    connection = connections()
    record_change(connection, "p1")
    with connection.cursor() as cursor:
        now = invalidation_log.current_position(cursor).at
        long_ago, second = now - timedelta(days=1), timedelta(seconds=1)
        assert invalidation_log.delete_old(cursor, since=long_ago, before=now - second, limit=1) is None
        reached = invalidation_log.delete_old(cursor, since=long_ago, before=now + second, limit=1)
        assert reached is not None
        assert now - second < reached <= now
        assert invalidation_log.delete_old(cursor, since=reached, before=now + second, limit=1) is None


@define
class DelayedDatabase:
    """A database whose queries wait until the test lets them return."""

    pending: list[Deferred[Any]]

    async def run(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("nothing is written")

    async def read(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.pending.append(Deferred())
        return await self.pending[-1]


NOW = InvalidationPosition("1:1:", make.NOW)


def read_positions(log: InvalidationLog, count: int) -> list[list[int]]:
    """Start concurrent callers; return them and their results."""
    found: list[list[int]] = [[] for _ in range(count)]
    for each in found:
        Deferred.fromCoroutine(log.position()).addCallbacks(each.append, lambda failure: failure.trap(Unavailable))
    return found


def test_concurrent_callers_share_a_query_but_not_one_that_began_earlier() -> None:
    database = DelayedDatabase([])
    log = InvalidationLog(database)
    first = read_positions(log, 1)
    later = read_positions(log, 3)  # while the look is under way: something may be committed that it does not see
    assert len(database.pending) == 1
    database.pending[0].callback(NOW)
    assert all(first)
    assert not any(later)
    assert len(database.pending) == 2
    database.pending[1].callback((NOW, frozenset({"p1"})))
    assert all(later)


def test_a_caller_waits_for_the_query_that_a_commit_started() -> None:
    database = DelayedDatabase([])
    log = InvalidationLog(database, max_age=1e9)
    (start,) = read_positions(log, 1)
    database.pending[0].callback(NOW)
    log.wake()
    both = [*read_positions(log, 1), *read_positions(log, 1)]
    assert not any(both)
    assert len(database.pending) == 2
    database.pending[1].callback((NOW, ["p1"]))
    assert both == [[start[0] + 1]] * 2


def test_after_a_failure_everything_counts_as_changed() -> None:
    database = DelayedDatabase([])
    log = InvalidationLog(database)
    (start,) = read_positions(log, 1)
    database.pending[-1].callback(NOW)
    (failed,) = read_positions(log, 1)
    database.pending[-1].errback(Unavailable())
    assert failed == []
    (after,) = read_positions(log, 1)
    database.pending[-1].callback(NOW)
    assert not log.unchanged(keys("p1"), start[0])
    assert log.unchanged(keys("p1"), after[0])


def test_too_many_keys_invalidate_everything() -> None:
    database = DelayedDatabase([])
    log = InvalidationLog(database)
    (start,) = read_positions(log, 1)
    database.pending[-1].callback(NOW)
    read_positions(log, 1)
    database.pending[-1].callback((NOW, frozenset({EVERYTHING})))
    assert not log.unchanged(keys("p1"), start[0])


def test_old_values_of_a_key_that_changes_all_the_time_are_discarded() -> None:
    log = InvalidationLog(DelayedDatabase([]))
    for number in range(4):
        log._append(f"k1={value}" for value in range(number, MAX_CHANGED_KEYS, 2))
    assert len(log._values["k1"]) == len(log._keys) <= MAX_CHANGED_KEYS
    assert log.latest("k1", log._first_position) == str(MAX_CHANGED_KEYS - 1)


def new_cache(clock: WallClock, capacity: int = 3) -> tuple[DependencyCache[str], int]:
    """A cache whose entries are never invalidated."""
    database = DelayedDatabase([])
    log = InvalidationLog(database, max_age=1e9)
    (start,) = read_positions(log, 1)
    database.pending[-1].callback(NOW)
    return DependencyCache(log, clock, capacity, "test"), start[0]


def test_the_least_recently_used_entries_are_evicted_first() -> None:
    kept, start = new_cache(WallClock(make.NOW))
    for name in "abc":
        kept.put(name, name, CacheDependencies(), start)
    assert kept.get("a", start) == "a"
    kept.put("d", "d", CacheDependencies(), start)
    assert [kept.get(name, start) for name in "abcd"] == ["a", None, "c", "d"]
    kept.put("large", "x", CacheDependencies(), start, 4)
    kept.put("two", "x", CacheDependencies(), start, 2)
    assert [kept.get(name, start) for name in ("a", "c", "d", "large", "two")] == [None, None, "d", None, "x"]


def test_watched_values_are_refreshed_or_dropped_only_if_they_changed_and_many_are_found_as_one_by_one() -> None:
    kept, start = new_cache(WallClock(make.NOW), 20)
    log, refreshed = kept.invalidation_log, []

    def refresh(value: str, since: int) -> str:
        refreshed.append(value)
        return f"{value}{log.latest('c1', since)}"

    kept.refresh = refresh
    for name in ("p1", "p2", "p3"):
        kept.put(name, name, cache_keys.of_keys(name), start, watched=frozenset({name, f"c{name[1:]}"}))
    kept.put("p4", "p4", cache_keys.of_keys("p4"), start)
    log._append(["c1=5", "p3", "p9"])
    position = log._first_position + len(log._keys)
    assert kept.get_many(["p2", "p1", "p3", "p5"], position) == {"p2": "p2", "p1": "p15"}
    assert (refreshed, kept.hits, kept.misses) == (["p1"], 2, 2)
    assert kept.get_many(["p2", "p1", "p3"], position) == {"p2": "p2", "p1": "p15"}
    assert kept.get("p4", position) == "p45"  # nothing is known of what refreshes it
    log._append(["p2"])
    assert kept.get_many(["p2", "p1"], position + 1) == {"p1": "p15"}


def test_each_cache_counts_hits_misses_entries_and_bytes() -> None:
    kept, start = new_cache(WallClock(make.NOW))
    for name in "abc":
        kept.put(name, name * 1_000, CacheDependencies(), start)
    found = [kept.get(name, start) is not None for name in "abcd"]
    figures = kept.figures()
    assert kept.invalidation_log.caches == [kept.invalidation_log, kept]
    assert (figures.name, figures.hits, figures.misses, figures.entries) == ("test", sum(found), 1, 3)
    assert 3_000 <= figures.bytes <= 6_000


def test_a_cache_limited_by_bytes_reports_its_exact_size() -> None:
    kept, start = new_cache(WallClock(make.NOW), 1_000)
    kept.in_bytes = True
    kept.put("a", "x", CacheDependencies(), start, 700)
    assert kept.figures().bytes == 700


def test_an_entry_is_not_cached_beyond_its_expiry() -> None:
    clock = WallClock(make.NOW)
    kept, start = new_cache(clock)
    kept.put("a", "a", CacheDependencies(until=make.NOW + timedelta(minutes=1)), start)
    kept.put("b", "b", cache_keys.NEVER_CACHED, start)
    assert kept.get("b", start) is None
    assert kept.get("a", start) == "a"
    clock.advance(minutes=1)
    assert kept.get("a", start) is None


@define
class CachedLogin:
    """The cached authentication."""

    identities: AuthCache
    sessions: Sessions
    tokens: Tokens
    who: Viewer


@pytest.fixture
def clock() -> WallClock:
    return WallClock(make.NOW)


@pytest.fixture
def login(db: RolledBackDatabase, cursor: Cursor, clock: WallClock) -> CachedLogin:
    """The cached authentication, and an account."""
    sessions, tokens = Sessions(db, quick_passwords(), NoThrottle(), clock), Tokens(db, clock)
    return CachedLogin(AuthCache(Authentication(sessions, tokens), InvalidationLog(db), clock), sessions, tokens, make.viewer(cursor))


async def test_a_revoked_token_and_an_ended_session_are_invalid_at_once(login: CachedLogin) -> None:
    issued = await login.tokens.issue(login.who.id, "read")
    entry = await login.sessions.begin(login.who.id, ClientInfo("192.0.2.1", "192.0.2.1", ""))
    for _ in range(3):  # the first time it is noted that the token was used
        assert await login.identities.by_bearer(issued.text) is not None
        assert await login.identities.by_cookie(entry.token) is not None
    assert (login.identities.tokens.hits, login.identities.sessions.hits) == (1, 2)
    await login.tokens.revoke(login.who.id, issued.token.id)
    await login.sessions.log_out(entry.token)
    with pytest.raises(Unauthenticated):
        await login.identities.by_bearer(issued.text)
    assert await login.identities.by_cookie(entry.token) is None


async def test_a_command_is_refused_at_once_after_another_process_revoked_its_token(
    login: CachedLogin, clock: WallClock, db: RolledBackDatabase
) -> None:
    issued = await login.tokens.issue(login.who.id, "read")
    entry = await login.sessions.begin(login.who.id, ClientInfo("192.0.2.1", "192.0.2.1", ""))
    log = InvalidationLog(db, max_age=60.0)  # to which nobody sends a wake-up
    cache = AuthCache(login.identities.authentication, log, clock)
    commands = CommandAuthentication(cache)
    for _ in range(3):
        assert await commands.by_bearer(issued.text) is not None
        assert await commands.by_cookie(entry.token) is not None
    assert cache.tokens.hits > 0
    await login.tokens.revoke(login.who.id, issued.token.id)
    await login.sessions.log_out(entry.token)
    with pytest.raises(Unauthenticated):
        await commands.by_bearer(issued.text)
    assert await commands.by_cookie(entry.token) is None


async def test_a_cached_session_still_expires(login: CachedLogin, clock: WallClock, cursor: Cursor) -> None:
    entry = await login.sessions.begin(login.who.id, ClientInfo("192.0.2.1", "192.0.2.1", ""))
    execute(cursor, "update sessions set expires_at = %(at)s", {"at": make.NOW + timedelta(minutes=2)})
    assert await login.identities.by_cookie(entry.token) is not None
    clock.advance(minutes=2)
    assert await login.identities.by_cookie(entry.token) is None


async def test_a_changed_display_name_is_visible_at_once(login: CachedLogin, cursor: Cursor) -> None:
    issued = await login.tokens.issue(login.who.id, "read")
    await login.identities.by_bearer(issued.text)
    execute(cursor, "update accounts set display_name = 'New'")
    access = await login.identities.by_bearer(issued.text)
    assert access is not None
    assert access.viewer is not None
    assert access.viewer.account.display_name == "New"


def test_the_log_and_the_journal_report_their_size_too(db: RolledBackDatabase, cursor: Cursor) -> None:
    log = InvalidationLog(db)
    journal = PostJournal(db, log)
    result_of(journal.advance())
    for _ in range(3):
        make.post(cursor, make.account(cursor), "x" * 300)
    log.wake()
    result_of(journal.advance())
    assert log.caches == [log, journal]
    figures = {each.name: each for each in (log.figures(), journal.figures())}
    assert figures["post_journal"].entries == 3
    assert figures["invalidation_log"].entries >= 3
    assert all(each.bytes > 100 for each in figures.values())
    result_of(log.position())
    assert log.figures().misses == 3  # without `max_age`, each position is read
