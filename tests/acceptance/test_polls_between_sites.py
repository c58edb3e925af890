"""Two started sites with databases of their own: polls, pinned posts and featured hashtags of one on the other."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.acceptance.federation_sites import follow, until
from tests.acceptance.named_sites import NamedServers, Person

pytestmark = pytest.mark.acceptance


def votes(poll: Any) -> list[int]:
    return [option.votes_count for option in poll.options]


def is_told_of_the_end(person: Person) -> bool:
    return "poll" in [each.type for each in person.client.notifications()]


async def test_a_poll_is_voted_in_counted_and_ended_across_sites(people: tuple[Person, Person], servers: NamedServers) -> None:
    ada, ben = people
    await follow(ben.client, ada.handle)
    post = ada.client.status_post("Tea?", poll=ada.client.make_poll(["yes", "no"], expires_in=3600))
    found = await until(lambda: next((each for each in ben.client.timeline_home() if each.uri == post.uri), None))
    assert ([each.title for each in found.poll.options], votes(found.poll), found.poll.expired) == (["yes", "no"], [0, 0], False)
    assert votes(ben.client.poll_vote(found.poll, [0])) == [1, 0]
    await until(lambda: votes(ada.client.status(post).poll) == [1, 0])
    carl, site = servers.register(ada.host, "carl"), servers.sites[ada.host]
    carl.client.poll_vote(post.poll, [1])
    assert site.change("update jobs set due_at = now() where kind = 'federation.poll_counts' and state = 'waiting'")
    await until(lambda: votes(ben.client.status(found).poll) == [1, 1])
    assert ben.client.status(found).poll.voters_count == 2

    poll = int(post.poll.id)
    assert site.change("update polls set expires_at = now() where id = %s", poll)
    assert site.change("update jobs set due_at = now() where kind = 'poll.close' and payload->>'poll' = %s", str(poll))
    for voter, shown in ((ben, found), (carl, post), (ada, post)):
        await until(partial(is_told_of_the_end, voter))
        assert voter.client.status(shown).poll.expired
    assert [each.type for each in ada.client.notifications() if each.type not in ("follow", "poll")] == []


async def test_several_choices_are_sent_one_by_one(people: tuple[Person, Person]) -> None:
    ada, ben = people
    await follow(ben.client, ada.handle)
    post = ada.client.status_post("Which?", poll=ada.client.make_poll(["a", "b", "c"], expires_in=3600, multiple=True))
    found = await until(lambda: next((each for each in ben.client.timeline_home() if each.uri == post.uri), None))
    ben.client.poll_vote(found.poll, [0, 2])
    await until(lambda: votes(ada.client.status(post).poll) == [1, 0, 1])
    assert ada.client.status(post).poll.voters_count == 1


async def test_pinned_posts_and_featured_hashtags_are_seen_elsewhere(people: tuple[Person, Person], servers: NamedServers) -> None:
    ada, ben = people
    old = ada.client.status_post("Pinned before anybody followed")
    ada.client.status_pin(old)
    account = await follow(ben.client, ada.handle)

    def pinned() -> list[str]:
        return [each.uri for each in ben.client.account_statuses(account, pinned=True)]

    await until(lambda: pinned() == [old.uri])  # read as the follow was accepted
    new = ada.client.status_post("Pinned now, about #oolong")
    ada.client.status_pin(new)
    await until(lambda: pinned() == [new.uri, old.uri])
    ada.client.status_unpin(old)
    await until(lambda: pinned() == [new.uri])
    feature = ada.client.featured_tag_create("oolong")
    await until(lambda: [each.name for each in ben.client.account_featured_tags(account)] == ["oolong"])
    ada.client.featured_tag_delete(feature)
    await until(lambda: ben.client.account_featured_tags(account) == [])
