"""Follow-up of each commit of this process: reads new events, changed cache keys and jobs at once, without another thread hop.

The wake-up of a commit would make the broadcaster, the caches and the worker ask the database one after the other, each in a thread.
Instead, the thread of the command asks for all of them before it returns. What it read is applied only if nobody has read further
meanwhile; else they are woken as usual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from microblog.adapters.pg_notify import PgNotifyWakeup
from microblog.adapters.redis import Redis
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.jobs.worker import Worker
from microblog.live.broadcaster import Broadcaster
from microblog.live.event_log import DatabaseEventLog
from microblog.live.wakeup import MemoryWakeup
from microblog.model.events import Event
from microblog.storage import jobs
from microblog.storage.database import Cursor, FollowUp, execute_deferred


def follow_up(
    wake: Redis | PgNotifyWakeup | MemoryWakeup, feed: Broadcaster, changes: InvalidationLog, worker: Worker
) -> Callable[[], FollowUp]:
    """Return the `Database.follow_up` that wakes the other processes and serves the broadcaster, the caches and the worker of this one."""

    log = cast("DatabaseEventLog", feed.log)

    def begin() -> FollowUp:
        position, read_changes = feed.position, changes.follow_up()

        def read(cursor: Cursor) -> Callable[[], None]:
            if isinstance(wake, PgNotifyWakeup):
                execute_deferred(cursor, wake.statement)
            result = log.poll_within(cursor, position)
            apply_changes = read_changes(cursor)  # after the events, so that no event is delivered before what it changed is known
            due = jobs.next_due(cursor, kinds=list(worker.tasks))

            def apply() -> None:
                apply_changes()
                if isinstance(wake, Redis):
                    wake.send_to_others()
                feed.polled(position, result)
                worker.checked(due)

            return apply

        return read

    return begin


def catch_up_with(changes: InvalidationLog, event: Event) -> None:
    """Let the caches read changes before an event is delivered, unless they already have."""
    if not changes.includes(event.position.xid):
        changes.wake()
