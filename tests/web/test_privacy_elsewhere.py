"""Posts for followers and messages: which servers get them, and which may read them at their addresses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from microblog.domain.blocked_domains import BlockedDomains
from microblog.domain.follows import Follows
from microblog.domain.posts import Posts
from microblog.domain.relationships import Relationships
from microblog.federation.keys import SigningKey
from microblog.federation.signature_choice import SignatureForm, sign
from microblog.federation.signed_requests import HttpRequest
from microblog.model.accounts import Viewer
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.storage import follows as stored_follows
from microblog.storage import posts as stored_posts
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.federation.internet import JSON, Internet
from tests.federation.outgoing import OutboundFixture, SentActivity, remote_actor, remote_follower
from tests.federation.remote_server import URL, RemoteUser
from tests.federation.remote_side import known_actor
from tests.make import NOW
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture, build_site

# --- What leaves


@pytest.fixture
def ada(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ada", locked=True)


@pytest.fixture
def outbound(cursor: Cursor) -> OutboundFixture:
    return OutboundFixture(cursor)


@pytest.fixture
def posts(db: RolledBackDatabase) -> Posts:
    return make.post_service(db)


def publish(posts: Posts, who: Viewer, text: str, visibility: Visibility = Visibility.PRIVATE) -> Post:
    return result_of(posts.publish(who, PostDraft(text, visibility)))


def hosts(sent: list[SentActivity], kind: str) -> set[str]:
    return {host for one in sent if one.kind == kind for host in one.hosts}


def test_only_hosts_of_accepted_followers_and_of_the_named_get_a_post_for_followers(
    cursor: Cursor, ada: Viewer, outbound: OutboundFixture, posts: Posts, db: RolledBackDatabase
) -> None:
    remote_follower(cursor, ada, "follows.example")
    asking, ended, blocked, named = (remote_actor(cursor, f"{name}.example", name) for name in ("asks", "ended", "blocked", "named"))
    commands = Follows(db, lambda: NOW)
    for follower in (asking, ended, blocked):
        result_of(commands.follow(Viewer(follower), ada.id))
    for follower in (ended, blocked):
        result_of(commands.accept(ada, follower.id))
    result_of(commands.remove_follower(ada, ended.id))
    result_of(Relationships(db, lambda: NOW).block(ada, blocked.id))
    followee = remote_actor(cursor, "followee.example")
    make.follow(cursor, ada, followee)
    outbound.run()
    post = publish(posts, ada, "hello")
    stored_posts.set_mentions(cursor, post=post.id, accounts=[named.id])
    assert hosts(outbound.run(), "create") == {"follows.example", "named.example"}


def test_a_request_gets_nothing_until_it_is_accepted(
    cursor: Cursor, ada: Viewer, outbound: OutboundFixture, posts: Posts, db: RolledBackDatabase
) -> None:
    asking, commands = remote_actor(cursor, "asks.example"), Follows(db, lambda: NOW)
    result_of(commands.follow(Viewer(asking), ada.id))
    stored_follows.set_activity_uri(cursor, follower=asking.id, followee=ada.id, uri=f"{asking.uri}#follows/1")  # as the inbox does
    for visibility in (Visibility.PRIVATE, Visibility.UNLISTED, Visibility.PUBLIC):
        publish(posts, ada, "before", visibility)
    assert outbound.run() == []
    result_of(commands.accept(ada, asking.id))
    publish(posts, ada, "after")
    assert hosts(outbound.run(), "create") == {"asks.example"}


@pytest.mark.parametrize("end", ["remove", "block", "unfollow", "domain"])
def test_who_follows_no_more_gets_no_new_post_but_changes_of_what_was_sent(
    cursor: Cursor, ada: Viewer, outbound: OutboundFixture, posts: Posts, db: RolledBackDatabase, end: str
) -> None:
    remote_follower(cursor, ada, "stays.example")
    leaving = remote_follower(cursor, ada, "leaves.example")
    before = publish(posts, ada, "before")
    assert hosts(outbound.run(), "create") == {"stays.example", "leaves.example"}
    follows = Follows(db, lambda: NOW)
    ends: dict[str, Callable[[], object]] = {
        "remove": lambda: result_of(follows.remove_follower(ada, leaving.id)),
        "block": lambda: result_of(Relationships(db, lambda: NOW).block(ada, leaving.id)),
        "unfollow": lambda: result_of(follows.unfollow(Viewer(leaving), ada.id)),
        "domain": lambda: result_of(BlockedDomains(db, lambda: NOW).block(ada, "leaves.example")),
    }
    ends[end]()
    outbound.run()
    publish(posts, ada, "after")
    assert hosts(outbound.run(), "create") == {"stays.example"}
    result_of(posts.edit(ada, before.id, PostDraft("changed")))
    assert hosts(outbound.run(), "update") == {"stays.example", "leaves.example"}
    result_of(posts.delete(ada, before.id))
    assert hosts(outbound.run(), "delete") == {"stays.example", "leaves.example"}


def test_posts_for_followers_carry_the_mark_for_the_digest_and_others_do_not(
    cursor: Cursor, ada: Viewer, outbound: OutboundFixture, posts: Posts
) -> None:
    named = remote_follower(cursor, ada)
    publish(posts, ada, "private")
    assert [one.followers_only for one in outbound.run()] == [True]
    for visibility in (Visibility.PUBLIC, Visibility.UNLISTED, Visibility.DIRECT):
        post = publish(posts, ada, "hello", visibility)
        stored_posts.set_mentions(cursor, post=post.id, accounts=[named.id])
    assert not any(one.followers_only for one in outbound.run())


# --- What is read


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    site = build_site(cursor, tmp_path, Internet(), public_url=URL, federation="on")
    site.registered_user("ada")
    return site


def reader(site: SiteFixture, name: str, host: str | None = None) -> RemoteUser:
    """Return an account of another server that is known here."""
    assert site.federation is not None
    internet = site.federation.requests.servers
    assert isinstance(internet, Internet)
    user = RemoteUser(site, internet, name, host or f"{name}.example")
    assert get(user, "/users/ada").status == 200
    result_of(site.federation.effects.actors.by_uri(user.id))
    return user


def get(user: RemoteUser, path: str, *, signed: bool = True) -> HttpResponse:
    headers = sign(HttpRequest("GET", URL + path), SigningKey(f"{user.id}#main-key", user.key), SignatureForm.CAVAGE, user.now)
    sent = {name: value for name, value in headers.items() if name != "Host"} if signed else {}
    return user.site.visitor().get(path, Accept=JSON, **sent)


PARTS = ("", "/activity", "/replies", "/likes", "/shares")


def test_nobody_but_servers_of_followers_and_named_accounts_reads_hidden_posts(site: SiteFixture) -> None:
    ada = site.viewer("ada")
    follows, asks, named, stranger, blocked, sibling = (reader(site, name) for name in ("fo", "as", "na", "st", "bl", "sub.fo"))
    same_server = reader(site, "friend", "bl.example")
    short = reader(site, "short")
    site.cursor.execute("update accounts set host = 'tiny.example' where uri = %s", [short.id])
    for user in (follows, blocked, same_server, short):
        make.follow(site.cursor, known_actor(site.cursor, user.id), ada)
    commands = Relationships(site.database, lambda: NOW)
    result_of(commands.block(ada, known_actor(site.cursor, blocked.id).id))
    site.cursor.execute("update accounts set locked = true where id = %s", [ada.id])
    result_of(Follows(site.database, lambda: NOW).follow(Viewer(known_actor(site.cursor, asks.id)), ada.id))
    private = make.post(site.cursor, ada, "for followers", visibility=Visibility.PRIVATE)
    direct = make.post(site.cursor, ada, "a message", visibility=Visibility.DIRECT)
    for post in (private, direct):
        sql = "insert into mentions (post_id, account_id) values (%s, %s)"
        site.cursor.execute(sql, [post.id, known_actor(site.cursor, named.id).id])
    may_read = {(user.id, private.id) for user in (follows, named, same_server, short)} | {(named.id, direct.id)}
    for user in (follows, asks, named, stranger, blocked, same_server, short, sibling):
        for part in PARTS:
            missing = get(user, f"/users/ada/statuses/1{part}")
            for post in (private, direct):
                response = get(user, f"/users/ada/statuses/{post.id}{part}")
                if part == "" and (user.id, post.id) in may_read:
                    assert response.status == 200, (user.id, post.text)
                    assert "no-store" in (response.header("Cache-Control") or "")
                else:
                    assert (response.status, response.body) == (404, missing.body), (user.id, post.text, part)
    for part in PARTS:
        missing = get(stranger, f"/users/ada/statuses/1{part}", signed=False)
        for post in (private, direct):
            response = get(stranger, f"/users/ada/statuses/{post.id}{part}", signed=False)
            assert (response.status, response.body) == (404, missing.body)


def test_collections_never_list_hidden_posts(site: SiteFixture) -> None:
    ada, user = site.viewer("ada"), reader(site, "fo")
    make.follow(site.cursor, known_actor(site.cursor, user.id), ada)
    top = make.post(site.cursor, ada, "top")
    narrow = (Visibility.PRIVATE, Visibility.DIRECT)
    hidden = [make.post(site.cursor, ada, "hidden words", visibility=each, reply_to=top) for each in narrow]
    for number, post in enumerate(hidden, 1):
        sql = "insert into pins (id, account_id, post_id, created_at) values (%s, %s, %s, now())"
        site.cursor.execute(sql, [number, ada.id, post.id])
    for path in ("/outbox?page=true", "/collections/featured", f"/statuses/{top.id}/replies?page=true"):
        response = get(user, f"/users/ada{path}")
        assert response.status == 200
        assert "hidden words" not in response.text
        assert not any(str(post.id) in response.text for post in hidden)


def test_the_document_of_a_post_for_followers_addresses_nobody_else(site: SiteFixture) -> None:
    ada, user = site.viewer("ada"), reader(site, "fo")
    make.follow(site.cursor, known_actor(site.cursor, user.id), ada)
    post = make.post(site.cursor, ada, "for followers", visibility=Visibility.PRIVATE)
    document = get(user, f"/users/ada/statuses/{post.id}").json
    assert (document["to"], document["cc"]) == ([f"{URL}/users/ada/followers"], [])
