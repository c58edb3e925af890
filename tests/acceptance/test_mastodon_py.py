"""Tests with Mastodon.py on a started site: posts, accounts, timelines, notifications, search."""

from __future__ import annotations

import pytest
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError, MastodonDeprecationWarning, MastodonNotFoundError, MastodonUnauthorizedError

from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, wait_until

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def ada(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "ada")


@pytest.fixture(scope="module")
def bob(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "bob")


def test_posts_are_written_read_edited_and_deleted(ada: Mastodon, bob: Mastodon) -> None:
    post = ada.status_post("Hello #world", visibility="public", spoiler_text="hi", language="en", idempotency_key="k1")
    assert ada.status_post("Hello again", idempotency_key="k1").id == post.id
    assert (post.tags[0].name, post.sensitive, post.created_at.utcoffset().total_seconds()) == ("world", True, 0.0)
    assert (post.application.name, post.application.website) == ("Tester", "https://tester.example")
    reply = bob.status_reply(post, "nice")
    assert reply.content.startswith('<p><span class="h-card"')
    assert [one.id for one in ada.status_context(post).descendants] == [reply.id]
    ada.status_update(post, "Hello #edited", spoiler_text="")
    assert [edition.spoiler_text for edition in ada.status_history(post)] == ["hi", ""]
    assert ada.status_source(post).text == "Hello #edited"
    assert [one.id for one in bob.statuses([post.id, reply.id])] == [post.id, reply.id]
    deleted = ada.status_delete(post)
    assert deleted.text == "Hello #edited"
    with pytest.raises(MastodonNotFoundError):
        bob.status(post)


def test_posts_are_favourited_boosted_bookmarked_pinned_and_muted(ada: Mastodon, bob: Mastodon) -> None:
    post = ada.status_post("mark me")
    assert bob.status_favourite(post).favourited
    assert bob.status_reblog(post).reblog.id == post.id
    assert bob.status_bookmark(post).bookmarked
    assert ada.status_pin(post).pinned
    assert ada.status_mute(post).muted
    ada_account = bob.me().id
    assert [one.id for one in ada.status_favourited_by(post)] == [ada_account]
    assert [one.id for one in ada.status_reblogged_by(post)] == [ada_account]
    assert [one.id for one in bob.favourites()] == [post.id]
    assert [one.id for one in bob.bookmarks()] == [post.id]
    assert [one.id for one in bob.account_statuses(ada.me(), pinned=True)] == [post.id]
    assert not bob.status_unfavourite(post).favourited
    assert bob.status_unreblog(post).id == post.id
    assert not bob.status_unbookmark(post).bookmarked
    assert not ada.status_unpin(post).pinned
    assert not ada.status_unmute(post).muted


def test_timelines_are_paged_by_their_links(shared_site: SiteProcess) -> None:
    cat = register_account(shared_site, "cat")
    posts = [cat.status_post(f"number {number} #paged").id for number in range(7)][::-1]
    for first in (cat.timeline_home(limit=3), cat.account_statuses(cat.me(), limit=3), cat.timeline_hashtag("PAGED", limit=3)):
        assert [post.id for post in cat.fetch_remaining(first)] == posts
        second = cat.fetch_next(first)
        assert second is not None
        assert [post.id for post in cat.fetch_previous(second) or ()] == posts[:3]
    assert [post.id for post in cat.timeline_public(limit=2, local=True)] == posts[:2]
    assert [post.id for post in cat.timeline_home(min_id=posts[3], limit=2)] == posts[1:3]
    day = cat.status(posts[0]).created_at
    assert cat.timeline_home(min_id=day.replace(year=day.year + 1)) == []


def test_accounts_are_found_followed_blocked_and_muted(ada: Mastodon, bob: Mastodon) -> None:
    bob_account, ada_account = bob.me(), ada.me()
    assert ada.account_lookup(bob_account.acct).id == bob_account.id
    assert ada.account_search(bob_account.acct)[0].id == bob_account.id
    assert ada.account(bob_account).display_name == bob_account.display_name
    assert ada.account_follow(bob_account, reblogs=False, notify=True).notifying
    assert [one.id for one in bob.account_followers(bob_account)] == [ada_account.id]
    assert [one.id for one in bob.account_following(ada_account)] == [bob_account.id]
    assert ada.account_relationships([bob_account.id])[0].following
    assert ada.account_note_set(bob_account, "a friend").note == "a friend"
    assert bob.account_remove_from_followers(ada_account).followed_by is False
    assert ada.account_mute(bob_account, duration=60).muting
    assert ada.mutes()[0].mute_expires_at is not None
    assert not ada.account_unmute(bob_account).muting
    assert ada.account_block(bob_account).blocking
    assert [one.id for one in ada.blocks()] == [bob_account.id]
    with pytest.raises(MastodonAPIError):
        bob.account_follow(ada_account)
    assert not ada.account_unblock(bob_account).blocking
    assert not ada.account_unfollow(bob_account).following


def test_a_locked_account_approves_its_followers(shared_site: SiteProcess, bob: Mastodon) -> None:
    eve = register_account(shared_site, "eve")
    changed = eve.account_update_credentials(display_name="Eve", note="hm", locked=True, bot=True, fields=[("home", "https://e.example")])
    assert (changed.display_name, changed.source.note, changed.locked, changed.fields[0].name) == ("Eve", "hm", True, "home")
    ada_account = bob.me()
    assert bob.account_follow(eve.me()).requested
    assert [one.id for one in eve.follow_requests()] == [ada_account.id]
    assert eve.follow_request_authorize(ada_account).followed_by
    bob.account_unfollow(eve.me())
    bob.account_follow(eve.me())
    assert not eve.follow_request_reject(ada_account).followed_by


def test_notifications_are_listed_and_read(ada: Mastodon, bob: Mastodon) -> None:
    ada.notifications_clear()
    post = ada.status_post("tell me")
    bob.status_favourite(post)
    bob.status_reply(post, "told")
    assert wait_until(lambda: len(ada.notifications()) == 2)
    notifications = ada.notifications()
    assert [one.type for one in notifications] == ["mention", "favourite"]
    assert ada.notifications(types=["favourite"])[0].status.id == post.id
    assert ada.notifications(exclude_types=["favourite"])[0].id == notifications[0].id
    assert ada.notifications(id=notifications[1].id).account.id == bob.me().id
    ada.markers_set(["notifications"], [notifications[1].id])
    assert ada.markers_get(["notifications"])["notifications"].last_read_id == notifications[1].id
    assert ada.notifications_unread_count().count == 1
    ada.notifications_dismiss(notifications[0])
    assert [one.id for one in ada.notifications()] == [notifications[1].id]


def test_instance_information_and_search_work(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    post = ada.status_post("find #findable")
    found = bob.search_v2(f"@{ada.me().acct}", resolve=True)
    assert found.accounts[0].id == ada.me().id
    assert bob.search_v2("#findable").hashtags[0].name == "findable"
    assert bob.search_v2(post.url, resolve=True).statuses[0].id == post.id
    with pytest.warns(MastodonDeprecationWarning):
        assert ada.instance_v1().uri == f"127.0.0.1:{shared_site.port}"
    assert ada.instance_v2().configuration.statuses.max_characters == 500
    assert ada.instance_nodeinfo().software.name == "microblog"
    assert len(ada.instance_activity()) == 12
    assert (ada.instance_peers(), ada.custom_emojis(), ada.instance_rules()) == ([], [], [])
    assert ada.preferences()["posting:default:visibility"] == "public"
    with pytest.raises(MastodonUnauthorizedError):
        Mastodon(api_base_url=shared_site.url, access_token="wrong").me()
