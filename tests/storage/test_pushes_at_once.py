"""Notifications created during pushes, in transactions that really commit: each is sent exactly once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from microblog.adapters.push_client import PushClient
from microblog.domain.push.encryption import PushEncryptor
from microblog.domain.tokens import Tokens
from microblog.jobs import push_jobs as tasks
from microblog.jobs.push_jobs import PushJobs
from microblog.jobs.worker import Worker
from microblog.model.accounts import Viewer
from microblog.model.ids import NotificationId, TokenId
from microblog.model.notifications import NotificationKind
from microblog.model.push import ALERTS, PushChoice, PushResponse, PushSubscription
from microblog.storage import notifications, push_subscriptions
from microblog.storage.database import Cursor, Database, fetch_all, fetch_value
from microblog.storage.push_subscriptions import SEND_JOB
from tests import make
from tests.push_service import SubscribedApp, build_push_jobs

BOUND_S = 30.0
CLOCK: Any = reactor


def now() -> datetime:
    return datetime.now(UTC)


@define
class FakePushService:
    """A push service that records messages by topic."""

    topics: list[str] = field(factory=list)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> PushResponse:
        """Accept the message after a moment."""
        await _later(0.001)
        self.topics.append(headers["Topic"])
        return PushResponse(201)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, reactor, threads=8)
    database.start()
    yield database
    database.stop()


def _later(seconds: float) -> Deferred[None]:
    return deferLater(CLOCK, seconds)


async def _wait_until(condition: Any) -> None:
    end = CLOCK.seconds() + BOUND_S
    while not await condition():
        assert CLOCK.seconds() < end
        await _later(0.01)


async def subscribed(database: Database) -> tuple[list[Viewer], PushSubscription]:
    """Accounts, the first of which has a push subscription."""

    def people(cursor: Cursor) -> list[Viewer]:
        return [make.viewer(cursor) for _ in range(41)]

    viewers = await database.run(people)
    issued = await Tokens(database, now).issue(viewers[0].id, "push")
    created = await database.run(
        push_subscriptions.subscribe,
        account=viewers[0].id,
        token=TokenId(issued.token.id),
        target=SubscribedApp().target,
        choice=PushChoice(frozenset(ALERTS)),
        now=now(),
    )
    assert created is not None
    return viewers, created


def notify(cursor: Cursor, whom: Viewer, by: Viewer) -> list[NotificationId]:
    """Notify an account of a follower; return the notification ids."""
    notifications.add(cursor, accounts=[whom.id], kind=NotificationKind.FOLLOW, sender=by.id, now=now())
    sql = "select id from notifications where from_account_id = %(by)s"
    return fetch_all(cursor, NotificationId, sql, {"by": by.id})


async def test_the_next_push_waits_for_one_that_is_being_added(database: Database) -> None:
    viewers, subscription = await subscribed(database)
    ids = await database.run(notify, viewers[0], viewers[1])
    added, go_on = Event(), Event()

    def adding(cursor: Cursor) -> None:
        push_subscriptions.enqueue(cursor, ids=ids, now=now())
        added.set()
        assert go_on.wait(BOUND_S)

    service = build_push_jobs(database, now, PushClient(reactor, "microblog/1"))
    slow = Deferred.fromCoroutine(database.run(adding))

    async def is_added() -> bool:
        return added.is_set()

    await _wait_until(is_added)
    asked = Deferred.fromCoroutine(service.notifications.next_message(subscription.id))

    async def is_decided() -> bool:
        waiting = "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
        return asked.called or bool(await database.read(fetch_value, waiting))

    await _wait_until(is_decided)
    go_on.set()
    await slow
    push = await asked
    assert push is not None
    assert push.notification.id == ids[0]


async def test_each_push_message_is_sent_once_under_concurrency(database: Database) -> None:
    viewers, _ = await subscribed(database)
    service, sealing = FakePushService(), build_push_jobs(database, now, PushClient(reactor, "microblog/1"))
    work = PushJobs(sealing.notifications, sealing.render, PushEncryptor(sealing.encryptor.signer), service)
    workers = [
        Worker(database, {tasks.NOTIFIED_JOB: work.queue_task(lambda: None), SEND_JOB: work.send}, now, CLOCK, name, lambda: 0.5, poll=0.02)
        for name in ("one", "two")
    ]
    for worker in workers:
        worker.start()
    ids = await gatherResults([Deferred.fromCoroutine(database.run(notify, viewers[0], by)) for by in viewers[1:]])
    expected = sorted(str(id) for [id] in ids)

    async def all_done() -> bool:
        return not await database.read(
            fetch_value, "select exists (select from jobs where kind like 'push.%' and state in ('waiting', 'running'))"
        )

    await _wait_until(all_done)
    for worker in workers:
        await worker.stop()
    assert sorted(service.topics) == expected
    assert await database.read(fetch_value, "select count(*) from push_deliveries where settled_at is null") == 0
