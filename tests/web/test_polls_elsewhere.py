"""Polls and pinned posts of other servers on pages and in the API, fresh ones and cached ones."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from microblog.model.remote_posts import PostPoll
from microblog.storage import remote_posts
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.fakes import result_of
from tests.federation.internet import Internet
from tests.federation.remote_server import URL, RemoteUser
from tests.web.api.client import Client, client
from tests.web.visitor import SiteFixture, build_site, document, main_text

FEATURED = "https://b.example/users/bo/featured"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    return build_site(cursor, tmp_path, internet, public_url=URL, federation="on")


@pytest.fixture
def ada(site: SiteFixture) -> Client:
    return client(site, "ada")


@pytest.fixture
def bo(site: SiteFixture, internet: Internet) -> RemoteUser:
    """Return an account of another server that ada follows."""
    user = RemoteUser(site, internet)
    user.publish(featured=FEATURED)
    assert site.federation is not None
    account = result_of(site.federation.resolution.actors.fetch(user.id))
    make.follow(site.cursor, site.viewer("ada"), account)
    return user


def note(bo: RemoteUser, number: int, **values: Any) -> dict[str, Any]:
    published = (bo.now - timedelta(minutes=number)).isoformat()
    plain = {"id": f"{bo.id}/statuses/{number}", "type": "Note", "attributedTo": bo.id, "published": published, "to": [PUBLIC]}
    return {**plain, "content": f"<p>Post {number}</p>", **values}


def question(bo: RemoteUser, *votes: int, several: bool = False, **values: Any) -> dict[str, Any]:
    options = [{"type": "Note", "name": f"choice {n}", "replies": {"type": "Collection", "totalItems": v}} for n, v in enumerate(votes)]
    end = (bo.now + timedelta(hours=1)).isoformat()
    return note(bo, 1, **{"type": "Question", "anyOf" if several else "oneOf": options, "endTime": end, **values})


def run_reading_jobs(site: SiteFixture) -> list[str]:
    """Run the jobs that read something again; return their kinds."""
    assert site.federation is not None
    found = fetch_all(
        site.cursor,
        lambda kind, payload: (str(kind), payload),
        "delete from jobs where kind in ('federation.poll', 'federation.featured') returning kind, payload",
    )
    reading = site.federation.reading_again
    for kind, payload in found:
        ids = {name: int(value) for name, value in payload.items()}
        if kind == "federation.poll":
            result_of(reading.read_poll(ids["post"], ids["viewer"], lambda cursor: None))  # type: ignore[arg-type]
        else:
            result_of(reading.featured.read(ids["account"], lambda cursor: None))  # type: ignore[arg-type]
    return [kind for kind, _ in found]


def status(ada: Client) -> dict[str, Any]:
    """Return the newest post on home."""
    found: dict[str, Any] = ada.get("/v1/timelines/home").json[0]
    return found


def test_a_look_at_a_poll_brings_new_votes(ada: Client, site: SiteFixture, internet: Internet, bo: RemoteUser) -> None:
    bo.do("Create", question(bo, 3, 1))
    id = status(ada)["id"]
    internet.documents[f"{bo.id}/statuses/1"] = question(bo, 5, 2)
    paths = (f"/v1/statuses/{id}", "/v1/timelines/home")
    for path in paths:
        ada.get(path)
    assert run_reading_jobs(site) == ["federation.poll"]
    for path in paths:
        found = ada.get(path).json
        assert [option["votes_count"] for option in (found if isinstance(found, dict) else found[0])["poll"]["options"]] == [5, 2], path
    ada.get(paths[0])
    assert run_reading_jobs(site) == []


def test_asking_for_the_poll_reads_it_at_once(ada: Client, internet: Internet, bo: RemoteUser) -> None:
    bo.do("Create", question(bo, 3, 1))
    poll = status(ada)["poll"]["id"]
    internet.documents[f"{bo.id}/statuses/1"] = question(bo, 5, 2, votersCount=7)
    found = ada.get(f"/v1/polls/{poll}").json
    assert ([option["votes_count"] for option in found["options"]], found["voters_count"]) == ([5, 2], 7)


def test_visitors_do_not_make_the_site_ask(site: SiteFixture, ada: Client, internet: Internet, bo: RemoteUser) -> None:
    bo.do("Create", question(bo, 3, 1))
    poll, before = status(ada)["poll"]["id"], len(internet.requests)
    assert Client(site).get(f"/v1/polls/{poll}").status == 200
    assert len(internet.requests) == before


def test_a_poll_with_many_options_is_voted_in_on_its_page(ada: Client, site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Create", question(bo, *range(500), several=True))
    found = status(ada)
    visitor = site.registered_user("cleo")
    path = f"/@{found['account']['acct']}/{found['id']}"
    page = document(visitor.get(path))
    assert len(page.xpath("//main//*[@class='long']//input")) == 500
    chosen = {f"choice-{found['poll']['id']}": "499"}
    visitor.submit(f"/polls/{found['poll']['id']}/vote", page=path, **chosen)
    [results] = document(visitor.get(path)).xpath("//main//ul[@class='plain long']")
    assert len(results) == 500
    assert results.get("tabindex") == "0"
    events = fetch_all(site.cursor, str, "select data->>'option' from events where kind = 'voted'", {})
    assert events == ["choice 499"]
    voted = ada.post(f"/v1/polls/{found['poll']['id']}/votes", **{"choices[]": list(map(str, range(200)))})
    assert (voted.status, len(voted.json["own_votes"])) == (200, 200)


def test_a_poll_without_an_end_says_so(ada: Client, site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Create", question(bo, 3, 1, endTime=None))
    found = status(ada)
    assert (found["poll"]["expires_at"], found["poll"]["expired"]) == (None, False)
    text = main_text(site.registered_user("cleo").get(f"/@{found['account']['acct']}/{found['id']}"))
    assert "4 people" in text
    assert "9999" not in text


def test_pinned_posts_are_read_when_somebody_looks(ada: Client, site: SiteFixture, internet: Internet, bo: RemoteUser) -> None:
    bo.do("Create", note(bo, 1))
    account = status(ada)["account"]
    visitor, api = site.registered_user("cleo"), f"/v1/accounts/{account['id']}/statuses"
    pinned = [note(bo, 2, content="<p>Pinned words</p>"), note(bo, 1)]
    internet.documents[FEATURED] = {"id": FEATURED, "type": "OrderedCollection", "orderedItems": pinned}
    assert "Pinned" not in main_text(visitor.get(f"/@{account['acct']}"))
    assert ada.get(api, pinned="true").json == []
    assert run_reading_jobs(site) == ["federation.featured"]
    assert "Pinned words" in main_text(visitor.get(f"/@{account['acct']}"))
    assert [each["content"] for each in ada.get(api, pinned="true").json] == ["<p>Pinned words</p>", "<p>Post 1</p>"]
    bo.do("Remove", pinned[0]["id"], target=FEATURED)
    assert [each["content"] for each in ada.get(api, pinned="true").json] == ["<p>Post 1</p>"]
    assert run_reading_jobs(site) == []


def test_a_site_without_federation_reads_nothing_again(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path)
    ada, far = client(site, "ada"), make.remote_account(cursor)
    post = make.remote_post(cursor, far)
    stored = PostPoll(("tea", "milk"), (1, 2), 3, False, make.NOW + timedelta(days=9_000))
    cursor.execute("select count(*) from jobs")
    [(before,)] = cursor.fetchall()
    poll = remote_posts.set_poll(cursor, post=post.id, poll=stored, now=make.NOW)
    for path in (f"/v1/statuses/{post.id}", f"/v1/polls/{poll}", f"/v1/accounts/{far.id}/statuses?pinned=true"):
        assert ada.get(path).status == 200, path
    cursor.execute("select count(*) from jobs")
    assert cursor.fetchall() == [(before,)]
