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
from tests.acceptance.people import newcomer
from tests.acceptance.site import Site, until

pytestmark = pytest.mark.acceptance


@define(eq=False)
class Ear(StreamListener):
    """Keeps what it hears: the event's name, and the id that it is about."""

    heard: list[tuple[str, Any]] = field(factory=list)
    broken: list[Exception] = field(factory=list)

    def on_any_event(self, name: str, data: Any = None, for_stream: Any = None) -> None:
        """Anything."""
        self.heard.append((name, data.get("id") if isinstance(data, dict) else data))

    def on_abort(self, err: Exception) -> None:
        """The connection was lost."""
        self.broken.append(err)

    def hears(self, name: str, about: object) -> bool:
        """Wait until it did."""
        return until(lambda: (name, about) in self.heard)


@pytest.fixture(scope="module")
def ada(shared_site: Site) -> Mastodon:
    return newcomer(shared_site, "ada")


@pytest.fixture(scope="module")
def bob(shared_site: Site) -> Mastodon:
    return newcomer(shared_site, "bob")


@contextmanager
def listening(stream: Callable[..., Any], *arguments: object, **options: object) -> Iterator[Ear]:
    """An ear at a stream of server-sent events; it is open when this begins."""
    ear = Ear()
    handle = stream(*arguments, ear, run_async=True, timeout=20, **options)
    try:
        yield ear
        assert ear.broken == []
    finally:
        handle.closed = True  # its close() waits for the next byte, which may be a heartbeat of 15 seconds
        handle.connection.raw._fp.fp.raw._sock.shutdown(SHUT_RDWR)
        handle.join(20)
    assert not handle.is_alive()


def test_the_streams_are_said_to_be_well(ada: Mastodon) -> None:
    assert ada.stream_healthy()


def test_somebody_hears_what_concerns_them(ada: Mastodon, bob: Mastodon) -> None:
    ada.account_follow(bob.me())
    with listening(ada.stream_user) as ear, listening(ada.stream_user_notifications) as told:
        post = bob.status_post(f"@{ada.me().acct} hello")
        assert ear.hears("update", post.id)
        assert until(lambda: [name for name, _ in told.heard] == ["notification"])
        assert until(lambda: told.heard[0] in ear.heard)
        bob.status_update(post, "hello again")
        assert ear.hears("status.update", post.id)
        bob.status_delete(post)
        assert ear.hears("delete", post.id)
        made = ada.create_filter_v2("x", ["home"], "warn")
        assert ear.hears("filters_changed", None)
        ada.delete_filter_v2(made)
    ada.account_unfollow(bob.me())


def test_everybody_hears_what_is_public(shared_site: Site, ada: Mastodon, bob: Mastodon) -> None:
    with (
        listening(ada.stream_public) as everything,
        listening(ada.stream_local) as local,
        listening(ada.stream_public, only_media=True) as pictures,
        listening(ada.stream_hashtag, "Owls") as owls,
        listening(ada.stream_hashtag, "owls", local=True) as local_owls,
    ):
        quiet = bob.status_post("nobody hears #owls", visibility="unlisted")
        plain = bob.status_post("plain")
        post = bob.status_post("with #OWLS", media_ids=[bob.media_post(files.picture(), "image/jpeg")])
        for ear in (everything, local, pictures, owls, local_owls):
            assert ear.hears("update", post.id)
        assert everything.heard == local.heard == [("update", plain.id), ("update", post.id)]
        assert pictures.heard == owls.heard == local_owls.heard == [("update", post.id)]
        assert quiet.id not in [id for _, id in everything.heard]


def test_what_the_administrator_announces_on_the_command_line_is_heard(shared_site: Site, ada: Mastodon, bob: Mastodon) -> None:
    with listening(ada.stream_user) as ear:
        shared_site.command("announce", "publish", "Tea at five")
        [made] = [one for one in ada.announcements() if "Tea at five" in one.content]
        assert ear.hears("announcement", made.id)
        bob.announcement_reaction_create(made, "🎉")
        assert until(lambda: [data for name, data in ear.heard if name == "announcement.reaction"] == [None])
        shared_site.command("announce", "withdraw", str(made.id))
        assert ear.hears("announcement.delete", int(made.id))


def test_a_list_is_heard(ada: Mastodon, bob: Mastodon) -> None:
    ada.account_follow(bob.me())
    kept = ada.list_create("Heard")
    ada.list_accounts_add(kept, [bob.me()])
    with listening(ada.stream_list, kept) as ear:
        ada.status_post("not in it")
        post = bob.status_post("in it")
        assert ear.hears("update", post.id)
        assert ear.heard == [("update", post.id)]
    ada.list_delete(kept)
    ada.account_unfollow(bob.me())


def test_many_streams_are_heard_on_one_socket(ada: Mastodon, bob: Mastodon) -> None:
    everything, moths = Ear(), Ear()
    ada.account_follow(bob.me())
    connect: Any = ada.stream_open_websocket  # it has no types
    with connect(listener=everything, timeout=20) as handle:
        ada.stream_user(everything, websocket_handle=handle)
        subscription = ada.stream_hashtag("moths", moths, websocket_handle=handle)
        # A program cannot know when it is subscribed; from the first post that it hears on, it hears all.
        assert until(lambda: bob.status_post("anybody? #moths") and everything.heard and moths.heard)
        assert {name for name, _ in moths.heard} == {"update"}
        post = bob.status_post("seen two #moths")
        assert everything.hears("update", post.id)
        assert moths.hears("update", post.id)
        subscription.close()
        post = bob.status_post("seen no #moths")
        assert everything.hears("update", post.id)
        assert ("update", post.id) not in moths.heard
    assert (everything.broken, moths.broken) == ([], [])
    ada.account_unfollow(bob.me())
