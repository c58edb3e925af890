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
from tests.fakes import result_of
from tests.live.fake_log import EPOCH, NOW, BroadcasterFixture, home
from tests.web.live_site import LiveSite, open_live_site
from tests.web.socket_client import WebSocketClient, open_socket

EVENTS = ("announcement", "announcement.reaction", "announcement.delete")


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as announcement:
        announcement.registered_user("ada")
        announcement.registered_user("bob")
        yield announcement


@pytest.fixture
def announcements(live_site: LiveSite) -> Announcements:
    """The service as in another process, which shares only the database."""
    return Announcements(live_site.database, "site.test", "http://site.test", now)


def socket(live_site: LiveSite, stream: str = "user", name: str = "ada") -> WebSocketClient:
    return open_socket(live_site, f"access_token={live_site.token(name)}&stream={stream}")


def new_events(live_site: LiveSite, client: WebSocketClient) -> list[tuple[str, Any]]:
    live_site.process_events()
    return [(message["event"], json.loads(message["payload"])) for message in client.read()]


def test_an_announcement_is_sent_to_every_logged_in_user(live_site: LiveSite, announcements: Announcements) -> None:
    adas_socket, bobs_socket = socket(live_site), socket(live_site, name="bob")
    other_sockets = [socket(live_site, stream) for stream in ("public", "user:notification", "direct", "hashtag&tag=tea")]
    events = live_site.listen("/api/v1/streaming/user", Authorization=f"Bearer {live_site.token('ada')}")
    announcement = result_of(announcements.publish("Tea at #five @ada"))
    [(name, received)] = new_events(live_site, adas_socket)
    [listed] = result_of(announcements.current(None))
    assert (name, received["id"], received["content"]) == ("announcement", str(announcement.id), listed.html)
    assert (received["reactions"], received["all_day"], received["ends_at"]) == ([], False, None)
    assert "read" not in received, "`read` differs by viewer"
    assert new_events(live_site, bobs_socket) == [("announcement", received)]
    [event] = events.read()
    assert (event.name, event.json) == ("announcement", received)
    assert [new_events(live_site, client) for client in other_sockets] == [[]] * 4


def test_reactions_are_sent_once_with_their_count(live_site: LiveSite, announcements: Announcements) -> None:
    announcement = result_of(announcements.publish("Tea"))
    live_site.process_events()
    client = socket(live_site)
    for name, number in (("ada", 1), ("bob", 2)):
        result_of(announcements.react(live_site.viewer(name), announcement.id, "🎉"))
        assert new_events(live_site, client) == [
            ("announcement.reaction", {"name": "🎉", "count": number, "announcement_id": str(announcement.id)})
        ]
    result_of(announcements.react(live_site.viewer("bob"), announcement.id, "🎉"))
    result_of(announcements.unreact(live_site.viewer("bob"), announcement.id, "🦉"))
    assert new_events(live_site, client) == [], "nothing changed"
    for name, number in (("ada", 1), ("bob", 0)):
        result_of(announcements.unreact(live_site.viewer(name), announcement.id, "🎉"))
        assert new_events(live_site, client) == [
            ("announcement.reaction", {"name": "🎉", "count": number, "announcement_id": str(announcement.id)})
        ]


def test_a_withdrawal_is_sent_and_the_announcement_is_not_replayed(live_site: LiveSite, announcements: Announcements) -> None:
    client = socket(live_site)
    before = live_site.broadcaster.position
    announcement = result_of(announcements.publish("Tea"))
    live_site.process_events()
    result_of(announcements.withdraw(announcement.id))
    assert [name for name, _ in new_events(live_site, client)] == ["announcement", "announcement.delete"]
    resumed = open_socket(live_site, f"access_token={live_site.token('bob')}&stream=user&since={before}")
    assert [(message["event"], message["payload"]) for message in resumed.read() if message["event"] in EVENTS] == [
        ("announcement.delete", str(announcement.id))
    ]


def test_an_announcement_is_deleted_at_its_end(live_site: LiveSite, announcements: Announcements) -> None:
    end = now() + timedelta(hours=1)
    announcement = result_of(announcements.publish("Tea", ends_at=end))
    live_site.process_events()
    client = socket(live_site)

    def due(cursor: Cursor) -> list[tuple[str, object]]:
        later = end + timedelta(seconds=1)
        found = jobs.claim(cursor, kinds=[domain.END], worker="w", lease_until=later, now=later, limit=10)
        return [(job.kind, job.payload) for job in found]

    assert result_of(live_site.database.run(due)) == [(domain.END, {"announcement": str(announcement.id)})]
    result_of(live_site.database.run(domain.end, announcement.id, end))
    assert new_events(live_site, client) == [("announcement.delete", int(announcement.id))]
    result_of(announcements.withdraw(announcement.id))
    assert new_events(live_site, client) == [("announcement.delete", int(announcement.id))]
    result_of(live_site.database.run(domain.end, announcement.id, end))
    assert new_events(live_site, client) == [], "it was withdrawn already"


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
    resumed = world.subscribe(home(2), account=2, since=str(since))
    world.wake()
    assert resumed.received == [f"resumed {since}", f"{withdrawn.kind} {withdrawn.position}"]


def test_a_malformed_event_does_not_stop_the_broadcaster(live_site: LiveSite, announcements: Announcements) -> None:
    client = socket(live_site)
    result_of(live_site.database.run(events.record, EventKind.ANNOUNCED, at=now()))
    announcement = result_of(announcements.publish("Tea"))
    assert [received["id"] for _, received in new_events(live_site, client)] == [str(announcement.id)]
