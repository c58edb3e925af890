"""A started site and a server of Fedify: a follower there gets everything in order, and the site shows what it delivered."""

from __future__ import annotations

from typing import Any

import orjson

from tests.acceptance.accounts import register_account
from tests.acceptance.federation_sites import actor_id, follow_from, received, settled, start_after_kill, until
from tests.acceptance.site_process import SiteProcess
from tests.federation.peer import Peer


async def arrived(peer: Peer, type: str) -> list[dict[str, Any]]:
    """Return the activities of a type that the peer accepted."""
    return [each for each in await peer.activities() if each["type"] == type]


async def test_a_follower_on_another_server_gets_what_happens(federated_site: SiteProcess, peer: Peer) -> None:
    ada = register_account(federated_site, "ada")
    await follow_from(peer, actor_id(federated_site, ada))
    assert ada.me().followers_count == 1
    post = ada.status_post("Hello, fediverse", visibility="public")
    await received(peer, "Create")
    [create] = await arrived(peer, "Create")
    assert create["object"]["id"] == post.uri
    assert create["object"]["content"] == "<p>Hello, fediverse</p>"
    ada.status_update(post.id, "Hello again")
    await received(peer, "Update")
    ada.account_update_credentials(display_name="Ada L.")
    await received(peer, "Update", count=2)
    assert [each["object"]["type"] for each in await arrived(peer, "Update")] == ["Note", "Person"]
    federated_site.kill()
    start_after_kill(federated_site)
    ada.status_delete(post.id)
    await received(peer, "Delete")
    private = ada.status_post("For followers", visibility="private")
    await received(peer, "Create", count=2)
    assert (await arrived(peer, "Create"))[1]["object"]["id"] == private.uri
    follower = ada.account_followers(ada.me().id)[0]
    ada.account_remove_from_followers(follower.id)
    await received(peer, "Reject")
    ada.status_post("Not for who was removed", visibility="private")
    await settled(federated_site)
    await until(lambda: "microblog_deliveries_waiting 0.0" in federated_site.get("/metrics")[1].decode())
    assert 'microblog_federation_hosts{state="known"} 1.0' in federated_site.get("/metrics")[1].decode()
    status, body = federated_site.get("/health/ready")
    assert (status, orjson.loads(body)["status"]) == (200, "ok")
    assert len(await arrived(peer, "Create")) == 2
