"""Outgoing activities and their deliveries on the real database: claims by host, order, failures."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import date, timedelta

import psycopg2.errors
import pytest
from attrs import evolve

from microblog.model.accounts import Account
from microblog.model.deliveries import Delivery, HostState, Inbox, LocalActor, OutgoingActivity, OutgoingKind
from microblog.storage import accounts, deliveries, outgoing_activities
from microblog.storage.database import Cursor, connect, fetch_value
from tests import make
from tests.make import NOW

MINUTE = timedelta(minutes=1)
BODY = '{"type":"Create"}'


def inboxes(*hosts: str) -> list[Inbox]:
    return [Inbox(host, f"https://{host}/inbox") for host in hosts]


def tell(cursor: Cursor, actor: Account, *hosts: str, kind: OutgoingKind = OutgoingKind.CREATE) -> int:
    """Store an activity with its deliveries."""
    return outgoing_activities.add(cursor, OutgoingActivity(kind, actor.id, BODY), inboxes=inboxes(*hosts), now=NOW)


def claim(cursor: Cursor, worker: str = "w1", *, after: timedelta = timedelta(0), limit: int = 10) -> dict[str, HostState]:
    now = NOW + after
    return {one.host: one.state for one in deliveries.claim_hosts(cursor, worker=worker, lease_until=now + MINUTE, now=now, limit=limit)}


def due(cursor: Cursor, host: str, *, after: timedelta = timedelta(0)) -> list[Delivery]:
    return deliveries.due(cursor, hosts=[host], now=NOW + after, limit=100)[host]


def activities(found: list[Delivery]) -> list[int]:
    return [delivery.activity_id for delivery in found]


def test_each_inbox_gets_an_activity_once(cursor: Cursor) -> None:
    ada = make.account(cursor, "ada")
    id = tell(cursor, ada, "b.example", "c.example", "b.example")
    assert set(claim(cursor)) == {"b.example", "c.example"}
    (delivery,) = due(cursor, "b.example")
    assert delivery == Delivery(delivery.id, id, LocalActor(ada.id, "ada"), OutgoingKind.CREATE, "https://b.example/inbox", 0, BODY)


def test_activities_of_the_instance_actor_and_of_deleted_accounts_are_delivered(cursor: Cursor) -> None:
    ada = make.account(cursor, "ada")
    tell(cursor, ada, "b.example")
    accounts.mark_deleted(cursor, id=ada.id, at=NOW)
    flag = OutgoingActivity(OutgoingKind.FLAG, None, BODY, followers_only=True)
    outgoing_activities.add(cursor, flag, inboxes=inboxes("b.example"), now=NOW)
    first, second = due(cursor, "b.example")
    assert (first.actor, first.followers_only) == (LocalActor(ada.id, "ada", is_deleted=True), False)
    assert (second.actor, second.followers_only) == (None, True)


def test_a_host_is_claimed_once_until_its_lease_ends(cursor: Cursor) -> None:
    tell(cursor, make.account(cursor), "b.example")
    assert set(claim(cursor)) == {"b.example"}
    assert claim(cursor, "w2") == {}
    assert deliveries.next_due(cursor) == NOW + MINUTE
    assert deliveries.extend_lease(cursor, hosts=["b.example"], worker="w1", lease_until=NOW + 3 * MINUTE) == {"b.example"}
    assert claim(cursor, "w2", after=2 * MINUTE) == {}
    assert set(claim(cursor, "w2", after=3 * MINUTE)) == {"b.example"}
    assert deliveries.extend_lease(cursor, hosts=["b.example"], worker="w1", lease_until=NOW + 9 * MINUTE) == set()


def test_hosts_without_failures_come_first(cursor: Cursor) -> None:
    ada = make.account(cursor)
    tell(cursor, ada, "failing.example")
    claim(cursor)
    deliveries.release(cursor, host="failing.example", worker="w1", state=HostState(failures=3))
    tell(cursor, ada, "b.example", "c.example")
    assert set(claim(cursor, limit=2)) == {"b.example", "c.example"}
    assert claim(cursor, limit=2) == {"failing.example": HostState(failures=3)}


def test_deliveries_to_a_host_are_in_the_order_of_what_happened(cursor: Cursor) -> None:
    ada, bea = make.account(cursor), make.account(cursor)
    told = [tell(cursor, who, "b.example") for who in (ada, bea, ada, ada)]
    assert activities(due(cursor, "b.example")) == told


def test_what_an_actor_did_later_waits_for_a_retry_but_others_do_not(cursor: Cursor) -> None:
    ada, bea = make.account(cursor), make.account(cursor)
    first, later, other = tell(cursor, ada, "b.example"), tell(cursor, ada, "b.example"), tell(cursor, bea, "b.example")
    deliveries.retry(cursor, id=due(cursor, "b.example")[0].id, due_at=NOW + 5 * MINUTE, error="status 500")
    assert activities(due(cursor, "b.example")) == [other]
    found = due(cursor, "b.example", after=5 * MINUTE)
    assert activities(found) == [first, later, other]
    assert [delivery.tries for delivery in found] == [1, 0, 0]


def test_a_delivery_before_the_one_that_is_tried_again_is_not_held_back(cursor: Cursor) -> None:
    ada = make.account(cursor)
    first, second = tell(cursor, ada, "b.example"), tell(cursor, ada, "b.example")
    deliveries.retry(cursor, id=due(cursor, "b.example")[1].id, due_at=NOW + MINUTE, error="")
    assert activities(due(cursor, "b.example")) == [first]
    assert activities(due(cursor, "b.example", after=MINUTE)) == [first, second]


def test_a_host_is_due_when_its_next_delivery_is(cursor: Cursor) -> None:
    ada = make.account(cursor)
    tell(cursor, ada, "b.example")
    claim(cursor)
    (delivery,) = due(cursor, "b.example")
    deliveries.retry(cursor, id=delivery.id, due_at=NOW + 2 * MINUTE, error="status 503")
    deliveries.release(cursor, host="b.example", worker="w1", state=HostState(1, (date(2026, 3, 4),), "status 503"))
    assert deliveries.next_due(cursor) == NOW + 2 * MINUTE
    assert claim(cursor, after=MINUTE) == {}
    assert claim(cursor, after=2 * MINUTE) == {"b.example": HostState(1, (date(2026, 3, 4),), "status 503")}
    deliveries.delete(cursor, ids=[delivery.id])
    deliveries.release(cursor, host="b.example", worker="w1", state=HostState())
    assert deliveries.next_due(cursor) is None
    assert outgoing_activities.delete_delivered(cursor, before=NOW + MINUTE, limit=10) == 1


def test_a_host_that_pauses_is_not_claimed(cursor: Cursor) -> None:
    tell(cursor, make.account(cursor), "b.example")
    claim(cursor)
    paused = HostState(failures=10, paused_until=NOW + 5 * MINUTE)
    deliveries.release(cursor, host="b.example", worker="w1", state=paused)
    assert deliveries.next_due(cursor) == NOW + 5 * MINUTE
    assert claim(cursor, after=4 * MINUTE) == {}
    assert claim(cursor, after=5 * MINUTE) == {"b.example": paused}


def test_a_dead_host_gets_nothing_until_it_is_heard_of(cursor: Cursor) -> None:
    ada = make.account(cursor)
    tell(cursor, ada, "b.example")
    claim(cursor)
    deliveries.release(cursor, host="b.example", worker="w1", state=HostState(failures=20, dead_since=NOW))
    tell(cursor, ada, "b.example", "c.example")
    assert deliveries.waiting(cursor, host="b.example") == 0
    assert set(claim(cursor)) == {"c.example"}
    deliveries.seen(cursor, host="b.example", now=NOW + MINUTE)
    assert deliveries.state(cursor, host="b.example") == HostState()
    tell(cursor, ada, "b.example")
    assert set(claim(cursor)) == {"b.example"}


def test_a_claim_that_another_worker_took_over_is_not_released(cursor: Cursor) -> None:
    tell(cursor, make.account(cursor), "b.example")
    claim(cursor)
    claim(cursor, "w2", after=MINUTE)
    deliveries.release(cursor, host="b.example", worker="w1", state=HostState(failures=9))
    assert deliveries.state(cursor, host="b.example") == HostState()
    assert claim(cursor, "w3", after=MINUTE) == {}


def test_deliveries_to_an_inbox_that_is_gone_are_deleted(cursor: Cursor) -> None:
    ada = make.account(cursor)
    activity = OutgoingActivity(OutgoingKind.CREATE, ada.id, BODY)
    found = [*inboxes("b.example"), Inbox("b.example", "https://b.example/u/inbox")]
    outgoing_activities.add(cursor, activity, inboxes=found, now=NOW)
    deliveries.delete_inbox(cursor, host="b.example", inbox="https://b.example/u/inbox")
    assert [delivery.inbox for delivery in due(cursor, "b.example")] == ["https://b.example/inbox"]


def test_what_is_written_while_a_host_is_released_is_not_forgotten(new_database: Callable[[], str]) -> None:
    url = new_database()
    with contextlib.closing(connect(url)) as one, contextlib.closing(connect(url)) as other:
        with one.cursor() as cursor:
            ada = make.account(cursor)
            tell(cursor, ada, "b.example")
            claim(cursor)
            deliveries.delete(cursor, ids=[delivery.id for delivery in due(cursor, "b.example")])
        one.commit()
        with one.cursor() as writing, other.cursor() as releasing:
            tell(writing, ada, "b.example")
            releasing.execute("set local lock_timeout = '100ms'")
            with pytest.raises(psycopg2.errors.LockNotAvailable):
                deliveries.release(releasing, host="b.example", worker="w1", state=HostState())
            other.rollback()  # it waited for the row, in which the new delivery is counted
            one.commit()
            deliveries.release(releasing, host="b.example", worker="w1", state=HostState())
            assert fetch_value(releasing, "select due_at from hosts") == NOW
            other.commit()


def test_several_hosts_are_read_and_released_at_once(cursor: Cursor) -> None:
    ada, names = make.account(cursor), ["b.example", "c.example", "d.example"]
    first, _ = tell(cursor, ada, *names), tell(cursor, ada, "b.example")
    claim(cursor, limit=2)
    found = deliveries.due(cursor, hosts=names, now=NOW, limit=1)
    assert {host: activities(each) for host, each in found.items()} == {host: [first] for host in names}
    deliveries.delete(cursor, ids=[found[host][0].id for host in names])
    deliveries.lock(cursor, hosts=names)
    deliveries.release_healthy(cursor, hosts=names, worker="w1")
    cursor.execute("select host, due_at, worker from hosts order by host")
    released = cursor.fetchall()
    assert released[:2] == [("b.example", NOW, None), ("c.example", None, None)]
    assert released[2] == ("d.example", NOW, None)  # another worker may have claimed it


def test_errors_are_stored_shortened(cursor: Cursor) -> None:
    tell(cursor, make.account(cursor), "b.example")
    claim(cursor)
    (delivery,) = due(cursor, "b.example")
    deliveries.retry(cursor, id=delivery.id, due_at=NOW, error="x" * 10_000)
    deliveries.release(cursor, host="b.example", worker="w1", state=evolve(HostState(), last_error="y" * 10_000))
    found = deliveries.state(cursor, host="b.example")
    assert found is not None
    assert len(found.last_error) == deliveries.MAX_ERROR_LENGTH
