"""Mentions of accounts that were not known yet when a post was published."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from microblog.domain.posts import Posts
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.domain.remote_mentions import JOB, LateMentions, RemoteMentions
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_posts import RemotePosts
from microblog.federation.resolution import MENTION_SECONDS, Resolution
from microblog.model.accounts import Viewer
from microblog.model.ids import PostId
from microblog.model.jobs import RetryLater
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.storage import posts
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.federation.internet import SITE, Internet, build_fetcher
from tests.federation.outgoing import OutboundFixture, SentActivity, remote_follower
from tests.federation.test_remote_actors import BO, actor, finger, webfinger
from tests.make import NOW

FOLLOWERS_INBOX, INBOX = "https://c.example/inbox", f"{BO}/inbox"
TEXT = "Hello @bo@b.example"


@define
class Author:
    """An author with a follower on c.example. `time` can be advanced, so that failures of other servers are forgotten."""

    cursor: Cursor
    internet: Internet
    clock: Clock = field(factory=Clock)
    time: datetime = NOW
    viewer: Viewer = field(init=False)
    posts: Posts = field(init=False)
    mentions: LateMentions = field(init=False)
    outbound: OutboundFixture = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Build what publishes posts and looks up accounts."""
        db, now = RolledBackDatabase(self.cursor), lambda: self.time
        limits = RateLimiter(MemoryCounter(self.clock.seconds), now, enabled=False)
        actors = RemoteActors(db, build_fetcher(db, self.internet, now), now)
        lookup = Resolution(actors, RemotePosts(SITE, now), limits, self.clock, now)
        self.viewer = make.viewer(self.cursor, "ada")
        self.posts = Posts(db, SITE.host, SITE.url, 500, now, remote_mentions=RemoteMentions(lookup))
        self.mentions = LateMentions(db, lookup, SITE.host, SITE.url, now)
        self.outbound = OutboundFixture(self.cursor)
        remote_follower(self.cursor, self.viewer, "c.example")

    def publish(self, text: str = TEXT, **options: Any) -> Post:
        """Publish a post; other servers have two seconds."""
        return self.soon(self.posts.publish(self.viewer, PostDraft(text, Visibility.PUBLIC, **options)))

    def soon(self, command: Coroutine[Any, Any, Post]) -> Post:
        """Return the result of a command that waits for no other server longer than two seconds."""
        done: list[Post] = []
        Deferred.fromCoroutine(command).addCallback(done.append)
        self.clock.advance(MENTION_SECONDS)
        [post] = done
        return post

    def be_slow_once(self) -> None:
        """Let the server of bo not answer the next request."""
        self.internet.documents[webfinger()] = [Deferred(), *[finger()] * 5]

    def jobs(self) -> list[int]:
        """Return the posts whose mentions are to be looked up."""
        return fetch_all(self.cursor, int, "select (payload->>'post')::bigint from jobs where kind = %(kind)s", {"kind": JOB})

    def run_job(self, post: Post) -> bool:
        """Run the job; return whether it finished."""
        finished: list[Cursor] = []
        try:
            result_of(self.mentions.add(post.id, finished.append))
        except RetryLater:
            assert not finished
            return False
        return bool(finished)

    def post(self, id: PostId) -> Post:
        """Return a post as it is stored."""
        return posts.by_ids(self.cursor, [id])[id]


@pytest.fixture
def author(cursor: Cursor) -> Author:
    return Author(cursor, Internet({BO: actor(url="https://b.example/@bo"), webfinger(): finger()}))


def mentions(sent: SentActivity) -> list[str]:
    return [tag["href"] for tag in sent.document["object"]["tag"] if tag["type"] == "Mention"]


def test_a_post_is_sent_when_a_slow_server_has_named_the_account(author: Author) -> None:
    author.be_slow_once()
    post = author.publish()
    assert (post.mentions, author.jobs(), author.outbound.run()) == ((), [post.id], [])
    assert author.run_job(post)
    sent = author.outbound.one()
    assert (sent.kind, sent.inboxes, mentions(sent)) == ("create", sorted((FOLLOWERS_INBOX, INBOX)), [BO])
    after = author.post(post.id)
    assert [mention.acct for mention in after.mentions] == ["bo@b.example"]
    assert '<a href="https://b.example/@bo"' in after.html
    assert (after.text, after.edited_at) == (TEXT, None)
    assert sent.document["object"]["content"] == after.html
    assert author.run_job(post)
    assert author.outbound.run() == []


def test_a_server_that_is_down_delays_nobody_and_gets_the_post_later(author: Author) -> None:
    author.internet.down.add("b.example")
    post = author.publish()
    assert author.outbound.run() == []
    assert not author.run_job(post)
    sent = author.outbound.one()
    assert (sent.inboxes, mentions(sent)) == ([FOLLOWERS_INBOX], [])
    author.internet.down.clear()
    author.time += timedelta(hours=1)
    assert author.run_job(post)
    sent = author.outbound.run()[-1]
    assert (sent.kind, sent.inboxes, mentions(sent)) == ("create", [INBOX], [BO])


def test_a_name_that_nobody_has_stays_text(author: Author) -> None:
    post = author.publish("Write to nobody@b.example or @nobody@b.example")
    assert author.run_job(post)
    sent = author.outbound.one()
    assert (sent.inboxes, mentions(sent)) == ([FOLLOWERS_INBOX], [])
    assert author.post(post.id) == post


def test_a_direct_post_reaches_the_account_that_it_names(author: Author) -> None:
    author.be_slow_once()
    post = author.publish(TEXT)
    author.cursor.execute("update posts set visibility = 'direct' where id = %s", [post.id])
    assert author.run_job(post)
    assert author.outbound.one().inboxes == [INBOX]


def test_a_post_that_was_deleted_meanwhile_is_sent_to_nobody(author: Author) -> None:
    author.internet.down.add("b.example")
    post = author.publish()
    result_of(author.posts.delete(author.viewer, post.id))
    assert author.run_job(post)
    assert author.outbound.run() == []


def test_an_edit_names_accounts_later_too(author: Author) -> None:
    post = author.publish("Hello")
    assert author.outbound.one().inboxes == [FOLLOWERS_INBOX]
    author.be_slow_once()
    author.soon(author.posts.edit(author.viewer, post.id, PostDraft(TEXT)))
    assert author.jobs() == [post.id]
    assert [(sent.kind, sent.inboxes) for sent in author.outbound.run()] == [("update", [FOLLOWERS_INBOX])]
    assert author.run_job(post)
    assert [(sent.kind, sent.inboxes) for sent in author.outbound.run()] == [("create", [INBOX])]


def test_known_accounts_and_unexpected_ones_are_not_looked_up_later(author: Author) -> None:
    assert [mention.acct for mention in author.publish().mentions] == ["bo@b.example"]
    author.publish("Hello @cy@down.example", allowed=frozenset())
    assert author.jobs() == []
    assert [sent.inboxes for sent in author.outbound.run()] == [sorted((FOLLOWERS_INBOX, INBOX)), [FOLLOWERS_INBOX]]
