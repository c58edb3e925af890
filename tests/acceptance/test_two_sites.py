"""Two started sites with databases of their own, over TLS and with names: what people do with each other."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError
from PIL import Image

from microblog.model.deliveries import LocalActor
from microblog.model.ids import AccountId
from tests.acceptance.administration import federation_tools
from tests.acceptance.federation_sites import find, follow, follow_from, newest, received, settled, until
from tests.acceptance.named_sites import NamedServers, Person
from tests.acceptance.site_process import SiteProcess
from tests.files import image

pytestmark = pytest.mark.acceptance


async def arrives(client: Mastodon, post: Any) -> Any:
    """Wait until a post of the other site is the newest of the home timeline; return it as it is known there."""
    return await until(lambda: (found := newest(client)) is not None and found.uri == post.uri and found)


def kinds(client: Mastodon) -> list[str]:
    """Return the kinds of an account's notifications, newest first."""
    return [notification.type for notification in client.notifications()]


async def test_posts_reach_a_follower_with_edits_and_deletions(people: tuple[Person, Person]) -> None:
    ada, ben = people
    account = await follow(ben.client, ada.handle)
    assert (account.acct, account.url, account.uri) == (ada.handle, f"https://{ada.host}/@{ada.name}", ada.id)
    [follower] = ada.client.account_followers(ada.client.me())
    assert (follower.acct, kinds(ada.client)) == (ben.handle, ["follow"])
    text = "One & <two>, see https://example.org/a?b=c #Tea"
    post = ada.client.status_post(text, spoiler_text="About tea", language="en", sensitive=True)
    found = await arrives(ben.client, post)
    assert (found.url, found.account.id, found.visibility) == (post.url, account.id, "public")
    assert (found.spoiler_text, found.sensitive, found.language) == ("About tea", True, "en")
    assert [tag.name for tag in found.tags] == ["tea"]
    assert "One &amp; &lt;two&gt;, see <a" in found.content
    assert 'href="https://example.org/a?b=c"' in found.content
    ada.client.status_update(post, "Only one", spoiler_text="")
    edited = await until(lambda: (now := ben.client.status(found)).edited_at and now)
    assert (edited.content, edited.spoiler_text) == ("<p>Only one</p>", "")
    assert [version.content for version in ben.client.status_history(found)][-1] == "<p>Only one</p>"
    ada.client.status_delete(post)
    await until(lambda: newest(ben.client) is None)


async def test_activities_are_accepted_after_keys_were_replaced(people: tuple[Person, Person], servers: NamedServers) -> None:
    ada, ben = people
    await follow(ben.client, ada.handle)
    await follow_from(servers.peer, ada.id)
    first = ada.client.status_post("Signed with the first key")
    await arrives(ben.client, first)
    await received(servers.peer, "Create", first.uri)
    known = known_key(servers.sites[ben.host], ada)
    async with federation_tools(servers.sites[ada.host]) as tools:
        assert await tools.requests.keys.replace(LocalActor(AccountId(int(ada.client.me().id)), ada.name))
    update = await received(servers.peer, "Update", ada.id)
    key = update["object"]["publicKey"]["publicKeyPem"]
    assert key != known
    await until(lambda: known_key(servers.sites[ben.host], ada) == key)
    second = ada.client.status_post("Signed with the second key")
    await arrives(ben.client, second)
    await received(servers.peer, "Create", second.uri)


def known_key(site: SiteProcess, of: Person) -> str:
    """Return the public key that a site knows of an account of another one."""
    [(key,)] = site.query("select public_key from remote_keys where key_id = %s", f"{of.id}#main-key")
    return str(key)


async def test_pictures_arrive_with_their_description(people: tuple[Person, Person], servers: NamedServers) -> None:
    ada, ben = people
    await follow(ben.client, ada.handle)
    media = ada.client.media_post(image(), mime_type="image/jpeg", description="A photo")
    found = await arrives(ben.client, ada.client.status_post("See", media_ids=[media]))
    [attachment] = found.media_attachments
    assert (attachment.type, attachment.description) == ("image", "A photo")
    assert attachment.remote_url.startswith(f"https://{ada.host}/media/")
    assert attachment.url.startswith(f"https://{ben.host}/media_proxy/")
    status, body = servers.sites[ben.host].get(attachment.url.removeprefix(f"https://{ben.host}"))
    assert (status, Image.open(BytesIO(body)).size) == (200, (64, 48))
    assert (attachment.meta.original.width, attachment.meta.original.height) == (media.meta.original.width, media.meta.original.height)


