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

    def receives(self, name: str, about: object) -> bool:
        """Wait for an event; return False on timeout."""
        return wait_until(lambda: (name, about) in self.received)


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


def test_the_streams_are_said_to_be_well(ada: Mastodon) -> None:
    assert ada.stream_healthy()


def test_somebody_hears_what_concerns_them(ada: Mastodon, bob: Mastodon) -> None:
    ada.account_follow(bob.me())
    with open_stream(ada.stream_user) as listener, open_stream(ada.stream_user_notifications) as told:
        post = bob.status_post(f"@{ada.me().acct} hello")
        assert listener.receives("update", post.id)
        assert wait_until(lambda: [name for name, _ in told.received] == ["notification"])
        assert wait_until(lambda: told.received[0] in listener.received)
        bob.status_update(post, "hello again")
        assert listener.receives("status.update", post.id)
        bob.status_delete(post)
        assert listener.receives("delete", post.id)
        made = ada.create_filter_v2("x", ["home"], "warn")
        assert listener.receives("filters_changed", None)
        ada.delete_filter_v2(made)
    ada.account_unfollow(bob.me())


def test_everybody_hears_what_is_public(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    with (
        open_stream(ada.stream_public) as everything,
        open_stream(ada.stream_local) as local,
        open_stream(ada.stream_public, only_media=True) as pictures,
        open_stream(ada.stream_hashtag, "Owls") as owls,
        open_stream(ada.stream_hashtag, "owls", local=True) as local_owls,
    ):
        quiet = bob.status_post("nobody hears #owls", visibility="unlisted")
        plain = bob.status_post("plain")
        post = bob.status_post("with #OWLS", media_ids=[bob.media_post(files.picture(), "image/jpeg")])
        for listener in (everything, local, pictures, owls, local_owls):
            assert listener.receives("update", post.id)
        assert everything.received == local.received == [("update", plain.id), ("update", post.id)]
        assert pictures.received == owls.received == local_owls.received == [("update", post.id)]
        assert quiet.id not in [id for _, id in everything.received]


def test_what_the_administrator_announces_on_the_command_line_is_heard(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    with open_stream(ada.stream_user) as listener:
        shared_site.run_command("announce", "publish", "Tea at five")
        [made] = [one for one in ada.announcements() if "Tea at five" in one.content]
        assert listener.receives("announcement", made.id)
        bob.announcement_reaction_create(made, "🎉")
        assert wait_until(lambda: [data for name, data in listener.received if name == "announcement.reaction"] == [None])
        shared_site.run_command("announce", "withdraw", str(made.id))
        assert listener.receives("announcement.delete", int(made.id))


def test_a_list_is_heard(ada: Mastodon, bob: Mastodon) -> None:
    ada.account_follow(bob.me())
    kept = ada.list_create("Heard")
    ada.list_accounts_add(kept, [bob.me()])
    with open_stream(ada.stream_list, kept) as listener:
        ada.status_post("not in it")
        post = bob.status_post("in it")
        assert listener.receives("update", post.id)
        assert listener.received == [("update", post.id)]
    ada.list_delete(kept)
    ada.account_unfollow(bob.me())


def test_many_streams_are_heard_on_one_socket(ada: Mastodon, bob: Mastodon) -> None:
    everything, moths = RecordingListener(), RecordingListener()
    ada.account_follow(bob.me())
    connect: Any = ada.stream_open_websocket  # it has no types
    with connect(listener=everything, timeout=20) as handle:
        ada.stream_user(everything, websocket_handle=handle)
        subscription = ada.stream_hashtag("moths", moths, websocket_handle=handle)
        # A program cannot know when it is subscribed; from the first post that it hears on, it hears all.
        assert wait_until(lambda: bob.status_post("anybody? #moths") and everything.received and moths.received)
        assert {name for name, _ in moths.received} == {"update"}
        post = bob.status_post("seen two #moths")
        assert everything.receives("update", post.id)
        assert moths.receives("update", post.id)
        subscription.close()
        post = bob.status_post("seen no #moths")
        assert everything.receives("update", post.id)
        assert ("update", post.id) not in moths.received
    assert (everything.errors, moths.errors) == ([], [])
    ada.account_unfollow(bob.me())
