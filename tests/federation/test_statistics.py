"""Numbers of the traffic with other servers: counted once, by day, and shown to administrators only."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from microblog.federation.statistics import FederationStatistics
from microblog.model.federation_statistics import TrafficDay, TrafficTotals
from microblog.storage import federation_days
from microblog.storage.database import Cursor
from tests.fakes import RolledBackDatabase
from tests.federation.outgoing import remote_actor
from tests.make import NOW
from tests.web.visitor import build_site, main_text

TODAY = NOW.date()


def receive(cursor: Cursor, signer: int, number: int, at: timedelta = timedelta(0)) -> None:
    sql = "insert into incoming_activities (key, signer_id, body, received_at) values (%s, %s, '{}', %s)"
    cursor.execute(sql, [f"{number}", signer, NOW + at])


async def test_received_activities_are_counted_once_each(cursor: Cursor, db: RolledBackDatabase) -> None:
    bo, time = remote_actor(cursor).id, [NOW]
    statistics = FederationStatistics(db, lambda: time[0])
    for number, at in enumerate((-30, -6, -5, 0)):  # hours
        receive(cursor, bo, number, timedelta(hours=at))
    for _ in range(3):
        await statistics.count_received()
    days = federation_days.recent(cursor, limit=9)
    assert days == [TrafficDay(TODAY - timedelta(days=back), received=1) for back in range(3)]
    time[0] += timedelta(minutes=2)
    assert sum(day.received for day in (await statistics.figures()).days) == 4
    assert await statistics.totals() == TrafficTotals(received=4, delivered=0, failed=0)


def test_deliveries_add_up(cursor: Cursor) -> None:
    for delivered, failed in ((2, 0), (0, 1), (5, 3)):
        federation_days.add_deliveries(cursor, day=TODAY, delivered=delivered, failed=failed)
    assert federation_days.recent(cursor, limit=1) == [TrafficDay(TODAY, 0, 7, 4)]


def test_administrators_see_the_numbers(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, public_url="https://site.test", federation="on")
    ada = site.registered_user("ada")
    cursor.execute("update users set role = 'admin'")
    federation_days.add_deliveries(cursor, day=TODAY, delivered=987, failed=5)
    cursor.execute("insert into hosts (host, failures, last_error) values ('slow.example', 3, 'The server answered 500.')")
    shown = main_text(ada.get("/admin/stats"))
    assert "Other servers" in shown
    assert "987" in shown
    assert "slow.example" in shown
    assert "The server answered 500." in shown
    assert "slow.example" not in site.visitor().get("/stats").text
    off = build_site(cursor, tmp_path)
    assert "Other servers" not in off.visitor().get("/stats").text
