"""Followers synchronisation (FEP-8fcf): the list for one server, and the repair of follows from here by the lists of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from microblog.federation.followers_repair import CHECK_EVERY, JOB
from microblog.federation.followers_sync import HEADER, FollowersDigest, followers_digest
from microblog.federation.keys import SigningKey
from microblog.federation.signature_choice import SignatureForm, sign
from microblog.federation.signed_requests import HttpRequest
from microblog.jobs import federation_jobs
from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.fakes import result_of
from tests.federation.internet import JSON, Internet
from tests.federation.remote_server import URL, RemoteUser, private_key
from tests.federation.remote_side import known_actor
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import SiteFixture, build_site

ADA, BEN, CY = (f"{URL}/users/{name}" for name in ("ada", "ben", "cy"))
BO = "https://b.example/users/bo"
FOLLOWERS = f"{BO}/followers"
LIST = f"{BO}/followers_synchronization"


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="on")
    for name in ("ada", "ben", "cy"):
        site.registered_user(name)
    return site


@pytest.fixture
def bo(site: SiteFixture, internet: Internet) -> RemoteUser:
    bo = RemoteUser(site, internet)
    bo.publish(followers=FOLLOWERS)
    return bo


def get(user: RemoteUser, path: str, *, signed: bool = True) -> HttpResponse:
    headers = {"Accept": JSON}
    if signed:
        key = SigningKey(f"{user.id}#main-key", user.key)
        headers |= sign(HttpRequest("GET", URL + path, tuple(headers.items())), key, SignatureForm.CAVAGE, user.now)
    return request(user.site.server, "GET", path, {name: value for name, value in headers.items() if name != "Host"})


# --- The list


def test_a_server_gets_its_own_followers_and_no_others(site: SiteFixture, internet: Internet, bo: RemoteUser) -> None:
    others = [
        RemoteUser(site, internet, "di"),
        RemoteUser(site, internet, "eve", "c.example"),
        RemoteUser(site, internet, "fay", "sub.b.example"),
    ]
    for user in (bo, *others):
        user.do("Follow", ADA)
    make.follow(site.cursor, site.viewer("ben"), site.viewer("ada"))
    answer = get(bo, "/users/ada/followers_synchronization")
    assert answer.status == 200
    assert (answer.header("Content-Type") or "").startswith(JSON)
    assert "public" not in (answer.header("Cache-Control") or "")
    document = orjson.loads(answer.body)
    assert (document["type"], document["id"]) == ("OrderedCollection", f"{ADA}/followers_synchronization")
    assert document["orderedItems"] == [bo.id, others[0].id]
    assert orjson.loads(get(others[1], "/users/ada/followers_synchronization").body)["orderedItems"] == [others[1].id]
    assert orjson.loads(get(bo, "/users/ben/followers_synchronization").body)["orderedItems"] == []


def test_the_list_is_only_for_who_signs(site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Follow", ADA)
    assert get(bo, "/users/ada/followers_synchronization", signed=False).status == 401
    bo.key = private_key(2)
    assert get(bo, "/users/ada/followers_synchronization").status == 401


def test_accounts_that_are_not_there_have_no_list(site: SiteFixture, bo: RemoteUser) -> None:
    make.suspend(site.cursor, site.viewer("ada"))
    assert get(bo, "/users/ada/followers_synchronization").status == 410
    assert get(bo, "/users/nobody/followers_synchronization").status == 404


def test_a_short_domain_does_not_hide_followers(site: SiteFixture, internet: Internet, bo: RemoteUser) -> None:
    """The host of a handle may be another one than that of the ids, which are compared."""
    bo.do("Follow", ADA)
    site.cursor.execute("update accounts set host = 'short.example' where uri = %s", [bo.id])
    assert orjson.loads(get(bo, "/users/ada/followers_synchronization").body)["orderedItems"] == [bo.id]


# --- The repair


def digest_header(*followers: str, collection: str = FOLLOWERS, url: str = LIST) -> str:
    return FollowersDigest(collection, url, followers_digest(followers)).header()


def deliver(user: RemoteUser, header: str, *, signed: bool = True, form: SignatureForm = SignatureForm.CAVAGE) -> None:
    body = orjson.dumps(user.activity("Listen", f"{user.id}/x"))
    content = {"Content-Type": JSON, HEADER: header}
    covered = content if signed else {"Content-Type": JSON}
    headers = sign(
        HttpRequest("POST", f"{URL}/inbox", tuple(covered.items()), body), SigningKey(f"{user.id}#main-key", user.key), form, user.now
    )
    assert user.post(body, content | headers).status == 202


def waiting(site: SiteFixture) -> list[dict[str, Any]]:
    return fetch_all(site.cursor, dict, "select payload from jobs where kind = %(kind)s and state = 'waiting'", {"kind": JOB})


def repair(site: SiteFixture) -> None:
    assert site.federation is not None
    for payload in waiting(site):
        said = FollowersDigest(payload["collection"], payload["url"], payload["digest"])
        result_of(site.federation.inbox.followers.repair(AccountId(int(payload["account"])), said, lambda cursor: None))
    site.cursor.execute("delete from jobs where kind = %s", [JOB])


def listed(internet: Internet, *followers: str) -> None:
    internet.documents[LIST] = {"id": LIST, "type": "OrderedCollection", "orderedItems": [*followers]}


def follows(site: SiteFixture) -> list[str]:
    sql = "select a.username from follows f join accounts a on a.id = f.follower_id where a.host is null order by a.username"
    return fetch_all(site.cursor, str, sql)


def withdrawn(site: SiteFixture) -> list[str]:
    sql = "select a.username from events e join accounts a on a.id = e.account_id where e.kind = 'follow.withdrawn' order by e.id"
    return fetch_all(site.cursor, str, sql)


@pytest.fixture
def followed(site: SiteFixture, bo: RemoteUser) -> RemoteUser:
    """Bo, whom ada and ben follow."""
    bo.do("Follow", ADA)
    account = known_actor(site.cursor)
    for name in ("ada", "ben"):
        make.follow(site.cursor, site.viewer(name), account)
    return bo


@pytest.mark.parametrize("form", [SignatureForm.CAVAGE, SignatureForm.RFC_9421])
def test_follows_that_the_other_server_forgot_are_removed(
    site: SiteFixture, internet: Internet, followed: RemoteUser, form: SignatureForm
) -> None:
    listed(internet, ADA)
    deliver(followed, digest_header(ADA), form=form)
    repair(site)
    assert follows(site) == ["ada"]
    assert make.reload(site.cursor, site.viewer("ben")).following_count == 0
    assert withdrawn(site) == []  # it does not know the follow, so there is nothing to tell


def test_followers_that_only_the_other_server_knows_are_withdrawn(site: SiteFixture, internet: Internet, followed: RemoteUser) -> None:
    listed(internet, ADA, BEN, CY, f"{URL}/users/nobody", "https://c.example/users/eve")
    deliver(followed, digest_header(ADA, BEN, CY, f"{URL}/users/nobody"))
    repair(site)
    assert (follows(site), withdrawn(site)) == (["ada", "ben"], ["cy"])


def test_a_request_whose_acceptance_was_lost_is_taken_as_accepted(site: SiteFixture, internet: Internet, followed: RemoteUser) -> None:
    result_of(site.domain.follows.follow(site.viewer("cy"), known_actor(site.cursor).id))
    listed(internet, ADA, BEN, CY)
    deliver(followed, digest_header(ADA, BEN, CY))
    repair(site)
    assert (follows(site), withdrawn(site)) == (["ada", "ben", "cy"], [])


def test_nobody_is_removed_by_a_list_that_is_not_that_of_the_digest(site: SiteFixture, internet: Internet, followed: RemoteUser) -> None:
    listed(internet)
    deliver(followed, digest_header(ADA))
    repair(site)
    assert follows(site) == ["ada", "ben"]


def test_a_list_in_pages_is_read(site: SiteFixture, internet: Internet, followed: RemoteUser) -> None:
    internet.documents[LIST] = {"id": LIST, "type": "OrderedCollection", "first": f"{LIST}?page=1"}
    pages = {f"{LIST}?page=1": [ADA], f"{LIST}?page=2": [CY]}
    for (address, items), following in zip(pages.items(), [f"{LIST}?page=2", "https://c.example/page"], strict=True):
        internet.documents[address] = {"id": address, "type": "OrderedCollectionPage", "orderedItems": items, "next": following}
    deliver(followed, digest_header(ADA, CY))
    repair(site)
    assert (follows(site), withdrawn(site)) == (["ada"], ["cy"])
    assert internet.asked[-3:] == [LIST, *pages]


def test_the_same_followers_cost_no_request(site: SiteFixture, followed: RemoteUser) -> None:
    deliver(followed, digest_header(BEN, ADA))
    assert waiting(site) == []


def test_a_list_is_read_once_in_five_minutes(site: SiteFixture, followed: RemoteUser) -> None:
    deliver(followed, digest_header(ADA))
    repair(site)
    deliver(followed, digest_header(ADA))
    assert waiting(site) == []
    site.cursor.execute("update remote_actors set followers_checked_at = followers_checked_at - %s", [CHECK_EVERY])
    deliver(followed, digest_header(ADA))
    assert len(waiting(site)) == 1


@pytest.mark.parametrize(
    "header",
    [
        digest_header(ADA, collection="https://b.example/users/di/followers"),
        digest_header(ADA, url="https://c.example/list"),
        digest_header(ADA, url="http://127.0.0.1/"),
        digest_header(ADA).replace('digest="', 'digest="0'),
        "x" * 9_000,
        "",
    ],
)
def test_a_header_about_others_is_ignored(site: SiteFixture, followed: RemoteUser, header: str) -> None:
    deliver(followed, header)
    assert waiting(site) == []


def test_a_header_that_is_not_signed_is_ignored(site: SiteFixture, followed: RemoteUser) -> None:
    deliver(followed, digest_header(ADA), signed=False)
    assert waiting(site) == []


def test_a_server_that_does_not_respond_is_asked_again(site: SiteFixture, internet: Internet, followed: RemoteUser) -> None:
    assert federation_jobs.RETRY_POLICIES[JOB].tries > 1
    internet.down.add("b.example")
    deliver(followed, digest_header(ADA))
    with pytest.raises(Exception, match="refused"):
        repair(site)
    assert follows(site) == ["ada", "ben"]


def test_a_list_that_is_gone_changes_nothing(site: SiteFixture, followed: RemoteUser) -> None:
    deliver(followed, digest_header(ADA))
    repair(site)
    assert follows(site) == ["ada", "ben"]
