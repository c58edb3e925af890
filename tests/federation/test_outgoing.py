"""Which activities are made of what people here do, and where they go."""

from __future__ import annotations

import pytest

from microblog.domain import post_moderation
from microblog.domain.account_admin import AccountAdmin
from microblog.domain.account_deletion import begin_deletion
from microblog.domain.accounts import Accounts, ProfileChanges
from microblog.domain.follows import Follows, create_follow
from microblog.domain.interactions import Interactions
from microblog.domain.relationships import Relationships
from microblog.federation.outgoing_accounts import MissingKey
from microblog.model.accounts import Viewer
from microblog.model.actor_keys import StoredKeyPair
from microblog.model.domain_rules import DomainRule, DomainRules, DomainSeverity
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.storage import actor_keys, follows, posts
from microblog.storage.database import Cursor
from microblog.storage.follows import FollowOptions
from tests import make
from tests.fakes import RolledBackDatabase, quick_passwords, result_of
from tests.federation.outgoing import SITE, OutboundFixture, remote_actor, remote_follower
from tests.make import NOW

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


@pytest.fixture
def outbound(cursor: Cursor) -> OutboundFixture:
    return OutboundFixture(cursor)


@pytest.fixture
def ada(cursor: Cursor) -> Viewer:
    """Return a member with a key pair."""
    viewer = make.viewer(cursor, "ada")
    actor_keys.add(cursor, account=viewer.id, pair=StoredKeyPair("PEM", b"sealed"), now=NOW)
    return viewer


def delete(db: RolledBackDatabase, who: Viewer, post: Post) -> None:
    result_of(make.post_service(db).delete(who, post.id))


def edit(db: RolledBackDatabase, who: Viewer, post: Post, text: str = "Changed") -> None:
    result_of(make.post_service(db).edit(who, post.id, PostDraft(text)))


def test_one_inbox_per_host(cursor: Cursor, ada: Viewer, outbound: OutboundFixture) -> None:
    for number in range(20):
        remote_follower(cursor, ada, f"h{number % 4}.example")
    remote_follower(cursor, ada, "small.example", name="bo", shared=False)
    post = make.post(cursor, ada)
    sent = outbound.one()
    assert sent.inboxes == [*(f"https://h{number}.example/inbox" for number in range(4)), "https://small.example/users/bo/inbox"]
    assert sent.document["id"] == f"https://site.test/users/ada/statuses/{post.id}/activity"
    assert (sent.kind, sent.document["type"], sent.document["to"], sent.followers_only) == ("create", "Create", [PUBLIC], False)


def test_a_post_names_its_custom_emoji_with_the_address_of_their_pictures(cursor: Cursor, ada: Viewer, outbound: OutboundFixture) -> None:
    remote_follower(cursor, ada)
    cat, dog = make.emoji(cursor, "cat").emoji, make.emoji(cursor, "dog").emoji
    make.post(cursor, ada, "A :cat:, not a:dog:")
    [tag] = outbound.one().document["object"]["tag"]
    icon = {"type": "Image", "mediaType": "image/png", "url": f"https://site.test{cat.path}"}
    assert tag == {
        "id": f"https://site.test/emojis/{cat.id}",
        "type": "Emoji",
        "name": ":cat:",
        "updated": "2026-03-04T05:06:07.891Z",
        "icon": icon,
    }
    profiles = Accounts(RolledBackDatabase(cursor), "site.test", "https://site.test", lambda: NOW)
    result_of(profiles.edit(ada, ProfileChanges(display_name="Ada :dog:", bio=":cat:")))
    assert [tag["id"] for tag in outbound.one().document["object"]["tag"]] == [f"https://site.test/emojis/{each.id}" for each in (cat, dog)]


def test_nothing_is_sent_of_who_has_no_followers_elsewhere(cursor: Cursor, ada: Viewer, outbound: OutboundFixture) -> None:
    make.follow(cursor, make.account(cursor), ada)
    remote_actor(cursor)
    make.post(cursor, ada)
    assert outbound.run() == []
    cursor.execute("select count(*) from outgoing_activities")
    assert cursor.fetchall() == [(0,)]


