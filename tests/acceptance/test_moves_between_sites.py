"""Two started sites and a server of Fedify, over TLS and with names: accounts that move, and accounts that are deleted."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError, MastodonNotFoundError

from microblog.model.ids import AccountId
from tests.acceptance.administration import administrator
from tests.acceptance.federation_sites import follow, follow_from, received, until
from tests.acceptance.named_sites import NamedServers, Person
from tests.acceptance.site_client import PASSWORD

pytestmark = pytest.mark.acceptance


def call(servers: NamedServers, who: Person, path: str, **values: Any) -> Any:
    """Call a method that the client library does not have."""
    site = servers.sites[who.host]
    headers = {"Authorization": f"Bearer {who.client.access_token}"}
    return requests.post(f"{site.url}/api/v1/accounts/{path}", json=values, headers=headers, timeout=30)


def following(client: Mastodon) -> set[str]:
    """Return the addresses of the accounts that a client's account follows."""
    return {account.uri for account in client.account_following(client.me())}


@pytest.mark.parametrize(("old_host", "new_host"), [("a.test", "b.test"), ("a.test", "a.test")])
async def test_followers_on_all_sites_follow_the_new_account(servers: NamedServers, old_host: str, new_host: str) -> None:
    old, new = servers.register(old_host, "old"), servers.register(new_host, "new")
    here, there = servers.register("a.test", "ada"), servers.register("b.test", "ben")
    await follow(here.client, old.handle)
    account = await follow(there.client, old.handle)
    await follow_from(servers.peer, old.id)
    refused = call(servers, old, "move", password=PASSWORD, moved_to_uri=f"@{new.handle}")
    assert refused.status_code == 422
    assert "alias" in refused.json()["error"]
    assert call(servers, new, "alias", also_known_as_uris=[f"@{old.handle}"]).status_code == 200
    assert call(servers, old, "move", password=PASSWORD, moved_to_uri=new.id).status_code == 202
    for fan in (here, there):
        await until(lambda fan=fan: following(fan.client) == {new.id})  # type: ignore[misc]
    told = await received(servers.peer, "Move", old.id)
    assert (told["actor"], told["object"], told["target"]) == (old.id, old.id, new.id)
    await received(servers.peer, "Update", new.id)
    await until(lambda: there.client.account(account).get("moved"))
    assert there.client.account(account).moved.uri == new.id
    assert new.client.me().followers_count == 2
    with pytest.raises(MastodonAPIError):
        servers.register(there.host, "late").client.account_follow(account)


async def test_people_bring_their_followers_from_another_implementation(servers: NamedServers) -> None:
    ada, ben, peer = servers.register("a.test", "ada"), servers.register("a.test", "ben"), servers.peer
    await peer.control("configure")
    account = await follow(ben.client, "mover@c.test")
    move = {"type": "Move", "object": account.uri, "target": ada.id}
    assert call(servers, ada, "alias", also_known_as_uris=["@mover@c.test"]).status_code == 200
    await peer.control("send", **{"as": "mover"}, activity=move, to=[ada.id])
    await until(lambda: following(ben.client) == {ada.id})
    assert ben.client.account(account).moved.uri == ada.id


async def test_a_deleted_account_disappears_everywhere_and_its_ids_stay_gone(servers: NamedServers) -> None:
    ada, ben = servers.register("a.test", "ada"), servers.register("b.test", "ben")
    account = await follow(ben.client, ada.handle)
    bo = await follow_from(servers.peer, ada.id)
    post = ada.client.status_post("Good bye")
    await until(lambda: any(found.uri == post.uri for found in ben.client.timeline_home()))
    site = servers.sites["a.test"]
    with administrator(site) as services:
        await services.account_admin.delete(AccountId(int(ada.client.me().id)))
    assert (await received(servers.peer, "Delete", ada.id))["object"] == ada.id

    def is_gone() -> bool:
        try:
            ben.client.account(account)
        except MastodonNotFoundError:
            return True
        return False

    await until(is_gone)
    assert not any(found.uri == post.uri for found in ben.client.timeline_home())
    headers = {"Accept": "application/activity+json"}
    for uri in (ada.id, f"{ada.id}/followers", post.uri):
        response = requests.get(uri.replace("https://a.test", site.url), headers=headers, timeout=30)
        assert response.status_code == 410, uri
    assert bo
