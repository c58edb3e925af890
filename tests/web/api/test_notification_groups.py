"""Grouped notifications in the API."""

from __future__ import annotations

import pytest

from tests.web.api.client import Client, client, links
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture


@pytest.fixture
def ada(site: SiteFixture) -> Client:
    """The account that is notified."""
    return client(site, "ada")


@pytest.fixture
def post(ada: Client) -> str:
    """The post that notifications are about."""
    return str(ada.post("/v1/statuses", status="tea?").json["id"])


@pytest.fixture
def followers(site: SiteFixture, ada: Client, post: str) -> list[Client]:
    """Three accounts that favourite the post; the last one mentions and follows Ada too."""
    followers = [client(site, name) for name in ("bob", "cat", "dan")]
    for fan in followers:
        fan.post(f"/v1/statuses/{post}/favourite")
    followers[-1].post("/v1/statuses", status="@ada yes", in_reply_to_id=post)
    followers[-1].post(f"/v1/accounts/{ada.id}/follow")
    return followers


def keys(response: HttpResponse) -> list[str]:
    """Return the kind of each group, newest first."""
    return [group["group_key"].rsplit("-", 1)[0] for group in response.json["notification_groups"]]


def test_favourites_of_one_post_are_one_group(ada: Client, post: str, followers: list[Client]) -> None:
    page = ada.get("/v2/notifications").json
    follow, mention, likes = page["notification_groups"]
    newest = [one["id"] for one in ada.get("/v1/notifications").json]
    assert likes | {"group_key": None, "latest_page_notification_at": None} == {
        "group_key": None,
        "notifications_count": 3,
        "type": "favourite",
        "most_recent_notification_id": int(newest[2]),
        "page_min_id": newest[4],
        "page_max_id": newest[2],
        "latest_page_notification_at": None,
        "sample_account_ids": [fan.id for fan in followers[::-1]],
        "status_id": post,
    }
    assert (follow["type"], "status_id" in follow, mention["group_key"]) == ("follow", False, f"ungrouped-{newest[1]}")
    assert sorted(account["id"] for account in page["accounts"]) == sorted(fan.id for fan in followers)
    assert [status["id"] for status in page["statuses"]] == [mention["status_id"], post]
    assert {one["group_key"] for one in ada.get("/v1/notifications").json} == {one["group_key"] for one in page["notification_groups"]}


def test_without_notifications_all_lists_are_empty(ada: Client) -> None:
    response = ada.get("/v2/notifications")
    assert response.json == {"accounts": [], "statuses": [], "notification_groups": []}
    assert links(response) == {}


def test_page_links_repeat_the_parameters(ada: Client, followers: list[Client]) -> None:
    first = ada.get("/v2/notifications", limit=1, exclude_types=["mention"], grouped_types=["favourite"], expand_accounts="partial_avatars")
    assert keys(first) == ["ungrouped"]
    second = ada.follow(links(first)["next"])
    assert keys(second)[0].startswith("favourite-")
    assert len(second.json["partial_accounts"]) == 2
    assert ada.follow(links(second)["next"]).json["notification_groups"] == []
    assert ada.follow(links(second)["prev"]).json == first.json


def test_partial_avatars_expand_only_the_newest_account_of_a_group(ada: Client, followers: list[Client]) -> None:
    page = ada.get("/v2/notifications", expand_accounts="partial_avatars").json
    assert [account["id"] for account in page["accounts"]] == [followers[2].id]
    assert [account["id"] for account in page["partial_accounts"]] == [followers[1].id, followers[0].id]
    assert ada.get("/v2/notifications", expand_accounts="some").status == 400


def test_types_and_senders_can_be_selected(ada: Client, followers: list[Client]) -> None:
    assert keys(ada.get("/v2/notifications", types=["follow", "reaction"])) == ["follow"]
    assert keys(ada.get("/v2/notifications", exclude_types=["follow", "favourite"])) == ["ungrouped"]
    assert ada.get("/v2/notifications", types=["reaction"]).json["notification_groups"] == []
    [likes] = ada.get("/v2/notifications", account_id=followers[0].id).json["notification_groups"]
    assert (likes["notifications_count"], likes["sample_account_ids"]) == (1, [followers[0].id])
    assert keys(ada.get("/v2/notifications", types=["favourite"], grouped_types=["follow", "reaction"])) == ["ungrouped"] * 3


def test_a_group_can_be_read_alone_until_dismissed(ada: Client, followers: list[Client]) -> None:
    page = ada.get("/v2/notifications").json
    for listed in page["notification_groups"]:
        path = f"/v2/notifications/{listed['group_key']}"
        [group] = ada.get(path).json["notification_groups"]
        assert group == {key: value for key, value in listed.items() if "page" not in key}
        assert followers[0].get(path).status == 404
        assert followers[0].post(f"{path}/dismiss").json == {}
        assert ada.get(path).status == 200
        assert ada.post(f"{path}/dismiss").json == {}
        assert ada.get(path).status == 404
        assert ada.get(f"{path}/accounts").status == 404
        assert ada.post(f"{path}/dismiss").json == {}
    assert ada.get("/v1/notifications").json == []


def test_the_accounts_of_a_group_are_paged(ada: Client, followers: list[Client]) -> None:
    key = ada.get("/v2/notifications", types=["favourite"]).json["notification_groups"][0]["group_key"]
    first = ada.get(f"/v2/notifications/{key}/accounts", limit=2)
    second = ada.follow(links(first)["next"])
    assert [account["id"] for account in first.json + second.json] == [fan.id for fan in followers[::-1]]
    assert "next" not in links(second)
    last = ada.get("/v2/notifications", types=["mention"]).json["notification_groups"][0]["group_key"]
    assert [account["id"] for account in ada.get(f"/v2/notifications/{last}/accounts").json] == [followers[2].id]


def test_a_group_with_an_unread_notification_counts_once(ada: Client, post: str, followers: list[Client]) -> None:
    path = "/v2/notifications/unread_count"
    assert ada.get(path).json == {"count": 3}
    assert ada.get(path, limit=2).json == {"count": 2}
    assert ada.get(path, types=["favourite"]).json == {"count": 1}
    assert ada.get(path, types=["favourite"], grouped_types=["follow"]).json == {"count": 3}
    ada.post("/v1/markers", notifications={"last_read_id": ada.get("/v1/notifications").json[1]["id"]})
    assert ada.get(path).json == {"count": 1}


def test_undone_actions_leave_their_group(ada: Client, post: str, followers: list[Client]) -> None:
    followers[2].post(f"/v1/statuses/{post}/unfavourite")
    [likes] = ada.get("/v2/notifications", types=["favourite"]).json["notification_groups"]
    assert (likes["notifications_count"], likes["sample_account_ids"]) == (2, [followers[1].id, followers[0].id])
    ada.delete(f"/v1/statuses/{post}")
    assert keys(ada.get("/v2/notifications")) == ["follow", "ungrouped"]


def test_clearing_deletes_all_groups(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    bob.post(f"/v1/accounts/{ada.id}/follow")
    assert ada.get("/v2/notifications").json["notification_groups"]
    assert ada.post("/v2/notifications/clear").json == {}
    assert ada.get("/v2/notifications").json["notification_groups"] == []