@pytest.mark.parametrize("visibility", list(Visibility))
def test_a_direct_post_reaches_only_the_named(cursor: Cursor, ada: Viewer, outbound: OutboundFixture, visibility: Visibility) -> None:
    remote_follower(cursor, ada, "followers.example")
    cy = remote_actor(cursor, "named.example", "cy")
    post = make.post(cursor, ada, visibility=visibility)
    posts.set_mentions(cursor, post=post.id, accounts=[cy.id])
    sent = outbound.one()
    if visibility is Visibility.DIRECT:
        assert sent.inboxes == ["https://named.example/users/cy/inbox"]
        assert (sent.document["to"], sent.document.get("cc", [])) == ([cy.uri], [])
    else:
        assert sent.inboxes == ["https://followers.example/inbox", "https://named.example/inbox"]
    assert sent.followers_only == (visibility is Visibility.PRIVATE)


@pytest.mark.parametrize("visibility", list(Visibility))
def test_the_author_of_the_answered_post_gets_a_public_answer(
    cursor: Cursor, ada: Viewer, outbound: OutboundFixture, visibility: Visibility
) -> None:
    question = make.remote_post(cursor, remote_actor(cursor, "asks.example"))
    make.post(cursor, ada, visibility=visibility, reply_to=question)
    sent = outbound.run()
    assert [one.hosts for one in sent] == ([["asks.example"]] if visibility.is_open else [])
    assert [one.document["object"]["inReplyTo"] for one in sent] == [question.uri] * len(sent)


def test_edits_and_deletion_reach_whoever_got_the_post(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture
) -> None:
    bo = remote_follower(cursor, ada, "b.example")
    cy = remote_actor(cursor, "c.example")
    post = make.post(cursor, ada)
    posts.set_mentions(cursor, post=post.id, accounts=[cy.id])
    assert outbound.one().hosts == ["b.example", "c.example"]
    follows.unfollow(cursor, follower=bo.id, followee=ada.id)
    remote_follower(cursor, ada, "d.example")
    cursor.execute("insert into favourites (id, account_id, post_id, created_at) values (1, %s, %s, now())", [cy.id, post.id])
    edit(db, ada, post)  # which names nobody
    sent = outbound.one()
    assert (sent.kind, sent.hosts) == ("update", ["b.example", "c.example", "d.example"])
    assert sent.document["object"]["content"] == "<p>Changed</p>"
    follows.unfollow(cursor, follower=ada.id, followee=bo.id)
    delete(db, ada, post)
    sent = outbound.one()
    assert (sent.kind, sent.hosts) == ("delete", ["b.example", "c.example", "d.example"])
    assert sent.document["object"] == {"id": SITE.post("ada", post.id), "type": "Tombstone", "formerType": "Note"}
    cursor.execute("select * from post_recipients")
    assert cursor.fetchall() == []


def test_a_post_that_comes_back_is_published_by_another_activity(cursor: Cursor, ada: Viewer, outbound: OutboundFixture) -> None:
    remote_follower(cursor, ada)
    post = make.post(cursor, ada)
    first = outbound.one().document
    post_moderation.delete(cursor, [post.id], ada.id, NOW)
    assert outbound.one().kind == "delete"
    assert post_moderation.restore(cursor, [post.id], NOW, NOW) == [post.id]
    again = outbound.one()
    assert (again.kind, again.inboxes, again.document["object"]["id"]) == ("create", ["https://b.example/inbox"], first["object"]["id"])
    assert again.document["id"].startswith(f"{first['id']}#again/")


def test_who_boosted_or_answered_gets_the_deletion(cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture) -> None:
    post = make.post(cursor, ada)
    make.remote_post(cursor, remote_actor(cursor, "boosts.example"), boost_of=post)
    make.remote_post(cursor, remote_actor(cursor, "answers.example"), reply_to=post)
    assert outbound.run() == []
    delete(db, ada, post)
    assert outbound.one().hosts == ["answers.example", "boosts.example"]


def test_a_post_that_is_deleted_before_it_is_sent_is_not_sent(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada)
    delete(db, ada, make.post(cursor, ada))
    assert outbound.run() == []


