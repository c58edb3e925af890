"""A started site and a server of Fedify: people there follow people here, over real sockets."""

from __future__ import annotations

from tests.acceptance.accounts import register_account
from tests.acceptance.federation_sites import actor_id, follow_from, received, until
from tests.acceptance.site_process import SiteProcess
from tests.federation.peer import Peer


async def test_a_profile_is_found_by_its_id_and_its_page(federated_site: SiteProcess, peer: Peer) -> None:
    ada = register_account(federated_site, "ada")
    name = ada.me().username
    for address in (actor_id(federated_site, ada), f"{federated_site.url}/@{name}"):
        found = await peer.control("fetch", url=address)
        assert (found["id"], found["preferredUsername"]) == (actor_id(federated_site, ada), name)


async def test_a_follower_gets_posts_edits_boosts_and_deletions(federated_site: SiteProcess, peer: Peer) -> None:
    ada = register_account(federated_site, "ada")
    bo = await follow_from(peer, actor_id(federated_site, ada))
    [account] = ada.account_followers(ada.me())
    assert (account.acct, account.url) == (f"bo@127.0.0.1:{peer.port}", bo)
    assert ada.me().followers_count == 1
    assert [notification.type for notification in ada.notifications()] == ["follow"]

    post = ada.status_post("Hello from afar #tea")
    created = await received(peer, "Create", "Hello from afar")
    assert created["object"]["id"] == post.uri
    assert created["actor"] == actor_id(federated_site, ada)
    ada.status_update(post, "Changed afterwards")
    assert (await received(peer, "Update", "Changed afterwards"))["object"]["id"] == post.uri
    carl = register_account(federated_site, "carl")
    other = carl.status_post("Somebody else's words")
    ada.status_reblog(other)
    assert (await received(peer, "Announce"))["object"] == other.uri
    ada.status_delete(post)
    assert post.uri in str((await received(peer, "Delete"))["object"])


async def test_a_locked_account_decides(federated_site: SiteProcess, peer: Peer) -> None:
    ada = register_account(federated_site, "ada")
    ada.account_update_credentials(locked=True)
    await peer.control("configure")
    me = actor_id(federated_site, ada)
    await peer.control("send", **{"as": "ben"}, activity={"type": "Follow", "object": me}, to=[me])
    await peer.control("send", **{"as": "cy"}, activity={"type": "Follow", "object": me}, to=[me])

    await until(lambda: len(ada.follow_requests()) == 2)
    requests = {account.acct.partition("@")[0]: account for account in ada.follow_requests()}
    ada.follow_request_authorize(requests["ben"])
    await received(peer, "Accept", "/users/ben")
    ada.follow_request_reject(requests["cy"])
    await received(peer, "Reject", "/users/cy")
    ada.status_post("For followers only", visibility="private")
    created = await received(peer, "Create", "For followers only")
    assert "#Public" not in str(created["to"]) + str(created.get("cc"))
    assert (await peer.control("fetch", url=created["object"]["id"]))["id"] == created["object"]["id"]  # signed by the follower's server
    assert federated_site.get(created["object"]["id"].removeprefix(federated_site.url))[0] == 404


async def test_a_removed_or_blocked_follower_gets_nothing_more(federated_site: SiteProcess, peer: Peer) -> None:
    ada = register_account(federated_site, "ada")
    await follow_from(peer, actor_id(federated_site, ada))
    [account] = ada.account_followers(ada.me())
    ada.account_remove_from_followers(account)
    await received(peer, "Reject", actor_id(federated_site, ada))
    await follow_from(peer, actor_id(federated_site, ada))
    ada.account_block(account)
    await received(peer, "Block", actor_id(federated_site, ada))
    ada.status_post("Not for everybody")
    ada.account_unblock(account)
    await received(peer, "Undo", "Block")
    assert "Not for everybody" not in str(await peer.activities())


async def test_an_unfollow_ends_it(federated_site: SiteProcess, peer: Peer) -> None:
    ada = register_account(federated_site, "ada")
    await follow_from(peer, actor_id(federated_site, ada))
    me = actor_id(federated_site, ada)
    undone = {"type": "Undo", "object": {"type": "Follow", "actor": f"{peer.origin}/users/bo", "object": me}}
    await peer.control("send", activity=undone, to=[me])
    await until(lambda: ada.me().followers_count == 0)


async def test_a_profile_change_is_told(federated_site: SiteProcess, peer: Peer) -> None:
    ada = register_account(federated_site, "ada")
    await follow_from(peer, actor_id(federated_site, ada))
    ada.account_update_credentials(display_name="Ada Lovelace")
    assert (await received(peer, "Update", "Ada Lovelace"))["object"]["id"] == actor_id(federated_site, ada)
