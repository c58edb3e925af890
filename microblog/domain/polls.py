"""Polls: asked with a post, voted in, told when they end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import evolve, frozen

from microblog.domain import notify
from microblog.domain.text import graphemes, post_text
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, PollId, PostId
from microblog.model.notifications import NotificationKind
from microblog.model.polls import FEWEST_OPTIONS, LONGEST_OPTION, LONGEST_POLL, MOST_OPTIONS, SHORTEST_POLL, Poll, PollDraft
from microblog.model.posts import Post
from microblog.storage import jobs, polls, posts
from microblog.storage.database import Cursor, Transactions

END = "poll.close"
VOTED = "You have already voted on this poll"
NO_OPTION = "The chosen vote option does not exist"
ONES_OWN = "You cannot vote in your own polls"
ENDED = "The poll has already ended"


def checked(draft: PollDraft) -> PollDraft:
    """The draft with its options as they are stored. Raises Invalid with everything that is wrong."""
    if len(draft.options) > 100 or any(len(option) > 40 * LONGEST_OPTION for option in draft.options):
        raise _wrong({"poll[options]": "Poll options are too many or too long"})
    options = tuple(
        line for line in (post_text.clean_line(option, "poll[options]") for option in draft.options) if not post_text.is_blank(line)
    )
    wrong = {}
    if problem := _wrong_with(options):
        wrong["poll[options]"] = f"Poll options {problem}"
    if draft.seconds is not None and draft.seconds < SHORTEST_POLL:
        wrong["poll[expires_in]"] = "Poll expires at is too soon"
    if draft.seconds is not None and draft.seconds > LONGEST_POLL:
        wrong["poll[expires_in]"] = "Poll expires at is too far into the future"
    if wrong:
        raise _wrong(wrong)
    return evolve(draft, options=options)


def _wrong_with(options: Sequence[str]) -> str:
    if len(options) < FEWEST_OPTIONS:
        return "must have more than one item"
    if len(options) > MOST_OPTIONS:
        return f"can't contain more than {MOST_OPTIONS} items"
    if any(graphemes.count(option) > LONGEST_OPTION for option in options):
        return f"can't be longer than {LONGEST_OPTION} characters each"
    return "contain duplicate items" if len(set(options)) < len(options) else ""


def _wrong(fields: dict[str, str]) -> Invalid:
    return Invalid(fields)


def ask(cursor: Cursor, post: PostId, draft: PollDraft, now: datetime) -> None:
    """Ask it with the new post, and promise to tell when it ends. Raises Invalid where it is not said how long it runs."""
    if draft.seconds is None:
        raise Invalid({"poll[expires_in]": "Poll expires at can't be blank"})
    expires_at = now + timedelta(seconds=draft.seconds)
    _promise(cursor, polls.insert(cursor, post=post, draft=draft, expires_at=expires_at, now=now), expires_at, now)


def asks_else(before: Poll | None, draft: PollDraft | None) -> bool:
    """True if an edit asks something else than before, so that votes mean nothing any more."""
    if before is None or draft is None:
        return (before is None) != (draft is None)
    return (before.options, before.multiple) != (draft.options, draft.multiple)


def revise(cursor: Cursor, post: Post, draft: PollDraft | None, now: datetime) -> None:
    """Ask what the draft asks. Votes stay where only the end or the hiding of counts changes."""
    before = post.poll
    if before is None:
        if draft is not None:
            ask(cursor, post.id, draft, now)
        return
    if draft is None:
        polls.delete(cursor, poll=before.id)
        return
    expires_at = before.expires_at if draft.seconds is None else now + timedelta(seconds=draft.seconds)
    if asks_else(before, draft):
        polls.locked(cursor, poll=before.id)
        polls.rewrite(cursor, poll=before.id, draft=draft, expires_at=expires_at)
    elif (expires_at, draft.hide_totals) != (before.expires_at, before.hide_totals):
        polls.set_terms(cursor, poll=before.id, hide_totals=draft.hide_totals, expires_at=expires_at)
    if expires_at != before.expires_at:
        _promise(cursor, before.id, expires_at, now)


def _promise(cursor: Cursor, poll: PollId, expires_at: datetime, now: datetime) -> None:
    jobs.add(cursor, END, {"poll": str(poll)}, due_at=expires_at, now=now, key=f"{poll} {expires_at.isoformat()}")


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
    """The commands about polls."""

    database: Transactions
    now: Callable[[], datetime]

    async def one(self, viewer: Viewer | None, poll: PollId) -> Post:
        """The post of a poll. Raises NotFound unless the viewer may see it."""
        return await self.database.read(_post_of, viewer, poll)

    async def vote(self, viewer: Viewer, poll: PollId, choices: Sequence[int]) -> Post:
        """Choose options by their place; the post with the new counts.

        A choice cannot be taken back or made twice; further ones can be made where several are possible. Raises Invalid in the words that
        clients know.
        """
        return await self.database.run(self._vote, viewer, poll, tuple(dict.fromkeys(choices)))

    def _vote(self, cursor: Cursor, viewer: Viewer, id: PollId, choices: tuple[int, ...]) -> Post:
        post, poll = _post_of(cursor, viewer, id), polls.locked(cursor, poll=id)
        if poll is None:
            raise NotFound
        if poll.ended(self.now()):
            raise _refused(ENDED)
        if post.author.id == viewer.id:
            raise _refused(ONES_OWN)
        if not choices or any(choice not in range(len(poll.options)) for choice in choices):
            raise _refused(NO_OPTION)
        before = polls.choices_of(cursor, poll=id, account=viewer.id)
        # Two choices where one is possible are a vote and a second one.
        if (not poll.multiple and (before or len(choices) > 1)) or not set(choices).isdisjoint(before):
            raise _refused(VOTED)
        polls.vote(cursor, poll=id, account=viewer.id, choices=choices, is_first=not before, now=self.now())
        return _post_of(cursor, viewer, id)

    async def end(self, poll: PollId) -> None:
        """Tell the author and everybody who voted that it has ended. Done again, or too early, this tells nobody anew."""
        told: AccountId | None = AccountId(0)
        while told is not None:
            told = await self.database.run(self._tell, poll, told)

    def _tell(self, cursor: Cursor, id: PollId, after: AccountId) -> AccountId | None:
        """Tell some of them; up to whom, if others follow."""
        poll, post = polls.locked(cursor, poll=id), polls.post_of(cursor, poll=id)
        found = posts.by_ids(cursor, [post]).get(post) if post else None
        if poll is None or found is None or not poll.ended(self.now()):
            return None
        voters = polls.voters(cursor, poll=id, after=after, limit=notify.BATCH)
        whom = voters if after else [found.author.id, *voters]
        notify.notify(cursor, accounts=whom, kind=NotificationKind.POLL, sender=found.author.id, post=found.id, now=self.now())
        return voters[-1] if len(voters) == notify.BATCH else None


def _refused(sentence: str) -> Invalid:
    return Invalid({"choices": sentence})
