"""Counters of a worker, for metrics."""

from __future__ import annotations

from collections import Counter, defaultdict

from attrs import Factory, define


@define
class WorkerStats:
    """Counters of a worker. `duration_seconds` is time spent in tasks, `queue_seconds` time from due to start, summed over all jobs.

    `results` counts attempts by kind of job and result: completed, failed, dead. `seconds` is time spent in tasks by kind.
    """

    started: int = 0
    completed: int = 0
    failed: int = 0
    dead: int = 0
    lease_lost: int = 0
    released: int = 0
    duration_seconds: float = 0.0
    queue_seconds: float = 0.0
    results: Counter[tuple[str, str]] = Factory(Counter)
    seconds: dict[str, float] = Factory(lambda: defaultdict(float))

    def count(self, kind: str, *, failed: bool = False, dead: bool = False) -> None:
        """Count an attempt whose outcome was recorded."""
        self.completed += not failed
        self.failed += failed
        self.dead += dead
        self.results[kind, "failed" if failed else "completed"] += 1
        if dead:
            self.results[kind, "dead"] += 1
