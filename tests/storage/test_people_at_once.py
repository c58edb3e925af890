"""Concurrent commands of several people (or of one with two windows), in transactions that really commit."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from threading import Event
from typing import Any, TypeVar

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from microblog.domain.account_security import AccountSecurity
from microblog.domain.follows import Follows
from microblog.domain.notify import PostNotifier
from microblog.domain.registration import Registrations, SignUpForm
from microblog.domain.relationships import Relationships
from microblog.model.accounts import Account, RegistrationMode, Viewer
from microblog.model.errors import Forbidden, Invalid
from microblog.model.ids import AccountId
from microblog.model.posts import Post, PostDraft
from microblog.model.site_settings import SiteSettings
from microblog.storage import accounts
from microblog.storage.database import Cursor, Database, fetch_value
from tests import make
from tests.fakes import NoThrottle, WallClock, quick_passwords

T = TypeVar("T")
CLOCK = WallClock(make.NOW)
ROUNDS = 10


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database that commits, with a thread for each concurrent command of a test."""
    database = Database(database_url, reactor, threads=8)
    database.start()
    yield database
    database.stop()


async def at_once(coroutines: list[Coroutine[Any, Any, T]]) -> list[T | BaseException]:
    """Run the commands concurrently; return what each returned or raised."""
    results: Any = await DeferredList([Deferred.fromCoroutine(one) for one in coroutines], consumeErrors=True)
    outcomes: list[Any] = [result.value if isinstance(result, Failure) else result for _, result in results]
    return outcomes


