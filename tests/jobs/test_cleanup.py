"""Tests of cleanup jobs and account deletion."""

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
from microblog.storage import accounts, email_domain_blocks, events, idempotency_keys, interactions, jobs, posts
from microblog.storage.database import Cursor, Transactions, execute, fetch_value
from tests import make
from tests.fakes import result_of
from tests.make import NOW

SWEEPS = cleanup.cleanup_batches(events_kept=timedelta(days=7))


def run(db: Transactions, kind: str, **payload: object) -> None:
    """Run a job of this kind at NOW."""
    job = Job(JobId(1), kind, payload, 1, JobState.RUNNING, NOW, NOW)

    async def work() -> None:
        await cleanup.tasks(db, lambda: NOW, SWEEPS)[kind](job)

    result_of(work())


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
        idempotency_keys.store(cursor, account=author.id, key=key, post=post.id, now=NOW - age)
    run(db, "cleanup.idempotency_keys")
    assert fetch_value(cursor, "select array_agg(key) from idempotency_keys") == ["fresh"]


def test_events_are_kept_as_long_as_the_setting_says(db: Transactions, cursor: Cursor) -> None:
    for days in (8, 6, 0):
        events.record(cursor, EventKind.MUTED, at=NOW - timedelta(days=days))
    run(db, "cleanup.events")
    assert count(cursor, "events") == 2


def test_expired_sessions_are_deleted(db: Transactions, cursor: Cursor) -> None:
    account_id = make.member(cursor).account.id
    for token, remaining in [(b"old", timedelta(0)), (b"fresh", timedelta(seconds=1))]:
        execute(
            cursor,
            """insert into sessions (id, token_hash, account_id, created_at, seen_at, expires_at)
               values (new_id(%(now)s), %(token)s, %(who)s, %(now)s, %(now)s, %(until)s)""",
            {"token": token, "who": account_id, "now": NOW, "until": NOW + remaining},
        )
    run(db, "cleanup.sessions")
    assert bytes(fetch_value(cursor, "select token_hash from sessions")) == b"fresh"


def test_apps_without_a_valid_token_are_deleted_after_30_days_and_revoked_tokens_after_90(db: Transactions, cursor: Cursor) -> None:
    account_id = make.member(cursor).account.id

    def issue_token(days_ago: int, *, revoked_days_ago: int | None = None) -> None:
        issued = result_of(Tokens(db, lambda: NOW - timedelta(days=days_ago)).issue(account_id, "read"))
        if revoked_days_ago is not None:
            result_of(Tokens(db, lambda: NOW - timedelta(days=revoked_days_ago)).revoke(account_id, issued.token.id))

    issue_token(200)
    issue_token(100, revoked_days_ago=91)
    issue_token(29, revoked_days_ago=28)
    run(db, "cleanup.oauth_tokens")
    assert count(cursor, "tokens") == 2
    run(db, "cleanup.oauth_apps")
    assert (count(cursor, "apps"), count(cursor, "tokens")) == (2, 2)


def test_cleanup_deletes_more_than_one_batch(db: Transactions, cursor: Cursor) -> None:
    execute(
        cursor,
        """insert into jobs (id, kind, state, due_at, created_at, finished_at)
           select new_id(%(at)s), 'x', 'done', %(at)s, %(at)s, %(at)s from generate_series(1, %(many)s)""",
        {"at": NOW - timedelta(days=9), "many": 2 * cleanup.BATCH + 1},
    )
    run(db, "cleanup.jobs")
    assert count(cursor, "jobs") == 0


OLD_ROWS = {
    "cleanup.events": "insert into events (kind, data, at) select 'muted', '{}', at from old",
    "cleanup.idempotency_keys": """insert into idempotency_keys (account_id, key, post_id, created_at)
        select account_id, at::text, id, at from posts, old""",
    "cleanup.invalidation_log": "insert into invalidation_log (keys, at) select '{x}', at from old",
    "cleanup.jobs": """insert into jobs (id, kind, state, due_at, created_at, finished_at)
        select new_id(at), 'x', 'done', at, at, at from old""",
}


