"""Fetching documents of other servers: redirects, what is believed, and memory of failures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from microblog.federation.fetching import HOST_PAUSE, MAX_REDIRECTS, URL_PAUSE, FetchBudget, Fetcher, NotFetched
from microblog.federation.remote_actors import parse_actor
from microblog.federation.signed_requests import HttpRequest
from microblog.federation.verification import read_claim
from microblog.model.federation import InvalidDocument, RemoteActor
from microblog.model.remote_requests import RemoteResponse
from microblog.storage import deliveries, remote_actors
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase
from tests.federation.internet import JSON, SITE, Internet, build_fetcher, build_keys, redirect
from tests.make import NOW

BO = "https://b.example/users/bo"


def actor(id: str = BO, **values: object) -> dict[str, object]:
    return {"id": id, "type": "Person", "preferredUsername": "bo", "inbox": f"{id}/inbox", **values}


@pytest.fixture
def internet() -> Internet:
    return Internet({BO: actor()})


@pytest.fixture
def fetcher(db: RolledBackDatabase, internet: Internet) -> Fetcher:
    return build_fetcher(db, internet)


async def fetch(fetcher: Fetcher, url: str = BO, budget: FetchBudget | None = None) -> RemoteActor:
    return await fetcher.document(url, parse_actor, budget)


async def failure(fetcher: Fetcher, url: str = BO, budget: FetchBudget | None = None) -> NotFetched:
    with pytest.raises(NotFetched) as caught:
        await fetch(fetcher, url, budget)
    return caught.value


async def test_a_document_is_fetched_with_the_signature_of_the_site(db: RolledBackDatabase, fetcher: Fetcher, internet: Internet) -> None:
    assert (await fetch(fetcher)).id == BO
    [request] = internet.requests
    claim = read_claim(HttpRequest(request.method, request.url, tuple(request.headers.items())), NOW)
    key = (await build_keys(db).of(None)).public
    assert claim.key_id == key.id == f"{SITE.url}/actor#main-key"
    assert JSON in request.headers["Accept"]


async def test_redirects_are_followed_on_the_same_host_up_to_three(fetcher: Fetcher, internet: Internet) -> None:
    internet.documents |= {f"https://b.example/{number}": redirect(f"/{number + 1}") for number in range(10)}
    internet.documents["https://b.example/3"] = actor("https://b.example/3")
    internet.documents["https://b.example/0"] = redirect("https://b.example/1#x")
    assert (await fetch(fetcher, "https://b.example/0")).id == "https://b.example/3"
    internet.documents["https://b.example/3"] = redirect("/4")
    await failure(fetcher, "https://b.example/0")
    assert len(internet.requests) == 2 * (MAX_REDIRECTS + 1)


@pytest.mark.parametrize(
    "target",
    ["https://c.example/users/bo", "http://b.example/users/bo2", "https://site.test/users/ada", "https://127.0.0.1/", "ftp://x/", ""],
)
async def test_redirects_elsewhere_are_refused(fetcher: Fetcher, internet: Internet, target: str) -> None:
    internet.documents = {BO: redirect(target), "https://c.example/users/bo": actor("https://c.example/users/bo")}
    await failure(fetcher)
    assert set(internet.asked) == {BO}


async def test_a_document_under_another_id_is_fetched_by_that_id_once(fetcher: Fetcher, internet: Internet) -> None:
    internet.documents["https://b.example/@bo"] = actor()
    assert (await fetch(fetcher, "https://b.example/@bo")).id == BO
    assert internet.asked == ["https://b.example/@bo", BO]
    internet.documents[BO] = actor("https://b.example/users/other")
    await failure(fetcher, "https://b.example/@bo")


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "application/ld+json", ""])
async def test_other_content_types_are_no_activities(fetcher: Fetcher, internet: Internet, content_type: str) -> None:
    internet.documents[BO] = RemoteResponse(200, {"content-type": content_type}, orjson.dumps(actor()))
    assert not (await failure(fetcher)).temporary


@pytest.mark.parametrize(
    "url",
    ["https://site.test/users/ada", "https://127.0.0.1/x", "http://b.example/x", "https://localhost/x", "https://b.example:8443/x", "x"],
)
async def test_some_addresses_are_never_fetched(fetcher: Fetcher, internet: Internet, url: str) -> None:
    internet.documents[url] = actor(url)
    await failure(fetcher, url)
    assert internet.requests == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"nonsense", b"[" * 100_000, b'{"type":"Note"}'])
async def test_nonsense_is_an_error(fetcher: Fetcher, internet: Internet, body: bytes) -> None:
    internet.documents[BO] = RemoteResponse(200, {"content-type": JSON}, body)
    with pytest.raises(InvalidDocument):
        await fetch(fetcher)


@pytest.mark.parametrize(
    ("status", "temporary", "gone", "missing"),
    [
        (401, False, False, False),
        (403, False, False, False),
        (404, False, False, True),
        (410, False, True, True),
        (503, True, False, False),
    ],
)
async def test_a_failed_address_is_not_asked_again_for_some_minutes(
    db: RolledBackDatabase, internet: Internet, status: int, temporary: bool, gone: bool, missing: bool
) -> None:
    now = NOW
    fetcher = build_fetcher(db, internet, lambda: now)
    internet.documents[BO] = RemoteResponse(status, {}, b"")
    problem = await failure(fetcher)
    assert (problem.temporary, problem.gone, problem.missing) == (temporary, gone, missing)
    asked = len(internet.requests)
    assert (await failure(fetcher)).temporary
    assert len(internet.requests) == asked
    now += URL_PAUSE
    internet.documents[BO] = actor()
    assert (await fetch(fetcher)).id == BO


async def test_a_host_that_is_down_is_left_alone_for_five_minutes(db: RolledBackDatabase, internet: Internet) -> None:
    now = NOW
    fetcher = build_fetcher(db, internet, lambda: now)
    internet.down.add("b.example")
    assert (await failure(fetcher, "https://b.example/users/other")).temporary
    assert fetcher.host_is_down("b.example")
    internet.down.clear()
    await failure(fetcher)
    assert len(internet.requests) == 1
    now += HOST_PAUSE
    assert not fetcher.host_is_down("b.example")
    assert (await fetch(fetcher)).id == BO


async def test_one_cause_leads_to_a_limited_number_of_requests(fetcher: Fetcher, internet: Internet) -> None:
    budget = FetchBudget(2)
    await fetch(fetcher, budget=budget)
    await fetch(fetcher, budget=budget)
    await failure(fetcher, budget=budget)
    assert len(internet.requests) == 2


async def test_another_signature_is_tried_after_401(fetcher: Fetcher, internet: Internet) -> None:
    refused: Any = RemoteResponse(401, {}, b"")
    internet.documents[BO] = [refused, actor(), actor()]
    assert (await fetch(fetcher)).id == BO
    await fetch(fetcher)
    assert ["Signature-Input" in request.headers for request in internet.requests] == [False, True, True]


async def test_a_failure_can_be_forgotten(fetcher: Fetcher, internet: Internet) -> None:
    internet.documents[BO] = [RemoteResponse(404, {}, b""), actor()]
    await failure(fetcher)
    fetcher.forget_failure(BO)
    assert (await fetch(fetcher)).id == BO
    assert timedelta(0) < HOST_PAUSE < URL_PAUSE


async def test_only_some_new_servers_of_a_domain_are_asked(cursor: Cursor) -> None:
    """Who owns a domain has any number of subdomains, each of which could have accounts."""
    internet, db = Internet(), RolledBackDatabase(cursor)
    fetcher = build_fetcher(db, internet)
    known = {"s99.evil.example"}

    async def is_known(host: str) -> bool:
        return host in known

    fetcher.is_known = is_known
    for number in (*range(30), 99, *range(3)):
        with pytest.raises(NotFetched):
            await fetcher.other(f"https://s{number}.evil.example/{len(internet.requests)}", len, FetchBudget(), accept="text/html")
    hosts = [url.split("/")[2].partition(".")[0] for url in internet.asked]
    assert hosts == [*(f"s{number}" for number in range(10)), "s99", "s0", "s1", "s2"]


def test_a_server_is_known_by_its_accounts_and_by_what_it_sent(cursor: Cursor) -> None:
    make.remote_account(cursor, "ada", "a.example")
    deliveries.seen(cursor, host="b.example", now=NOW)
    assert [remote_actors.is_host_known(cursor, host=f"{name}.example") for name in "abc"] == [True, True, False]
