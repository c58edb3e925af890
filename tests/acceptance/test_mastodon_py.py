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
    gone = ada.status_delete(post)
    assert gone.text == "Hello #edited"
    with pytest.raises(MastodonNotFoundError):
        bob.status(post)


def test_posts_are_marked_in_every_way(ada: Mastodon, bob: Mastodon) -> None:
    post = ada.status_post("mark me")
    assert bob.status_favourite(post).favourited
    assert bob.status_reblog(post).reblog.id == post.id
    assert bob.status_bookmark(post).bookmarked
    assert ada.status_pin(post).pinned
    assert ada.status_mute(post).muted
    me = bob.me().id
    assert [one.id for one in ada.status_favourited_by(post)] == [me]
    assert [one.id for one in ada.status_reblogged_by(post)] == [me]
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


def test_people_are_found_followed_blocked_and_muted(ada: Mastodon, bob: Mastodon) -> None:
    them, me = bob.me(), ada.me()
    assert ada.account_lookup(them.acct).id == them.id
    assert ada.account_search(them.acct)[0].id == them.id
    assert ada.account(them).display_name == them.display_name
    assert ada.account_follow(them, reblogs=False, notify=True).notifying
    assert [one.id for one in bob.account_followers(them)] == [me.id]
    assert [one.id for one in bob.account_following(me)] == [them.id]
    assert ada.account_relationships([them.id])[0].following
    assert ada.account_note_set(them, "a friend").note == "a friend"
    assert bob.account_remove_from_followers(me).followed_by is False
    assert ada.account_mute(them, duration=60).muting
    assert ada.mutes()[0].mute_expires_at is not None
    assert not ada.account_unmute(them).muting
    assert ada.account_block(them).blocking
    assert [one.id for one in ada.blocks()] == [them.id]
    with pytest.raises(MastodonAPIError):
        bob.account_follow(me)
    assert not ada.account_unblock(them).blocking
    assert not ada.account_unfollow(them).following


def test_locked_people_let_in_by_hand(shared_site: SiteProcess, bob: Mastodon) -> None:
    eve = register_account(shared_site, "eve")
    changed = eve.account_update_credentials(display_name="Eve", note="hm", locked=True, bot=True, fields=[("home", "https://e.example")])
    assert (changed.display_name, changed.source.note, changed.locked, changed.fields[0].name) == ("Eve", "hm", True, "home")
    me = bob.me()
    assert bob.account_follow(eve.me()).requested
    assert [one.id for one in eve.follow_requests()] == [me.id]
    assert eve.follow_request_authorize(me).followed_by
    bob.account_unfollow(eve.me())
    bob.account_follow(eve.me())
    assert not eve.follow_request_reject(me).followed_by


def test_what_happened_is_told_and_read(ada: Mastodon, bob: Mastodon) -> None:
    ada.notifications_clear()
    post = ada.status_post("tell me")
    bob.status_favourite(post)
    bob.status_reply(post, "told")
    assert wait_until(lambda: len(ada.notifications()) == 2)
    told = ada.notifications()
    assert [one.type for one in told] == ["mention", "favourite"]
    assert ada.notifications(types=["favourite"])[0].status.id == post.id
    assert ada.notifications(exclude_types=["favourite"])[0].id == told[0].id
    assert ada.notifications(id=told[1].id).account.id == bob.me().id
    ada.markers_set(["notifications"], [told[1].id])
    assert ada.markers_get(["notifications"])["notifications"].last_read_id == told[1].id
    assert ada.notifications_unread_count().count == 1
    ada.notifications_dismiss(told[0])
    assert [one.id for one in ada.notifications()] == [told[1].id]


def test_the_site_is_described_and_searched(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
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
