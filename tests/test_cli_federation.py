"""`microblog federation`."""

from __future__ import annotations

import json
from datetime import timedelta

from microblog.application.services import now
from microblog.cli.federation import mode_sentence
from microblog.config import load
from microblog.model.deliveries import HostState, Inbox, OutgoingActivity, OutgoingKind
from microblog.storage import deliveries, outgoing_activities
from microblog.storage.database import Cursor
from tests import make
from tests.test_cli import Run, _environment, microblog

__all__ = ["_environment", "microblog"]  # fixtures


def fail(cursor: Cursor, host: str, state: HostState) -> None:
    """Queue an activity for a host, and let the delivery fail."""
    inbox, at = Inbox(host, f"https://{host}/inbox"), now()
    activity = OutgoingActivity(OutgoingKind.CREATE, make.account(cursor).id, "{}")
    outgoing_activities.add(cursor, activity, inboxes=[inbox], now=at)
    deliveries.claim_hosts(cursor, worker="w", lease_until=at, now=at, limit=10)
    deliveries.retry(cursor, id=deliveries.due(cursor, hosts=[host], now=at, limit=1)[host][0].id, due_at=at + timedelta(hours=1), error="")
    deliveries.release(cursor, host=host, worker="w", state=state)


def test_status_lists_what_waits_and_who_does_not_respond(cursor: Cursor, microblog: Run) -> None:
    fail(cursor, "slow.example", HostState(failures=3, last_error="The server answered \x1b500."))
    fail(cursor, "dead.example", HostState(failures=30, dead_since=now()))
    found = json.loads(microblog("federation", "status", "--json").stdout)
    assert (found["mode"], found["waiting"], found["hosts"], found["slow"], found["dead"]) == ("off", 1, 2, 1, 1)
    assert [(one["host"], one["state"], one["waiting"]) for one in found["failing"]] == [
        ("dead.example", "dead", 0),
        ("slow.example", "fails", 1),
    ]
    text = microblog("federation", "status").stdout
    assert "Deliveries that wait: 1" in text
    assert "\x1b" not in text


def test_retry_lets_a_host_be_tried_at_once(cursor: Cursor, microblog: Run) -> None:
    fail(cursor, "slow.example", HostState(failures=20, paused_until=now() + timedelta(hours=1)))
    assert json.loads(microblog("federation", "retry", "Slow.example", "--json").stdout) == {"host": "slow.example", "waiting": 1}
    at = now()
    assert deliveries.state(cursor, host="slow.example") == HostState()
    assert len(deliveries.claim_hosts(cursor, worker="w", lease_until=at, now=at, limit=10)) == 1
    assert len(deliveries.due(cursor, hosts=["slow.example"], now=at, limit=10)["slow.example"]) == 1
    assert microblog("federation", "retry", "nobody.example").exit_code == 1


def test_when_federation_is_off_one_sentence_says_what_switching_it_on_means() -> None:
    sentence = mode_sentence(load({"MICROBLOG_PUBLIC_URL": "https://blog.example.org"}, None))
    assert "MICROBLOG_FEDERATION=on" in sentence
    assert "https://blog.example.org for ever" in sentence