async def test_replies_favourites_and_boosts_come_and_go(people: tuple[Person, Person]) -> None:
    ada, ben = people
    await follow(ben.client, ada.handle)
    post = ada.client.status_post("What do you think?")
    found = await arrives(ben.client, post)
    ben.client.status_favourite(found)
    ben.client.status_reblog(found)
    reply = ben.client.status_post(f"@{ada.handle} I like it", in_reply_to_id=found)
    await until(lambda: sorted(kinds(ada.client)) == ["favourite", "follow", "mention", "reblog"])
    counted = ada.client.status(post)
    assert (counted.favourites_count, counted.reblogs_count, counted.replies_count) == (1, 1, 1)
    [answer] = ada.client.status_context(post).descendants
    assert (answer.uri, answer.in_reply_to_id, answer.account.acct) == (reply.uri, post.id, ben.handle)
    assert [mention.acct for mention in answer.mentions] == [ada.name]
    again = ada.client.status_post(f"@{ben.handle} Thank you", in_reply_to_id=answer)
    await until(lambda: [each.uri for each in ben.client.status_context(found).descendants] == [reply.uri, again.uri])
    ben.client.status_unfavourite(found)
    ben.client.status_unreblog(found)
    ben.client.status_delete(reply)
    await until(lambda: (now := ada.client.status(post)).favourites_count == now.reblogs_count == now.replies_count == 0)


async def test_a_boost_shows_the_post_to_followers_elsewhere(people: tuple[Person, Person], servers: NamedServers) -> None:
    ada, ben = people
    cleo = servers.register(ada.host, "cleo")
    await follow(ben.client, ada.handle)
    post = cleo.client.status_post("Words of somebody else")
    ada.client.status_reblog(post)
    boost = await until(lambda: newest(ben.client))
    assert (boost.reblog.uri, boost.reblog.account.acct, boost.account.acct) == (post.uri, cleo.handle, ada.handle)
    ada.client.status_unreblog(post)
    await until(lambda: newest(ben.client) is None)


async def test_direct_messages_reach_only_the_named(people: tuple[Person, Person], servers: NamedServers) -> None:
    ada, ben = people
    other = servers.register(ben.host, "other")
    await follow(other.client, ada.handle)
    await follow(ben.client, ada.handle)
    message = ada.client.status_post(f"@{ben.handle} Between us", visibility="direct")
    [conversation] = await until(ben.client.conversations)
    assert (conversation.last_status.uri, conversation.unread) == (message.uri, True)
    assert [account.acct for account in conversation.accounts] == [ada.handle]
    answer = ben.client.status_post(f"@{ada.handle} I see", visibility="direct", in_reply_to_id=conversation.last_status)
    await until(lambda: [each.last_status.uri for each in ada.client.conversations()] == [answer.uri])
    await settled(*servers.sites.values())
    assert newest(other.client) is None
    assert not other.client.conversations()
    for url in (message.uri, answer.uri):
        assert not other.client.search_v2(url, resolve=True).statuses


async def test_a_locked_account_decides_who_sees_posts_for_followers(people: tuple[Person, Person], servers: NamedServers) -> None:
    ada, ben = people
    cleo = servers.register(ben.host, "cleo")
    ada.client.account_update_credentials(locked=True)
    account = find(ben.client, f"@{ada.handle}")
    assert account.locked
    for each in (ben, cleo):
        assert each.client.account_follow(account).requested
    await until(lambda: len(ada.client.follow_requests()) == 2)
    requests = {request.acct: request for request in ada.client.follow_requests()}
    ada.client.follow_request_authorize(requests[ben.handle])
    ada.client.follow_request_reject(requests[cleo.handle])
    await until(lambda: ben.client.account_relationships(account)[0].following)
    await until(lambda: not cleo.client.account_relationships(account)[0].requested)
    post = ada.client.status_post("For followers", visibility="private")
    found = await arrives(ben.client, post)
    assert found.visibility == "private"
    await settled(*servers.sites.values())
    assert newest(cleo.client) is None
    assert not cleo.client.search_v2(post.uri, resolve=True).statuses


