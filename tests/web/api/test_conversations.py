"""Direct conversations in the API."""

from __future__ import annotations

import re

from microblog.model.posts import Post, Visibility
from tests import make
from tests.web.api.client import Client, anonymous_client, client, ids, links, new_client_for
from tests.web.visitor import SiteFixture


def send_message(who: Client, text: str, reply_to: Post | None = None) -> Post:
    """Return a direct message. All participants follow the author, so that nothing is filtered."""
    who.site.cursor.execute(
        """insert into follows (id, follower_id, followee_id, created_at) select new_id(now()), id, %s, now() from accounts where id <> %s
           on conflict do nothing""",
        [who.owner.id, who.owner.id],
    )
    return make.post(who.site.cursor, who.owner, text, visibility=Visibility.DIRECT, reply_to=reply_to)


def test_a_conversation_is_listed_marked_read_marked_unread_and_deleted(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = send_message(ada, "@bob hi")
    [conversation] = bob.get("/v1/conversations").json
    assert (conversation["unread"], [one["acct"] for one in conversation["accounts"]], conversation["last_status"]["id"]) == (
        True,
        ["ada"],
        str(post.id),
    )
    assert conversation["last_status"]["visibility"] == "direct"
    assert conversation["last_status"]["favourited"] is False
    assert ada.get("/v1/conversations").json[0]["unread"] is False
    assert bob.post(f"/v1/conversations/{conversation['id']}/read").json == {**conversation, "unread": False}
    assert bob.get("/v1/conversations/").json == [{**conversation, "unread": False}]
    assert bob.post(f"/v1/conversations/{conversation['id']}/unread").json == conversation
    assert bob.delete(f"/v1/conversations/{conversation['id']}").json == {}
    assert bob.get("/v1/conversations").json == []
    assert bob.get(f"/v1/statuses/{post.id}").status == 200


def test_conversations_are_paged_by_their_last_posts(site: SiteFixture) -> None:
    ada = client(site, "ada")
    client(site, "bob")
    written = [send_message(ada, f"@bob {number}") for number in range(5)]
    send_message(ada, "@bob 1, again", written[1])
    found, page = list[str](), ada.get("/v1/conversations", limit=2)
    assert f"min_id={page.json[0]['last_status']['id']}" in links(page)["prev"]
    while page.json:
        found += [each["last_status"]["content"] for each in page.json]
        page = ada.follow(links(page)["next"]) if "next" in links(page) else anonymous_client(site).get("/v1/timelines/public")
    assert [re.sub("<[^>]*>", "", each) for each in found] == ["@bob 1, again", "@bob 4", "@bob 3", "@bob 2", "@bob 0"]
    assert len(ids(ada.get("/v1/conversations", min_id=written[3].id))) == 2


def test_a_conversation_without_others_lists_its_owner(site: SiteFixture) -> None:
    ada = client(site, "ada")
    send_message(ada, "milk, eggs")
    [conversation] = ada.get("/v1/conversations").json
    assert [one["acct"] for one in conversation["accounts"]] == ["ada"]


def test_other_users_conversations_are_404(site: SiteFixture) -> None:
    ada, bob, eve = client(site, "ada"), client(site, "bob"), client(site, "eve")
    send_message(ada, "@bob hi")
    [id] = ids(bob.get("/v1/conversations"))
    for response in (
        eve.post(f"/v1/conversations/{id}/read"),
        eve.post(f"/v1/conversations/{id}/unread"),
        eve.delete(f"/v1/conversations/{id}"),
        bob.post("/v1/conversations/1/read"),
        bob.post("/v1/conversations/x/read"),
    ):
        assert response.status == 404


def test_conversations_require_the_scopes_read_statuses_and_write_conversations(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    send_message(ada, "@bob hi")
    reader, writer = new_client_for(site, bob.owner, "read:statuses"), new_client_for(site, bob.owner, "write:conversations")
    [id] = ids(reader.get("/v1/conversations"))
    assert reader.post(f"/v1/conversations/{id}/read").status == writer.get("/v1/conversations").status == 403
    assert writer.post(f"/v1/conversations/{id}/read").status == 200
    assert anonymous_client(site).get("/v1/conversations").status == 401
