"""Following accounts of other servers: what is sent, and what their answers do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from microblog.domain.relationships import Relationships
from microblog.model.accounts import Account, Relationship
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.fakes import result_of
from tests.federation.internet import Internet
from tests.federation.outgoing import OutboundFixture, SentActivity
from tests.federation.remote_server import URL, RemoteUser, run_effects
from tests.web.visitor import SiteFixture, build_site

ADA = f"{URL}/users/ada"


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="on")
    site.registered_user("ada")
    return site


@pytest.fixture
def bo(site: SiteFixture, internet: Internet) -> RemoteUser:
    user = RemoteUser(site, internet)
    assert site.federation is not None
    result_of(site.federation.resolution.actors.fetch(user.id))
    return user


@pytest.fixture
def outbound(cursor: Cursor) -> OutboundFixture:
    return OutboundFixture(cursor)


def account(site: SiteFixture, user: RemoteUser) -> Account:
    assert site.federation is not None
    found = result_of(site.federation.resolution.actors.known(user.id))
    assert found is not None
    return found


def follow(site: SiteFixture, user: RemoteUser) -> Relationship:
    return result_of(site.domain.follows.follow(site.viewer("ada"), account(site, user).id))


def unfollow(site: SiteFixture, user: RemoteUser) -> Relationship:
    return result_of(site.domain.follows.unfollow(site.viewer("ada"), account(site, user).id))


def between(site: SiteFixture, user: RemoteUser) -> str:
    [found] = result_of(site.domain.relationships.between(site.viewer("ada"), [account(site, user).id]))
    return "following" if found.following else "requested" if found.requested else "none"


def sent(outbound: OutboundFixture, kind: str) -> SentActivity:
    [found] = [activity for activity in outbound.run() if activity.kind == kind]
    return found


def nameless(activity: Any) -> dict[str, Any]:
    return {name: value for name, value in activity.items() if name not in ("id", "@context")}


def embedded(document: Any) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "@context"}


def test_a_follow_waits_for_the_answer_of_the_other_server(site: SiteFixture, bo: RemoteUser, outbound: OutboundFixture) -> None:
    relationship = follow(site, bo)
    assert (relationship.following, relationship.requested) == (False, True)
    activity = sent(outbound, "follow")
    assert activity.inboxes == [f"{bo.id}/inbox"]
    document = activity.document
    assert (document["type"], document["actor"], document["object"]) == ("Follow", ADA, bo.id)
    bo.do("Accept", embedded(document))
    assert between(site, bo) == "following"
    assert (account(site, bo).followers_count, make.reload(site.cursor, site.viewer("ada")).following_count) == (1, 1)
    assert fetch_all(site.cursor, str, "select kind from notifications") == []
    assert outbound.run() == []


ANSWERS = ("by id", "embedded", "without id", "with another id", "with an embedded actor")


@pytest.mark.parametrize("how", ANSWERS)
@pytest.mark.parametrize("kind", ["Accept", "Reject"])
def test_answers_in_every_form(site: SiteFixture, bo: RemoteUser, outbound: OutboundFixture, how: str, kind: str) -> None:
    follow(site, bo)
    document = embedded(sent(outbound, "follow").document)
    answered: Any = {
        "by id": document["id"],
        "embedded": document,
        "without id": nameless(document),
        "with another id": {**document, "id": f"{bo.id}#received/1"},
        "with an embedded actor": {**document, "object": bo.document()},
    }[how]
    bo.do(kind, answered)
    assert between(site, bo) == ("following" if kind == "Accept" else "none")


@pytest.mark.parametrize("kind", ["Reject", "Undo"])
def test_the_followee_can_end_a_follow(site: SiteFixture, bo: RemoteUser, outbound: OutboundFixture, kind: str) -> None:
    follow(site, bo)
    document = embedded(sent(outbound, "follow").document)
    accept = bo.do("Accept", document)
    bo.do(kind, document if kind == "Reject" else embedded(accept))
    assert between(site, bo) == "none"
    assert account(site, bo).followers_count == 0
    assert outbound.run() == []  # its server knows


def test_only_the_followee_answers(site: SiteFixture, bo: RemoteUser, outbound: OutboundFixture, internet: Internet) -> None:
    follow(site, bo)
    document = embedded(sent(outbound, "follow").document)
    eve = RemoteUser(site, internet, "eve", "e.example")
    for answered in (document["id"], document, nameless(document), {**document, "object": eve.id}):
        eve.do("Accept", answered)
        eve.do("Reject", answered)
    assert between(site, bo) == "requested"
    assert between(site, eve) == "none"


def test_an_answer_to_an_earlier_follow_changes_nothing(site: SiteFixture, bo: RemoteUser, outbound: OutboundFixture) -> None:
    follow(site, bo)
    earlier = embedded(sent(outbound, "follow").document)
    unfollow(site, bo)
    follow(site, bo)
    bo.do("Accept", earlier)
    assert between(site, bo) == "requested"
    later = embedded(sent(outbound, "follow").document)
    bo.do("Accept", later)
    bo.do("Reject", earlier)
    assert between(site, bo) == "following"


def test_an_answer_nobody_asked_for_makes_nobody_follow(site: SiteFixture, bo: RemoteUser) -> None:
    bo.do("Accept", {"type": "Follow", "actor": ADA, "object": bo.id})
    bo.do("Accept", f"{ADA}#follows/1")
    assert between(site, bo) == "none"
    stored = bo.deliver(bo.activity("Accept", "https://c.example/follows/1"))
    assert (stored, run_effects(site)) == (202, 0)


@pytest.mark.parametrize("accepted", [True, False])
def test_a_follow_or_request_is_undone_under_its_id(site: SiteFixture, bo: RemoteUser, outbound: OutboundFixture, accepted: bool) -> None:
    follow(site, bo)
    document = embedded(sent(outbound, "follow").document)
    if accepted:
        bo.do("Accept", document)
    relationship = unfollow(site, bo)
    assert not relationship.following
    assert not relationship.requested
    undo = sent(outbound, "undo_follow")
    assert undo.document["object"] == document
    assert undo.inboxes == [f"{bo.id}/inbox"]
    assert unfollow(site, bo) == relationship
    assert outbound.run() == []


@pytest.mark.parametrize("how", ["removed", "blocked"])
def test_an_ended_follow_does_not_come_back_when_a_later_one_is_undone(site: SiteFixture, bo: RemoteUser, how: str) -> None:
    def followers() -> int:
        return make.reload(site.cursor, site.viewer("ada")).followers_count

    ada, other = site.viewer("ada"), account(site, bo).id
    bo.do("Follow", ADA)
    assert followers() == 1
    if how == "removed":
        result_of(site.domain.follows.remove_follower(ada, other))
    else:
        result_of(site.domain.relationships.block(ada, other))
        result_of(site.domain.relationships.unblock(ada, other))
    assert followers() == 0
    again = bo.do("Follow", ADA)
    assert followers() == 1
    bo.do("Undo", embedded(again))
    assert followers() == 0


def test_a_block_undoes_the_follow(site: SiteFixture, bo: RemoteUser, outbound: OutboundFixture) -> None:
    follow(site, bo)
    outbound.run()
    result_of(Relationships(site.database, lambda: make.NOW).block(site.viewer("ada"), account(site, bo).id))
    assert [activity.kind for activity in outbound.run()] == ["undo_follow", "block"]


def test_asking_twice_sends_one_request(site: SiteFixture, bo: RemoteUser, outbound: OutboundFixture) -> None:
    follow(site, bo)
    assert follow(site, bo).requested
    assert [activity.kind for activity in outbound.run()] == ["follow"]
