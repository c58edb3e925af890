"""Tests of notifications with Mastodon.py on a started site: groups, policy, requests."""

from __future__ import annotations

import pytest
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError, MastodonNotFoundError

from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, wait_until
from tests.acceptance.test_mastodon_py_streams import open_stream

pytestmark = pytest.mark.acceptance


@pytest.fixture
def ada(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "ada")


@pytest.fixture(scope="module")
def fans(shared_site: SiteProcess) -> list[Mastodon]:
    return [register_account(shared_site, name) for name in ("bob", "cat", "dan")]


def has_notifications(client: Mastodon, count: int) -> bool:
    """Wait until the user has this many notifications."""
    return wait_until(lambda: len(client.notifications()) == count)


def mention_senders(client: Mastodon) -> list[str]:
    """Return the ids of senders of mentions, filtered ones included."""
    return [str(group.sample_account_ids[0]) for group in client.grouped_notifications(include_filtered=True).notification_groups]


def test_favourites_and_follows_are_grouped(ada: Mastodon, fans: list[Mastodon]) -> None:
    post = ada.status_post("tea?")
    for fan in fans:
        fan.status_favourite(post)
        fan.account_follow(ada.me())
    fans[0].status_reply(post, "yes")
    assert has_notifications(ada, 7)
    fan_ids = [fan.me().id for fan in fans[::-1]]
    page = ada.grouped_notifications()
    mention, follows, likes = page.notification_groups
    assert [mention.type, follows.type, likes.type] == ["mention", "follow", "favourite"]
    assert (likes.notifications_count, [str(id) for id in likes.sample_account_ids]) == (3, [str(id) for id in fan_ids])
    assert (str(likes.status_id), str(page.statuses[-1].id)) == (str(post.id), str(post.id))
    assert {str(account.id) for account in [*page.accounts, *page.partial_accounts]} == {str(id) for id in fan_ids}
    assert ada.unread_grouped_notifications_count() == 3
    assert ada.unread_grouped_notifications_count(grouped_types=["follow"]) == 5
    assert [str(account.id) for account in ada.grouped_notification_accounts(likes.group_key)] == [str(id) for id in fan_ids]
    [single_group] = ada.grouped_notification(likes.group_key).notification_groups
    assert (single_group.group_key, single_group.page_min_id) == (likes.group_key, None)
    assert {one.group_key for one in ada.notifications()} == {group.group_key for group in page.notification_groups}
    ada.dismiss_grouped_notification(likes.group_key)
    with pytest.raises(MastodonNotFoundError):
        ada.grouped_notification(likes.group_key)
    assert has_notifications(ada, 4)


def test_groups_are_paged_by_their_links(ada: Mastodon, fans: list[Mastodon]) -> None:
    posts = [ada.status_post(f"number {number}") for number in range(5)]
    for fan in fans[:2]:
        for post in posts:
            fan.status_favourite(post)
    page, status_ids = ada.grouped_notifications(limit=2, expand_accounts="full"), []
    while page is not None and page.notification_groups:
        status_ids += [str(group.status_id) for group in page.notification_groups]
        page = ada.fetch_next(page)
    assert status_ids == [str(post.id) for post in posts[::-1]]


def test_a_policy_is_read_and_changed(ada: Mastodon) -> None:
    before = ada.notifications_policy()
    assert (before.for_private_mentions, before.for_not_following, before.summary.pending_requests_count) == ("filter", "accept", 0)
    after = ada.update_notifications_policy(for_new_accounts="drop")
    assert (after.for_new_accounts, after.for_private_mentions) == ("drop", "filter")
    with pytest.raises(MastodonAPIError):
        ada.update_notifications_policy(for_new_accounts="burn")


def test_filtered_notifications_stay_silent_until_the_sender_is_accepted(ada: Mastodon, fans: list[Mastodon]) -> None:
    ada.update_notifications_policy(for_not_following="filter")
    bob, cat, dan = fans
    with open_stream(ada.stream_user_notifications) as listener:
        for fan in fans:
            fan.status_post(f"@{ada.me().acct} hello")
        assert wait_until(lambda: len(ada.notification_requests()) == 3)
        assert wait_until(lambda: len(mention_senders(ada)) == 3)
        assert (ada.notifications(), ada.notifications_unread_count().count, listener.received) == ([], 0, [])
        assert ada.notifications_policy().summary.pending_notifications_count == 3
        by = {str(request.account.id): request for request in ada.notification_requests()}
        request = ada.notification_request(by[str(bob.me().id)])
        assert request.last_status.account.id == bob.me().id
        ada.accept_notification_request(request)
        assert listener.receives("notifications_merged", 1)
        assert ada.notifications_merged()
        assert [one.account.id for one in ada.notifications()] == [bob.me().id]
        bob.status_post(f"@{ada.me().acct} thank you")
        assert wait_until(lambda: listener.received[-1][0] == "notification")
    ada.accept_multiple_notification_requests([by[str(cat.me().id)].id])
    ada.dismiss_multiple_notification_requests([by[str(dan.me().id)].id])
    assert ada.notification_requests() == []
    assert set(mention_senders(ada)) == {str(bob.me().id), str(cat.me().id)}


def test_a_direct_message_of_a_stranger_is_filtered_and_can_be_dismissed(ada: Mastodon, fans: list[Mastodon]) -> None:
    fans[0].status_post(f"@{ada.me().acct} psst", visibility="direct")
    assert wait_until(lambda: len(ada.notification_requests()) == 1)
    [request] = ada.notification_requests()
    ada.dismiss_notification_request(request)
    assert (ada.notification_requests(), mention_senders(ada)) == ([], [])
    with pytest.raises(MastodonNotFoundError):
        ada.notification_request(request)


def test_the_instance_announces_the_api_version(ada: Mastodon) -> None:
    assert ada.instance_v2().api_versions.mastodon >= 2
