"""Metrics of jobs, and of what jobs send: e-mails and push notifications."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import Metric

from microblog.jobs.stats import WorkerStats
from microblog.jobs.worker import Worker
from microblog.metrics.samples import counter, gauge
from microblog.model.jobs import JobCounts

WORKER_STATS: Mapping[str, tuple[str, Callable[[WorkerStats], float]]] = {
    "started": ("Jobs that this process started.", lambda stats: stats.started),
    "completed": ("Jobs that this process completed.", lambda stats: stats.completed),
    "failed": ("Attempts that failed in this process.", lambda stats: stats.failed),
    "dead": ("Jobs that this process gave up for good.", lambda stats: stats.dead),
    "lease_lost": ("Jobs whose lease ran out while this process worked on them.", lambda stats: stats.lease_lost),
    "released": ("Unfinished jobs that this process released at shutdown.", lambda stats: stats.released),
    "duration_seconds": ("Time spent in jobs.", lambda stats: stats.duration_seconds),
    "queue_seconds": ("Time between a job's due time and its start.", lambda stats: stats.queue_seconds),
}
SITE_STATES = ("waiting", "running", "retrying", "dead")


def worker_families(workers: Mapping[str, Worker]) -> Iterator[Metric]:
    """Yield the metrics of this process's workers."""
    for name, (help, value) in WORKER_STATS.items():
        samples = [((worker,), value(each.stats)) for worker, each in workers.items()]
        yield counter(f"microblog_jobs_{name}_total", help, samples, ("worker",))
    running = [((worker,), len(each.running)) for worker, each in workers.items()]
    yield gauge("microblog_jobs_in_progress", "Jobs that this process runs now.", running, ("worker",))
    results, seconds = Counter[tuple[str, str]](), defaultdict[str, float](float)
    for each in workers.values():
        results += each.stats.results
        for kind, spent in each.stats.seconds.items():
            seconds[kind] += spent
    help = "Attempts in this process by kind of job and result; dead ones, which are given up for good, are also counted as failed."
    yield counter("microblog_job_results_total", help, sorted(results.items()), ("kind", "result"))
    help = "Time that this process spent in jobs, by kind."
    yield counter("microblog_job_duration_seconds_total", help, [((kind,), spent) for kind, spent in sorted(seconds.items())], ("kind",))


def job_families(kinds: Mapping[str, JobCounts]) -> Iterator[Metric]:
    """Yield the numbers of jobs of the whole site."""
    counts = [((kind, state), getattr(each, state)) for kind, each in kinds.items() for state in SITE_STATES]
    yield gauge("microblog_jobs", "Jobs of the site by kind and state; waiting includes retrying.", counts, ("kind", "state"))
    due = [((kind,), each.oldest_due.timestamp()) for kind, each in kinds.items() if each.oldest_due]
    yield gauge("microblog_jobs_oldest_due_timestamp_seconds", "Due time of the oldest waiting job of a kind.", due, ("kind",))


def sending_families(emails: Mapping[str, int], pushes: Mapping[str, int]) -> Iterator[Metric]:
    """Yield the results of what this process tried to send."""
    results = [((result,), count) for result, count in sorted(emails.items())]
    help = "Attempts of this process to deliver an e-mail, by result; those without a mail server are `kept` as files."
    yield counter("microblog_emails_total", help, results, ("result",))
    results = [((result,), count) for result, count in sorted(pushes.items())]
    help = "Attempts of this process to deliver a push notification, by result; `gone` ends the subscription."
    yield counter("microblog_push_notifications_total", help, results, ("result",))
