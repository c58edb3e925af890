"""Notifications in the API."""

from __future__ import annotations

import pytest

from tests.web.api.client import Client, client, ids, links
from tests.web.visitor import SiteFixture


@pytest.fixture
def ada(site: SiteFixture) -> Client:
    """The account that is notified."""
    return client(site, "ada")


@pytest.fixture
def bob(site: SiteFixture, ada: Client) -> Client:
    """The account that mentions, boosts, favourites and follows."""
    bob = client(site, "bob")
    post = ada.post("/v1/statuses", status="tea?").json["id"]
    bob.post("/v1/statuses", status="@ada yes", in_reply_to_id=post)
    bob.post(f"/v1/statuses/{post}/reblog")
    bob.post(f"/v1/statuses/{post}/favourite")
    bob.post(f"/v1/accounts/{ada.id}/follow")
    return bob


def types(who: Client, **params: object) -> list[str]:
    """Return the types of the notifications, newest first."""
    return [one["type"] for one in who.get("/v1/notifications", **params).json]


def test_notifications_are_listed_newest_first(ada: Client, bob: Client) -> None:
    notifications = ada.get("/v1/notifications").json
    assert [one["type"] for one in notifications] == ["follow", "favourite", "reblog", "mention"]
    assert {one["account"]["id"] for one in notifications} == {bob.id}
    assert "status" not in notifications[0]
    assert (notifications[2]["status"]["reblog"], notifications[2]["status"]["account"]["acct"]) == (None, "ada")
    assert notifications[3]["group_key"] == f"ungrouped-{notifications[3]['id']}"
    assert notifications[1]["group_key"].startswith("favourite-")


def test_types_can_be_selected_and_unknown_ones_are_ignored(ada: Client, bob: Client) -> None:
    assert types(ada, types=["mention", "follow", "pleroma:emoji_reaction"]) == ["follow", "mention"]
    assert types(ada, exclude_types=["follow", "reaction"]) == ["favourite", "reblog", "mention"]
    assert types(ada, types=["mention"], exclude_types=["mention"]) == []
    assert types(ada, types=["reaction"]) == []
    assert types(ada, account_id=bob.id, limit=1) == ["follow"]
    assert types(ada, account_id=ada.id) == []


def test_page_links_repeat_the_types(ada: Client, bob: Client) -> None:
    first = ada.get("/v1/notifications", types=["mention", "reblog"], limit=1)
    assert "types%5B%5D=mention&types%5B%5D=reblog" in links(first)["next"]
    second = ada.follow(links(first)["next"])
    assert second.json[0]["type"] == "mention"
    assert ids(ada.follow(links(second)["prev"])) == ids(first)


def test_a_notification_can_be_read_alone_until_dismissed(ada: Client, bob: Client) -> None:
    for one in ada.get("/v1/notifications").json:
        assert ada.get(f"/v1/notifications/{one['id']}").json == one
        assert bob.get(f"/v1/notifications/{one['id']}").status == 404
        assert ada.post(f"/v1/notifications/{one['id']}/dismiss").json == {}
        assert ada.get(f"/v1/notifications/{one['id']}").status == 404
        assert ada.post(f"/v1/notifications/{one['id']}/dismiss").status == 404
    assert ada.get("/v1/notifications").json == []


def test_clearing_deletes_all_notifications(ada: Client, bob: Client) -> None:
    response = ada.post("/v1/notifications/clear")
    assert (response.status, response.json) == (200, {})
    assert ada.get("/v1/notifications").json == []


def test_notifications_after_the_marker_are_unread(ada: Client, bob: Client) -> None:
    path = "/v1/notifications/unread_count"
    assert ada.get(path).json == {"count": 4}
    assert ada.get(path, limit=2).json == {"count": 2}
    assert ada.get(path, types=["mention"]).json == {"count": 1}
    assert ada.get(path, exclude_types=["mention"]).json == {"count": 3}
    newest = ids(ada.get("/v1/notifications"))[1]
    ada.post("/v1/markers", notifications={"last_read_id": newest})
    assert ada.get(path).json == {"count": 1}


def test_markers_are_stored_per_timeline_with_a_version(ada: Client) -> None:
    assert ada.get("/v1/markers", timeline=["home", "notifications"]).json == {}
    first = ada.post("/v1/markers", home={"last_read_id": "7"}).json
    assert {name: (marker["last_read_id"], marker["version"]) for name, marker in first.items()} == {"home": ("7", 1)}
    second = ada.request("POST", "/v1/markers", json={"home": {"last_read_id": "9"}, "notifications": {"last_read_id": "3"}}).json
    assert (second["home"]["version"], second["notifications"]["last_read_id"]) == (2, "3")
    assert ada.get("/v1/markers?timeline=home").json == {"home": second["home"]}
    assert ada.get("/v1/markers").json == {}
    assert ada.post("/v1/markers", home={"last_read_id": "soon"}).status == 422


def test_undone_actions_remove_their_notifications(ada: Client, bob: Client) -> None:
    post = ada.get(f"/v1/accounts/{ada.id}/statuses").json[0]["id"]
    bob.post(f"/v1/statuses/{post}/unfavourite")
    bob.post(f"/v1/statuses/{post}/unreblog")
    bob.post(f"/v1/accounts/{ada.id}/unfollow")
    assert types(ada) == ["mention"]


def test_a_muted_thread_does_not_notify(ada: Client, bob: Client) -> None:
    post = ada.get(f"/v1/accounts/{ada.id}/statuses").json[0]["id"]
    ada.post("/v1/notifications/clear")
    assert ada.post(f"/v1/statuses/{post}/mute").json["muted"] is True
    bob.post("/v1/statuses", status="@ada still there?", in_reply_to_id=post)
    assert types(ada) == []
