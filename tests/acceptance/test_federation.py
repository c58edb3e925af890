"""A started site and a server of Fedify: people there follow people here, over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mastodon import Mastodon
from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, site_process
from tests.federation.peer import Peer, run_peer
from tests.node import require


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    require("@fedify/fedify")
    with run_peer(tmp_path_factory.mktemp("peer")) as peer:
        yield peer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, peer: Peer) -> Iterator[SiteProcess]:
    settings = {"federation": "on", "federation_test_addresses": f"127.0.0.1:{peer.port}", "rate_limits": "off", "registration": "open"}
    with site_process(tmp_path_factory.mktemp("site"), **settings) as site:
        site.start()
        yield site
        site.stop()


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait until an asynchronous condition returns something true, and return that."""
    for _ in range(int(seconds / 0.1)):
        if found := await condition():
            return found
        await deferLater(reactor, 0.1)
    raise AssertionError(f"it did not happen within {seconds:g} seconds")


async def received(peer: Peer, type: str, containing: str = "", seconds: float = 30.0) -> dict[str, Any]:
    """Wait for an activity at the peer, and return it."""

    async def found() -> dict[str, Any] | None:
        fitting = (each for each in await peer.activities() if each["type"] == type and containing in str(each))
        return next(fitting, None)

    activity: dict[str, Any] = await until(found, seconds)
    return activity


def uri(site: SiteProcess, client: Mastodon) -> str:
    return f"{site.url}/users/{client.me().username}"


async def follow(peer: Peer, site: SiteProcess, client: Mastodon, name: str = "bo") -> str:
    """Let an account of the peer follow; return the id of the account."""
    await peer.control("configure")
    await peer.control("send", **{"as": name}, activity={"type": "Follow", "object": uri(site, client)}, to=[uri(site, client)])
    await received(peer, "Accept", uri(site, client))
    return f"{peer.origin}/users/{name}"


async def test_a_profile_is_found_by_its_id_and_its_page(site: SiteProcess, peer: Peer) -> None:
    ada = register_account(site, "ada")
    name = ada.me().username
    for address in (uri(site, ada), f"{site.url}/@{name}"):
        found = await peer.control("fetch", url=address)
        assert (found["id"], found["preferredUsername"]) == (uri(site, ada), name)


async def test_a_follower_gets_posts_edits_boosts_and_deletions(site: SiteProcess, peer: Peer) -> None:
    ada = register_account(site, "ada")
    bo = await follow(peer, site, ada)
    [account] = ada.account_followers(ada.me())
    assert (account.acct, account.url) == (f"bo@127.0.0.1:{peer.port}", bo)
    assert ada.me().followers_count == 1
    assert [notification.type for notification in ada.notifications()] == ["follow"]

    post = ada.status_post("Hello from afar #tea")
    created = await received(peer, "Create", "Hello from afar")
    assert created["object"]["id"] == post.uri
    assert created["actor"] == uri(site, ada)
    ada.status_update(post, "Changed afterwards")
    assert (await received(peer, "Update", "Changed afterwards"))["object"]["id"] == post.uri
    carl = register_account(site, "carl")
    other = carl.status_post("Somebody else's words")
    ada.status_reblog(other)
    assert (await received(peer, "Announce"))["object"] == other.uri
    ada.status_delete(post)
    assert post.uri in str((await received(peer, "Delete"))["object"])


async def test_a_locked_account_decides(site: SiteProcess, peer: Peer) -> None:
    ada = register_account(site, "ada")
    ada.account_update_credentials(locked=True)
    await peer.control("configure")
    me = uri(site, ada)
    await peer.control("send", **{"as": "ben"}, activity={"type": "Follow", "object": me}, to=[me])
    await peer.control("send", **{"as": "cy"}, activity={"type": "Follow", "object": me}, to=[me])

    async def asked() -> list[Any] | None:
        requests = ada.follow_requests()
        return requests if len(requests) == 2 else None

    requests = {account.acct.partition("@")[0]: account for account in await until(asked)}
    ada.follow_request_authorize(requests["ben"])
    await received(peer, "Accept", "/users/ben")
    ada.follow_request_reject(requests["cy"])
    await received(peer, "Reject", "/users/cy")
    ada.status_post("For followers only", visibility="private")
    created = await received(peer, "Create", "For followers only")
    assert "#Public" not in str(created["to"]) + str(created.get("cc"))
    assert (await peer.control("fetch", url=created["object"]["id"]))["id"] == created["object"]["id"]  # signed by the follower's server
    assert site.get(created["object"]["id"].removeprefix(site.url))[0] == 404


async def test_a_removed_or_blocked_follower_gets_nothing_more(site: SiteProcess, peer: Peer) -> None:
    ada = register_account(site, "ada")
    await follow(peer, site, ada)
    [account] = ada.account_followers(ada.me())
    ada.account_remove_from_followers(account)
    await received(peer, "Reject", uri(site, ada))
    await follow(peer, site, ada)
    ada.account_block(account)
    await received(peer, "Block", uri(site, ada))
    ada.status_post("Not for everybody")
    ada.account_unblock(account)
    await received(peer, "Undo", "Block")
    assert "Not for everybody" not in str(await peer.activities())


async def test_an_unfollow_ends_it(site: SiteProcess, peer: Peer) -> None:
    ada = register_account(site, "ada")
    await follow(peer, site, ada)
    me = uri(site, ada)
    undone = {"type": "Undo", "object": {"type": "Follow", "actor": f"{peer.origin}/users/bo", "object": me}}
    await peer.control("send", activity=undone, to=[me])

    async def gone() -> bool:
        return bool(ada.me().followers_count == 0)

    await until(gone)


async def test_a_site_that_was_killed_delivers_after_its_restart(site: SiteProcess, peer: Peer) -> None:
    ada = register_account(site, "ada")
    await follow(peer, site, ada)
    texts = [f"Post number {number}" for number in range(5)]
    for text in texts:
        ada.status_post(text)
    site.kill()
    site.start()
    for text in texts:
        await received(peer, "Create", text, 100.0)  # the killed process may have claimed the host for a minute
    order = [each["object"]["content"] for each in await peer.activities() if each["type"] == "Create"]
    assert list(dict.fromkeys(order)) == [f"<p>{text}</p>" for text in texts]


async def test_a_profile_change_is_told(site: SiteProcess, peer: Peer) -> None:
    ada = register_account(site, "ada")
    await follow(peer, site, ada)
    ada.account_update_credentials(display_name="Ada Lovelace")
    assert (await received(peer, "Update", "Ada Lovelace"))["object"]["id"] == uri(site, ada)