async def interleaved(
    database: Database, first: Callable[[Cursor, Callable[[], None]], None], second: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Run a transaction that pauses until a command, which begins in the pause, waits for it or is done; then both go on to their end."""
    paused, resumed = Event(), Event()

    def pause() -> None:
        paused.set()
        assert resumed.wait(30)

    running = Deferred.fromCoroutine(database.run(first, pause))
    while not paused.is_set():
        await deferLater(reactor, 0.02)
    other = Deferred.fromCoroutine(second())
    while not other.called and not await database.read(fetch_value, "select count(*) from pg_locks where not granted"):
        await deferLater(reactor, 0.02)
    resumed.set()
    await running
    await other


def registrations(database: Database, mode: RegistrationMode = RegistrationMode.OPEN) -> Registrations:
    return Registrations(database, quick_passwords(), lambda: SiteSettings(registration=mode), auto_confirm=True, now=CLOCK)


async def people(database: Database, number: int) -> list[Viewer]:
    def some(cursor: Cursor) -> list[Viewer]:
        return [make.viewer(cursor) for _ in range(number)]

    return await database.run(some)


async def again(database: Database, id: AccountId) -> Account:
    account = await database.read(accounts.by_id, id=id)
    assert account is not None
    return account


def refused(outcomes: list[T | BaseException]) -> list[dict[str, str]]:
    """Return the error codes of refused commands; fail on other errors."""
    wrong = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(outcome, Invalid) for outcome in wrong), wrong
    return [outcome.codes for outcome in wrong if isinstance(outcome, Invalid)]


async def test_one_of_several_concurrent_sign_ups_gets_the_username_and_the_others_an_error(database: Database) -> None:
    service = registrations(database)
    forms = [
        SignUpForm(name, f"{number}@example.org", "a long enough one", agreement=True) for number, name in enumerate(["ann", "ANN"] * 4)
    ]
    assert refused(await at_once([service.sign_up(form) for form in forms])) == [{"username": "ERR_TAKEN"}] * 7


async def test_one_of_several_concurrent_sign_ups_gets_the_address_and_the_others_an_error(database: Database) -> None:
    service = registrations(database)
    forms = [SignUpForm(f"ann{number}", "Ann@example.org", "a long enough one", agreement=True) for number in range(8)]
    assert refused(await at_once([service.sign_up(form) for form in forms])) == [{"email": "ERR_TAKEN"}] * 7


async def test_the_last_use_of_an_invite_is_given_to_one_sign_up(database: Database) -> None:
    service = registrations(database, RegistrationMode.INVITE)
    code = (await service.invite(None, max_uses=2)).code
    forms = [SignUpForm(f"p{n}", f"p{n}@example.org", "a long enough one", agreement=True, invite=code) for n in range(8)]
    assert refused(await at_once([service.sign_up(form) for form in forms])) == [{"invite": "ERR_INVALID"}] * 6
    assert [invite.uses for invite in await service.invites()] == [2]


async def test_one_of_several_concurrent_changes_gets_the_address(database: Database) -> None:
    passwords = quick_passwords()
    forms = [SignUpForm(f"p{n}", f"p{n}@example.org", "a long enough one") for n in range(4)]
    made = [await registrations(database).create(form) for form in forms]
    service = AccountSecurity(database, passwords, NoThrottle(), auto_confirm=True, now=CLOCK)
    changes = [service.change_email(Viewer(account), "a long enough one", "one@example.org", "n") for account in made]
    assert refused(await at_once(changes)) == [{"email": "ERR_TAKEN"}] * 3


async def test_counters_are_exact_when_many_follow_and_unfollow_each_other_at_once(database: Database) -> None:
    follows, everybody = Follows(database, CLOCK), await people(database, 4)
    pairs = [(one, other) for one in everybody for other in everybody if one is not other]
    for _ in range(ROUNDS):
        outcomes = await at_once([follows.follow(one, other.id) for one, other in pairs * 2])
        assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for one in everybody:
            account = await again(database, one.id)
            assert (account.following_count, account.followers_count) == (3, 3)
        outcomes = await at_once([follows.unfollow(one, other.id) for one, other in pairs * 2])
        assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for one in everybody:
            account = await again(database, one.id)
            assert (account.following_count, account.followers_count) == (0, 0)
    assert not any(timing.retries for timing in database.timings.values()), "the order of locks should leave nothing to try again"


async def test_a_follow_does_not_survive_a_concurrent_block(database: Database) -> None:
    follows, relations = Follows(database, CLOCK), Relationships(database, CLOCK)
    for _ in range(ROUNDS):
        ann, ben = await people(database, 2)
        _, outcome = await at_once([relations.block(ann, ben.id), follows.follow(ben, ann.id)])
        assert not isinstance(outcome, BaseException) or isinstance(outcome, Forbidden)
        [seen] = await relations.between(ann, [ben.id])
        assert (seen.blocking, seen.followed_by) == (True, False)
        assert (await again(database, ann.id)).followers_count == 0


async def test_a_request_that_is_accepted_twice_is_one_follow(database: Database) -> None:
    follows = Follows(database, CLOCK)

    def locked(cursor: Cursor) -> Viewer:
        return make.viewer(cursor, locked=True)

    for _ in range(ROUNDS):
        shy, [ann] = await database.run(locked), await people(database, 1)
        await follows.follow(ann, shy.id)
        await at_once([follows.accept(shy, ann.id), follows.accept(shy, ann.id), follows.unfollow(ann, shy.id)])
        [seen] = await Relationships(database, CLOCK).between(ann, [shy.id])
        assert not seen.requested
        assert (await again(database, shy.id)).followers_count == int(seen.following)


async def author_with_subscribers(database: Database) -> tuple[Viewer, str]:
    """An author with subscribers, and a text that mentions others."""
    author, *others = await people(database, 9)

    def watch(cursor: Cursor) -> None:
        for watcher in others[:4]:
            make.follow(cursor, watcher, author, notify=True)

    await database.run(watch)
    return author, " ".join(f"@{named.account.username}" for named in others[4:])


async def counted(database: Database, table: str) -> int:
    kinds = " where kind = 'notified'" if table == "events" else ""
    return int(await database.read(fetch_value, f"select count(*) from {table}{kinds}"))


async def test_a_post_deleted_during_its_notification_job_leaves_no_notifications(database: Database) -> None:
    author, text = await author_with_subscribers(database)
    posts, notifier = make.post_service(database), PostNotifier(database, CLOCK)
    for _ in range(ROUNDS):
        post = await posts.publish(author, PostDraft(text))
        job: list[Coroutine[Any, Any, object]] = [*map(notifier.published, [post.id] * 2), posts.delete(author, post.id)]
        assert [outcome for outcome in await at_once(job) if isinstance(outcome, BaseException)] == []
        assert await counted(database, "notifications") == 0


async def test_two_concurrent_notification_jobs_of_a_post_notify_each_account_once(database: Database) -> None:
    author, text = await author_with_subscribers(database)
    notifier = PostNotifier(database, CLOCK)
    for done in range(1, ROUNDS + 1):
        post = await make.post_service(database).publish(author, PostDraft(text))
        await at_once([notifier.published(post.id) for _ in range(3)])
        assert (await counted(database, "notifications"), await counted(database, "events")) == (8 * done, 8 * done)


async def test_concurrent_requests_with_one_idempotency_key_return_one_post(database: Database) -> None:
    [ada] = await people(database, 1)
    service = make.post_service(database)
    for number in range(ROUNDS):
        drafts = [
            PostDraft(f"Try {attempt}", key=f"key {number}") for attempt in range(8)
        ]  # a client that gave up waiting, and its retries
        outcomes = await at_once([service.publish(ada, draft) for draft in drafts])
        assert len({outcome.id for outcome in outcomes if isinstance(outcome, Post)}) == 1, outcomes
        assert all(isinstance(outcome, Post) for outcome in outcomes), outcomes
    assert await counted(database, "posts") == ROUNDS
