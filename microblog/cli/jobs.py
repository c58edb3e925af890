"""`microblog jobs`: the queue of background jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from microblog.cli.context import Console, as_json, confirm, plain, show, table, yes
from microblog.model.ids import JobId
from microblog.model.jobs import Job, JobState
from microblog.model.paging import Page

if TYPE_CHECKING:
    from microblog.cli.services import Services

COLUMNS = ("id", "kind", "state", "tries", "due_at", "last_error")
COUNT_COLUMNS = ("kind", "waiting", "running", "retrying", "failed", "oldest_due")
STATES = {"waiting": JobState.WAITING, "running": JobState.RUNNING, "done": JobState.DONE, "failed": JobState.DEAD}
WORDS = {state: word for word, state in STATES.items()}
MAX_ERROR = 60  # characters of an error in the table


@click.group()
def jobs() -> None:
    """List, retry and discard background jobs."""


def described(job: Job) -> dict[str, object]:
    """Return a job's fields for output."""

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat(timespec="seconds")

    return {
        "id": str(job.id),
        "kind": job.kind,
        "state": WORDS[job.state],
        "tries": job.tries,
        "due_at": at(job.due_at),
        "created_at": at(job.created_at),
        "finished_at": at(job.finished_at),
        "key": job.key,
        "payload": dict(job.payload),
        "last_error": job.last_error,
    }


@jobs.command("list")
@click.option("--state", type=click.Choice(list(STATES)), default="failed", show_default=True, help="Only jobs in this state.")
@click.option("--kind", help="Only jobs of this kind.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Maximum number of jobs.")
@click.option("--before", type=click.IntRange(1), help="Only jobs with an id below this one, for the next page.")
@as_json
@click.pass_obj
def list_(console: Console, /, state: str, kind: str | None, as_json: bool, **bounds: int | None) -> None:
    """List jobs, newest first: those that failed for good, or with --state others."""
    page = Page(limit=bounds["limit"] or 0, max_id=bounds["before"])
    rows = [described(job) for job in console.run(lambda services: services.jobs.page(STATES[state], page, kind=kind))]
    shown = [{**row, "last_error": str(row["last_error"])[:MAX_ERROR]} for row in rows]
    show(rows, table(shown, COLUMNS) if rows else f"No {state} jobs.", as_json=as_json)


@jobs.command("count")
@as_json
@click.pass_obj
def count(console: Console, as_json: bool) -> None:
    """Count the jobs of each kind that wait, run, are being retried or have failed."""
    counted = console.run(lambda services: services.jobs.by_kind())
    rows: list[dict[str, object]] = [
        {
            "kind": kind,
            "waiting": numbers.waiting,
            "running": numbers.running,
            "retrying": numbers.retrying,
            "failed": numbers.dead,
            "oldest_due": numbers.oldest_due and numbers.oldest_due.isoformat(timespec="seconds"),
        }
        for kind, numbers in counted.items()
    ]
    show(rows, table(rows, COUNT_COLUMNS) if rows else "No jobs.", as_json=as_json)


def _chosen(ids: tuple[int, ...], every: bool, kind: str | None) -> None:
    if bool(ids) is every:
        raise click.UsageError("Give either the IDs of jobs or --failed.")
    if kind is not None and not every:
        raise click.UsageError("--kind needs --failed.")


async def _each(services: Services, ids: tuple[int, ...], kind: str | None, act: Callable[[JobId], Awaitable[None]]) -> int:
    """Act on the jobs with these ids, or on all failed ones; return their number."""
    if ids:
        for id in ids:
            await act(JobId(id))
        return len(ids)
    return await services.jobs.each_failed(act, kind=kind)


@jobs.command()
@click.argument("ids", metavar="[ID]...", type=click.IntRange(1, 2**63 - 1), nargs=-1)
@click.option("--failed", is_flag=True, help="Retry all jobs that failed for good.")
@click.option("--kind", help="With --failed: only jobs of this kind.")
@as_json
@click.pass_obj
def retry(console: Console, /, ids: tuple[int, ...], failed: bool, kind: str | None, as_json: bool) -> None:
    """Run failed or waiting jobs now, with all their attempts.

    Each job is changed by itself: after an interruption, call it again for the rest.
    """
    _chosen(ids, failed, kind)
    number = console.run(lambda services: _each(services, ids, kind, services.jobs.retry))
    show({"retried": number}, f"Jobs that run now: {number}", as_json=as_json)


@jobs.command()
@click.argument("ids", metavar="[ID]...", type=click.IntRange(1, 2**63 - 1), nargs=-1)
@click.option("--failed", is_flag=True, help="Discard all jobs that failed for good.")
@click.option("--kind", help="With --failed: only jobs of this kind.")
@yes
@as_json
@click.pass_obj
def discard(console: Console, /, ids: tuple[int, ...], failed: bool, kind: str | None, **flags: bool) -> None:
    """Delete failed or waiting jobs: their work is never done.

    Each job is deleted by itself: after an interruption, call it again for the rest.
    """
    _chosen(ids, failed, kind)
    if not flags["yes"]:
        which = f"{len(ids)} jobs" if ids else f"all failed jobs{f' of the kind {plain(kind)}' if kind else ''}"
        confirm(f"Discard {which}? Their work is never done.")
    number = console.run(lambda services: _each(services, ids, kind, services.jobs.discard))
    show({"discarded": number}, f"Discarded jobs: {number}", as_json=flags["as_json"])
