"""Retention of posts and accounts of other servers: what is kept, and that a run is bounded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.interactions import Interactions
from microblog.jobs import retention_jobs
from microblog.jobs.retention_jobs import ACCOUNTS, POSTS, RetentionJobs
from microblog.model.accounts import Account, Viewer
from microblog.model.audit import AuditAction, AuditEntry, AuditQuery
from microblog.model.paging import Page
from microblog.model.posts import Post, Visibility
from microblog.storage import audit, posts, retention
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.federation.outgoing import remote_actor
from tests.make import NOW

AGE = timedelta(days=90)
OLD = NOW - AGE - timedelta(days=1)


@pytest.fixture
def jobs(db: RolledBackDatabase) -> RetentionJobs:
    return RetentionJobs(db, lambda: NOW, AGE, AGE)


@pytest.fixture
def bo(cursor: Cursor) -> Account:
    return remote_actor(cursor, "b.example", "bo")


@pytest.fixture
def ada(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ada")


def age(cursor: Cursor) -> None:
    """Let everything of other servers have arrived long ago."""
    cursor.execute("update posts set arrived_at = %s where uri is not null", [OLD])
    cursor.execute("update remote_actors set fetched_at = %s", [OLD])


def left(cursor: Cursor, *found: Post) -> list[bool]:
    known = posts.by_ids(cursor, [one.id for one in found])
    return [one.id in known for one in found]


async def delete_posts(cursor: Cursor, jobs: RetentionJobs) -> int:
    age(cursor)
    return await jobs.run(POSTS, retention.delete_posts, jobs.posts)


async def delete_accounts(cursor: Cursor, jobs: RetentionJobs) -> int:
    age(cursor)
    return await jobs.run(ACCOUNTS, retention.delete_accounts, jobs.accounts)


async def test_an_old_post_goes_and_a_new_one_stays(cursor: Cursor, jobs: RetentionJobs, bo: Account, ada: Viewer) -> None:
    old, own = make.remote_post(cursor, bo), make.post(cursor, ada, now=OLD)
    make.follow(cursor, ada, bo)
    age(cursor)
    new = make.remote_post(cursor, bo)
    cursor.execute("update posts set arrived_at = %s where id = %s", [NOW - timedelta(days=89), new.id])
    assert await jobs.run(POSTS, retention.delete_posts, jobs.posts) == 1
    assert left(cursor, old, own, new) == [False, True, True]
    cursor.execute("select uri from posts where uri is not null")
    assert cursor.fetchall() == [(new.uri,)]  # no row that would keep it away if it is fetched again


def favourite(cursor: Cursor, post: Post, by: Viewer) -> None:
    result_of(Interactions(RolledBackDatabase(cursor), lambda: NOW).favourite(by, post.id))


def bookmark(cursor: Cursor, post: Post, by: Viewer) -> None:
    result_of(Interactions(RolledBackDatabase(cursor), lambda: NOW).bookmark(by, post.id))


def boost(cursor: Cursor, post: Post, by: Viewer) -> None:
    make.boost(cursor, by, post)


def answer(cursor: Cursor, post: Post, by: Viewer) -> None:
    make.post(cursor, by, reply_to=post)


def name(cursor: Cursor, post: Post, by: Viewer) -> None:
    posts.set_mentions(cursor, post=post.id, accounts=[by.id])


def pin(cursor: Cursor, post: Post, by: Viewer) -> None:
    cursor.execute("insert into pins (id, account_id, post_id, created_at) values (1, %s, %s, now())", [post.author.id, post.id])


def report(cursor: Cursor, post: Post, by: Viewer) -> None:
    cursor.execute(
        "insert into reports (id, account_id, target_id, post_ids, created_at) values (1, %s, %s, %s, now())",
        [by.id, post.author.id, [post.id]],
    )


@pytest.mark.parametrize("use", [favourite, bookmark, boost, answer, name, pin, report])
async def test_what_somebody_here_uses_stays(
    cursor: Cursor, jobs: RetentionJobs, bo: Account, ada: Viewer, use: Callable[[Cursor, Post, Viewer], None]
) -> None:
    kept, other = make.remote_post(cursor, bo), make.remote_post(cursor, bo)
    use(cursor, kept, ada)
    assert await delete_posts(cursor, jobs) == 1
    assert left(cursor, kept, other) == [True, False]


async def test_what_answers_or_boosts_somebody_here_stays(cursor: Cursor, jobs: RetentionJobs, bo: Account, ada: Viewer) -> None:
    own = make.post(cursor, ada)
    reply, shared = make.remote_post(cursor, bo, reply_to=own), make.remote_post(cursor, bo, boost_of=own)
    assert await delete_posts(cursor, jobs) == 0
    assert left(cursor, reply, shared) == [True, True]


async def test_an_old_post_that_was_boosted_a_short_while_ago_stays(cursor: Cursor, jobs: RetentionJobs, bo: Account, ada: Viewer) -> None:
    cy = remote_actor(cursor, "c.example", "cy")
    make.follow(cursor, ada, cy)
    post = make.remote_post(cursor, bo)
    age(cursor)
    boosted = make.remote_post(cursor, cy, boost_of=post)
    cursor.execute("update posts set arrived_at = %s where id = %s", [NOW - timedelta(days=1), boosted.id])
    assert await jobs.run(POSTS, retention.delete_posts, jobs.posts) == 0
    assert left(cursor, post, boosted) == [True, True]
    assert await delete_posts(cursor, jobs) == 2


async def test_boosts_go_with_a_post_and_counters_are_right(cursor: Cursor, jobs: RetentionJobs, bo: Account) -> None:
    cy = remote_actor(cursor, "c.example", "cy")
    post = make.remote_post(cursor, bo)
    make.remote_post(cursor, cy, boost_of=post)
    make.remote_post(cursor, cy, visibility=Visibility.DIRECT)
    cursor.execute("update account_counts set posts = 1")
    age(cursor)
    stays = make.remote_post(cursor, cy, reply_to=post)
    cursor.execute("update account_counts set posts = 2 where account_id = %s", [cy.id])
    cursor.execute("update posts set arrived_at = %s where id = %s", [NOW, stays.id])
    assert await jobs.run(POSTS, retention.delete_posts, jobs.posts) == 3
    assert [make.reload(cursor, who).posts_count for who in (bo, cy)] == [0, 1]
    cursor.execute("select reply_to, reply_to_uri, reply_to_other from posts where id = %s", [stays.id])
    assert cursor.fetchall() == [(None, post.uri, True)]


async def test_a_run_is_bounded_and_the_next_one_goes_on(
    cursor: Cursor, jobs: RetentionJobs, bo: Account, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_jobs, "BATCH", 2)
    monkeypatch.setattr(retention_jobs, "BATCHES", 2)
    made = [make.remote_post(cursor, bo) for _ in range(9)]
    for post in made[::2]:
        favourite(cursor, post, ada)
    runs = [await delete_posts(cursor, jobs) for _ in range(3)]
    assert runs == [2, 2, 0]
    assert left(cursor, *made) == [number % 2 == 0 for number in range(9)]
    assert retention.position(cursor, kind=POSTS) == ""


async def test_nothing_is_deleted_while_it_is_off(cursor: Cursor, db: RolledBackDatabase, bo: Account) -> None:
    off = RetentionJobs(db, lambda: NOW)
    make.remote_post(cursor, bo)
    assert await delete_posts(cursor, off) == 0
    assert off.timers == []


# --- Accounts


async def test_an_account_that_nothing_refers_to_goes(cursor: Cursor, jobs: RetentionJobs, bo: Account, ada: Viewer) -> None:
    assert await delete_accounts(cursor, jobs) == 1
    cursor.execute("select count(*) from accounts where host is not null")
    assert cursor.fetchall() == [(0,)]
    assert make.reload(cursor, ada) == ada.account


async def test_an_account_with_a_post_or_a_relation_stays(cursor: Cursor, jobs: RetentionJobs, ada: Viewer) -> None:
    names = ("posts", "followed", "follower", "blocked", "muted", "noted", "mentioned", "alias", "suspended", "deleted", "likes")
    known = {name: remote_actor(cursor, f"{name}.example", name) for name in names}
    make.remote_post(cursor, known["posts"])
    make.follow(cursor, ada, known["followed"])
    make.follow(cursor, known["follower"], ada)
    make.block(cursor, ada, known["blocked"])
    make.mute(cursor, ada, known["muted"])
    post = make.post(cursor, ada)
    posts.set_mentions(cursor, post=post.id, accounts=[known["mentioned"].id])
    cursor.execute("insert into account_notes values (%s, %s, 'x')", [ada.id, known["noted"].id])
    cursor.execute("insert into account_aliases values (%s, %s, now())", [ada.id, known["alias"].id])
    cursor.execute("insert into favourites (id, account_id, post_id, created_at) values (1, %s, %s, now())", [known["likes"].id, post.id])
    make.suspend(cursor, known["suspended"])
    cursor.execute("update accounts set deleted_at = now() where id = %s", [known["deleted"].id])
    remote_actor(cursor, "nobody.example", "nobody")
    assert await delete_accounts(cursor, jobs) == 1
    cursor.execute("select username from accounts where host is not null")
    assert {name for (name,) in cursor.fetchall()} == set(names)


async def test_deleting_unused_accounts_does_not_empty_the_caches(
    cursor: Cursor, db: RolledBackDatabase, jobs: RetentionJobs, bo: Account
) -> None:
    log = InvalidationLog(db)
    before = await log.position()
    await delete_accounts(cursor, jobs)
    cursor.execute("select keys from invalidation_log where keys @> '{people}'")
    keys = {key for (found,) in cursor.fetchall() for key in found}
    assert f"a{bo.id}" in keys
    assert "*" not in keys
    assert before is not None


# --- Costs


def test_a_batch_reads_the_addresses_that_it_looks_at(cursor: Cursor, bo: Account, ada: Viewer) -> None:
    for _ in range(40):
        make.post(cursor, ada)
        make.remote_post(cursor, bo)
    cursor.execute("analyze posts, accounts")  # plans must not depend on what autovacuum saw of other tests
    cursor.execute("set local enable_seqscan = off")
    for sql, params in (
        (retention._LAST_POST, {"after": "", "limit": 5}),
        (retention._LAST_ACCOUNT, {"after": "", "limit": 5}),
        (retention._UNUSED_POSTS, {"after": "", "last": "https://b", "before": NOW}),
    ):
        cursor.execute(f"explain {sql}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "posts_by_uri" in plan or "accounts_by_uri" in plan
        assert "Seq Scan" not in plan


def test_old_acts_of_the_audit_log_are_deleted_after_the_set_time(cursor: Cursor, db: RolledBackDatabase) -> None:
    for days in (40, 20):
        audit.insert(cursor, AuditEntry(AuditAction.SERVER_RETRY, None, f"{days}.example"), now=make.NOW - timedelta(days=days))
    kept = RetentionJobs(db, lambda: make.NOW)
    limited = RetentionJobs(db, lambda: make.NOW, audit_log=timedelta(days=30))
    assert [[timer.kind for timer in service.timers] for service in (kept, limited)] == [[], ["cleanup.audit_log"]]
    for service, left in ((kept, ["20.example", "40.example"]), (limited, ["20.example"])):
        result_of(service.delete_acts())
        assert [record.entry.target for record in audit.search(cursor, page=Page(), query=AuditQuery())] == left
