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
from tests.web.live_site import LiveSite, open_live_site
from tests.web.socket_client import WebSocketClient, open_socket

TELLING = ("announcement", "announcement.reaction", "announcement.delete")


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as made:
        made.registered_user("ada")
        made.registered_user("bob")
        yield made


@pytest.fixture
def announcements(live_site: LiveSite) -> Announcements:
    """The service as another process has it: only the database is shared."""
    return Announcements(live_site.database, "site.test", "http://site.test", now)


def socket(live_site: LiveSite, stream: str = "user", name: str = "ada") -> WebSocketClient:
    return open_socket(live_site, f"access_token={live_site.token(name)}&stream={stream}")


def heard(live_site: LiveSite, client: WebSocketClient) -> list[tuple[str, Any]]:
    live_site.process_events()
    return [(message["event"], json.loads(message["payload"])) for message in client.read()]


def test_an_announcement_is_sent_to_every_logged_in_user(live_site: LiveSite, announcements: Announcements) -> None:
    adas, bobs = socket(live_site), socket(live_site, name="bob")
    elsewhere = [socket(live_site, stream) for stream in ("public", "user:notification", "direct", "hashtag&tag=tea")]
    events = live_site.listen("/api/v1/streaming/user", Authorization=f"Bearer {live_site.token('ada')}")
    made = done(announcements.publish("Tea at #five @ada"))
    [(name, told)] = heard(live_site, adas)
    [listed] = done(announcements.current(None))
    assert (name, told["id"], told["content"]) == ("announcement", str(made.id), listed.html)
    assert (told["reactions"], told["all_day"], told["ends_at"]) == ([], False, None)
    assert "read" not in told, "whether somebody has read it is nobody else's"
    assert heard(live_site, bobs) == [("announcement", told)]
    [event] = events.read()
    assert (event.name, event.json) == ("announcement", told)
    assert [heard(live_site, client) for client in elsewhere] == [[]] * 4


def test_reactions_are_sent_once_with_their_count(live_site: LiveSite, announcements: Announcements) -> None:
    made = done(announcements.publish("Tea"))
    live_site.process_events()
    client = socket(live_site)
    for name, number in (("ada", 1), ("bob", 2)):
        done(announcements.react(live_site.viewer(name), made.id, "🎉"))
        assert heard(live_site, client) == [("announcement.reaction", {"name": "🎉", "count": number, "announcement_id": str(made.id)})]
    done(announcements.react(live_site.viewer("bob"), made.id, "🎉"))
    done(announcements.unreact(live_site.viewer("bob"), made.id, "🦉"))
    assert heard(live_site, client) == [], "nothing has changed"
    for name, number in (("ada", 1), ("bob", 0)):
        done(announcements.unreact(live_site.viewer(name), made.id, "🎉"))
        assert heard(live_site, client) == [("announcement.reaction", {"name": "🎉", "count": number, "announcement_id": str(made.id)})]


def test_a_withdrawal_is_sent_and_the_announcement_is_not_replayed(live_site: LiveSite, announcements: Announcements) -> None:
    client = socket(live_site)
    before = live_site.broadcaster.position
    made = done(announcements.publish("Tea"))
    live_site.process_events()
    done(announcements.withdraw(made.id))
    assert [name for name, _ in heard(live_site, client)] == ["announcement", "announcement.delete"]
    late = open_socket(live_site, f"access_token={live_site.token('bob')}&stream=user&since={before}")
    assert [(message["event"], message["payload"]) for message in late.read() if message["event"] in TELLING] == [
        ("announcement.delete", str(made.id))
    ]


def test_an_announcement_is_deleted_at_its_end(live_site: LiveSite, announcements: Announcements) -> None:
    end = now() + timedelta(hours=1)
    made = done(announcements.publish("Tea", ends_at=end))
    live_site.process_events()
    client = socket(live_site)

    def due(cursor: Cursor) -> list[tuple[str, object]]:
        later = end + timedelta(seconds=1)
        found = jobs.claim(cursor, kinds=[domain.END], worker="w", lease_until=later, now=later, limit=10)
        return [(job.kind, job.payload) for job in found]

    assert done(live_site.database.run(due)) == [(domain.END, {"announcement": str(made.id)})]
    done(live_site.database.run(domain.end, made.id, end))
    assert heard(live_site, client) == [("announcement.delete", int(made.id))]
    done(announcements.withdraw(made.id))
    assert heard(live_site, client) == [("announcement.delete", int(made.id))]
    done(live_site.database.run(domain.end, made.id, end))
    assert heard(live_site, client) == [], "it was withdrawn before"


def test_a_resumed_stream_omits_withdrawn_announcements() -> None:
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


def test_a_malformed_event_does_not_stop_the_broadcaster(live_site: LiveSite, announcements: Announcements) -> None:
    client = socket(live_site)
    done(live_site.database.run(events.record, EventKind.ANNOUNCED, at=now()))
    made = done(announcements.publish("Tea"))
    assert [told["id"] for _, told in heard(live_site, client)] == [str(made.id)]