def test_a_boost_is_announced_and_undone(cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture) -> None:
    remote_follower(cursor, ada, "b.example")
    author = remote_actor(cursor, "author.example")
    original = make.remote_post(cursor, author)
    boost = make.boost(cursor, ada, original)
    sent = outbound.one()
    assert (sent.kind, sent.hosts, sent.document["object"]) == ("announce", ["author.example", "b.example"], original.uri)
    assert sent.document["cc"] == [SITE.followers("ada"), author.uri]
    result_of(Interactions(db, lambda: NOW).unboost(ada, original.id))
    undo = outbound.one()
    assert (undo.kind, undo.hosts) == ("undo_announce", ["author.example", "b.example"])
    announced = {name: value for name, value in sent.document.items() if name != "@context"}
    assert undo.document["object"] == announced
    assert undo.document["id"] == f"https://site.test/users/ada/statuses/{boost.id}/activity/undo"


def test_a_deletion_reaches_those_who_got_a_boost_of_the_post(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture
) -> None:
    ben = make.viewer(cursor, "ben")
    remote_follower(cursor, ben, "bens.example")
    post = make.post(cursor, ada)
    make.boost(cursor, ben, post)
    assert outbound.one().document["object"] == SITE.post("ada", post.id)
    delete(db, ada, post)
    sent = outbound.one()
    assert (sent.kind, sent.hosts) == ("delete", ["bens.example"])


def test_nothing_goes_to_a_suspended_domain(cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture) -> None:
    for host in ("b.example", "bad.example", "sub.bad.example"):
        remote_follower(cursor, ada, host)
    post = make.post(cursor, ada)
    assert outbound.one().hosts == ["b.example", "bad.example", "sub.bad.example"]
    outbound.domains = DomainRules([DomainRule("bad.example", DomainSeverity.SUSPEND)])
    make.post(cursor, ada)
    assert outbound.one().hosts == ["b.example"]
    delete(db, ada, post)
    assert outbound.one().hosts == ["b.example"]


def test_only_allowed_hosts_get_anything(cursor: Cursor, ada: Viewer, outbound: OutboundFixture) -> None:
    for host in ("b.example", "c.example"):
        remote_follower(cursor, ada, host)
    outbound.domains = DomainRules(allowed=frozenset({"c.example"}))
    make.post(cursor, ada)
    assert outbound.one().hosts == ["c.example"]


def test_changes_of_a_profile_are_sent_once_if_others_see_them(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada, "b.example")
    named = remote_actor(cursor, "named.example")
    post = make.post(cursor, ada)
    posts.set_mentions(cursor, post=post.id, accounts=[named.id])
    outbound.run()
    service = Accounts(db, "site.test", "https://site.test", lambda: NOW)
    for name in ("Ad", "Ada"):
        result_of(service.edit(ada, ProfileChanges(display_name=name)))
    sent = outbound.one()
    assert (sent.kind, sent.hosts) == ("update_actor", ["b.example", "named.example"])
    assert sent.document["object"]["name"] == "Ada"
    assert sent.document["object"]["publicKey"]["publicKeyPem"] == "PEM"
    result_of(service.edit(ada, ProfileChanges(hide_relations=True)))  # is not in the document
    assert outbound.run() == []


def test_a_key_is_made_before_the_profile_is_sent(cursor: Cursor, db: RolledBackDatabase, outbound: OutboundFixture) -> None:
    ben = make.viewer(cursor, "ben")
    remote_follower(cursor, ben)
    result_of(Accounts(db, "site.test", "https://site.test", lambda: NOW).edit(ben, ProfileChanges(display_name="Ben")))
    with pytest.raises(MissingKey):
        outbound.run()


def test_others_are_told_that_an_account_is_suspended_and_restored(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada)
    admin = AccountAdmin(db, quick_passwords(), lambda: NOW)
    result_of(admin.suspend(ada.id))
    assert outbound.one().document["object"]["suspended"] is True
    result_of(admin.restore(ada.id))
    assert "suspended" not in outbound.one().document["object"]


def test_posts_of_who_is_suspended_are_not_sent(cursor: Cursor, ada: Viewer, outbound: OutboundFixture) -> None:
    remote_follower(cursor, ada)
    make.post(cursor, ada)
    make.suspend(cursor, ada)
    assert outbound.run() == []


