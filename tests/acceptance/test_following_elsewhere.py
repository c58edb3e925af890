"""A started site and a server of Fedify: people here find and follow people there, over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mastodon import Mastodon
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

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


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until a condition, which may ask a server, is true."""
    for _ in range(int(seconds / 0.2)):
        if await deferToThread(condition):
            return
        await deferLater(reactor, 0.2)
    raise AssertionError(f"it did not happen within {seconds:g} seconds")


async def received(peer: Peer, type: str, containing: str) -> bool:
    """True once the peer has got such an activity."""
    for _ in range(150):
        if any(each["type"] == type and containing in str(each) for each in await peer.activities()):
            return True
        await deferLater(reactor, 0.2)
    return False


def find(client: Mastodon, query: str) -> Any:
    [account] = client.search_v2(query, resolve=True).accounts
    return account


async def test_people_there_are_found_by_handle_and_id(site: SiteProcess, peer: Peer) -> None:
    ada = await deferToThread(register_account, site, "ada")
    address = f"cy@127.0.0.1:{peer.port}"
    by_handle = await deferToThread(find, ada, f"@{address}")
    assert (by_handle.acct, by_handle.uri) == (address, f"{peer.origin}/users/cy")
    by_id = await deferToThread(find, ada, f"{peer.origin}/users/cy")
    assert by_id.id == by_handle.id


async def test_a_follow_is_accepted_and_ended(site: SiteProcess, peer: Peer) -> None:
    ada = await deferToThread(register_account, site, "ada")
    me = f"{site.url}/users/{(await deferToThread(ada.me)).username}"
    bo = await deferToThread(find, ada, f"@bo@127.0.0.1:{peer.port}")
    await peer.control("configure")
    relationship = await deferToThread(ada.account_follow, bo)
    assert (relationship.following, relationship.requested) == (False, True)
    assert await received(peer, "Follow", me)
    await until(lambda: ada.account_relationships(bo)[0].following)
    assert not (await deferToThread(ada.account_relationships, bo))[0].requested
    await deferToThread(ada.account_unfollow, bo)
    assert await received(peer, "Undo", me)


async def test_a_mention_reaches_the_other_server(site: SiteProcess, peer: Peer) -> None:
    ada = await deferToThread(register_account, site, "ada")
    await peer.control("configure")
    post = await deferToThread(ada.status_post, f"Hello @di@127.0.0.1:{peer.port}")
    assert [mention.url for mention in post.mentions] == [f"{peer.origin}/users/di"]
    assert await received(peer, "Create", post.uri)
