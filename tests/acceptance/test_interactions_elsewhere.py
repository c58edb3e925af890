"""A started site and a server of Fedify: polls, pins, favourites, edits, messages and hashtags, both ways."""

from __future__ import annotations

from typing import Any

from attrs import define
from mastodon import Mastodon

from tests import files
from tests.acceptance.accounts import register_account
from tests.acceptance.federation_sites import actor_id, follow, follow_from, received, until
from tests.acceptance.site_process import SiteProcess
from tests.federation.peer import Peer

AS = "https://www.w3.org/ns/activitystreams"
PUBLIC = f"{AS}#Public"


@define
class Reader:
    """A member who follows bo of the peer, and whom bo follows."""

    client: Mastodon
    id: str
    site: SiteProcess
    peer: Peer

    def home(self, containing: str) -> Any:
        """Return the newest post on home with this text; None if there is none."""
        return next((post for post in self.client.timeline_home() if containing in (post.reblog or post).content), None)

    async def post_of_bo(self, text: str, **values: Any) -> Any:
        """Let bo publish a post with further properties; return it as it is on home."""
        bo = f"{self.peer.origin}/users/bo"
        note = {"id": f"{bo}/statuses/{abs(hash(text))}", "type": "Note", "attributedTo": bo, "content": f"<p>{text}</p>", "to": [PUBLIC]}
        await self.send("Create", {**note, **values}, to=[PUBLIC], cc=[f"{bo}/followers"])
        return await until(lambda: self.home(text))

    async def send(self, type: str, object: Any, name: str = "bo", recipients: list[str] | None = None, **values: Any) -> None:
        """Let an account of the peer send an activity to this member."""
        activity = {"type": type, "object": object, **values}
        await self.peer.control("send", **{"as": name}, activity=activity, to=recipients or [self.id])

    def run_jobs_now(self, kind: str) -> None:
        """Let waiting jobs of a kind be due."""
        assert self.site.change("update jobs set due_at = now() where kind = %s and state = 'waiting'", kind)


async def member(site: SiteProcess, peer: Peer, name: str = "ada") -> Reader:
    """Return a new member who follows bo and is followed by bo. The peer forgets what it got before."""
    client = register_account(site, name)
    reader = Reader(client, actor_id(site, client), site, peer)
    await follow(client, f"bo@127.0.0.1:{peer.port}")
    await follow_from(peer, reader.id)
    await peer.control("configure")
    return reader


async def test_a_poll_there_is_shown_voted_in_and_ends(federated_site: SiteProcess, peer: Peer) -> None:
    ada = await member(federated_site, peer)
    options = {"tea": 3, "coffee": 1}
    id = await peer.control("poll", content="<p>What do you drink?</p>", options=options, to=[ada.id])
    post = await until(lambda: ada.home("What do you drink?"))
    assert ([(each.title, each.votes_count) for each in post.poll.options], post.poll.voters_count) == (list(options.items()), 4)
    assert (post.poll.multiple, post.poll.expired, post.poll.voted) == (False, False, False)
    voted = ada.client.poll_vote(post.poll, [1])
    assert ([each.votes_count for each in voted.options], voted.own_votes) == ([3, 2], [1])
    vote = (await received(peer, "Create", "coffee"))["object"]
    assert (vote["name"], vote["inReplyTo"], "content" in vote) == ("coffee", id, False)

    await peer.control("count", id=id, options={"tea": 7, "coffee": 2}, to=[])
    asked = ada.client.poll(post.poll)  # read again, as somebody asks
    assert [each.votes_count for each in asked.options] == [7, 2]
    await peer.control("count", id=id, options={"tea": 9, "coffee": 4}, closed=True, to=[ada.id])
    told = await until(lambda: [each for each in ada.client.notifications() if each.type == "poll"])
    assert [each.votes_count for each in told[0].status.poll.options] == [9, 4]
    assert told[0].status.poll.expired
    assert ada.client.status(post).edited_at is None


async def test_a_poll_there_takes_several_choices(federated_site: SiteProcess, peer: Peer) -> None:
    ada = await member(federated_site, peer)
    await peer.control("poll", content="<p>Which ones?</p>", options={"a": 0, "b": 0, "c": 0}, several=True, to=[ada.id])
    post = await until(lambda: ada.home("Which ones?"))
    assert post.poll.multiple
    ada.client.poll_vote(post.poll, [0, 2])
    for name in ("a", "c"):
        await received(peer, "Create", f"'name': '{name}'")


