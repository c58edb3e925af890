"""Resolution of handles and addresses that people type."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.federation import resolution
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_posts import RemotePosts
from microblog.federation.resolution import Resolution, Unresolved
from microblog.federation.trust import Handle
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import TooMany
from microblog.model.remote_requests import RemoteResponse
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase
from tests.federation.internet import JSON, SITE, Internet, build_fetcher, redirect
from tests.federation.test_remote_actors import BO, actor, finger, webfinger
from tests.make import NOW

PAGE = "https://b.example/@bo"


@define
class Lookup:
    """The resolution of a site, for one of its users."""

    internet: Internet
    resolution: Resolution
    viewer: Viewer
    clock: Clock = field(factory=Clock)

    async def account(self, text: str) -> Account:
        """Return the account that a text names."""
        found = (await self.resolution.find(self.viewer, text)).account
        assert found is not None
        return found

    async def refusal(self, text: str) -> str:
        """Return why nothing is found."""
        with pytest.raises(Unresolved) as caught:
            await self.resolution.find(self.viewer, text)
        return caught.value.sentence


@pytest.fixture
def internet() -> Internet:
    return Internet({BO: actor(url=PAGE), webfinger(): finger()})


@pytest.fixture
def lookup(db: RolledBackDatabase, cursor: Cursor, internet: Internet) -> Lookup:
    clock = Clock()
    limits = RateLimiter(MemoryCounter(clock.seconds), lambda: NOW, enabled=True)
    actors = RemoteActors(db, build_fetcher(db, internet), lambda: NOW)
    return Lookup(internet, Resolution(actors, RemotePosts(SITE, lambda: NOW), limits, clock, lambda: NOW), make.viewer(cursor), clock)


def page(html: str = "", **headers: str) -> RemoteResponse:
    return RemoteResponse(200, {"content-type": "text/html; charset=utf-8", **headers}, html.encode())


@pytest.mark.parametrize("text", ["@bo@b.example", "bo@b.example", " acct:bo@b.example", "@bo@B.Example.", BO, f"{BO}#main-key"])
async def test_a_handle_or_id_leads_to_the_account(lookup: Lookup, text: str) -> None:
    assert (await lookup.account(text)).acct == "bo@b.example"


LINK = f'<link rel="alternate" type="{JSON}" href="/users/bo">'
PAGES = {
    "document": actor(url=PAGE),
    "link": page(f"<html><head><title>x</title>{LINK}</head><body>"),
    "header": page(link=f'<{BO}>; rel="alternate"; type="{JSON}", <https://b.example/x>; rel=me'),
    "redirect": redirect("https://www.b.example/profile"),
}


@pytest.mark.parametrize("kind", PAGES)
async def test_the_page_of_a_profile_leads_to_the_account(lookup: Lookup, internet: Internet, kind: str) -> None:
    internet.documents[PAGE] = PAGES[kind]
    internet.documents["https://www.b.example/profile"] = page(link=f'<{BO}>; type="{JSON}"; rel="alternate"')
    assert (await lookup.account(PAGE)).uri == BO


async def test_a_page_is_never_believed_itself(lookup: Lookup, internet: Internet) -> None:
    """It may name any id, but only what is fetched from there counts; and it leads one step far."""
    evil = "https://evil.example/@bo"
    internet.documents[evil] = actor(BO, name="Pwned")
    assert (await lookup.account(evil)).display_name == ""
    internet.documents[evil] = page(link=f'<https://evil.example/2>; rel="alternate"; type="{JSON}"')
    internet.documents["https://evil.example/2"] = page(LINK)
    assert await lookup.refusal(evil)
    internet.documents[evil] = page(f'<body><link rel="alternate" type="{JSON}" href="{BO}">')
    assert await lookup.refusal(evil) == resolution.NOT_FOUND


async def test_a_server_may_name_another_address_for_webfinger(lookup: Lookup, internet: Internet) -> None:
    del internet.documents[webfinger()]
    internet.documents["https://b.example/.well-known/host-meta"] = RemoteResponse(
        200,
        {"content-type": "application/xrd+xml"},
        b'<XRD><Link rel="lrdd" template="https://social.b.example/finger?resource={uri}"/></XRD>',
    )
    internet.documents["https://social.b.example/finger?resource=acct%3Abo%40b.example"] = finger()
    assert (await lookup.account("@bo@b.example")).uri == BO


async def test_what_is_known_is_not_asked_for_again_within_a_day(lookup: Lookup, internet: Internet) -> None:
    await lookup.account("@bo@b.example")
    asked = len(internet.requests)
    for text in ("@bo@b.example", BO, PAGE):
        assert (await lookup.account(text)).uri == BO
    assert len(internet.requests) == asked


async def test_what_is_known_is_shown_when_the_server_is_down(lookup: Lookup, internet: Internet, cursor: Cursor) -> None:
    await lookup.account("@bo@b.example")
    cursor.execute("update remote_actors set fetched_at = %s", [NOW - timedelta(days=2)])
    internet.down.add("b.example")
    for text in ("@bo@b.example", BO, PAGE):
        assert (await lookup.account(text)).uri == BO


async def test_a_slow_server_is_not_waited_for(lookup: Lookup, internet: Internet) -> None:
    internet.documents[webfinger()] = Deferred()
    waiting = Deferred.fromCoroutine(lookup.resolution.find(lookup.viewer, "@bo@b.example"))
    lookup.resolution.reactor.advance(resolution.SECONDS)  # type: ignore[attr-defined]
    assert waiting.called
    with pytest.raises(Unresolved, match="too long"):
        await waiting


async def test_every_refusal_has_a_sentence(lookup: Lookup, internet: Internet, cursor: Cursor) -> None:
    internet.documents["https://loop.example/"] = redirect("https://loop.example/")
    internet.documents[webfinger("wrong.example")] = finger("bo@b.example", "https://wrong.example/users/eve")
    internet.documents["https://wrong.example/users/eve"] = actor("https://wrong.example/users/eve")
    internet.documents[webfinger("ours.example")] = finger("bo@ours.example", "https://site.test/users/ada")
    internet.documents[webfinger("borrowed.example")] = finger("bo@borrowed.example")
    internet.documents["https://text.example/"] = RemoteResponse(200, {"content-type": "text/plain"}, b"{}")
    internet.documents["https://broken.example/"] = RemoteResponse(200, {"content-type": JSON}, b"{")
    internet.down.add("down.example")
    assert await lookup.refusal("@nobody@site.test") == resolution.OWN
    assert await lookup.refusal("https://site.test/users/nobody") == resolution.OWN
    assert "redirects too often" in await lookup.refusal("https://loop.example/")
    assert await lookup.refusal("@nobody@b.example") == resolution.NO_SUCH_ACCOUNT
    assert await lookup.refusal("https://b.example/nothing") == resolution.NOT_FOUND
    assert await lookup.refusal("https://text.example/") == resolution.NOT_FOUND
    assert await lookup.refusal("https://broken.example/") == resolution.UNREADABLE
    assert await lookup.refusal("@bo@down.example") == resolution.DOWN
    assert await lookup.refusal("@bo@ours.example") == resolution.UNCONFIRMED
    assert await lookup.refusal("@bo@borrowed.example") == resolution.UNCONFIRMED
    assert "confirm" in await lookup.refusal("@bo@wrong.example")
    for private in (
        "http://b.example/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://b.example:8443/",
        "nothing",
        "https://u@b.example/",
    ):
        assert await lookup.refusal(private) == resolution.INVALID
    cursor.execute("select count(*) from accounts where uri <> %s", [BO])
    assert cursor.fetchone() == (0,)


async def test_a_private_address_is_never_reached_by_a_redirect(lookup: Lookup, internet: Internet) -> None:
    internet.documents["https://c.example/"] = redirect("https://127.0.0.1/")
    assert "may not be fetched" in await lookup.refusal("https://c.example/")
    assert internet.asked == ["https://c.example/"]


async def test_a_suspended_account_is_not_found(lookup: Lookup, internet: Internet, cursor: Cursor) -> None:
    await lookup.account("@bo@b.example")
    cursor.execute("update accounts set suspended_at = now() where host is not null")
    assert await lookup.refusal(BO) == resolution.NOT_FOUND
    assert await lookup.refusal("@bo@b.example")


async def test_lookups_are_limited_per_account(lookup: Lookup) -> None:
    for _ in range(resolution.RESOLVING.limit):
        await lookup.account(BO)
    with pytest.raises(TooMany):
        await lookup.account(BO)


async def test_the_page_to_follow_from_is_on_the_server_of_the_handle(lookup: Lookup, internet: Internet) -> None:
    def offers(template: str) -> None:
        link = {"rel": "http://ostatus.org/schema/1.0/subscribe", "template": template}
        internet.documents[webfinger()] = {**finger(), "links": [finger()["links"][0], link]}  # type: ignore[index]

    bo, uri = Handle("bo", "b.example"), "https://site.test/users/ada"
    offers("https://b.example/authorize_interaction?uri={uri}")
    assert await lookup.resolution.subscribe_url(bo, uri) == (
        "https://b.example/authorize_interaction?uri=https%3A%2F%2Fsite.test%2Fusers%2Fada"
    )
    for elsewhere in ("https://evil.example/?{uri}", "http://b.example/?{uri}", "https://site.test/?{uri}", "javascript:{uri}", "{uri}"):
        offers(elsewhere)
        with pytest.raises(Unresolved):
            await lookup.resolution.subscribe_url(bo, uri)
