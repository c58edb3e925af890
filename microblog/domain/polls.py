"""Polls: creation with a post, editing, voting, and notification when they end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import evolve, frozen

from microblog.domain import notify
from microblog.domain.text import graphemes, post_text
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, PollId, PostId
from microblog.model.notifications import NotificationKind
from microblog.model.polls import MAX_DURATION, MAX_OPTION_LENGTH, MAX_OPTIONS, MIN_DURATION, MIN_OPTIONS, Poll, PollDraft
from microblog.model.posts import Post
from microblog.storage import events, jobs, polls, posts
from microblog.storage.database import Cursor, Transactions

END_JOB = "poll.close"
COUNTS_JOB = "federation.poll_counts"
COUNTS_DELAY = timedelta(minutes=3)
"""After the first vote that other servers do not know of; the votes until then are told together."""
ALREADY_VOTED = "You have already voted on this poll"
NO_OPTION = "The chosen vote option does not exist"
OWN_POLL = "You cannot vote in your own polls"
ENDED = "The poll has already ended"


def checked(draft: PollDraft) -> PollDraft:
    """Return the draft with its options as they are stored. Raises Invalid with all validation errors."""
    if len(draft.options) > 100 or any(len(option) > 40 * MAX_OPTION_LENGTH for option in draft.options):
        raise _invalid({"poll[options]": "Poll options are too many or too long"})
    options = tuple(
        line for line in (post_text.clean_line(option, "poll[options]") for option in draft.options) if not post_text.is_blank(line)
    )
    errors = {}
    if problem := _options_problem(options):
        errors["poll[options]"] = f"Poll options {problem}"
    if draft.seconds is not None and draft.seconds < MIN_DURATION:
        errors["poll[expires_in]"] = "Poll expires at is too soon"
    if draft.seconds is not None and draft.seconds > MAX_DURATION:
        errors["poll[expires_in]"] = "Poll expires at is too far into the future"
    if errors:
        raise _invalid(errors)
    return evolve(draft, options=options)


def _options_problem(options: Sequence[str]) -> str:
    if len(options) < MIN_OPTIONS:
        return "must have more than one item"
    if len(options) > MAX_OPTIONS:
        return f"can't contain more than {MAX_OPTIONS} items"
    if any(graphemes.count(option) > MAX_OPTION_LENGTH for option in options):
        return f"can't be longer than {MAX_OPTION_LENGTH} characters each"
    return "contain duplicate items" if len(set(options)) < len(options) else ""


def _invalid(fields: dict[str, str]) -> Invalid:
    return Invalid(fields)


def create(cursor: Cursor, post: PostId, draft: PollDraft, now: datetime) -> None:
    """Create the poll of a new post, and enqueue the job that ends it. Raises Invalid if the draft has no duration."""
    if draft.seconds is None:
        raise Invalid({"poll[expires_in]": "Poll expires at can't be blank"})
    expires_at = now + timedelta(seconds=draft.seconds)
    enqueue_end(cursor, polls.insert(cursor, post=post, draft=draft, expires_at=expires_at, now=now), expires_at, now)


def changes_question(before: Poll | None, draft: PollDraft | None) -> bool:
    """Return True if an edit changes the question, so that existing votes are void."""
    if before is None or draft is None:
        return (before is None) != (draft is None)
    return (before.options, before.multiple) != (draft.options, draft.multiple)


def revise(cursor: Cursor, post: Post, draft: PollDraft | None, now: datetime) -> None:
    """Apply an edit of the post's poll. Votes stay if only the end or the hiding of counts changes."""
    before = post.poll
    if before is None:
        if draft is not None:
            create(cursor, post.id, draft, now)
        return
    if draft is None:
        polls.delete(cursor, poll=before.id)
        return
    expires_at = before.expires_at if draft.seconds is None else now + timedelta(seconds=draft.seconds)
    if changes_question(before, draft):
        polls.lock(cursor, poll=before.id)
        polls.reset(cursor, poll=before.id, draft=draft, expires_at=expires_at)
    elif (expires_at, draft.hide_totals) != (before.expires_at, before.hide_totals):
        polls.set_terms(cursor, poll=before.id, hide_totals=draft.hide_totals, expires_at=expires_at)
        events.record(cursor, EventKind.POLL_COUNTED, at=now, account=post.author.id, post=post.id)
    if expires_at != before.expires_at:
        enqueue_end(cursor, before.id, expires_at, now)


def enqueue_end(cursor: Cursor, poll: PollId, expires_at: datetime, now: datetime) -> None:
    """Enqueue the job that notifies the voters of a poll when it ends."""
    jobs.add(cursor, END_JOB, {"poll": str(poll)}, due_at=expires_at, now=now, key=f"{poll} {expires_at.isoformat()}")


