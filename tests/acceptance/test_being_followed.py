"""A started site and a server of Fedify, whose people follow those of the site."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import orjson
import pytest
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


@pytest.fixture
def site(tmp_path: Path, peer: Peer) -> Iterator[SiteProcess]:
    """A site that federates with the peer."""
    addresses = f"127.0.0.1:{peer.port}"
    with site_process(tmp_path, registration="open", federation="on", federation_test_addresses=addresses) as site:
        site.settings["public_url"] = site.url
        site.start()
        yield site
        site.stop()


async def until(condition: Callable[[], Awaitable[bool]], site: SiteProcess) -> None:
    for _ in range(1_000):  # a site that was killed may have claimed a host for a minute
        if await condition():
            return
        await deferLater(reactor, 0.1)
    raise AssertionError(f"it did not happen in time\n{site.log}")


async def arrived(peer: Peer, type: str, count: int = 1) -> list[dict[str, Any]]:
    """Return the activities of a type that the peer accepted."""
    return [each for each in await peer.activities() if each["type"] == type]


async def test_a_follower_on_another_server_gets_what_happens(site: SiteProcess, peer: Peer) -> None:
    await peer.control("configure")
    ada = register_account(site, "ada")
    actor = f"{site.url}/users/{ada.me().username}"
    await peer.control("send", activity={"type": "Follow", "object": actor}, to=[actor])

    async def has(type: str, count: int = 1) -> None:
        async def found() -> bool:
            return len(await arrived(peer, type)) >= count

        await until(found, site)

    await has("Accept")
    assert ada.me().followers_count == 1
    post = ada.status_post("Hello, fediverse", visibility="public")
    await has("Create")
    [create] = await arrived(peer, "Create")
    assert create["object"]["id"] == post.uri
    assert create["object"]["content"] == "<p>Hello, fediverse</p>"
    ada.status_update(post.id, "Hello again")
    await has("Update")
    ada.account_update_credentials(display_name="Ada L.")
    await has("Update", 2)
    assert [each["object"]["type"] for each in await arrived(peer, "Update")] == ["Note", "Person"]
    site.kill()
    site.start()
    ada.status_delete(post.id)
    await has("Delete")
    private = ada.status_post("For followers", visibility="private")
    await has("Create", 2)
    assert (await arrived(peer, "Create"))[1]["object"]["id"] == private.uri
    follower = ada.account_followers(ada.me().id)[0]
    ada.account_remove_from_followers(follower.id)
    await has("Reject")
    ada.status_post("Not for who was removed", visibility="private")
    assert "Deliveries that wait: 0" in site.run_command("federation", "status")
    assert "microblog_deliveries_waiting 0.0" in site.get("/metrics")[1].decode()
    assert 'microblog_federation_hosts{state="known"} 1.0' in site.get("/metrics")[1].decode()
    with urlopen(Request(f"{site.url}/health", headers={"Accept": "application/json"}), timeout=10) as health:
        assert {"deliveries", "outgoing_activities"} <= orjson.loads(health.read())["parts"].keys()
    assert len(await arrived(peer, "Create")) == 2
