"""Announcements on the user stream, on both transports, from commit to frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from microblog.application.services import now
from microblog.domain import announcements as domain
from microblog.domain.announcements import Announcements
from microblog.model.announcements import Announcement
from microblog.model.events import EventKind, Position
from microblog.model.ids import AnnouncementId
from microblog.storage import events, jobs
from microblog.storage.database import Cursor
from tests.fakes import done
from tests.live.fake_log import EPOCH, NOW, BroadcasterFixture, home
from tests.web.sample_data import Village, village_at
from tests.web.socket_client import Ws, open_socket

TELLING = ("announcement", "announcement.reaction", "announcement.delete")


@pytest.fixture
def village(database_url: str, tmp_path: Path) -> Iterator[Village]:
    with village_at(database_url, tmp_path) as made:
        made.resident("ada")
        made.resident("bob")
        yield made


@pytest.fixture
def announcements(village: Village) -> Announcements:
    """The service as another process has it: only the database is shared."""
    return Announcements(village.database, "site.test", "http://site.test", now)


def socket(village: Village, stream: str = "user", name: str = "ada") -> Ws:
    return open_socket(village, f"access_token={village.token(name)}&stream={stream}")


def heard(village: Village, client: Ws) -> list[tuple[str, Any]]:
    village.happens()
    return [(message["event"], json.loads(message["payload"])) for message in client.read()]


def test_everybody_who_is_logged_in_is_told(village: Village, announcements: Announcements) -> None:
    adas, bobs = socket(village), socket(village, name="bob")
    elsewhere = [socket(village, stream) for stream in ("public", "user:notification", "direct", "hashtag&tag=tea")]
    events = village.listen("/api/v1/streaming/user", Authorization=f"Bearer {village.token('ada')}")
    made = done(announcements.publish("Tea at #five @ada"))
    [(name, told)] = heard(village, adas)
    [listed] = done(announcements.current(None))
    assert (name, told["id"], told["content"]) == ("announcement", str(made.id), listed.html)
    assert (told["reactions"], told["all_day"], told["ends_at"]) == ([], False, None)
    assert "read" not in told, "whether somebody has read it is nobody else's"
    assert heard(village, bobs) == [("announcement", told)]
    [event] = events.read()
    assert (event.name, event.json) == ("announcement", told)
    assert [heard(village, client) for client in elsewhere] == [[]] * 4


def test_reactions_are_told_with_their_number_and_once(village: Village, announcements: Announcements) -> None:
    made = done(announcements.publish("Tea"))
    village.happens()
    client = socket(village)
    for name, number in (("ada", 1), ("bob", 2)):
        done(announcements.react(village.viewer(name), made.id, "🎉"))
        assert heard(village, client) == [("announcement.reaction", {"name": "🎉", "count": number, "announcement_id": str(made.id)})]
    done(announcements.react(village.viewer("bob"), made.id, "🎉"))
    done(announcements.unreact(village.viewer("bob"), made.id, "🦉"))
    assert heard(village, client) == [], "nothing has changed"
    for name, number in (("ada", 1), ("bob", 0)):
        done(announcements.unreact(village.viewer(name), made.id, "🎉"))
        assert heard(village, client) == [("announcement.reaction", {"name": "🎉", "count": number, "announcement_id": str(made.id)})]


def test_what_is_withdrawn_is_told_and_not_told_any_more(village: Village, announcements: Announcements) -> None:
    client = socket(village)
    before = village.feed.position
    made = done(announcements.publish("Tea"))
    village.happens()
    done(announcements.withdraw(made.id))
    assert [name for name, _ in heard(village, client)] == ["announcement", "announcement.delete"]
    late = open_socket(village, f"access_token={village.token('bob')}&stream=user&since={before}")
    assert [(message["event"], message["payload"]) for message in late.read() if message["event"] in TELLING] == [
        ("announcement.delete", str(made.id))
    ]


def test_the_end_of_an_announcement_is_told_when_it_comes(village: Village, announcements: Announcements) -> None:
    end = now() + timedelta(hours=1)
    made = done(announcements.publish("Tea", ends_at=end))
    village.happens()
    client = socket(village)

    def due(cursor: Cursor) -> list[tuple[str, object]]:
        later = end + timedelta(seconds=1)
        found = jobs.claim(cursor, kinds=[domain.END], worker="w", lease_until=later, now=later, limit=10)
        return [(job.kind, job.payload) for job in found]

    assert done(village.database.run(due)) == [(domain.END, {"announcement": str(made.id)})]
    done(village.database.run(domain.end, made.id, end))
    assert heard(village, client) == [("announcement.delete", int(made.id))]
    done(announcements.withdraw(made.id))
    assert heard(village, client) == [("announcement.delete", int(made.id))]
    done(village.database.run(domain.end, made.id, end))
    assert heard(village, client) == [], "it was withdrawn before"


def test_whoever_comes_back_is_not_told_of_what_was_withdrawn_meanwhile() -> None:
    world = BroadcasterFixture().start()
    connection = world.subscribe(home(1), account=1)
    world.log.announcements[7] = Announcement(AnnouncementId(7), "Tea", "<p>Tea</p>", NOW, NOW)
    announced = world.log.record(EventKind.ANNOUNCED, announcement="7")
    world.wake()
    del world.log.announcements[7]
    withdrawn = world.log.record(EventKind.ANNOUNCEMENT_WITHDRAWN, announcement="7")
    world.wake()
    assert connection.received == [f"{one.kind} {one.position}" for one in (announced, withdrawn)]
    since = Position(EPOCH, announced.position.xid, 0)
    late = world.subscribe(home(2), account=2, since=str(since))
    world.wake()
    assert late.received == [f"resumed {since}", f"{withdrawn.kind} {withdrawn.position}"]


def test_an_odd_event_does_not_stop_the_feed(village: Village, announcements: Announcements) -> None:
    client = socket(village)
    done(village.database.run(events.record, EventKind.ANNOUNCED, at=now()))
    made = done(announcements.publish("Tea"))
    assert [told["id"] for _, told in heard(village, client)] == [str(made.id)]
