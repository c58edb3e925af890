"""Follow-up of each commit of this process: reads new events, changed cache keys and jobs at once, without another thread hop.

The wake-up of a commit would make the broadcaster, the caches and the worker ask the database one after the other, each in a thread.
Instead, the thread of the command sends one query for all of them together with its commit. What it read is applied only if nobody has
read further meanwhile; else they are woken as usual.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import cast

from microblog.adapters.pg_notify import PgNotifyWakeup
from microblog.adapters.redis import Redis
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.jobs.worker import Worker
from microblog.live.broadcaster import Broadcaster
from microblog.live.event_log import DatabaseEventLog
from microblog.live.wakeup import MemoryWakeup
from microblog.model.events import Event
from microblog.storage.database import Cursor, FollowUp, execute_deferred
from microblog.storage.follow_up import after_commit


def follow_up(
    wake: Redis | PgNotifyWakeup | MemoryWakeup, feed: Broadcaster, changes: InvalidationLog, worker: Worker
) -> Callable[[], FollowUp | None]:
    """Return the `Database.follow_up` that wakes the other processes and serves the broadcaster, the caches and the worker of this one."""

    log, kinds = cast("DatabaseEventLog", feed.log), list(worker.tasks)

    def begin() -> FollowUp | None:
        position, reading = feed.position, changes.reading()
        if reading is None:
            return None

        def read(cursor: Cursor) -> Callable[[], None]:
            if isinstance(wake, PgNotifyWakeup):
                execute_deferred(cursor, wake.statement)
            soon = worker.now() + timedelta(seconds=worker.poll)
            found = after_commit(cursor, events_after=position, changed_since=reading.since, kinds=kinds, soon=soon)
            result = log.result_of(found)

            def apply() -> None:
                reading.apply(found.log_position, found.keys)  # before the events, so that what they changed is known
                if isinstance(wake, Redis):
                    wake.send_to_others()
                feed.polled(position, result)
                worker.checked(found.due)

            return apply

        return read

    return begin


def catch_up_with(changes: InvalidationLog, event: Event) -> None:
    """Let the caches read changes before an event is delivered, unless they already have."""
    if not changes.includes(event.position.xid):
        changes.wake()