async def test_a_poll_here_counts_votes_from_there_and_tells_the_counts(federated_site: SiteProcess, peer: Peer) -> None:
    ada = await member(federated_site, peer)
    poll = ada.client.make_poll(["yes", "no"], expires_in=3600)
    post = ada.client.status_post("Shall we?", poll=poll)
    question = (await received(peer, "Create", "Shall we?"))["object"]
    assert (question["type"], [each["name"] for each in question["oneOf"]]) == ("Question", ["yes", "no"])
    fetched = await peer.control("fetch", url=post.uri)
    assert (fetched["type"], fetched["id"]) == ("Question", post.uri)
    bo = f"{peer.origin}/users/bo"
    for number, name in enumerate(("maybe", "no", "no", "yes")):
        vote = {"id": f"{bo}#votes/{number}", "type": "Note", "attributedTo": bo, "to": [ada.id], "inReplyTo": post.uri, "name": name}
        await ada.send("Create", vote)
    await until(lambda: ada.client.status(post).poll.votes_count == 1)
    await until(lambda: ada.client.status(post).poll.voters_count == 1)
    assert [each.votes_count for each in ada.client.poll(post.poll).options] == [0, 1]
    assert [each.type for each in ada.client.notifications()] == ["follow"]
    assert ada.client.status_context(post).descendants == []
    ada.run_jobs_now("federation.poll_counts")
    counted = (await received(peer, "Update", "Shall we?"))["object"]
    assert [each["replies"]["totalItems"] for each in counted["oneOf"]] == [0, 1]


async def test_pins_are_told_and_read(federated_site: SiteProcess, peer: Peer) -> None:
    ada = await member(federated_site, peer)
    own = ada.client.status_post("My best words")
    ada.client.status_pin(own)
    added = await received(peer, "Add")
    assert (added["object"], added["target"]) == (own.uri, f"{ada.id}/collections/featured")
    assert own.uri in str(await peer.control("fetch", url=f"{ada.id}/collections/featured"))
    ada.client.status_unpin(own)
    await received(peer, "Remove", own.uri)

    first = await peer.control("post", content="<p>Pinned long ago</p>", to=[ada.id])
    second = await peer.control("post", content="<p>Pinned just now</p>", to=[ada.id])
    bo = (await until(lambda: ada.home("Pinned just now"))).account
    await peer.control("pin", id=first, to=[])
    await peer.control("pin", id=second, to=[ada.id])
    await until(lambda: [each.uri for each in ada.client.account_statuses(bo, pinned=True)][:1] == [second])
    assert federated_site.change("update remote_actors set featured_fetched_at = null")
    ada.client.account_statuses(bo, pinned=True, limit=7)  # a look that is not answered from the cache has them read
    await until(lambda: [each.uri for each in ada.client.account_statuses(bo, pinned=True)] == [second, first])


async def test_favourites_and_boosts_reach_each_other(federated_site: SiteProcess, peer: Peer) -> None:
    ada = await member(federated_site, peer)
    post = await ada.post_of_bo("Words from there", likes={"type": "Collection", "totalItems": 40})
    assert post.favourites_count == 40
    assert ada.client.status_favourite(post).favourites_count == 41
    await received(peer, "Like", post.uri)
    ada.client.status_bookmark(post)
    ada.client.status_unfavourite(post)
    await received(peer, "Undo", "Like")
    ada.client.status_reblog(post)
    await received(peer, "Announce", post.uri)
    ada.client.status_unreblog(post)
    await received(peer, "Undo", "Announce")
    assert {each["type"] for each in await peer.activities()} == {"Like", "Undo", "Announce"}

    own = ada.client.status_post("Words from here")
    await ada.send("Like", own.uri, id=f"{peer.origin}/users/bo#likes/{own.id}")
    await ada.send("Announce", own.uri, to=[PUBLIC], id=f"{peer.origin}/users/bo#boosts/{own.id}")
    await until(lambda: {each.type for each in ada.client.notifications()} == {"follow", "favourite", "reblog"})
    assert [each.acct for each in ada.client.status_favourited_by(own)] == [f"bo@127.0.0.1:{peer.port}"]


async def test_edits_have_a_history_both_ways(federated_site: SiteProcess, peer: Peer) -> None:
    ada = await member(federated_site, peer)
    id = await peer.control("post", content="<p>First words</p>", to=[ada.id])
    post = await until(lambda: ada.home("First words"))
    ada.client.status_reblog(post)
    await peer.control("edit", id=id, content="<p>Better words</p>", to=[ada.id])
    edited = await until(lambda: (found := ada.client.status(post)).edited_at and found)
    assert [each.content for each in ada.client.status_history(edited)] == ["<p>First words</p>", "<p>Better words</p>"]
    await until(lambda: [each for each in ada.client.notifications() if each.type == "update"])

    own = ada.client.status_post("With a poll", poll=ada.client.make_poll(["a", "b"], expires_in=3600))
    await received(peer, "Create", own.uri)
    ada.client.status_update(own, "With another poll", poll=ada.client.make_poll(["a", "c"], expires_in=3600))
    update = (await received(peer, "Update", "With another poll"))["object"]
    assert [each["name"] for each in update["oneOf"]] == ["a", "c"]

    picture = ada.client.media_post(files.image("PNG"), "image/png", synchronous=True, description="A flag")
    own = ada.client.status_post("With a picture", media_ids=[picture])
    assert (await received(peer, "Create", own.uri))["object"]["attachment"]["name"] == "A flag"
    other = ada.client.media_post(files.image("PNG"), "image/png", synchronous=True, description="Another flag")
    ada.client.status_update(own, "With a picture", media_ids=[other])
    assert "With a picture" in str(await received(peer, "Update", "Another flag"))


