"""Polls: rules for voting, and notifications of the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from attrs import define, evolve, field

from microblog.domain import notify
from microblog.domain.caching.flags_cache import FlagsCache
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.notifications import NotificationQuery, Notifications
from microblog.domain.polls import END_JOB, Polls
from microblog.domain.posts import Posts
from microblog.jobs import post_jobs
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import PollId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.polls import Poll, PollDraft
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.storage import jobs
from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, WallClock

P = ParamSpec("P")
T = TypeVar("T")
ASKED = PollDraft(("Tea", "Coffee", "Water"), 600)


@pytest.fixture
def clock() -> WallClock:
    return WallClock(make.NOW)


@pytest.fixture
def polls(db: RolledBackDatabase, clock: WallClock) -> Polls:
    return Polls(db, clock)


@pytest.fixture
def posts(db: RolledBackDatabase, clock: WallClock) -> Posts:
    return evolve(make.post_service(db), now=clock)


def poll_of(post: Post) -> Poll:
    assert post.poll is not None
    return post.poll


async def ask(posts: Posts, viewer: Viewer, visibility: Visibility = Visibility.PUBLIC, **changes: Any) -> PollId:
    asked = evolve(ASKED, **changes)
    return poll_of(await posts.publish(viewer, PostDraft("What would you like?", visibility, poll=asked))).id


async def run_due_jobs(polls: Polls, cursor: Cursor, clock: WallClock) -> None:
    """Run due poll jobs."""
    for job in jobs.claim(cursor, kinds=[END_JOB], worker="w", lease_until=clock() + timedelta(hours=1), now=clock(), limit=10):
        await post_jobs.poll_tasks(polls)[END_JOB](job)


async def notified(db: RolledBackDatabase, viewer: Viewer) -> list[NotificationKind]:
    return [one.kind for one in await Notifications(db, lambda: make.NOW).page(viewer, NotificationQuery(Page()))]


async def test_vote_counters_change_with_the_vote(polls: Polls, posts: Posts, cursor: Cursor, db: RolledBackDatabase) -> None:
    ada, bob, cleo = make.viewer(cursor), make.viewer(cursor), make.viewer(cursor)
    poll = await ask(posts, ada)
    before = poll_of(await polls.one(None, poll))
    assert (before.counts, before.voters) == ((0, 0, 0), 0)
    first = await polls.vote(bob, poll, [1])
    assert poll_of(await polls.vote(cleo, poll, [1])).counts == (0, 2, 0)
    assert first.version != (await polls.one(None, poll)).version
    flags = await FlagsCache(db, InvalidationLog(db)).of(bob, [first])
    assert flags[first.id].votes == (1,)
    assert (await FlagsCache(db, InvalidationLog(db)).of(ada, [first]))[first.id].votes == ()


async def test_several_choices_count_as_one_voter(polls: Polls, posts: Posts, cursor: Cursor) -> None:
    poll = await ask(posts, make.viewer(cursor), multiple=True)
    voted = poll_of(await polls.vote(make.viewer(cursor), poll, [2, 0, 2]))
    assert (voted.counts, voted.votes, voted.voters) == ((1, 0, 1), 2, 1)


async def test_a_single_choice_poll_takes_one_vote_per_account(polls: Polls, posts: Posts, cursor: Cursor) -> None:
    bob = make.viewer(cursor)
    poll = await ask(posts, make.viewer(cursor))
    await polls.vote(bob, poll, [0])
    for choice in (0, 1):
        with pytest.raises(Invalid, match=r"^Validation failed: You have already voted on this poll$"):
            await polls.vote(bob, poll, [choice])
    assert poll_of(await polls.one(None, poll)).votes == 1


async def test_further_choices_are_added_while_the_poll_is_open_and_count_one_voter(
    polls: Polls, posts: Posts, cursor: Cursor, clock: WallClock, db: RolledBackDatabase
) -> None:
    bob, cleo = make.viewer(cursor), make.viewer(cursor)
    poll = await ask(posts, make.viewer(cursor), multiple=True)
    await polls.vote(bob, poll, [1])
    await polls.vote(cleo, poll, [1])
    post = await polls.vote(bob, poll, [2])
    assert (poll_of(post).counts, poll_of(post).voters) == ((0, 2, 1), 2)
    assert (await FlagsCache(db, InvalidationLog(db)).of(bob, [post]))[post.id].votes == (1, 2)
    clock.advance(seconds=600)
    with pytest.raises(Invalid, match="The poll has already ended"):
        await polls.vote(bob, poll, [0])


@pytest.mark.parametrize("choices", [[1], [0, 1], [1, 2]])
async def test_a_vote_with_a_repeated_option_changes_nothing(polls: Polls, posts: Posts, cursor: Cursor, choices: list[int]) -> None:
    bob = make.viewer(cursor)
    poll = await ask(posts, make.viewer(cursor), multiple=True)
    await polls.vote(bob, poll, [1])
    with pytest.raises(Invalid, match=r"^Validation failed: You have already voted on this poll$"):
        await polls.vote(bob, poll, choices)
    assert (poll_of(await polls.one(None, poll)).counts, poll_of(await polls.one(None, poll)).voters) == ((0, 1, 0), 1)


async def test_two_options_in_a_single_choice_poll_are_refused(polls: Polls, posts: Posts, cursor: Cursor) -> None:
    bob, poll = make.viewer(cursor), await ask(posts, make.viewer(cursor))
    with pytest.raises(Invalid, match="You have already voted"):
        await polls.vote(bob, poll, [0, 1])
    assert poll_of(await polls.one(None, poll)).votes == 0
    await polls.vote(bob, poll, [0])


@pytest.mark.parametrize("choices", [[], [3], [-1], [0, 3], [10**30]])
async def test_only_existing_options_can_be_chosen(polls: Polls, posts: Posts, cursor: Cursor, choices: list[int]) -> None:
    poll = await ask(posts, make.viewer(cursor), multiple=True)
    with pytest.raises(Invalid, match=r"^Validation failed: The chosen vote option does not exist$"):
        await polls.vote(make.viewer(cursor), poll, choices)


async def test_ones_own_poll_and_one_that_has_ended_take_no_votes(polls: Polls, posts: Posts, cursor: Cursor, clock: WallClock) -> None:
    ada = make.viewer(cursor)
    poll = await ask(posts, ada)
    with pytest.raises(Invalid, match="You cannot vote in your own polls"):
        await polls.vote(ada, poll, [0])
    clock.advance(seconds=600)
    with pytest.raises(Invalid, match="The poll has already ended"):
        await polls.vote(make.viewer(cursor), poll, [0])


async def test_a_poll_is_visible_only_with_its_post(polls: Polls, posts: Posts, cursor: Cursor) -> None:
    poll = await ask(posts, make.viewer(cursor), Visibility.PRIVATE)
    stranger = make.viewer(cursor)
    for refused in (polls.one(None, poll), polls.one(stranger, poll), polls.vote(stranger, poll, [0]), polls.one(None, PollId(7))):
        with pytest.raises(NotFound):
            await refused


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"options": ("One",)}, "Poll options must have more than one item"),
        ({"options": ("One", "  ", "")}, "Poll options must have more than one item"),
        ({"options": ("1", "2", "3", "4", "5")}, "Poll options can't contain more than 4 items"),
        ({"options": ("x" * 51, "y")}, "Poll options can't be longer than 50 characters each"),
        ({"options": ("same", " same ")}, "Poll options contain duplicate items"),
        ({"options": ("x" * 1_000_000, "y")}, "too many or too long"),
        ({"options": ("a\0", "y")}, "characters that cannot be stored"),
        ({"seconds": 299}, "Poll expires at is too soon"),
        ({"seconds": 2_629_747}, "Poll expires at is too far into the future"),
        ({"seconds": None}, "Poll expires at can't be blank"),
    ],
)
async def test_an_invalid_poll_is_refused(posts: Posts, cursor: Cursor, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        await ask(posts, make.viewer(cursor), **changes)
    cursor.execute("select count(*) from posts")
    assert cursor.fetchone() == (0,)


async def test_a_poll_needs_text(posts: Posts, cursor: Cursor) -> None:
    with pytest.raises(Invalid, match="Text can't be blank"):
        await posts.publish(make.viewer(cursor), PostDraft("", poll=ASKED))


async def test_author_and_voters_are_notified_once_of_the_end(polls: Polls, posts: Posts, db: RolledBackDatabase, clock: WallClock) -> None:
    ada, bob, cleo = make.viewer(db.cursor), make.viewer(db.cursor), make.viewer(db.cursor)
    poll = await ask(posts, ada)
    await polls.vote(bob, poll, [0])
    clock.advance(seconds=599)
    await run_due_jobs(polls, db.cursor, clock)
    await polls.end(poll)
    assert await notified(db, ada) == []
    clock.advance(seconds=1)
    await run_due_jobs(polls, db.cursor, clock)
    await polls.end(poll)
    assert [await notified(db, viewer) for viewer in (ada, bob, cleo)] == [[NotificationKind.POLL], [NotificationKind.POLL], []]


@define
class CrashingDatabase:
    """A database whose process dies after some commands. Counts the notifications written in each."""

    whole: RolledBackDatabase
    left: int
    notified: list[int] = field(factory=list)

    async def run(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the command, unless the process is dead."""
        if not self.left:
            raise SystemExit
        self.left -= 1
        before = self._count_notifications()
        result = await self.whole.run(f, *args, **kwargs)
        self.notified.append(self._count_notifications() - before)
        return result

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the query."""
        return await self.whole.read(f, *args, **kwargs)

    def _count_notifications(self) -> int:
        return int(fetch_value(self.whole.cursor, "select count(*) from events where kind = 'notified'"))


async def test_voters_are_notified_once_in_batches_even_if_the_process_dies_between(
    polls: Polls, posts: Posts, db: RolledBackDatabase, clock: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "BATCH", 2)
    ada, voters = make.viewer(db.cursor), [make.viewer(db.cursor) for _ in range(6)]
    poll = await ask(posts, ada)
    for voter in voters:
        await polls.vote(voter, poll, [0])
    clock.advance(seconds=600)
    dying = CrashingDatabase(db, 2)
    with pytest.raises(SystemExit):
        await Polls(dying, clock).end(poll)
    assert dying.notified == [3, 2], "the author with the first"
    again = CrashingDatabase(db, 100)
    await Polls(again, clock).end(poll)
    assert again.notified == [0, 0, 2, 0]
    assert [await notified(db, viewer) for viewer in (ada, *voters)] == [[NotificationKind.POLL]] * 7


async def test_the_end_of_a_deleted_poll_notifies_nobody(polls: Polls, posts: Posts, db: RolledBackDatabase, clock: WallClock) -> None:
    ada = make.viewer(db.cursor)
    poll = await ask(posts, ada)
    await posts.delete(ada, (await polls.one(ada, poll)).id)
    clock.advance(seconds=600)
    await run_due_jobs(polls, db.cursor, clock)
    assert await notified(db, ada) == []


async def test_changed_options_reset_the_votes(polls: Polls, posts: Posts, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    poll = await ask(posts, ada)
    post = await polls.vote(bob, poll, [0])
    edited = await posts.edit(ada, post.id, PostDraft(post.text, poll=PollDraft(("Tea", "Juice"))))
    assert (poll_of(edited).id, poll_of(edited).counts, poll_of(edited).voters) == (poll, (0, 0), 0)
    assert poll_of(edited).expires_at == make.NOW + timedelta(seconds=600)
    assert edited.edited_at is not None
    assert poll_of(await polls.vote(bob, poll, [1])).counts == (0, 1)
    _, [first, now] = await posts.history(None, post.id)
    assert (first.options, now.options) == (("Tea", "Coffee", "Water"), ("Tea", "Juice"))


async def test_unchanged_options_keep_the_votes_and_the_end_may_move(
    polls: Polls, posts: Posts, db: RolledBackDatabase, clock: WallClock
) -> None:
    ada, bob = make.viewer(db.cursor), make.viewer(db.cursor)
    poll = await ask(posts, ada)
    post = await polls.vote(bob, poll, [0])
    same = await posts.edit(ada, post.id, PostDraft(post.text, poll=evolve(ASKED, seconds=1200)))
    assert (poll_of(same).votes, same.edited_at) == (1, None)
    clock.advance(seconds=600)
    await run_due_jobs(polls, db.cursor, clock)
    assert await notified(db, ada) == []
    clock.advance(seconds=600)
    await run_due_jobs(polls, db.cursor, clock)
    assert await notified(db, ada) == [NotificationKind.POLL]


async def test_an_edit_can_remove_or_add_a_poll(polls: Polls, posts: Posts, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    post = await polls.one(ada, await ask(posts, ada))
    without = await posts.edit(ada, post.id, PostDraft(post.text))
    assert without.poll is None
    again = await posts.edit(ada, post.id, PostDraft(post.text, poll=ASKED))
    assert poll_of(again).options == ASKED.options
