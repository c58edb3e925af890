"""Timelines in the API."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from microblog.model.accounts import Role
from tests import make
from tests.web.api.client import ALL_SCOPES, Client, anonymous_client, client, ids, links
from tests.web.visitor import SiteFixture

VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


def posts_of(who: Client, count: int, **fields: object) -> list[str]:
    """Return posts, newest first."""
    return [who.post("/v1/statuses", status=f"number {number}", **fields).json["id"] for number in range(count)][::-1]


def test_home_has_own_posts_and_those_of_followed_accounts(site: SiteFixture) -> None:
    ada, bob, eve = client(site, "ada"), client(site, "bob"), client(site, "eve")
    make.follow(site.cursor, ada.owner, bob.owner)
    hers, his, theirs = (posts_of(who, 1)[0] for who in (ada, bob, eve))
    boost = bob.post(f"/v1/statuses/{theirs}/reblog").json["id"]
    home = ada.get("/v1/timelines/home")
    assert ids(home) == [boost, his, hers]
    assert home.json[0]["reblog"]["id"] == theirs
    assert anonymous_client(site).get("/v1/timelines/home").status == 401


def test_pages_link_to_older_and_newer_ones(site: SiteFixture) -> None:
    ada = client(site, "ada")
    posts = posts_of(ada, 7)
    page = last = ada.get("/v1/timelines/home", limit=3)
    seen: list[str] = []
    while page.json:
        seen += ids(page)
        assert (page.header("Link") or "").startswith("<http://site.test/api/v1/timelines/home?limit=3&max_id=")
        assert '>; rel="next", <' in (page.header("Link") or "")
        last, page = page, ada.follow(links(page)["next"])
    assert seen == posts
    assert page.header("Link") is None
    assert ids(ada.follow(links(last)["prev"])) == posts[3:6]
    assert ids(ada.get("/v1/timelines/home", limit=2, since_id=posts[5])) == posts[:2]
    assert ids(ada.get("/v1/timelines/home", limit=2, min_id=posts[5])) == posts[3:5]
    assert ids(ada.get("/v1/timelines/home", min_id=posts[5], max_id=posts[2])) == posts[3:5]


def test_an_empty_page_of_newer_items_links_to_itself(site: SiteFixture) -> None:
    ada, bob = client(site, "ada", role=Role.ADMIN, scopes=f"{ALL_SCOPES} admin:read"), client(site, "bob")
    [post] = posts_of(ada, 1)
    bob.post(f"/v1/statuses/{post}/favourite")
    variables = {
        "account_id": ada.id,
        "list_id": ada.post("/v1/lists", title="x").json["id"],
        "status_id": post,
        "name": "tag",
        "group_key": ada.get("/v2/notifications").json["notification_groups"][0]["group_key"],
    }
    paged = [(route, {param.name for param in route.doc.query}) for route in site.routes if route.doc]
    paged = [(route, names) for route, names in paged if "max_id" in names and not route.path.endswith("/search")]
    assert len(paged) > 25
    for route, names in paged:
        path = VARIABLE.sub(lambda found: variables[found[1]], route.path)
        for bound in {"since_id", "min_id"} & names:
            page = ada.request("GET", path, {"limit": 7, bound: 9 * 10**18})
            expected = f'<http://site.test{path}?limit=7&{bound}={9 * 10**18}>; rel="prev"'
            assert (page.status, page.header("Link")) == (200, expected), path
    first = ada.get("/v1/timelines/home", min_id=post)
    [newer] = posts_of(ada, 1)
    assert ids(ada.follow(links(first)["prev"])) == [newer]


def test_unusual_limits_are_accepted(site: SiteFixture) -> None:
    ada = client(site, "ada")
    posts_of(ada, 3)
    assert [len(ada.get("/v1/timelines/home", limit=limit).json) for limit in ("2", "-2", "many", "1000", "")] == [2, 2, 0, 3, 3]


def test_query_parameters_are_repeated_in_links(site: SiteFixture) -> None:
    ada = client(site, "ada")
    posts_of(ada, 2)
    link = links(ada.get("/v1/timelines/public?local=true&limit=1"))["next"]
    assert parse_qs(urlsplit(link).query).keys() == {"limit", "local", "max_id"}
    ada.post("/v1/statuses", status="#a #b")
    link = links(ada.get("/v1/timelines/tag/a?any[]=b&any[]=c&limit=1"))["next"]
    assert parse_qs(urlsplit(link).query)["any[]"] == ["b", "c"]


def test_the_public_timeline_has_no_boosts_replies_or_unlisted_posts(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = posts_of(ada, 1)[0]
    posts_of(ada, 1, visibility="unlisted")
    bob.post(f"/v1/statuses/{post}/reblog")
    bob.post("/v1/statuses", status="@ada hm", in_reply_to_id=post)
    thread = ada.post("/v1/statuses", status="and more", in_reply_to_id=post).json["id"]
    assert ids(anonymous_client(site).get("/v1/timelines/public")) == [thread, post]
    assert ids(anonymous_client(site).get("/v1/timelines/public", local=True)) == [thread, post]
    assert anonymous_client(site).get("/v1/timelines/public", remote=True).json == []
    assert anonymous_client(site).get("/v1/timelines/public").header("Cache-Control") == "max-age=15, public"


def test_the_public_timeline_omits_blocked_and_muted_accounts(site: SiteFixture) -> None:
    ada, bob, eve = client(site, "ada"), client(site, "bob"), client(site, "eve")
    posts_of(bob, 1)
    posts_of(eve, 1)
    ada.post(f"/v1/accounts/{bob.id}/block")
    ada.post(f"/v1/accounts/{eve.id}/mute")
    assert ada.get("/v1/timelines/public").json == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["ab", "a"]),
        ("any[]=C", ["c", "ab", "a"]),
        ("all[]=b", ["ab"]),
        ("none[]=b", ["a"]),
        ("any[]=c&none[]=b", ["c", "a"]),
        ("any[]=b&limit=1", ["ab"]),
    ],
)
def test_hashtag_timelines_combine_any_all_and_none(site: SiteFixture, query: str, found: list[str]) -> None:
    ada = client(site, "ada")
    for text in ("#Aa!", "#aa #b", "#C"):
        ada.post("/v1/statuses", status=text)
    page = anonymous_client(site).get(f"/v1/timelines/tag/aA?{query}")
    assert ["".join(sorted(tag["name"][0] for tag in post["tags"])) for post in page.json] == found


def test_hashtag_timelines_include_replies(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = posts_of(ada, 1)[0]
    reply = bob.post("/v1/statuses", status="@ada #tea", in_reply_to_id=post).json["id"]
    assert ids(anonymous_client(site).get("/v1/timelines/tag/TEA")) == [reply]
    assert anonymous_client(site).get("/v1/timelines/tag/nothing").json == []


def test_cached_public_timelines_reflect_every_change(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = posts_of(ada, 1)[0]
    assert anonymous_client(site).get("/v1/timelines/public").json[0]["favourites_count"] == 0
    bob.post(f"/v1/statuses/{post}/favourite")
    assert anonymous_client(site).get("/v1/timelines/public").json[0]["favourites_count"] == 1
    ada.patch("/v1/accounts/update_credentials", display_name="Ada L.")
    assert anonymous_client(site).get("/v1/timelines/public").json[0]["account"]["display_name"] == "Ada L."
    bob.post(f"/v1/accounts/{ada.id}/follow")
    assert anonymous_client(site).get("/v1/timelines/public").json[0]["account"]["followers_count"] == 1
    ada.put(f"/v1/statuses/{post}", status="otherwise")
    assert anonymous_client(site).get("/v1/timelines/public").json[0]["content"] == "<p>otherwise</p>"
