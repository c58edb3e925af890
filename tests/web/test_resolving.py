"""Search, pages and API for accounts of other servers that are looked up while somebody waits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from microblog.federation import resolution
from microblog.storage.database import Cursor
from tests import make
from tests.federation.internet import Internet, redirect
from tests.federation.remote_server import URL, RemoteUser
from tests.web.api.client import ALL_SCOPES, Client, token_for
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture, Visitor, build_site, document, links, main_text

BO = "https://b.example/users/bo"
PAGE = "https://b.example/@bo"


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="on")
    RemoteUser(site, internet).publish(name="Bo of B", url=PAGE)
    return site


@pytest.fixture
def ada(site: SiteFixture) -> Visitor:
    return site.registered_user("ada")


def api(site: SiteFixture) -> Client:
    viewer = site.viewer("ada")
    return Client(site, token_for(site, viewer.id, ALL_SCOPES), viewer)


def canonical(visitor: Visitor, path: str) -> list[str]:
    return [str(found) for found in document(visitor.get(path)).xpath("//link[@rel='canonical']/@href")]


@pytest.mark.parametrize("query", ["@bo@b.example", BO])
def test_members_search_other_servers(ada: Visitor, query: str) -> None:
    found = ada.get(f"/search?q={quote(query)}")
    assert "Bo of B" in main_text(found)
    assert "@bo@b.example" in main_text(found)
    assert "/@bo@b.example" in links(found)


def test_the_search_page_says_how_to_search_other_servers(site: SiteFixture, ada: Visitor) -> None:
    assert "on other servers" in main_text(ada.get("/search"))
    assert "on other servers" not in main_text(site.visitor().get("/search"))


def test_visitors_search_nothing_elsewhere(site: SiteFixture, internet: Internet) -> None:
    assert "No results" in main_text(site.visitor().get(f"/search?q={quote(BO)}"))
    assert internet.requests == []


def test_the_search_page_says_why_nothing_was_found(ada: Visitor, internet: Internet) -> None:
    internet.documents["https://loop.example/"] = redirect("https://loop.example/")
    internet.down.add("down.example")
    for query, sentence in {
        "@nobody@site.test": "No results",
        "https://127.0.0.1/": resolution.INVALID,
        "@nobody@b.example": resolution.NO_SUCH_ACCOUNT,
        "@bo@down.example": resolution.DOWN,
        "https://loop.example/": "redirects too often",
    }.items():
        assert sentence in main_text(ada.get(f"/search?q={quote(query)}"))


def test_members_see_the_profile_and_visitors_go_to_the_original(site: SiteFixture, ada: Visitor) -> None:
    ada.get("/search?q=@bo@b.example")
    page = ada.get("/@bo@b.example")
    assert "See the full profile on b.example" in main_text(page)
    assert PAGE in links(page)
    assert canonical(ada, "/@bo@b.example") == [PAGE]
    assert "noindex" in page.text
    for path in ("", "/with_replies", "/followers", "/following", ""):
        found = site.visitor().get(f"/@bo@b.example{path}")
        assert (found.status, found.header("Location")) == (302, PAGE)


def test_the_button_says_requested_until_the_answer_comes(ada: Visitor) -> None:
    ada.get("/search?q=@bo@b.example")
    assert ada.submit("/@bo@b.example/follow", "/@bo@b.example").status == 303
    assert "Requested" in main_text(ada.get("/@bo@b.example"))
    assert ada.submit("/@bo@b.example/unfollow", "/@bo@b.example").status == 303
    assert "Requested" not in main_text(ada.get("/@bo@b.example"))


def test_buttons_of_other_sites_lead_to_the_profile(site: SiteFixture, ada: Visitor) -> None:
    for uri in (BO, "acct:bo@b.example"):
        path = f"/authorize_interaction?uri={quote(uri, safe='')}"
        assert ada.get(path).header("Location") == "/@bo@b.example"
        login = site.visitor().get(path).header("Location")
        assert login == f"/login?next={quote(path, safe='')}"
    assert ada.get("/authorize_interaction?uri=acct:ada@site.test").header("Location") == "/@ada"
    assert ada.get(f"/authorize_interaction?uri={URL}/users/ada").header("Location") == "/@ada"
    missing = ada.get("/authorize_interaction?uri=acct:nobody@b.example")
    assert (missing.status, resolution.NO_SUCH_ACCOUNT in main_text(missing)) == (404, True)
    assert "may have been deleted" not in main_text(missing)  # the sentence says already what is the matter
    assert "may have been deleted" in main_text(ada.get("/nowhere"))
    assert ada.get("/authorize_interaction?uri=acct:nobody@site.test").status == 404


def test_visitors_follow_from_their_own_server(site: SiteFixture, ada: Visitor, internet: Internet) -> None:
    visitor, path = site.visitor(), "/@ada/remote_follow"
    assert path in links(visitor.get("/@ada"))
    finger = internet.documents["https://b.example/.well-known/webfinger?resource=acct%3Abo%40b.example"]
    finger["links"].append({"rel": "http://ostatus.org/schema/1.0/subscribe", "template": "https://b.example/follow?uri={uri}"})
    found = visitor.submit(path, address="@bo@b.example")
    assert f"https://b.example/follow?uri={quote(URL + '/users/ada', safe='')}" in links(found)
    finger["links"][-1]["template"] = "https://evil.example/?{uri}"
    for address in ("bo@b.example", "bo@site.test", "bo@127.0.0.1", "nonsense", "", "nobody@b.example"):
        refused = visitor.submit(path, address=address)
        assert refused.status == 422
        assert not [target for target in links(refused) if target.startswith("http") and not target.startswith(URL)]
    assert ada.get(path).header("Location") == "/@ada"


def test_the_api_resolves_if_asked(site: SiteFixture, ada: Visitor, internet: Internet) -> None:
    del ada
    client = api(site)
    assert client.get("/api/v2/search?q=@bo@b.example").json["accounts"] == []
    assert client.get("/api/v1/accounts/search?q=@bo@b.example").json == []
    assert internet.requests == []
    assert client.get("/api/v1/accounts/lookup?acct=bo@b.example").status == 404
    [found] = client.get("/api/v2/search?q=@bo@b.example&resolve=true").json["accounts"]
    assert (found["acct"], found["uri"], found["url"], found["display_name"]) == ("bo@b.example", BO, PAGE, "Bo of B")
    for path in ("/api/v1/accounts/search?q=bo@b.example&resolve=true", "/api/v1/accounts/search?q=@bo@b.example"):
        assert [one["id"] for one in client.get(path).json] == [found["id"]]
    assert client.get("/api/v1/accounts/lookup?acct=bo@b.example").json["id"] == found["id"]
    nothing = client.get("/api/v2/search?q=@nobody@b.example&resolve=true").json
    assert nothing == {"accounts": [], "statuses": [], "hashtags": []}


def test_without_federation_nothing_is_asked(cursor: Cursor, tmp_path: Path, internet: Internet) -> None:
    site = build_site(cursor, tmp_path, internet, public_url=URL)
    ada = site.registered_user("ada")
    client = api(site)
    assert client.get("/api/v2/search?q=@bo@b.example&resolve=true").json["accounts"] == []
    assert "No results" in main_text(ada.get("/search?q=@bo@b.example"))
    assert ada.get("/authorize_interaction?uri=acct:bo@b.example").status == 404
    assert site.visitor().get("/@ada/remote_follow").status == 404
    assert "/login?next=/@ada" in links(site.visitor().get("/@ada"))
    assert internet.requests == []


NOTE = f"{BO}/statuses/1"


def note(**values: object) -> dict[str, object]:
    public = "https://www.w3.org/ns/activitystreams#Public"
    of = {"id": NOTE, "type": "Note", "attributedTo": BO, "content": "<p>From B</p>", "to": [public], "published": "2026-01-01T00:00:00Z"}
    return {"@context": "https://www.w3.org/ns/activitystreams", **of, **values}


def test_a_post_is_found_by_its_address(ada: Visitor, site: SiteFixture, internet: Internet) -> None:
    internet.documents[NOTE] = note()
    assert "From B" in main_text(ada.get(f"/search?q={quote(NOTE)}"))
    asked = len(internet.requests)
    [found] = api(site).get(f"/api/v2/search?q={quote(NOTE)}&resolve=true").json["statuses"]
    assert (found["uri"], found["account"]["acct"]) == (NOTE, "bo@b.example")
    assert len(internet.requests) == asked
    assert ada.get(f"/authorize_interaction?uri={quote(NOTE, safe='')}").header("Location") == f"/posts/{found['id']}"


def test_a_post_that_is_not_for_the_reader_is_not_found(ada: Visitor, internet: Internet) -> None:
    internet.documents[NOTE] = note(to=["https://b.example/users/cy"])
    assert resolution.NOT_FOUND in main_text(ada.get(f"/search?q={quote(NOTE)}"))


def test_a_post_of_another_author_is_not_believed(ada: Visitor, internet: Internet, cursor: Cursor) -> None:
    internet.documents[NOTE] = note(attributedTo="https://c.example/users/al")
    assert "From B" not in main_text(ada.get(f"/search?q={quote(NOTE)}"))
    cursor.execute("select count(*) from posts")
    assert cursor.fetchone() == (0,)


def test_a_mention_makes_the_account_known_and_links_to_it(site: SiteFixture, ada: Visitor, internet: Internet) -> None:
    client = api(site)
    internet.down.add("down.example")
    text = "@bo@b.example @Bo@b.example @nobody@b.example @x@down.example @ada"
    post = client.post("/v1/statuses", status=text).json
    assert [(one["acct"], one["url"]) for one in post["mentions"]] == [("ada", f"{URL}/@ada"), ("bo@b.example", PAGE)]
    assert (
        f'<a href="{PAGE}" target="_blank" rel="nofollow noopener" class="u-url mention">@<span>bo@b.example</span></a>' in post["content"]
    )
    assert "@nobody@b.example" in post["content"]
    asked = len(internet.requests)
    again = client.post("/v1/statuses", status="@bo@b.example again").json
    assert [one["acct"] for one in again["mentions"]] == ["bo@b.example"]
    assert len(internet.requests) == asked
    assert PAGE in links(ada.get(f"/@ada/{post['id']}"))
    assert [link for link in links(ada.get(f"/@ada/{post['id']}")) if link == "/@bo"] == []


def test_an_edit_mentions_accounts_too(site: SiteFixture, ada: Visitor) -> None:
    del ada
    client = api(site)
    post = client.post("/v1/statuses", status="Hello").json
    edited = client.put(f"/v1/statuses/{post['id']}", status="Hello @bo@b.example").json
    assert [one["acct"] for one in edited["mentions"]] == ["bo@b.example"]


def test_without_federation_an_address_stays_text(cursor: Cursor, tmp_path: Path, internet: Internet) -> None:
    site = build_site(cursor, tmp_path, internet, public_url=URL)
    site.registered_user("ada")
    post = api(site).post("/v1/statuses", status="@bo@b.example").json
    assert (post["mentions"], post["content"]) == ([], "<p>@bo@b.example</p>")
    assert internet.requests == []


def test_visitors_go_to_the_original_of_a_post(site: SiteFixture, ada: Visitor, internet: Internet) -> None:
    internet.documents[NOTE] = note(url=f"{PAGE}/1")
    ada.get(f"/search?q={quote(NOTE)}")
    [found] = api(site).get(f"/api/v2/search?q={quote(NOTE)}&resolve=true").json["statuses"]
    path = f"/@bo@b.example/{found['id']}"
    assert "From B" in main_text(ada.get(path))
    for _ in range(2):
        assert site.visitor().get(path).header("Location") == f"{PAGE}/1"


def test_followees_elsewhere_are_suggested_while_one_types(site: SiteFixture, ada: Visitor, cursor: Cursor) -> None:
    ada.get("/search?q=@bo@b.example")
    assert ada.get("/compose/complete?q=@bo").json["count"] == 0
    cursor.execute("select id from accounts where host is not null")
    [(id,)] = cursor.fetchall()
    make.follow(cursor, site.viewer("ada"), make.reload(cursor, make._found(cursor, id)))
    assert "@bo@b.example" in ada.get("/compose/complete?q=@bo").json["html"]


@pytest.mark.parametrize("mode", ["off", "allowlist", "on"])
def test_the_instance_tells_which_servers_it_knows(cursor: Cursor, tmp_path: Path, mode: str) -> None:
    site = build_site(cursor, tmp_path, Internet(), public_url=URL, federation=mode)
    make.remote_account(cursor, host="b.example")
    make.remote_account(cursor, host="b.example")
    suspended = make.remote_account(cursor, host="c.example")
    cursor.execute("update accounts set suspended_at = now() where id = %s", [suspended.id])
    client = Client(site)
    assert client.get("/v1/instance/peers").json == (["b.example"] if mode == "on" else [])  # no server is on the allow-list
    assert client.get("/v2/instance").json["configuration"]["limited_federation"] == (mode != "on")


def test_the_address_of_an_unknown_profile_leads_to_it(site: SiteFixture, ada: Visitor, internet: Internet) -> None:
    assert site.visitor().get("/@bo@b.example").status == 404
    assert internet.requests == []
    assert "Bo of B" in main_text(ada.get("/@bo@b.example"))
    missing = ada.get("/@nobody@b.example/followers")
    assert (missing.status, resolution.NO_SUCH_ACCOUNT in main_text(missing)) == (404, True)
    for path in ("/@nobody", "/@nobody@site.test"):
        assert ada.get(path).status == 404


def test_a_suspended_account_is_not_asked_for_again(site: SiteFixture, ada: Visitor, internet: Internet, cursor: Cursor) -> None:
    ada.get("/@bo@b.example")
    cursor.execute("update accounts set suspended_at = now() where host is not null")
    asked = len(internet.requests)
    assert ada.get("/@bo@b.example").status == 404
    assert len(internet.requests) == asked


def jobs(cursor: Cursor) -> set[str]:
    cursor.execute("delete from jobs where kind like 'federation.%' returning kind")
    return {kind for (kind,) in cursor.fetchall()}


def test_what_members_look_at_is_read_again(site: SiteFixture, ada: Visitor, internet: Internet, cursor: Cursor) -> None:
    internet.documents[NOTE] = note(replies=f"{NOTE}/replies")
    client = api(site)
    found = client.get(f"/api/v2/search?q={quote(NOTE)}&resolve=true").json["statuses"][0]
    profile, post = "/@bo@b.example", f"/@bo@b.example/{found['id']}"
    assert jobs(cursor) == set()
    for path in (profile, post):
        site.visitor().get(path)
    for path in (f"/api/v1/accounts/{found['account']['id']}", f"/api/v1/statuses/{found['id']}/context"):
        Client(site).get(path)
    assert jobs(cursor) == set()
    looks: list[tuple[Callable[[], HttpResponse], str]] = [
        (lambda: ada.get(profile), "federation.profile"),
        (lambda: client.get(f"/api/v1/accounts/{found['account']['id']}"), "federation.profile"),
        (lambda: client.get("/api/v1/accounts/lookup?acct=bo@b.example"), "federation.profile"),
        (lambda: client.get("/api/v2/search?q=@bo@b.example&resolve=true"), "federation.profile"),
        (lambda: ada.get(post), "federation.replies"),
        (lambda: client.get(f"/api/v1/statuses/{found['id']}/context"), "federation.replies"),
    ]
    for look, job in looks:
        assert look().status == 200
        assert jobs(cursor) == {job}, job
