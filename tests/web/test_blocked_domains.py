"""Domains that a member blocks: what they still see, with all caches filled before, and who may still follow them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import frozen

from microblog.domain import blocked_domains, conversations, notify
from microblog.domain.follows import Follows
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import Forbidden
from microblog.model.ids import AccountId, SeveranceEventId
from microblog.model.notifications import NotificationKind
from microblog.model.posts import Post, Visibility
from microblog.storage import follows
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests import make
from tests.fakes import result_of
from tests.federation.outgoing import OutboundFixture, remote_actor
from tests.make import NOW
from tests.web.api.client import Client, client
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture, build_site, document, main_text

DOMAIN = "b.example"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, public_url="https://site.test", federation="on")


@frozen
class World:
    """Ada, who follows ben and bo@b.example; ben, who boosts and answers; and the posts by what they are."""

    site: SiteFixture
    ada: Client
    ben: Viewer
    bo: Account
    cy: Account
    posts: Mapping[str, Post]

    def names(self, response: HttpResponse) -> set[str]:
        """Return the names of the posts in a response."""
        assert response.status == 200, response.text
        found = response.json
        if isinstance(found, dict):
            found = found["ancestors"] + found["descendants"] if "ancestors" in found else found["statuses"]
        by_id = {str(post.id): name for name, post in self.posts.items()}
        return {by_id.get(one["id"], one["id"]) for one in found}

    def seen(self) -> dict[str, set[str]]:
        """Return what ada sees where."""
        top, members = self.posts["top"].id, fetch_value(self.site.cursor, "select id from lists")
        paths = {
            "home": "/v1/timelines/home",
            "home, older": f"/v1/timelines/home?max_id={2**62}",
            "public": "/v1/timelines/public",
            "public, older": f"/v1/timelines/public?max_id={2**62}",
            "remote": "/v1/timelines/public?remote=true",
            "tag": "/v1/timelines/tag/tea",
            "tag, older": f"/v1/timelines/tag/tea?max_id={2**62}",
            "list": f"/v1/timelines/list/{members}",
            "thread": f"/v1/statuses/{top}/context",
            "search": "/v2/search?q=tea&type=statuses",
        }
        return {name: self.names(self.ada.get(path)) for name, path in paths.items()}


@pytest.fixture
def world(site: SiteFixture, cursor: Cursor) -> World:
    ada, ben = client(site, "ada"), make.viewer(cursor, "ben")
    bo, cy = remote_actor(cursor, DOMAIN, "bo"), remote_actor(cursor, "c.example", "cy")
    cursor.execute("update accounts set indexable = true")
    for other in (ben, bo, cy):
        make.follow(cursor, ada.owner, other)
    list_id = ada.post("/v1/lists", title="All").json["id"]
    ada.post(f"/v1/lists/{list_id}/accounts", account_ids=[ben.id, bo.id, cy.id])
    top = make.post(cursor, ada.owner, "top #tea")
    from_bo = make.remote_post(cursor, bo, "tea from bo", tags=["tea"])
    from_cy = make.remote_post(cursor, cy, "tea from cy", tags=["tea"])
    return World(
        site,
        ada,
        ben,
        bo,
        cy,
        {
            "top": top,
            "bo": from_bo,
            "cy": from_cy,
            "ben's boost": make.boost(cursor, ben, from_bo),
            "cy's boost": make.remote_post(cursor, cy, boost_of=from_bo),
            "ben's answer": make.post(cursor, ben, "tea for bo #tea", reply_to=from_bo),
            "bo's answer": make.remote_post(cursor, bo, "tea, ada", reply_to=top),
            "cy's answer": make.remote_post(cursor, cy, "more tea, ada", reply_to=top),
        },
    )


ABOUT_BO = {"bo", "ben's boost", "cy's boost", "ben's answer", "bo's answer"}


def test_everything_of_a_blocked_domain_is_hidden_at_once_and_comes_back(world: World) -> None:
    before = world.seen()
    assert before["home"] >= {"top", "bo", "cy", "ben's answer", "bo's answer", "cy's answer"}
    assert before["public"] >= {"bo", "cy"}
    assert before["tag"] >= {"bo", "ben's answer"}
    assert before["thread"] == {"bo's answer", "cy's answer"}
    assert before["search"] >= {"bo", "bo's answer"}
    assert before["list"] >= {"bo"}
    assert world.ada.post("/v1/domain_blocks", domain="B.Example").status == 200
    after = world.seen()
    assert after == {name: posts - ABOUT_BO for name, posts in before.items()}
    late = make.remote_post(world.site.cursor, world.bo, "late tea", tags=["tea"])
    for path in ("/v1/timelines/home", "/v1/timelines/public", "/v1/timelines/tag/tea"):
        assert str(late.id) not in world.names(world.ada.get(path))
    assert world.ada.delete("/v1/domain_blocks", domain=DOMAIN).status == 200
    again = world.seen()
    for place in ("public", "tag", "thread", "search", "remote"):
        assert again[place] >= before[place], place
    assert "bo" not in again["home"] | again["list"]  # the follow has ended


def test_others_see_it_still(world: World) -> None:
    ben = Client(world.site, result_of(world.site.domain.tokens.issue(world.ben.id, "read write follow", "x")).text, world.ben)
    before = world.names(ben.get("/v1/timelines/public"))
    world.ada.post("/v1/domain_blocks", domain=DOMAIN)
    assert world.names(ben.get("/v1/timelines/public")) == before >= {"bo"}
    assert world.names(world.ada.get("/v1/timelines/public")) == {"top", "cy"}


def test_a_post_and_a_profile_can_still_be_looked_at(world: World) -> None:
    """Whoever opens them knows what they do. The menu on the profile is where the domain is unblocked."""
    world.ada.post("/v1/domain_blocks", domain=DOMAIN)
    assert world.ada.get(f"/v1/statuses/{world.posts['bo'].id}").status == 200
    assert "bo" in world.names(world.ada.get(f"/v1/accounts/{world.bo.id}/statuses"))


def test_the_relationship_says_so(world: World) -> None:
    def blocking() -> list[bool]:
        ids = [world.bo.id, world.cy.id, world.ben.id]
        return [one["domain_blocking"] for one in world.ada.get("/v1/accounts/relationships", id=ids).json]

    assert blocking() == [False, False, False]
    world.ada.post("/v1/domain_blocks", domain=DOMAIN)
    assert blocking() == [True, False, False]
    world.ada.delete("/v1/domain_blocks", domain=DOMAIN)
    assert blocking() == [False, False, False]


def test_subdomains_are_other_servers(world: World) -> None:
    world.ada.post("/v1/domain_blocks", domain="example")
    world.ada.post("/v1/domain_blocks", domain="x.b.example")
    assert "bo" in world.seen()["public"]


def test_lists_of_people_leave_them_out(world: World) -> None:
    cursor, post = world.site.cursor, world.posts["top"]
    for number, who in enumerate((world.bo, world.cy), 1):
        sql = "insert into favourites (id, account_id, post_id, created_at) values (%s, %s, %s, now())"
        cursor.execute(sql, [number, who.id, post.id])
        make.follow(cursor, who, world.ben)
    lists = (f"/v1/statuses/{post.id}/favourited_by", f"/v1/accounts/{world.ben.id}/followers")
    paths = (*lists, "/v1/accounts/search?q=b", "/v2/search?q=b&type=accounts")

    def accts(path: str) -> set[str]:
        found = world.ada.get(path).json
        return {one["acct"] for one in (found["accounts"] if isinstance(found, dict) else found)}

    assert all("bo@b.example" in accts(path) for path in paths)
    world.ada.post("/v1/domain_blocks", domain=DOMAIN)
    assert not any("bo@b.example" in accts(path) for path in paths)
    assert "cy@c.example" in accts(paths[0]) & accts(paths[1])


def notified(world: World) -> list[str]:
    return [one["account"]["acct"] for one in world.ada.get("/v1/notifications", types=["follow"]).json]


def test_notifications_end(world: World) -> None:
    def tell(sender: Account) -> None:
        notify.notify(world.site.cursor, accounts=[world.ada.owner.id], kind=NotificationKind.FOLLOW, sender=sender.id, now=NOW)

    for sender in (world.bo, world.cy):
        tell(sender)
    assert sorted(notified(world)) == ["bo@b.example", "cy@c.example"]
    world.ada.post("/v1/domain_blocks", domain=DOMAIN)
    tell(world.bo)
    assert notified(world) == ["cy@c.example"]


def test_the_member_is_told_what_the_block_has_ended(world: World) -> None:
    world.ada.post("/v1/domain_blocks", domain=DOMAIN)
    [told] = world.ada.get("/v1/notifications", types=["severed_relationships"]).json
    event = told["event"]
    assert (event["type"], event["target_name"], event["following_count"]) == ("user_domain_block", DOMAIN, 1)
    world.ada.post("/v1/domain_blocks", domain="nobody.example")
    assert len(world.ada.get("/v1/notifications", types=["severed_relationships"]).json) == 1


def test_messages_end(world: World) -> None:
    message = make.remote_post(world.site.cursor, world.bo, "psst", visibility=Visibility.DIRECT, mentions=[world.ada.owner.account])

    conversations.on_published(world.site.cursor, message, NOW)
    assert len(world.ada.get("/v1/conversations").json) == 1
    world.ada.post("/v1/domain_blocks", domain=DOMAIN)
    assert world.ada.get("/v1/conversations").json == []
    later = make.remote_post(world.site.cursor, world.bo, "psst!", visibility=Visibility.DIRECT, mentions=[world.ada.owner.account])
    conversations.on_published(world.site.cursor, later, NOW)
    assert world.ada.get("/v1/conversations").json == []


def test_followers_there_are_removed_and_told_so_and_follows_end(world: World) -> None:
    cursor, outbound = world.site.cursor, OutboundFixture(world.site.cursor)
    dee = remote_actor(cursor, DOMAIN, "dee")
    make.follow(cursor, dee, world.ada.owner)
    follows.set_activity_uri(cursor, follower=dee.id, followee=world.ada.owner.id, uri=f"{dee.uri}#follows/1")
    outbound.run()
    world.ada.post("/v1/domain_blocks", domain=DOMAIN)
    sql = "select follower_id, followee_id from follows where follower_id = %(id)s or followee_id = %(id)s"
    pairs = fetch_all(cursor, lambda follower, followee: (follower, followee), sql, {"id": world.ada.owner.id})
    assert set(pairs) == {(world.ada.owner.id, world.ben.id), (world.ada.owner.id, world.cy.id)}
    sent = outbound.run()
    assert [one.kind for one in sent] == ["undo_follow", "reject_follow"]
    assert sent[1].document["object"]["id"] == f"{dee.uri}#follows/1"
    assert make.reload(cursor, world.ada.owner).followers_count == 0


def test_new_follows_are_refused_both_ways(world: World) -> None:
    world.ada.post("/v1/domain_blocks", domain=DOMAIN)
    commands = Follows(world.site.database, lambda: NOW)
    for follower, followee in ((Viewer(world.bo), world.ada.owner.id), (world.ada.owner, world.bo.id)):
        with pytest.raises(Forbidden):
            result_of(commands.follow(follower, followee))
    result_of(commands.follow(world.ada.owner, world.cy.id))


def test_many_followers_are_removed_by_a_job(world: World) -> None:
    cursor = world.site.cursor
    for number in range(blocked_domains.STEP + 5):
        make.follow(cursor, remote_actor(cursor, DOMAIN, f"fan{number}"), world.ada.owner)
    world.ada.post("/v1/domain_blocks", domain=DOMAIN)
    assert make.reload(cursor, world.ada.owner).followers_count > 0
    [payload] = fetch_all(cursor, dict[str, str], "select payload from jobs where kind = %(kind)s", {"kind": blocked_domains.JOB})
    result_of(
        world.site.domain.blocked_domains.cut(
            AccountId(int(payload["account"])), payload["domain"], SeveranceEventId(int(payload["event"]))
        )
    )
    assert make.reload(cursor, world.ada.owner).followers_count == 0


def test_the_job_stops_when_the_domain_is_unblocked(world: World) -> None:
    make.follow(world.site.cursor, world.bo, world.ada.owner)
    result_of(world.site.domain.blocked_domains.cut(world.ada.owner.id, DOMAIN, SeveranceEventId(1)))
    assert make.reload(world.site.cursor, world.ada.owner).followers_count == 1


SPELLINGS = [(" @B.Example. ", "b.example"), ("bücher.example", "xn--bcher-kva.example"), ("b.example:8443", "b.example:8443")]


@pytest.mark.parametrize(("typed", "stored"), SPELLINGS)
def test_a_domain_is_stored_in_the_spelling_of_accounts(world: World, typed: str, stored: str) -> None:
    world.ada.post("/v1/domain_blocks", domain=typed)
    assert world.ada.get("/v1/domain_blocks").json == [stored]


@pytest.mark.parametrize("typed", ["", "a b", "x" * 300, "b.example:port", "https://b.example", "b.example/x"])
def test_what_is_no_domain_is_refused(world: World, typed: str) -> None:
    assert world.ada.post("/v1/domain_blocks", domain=typed).status == 422


def test_the_menu_of_a_profile_and_the_page_in_the_settings(site: SiteFixture, cursor: Cursor) -> None:
    visitor, _ = site.registered_user("dan"), remote_actor(cursor, DOMAIN, "bo")
    profile = visitor.get("/@bo@b.example").text
    assert "Block domain b.example…" in profile
    assert "/settings/domains/block?domain=b.example" in profile
    question = visitor.get("/settings/domains/block?domain=b.example&next=/@bo@b.example")
    assert "Your followers there will be removed" in main_text(question)
    answer = visitor.submit("/settings/domains", domain=DOMAIN, next="/@bo@b.example")
    assert (answer.status, answer.header("Location")) == (303, "/@bo@b.example")
    profile = visitor.get("/@bo@b.example").text
    assert "Unblock domain b.example" in profile
    assert "Domain blocked" in profile
    for path in ("/@bo@b.example", "/search?q=@bo@b.example"):  # a follow would be refused
        buttons = document(visitor.get(path)).xpath("//main//button[contains(@class, 'button')]")
        assert [button.text for button in buttons if button.get("formaction")] == ["Unblock domain"], path
    assert "b.example" in main_text(visitor.get("/settings/domains"))
    assert visitor.submit("/settings/domains/unblock", "/settings/domains", domain=DOMAIN).status == 303
    assert "No blocked domains" in main_text(visitor.get("/settings/domains"))
    wrong = visitor.submit("/settings/domains", domain="no domain")
    assert wrong.status == 422
    assert "is not a valid domain name" in wrong.text


def test_without_federation_the_settings_do_not_mention_domains(cursor: Cursor, tmp_path: Path) -> None:
    visitor = build_site(cursor, tmp_path).registered_user("dan")
    assert "/settings/domains" not in visitor.get("/settings").text
