"""A started site and a server of Fedify: people here find and follow people there, over real sockets."""

from __future__ import annotations

from tests.acceptance.accounts import register_account
from tests.acceptance.federation_sites import actor_id, find, received, until
from tests.acceptance.site_process import SiteProcess
from tests.federation.peer import Peer


async def test_people_there_are_found_by_handle_and_id(federated_site: SiteProcess, peer: Peer) -> None:
    ada = register_account(federated_site, "ada")
    address = f"cy@127.0.0.1:{peer.port}"
    by_handle = find(ada, f"@{address}")
    assert (by_handle.acct, by_handle.uri) == (address, f"{peer.origin}/users/cy")
    by_id = find(ada, f"{peer.origin}/users/cy")
    assert by_id.id == by_handle.id


async def test_a_follow_is_accepted_and_ended(federated_site: SiteProcess, peer: Peer) -> None:
    ada = register_account(federated_site, "ada")
    me = actor_id(federated_site, ada)
    bo = find(ada, f"@bo@127.0.0.1:{peer.port}")
    await peer.control("configure")
    relationship = ada.account_follow(bo)
    assert (relationship.following, relationship.requested) == (False, True)
    await received(peer, "Follow", me)
    await until(lambda: ada.account_relationships(bo)[0].following)
    assert not ada.account_relationships(bo)[0].requested
    ada.account_unfollow(bo)
    await received(peer, "Undo", me)


async def test_a_mention_reaches_the_other_server(federated_site: SiteProcess, peer: Peer) -> None:
    ada = register_account(federated_site, "ada")
    await peer.control("configure")
    post = ada.status_post(f"Hello @di@127.0.0.1:{peer.port}")
    assert [mention.url for mention in post.mentions] == [f"{peer.origin}/users/di"]
    await received(peer, "Create", post.uri)
