"""Without federation, the site answers as the release before it did: there is nothing for other servers, and nothing that tells of it."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from microblog import __version__
from microblog.model.accounts import Role
from microblog.storage import users
from microblog.storage.database import Cursor, fetch_value
from tests.web.crawler import fill_path, finite_get_routes
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import SiteFixture, build_site, links

URL = "https://site.test"
JSON = "application/activity+json"

# What the release before federation answered.
PERSON = (
    b'{"subject":"acct:ada@site.test","aliases":["https://site.test/@ada","https://site.test/users/ada"],"links":['
    b'{"rel":"http://webfinger.net/rel/profile-page","type":"text/html","href":"https://site.test/@ada"},'
    b'{"rel":"http://webfinger.net/rel/avatar","type":"image/png","href":"https://site.test/avatars/original/missing.png"}]}'
)
NODEINFO = (
    b'{"version":"2.0","software":{"name":"microblog","version":"%s"},"protocols":[],"services":{"outbound":["atom1.0"],"inbound":[]},'
    b'"usage":{"users":{"total":1,"activeMonth":1,"activeHalfyear":1},"localPosts":1},"openRegistrations":true,'
    b'"metadata":{"nodeName":"microblog","nodeDescription":"A small microblog server."}}'
)
DOCUMENTS = {
    "/.well-known/webfinger?resource=acct:ada@site.test": PERSON,
    "/.well-known/webfinger?resource=https://site.test/@ada": PERSON,
    "/.well-known/webfinger?resource=https://site.test/users/ada": PERSON,
    "/.well-known/webfinger?resource=acct:site.test@site.test": b'{"error":"Record not found"}',
    "/.well-known/webfinger": b'{"error":"param is missing or the value is empty: resource"}',
    "/.well-known/nodeinfo": b'{"links":[{"rel":"http://nodeinfo.diaspora.software/ns/schema/2.0","href":"https://site.test/nodeinfo/2.0"}]}',
    "/nodeinfo/2.0": NODEINFO % __version__.encode(),
    "/nodeinfo/2.1": b'{"error":"Not Found"}',
    "/api/v1/instance/peers": b"[]",
}
ACCOUNT = (
    "id username acct display_name locked bot discoverable indexable group created_at note url uri avatar avatar_static header "
    "header_static followers_count following_count statuses_count last_status_at hide_collections noindex emojis roles fields"
)
FOR_OTHERS = (
    "/inbox",
    "/actor",
    "/actor/inbox",
    "/actor/outbox",
    "/users/ada/inbox",
    "/users/ada/outbox",
    "/users/ada/followers",
    "/users/ada/following",
    "/users/ada/followers_synchronization",
    "/users/ada/collections/featured",
    "/users/ada/collections/tags",
    "/users/ada/statuses/{post}/replies",
    "/contexts/{post}",
    "/authorize_interaction?uri=acct:bo@b.example",
    "/media_proxy/1/original",
)
FEDERATED_ONLY = re.compile(r"^/(federated|admin/servers|settings/domains|severed_relationships)|type=elsewhere|/remote_follow")
PAGES = ("/", "/@ada", "/@ada/{post}", "/local", "/tags/tea", "/about", "/search?q=@bo@b.example", "/@ada/followers")


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    site = build_site(cursor, tmp_path, public_url=URL)
    site.registered_user("ada").submit("/posts", "/home", text="Hello @bo@b.example #tea")
    return site


@pytest.fixture
def post(site: SiteFixture) -> str:
    return str(fetch_value(site.cursor, "select id from posts"))


def comparable(response: HttpResponse) -> tuple[int, str]:
    """Return a response without what differs each time."""
    return response.status, re.sub(
        r'nonce-?="?[^"]*"|data-position="[^"]*"|data-now="[^"]*"|next=[^"]*|name="next" value="[^"]*"', "", response.text
    )


@pytest.mark.parametrize("path", DOCUMENTS)
def test_what_other_servers_may_ask_for_is_as_before(site: SiteFixture, path: str) -> None:
    response = site.visitor().get(path)
    assert response.body == DOCUMENTS[path]
    assert response.header("Vary") == "Accept-Encoding, Authorization, Origin"


@pytest.mark.parametrize(
    ("method", "path"), [*(("GET", path) for path in FOR_OTHERS), *(("POST", path) for path in FOR_OTHERS if "inbox" in path)]
)
def test_nothing_is_served_for_other_servers(site: SiteFixture, post: str, method: str, path: str) -> None:
    path, visitor = path.format(post=post), site.visitor()
    body = orjson.dumps({"type": "Follow", "actor": "https://b.example/users/bo", "object": f"{URL}/users/ada"})

    def answer(path: str) -> HttpResponse:
        if method == "GET":
            return visitor.get(path, Accept=JSON)
        return request(site.server, "POST", path, {"Content-Type": JSON}, body)

    assert comparable(answer(path)) == comparable(answer("/nothing-has-this-address"))
    assert answer(path).status == 404


@pytest.mark.parametrize("path", PAGES)
def test_pages_neither_depend_on_the_format_nor_name_it(site: SiteFixture, post: str, path: str) -> None:
    visitor = site.visitor()
    page = visitor.get(path.format(post=post), Accept="text/html")
    assert page.status == 200
    assert comparable(visitor.get(path.format(post=post), Accept=JSON)) == comparable(page)
    assert "activity+json" not in page.text + str(page.header("Link"))
    assert "Federated" not in page.text


def test_ids_lead_to_pages_as_before(site: SiteFixture, post: str) -> None:
    for accept in (JSON, "text/html"):
        for id, page in (("/users/ada", "/@ada"), (f"/users/ada/statuses/{post}", f"/posts/{post}")):
            response = site.visitor().get(id, Accept=accept)
            assert (response.status, response.header("Location")) == (302, page)


def test_entities_have_the_fields_of_before(site: SiteFixture, post: str) -> None:
    [status] = orjson.loads(site.visitor().get("/api/v1/timelines/public").body)
    assert list(status["account"]) == ACCOUNT.split()
    assert (status["uri"], status["url"]) == (f"{URL}/users/ada/statuses/{post}", f"{URL}/@ada/{post}")
    assert status["mentions"] == []
    assert "@bo@b.example" in status["content"]
    assert "b.example" not in "".join(re.findall(r'href="([^"]*)"', status["content"]))


def test_nothing_is_built_that_talks_to_other_servers(site: SiteFixture) -> None:
    assert site.federation is None
    assert not [route.path for route in site.routes if route.path.endswith("/inbox")]
    assert fetch_value(site.cursor, "select count(*) from outgoing_activities") == 0
    assert fetch_value(site.cursor, "select count(*) from jobs where kind like 'federation%%'") == 0


def test_no_page_leads_to_what_only_federation_has(site: SiteFixture, post: str) -> None:
    ben = site.registered_user("ben")
    users.change_role(site.cursor, account=site.viewer("ben").id, role=Role.ADMIN)
    values = {"username": "ada", "post_id": post, "name": "tea"}
    paths = [fill_path(route.path, values) for route in finite_get_routes(site) if not route.options.api]
    pages = [(path, ben.get(path)) for path in paths if not path.startswith("/settings/domains")]
    shown = [(path, page) for path, page in pages if page.status == 200 and str(page.header("Content-Type")).startswith("text/html")]
    assert {"/home", "/settings", "/settings/move", "/admin/people", "/@ada", f"/@ada/{post}"} <= {path for path, _ in shown}
    found = [(path, link) for path, page in shown for link in links(page) if FEDERATED_ONLY.search(link)]
    assert found == []
