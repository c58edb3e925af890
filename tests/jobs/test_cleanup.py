"""What is forgotten, and what is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.domain.account_deletion import begin_deletion
from microblog.domain.tokens import Tokens
from microblog.jobs import cleanup
from microblog.jobs.scheduler import Timer
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, JobId
from microblog.model.jobs import Job, JobState, PermanentFailure
from microblog.model.paging import Page
from microblog.storage import accounts, events, interactions, jobs, posts
from microblog.storage.database import Cursor, Transactions, execute, fetch_value
from tests import make
from tests.fakes import done
from tests.make import NOW

SWEEPS = cleanup.cleanup_batches(events_kept=timedelta(days=7))


def run(db: Transactions, kind: str, **payload: object) -> None:
    """Do the work of one such job, at NOW."""
    job = Job(JobId(1), kind, payload, 1, JobState.RUNNING, NOW, NOW)

    async def work() -> None:
        await cleanup.tasks(db, lambda: NOW, SWEEPS)[kind](job)

    done(work())


def count(cursor: Cursor, table: str) -> int:
    return int(fetch_value(cursor, f"select count(*) from {table}"))


def test_every_timer_has_its_task(db: Transactions) -> None:
    timers: list[Timer] = cleanup.timers(SWEEPS)
    assert {timer.kind for timer in timers} <= cleanup.tasks(db, lambda: NOW, SWEEPS).keys()
    assert len({timer.kind for timer in timers}) == len(timers) == len(SWEEPS) + 3


def test_idempotency_keys_are_kept_for_a_day(db: Transactions, cursor: Cursor) -> None:
    author = make.viewer(cursor)
    post = make.post(cursor, author)
    for key, age in [("old", timedelta(hours=25)), ("fresh", timedelta(hours=23))]:
        posts.store_idempotency_key(cursor, account=author.id, key=key, post=post.id, now=NOW - age)
    run(db, "cleanup.idempotency_keys")
    assert fetch_value(cursor, "select array_agg(key) from idempotency_keys") == ["fresh"]


def test_events_are_kept_as_long_as_the_setting_says(db: Transactions, cursor: Cursor) -> None:
    for days in (8, 6, 0):
        events.record(cursor, EventKind.MUTED, at=NOW - timedelta(days=days))
    run(db, "cleanup.events")
    assert count(cursor, "events") == 2


def test_expired_sessions_go(db: Transactions, cursor: Cursor) -> None:
    who = make.member(cursor).account.id
    for token, left in [(b"old", timedelta(0)), (b"fresh", timedelta(seconds=1))]:
        execute(
            cursor,
            """insert into sessions (id, token_hash, account_id, created_at, seen_at, expires_at)
               values (new_id(%(now)s), %(token)s, %(who)s, %(now)s, %(now)s, %(until)s)""",
            {"token": token, "who": who, "now": NOW, "until": NOW + left},
        )
    run(db, "cleanup.sessions")
    assert bytes(fetch_value(cursor, "select token_hash from sessions")) == b"fresh"


def test_apps_without_a_token_that_lives_go_after_thirty_days_and_revoked_tokens_after_ninety(db: Transactions, cursor: Cursor) -> None:
    who = make.member(cursor).account.id

    def issued(days_ago: int, *, revoked_days_ago: int | None = None) -> None:
        made = done(Tokens(db, lambda: NOW - timedelta(days=days_ago)).issue(who, "read"))
        if revoked_days_ago is not None:
            done(Tokens(db, lambda: NOW - timedelta(days=revoked_days_ago)).revoke(who, made.token.id))

    issued(200)
    issued(100, revoked_days_ago=91)
    issued(29, revoked_days_ago=28)
    run(db, "cleanup.oauth_tokens")
    assert count(cursor, "tokens") == 2
    run(db, "cleanup.oauth_apps")
    assert (count(cursor, "apps"), count(cursor, "tokens")) == (2, 2)


def test_a_sweep_takes_more_than_one_batch(db: Transactions, cursor: Cursor) -> None:
    execute(
        cursor,
        """insert into jobs (id, kind, state, due_at, created_at, finished_at)
           select new_id(%(at)s), 'x', 'done', %(at)s, %(at)s, %(at)s from generate_series(1, %(many)s)""",
        {"at": NOW - timedelta(days=9), "many": 2 * cleanup.BATCH + 1},
    )
    run(db, "cleanup.jobs")
    assert count(cursor, "jobs") == 0


def test_deleted_posts_can_be_brought_back_for_thirty_days_and_then_are_gone(db: Transactions, cursor: Cursor) -> None:
    author = make.viewer(cursor)
    old, fresh, alive = (make.post(cursor, author) for _ in range(3))
    reply = make.post(cursor, author, reply_to=old)
    posts.delete(cursor, post=old.id, now=NOW - timedelta(days=31))
    posts.delete(cursor, post=fresh.id, now=NOW - timedelta(days=29))
    run(db, "cleanup.deleted_posts")
    assert fetch_value(cursor, "select array_agg(id order by id) from posts") == [fresh.id, alive.id, reply.id]


def _busy_life(cursor: Cursor) -> tuple[AccountId, AccountId]:
    """Somebody who is deleted then, and somebody who stays, and all that can be between them."""
    leaver, stayer = make.viewer(cursor, "leaver"), make.viewer(cursor, "stayer")
    make.follow(cursor, leaver, stayer)
    make.follow(cursor, stayer, leaver)
    theirs = make.post(cursor, stayer, "Hello @leaver")
    reply = make.post(cursor, leaver, "Hello @stayer", reply_to=theirs)
    make.post(cursor, stayer, "Hello again", reply_to=reply)
    make.boost(cursor, leaver, theirs)
    make.boost(cursor, stayer, reply)
    interactions.favourite(cursor, account=leaver.id, post=theirs.id, now=NOW)
    posts.count(cursor, post=theirs.id, favourites=1)
    interactions.bookmark(cursor, account=leaver.id, post=theirs.id, now=NOW)
    interactions.pin(cursor, account=leaver.id, post=reply.id, now=NOW)
    third = make.viewer(cursor, "third")
    make.block(cursor, leaver, third)
    make.mute(cursor, third, leaver)
    return leaver.id, stayer.id


def test_nothing_is_left_of_a_deleted_account_and_what_counted_it_is_right(db: Transactions, cursor: Cursor) -> None:
    leaver, stayer = _busy_life(cursor)
    begin_deletion(cursor, leaver, NOW)
    [job] = [job for job in jobs.page_of(cursor, state=JobState.WAITING, page=Page()) if job.kind == "account.purge"]
    run(db, job.kind, **job.payload)
    for table, columns in [
        ("favourites", "account_id"),
        ("bookmarks", "account_id"),
        ("pins", "account_id"),
        ("mentions", "account_id"),
        ("notifications", "account_id, from_account_id"),
        ("follows", "follower_id, followee_id"),
        ("blocks", "account_id, target_id"),
        ("mutes", "account_id, target_id"),
    ]:
        assert fetch_value(cursor, f"select count(*) from {table} where {leaver} in ({columns})") == 0, table
    left = accounts.by_id(cursor, id=stayer)
    assert left is not None
    assert (left.followers_count, left.following_count, left.posts_count) == (0, 0, 2)
    alive = "join posts p on p.id = post_id where p.deleted_at is null and p.reply_to is null"
    assert fetch_value(cursor, f"select sum(replies + boosts + favourites) from post_counts {alive}") == 0
    assert fetch_value(cursor, f"select count(*) from posts where account_id = {leaver} and deleted_at is null") == 0


def test_a_mute_ends_when_its_time_is_over(db: Transactions, cursor: Cursor) -> None:
    muter, quiet, loud = (make.viewer(cursor) for _ in range(3))
    make.mute(cursor, muter, quiet, until=NOW - timedelta(seconds=1))
    make.mute(cursor, muter, loud, until=NOW + timedelta(seconds=1))
    run(db, "mute.expire")
    assert fetch_value(cursor, "select array_agg(target_id) from mutes") == [loud.id]


def test_a_job_that_names_no_account_is_hopeless(db: Transactions) -> None:
    with pytest.raises(PermanentFailure):
        run(db, "account.purge", account="everybody")