def test_the_deletion_of_an_account_reaches_every_known_inbox_once(cursor: Cursor, ada: Viewer, outbound: OutboundFixture) -> None:
    for host in ("b.example", "b.example", "c.example"):
        remote_actor(cursor, host)
    remote_follower(cursor, ada, "b.example")
    make.post(cursor, ada)
    outbound.run()
    begin_deletion(cursor, ada.id, NOW)
    sent = outbound.one()
    assert (sent.kind, sent.hosts) == ("delete_actor", ["b.example", "c.example"])
    assert sent.document["object"] == sent.document["actor"] == "https://site.test/users/ada"


def test_the_deletion_of_an_account_that_nobody_elsewhere_saw_is_not_sent(cursor: Cursor, outbound: OutboundFixture) -> None:
    remote_actor(cursor)
    begin_deletion(cursor, make.viewer(cursor).id, NOW)
    assert outbound.run() == []


def test_a_follow_from_elsewhere_is_accepted_each_time_it_is_made(cursor: Cursor, ada: Viewer, outbound: OutboundFixture) -> None:
    bo = remote_actor(cursor, "b.example", "bo")
    for uri in ("https://b.example/f/1", "https://b.example/f/2"):
        create_follow(cursor, bo.id, ada.id, FollowOptions(), NOW)
        follows.set_activity_uri(cursor, follower=bo.id, followee=ada.id, uri=uri)
        sent = outbound.one()
        assert (sent.kind, sent.inboxes) == ("accept_follow", ["https://b.example/users/bo/inbox"])
        assert sent.document["object"] == {"id": uri, "type": "Follow", "actor": bo.uri, "object": "https://site.test/users/ada"}


def test_a_follower_who_is_removed_is_told(cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture) -> None:
    bo = remote_follower(cursor, ada, "b.example", name="bo")
    result_of(Follows(db, lambda: NOW).remove_follower(ada, bo.id))
    sent = outbound.one()
    assert (sent.kind, sent.document["type"], sent.inboxes) == ("reject_follow", "Reject", ["https://b.example/users/bo/inbox"])
    assert sent.document["object"]["id"] == f"{bo.uri}#follows/{ada.id}"


def test_no_server_is_told_of_a_block_if_the_setting_is_off(cursor: Cursor, db: RolledBackDatabase, outbound: OutboundFixture) -> None:
    ada = make.viewer(cursor, "ada")
    bo, service = remote_follower(cursor, ada), Relationships(db, lambda: NOW)
    outbound.tells_blocks = False
    result_of(service.block(ada, bo.id))
    assert outbound.one().kind == "reject_follow"  # the follow ends, without a reason
    result_of(service.unblock(ada, bo.id))
    assert outbound.run() == []


def test_a_block_that_a_server_knows_of_is_undone_there_after_the_setting_was_changed(
    cursor: Cursor, db: RolledBackDatabase, outbound: OutboundFixture
) -> None:
    ada, bo, service = make.viewer(cursor, "ada"), remote_actor(cursor), Relationships(db, lambda: NOW)
    result_of(service.block(ada, bo.id))
    assert outbound.one().kind == "block"
    outbound.tells_blocks = False
    result_of(service.unblock(ada, bo.id))
    assert outbound.one().kind == "undo_block"


def test_a_block_ends_the_follow_and_is_undone_under_its_id(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture
) -> None:
    bo, service = remote_follower(cursor, ada), Relationships(db, lambda: NOW)
    result_of(service.block(ada, bo.id))
    reject, block = outbound.run()
    assert [reject.kind, block.kind, block.document["object"]] == ["reject_follow", "block", bo.uri]
    result_of(service.unblock(ada, bo.id))
    undo = outbound.one()
    assert (undo.kind, undo.document["object"]["id"]) == ("undo_block", block.document["id"])


def test_what_people_here_do_among_themselves_is_not_sent(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada)
    ben = make.viewer(cursor)
    result_of(Follows(db, lambda: NOW).follow(ben, ada.id))
    result_of(Relationships(db, lambda: NOW).block(ada, ben.id))
    result_of(Relationships(db, lambda: NOW).unblock(ada, ben.id))
    assert outbound.run() == []
