"""Who does which jobs in a process."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from twisted.internet.task import Clock

from microblog.adapters.push_client import PushClient
from microblog.domain import notify
from microblog.domain.attachments import Attachments
from microblog.domain.polls import Polls
from microblog.domain.scheduled import Schedules
from microblog.domain.statistics import DailyStatistics
from microblog.jobs import post_jobs
from microblog.jobs.post_jobs import SLOW
from microblog.jobs.push_jobs import NOTIFIED_JOB
from microblog.storage.database import Cursor
from microblog.storage.push_subscriptions import SEND_JOB
from microblog.workers import JobServices, Workers
from tests import make
from tests.fakes import RolledBackDatabase, world
from tests.mailbox import UTC, postman
from tests.push_service import pushing


def crew(cursor: Cursor, data_dir: Path) -> Workers:
    """That of a whole site."""
    db = RolledBackDatabase(cursor)
    posts, external = make.posts(db), world(data_dir)
    attachments = Attachments(db, external.studio, posts.now, external.pause)
    done_for_posts = post_jobs.tasks(
        attachments, None, Polls(db, posts.now), Schedules(db, posts, posts.now), notify.PostNotifier(db, posts.now)
    )
    pushes = pushing(db, lambda: make.NOW, PushClient(Clock(), "microblog/1"))
    duties = JobServices(DailyStatistics(db, UTC, lambda: make.NOW), done_for_posts, postman(cursor).mailing, pushes, timedelta(days=7))
    return Workers.build(duties, db, lambda: make.NOW, Clock())


def test_each_kind_of_job_is_done_by_one_worker_of_a_process(cursor: Cursor, tmp_path: Path) -> None:
    workers = crew(cursor, tmp_path).workers.values()
    kinds = [kind for worker in workers for kind in worker.tasks]
    assert len(kinds) == len(set(kinds))
    assert len({worker.name for worker in workers}) == len(workers)


def test_people_are_not_told_by_the_worker_that_waits_for_other_machines(cursor: Cursor, tmp_path: Path) -> None:
    hired = crew(cursor, tmp_path)
    assert set(hired.slow.tasks) == SLOW
    assert notify.JOB in hired.quick.tasks
    assert hired.quick.wake in hired.wake_on_commit


def test_who_waits_for_push_services_does_nothing_else_and_is_not_woken_by_each_commit(cursor: Cursor, tmp_path: Path) -> None:
    hired = crew(cursor, tmp_path)
    assert set(hired.push.tasks) == {SEND_JOB}
    assert NOTIFIED_JOB in hired.quick.tasks
    assert hired.push.wake not in hired.wake_on_commit


def test_every_timer_has_somebody_who_does_its_job(cursor: Cursor, tmp_path: Path) -> None:
    hired = crew(cursor, tmp_path)
    kinds = {kind for worker in hired.workers.values() for kind in worker.tasks}
    assert {timer.kind for timer in hired.ticking.schedule.timers} <= kinds