async def test_messages_are_conversations_both_ways(federated_site: SiteProcess, peer: Peer) -> None:
    ada = await member(federated_site, peer)
    bo = f"{peer.origin}/users/bo"
    sent = ada.client.status_post(f"@bo@127.0.0.1:{peer.port} a word in private", visibility="direct")
    note = (await received(peer, "Create", "a word in private"))["object"]
    assert (note["to"], "cc" in note) == (bo, False)
    [conversation] = ada.client.conversations()
    assert (conversation.unread, [each.acct for each in conversation.accounts]) == (False, [f"bo@127.0.0.1:{peer.port}"])
    mention = {"type": "Mention", "href": ada.id, "name": "@ada"}
    answer = {
        "id": f"{bo}/statuses/answer",
        "type": "Note",
        "attributedTo": bo,
        "to": [ada.id],
        "content": "<p>Heard.</p>",
        "tag": [mention],
    }
    await ada.send("Create", {**answer, "inReplyTo": sent.uri}, to=[ada.id])
    unread = await until(lambda: [each for each in ada.client.conversations() if each.unread])
    assert (unread[0].id, unread[0].last_status.content) == (conversation.id, "<p>Heard.</p>")
    assert (unread[0].last_status.visibility, unread[0].last_status.in_reply_to_id) == ("direct", sent.id)
    assert not ada.client.conversations_read(conversation).unread
    assert federated_site.get(f"/@{unread[0].last_status.account.acct}/{unread[0].last_status.id}")[0] == 404


async def test_strangers_are_filtered_by_the_notification_policy(federated_site: SiteProcess, peer: Peer) -> None:
    ada = await member(federated_site, peer)
    ada.client.update_notifications_policy(for_not_following="filter")
    cy = f"{peer.origin}/users/cy"
    mention = {"type": "Mention", "href": ada.id, "name": "@ada"}
    note = {"id": f"{cy}/statuses/1", "type": "Note", "attributedTo": cy, "content": "<p>Hey you</p>", "to": [PUBLIC, ada.id]}
    await ada.send("Create", {**note, "tag": [mention]}, "cy", to=[PUBLIC, ada.id])
    [request] = await until(ada.client.notification_requests)
    assert request.account.acct == f"cy@127.0.0.1:{peer.port}"
    assert [each.type for each in ada.client.notifications()] == ["follow"]


async def test_a_group_shares_what_its_members_write(federated_site: SiteProcess, peer: Peer) -> None:
    ada = await member(federated_site, peer)
    group = await follow(ada.client, f"group@127.0.0.1:{peer.port}")
    id = await peer.control("post", **{"as": "cy"}, content="<p>To the group</p>", to=[])
    cy = f"{peer.origin}/users/cy"
    created = {"id": f"{cy}#creates/1", "type": "Create", "actor": cy, "object": id}
    await ada.send("Announce", created, "group", to=[PUBLIC], id=f"{peer.origin}/users/group#1")
    await ada.send("Announce", {**created, "id": f"{cy}#likes/1", "type": "Like"}, "group", to=[PUBLIC], id=f"{peer.origin}/users/group#2")
    shown = await until(lambda: ada.home("To the group"))
    assert (shown.account.id, shown.reblog.account.acct) == (group.id, f"cy@127.0.0.1:{peer.port}")
    assert shown.reblog.favourites_count == 0


async def test_a_quote_is_a_link_and_quoting_is_refused(federated_site: SiteProcess, peer: Peer) -> None:
    ada = await member(federated_site, peer)
    own = ada.client.status_post("Do not quote this")
    post = await ada.post_of_bo("Look at that", quoteUrl=own.uri, **{"@context": {"quoteUrl": f"{AS}#quoteUrl"}})
    assert f'RE: <a href="{own.uri}"' in post.content
    context = [AS, {"QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest"}]
    request = {"@context": context, "id": f"{peer.origin}/users/bo#quotes/1", "instrument": post.uri}
    policy = (await received(peer, "Create", own.uri))["object"]["interactionPolicy"]
    assert str(policy["canQuote"]).count("http") == str(policy["canQuote"]).count(ada.id) == 1
    await ada.send("QuoteRequest", own.uri, **request)
    await received(peer, "Reject", ada.id)


async def test_hashtags_lead_to_posts_from_there(federated_site: SiteProcess, peer: Peer) -> None:
    ada, carl = await member(federated_site, peer), register_account(federated_site, "carl")
    tag = f"rooibos{ada.client.me().id}"
    carl.tag_follow(tag)
    hashtag = {"type": "Hashtag", "name": f"#{tag}", "href": f"{peer.origin}/tags/{tag}"}
    post = await ada.post_of_bo(f"About #{tag}", tag=[hashtag], **{"@context": {"Hashtag": f"{AS}#Hashtag"}})
    assert [each.name for each in post.tags] == [tag]
    assert [each.id for each in carl.timeline_hashtag(tag)] == [post.id]
    assert carl.timeline_hashtag(tag, local=True) == []
    assert [each.id for each in carl.timeline_home()] == [post.id]
    status, page = federated_site.get(f"/tags/{tag}")
    assert (status, post.content.encode() in page) == (200, False)  # visitors go to the other server for it
