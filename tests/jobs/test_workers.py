"""Tests of the assignment of jobs to workers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from twisted.internet.task import Clock

from microblog.adapters.push_client import PushClient
from microblog.domain import notify
from microblog.domain.attachments import Attachments
from microblog.domain.polls import Polls
from microblog.domain.profile_links import ProfileLinks
from microblog.domain.scheduled import Schedules
from microblog.domain.statistics import DailyStatistics
from microblog.jobs import media_count_jobs, post_jobs, profile_jobs
from microblog.jobs.post_jobs import SLOW
from microblog.jobs.push_jobs import NOTIFIED_JOB
from microblog.storage.database import Cursor
from microblog.storage.push_subscriptions import SEND_JOB
from microblog.workers import JobServices, Workers
from tests import make
from tests.fakes import RolledBackDatabase, external_services
from tests.mailbox import UTC, email_worker
from tests.push_service import build_push_jobs


def build_workers(cursor: Cursor, data_dir: Path) -> Workers:
    """Return the workers of a complete site."""
    db = RolledBackDatabase(cursor)
    posts, external = make.post_service(db), external_services(data_dir)
    attachments = Attachments(db, external.media_store, posts.now, external.pause)
    post_tasks = post_jobs.tasks(
        attachments, None, Polls(db, posts.now), Schedules(db, posts, posts.now), notify.PostNotifier(db, posts.now)
    )
    post_tasks |= profile_jobs.tasks(ProfileLinks(db, "https://example.org", posts.now))
    post_tasks |= media_count_jobs.tasks(db, external.media_store.files, posts.now)
    push_jobs = build_push_jobs(db, lambda: make.NOW, PushClient(Clock(), "microblog/1"))
    services = JobServices(
        DailyStatistics(db, UTC, lambda: make.NOW), post_tasks, email_worker(cursor).email_jobs, push_jobs, timedelta(days=7)
    )
    return Workers.build(services, db, lambda: make.NOW, Clock())


def test_each_kind_of_job_belongs_to_one_worker(cursor: Cursor, tmp_path: Path) -> None:
    workers = build_workers(cursor, tmp_path).workers.values()
    kinds = [kind for worker in workers for kind in worker.tasks]
    assert len(kinds) == len(set(kinds))
    assert len({worker.name for worker in workers}) == len(workers)


def test_notifications_do_not_wait_for_slow_jobs(cursor: Cursor, tmp_path: Path) -> None:
    workers = build_workers(cursor, tmp_path)
    assert set(workers.slow.tasks) == SLOW | profile_jobs.SLOW | media_count_jobs.SLOW
    assert notify.JOB in workers.quick.tasks
    assert workers.quick.wake in workers.wake_on_commit


def test_the_push_worker_does_nothing_else_and_is_not_woken_by_commits(cursor: Cursor, tmp_path: Path) -> None:
    workers = build_workers(cursor, tmp_path)
    assert set(workers.push.tasks) == {SEND_JOB}
    assert NOTIFIED_JOB in workers.quick.tasks
    assert workers.push.wake not in workers.wake_on_commit


def test_every_timer_has_a_worker_for_its_jobs(cursor: Cursor, tmp_path: Path) -> None:
    workers = build_workers(cursor, tmp_path)
    kinds = {kind for worker in workers.workers.values() for kind in worker.tasks}
    assert {timer.kind for timer in workers.scheduler.schedule.timers} <= kinds