@pytest.mark.parametrize("kind", OLD_ROWS)
def test_rows_of_different_ages_are_deleted_batch_by_batch_and_recent_ones_kept(
    db: Transactions, cursor: Cursor, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(cleanup, "BATCH", 3)
    make.post(cursor, make.viewer(cursor))
    table, column = kind.removeprefix("cleanup."), {"cleanup.idempotency_keys": "created_at", "cleanup.jobs": "finished_at"}.get(kind, "at")
    execute(cursor, f"delete from {table}")
    ages = "select %(now)s - n * interval '1 hour' as at from generate_series(340, 0, -34) n"
    execute(cursor, f"with old as ({ages}) {OLD_ROWS[kind]}", {"now": NOW})
    run(db, kind)
    retention = next(sweep.retention for sweep in SWEEPS if sweep.kind == kind)
    kept = [NOW - timedelta(hours=hours) for hours in range(0, 341, 34) if timedelta(hours=hours) <= retention]
    assert 0 < len(kept) < 9, "more than a batch is deleted"
    assert fetch_value(cursor, f"select array_agg({column} order by {column} desc) from {table}") == kept


def test_sign_ups_from_blocked_email_domains_are_forgotten_after_a_week(db: Transactions, cursor: Cursor) -> None:
    block = email_domain_blocks.add(cursor, domain="spam.example", allow_with_approval=False, by=None, now=NOW)
    assert block is not None
    for days in (6, 7, 8, 100):
        day = (NOW - timedelta(days=days)).date()
        email_domain_blocks.count_attempt(cursor, blocks=[block.id], day=day, address="192.0.2.1")
    run(db, "cleanup.email_domain_attempts")
    assert count(cursor, "email_domain_attempts") == 2


def test_deleted_posts_are_purged_after_thirty_days(db: Transactions, cursor: Cursor) -> None:
    author = make.viewer(cursor)
    old, fresh, alive = (make.post(cursor, author) for _ in range(3))
    reply = make.post(cursor, author, reply_to=old)
    posts.delete(cursor, post=old.id, now=NOW - timedelta(days=31))
    posts.delete(cursor, post=fresh.id, now=NOW - timedelta(days=29))
    run(db, "cleanup.deleted_posts")
    assert fetch_value(cursor, "select array_agg(id order by id) from posts") == [fresh.id, alive.id, reply.id]


def _accounts_with_relations(cursor: Cursor) -> tuple[AccountId, AccountId]:
    """Create an account to be deleted and one that stays, with every relation between them; return their ids."""
    leaver, stayer = make.viewer(cursor, "leaver"), make.viewer(cursor, "stayer")
    make.follow(cursor, leaver, stayer)
    make.follow(cursor, stayer, leaver)
    their_post = make.post(cursor, stayer, "Hello @leaver")
    reply = make.post(cursor, leaver, "Hello @stayer", reply_to=their_post)
    make.post(cursor, stayer, "Hello again", reply_to=reply)
    make.boost(cursor, leaver, their_post)
    make.boost(cursor, stayer, reply)
    interactions.favourite(cursor, account=leaver.id, post=their_post.id, now=NOW)
    interactions.bookmark(cursor, account=leaver.id, post=their_post.id, now=NOW)
    interactions.pin(cursor, account=leaver.id, post=reply.id, now=NOW)
    third = make.viewer(cursor, "third")
    make.block(cursor, leaver, third)
    make.mute(cursor, third, leaver)
    return leaver.id, stayer.id


def test_a_deleted_account_leaves_no_rows_and_correct_counts(db: Transactions, cursor: Cursor) -> None:
    leaver, stayer = _accounts_with_relations(cursor)
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
    remaining = accounts.by_id(cursor, id=stayer)
    assert remaining is not None
    assert (remaining.followers_count, remaining.following_count, remaining.posts_count) == (0, 0, 2)
    alive = "join posts p on p.id = post_id where p.deleted_at is null and p.reply_to is null"
    assert fetch_value(cursor, f"select sum(replies + boosts + favourites) from post_counts {alive}") == 0
    assert fetch_value(cursor, f"select count(*) from posts where account_id = {leaver} and deleted_at is null") == 0


def test_an_expired_mute_is_deleted(db: Transactions, cursor: Cursor) -> None:
    muter, expired, active = (make.viewer(cursor) for _ in range(3))
    make.mute(cursor, muter, expired, until=NOW - timedelta(seconds=1))
    make.mute(cursor, muter, active, until=NOW + timedelta(seconds=1))
    run(db, "mute.expire")
    assert fetch_value(cursor, "select array_agg(target_id) from mutes") == [active.id]


def test_a_job_without_a_valid_account_fails_permanently(db: Transactions) -> None:
    with pytest.raises(PermanentFailure):
        run(db, "account.purge", account="everybody")
