"""Tests of Mastodon.py's streaming, over server-sent events and WebSocket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import SHUT_RDWR
from typing import Any

import pytest
from attrs import define, field
from mastodon import Mastodon, StreamListener

from tests import files
from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, wait_until

pytestmark = pytest.mark.acceptance


@define(eq=False)
class RecordingListener(StreamListener):
    """A listener that records the name of each event and the id of its subject."""

    received: list[tuple[str, Any]] = field(factory=list)
    errors: list[Exception] = field(factory=list)

    def on_any_event(self, name: str, data: Any = None, for_stream: Any = None) -> None:
        """Record an event."""
        self.received.append((name, data.get("id") if isinstance(data, dict) else data))

    def on_abort(self, err: Exception) -> None:
        """Record the error of a lost connection."""
        self.errors.append(err)

    def receives(self, name: str, subject: object) -> bool:
        """Wait for an event; return False on timeout."""
        return wait_until(lambda: (name, subject) in self.received)


@pytest.fixture(scope="module")
def ada(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "ada")


@pytest.fixture(scope="module")
def bob(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "bob")


@contextmanager
def open_stream(stream: Callable[..., Any], *arguments: object, **options: object) -> Iterator[RecordingListener]:
    """Open a stream of server-sent events and yield its listener."""
    listener = RecordingListener()
    handle = stream(*arguments, listener, run_async=True, timeout=20, **options)
    try:
        yield listener
        assert listener.errors == []
    finally:
        handle.closed = True  # its close() waits for the next byte, which may be a heartbeat of 15 seconds
        handle.connection.raw._fp.fp.raw._sock.shutdown(SHUT_RDWR)
        handle.join(20)
    assert not handle.is_alive()


def test_stream_health_is_ok(ada: Mastodon) -> None:
    assert ada.stream_healthy()


def test_the_user_stream_has_the_users_events(ada: Mastodon, bob: Mastodon) -> None:
    ada.account_follow(bob.me())
    with open_stream(ada.stream_user) as listener, open_stream(ada.stream_user_notifications) as notifications:
        post = bob.status_post(f"@{ada.me().acct} hello")
        assert listener.receives("update", post.id)
        assert wait_until(lambda: [name for name, _ in notifications.received] == ["notification"])
        assert wait_until(lambda: notifications.received[0] in listener.received)
        bob.status_update(post, "hello again")
        assert listener.receives("status.update", post.id)
        bob.status_delete(post)
        assert listener.receives("delete", post.id)
        created = ada.create_filter_v2("x", ["home"], "warn")
        assert listener.receives("filters_changed", None)
        ada.delete_filter_v2(created)
    ada.account_unfollow(bob.me())


def test_public_streams_have_public_posts(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    with (
        open_stream(ada.stream_public) as all_posts,
        open_stream(ada.stream_local) as local,
        open_stream(ada.stream_public, only_media=True) as pictures,
        open_stream(ada.stream_hashtag, "Owls") as owls,
        open_stream(ada.stream_hashtag, "owls", local=True) as local_owls,
    ):
        quiet = bob.status_post("unlisted #owls", visibility="unlisted")
        plain = bob.status_post("plain")
        post = bob.status_post("with #OWLS", media_ids=[bob.media_post(files.image(), "image/jpeg")])
        for listener in (all_posts, local, pictures, owls, local_owls):
            assert listener.receives("update", post.id)
        assert all_posts.received == local.received == [("update", plain.id), ("update", post.id)]
        assert pictures.received == owls.received == local_owls.received == [("update", post.id)]
        assert quiet.id not in [id for _, id in all_posts.received]


def test_announcements_from_the_command_line_are_streamed(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    with open_stream(ada.stream_user) as listener:
        shared_site.run_command("announce", "publish", "Tea at five")
        [created] = [one for one in ada.announcements() if "Tea at five" in one.content]
        assert listener.receives("announcement", created.id)
        bob.announcement_reaction_create(created, "🎉")
        assert wait_until(lambda: [data for name, data in listener.received if name == "announcement.reaction"] == [None])
        shared_site.run_command("announce", "withdraw", str(created.id))
        assert listener.receives("announcement.delete", int(created.id))


def test_a_list_stream_has_the_posts_of_its_members(ada: Mastodon, bob: Mastodon) -> None:
    ada.account_follow(bob.me())
    created_list = ada.list_create("Heard")
    ada.list_accounts_add(created_list, [bob.me()])
    with open_stream(ada.stream_list, created_list) as listener:
        ada.status_post("not in it")
        post = bob.status_post("in it")
        assert listener.receives("update", post.id)
        assert listener.received == [("update", post.id)]
    ada.list_delete(created_list)
    ada.account_unfollow(bob.me())


def test_several_streams_share_one_websocket(ada: Mastodon, bob: Mastodon) -> None:
    all_posts, tag_listener = RecordingListener(), RecordingListener()
    ada.account_follow(bob.me())
    connect: Any = ada.stream_open_websocket  # it has no types
    with connect(listener=all_posts, timeout=20) as handle:
        ada.stream_user(all_posts, websocket_handle=handle)
        subscription = ada.stream_hashtag("moths", tag_listener, websocket_handle=handle)
        # A client cannot know when its subscription is active; after the first post it receives all.
        assert wait_until(lambda: bob.status_post("anybody? #moths") and all_posts.received and tag_listener.received)
        assert {name for name, _ in tag_listener.received} == {"update"}
        post = bob.status_post("seen two #moths")
        assert all_posts.receives("update", post.id)
        assert tag_listener.receives("update", post.id)
        subscription.close()
        post = bob.status_post("seen no #moths")
        assert all_posts.receives("update", post.id)
        assert ("update", post.id) not in tag_listener.received
    assert (all_posts.errors, tag_listener.errors) == ([], [])
    ada.account_unfollow(bob.me())