def _post_of(cursor: Cursor, viewer: Viewer | None, poll: PollId) -> Post:
    id = polls.post_of(cursor, poll=poll)
    if id is None or not posts.visible(cursor, ids=[id], viewer=viewer.id if viewer else None):
        raise NotFound
    found = posts.by_ids(cursor, [id]).get(id)
    if found is None:
        raise NotFound
    return found


@frozen
class Polls:
    """The commands about polls. `federates`: other servers are told of votes and counts."""

    database: Transactions
    now: Callable[[], datetime]
    federates: bool = False

    async def one(self, viewer: Viewer | None, poll: PollId) -> Post:
        """Return the post of a poll. Raises NotFound unless the viewer may see it."""
        return await self.database.read(_post_of, viewer, poll)

    async def vote(self, viewer: Viewer, poll: PollId, choices: Sequence[int]) -> Post:
        """Vote for options by their index; returns the post with the new counts.

        A vote cannot be taken back or cast twice; a multiple-choice poll accepts further options later. Raises Invalid with Mastodon's
        sentences.
        """
        return await self.database.run(self.vote_within, viewer, poll, tuple(dict.fromkeys(choices)))

    def vote_within(self, cursor: Cursor, viewer: Viewer, id: PollId, choices: tuple[int, ...]) -> Post:
        """Do what `vote` does in the running transaction. `choices` has no duplicates."""
        post, poll = _post_of(cursor, viewer, id), polls.lock(cursor, poll=id)
        if poll is None:
            raise NotFound
        if poll.ended(self.now()):
            raise _rejected(ENDED)
        if post.author.id == viewer.id:
            raise _rejected(OWN_POLL)
        if not choices or any(choice not in range(len(poll.options)) for choice in choices):
            raise _rejected(NO_OPTION)
        before = polls.choices_of(cursor, poll=id, account=viewer.id)
        # Two choices in a single-choice poll count as a second vote.
        if (not poll.multiple and (before or len(choices) > 1)) or not set(choices).isdisjoint(before):
            raise _rejected(ALREADY_VOTED)
        polls.vote(cursor, poll=id, account=viewer.id, choices=choices, is_first=not before, now=self.now())
        self._tell_elsewhere(cursor, viewer, post, [poll.options[choice] for choice in choices])
        return _post_of(cursor, viewer, id)

    def _tell_elsewhere(self, cursor: Cursor, viewer: Viewer, post: Post, options: Sequence[str]) -> None:
        """Write an event for each vote in a poll of another server; enqueue the job that sends the counts of a poll of this site."""
        now, poll = self.now(), post.poll
        if post.uri is not None:
            for option in options:
                data = {"option": option, "uri": post.uri}
                events.record(cursor, EventKind.VOTED, at=now, account=viewer.id, subject=post.author.id, post=post.id, data=data)
        elif self.federates and poll is not None:
            jobs.add(cursor, COUNTS_JOB, {"poll": str(poll.id)}, due_at=now + COUNTS_DELAY, now=now, key=str(poll.id))

    async def send_counts(self, poll: PollId, finish: Callable[[Cursor], None]) -> None:
        """Let other servers know the counts of a poll of this site. The transaction calls `finish` too."""

        def record(cursor: Cursor) -> None:
            self._record_counts(cursor, poll)
            finish(cursor)

        await self.database.run(record)

    def _record_counts(self, cursor: Cursor, poll: PollId) -> None:
        """Write the event by which other servers get the counts of a poll of this site."""
        post = polls.post_of(cursor, poll=poll)
        found = posts.by_ids(cursor, [post]).get(post) if post else None
        if found is not None and found.uri is None:
            events.record(cursor, EventKind.POLL_COUNTED, at=self.now(), account=found.author.id, post=found.id)

    async def end(self, poll: PollId) -> None:
        """Notify the author and all voters that the poll has ended. Idempotent; does nothing before the end."""
        after: AccountId | None = AccountId(0)
        while after is not None:
            after = await self.database.run(self._notify_batch, poll, after)

    def _notify_batch(self, cursor: Cursor, id: PollId, after: AccountId) -> AccountId | None:
        """Notify one batch of voters after the id `after`; returns the last id of the batch, or None if it was the last batch."""
        poll, post = polls.lock(cursor, poll=id), polls.post_of(cursor, poll=id)
        found = posts.by_ids(cursor, [post]).get(post) if post else None
        if poll is None or found is None or not poll.ended(self.now()):
            return None
        voters = polls.voters(cursor, poll=id, after=after, limit=notify.BATCH)
        recipients = voters if after else [found.author.id, *voters]
        notify.notify(cursor, accounts=recipients, kind=NotificationKind.POLL, sender=found.author.id, post=found.id, now=self.now())
        if len(voters) == notify.BATCH:
            return voters[-1]
        if self.federates:
            self._record_counts(cursor, id)
        return None


def _rejected(sentence: str) -> Invalid:
    return Invalid({"choices": sentence})
