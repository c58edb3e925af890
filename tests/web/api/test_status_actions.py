"""Actions on a post in the API: favourite, boost, bookmark, pin, mute."""

from __future__ import annotations

import pytest

from tests.web.api.client import Client, client, ids, links
from tests.web.visitor import SiteFixture


@pytest.fixture
def post(site: SiteFixture) -> dict[str, str]:
    """Ada's post."""
    created: dict[str, str] = client(site, "ada").post("/v1/statuses", status="tea?").json
    return created


@pytest.fixture
def bob(site: SiteFixture) -> Client:
    """Another account."""
    return client(site, "bob")


@pytest.mark.parametrize(
    ("do", "undo", "flag", "count"),
    [
        ("favourite", "unfavourite", "favourited", "favourites_count"),
        ("bookmark", "unbookmark", "bookmarked", None),
        ("mute", "unmute", "muted", None),
    ],
)
def test_actions_are_idempotent_and_return_the_changed_post(
    post: dict[str, str], bob: Client, do: str, undo: str, flag: str, count: str | None
) -> None:
    for action, expected in ((do, True), (do, True), (undo, False), (undo, False)):
        response = bob.post(f"/v1/statuses/{post['id']}/{action}")
        assert (response.status, response.json["id"], response.json[flag]) == (200, post["id"], expected)
        if count:
            assert response.json[count] == int(expected)
        assert bob.get(f"/v1/statuses/{post['id']}").json[flag] is expected


def test_boosting_returns_the_boost_and_undoing_it_the_original(post: dict[str, str], bob: Client) -> None:
    boost = bob.post(f"/v1/statuses/{post['id']}/reblog").json
    assert boost["id"] != post["id"]
    assert (boost["reblog"]["id"], boost["account"]["acct"], boost["reblog"]["account"]["acct"]) == (post["id"], "bob", "ada")
    assert (boost["reblogged"], boost["reblog"]["reblogged"], boost["reblog"]["reblogs_count"]) == (True, True, 1)
    assert boost["content"] == post["content"]
    assert boost["uri"].endswith(f"/statuses/{boost['id']}/activity")
    assert bob.post(f"/v1/statuses/{post['id']}/reblog").json["id"] == boost["id"]
    undone = bob.post(f"/v1/statuses/{post['id']}/unreblog").json
    assert (undone["id"], undone["reblog"], undone["reblogged"], undone["reblogs_count"]) == (post["id"], None, False, 0)


def test_actions_on_a_boost_apply_to_the_original(post: dict[str, str], bob: Client) -> None:
    boost = bob.post(f"/v1/statuses/{post['id']}/reblog").json
    liked = bob.post(f"/v1/statuses/{boost['id']}/favourite").json
    assert (liked["id"], liked["favourited"]) == (post["id"], True)
    shown = bob.get(f"/v1/statuses/{boost['id']}").json
    assert (shown["favourited"], shown["reblog"]["favourited"], shown["favourites_count"]) == (True, True, 1)


def test_boosting_private_posts_of_others_is_403(site: SiteFixture, bob: Client) -> None:
    eve = client(site, "eve")
    direct = eve.post("/v1/statuses", status="@bob psst", visibility="direct").json["id"]
    private = eve.post("/v1/statuses", status="@bob psst", visibility="private").json["id"]
    for id in (direct, private):
        response = bob.post(f"/v1/statuses/{id}/reblog")
        assert (response.status, response.json["error"]) == (403, "This action is not allowed")
    assert eve.post(f"/v1/statuses/{private}/reblog").json["visibility"] == "private"


def test_actions_on_hidden_posts_are_404(site: SiteFixture, bob: Client) -> None:
    secret = client(site, "eve").post("/v1/statuses", status="mine", visibility="private").json["id"]
    for action in ("favourite", "unfavourite", "reblog", "unreblog", "bookmark", "unbookmark", "pin", "mute", "unmute"):
        assert bob.post(f"/v1/statuses/{secret}/{action}").status == 404


def test_only_own_visible_posts_can_be_pinned_up_to_a_limit(site: SiteFixture, post: dict[str, str], bob: Client) -> None:
    mine = [bob.post("/v1/statuses", status=str(number)).json["id"] for number in range(6)]
    assert bob.post(f"/v1/statuses/{mine[0]}/pin").json["pinned"] is True
    assert bob.post(f"/v1/statuses/{mine[0]}/unpin").json["pinned"] is False
    for id in mine[:5]:
        bob.post(f"/v1/statuses/{id}/pin")
    direct = bob.post("/v1/statuses", status="me", visibility="direct").json["id"]
    boost = bob.post(f"/v1/statuses/{post['id']}/reblog").json["id"]
    for id, why in (
        (mine[5], "You have already pinned the maximum number of posts"),
        (post["id"], "Someone else's post cannot be pinned"),
        (boost, "A boost cannot be pinned"),
        (direct, "Posts that are only visible to mentioned users cannot be pinned"),
    ):
        response = bob.post(f"/v1/statuses/{id}/pin")
        assert (response.status, response.json["error"]) == (422, f"Validation failed: {why}")
    assert ids(bob.get(f"/v1/accounts/{bob.id}/statuses", pinned=True)) == mine[4::-1]
    assert "pinned" not in bob.get(f"/v1/statuses/{post['id']}").json


@pytest.mark.parametrize(("action", "path"), [("favourite", "/v1/favourites"), ("bookmark", "/v1/bookmarks")])
def test_favourites_and_bookmarks_are_paged_in_the_order_of_the_action(site: SiteFixture, bob: Client, action: str, path: str) -> None:
    ada = client(site, "cat")
    posts = [ada.post("/v1/statuses", status=str(number)).json["id"] for number in range(5)]
    for id in posts[::-1]:
        bob.post(f"/v1/statuses/{id}/{action}")
    first = bob.get(path, limit=3)
    assert ids(first) == posts[:3]
    second = bob.follow(links(first)["next"])
    assert ids(second) == posts[3:]
    assert set(links(second)) == {"prev"}
    assert ids(bob.follow(links(second)["prev"])) == posts[:3]
    assert bob.get(path, max_id="1").header("Link") is None