async def test_a_block_ends_what_was_between_them(people: tuple[Person, Person], servers: NamedServers) -> None:
    ada, ben = people
    account = await follow(ben.client, ada.handle)
    [follower] = ada.client.account_followers(ada.client.me())
    ada.client.account_block(follower)
    await until(lambda: not ben.client.account_relationships(account)[0].following)
    ada.client.status_post("Not for Ben")
    ben.client.status_post(f"@{ada.handle} Hello?")
    with pytest.raises(MastodonAPIError, match="blocks"):
        ben.client.account_follow(account)
    await settled(*servers.sites.values())
    assert (newest(ben.client).account.acct, kinds(ada.client)) == (ben.name, [])
    ada.client.account_unblock(follower)
    await until(lambda: not ben.client.account_relationships(account)[0].blocked_by)
    assert (await follow(ben.client, ada.handle)).id == account.id


async def test_a_removed_follower_and_an_unfollow_end_a_follow(people: tuple[Person, Person]) -> None:
    ada, ben = people
    account = await follow(ben.client, ada.handle)
    [follower] = ada.client.account_followers(ada.client.me())
    ada.client.account_remove_from_followers(follower)
    await until(lambda: not ben.client.account_relationships(account)[0].following)
    await follow(ben.client, ada.handle)
    ben.client.account_unfollow(account)
    await until(lambda: ada.client.me().followers_count == 0)


async def test_a_changed_profile_is_shown_elsewhere(people: tuple[Person, Person]) -> None:
    ada, ben = people
    account = await follow(ben.client, ada.handle)
    ada.client.account_update_credentials(display_name="Ada <L>", note="Mathematics & more", fields=[("Site", "https://example.org")])
    await until(lambda: ben.client.account(account).display_name == "Ada <L>")
    changed = ben.client.account(account)
    assert changed.note == "<p>Mathematics &amp; more</p>"
    assert [field.name for field in changed.fields] == ["Site"]
    assert 'href="https://example.org"' in changed.fields[0].value


async def test_people_of_another_implementation_follow_and_answer_people_here(servers: NamedServers) -> None:
    ada, peer = servers.register("a.test", "ada"), servers.peer
    bo = await follow_from(peer, ada.id)
    [follower] = ada.client.account_followers(ada.client.me())
    assert (follower.acct, follower.uri) == ("bo@c.test", bo)
    post = ada.client.status_post("What do you think?")
    assert (await received(peer, "Create", post.uri))["object"]["url"] == post.url
    reply = await peer.control("post", content="<p>I <b>like</b> it<script>alert(1)</script></p>", to=[ada.id], replyTo=post.uri)
    like = await peer.control("send", activity={"type": "Like", "object": post.uri}, to=[ada.id])
    boost = await peer.control("send", activity={"type": "Announce", "object": post.uri, "to": "as:Public"}, to=[ada.id])
    await until(lambda: (now := ada.client.status(post)).favourites_count == now.reblogs_count == now.replies_count == 1)
    assert sorted(kinds(ada.client)) == ["favourite", "follow", "mention", "reblog"]
    [answer] = ada.client.status_context(post).descendants
    assert (answer.uri, answer.content, answer.account.acct) == (reply, "<p>I <b>like</b> it</p>", "bo@c.test")
    await peer.control("edit", id=reply, content="<p>It is fine</p>", to=[ada.id])
    await until(lambda: ada.client.status(answer).content == "<p>It is fine</p>")
    await peer.control("delete", id=reply, to=[ada.id])
    for type, id in (("Like", like), ("Announce", boost)):
        undone = {"type": type, "id": id, "actor": bo, "object": post.uri}
        await peer.control("send", activity={"type": "Undo", "object": undone}, to=[ada.id])
    await until(lambda: (now := ada.client.status(post)).favourites_count == now.reblogs_count == now.replies_count == 0)
    await peer.control("post", content="<p>Between us</p>", to=[ada.id], direct=True)
    await peer.control("send", activity={"type": "Block", "object": ada.id}, to=[ada.id])
    await until(lambda: ada.client.me().followers_count == 0)
    with pytest.raises(MastodonAPIError, match="blocks"):
        ada.client.account_follow(follower)


