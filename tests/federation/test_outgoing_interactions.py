"""What other servers are told of favourites, boosts, votes and pins of people here, and of the polls of people here."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.domain.accounts import Accounts
from microblog.domain.interactions import Interactions
from microblog.domain.polls import COUNTS_DELAY, COUNTS_JOB, Polls
from microblog.domain.search import SearchService
from microblog.domain.tags import HashtagService
from microblog.model.accounts import Account, Viewer
from microblog.model.ids import PollId
from microblog.model.polls import PollDraft
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.model.remote_posts import PostPoll
from microblog.storage import polls, posts, remote_posts
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.federation.outgoing import SITE, OutboundFixture, SentActivity, remote_actor, remote_follower
from tests.make import NOW


@pytest.fixture
def outbound(cursor: Cursor) -> OutboundFixture:
    return OutboundFixture(cursor)


@pytest.fixture
def ada(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ada")


@pytest.fixture
def bo(cursor: Cursor) -> Account:
    """Return an account of another server."""
    return remote_actor(cursor, "b.example", "bo")


@pytest.fixture
def interactions(db: RolledBackDatabase) -> Interactions:
    return Interactions(db, lambda: NOW)


def poll_service(db: RolledBackDatabase, *, federates: bool = True) -> Polls:
    return Polls(db, lambda: NOW, federates)


def poll_of(cursor: Cursor, post: Post) -> PollId:
    found = posts.by_ids(cursor, [post.id])[post.id].poll
    assert found is not None
    return found.id


def remote_poll(cursor: Cursor, author: Account, *, multiple: bool = False) -> Post:
    """Store a poll of another server: tea, coffee, water."""
    post = make.remote_post(cursor, author, "Which?")
    stored = PostPoll(("tea", "coffee", "water"), (5, 2, 0), 7, multiple, NOW + timedelta(days=1))
    assert remote_posts.set_poll(cursor, post=post.id, poll=stored, now=NOW) is not None
    return posts.by_ids(cursor, [post.id])[post.id]


def ask(db: RolledBackDatabase, who: Viewer, visibility: Visibility = Visibility.PUBLIC) -> Post:
    draft = PostDraft("Which?", visibility, poll=PollDraft(("tea", "coffee"), 3600))
    return result_of(make.post_service(db).publish(who, draft))


def brief(sent: list[SentActivity]) -> list[tuple[str, str, list[str]]]:
    return [(each.document["type"], each.kind, each.inboxes) for each in sent]


# --- Favourites and boosts


def test_a_favourite_elsewhere_is_sent_and_taken_back(
    cursor: Cursor, ada: Viewer, bo: Account, interactions: Interactions, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada, "c.example", name="cy")
    post = make.remote_post(cursor, bo)
    for _ in range(2):
        result_of(interactions.favourite(ada, post.id))
    sent = outbound.one()
    assert brief([sent]) == [("Like", "like", ["https://b.example/users/bo/inbox"])]
    assert (sent.document["actor"], sent.document["object"], sent.document["to"]) == (SITE.actor("ada"), post.uri, [bo.uri])
    for _ in range(2):
        result_of(interactions.unfavourite(ada, post.id))
    undone = outbound.one()
    assert brief([undone]) == [("Undo", "undo_like", ["https://b.example/users/bo/inbox"])]
    assert undone.document["object"] == {key: value for key, value in sent.document.items() if key != "@context"}


def test_each_favourite_has_an_id_of_its_own(
    ada: Viewer, bo: Account, interactions: Interactions, outbound: OutboundFixture, cursor: Cursor
) -> None:
    post = make.remote_post(cursor, bo)
    result_of(interactions.favourite(ada, post.id))
    result_of(interactions.unfavourite(ada, post.id))
    result_of(interactions.favourite(ada, post.id))
    assert len({sent.document["id"] for sent in outbound.run()}) == 3


def test_a_boost_elsewhere_is_sent_to_the_author_and_taken_back(
    cursor: Cursor, ada: Viewer, bo: Account, interactions: Interactions, outbound: OutboundFixture
) -> None:
    post = make.remote_post(cursor, bo)
    result_of(interactions.boost(ada, post.id))
    sent = outbound.one()
    assert (sent.document["type"], sent.document["object"], sent.hosts) == ("Announce", post.uri, ["b.example"])
    result_of(interactions.unboost(ada, post.id))
    undone = outbound.one()
    assert (undone.document["type"], undone.document["object"]["id"], undone.hosts) == ("Undo", sent.document["id"], ["b.example"])


def test_bookmarks_mutes_and_favourites_here_tell_nobody(
    cursor: Cursor, ada: Viewer, bo: Account, interactions: Interactions, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada, "c.example")
    far, near = make.remote_post(cursor, bo), make.post(cursor, make.viewer(cursor))
    for command in (interactions.bookmark, interactions.unbookmark, interactions.mute_thread, interactions.unmute_thread):
        result_of(command(ada, far.id))
    result_of(interactions.favourite(ada, near.id))
    assert outbound.run() == []


# --- Votes


def test_each_vote_elsewhere_is_one_note_to_the_author(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, bo: Account, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada, "c.example")
    post = remote_poll(cursor, bo, multiple=True)
    voted = result_of(poll_service(db).vote(ada, poll_of(cursor, post), [0, 2]))
    assert voted.poll is not None
    assert (voted.poll.counts, voted.poll.voters) == ((6, 2, 1), 8)
    sent = outbound.run()
    assert brief(sent) == [("Create", "vote", ["https://b.example/users/bo/inbox"])] * 2
    notes = [each.document["object"] for each in sent]
    assert [note["name"] for note in notes] == ["tea", "water"]
    assert len({note["id"] for note in notes}) == len({each.document["id"] for each in sent}) == 2
    for note, each in zip(notes, sent, strict=True):
        assert "content" not in note
        assert (note["inReplyTo"], note["attributedTo"], note["to"]) == (post.uri, SITE.actor("ada"), [bo.uri])
        assert each.document["to"] == [bo.uri]


def test_a_refetched_poll_still_counts_the_votes_from_here(cursor: Cursor, db: RolledBackDatabase, ada: Viewer, bo: Account) -> None:
    post = remote_poll(cursor, bo)
    result_of(poll_service(db).vote(ada, poll_of(cursor, post), [2]))
    for counts in ((5, 2, 0), (9, 4, 1)):  # the first one does not know of the vote
        stored = PostPoll(("tea", "coffee", "water"), counts, sum(counts), False, NOW + timedelta(days=1))
        remote_posts.set_poll(cursor, post=post.id, poll=stored, now=NOW)
        found = posts.by_ids(cursor, [post.id])[post.id].poll
        assert found is not None
        assert (found.counts, found.voters) == ((counts[0], counts[1], 1), sum(counts))
    assert posts.flags(cursor, posts=[post.id], viewer=ada.id)[post.id].votes == (2,)


# --- Polls of people here


def test_votes_are_told_once_some_minutes_later_to_everybody_who_has_the_poll(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, bo: Account, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada, "followers.example")
    post = ask(db, ada)
    assert outbound.one().document["object"]["type"] == "Question"
    service, poll = poll_service(db), poll_of(cursor, post)
    result_of(service.vote(make.viewer(cursor), poll, [0]))
    result_of(service.vote(Viewer(bo), poll, [1]))
    assert outbound.run() == []
    cursor.execute("select payload, due_at from jobs where kind = %s", [COUNTS_JOB])
    assert cursor.fetchall() == [({"poll": str(poll)}, NOW + COUNTS_DELAY)]
    result_of(service.send_counts(poll, lambda cursor: None))
    sent = outbound.one()
    assert (sent.document["type"], sent.hosts) == ("Update", ["b.example", "followers.example"])
    question = sent.document["object"]
    assert [(option["name"], option["replies"]["totalItems"]) for option in question["oneOf"]] == [("tea", 1), ("coffee", 1)]
    assert question["votersCount"] == 2
    assert "updated" not in question
    assert "closed" not in question


def test_the_end_of_a_poll_is_told_to_voters_too(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, bo: Account, outbound: OutboundFixture
) -> None:
    post = ask(db, ada, Visibility.UNLISTED)
    poll = poll_of(cursor, post)
    result_of(poll_service(db).vote(Viewer(bo), poll, [1]))
    polls.set_terms(cursor, poll=poll, hide_totals=False, expires_at=NOW)
    outbound.run()
    result_of(poll_service(db).end(poll))
    sent = outbound.one()
    assert (sent.document["type"], sent.hosts) == ("Update", ["b.example"])
    assert sent.document["object"]["closed"] == sent.document["object"]["endTime"]


def test_a_new_end_of_a_poll_is_told(cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture) -> None:
    remote_follower(cursor, ada)
    post = ask(db, ada)
    outbound.run()
    changed = PostDraft("Which?", poll=PollDraft(("tea", "coffee"), 7200))
    result_of(make.post_service(db).edit(ada, post.id, changed))
    sent = outbound.one()
    assert (sent.document["type"], "updated" in sent.document["object"]) == ("Update", False)
    other = PostDraft("Which?", poll=PollDraft(("tea", "milk"), 7200))
    result_of(make.post_service(db).edit(ada, post.id, other))
    edited = outbound.run()[-1].document["object"]
    assert ([option["name"] for option in edited["oneOf"]], "updated" in edited) == (["tea", "milk"], True)


def test_votes_cost_nothing_more_on_a_site_that_does_not_federate(cursor: Cursor, db: RolledBackDatabase, ada: Viewer) -> None:
    service, poll = poll_service(db, federates=False), poll_of(cursor, ask(db, ada))
    result_of(service.vote(make.viewer(cursor), poll, [0]))
    polls.set_terms(cursor, poll=poll, hide_totals=False, expires_at=NOW)
    result_of(service.end(poll))
    cursor.execute("select count(*) from jobs where kind = %s", [COUNTS_JOB])
    assert cursor.fetchall() == [(0,)]
    cursor.execute("select count(*) from events where kind = 'poll.counted'")
    assert cursor.fetchall() == [(0,)]


def test_a_deleted_poll_has_no_counts_to_send(cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture) -> None:
    remote_follower(cursor, ada)
    post = ask(db, ada)
    poll = poll_of(cursor, post)
    result_of(make.post_service(db).delete(ada, post.id))
    outbound.run()
    result_of(poll_service(db).send_counts(poll, lambda cursor: None))
    assert outbound.run() == []


# --- Pins


def test_pins_are_told_to_followers(cursor: Cursor, ada: Viewer, interactions: Interactions, outbound: OutboundFixture) -> None:
    remote_follower(cursor, ada, "followers.example")
    post = make.post(cursor, ada)
    outbound.run()
    for _ in range(2):
        result_of(interactions.pin(ada, post.id))
    sent = outbound.one()
    assert (sent.document["type"], sent.hosts) == ("Add", ["followers.example"])
    assert (sent.document["object"], sent.document["target"]) == (
        SITE.post("ada", post.id),
        "https://site.test/users/ada/collections/featured",
    )
    for _ in range(2):
        result_of(interactions.unpin(ada, post.id))
    assert outbound.one().document["type"] == "Remove"


def test_a_pinned_post_for_followers_is_not_told(
    cursor: Cursor, ada: Viewer, interactions: Interactions, outbound: OutboundFixture
) -> None:
    remote_follower(cursor, ada)
    post = make.post(cursor, ada, visibility=Visibility.PRIVATE)
    outbound.run()
    result_of(interactions.pin(ada, post.id))
    assert outbound.run() == []


@pytest.mark.parametrize("by_id", [False, True])
def test_featured_hashtags_are_told_to_followers(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, outbound: OutboundFixture, by_id: bool
) -> None:
    remote_follower(cursor, ada, "followers.example")
    service = HashtagService(db, SearchService(db, Accounts(db, "site.test", SITE.url, lambda: NOW), lambda: NOW), lambda: NOW)
    feature = result_of(service.feature(ada, "Tea"))
    result_of(service.feature(ada, "Tea"))
    sent = outbound.one()
    assert (sent.document["type"], sent.hosts) == ("Add", ["followers.example"])
    assert sent.document["object"] == {"type": "Hashtag", "href": "https://site.test/tags/tea", "name": "#Tea"}
    if by_id:
        result_of(service.remove(ada, feature.id))
    else:
        for _ in range(2):
            result_of(service.unfeature(ada, "tea"))
    undone = outbound.one()
    assert (undone.document["type"], undone.document["object"]) == ("Remove", sent.document["object"])
