"""Polls and votes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from microblog.model.ids import AccountId, PollId, PostId
from microblog.model.polls import Poll, PollDraft
from microblog.storage.database import Cursor, execute, fetch_one, fetch_value, first_column

COLUMNS = "q.id, q.options, q.counts, q.voters, q.multiple, q.hide_totals, q.expires_at"
WIDTH = 7  # number of COLUMNS

# The viewer's votes in the poll of post `p`, for queries of posts.
VOTES = """(select array_agg(v.choice order by v.choice) from polls q join votes v on v.poll_id = q.id and v.account_id = %(viewer)s
    where q.post_id = p.id)"""


def poll_from(*columns: Any) -> Poll | None:
    """Build a poll from COLUMNS; return None if they are null."""
    id, options, counts, *rest = columns
    return None if id is None else Poll(PollId(id), tuple(options), tuple(counts), *rest)


def insert(cursor: Cursor, *, post: PostId, draft: PollDraft, expires_at: datetime, now: datetime) -> PollId:
    """Create the poll of a post; return its id."""
    return PollId(
        fetch_value(
            cursor,
            """insert into polls (id, post_id, options, counts, multiple, hide_totals, expires_at)
               values (new_id(%(now)s), %(post)s, %(options)s, %(counts)s, %(multiple)s, %(hide_totals)s, %(expires_at)s)
               returning id""",
            {"now": now, "post": post, "expires_at": expires_at, "counts": [0] * len(draft.options), **_draft_params(draft)},
        )
    )


def reset(cursor: Cursor, *, poll: PollId, draft: PollDraft, expires_at: datetime) -> None:
    """Replace the poll's options and delete all votes, so that everyone can vote again."""
    execute(cursor, "delete from votes where poll_id = %(poll)s", {"poll": poll})
    execute(
        cursor,
        """update polls set options = %(options)s, counts = %(counts)s, voters = 0, multiple = %(multiple)s,
               hide_totals = %(hide_totals)s, expires_at = %(expires_at)s where id = %(poll)s""",
        {"poll": poll, "expires_at": expires_at, "counts": [0] * len(draft.options), **_draft_params(draft)},
    )


def _draft_params(draft: PollDraft) -> dict[str, object]:
    return {"options": list(draft.options), "multiple": draft.multiple, "hide_totals": draft.hide_totals}


def set_terms(cursor: Cursor, *, poll: PollId, hide_totals: bool, expires_at: datetime) -> None:
    """Change the end time and whether totals are hidden until then."""
    execute(
        cursor,
        "update polls set hide_totals = %(hide_totals)s, expires_at = %(expires_at)s where id = %(poll)s",
        {"poll": poll, "hide_totals": hide_totals, "expires_at": expires_at},
    )


def delete(cursor: Cursor, *, poll: PollId) -> None:
    """Delete the poll."""
    execute(cursor, "delete from polls where id = %(poll)s", {"poll": poll})


def post_of(cursor: Cursor, *, poll: PollId) -> PostId | None:
    """Return the post that the poll belongs to."""
    return fetch_one(cursor, PostId, "select post_id from polls where id = %(poll)s", {"poll": poll})


def lock(cursor: Cursor, *, poll: PollId) -> Poll | None:
    """Return the poll and lock it: no other transaction can vote until this one ends."""
    return fetch_one(cursor, poll_from, f"select {COLUMNS} from polls q where q.id = %(poll)s for no key update", {"poll": poll})


def choices_of(cursor: Cursor, *, poll: PollId, account: AccountId) -> list[int]:
    """Return the indexes of the options that the account chose."""
    cursor.execute(
        "select choice from votes where poll_id = %(poll)s and account_id = %(account)s order by choice", {"poll": poll, "account": account}
    )
    return first_column(cursor.fetchall())


def vote(cursor: Cursor, *, poll: PollId, account: AccountId, choices: Collection[int], is_first: bool, now: datetime) -> None:
    """Store new choices of the account; `is_first`: it has not voted before. The poll must be locked."""
    params = {"poll": poll, "account": account, "choices": list(choices), "voters": int(is_first), "now": now}
    execute(
        cursor,
        """insert into votes (poll_id, account_id, choice, created_at)
           select %(poll)s, %(account)s, unnest(%(choices)s::smallint[]), %(now)s""",
        params,
    )
    execute(
        cursor,
        """update polls set voters = voters + %(voters)s, counts = array(
               select n + (place - 1 = any(%(choices)s::integer[]))::integer
               from unnest(counts) with ordinality each (n, place) order by place)
           where id = %(poll)s""",
        params,
    )


def voters(cursor: Cursor, *, poll: PollId, after: AccountId, limit: int) -> list[AccountId]:
    """Return the accounts that voted, ordered by id, starting behind `after`."""
    cursor.execute(
        "select distinct account_id from votes where poll_id = %(poll)s and account_id > %(after)s order by account_id limit %(limit)s",
        {"poll": poll, "after": after, "limit": limit},
    )
    return first_column(cursor.fetchall())