async def test_people_here_follow_and_answer_people_of_another_implementation(servers: NamedServers) -> None:
    ada, peer = servers.register("a.test", "ada"), servers.peer
    await peer.control("configure")
    account = await follow(ada.client, "cy@c.test")
    post = await peer.control("post", **{"as": "cy"}, content="<p>Hello</p>", to=[ada.id])
    found = await until(lambda: newest(ada.client))
    assert (found.uri, found.content, found.account.acct, found.visibility) == (post, "<p>Hello</p>", "cy@c.test", "public")
    ada.client.status_favourite(found)
    ada.client.status_reblog(found)
    reply = ada.client.status_post("@cy@c.test Hello!", in_reply_to_id=found)
    assert (await received(peer, "Like", ada.id))["object"] == post
    assert (await received(peer, "Announce", ada.id))["object"] == post
    answer = (await received(peer, "Create", reply.uri))["object"]
    assert (answer["inReplyTo"], answer["tag"]["href"]) == (post, account.uri)
    ada.client.status_unfavourite(found)
    ada.client.status_unreblog(found)
    ada.client.status_update(reply, "@cy@c.test Hello again!")
    for type in ("Like", "Announce"):
        await received(peer, "Undo", f"'{type}'")
    await received(peer, "Update", "Hello again")
    ada.client.status_delete(reply)  # not before: what is deleted meanwhile is sent no more
    await received(peer, "Delete", reply.uri)
    message = ada.client.status_post("@cy@c.test Between us", visibility="direct")
    assert (await received(peer, "Create", message.uri))["object"]["to"] == account.uri
    await peer.control("edit", **{"as": "cy"}, id=post, content="<p>Good bye</p>", to=[ada.id])
    await until(lambda: ada.client.status(found).content == "<p>Good bye</p>")
    await peer.control("delete", **{"as": "cy"}, id=post, to=[ada.id])
    await until(lambda: found.uri not in [each.uri for each in ada.client.timeline_home()])
    ada.client.account_block(account)
    await received(peer, "Block", account.uri)
    assert not ada.client.account_relationships(account)[0].following


async def test_a_thread_shows_replies_that_were_not_sent_here(people: tuple[Person, Person], servers: NamedServers) -> None:
    ada, ben = people
    cleo = servers.register(ada.host, "cleo")
    post = ada.client.status_post("A question")
    reply = cleo.client.status_post(f"@{ada.name} An answer", in_reply_to_id=post)
    thanks = ada.client.status_post(f"@{cleo.name} Thanks", in_reply_to_id=reply)
    [found] = ben.client.search_v2(post.uri, resolve=True).statuses
    assert ben.client.status_context(found).descendants == []
    site = servers.sites[ben.host]
    assert site.change("update posts set created_at = created_at - interval '6 minutes'")  # replies to new posts are on their way
    await until(lambda: [each.uri for each in ben.client.status_context(found).descendants] == [reply.uri, thanks.uri])
    assert kinds(ben.client) == []
    [author, *_] = [each.account for each in ben.client.status_context(found).descendants]
    assert (author.acct, author.url) == (cleo.handle, f"https://{cleo.host}/@{cleo.name}")


async def test_a_profile_has_the_numbers_and_posts_of_its_own_site(people: tuple[Person, Person], servers: NamedServers) -> None:
    ada, ben = people
    cleo = servers.register(ada.host, "cleo")
    cleo.client.account_follow(ada.client.me())
    ada.client.account_follow(cleo.client.me())
    posts = [ada.client.status_post(f"Number {number}") for number in range(3)]
    account = find(ben.client, f"@{ada.handle}")

    def numbers() -> tuple[int, int, int]:
        shown = ben.client.account(account)
        return shown.followers_count, shown.following_count, shown.statuses_count

    await until(lambda: numbers() == (1, 1, 3))
    assert [each.uri for each in ben.client.account_statuses(account)] == [each.uri for each in posts[::-1]]
    assert ben.client.account_followers(account) == []  # this site knows none of them
