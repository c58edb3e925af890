"""Two sites and a server of Fedify, over TLS and with names: followers that are kept alike, reports, and suspended accounts."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.model.ids import AccountId
from tests.acceptance.administration import administrator
from tests.acceptance.federation_sites import find, follow, received, settled, until
from tests.acceptance.named_sites import NamedServers, Person
from tests.acceptance.site_process import SiteProcess

pytestmark = pytest.mark.acceptance


@pytest.fixture
def people(servers: NamedServers) -> tuple[Person, Person, Person]:
    """Ada on one site, and Ben and Cy on the other."""
    return servers.register("a.test", "ada"), servers.register("b.test", "ben"), servers.register("b.test", "cy")


FORGET = """delete from follows where follower_id = (select id from accounts where username = %s)
    and followee_id = (select id from accounts where username = %s)"""


LONG_AGO = """update received_actions set received_at = received_at - interval '1 day'
    where actor_id = (select id from accounts where uri = %s)"""


def follows(who: Person, account: Any) -> bool:
    return bool(who.client.account_relationships(account)[0].following)


async def test_a_follower_whom_the_site_forgot_stops_to_follow(servers: NamedServers, people: tuple[Person, Person, Person]) -> None:
    ada, ben, cy = people
    account = await follow(ben.client, ada.handle)
    await follow(cy.client, ada.handle)
    assert servers.sites["a.test"].change(FORGET, ben.name, ada.name) == 1
    post = ada.client.status_post("For followers", visibility="private")
    await until(lambda: not follows(ben, account))
    await until(lambda: [one.uri for one in cy.client.timeline_home()] == [post.uri])
    await settled(*servers.sites.values())
    assert follows(cy, account)
    assert ben.client.timeline_home() == []


async def test_a_follower_who_stopped_is_told_to_the_site_that_did_not_learn_it(
    servers: NamedServers, people: tuple[Person, Person, Person]
) -> None:
    ada, ben, cy = people
    await follow(ben.client, ada.handle)
    await follow(cy.client, ada.handle)
    assert servers.sites["b.test"].change(FORGET, ben.name, ada.name) == 1
    # An unfollow that names no known follow is put off if there was a follow within an hour.
    assert servers.sites["a.test"].change(LONG_AGO, ben.id) == 1
    assert {one.acct for one in ada.client.account_followers(ada.client.me())} == {ben.handle, cy.handle}
    ada.client.status_post("For followers", visibility="private")
    await until(lambda: {one.acct for one in ada.client.account_followers(ada.client.me())} == {cy.handle})


async def test_the_followers_of_another_implementation_are_compared_too(
    servers: NamedServers, people: tuple[Person, Person, Person]
) -> None:
    _, ben, cy = people
    await servers.peer.control("configure", firstKnock="draft-cavage-http-signatures-12")  # only with this, it signs the header
    account = await follow(ben.client, "bo@c.test")
    await follow(cy.client, "bo@c.test")
    await servers.peer.control("forget", **{"as": "bo"}, actor=ben.id)
    await servers.peer.control("post", **{"as": "bo"}, content="For followers")
    await until(lambda: not follows(ben, account))
    assert follows(cy, account)


async def test_a_forwarded_report_reaches_the_moderators_of_the_other_site(
    servers: NamedServers, people: tuple[Person, Person, Person]
) -> None:
    ada, ben, _ = people
    account = find(ada.client, f"@{ben.handle}")
    post = ben.client.status_post("Rude words")
    found = ada.client.search_v2(post.uri, resolve=True).statuses[0]
    ada.client.report(account, status_ids=[found], comment="Please look at this", forward=True, category="spam")
    assert await until(lambda: reported(servers.sites["b.test"], ben)) == [("a.test", "Please look at this", [int(post.id)])]


def reported(site: SiteProcess, who: Person) -> list[tuple[Any, ...]]:
    """Return the reports of other servers about somebody at a site."""
    sql = """select b.host, r.comment, r.post_ids from reports r join accounts a on a.id = r.target_id
        join accounts b on b.id = r.account_id where b.host is not null and a.username = %s order by r.id"""
    return site.query(sql, who.name)


async def test_a_report_to_another_implementation_comes_from_the_site(servers: NamedServers, people: tuple[Person, Person, Person]) -> None:
    ada, _, _ = people
    await servers.peer.control("configure")
    account = find(ada.client, "@bo@c.test")
    ada.client.report(account, comment="Please look at this", forward=True)
    flag = await received(servers.peer, "Flag")
    assert (flag["actor"], flag["content"], flag["object"]) == ("https://a.test/actor", "Please look at this", account.uri)
    assert ada.name not in str(flag)


async def test_a_suspended_account_loses_its_follows_on_both_sites(servers: NamedServers, people: tuple[Person, Person, Person]) -> None:
    ada, ben, _ = people
    account = await follow(ada.client, ben.handle)
    await follow(ben.client, ada.handle)
    post = ben.client.status_post("Seen for a while")
    await until(lambda: post.uri in [one.uri for one in ada.client.timeline_home()])
    with administrator(servers.sites["a.test"]) as services:
        await services.accounts_elsewhere.suspend(AccountId(int(account.id)))
    await until(lambda: ada.client.timeline_home() == [])
    await until(lambda: ben.client.account_followers(ben.client.me()) == [])
    await until(lambda: ben.client.account_following(ben.client.me()) == [])
    await until(lambda: "severed_relationships" in [one.type for one in ada.client.notifications()])
    ben.client.status_post("Not seen", visibility="public")
    await settled(*servers.sites.values())
    with administrator(servers.sites["a.test"]) as services:
        await services.accounts_elsewhere.restore(AccountId(int(account.id)))
    await until(lambda: [one.uri for one in ada.client.account_statuses(account)] == [post.uri])


async def test_a_blocked_domain_is_cut_off_for_one_member(servers: NamedServers, people: tuple[Person, Person, Person]) -> None:
    ada, ben, cy = people
    await follow(ben.client, ada.handle)
    account = await follow(ada.client, cy.handle)
    ada.client.domain_block("b.test")
    await until(lambda: ben.client.account_following(ben.client.me()) == [])
    await until(lambda: cy.client.account_followers(cy.client.me()) == [])
    again = find(ben.client, f"@{ada.handle}")
    ben.client.account_follow(again)
    await until(lambda: not ben.client.account_relationships(again)[0].requested)
    assert not follows(ben, again)
    post = cy.client.status_post(f"@{ada.handle} hello?")
    await until(lambda: [one.uri for one in ada.client.account_statuses(account)] == [post.uri])
    await settled(*servers.sites.values())
    assert [one.type for one in ada.client.notifications()] == ["severed_relationships"]
    assert [one.uri for one in ada.client.timeline_public(remote=True) if one.account.acct.endswith("@b.test")] == []
    ada.client.domain_unblock("b.test")
    await follow(ben.client, ada.handle)
    assert [one.type for one in ada.client.notifications()] == ["follow", "severed_relationships"]
