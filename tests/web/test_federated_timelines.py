"""Timelines and streams of this site, of other servers, and of both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from microblog.federation.incoming import parse_object
from microblog.federation.remote_posts import LIVE_FOR, Arrival, RemotePosts
from microblog.model.federation_posts import RemotePost
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import result_of
from tests.federation.internet import SITE
from tests.federation.remote_side import BO, note, store_actor
from tests.make import NOW
from tests.web.api.client import Client, anonymous_client, client
from tests.web.live_site import LiveSite, open_live_site
from tests.web.socket_client import open_socket
from tests.web.visitor import SiteFixture, Visitor, build_site, document, links, main_text

NONE = "127.0.0.1:9"  # an address without a server: with one, a public URL may begin with http://
NAMES = ("public", "public:local", "public:remote", "public:media", "public:remote:media", "hashtag", "hashtag:local")
HERE, THERE = "From here #tea", "From afar #tea"
TEA = [{"type": "Hashtag", "name": "#tea", "href": "https://b.example/tags/tea"}]


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path, federation="on", federation_test_addresses=NONE) as site:
        yield site


def arrive(live_site: LiveSite, id: str = "1", **changes: Any) -> None:
    """Let a post of another server arrive, and broadcast it."""
    document = parse_object(orjson.dumps(note(id, content=f"<p>{THERE}</p>", tag=TEA, **changes)))
    assert isinstance(document, RemotePost)

    def store(cursor: Cursor) -> None:
        stored = RemotePosts(SITE, lambda: NOW).store(cursor, store_actor(cursor, BO), document, Arrival(delivered=True))
        assert stored is not None

    result_of(live_site.database.run(store))
    live_site.process_events()


def test_each_stream_has_posts_of_here_or_elsewhere_as_its_name_says(live_site: LiveSite) -> None:
    ada = live_site.registered_user("ada")
    socket = open_socket(live_site, f"access_token={live_site.token('ada')}")
    for name in NAMES:
        socket.send_json(type="subscribe", stream=name, tag="Tea")
    token = f"Bearer {live_site.token('ada')}"
    paths = ("public", "public/local", "public/remote", "hashtag?tag=tea", "hashtag/local?tag=tea")
    events = {path: live_site.listen(f"/api/v1/streaming/{path}", Authorization=token) for path in paths}
    pages = {path: live_site.listen(f"/live/{path}", ada) for path in ("local", "federated", "tags/tea")}

    def delivered() -> set[str]:
        names = {message["stream"][0] for message in socket.read()}
        return names | {path for path, stream in (events | pages).items() if [event.name for event in stream.read()] == ["update"]}

    live_site.post(ada, HERE)
    assert delivered() == {
        *("public", "public:local", "hashtag", "hashtag:local"),
        *("public", "public/local", "hashtag?tag=tea", "hashtag/local?tag=tea"),
        *pages,
    }
    arrive(live_site)
    assert delivered() == {"public", "public:remote", "hashtag", "public/remote", "hashtag?tag=tea", "federated", "tags/tea"}


def test_posts_that_arrive_late_are_not_streamed(live_site: LiveSite) -> None:
    ada = live_site.registered_user("ada")
    stream = live_site.listen("/live/federated", ada)
    arrive(live_site, published=(NOW - LIVE_FOR).isoformat())
    assert stream.read() == []
    arrive(live_site, "2", published=(NOW - LIVE_FOR + timedelta(minutes=1)).isoformat())
    assert len(stream.read()) == 1


def test_visitors_get_no_stream_of_other_servers(live_site: LiveSite) -> None:
    arrive(live_site)
    with live_site.database.connection as connection, connection.cursor() as cursor:
        cursor.execute("select id from posts")
        [(id,)] = cursor.fetchall()
    ada = live_site.registered_user("ada")
    for path in ("/live/federated", "/live/@bo@b.example", f"/live/posts/{id}"):
        assert (live_site.listen(path).response.status, live_site.listen(path, ada).response.status) == (303, 200), path
    tag = live_site.listen("/live/tags/tea")
    arrive(live_site, "2")
    assert tag.read() == []
    live_site.post(ada, HERE)
    assert len(tag.read()) == 1


# --- Pages and the API


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return with_posts(build_site(cursor, tmp_path, federation="on", federation_test_addresses=NONE))


def with_posts(site: SiteFixture) -> SiteFixture:
    make.post(site.cursor, make.viewer(site.cursor, "cleo"), HERE)
    make.remote_post(site.cursor, make.remote_account(site.cursor), THERE, tags=["tea"])
    return site


def shown(visitor: Visitor, path: str) -> list[str]:
    text = main_text(visitor.get(path))
    return [each for each in (HERE, THERE) if each in text]


def tabs(visitor: Visitor, path: str) -> list[str]:
    return [str(each) for each in document(visitor.get(path)).xpath("//nav[@aria-label='Public timelines']/a/text()")]


def test_members_have_a_federated_timeline_beside_the_local_one(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    assert tabs(ada, "/local") == tabs(ada, "/federated") == ["Local", "Federated"]
    assert (shown(ada, "/local"), shown(ada, "/federated")) == ([HERE], [HERE, THERE])
    page = document(ada.get("/federated"))
    assert page.xpath("//meta[@name='robots']/@content") == ["noindex"]
    assert page.xpath("//nav[@aria-label='Main']//a[@aria-current]/@href") == ["/local"]


def test_visitors_see_posts_and_accounts_of_this_site_only(site: SiteFixture) -> None:
    visitor, ada = site.visitor(), site.registered_user("ada")
    assert (tabs(visitor, "/local"), shown(visitor, "/local")) == ([], [HERE])
    site.cursor.execute("update accounts set indexable = true, display_name = 'From ' || username")
    for path in ("/tags/tea", "/search?q=from+tea"):
        assert (shown(visitor, path), shown(ada, path)) == ([HERE], [HERE, THERE]), path
    for path in ("/search?q=from", "/search?q=from+tea&max_id=9000000000000000000"):
        assert any("@there.example" in link for link in links(ada.get(path))), path
        assert not any("@there.example" in link for link in links(visitor.get(path))), path
    assert visitor.get("/federated").header("Location") == "/login?next=/federated"


def test_a_site_can_show_others_to_visitors(cursor: Cursor, tmp_path: Path) -> None:
    site = with_posts(build_site(cursor, tmp_path, federation="on", federation_test_addresses=NONE, federation_public_pages="on"))
    visitor = site.visitor()
    assert (tabs(visitor, "/federated"), shown(visitor, "/federated")) == (["Local", "Federated"], [HERE, THERE])
    [profile] = {link for link in links(visitor.get("/federated")) if link.endswith("@there.example")}
    [post] = {link for link in links(visitor.get(profile)) if link.startswith(f"{profile}/") and link.split("/")[-1].isdigit()}
    for path in (profile, f"{profile}/followers", post):
        page = visitor.get(path)
        assert (page.status, document(page).xpath("//meta[@name='robots']/@content")) == (200, ["noindex"]), path
    original = f"https://there.example/{profile[1:].removesuffix('@there.example')}"
    assert document(visitor.get(profile)).xpath("//a[text()='Follow']/@href") == [original]


def test_a_site_that_does_not_federate_has_none_of_this(cursor: Cursor, tmp_path: Path) -> None:
    site = with_posts(build_site(cursor, tmp_path, federation_public_pages="on"))
    ada = site.registered_user("ada")
    for visitor in (ada, site.visitor()):
        assert (tabs(visitor, "/local"), visitor.get("/federated").status, visitor.get("/live/federated").status) == ([], 404, 404)


def contents(who: Client, path: str, **options: object) -> list[str]:
    return [each for each in (HERE, THERE) if f"<p>{each.split(' #')[0]}" in who.get(path, **options).text]


@pytest.mark.parametrize("path", ["/v1/timelines/public", "/v1/timelines/tag/tea"])
def test_the_api_has_all_or_local_or_remote_posts(site: SiteFixture, path: str) -> None:
    for who in (client(site, "ada"), anonymous_client(site)):
        assert contents(who, path) == [HERE, THERE]
        assert contents(who, path, local=True) == contents(who, path, local=True, limit=1, max_id=2**62) == [HERE]
        assert contents(who, path, remote=True) == contents(who, path, remote=True, limit=1, max_id=2**62) == [THERE]
