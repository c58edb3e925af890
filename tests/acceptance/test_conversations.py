"""Tests of direct conversations with Mastodon.py on a started site: the list, and the `direct` stream."""

from __future__ import annotations

from typing import Any

import pytest
from mastodon import Mastodon
from mastodon.errors import MastodonNotFoundError

from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, wait_until
from tests.acceptance.test_mastodon_py_streams import RecordingListener, open_stream

pytestmark = pytest.mark.acceptance


@pytest.fixture
def ada(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "ada")


@pytest.fixture
def bob(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "bob")


def test_conversations_are_listed_read_and_paged(ada: Mastodon, bob: Mastodon) -> None:
    me = bob.me()
    bob.account_follow(ada.me())  # direct messages of strangers are filtered
    posts = [ada.status_post(f"@{me.acct} number {number}", visibility="direct") for number in range(3)]
    found = bob.conversations()
    assert [(one.last_status.id, one.unread, [each.id for each in one.accounts]) for one in found] == [
        (post.id, True, [ada.me().id]) for post in reversed(posts)
    ]
    assert [one.unread for one in ada.conversations()] == [False] * 3
    assert not bob.conversations_read(found[0]).unread
    assert [one.unread for one in bob.conversations()] == [False, True, True]
    first = bob.conversations(limit=2)
    assert [one.id for one in bob.fetch_remaining(first)] == [one.id for one in found]
    reply = bob.status_reply(posts[0], "yes")
    assert bob.conversations()[0].last_status.id == reply.id
    assert ada.conversations()[0].unread
    bob.status_delete(reply)
    assert [one.last_status.id for one in ada.conversations()] == [post.id for post in reversed(posts)]
    with pytest.raises(MastodonNotFoundError):
        ada.conversations_read(found[0])


def test_both_participants_receive_changes_at_once(ada: Mastodon, bob: Mastodon) -> None:
    bob.account_follow(ada.me())
    with (
        open_stream(ada.stream_direct) as ada_listener,
        open_stream(bob.stream_direct) as bob_listener,
        open_stream(bob.stream_user) as home_listener,
    ):
        post = ada.status_post(f"@{bob.me().acct} psst", visibility="direct")
        [mine], [theirs] = ada.conversations(), bob.conversations()
        assert ada_listener.receives("conversation", mine.id)
        assert bob_listener.receives("conversation", theirs.id)
        bob.conversations_read(theirs)
        assert wait_until(lambda: bob_listener.received == [("conversation", theirs.id)] * 2)
        bob.status_reply(post, "what?")
        assert wait_until(lambda: len(ada_listener.received) == 2 and len(bob_listener.received) == 3)
        assert "conversation" not in {name for name, _ in home_listener.received}


def test_conversations_are_received_over_websocket(ada: Mastodon, bob: Mastodon) -> None:
    bob.account_follow(ada.me())
    listener = RecordingListener()
    connect: Any = bob.stream_open_websocket  # it has no types
    with connect(listener=listener, timeout=20) as handle:
        bob.stream_direct(listener, websocket_handle=handle)
        # A client cannot know when its subscription is active; after the first event it receives all.
        assert wait_until(lambda: ada.status_post(f"@{bob.me().acct} anybody?", visibility="direct") and listener.received)
        ada.status_post(f"@{bob.me().acct} once more", visibility="direct")
        assert listener.receives("conversation", bob.conversations()[0].id)
        assert {name for name, _ in listener.received} == {"conversation"}
    assert listener.errors == []
