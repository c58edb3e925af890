"""Names and versions of the software of other servers, read by NodeInfo."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from microblog.federation import host_software
from microblog.federation.host_software import JOB, PAUSE, SoftwareReader
from microblog.storage.database import Cursor, fetch_all
from tests.federation.remote_side import RemoteSide, service
from tests.make import NOW

HOST, LINKS = "b.example", "https://b.example/.well-known/nodeinfo"
SCHEMA = "http://nodeinfo.diaspora.software/ns/schema"
SOFTWARE = {"name": "mastodon", "version": "4.5.2"}


@pytest.fixture
def side(cursor: Cursor) -> RemoteSide:
    side = service(cursor)
    side.internet.documents[LINKS] = {
        "links": [
            {"rel": f"{SCHEMA}/2.0", "href": "https://b.example/nodeinfo/2.0"},
            {"rel": f"{SCHEMA}/2.1", "href": "https://b.example/nodeinfo/2.1"},
            {"rel": "https://www.w3.org/ns/activitystreams#Application", "href": "https://b.example/actor"},
        ]
    }
    side.internet.documents["https://b.example/nodeinfo/2.1"] = {"version": "2.1", "software": SOFTWARE}
    return side


async def read(side: RemoteSide) -> list[tuple[str, str]]:
    """Read the software of b.example; return what is stored."""
    reader = SoftwareReader(side.effects.actors.fetcher, side.db, lambda: side.time)
    await reader.read(HOST, lambda cursor: None)
    return [(str(name), str(version)) for name, version in side.rows("select name, version from host_software")]


def requested(side: RemoteSide) -> list[str]:
    """Have the software of b.example read if it is time; return the hosts of waiting jobs."""
    host_software.request(side.cursor, [HOST], side.time)
    return fetch_all(side.cursor, str, "delete from jobs where kind = %(kind)s returning payload->>'host'", {"kind": JOB})


async def test_the_newest_document_names_the_software(side: RemoteSide) -> None:
    assert await read(side) == [("mastodon", "4.5.2")]
    assert side.internet.asked == [LINKS, "https://b.example/nodeinfo/2.1"]


async def test_it_is_read_once_a_day_at_most(side: RemoteSide) -> None:
    assert requested(side) == [HOST]
    await read(side)
    assert requested(side) == []
    side.time = NOW + PAUSE + timedelta(seconds=1)
    assert requested(side) == [HOST]


async def test_what_cannot_be_read_stays_as_it_is_until_the_next_day(side: RemoteSide) -> None:
    await read(side)
    side.time = NOW + PAUSE + timedelta(seconds=1)
    side.internet.down.add(HOST)
    assert await read(side) == [("mastodon", "4.5.2")]
    assert requested(side) == []


@pytest.mark.parametrize(
    "links",
    [
        {},
        {"links": "none"},
        {"links": [{"rel": f"{SCHEMA}/2.1", "href": "http://127.0.0.1/nodeinfo"}]},
        {"links": [{"rel": f"{SCHEMA}/2.1", "href": "ftp://b.example/nodeinfo"}]},
        {"links": [{"rel": f"{SCHEMA}/9", "href": "https://b.example/nodeinfo/2.1"}]},
        b"<html>",
        b"[" * 100_000,
    ],
)
async def test_nonsense_is_no_software_and_asks_nobody_else(side: RemoteSide, links: Any) -> None:
    side.internet.documents[LINKS] = links
    assert await read(side) == [("", "")]
    assert side.internet.asked == [LINKS]


@pytest.mark.parametrize("software", [None, "mastodon", {"version": "1"}, {"name": 5}, {"name": {}}])
async def test_a_document_without_software_is_none(side: RemoteSide, software: Any) -> None:
    side.internet.documents["https://b.example/nodeinfo/2.1"] = {"software": software}
    assert await read(side) == [("", "")]


async def test_names_are_bounded_and_cleaned(side: RemoteSide) -> None:
    name, version = "M\u202easto\n\x00don" + "x" * 500, " 4\n"
    side.internet.documents["https://b.example/nodeinfo/2.1"] = {"software": {"name": name, "version": version}}
    [(stored, number)] = await read(side)
    assert stored.startswith("Masto don")
    assert len(stored) <= host_software.MAX_LENGTH
    assert number == "4"
