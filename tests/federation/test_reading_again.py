"""Polls of other servers, which are read again when somebody looks, and their ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from microblog.federation.featured import FEATURED_JOB
from microblog.federation.reading_again import POLL_JOB, ReadingAgain
from microblog.model.accounts import Viewer
from microblog.model.polls import Poll
from microblog.model.posts import Post
from microblog.model.remote_requests import RemoteResponse
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import result_of
from tests.federation.documents import activity
from tests.federation.remote_side import BO, RemoteSide, known_actor, local, naming, note, service
from tests.make import NOW

URI = note()["id"]
END = NOW + timedelta(days=1)


def question(*votes: int, several: bool = False, **changes: Any) -> dict[str, Any]:
    """Return a poll with as many options as there are numbers of votes."""
    options = [
        {"type": "Note", "name": f"choice {place}", "replies": {"type": "Collection", "totalItems": count}}
        for place, count in enumerate(votes)
    ]
    return note(**{"type": "Question", "anyOf" if several else "oneOf": options, "endTime": END.isoformat(), **changes})


def poll_of(post: Post | None) -> Poll:
    assert post is not None
    assert post.poll is not None
    return post.poll


@define
class Looker:
    """Somebody here who looks at things of b.example."""

    side: RemoteSide
    viewer: Viewer
    clock: Clock = field(factory=Clock)

    @property
    def reading(self) -> ReadingAgain:
        return ReadingAgain(self.side.effects.featured, self.clock)

    @property
    def poll(self) -> Poll:
        return poll_of(self.side.post(URI))

    async def ask(self) -> bool:
        """Ask for the votes."""
        post = self.side.post(URI)
        assert post is not None
        return await self.reading.poll_asked(self.viewer, post)

    def waiting(self, kind: str = POLL_JOB) -> list[dict[str, str]]:
        """Return what waiting jobs of a kind are about."""
        return [payload for (payload,) in self.side.rows(f"select payload from jobs where kind = '{kind}'")]

    async def run_jobs(self) -> None:
        """Read what waits to be read."""
        for payload in self.waiting():
            post = self.side.post(URI)
            assert post is not None
            assert payload == {"post": str(post.id), "viewer": str(self.viewer.id)}
            await self.reading.read_poll(post.id, self.viewer.id, lambda cursor: None)
        self.side.cursor.execute("delete from jobs")


@pytest.fixture
def side(cursor: Cursor) -> RemoteSide:
    return service(cursor)


@pytest.fixture
def looker(side: RemoteSide, cursor: Cursor) -> Looker:
    result_of(side.created(question(3, 1)))
    cursor.execute("delete from jobs")
    return Looker(side, make.viewer(cursor))


async def test_a_poll_is_read_at_most_every_five_minutes(side: RemoteSide, looker: Looker) -> None:
    side.internet.documents[URI] = question(5, 2)
    assert await looker.ask()
    assert looker.poll.counts == (5, 2)
    side.internet.documents[URI] = question(6, 2)
    assert not await looker.ask()
    side.time = NOW + timedelta(minutes=5, seconds=1)
    assert await looker.ask()
    assert looker.poll.counts == (6, 2)
    assert side.internet.asked == [URI, URI]


async def test_a_look_at_the_post_has_it_read_by_a_job(side: RemoteSide, looker: Looker) -> None:
    side.internet.documents[URI] = question(5, 2)
    post = side.post(URI)
    assert post is not None
    for _ in range(2):
        assert await looker.reading.poll_viewed(looker.viewer, post) == NOW + timedelta(minutes=5)
    assert side.internet.asked == []
    await looker.run_jobs()
    assert looker.poll.counts == (5, 2)
    await looker.reading.poll_viewed(looker.viewer, post)
    assert looker.waiting() == []


async def test_a_slow_server_does_not_delay_who_asks(side: RemoteSide, looker: Looker) -> None:
    answer: Deferred[RemoteResponse] = Deferred()
    side.internet.documents[URI] = answer
    asked = Deferred.fromCoroutine(looker.ask())
    looker.clock.advance(2.1)
    assert await asked is False
    assert looker.poll.counts == (3, 1)
    side.internet.documents[URI] = question(5, 2)
    await looker.run_jobs()
    assert looker.poll.counts == (5, 2)


async def test_after_its_end_a_poll_is_read_once_more(side: RemoteSide, looker: Looker) -> None:
    side.internet.documents[URI] = question(5, 2)
    assert await looker.ask()
    side.time = END + timedelta(hours=1)
    post = side.post(URI)
    assert post is not None
    side.internet.documents[URI] = question(8, 2, closed=END.isoformat())
    assert await looker.reading.poll_viewed(looker.viewer, post) is None
    await looker.run_jobs()
    assert looker.poll.counts == (8, 2)
    side.time = END + timedelta(days=7)
    assert not await looker.ask()


async def test_a_server_that_does_not_respond_changes_nothing_and_is_left_alone(side: RemoteSide, looker: Looker) -> None:
    side.internet.down.add("b.example")
    assert await looker.ask()
    assert looker.poll.counts == (3, 1)
    assert not await looker.ask()


async def test_only_the_authors_own_document_counts(side: RemoteSide, looker: Looker) -> None:
    side.internet.documents[URI] = question(500, 2, attributedTo="https://b.example/users/eve")
    await looker.ask()
    assert looker.poll.counts == (3, 1)


async def test_a_poll_that_is_gone_is_deleted(side: RemoteSide, looker: Looker) -> None:
    side.internet.documents[URI] = RemoteResponse(410, {}, b"")
    await looker.ask()
    assert side.post(URI) is None


async def test_a_poll_for_followers_is_fetched_in_the_name_of_who_looks(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    hidden = question(3, 1, to=[f"{BO}/followers"], cc=[local(ada)], tag=naming(ada))
    await side.created(hidden)
    side.internet.documents[URI] = question(4, 1, to=hidden["to"], cc=hidden["cc"])
    await Looker(side, ada).ask()
    [request] = side.internet.requests
    assert f'keyId="{local(ada)}#main-key"' in request.headers["Signature"]
    assert poll_of(side.post(URI)).counts == (4, 1)


async def test_the_pins_of_a_profile_are_read_when_somebody_looks_once_a_day(side: RemoteSide, looker: Looker) -> None:
    bo = known_actor(side.cursor)
    for _ in range(2):
        await looker.reading.profile_viewed(bo)
    assert looker.waiting(FEATURED_JOB) == [{"account": str(bo.id)}]
    side.cursor.execute("delete from jobs")
    await side.effects.featured.read(bo.id, lambda cursor: None)
    await looker.reading.profile_viewed(bo)
    assert looker.waiting(FEATURED_JOB) == []


# --- Updates from the server


async def test_an_update_brings_counts_without_an_edit(side: RemoteSide, looker: Looker) -> None:
    await side.receive(activity("Update", question(9, 4, votersCount=12), id=f"{URI}#updates/1"))
    post = side.post(URI)
    assert (looker.poll.counts, looker.poll.voters) == ((9, 4), 12)
    assert post is not None
    assert post.edited_at is None
    assert "post.edited" not in side.events()


@pytest.mark.parametrize("changes", [{"closed": True}, {"closed": NOW.isoformat()}, {"endTime": NOW.isoformat()}])
async def test_a_poll_that_is_closed_early_ends_for_its_voters(side: RemoteSide, looker: Looker, changes: dict[str, Any]) -> None:
    polls = side.effects.posts.polls
    await polls.vote(looker.viewer, looker.poll.id, [0])
    side.time = NOW + timedelta(minutes=1)
    for number in range(2):
        await side.receive(activity("Update", question(9, 4, **changes), id=f"{URI}#updates/{number}"))
        side.time += timedelta(minutes=1)
    assert looker.poll.ended(side.time)
    assert looker.waiting("poll.close") == [{"poll": str(looker.poll.id)}]
    await polls.end(looker.poll.id)
    post = side.post(URI)
    assert post is not None
    assert side.told(looker.viewer) == [("poll", post.id)]
    assert side.rows("select from notifications") == [()]  # the author is on another server


async def test_an_edit_that_changes_the_options_makes_votes_void(side: RemoteSide, looker: Looker) -> None:
    await side.effects.posts.polls.vote(looker.viewer, looker.poll.id, [0])
    edited = question(0, 0, 0, updated=(NOW + timedelta(minutes=1)).isoformat())
    side.time = NOW + timedelta(minutes=2)
    await side.receive(activity("Update", edited, id=f"{URI}#updates/1"))
    assert looker.poll.counts == (0, 0, 0)
    await side.effects.posts.polls.vote(looker.viewer, looker.poll.id, [2])
    assert looker.poll.counts == (0, 0, 1)


async def test_five_hundred_options_are_kept_and_more_are_not(side: RemoteSide, cursor: Cursor) -> None:
    await side.created(question(*range(600), several=True))
    poll = poll_of(side.post(URI))
    assert (len(poll.options), poll.multiple) == (500, True)
    voted = await side.effects.posts.polls.vote(make.viewer(cursor), poll.id, range(500))
    assert poll_of(voted).counts == tuple(range(1, 501))


async def test_a_poll_without_an_end_is_open(side: RemoteSide) -> None:
    await side.created(question(1, 2, endTime=None))
    poll = poll_of(side.post(URI))
    assert poll.is_endless
    assert not poll.ended(NOW + timedelta(days=10_000))


async def test_votes_that_are_not_told_before_the_end_are_hidden(side: RemoteSide, looker: Looker) -> None:
    secret = question(0, 0, votersCount=9)
    for option in secret["oneOf"]:
        option["replies"] = {"type": "Collection"}
    await side.receive(activity("Update", secret, id=f"{URI}#updates/1"))
    assert (looker.poll.shows_totals(NOW), looker.poll.voters) == (False, 9)
    side.time = END
    await side.receive(activity("Update", question(7, 2, closed=END.isoformat()), id=f"{URI}#updates/2"))
    assert (looker.poll.shows_totals(END), looker.poll.counts) == (True, (7, 2))


async def test_a_post_without_a_time_gets_new_counts_too(side: RemoteSide) -> None:
    await side.created(question(3, 1, published=None))
    side.time = NOW + timedelta(minutes=1)
    await side.receive(activity("Update", question(4, 1, published=None), id=f"{URI}#updates/1"))
    post = side.post(URI)
    assert (poll_of(post).counts, post.edited_at if post else NOW) == ((4, 1), None)
