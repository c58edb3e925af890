"""Notification policies in the API."""

from __future__ import annotations

import pytest

from tests.web.api.client import Client, client, ids, links
from tests.web.visitor import SiteFixture

DEFAULT = {
    "for_not_following": "accept",
    "for_not_followers": "accept",
    "for_new_accounts": "accept",
    "for_private_mentions": "filter",
    "for_limited_accounts": "filter",
}
NOTHING = {"pending_requests_count": 0, "pending_notifications_count": 0}


@pytest.fixture
def ada(site: SiteFixture) -> Client:
    """The account with the policy."""
    return client(site, "ada")


@pytest.fixture
def strangers(site: SiteFixture, ada: Client) -> list[Client]:
    """Three accounts whose mentions are filtered, of the last one two."""
    ada.patch("/v2/notifications/policy", for_not_following="filter")
    strangers = [client(site, name) for name in ("bob", "cat", "dan")]
    for stranger in (*strangers, strangers[2]):
        stranger.post("/v1/statuses", status="@ada hello")
    return strangers


def test_a_policy_changes_only_by_the_parameters_sent(ada: Client) -> None:
    path = "/v2/notifications/policy"
    assert ada.get(path).json == DEFAULT | {"summary": NOTHING}
    changed = DEFAULT | {"for_new_accounts": "drop", "summary": NOTHING}
    assert ada.patch(path, for_new_accounts="drop").json == changed
    assert ada.put(path).json == changed
    refused = ada.patch(path, for_new_accounts="burn", for_not_followers="drop")
    assert (refused.status, ada.get(path).json) == (422, changed)


def test_the_v1_policy_has_booleans(ada: Client) -> None:
    path = "/v1/notifications/policy"
    before = {"filter_not_following": False, "filter_not_followers": False, "filter_new_accounts": False, "filter_private_mentions": True}
    assert ada.get(path).json == before | {"summary": NOTHING}
    after = before | {"filter_not_following": True, "filter_private_mentions": False}
    assert ada.put(path, filter_not_following=True, filter_private_mentions=False).json == after | {"summary": NOTHING}
    assert ada.patch(path).json == after | {"summary": NOTHING}
    assert ada.get("/v2/notifications/policy").json["for_not_following"] == "filter"


def test_notification_requests_are_paged(ada: Client, strangers: list[Client]) -> None:
    path = "/v1/notifications/requests"
    assert ada.get("/v2/notifications/policy").json["summary"] == {"pending_requests_count": 3, "pending_notifications_count": 4}
    first = ada.get(path, limit=2)
    assert [(one["account"]["id"], one["notifications_count"]) for one in first.json] == [(strangers[2].id, "2"), (strangers[1].id, "1")]
    assert first.json[0]["last_status"]["id"] == strangers[2].get(f"/v1/accounts/{strangers[2].id}/statuses").json[0]["id"]
    second = ada.follow(links(first)["next"])
    assert [one["account"]["id"] for one in second.json] == [strangers[0].id]
    assert "next" not in links(second)
    assert ids(ada.follow(links(second)["prev"])) == ids(first)


def test_a_notification_request_can_be_read_alone_only_by_its_owner(ada: Client, strangers: list[Client]) -> None:
    for one in ada.get("/v1/notifications/requests").json:
        path = f"/v1/notifications/requests/{one['id']}"
        assert ada.get(path).json == one
        assert strangers[0].get(path).status == 404
        assert strangers[0].post(f"{path}/accept").status == 404
        assert strangers[0].post(f"{path}/dismiss").status == 404


def test_filtered_notifications_are_listed_only_on_request(ada: Client, strangers: list[Client]) -> None:
    for path in ("/v1/notifications/unread_count", "/v2/notifications/unread_count"):
        assert ada.get(path).json == {"count": 0}
    assert ada.get("/v1/notifications").json == []
    assert ada.get("/v2/notifications").json["notification_groups"] == []
    filtered = ada.get("/v1/notifications", include_filtered=True).json
    assert [one["filtered"] for one in filtered] == [True] * 4
    groups = ada.get("/v2/notifications", include_filtered=True).json["notification_groups"]
    assert [group["group_key"] for group in groups] == [one["group_key"] for one in filtered]
    assert ada.get(f"/v1/notifications/{filtered[0]['id']}").json == filtered[0]


def test_an_accepted_senders_notifications_are_no_longer_filtered(ada: Client, strangers: list[Client]) -> None:
    [last, *_] = ids(ada.get("/v1/notifications/requests"))
    assert ada.post(f"/v1/notifications/requests/{last}/accept").json == {}
    assert ada.post(f"/v1/notifications/requests/{last}/accept").status == 404
    assert ada.get("/v1/notifications/requests/merged").json == {"merged": True}
    strangers[2].post("/v1/statuses", status="@ada thanks")
    notifications = ada.get("/v1/notifications").json
    assert [(one["account"]["id"], "filtered" in one) for one in notifications] == [(strangers[2].id, False)] * 3


def test_several_requests_are_accepted_or_dismissed_at_once(ada: Client, strangers: list[Client]) -> None:
    dan, cat, bob = ids(ada.get("/v1/notifications/requests"))
    assert ada.post("/v1/notifications/requests/accept", id=[dan, cat, "7"]).json == {}
    assert len(ada.get("/v1/notifications").json) == 3
    assert ada.post("/v1/notifications/requests/dismiss", id=[bob, dan]).json == {}
    assert ada.get("/v1/notifications/requests").json == []
    assert len(ada.get("/v1/notifications", include_filtered=True).json) == 3
