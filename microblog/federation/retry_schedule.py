"""Retries of deliveries to other servers, and the health of their hosts. Pure: time and chance are arguments.

A delivery is tried for about two days. A host that keeps failing pauses, so that one connection at a time is wasted on it; one that fails
on seven days without a success in between is dead, and nothing is queued for it until it sends something itself.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum, auto

from attrs import frozen

from microblog.model.deliveries import HostState

PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (15, 60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 12 * 3_600, 12 * 3_600)
)
"""After each failed try. The try after the last pause is the last one."""
MAX_RETRY_AFTER = timedelta(days=1)
FAILURES_BEFORE_PAUSE = 10  # in a row
FIRST_HOST_PAUSE, MAX_HOST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
DAYS_BEFORE_DEATH = 7  # with failures and without a success

_TRY_AGAIN = frozenset({401, 408, 429})
_SECONDS = re.compile(r"[0-9]{1,9}")


class TransportFailure(StrEnum):
    """Reason for which there was no response."""

    NETWORK = auto()  # name, connection, time limit; TLS too: certificates expire, and are renewed
    ADDRESS_NOT_ALLOWED = auto()


class Outcome(StrEnum):
    """Consequence of a try for its delivery."""

    DELIVERED = auto()
    RETRY = auto()
    GIVE_UP = auto()
    INBOX_GONE = auto()  # the account was deleted: everything that waits for this inbox is given up


@frozen
class Attempt:
    """Result of one try: the status of the response, or why there is none. `retry_after` is the header of the response."""

    result: int | TransportFailure
    retry_after: str | None = None
    author_is_deleted: bool = False

    def outcome(self) -> Outcome:
        """Return what follows. Deliveries of a deleted author are not retried after 401: its key can no longer be fetched."""
        if isinstance(self.result, TransportFailure):
            return Outcome.RETRY if self.result is TransportFailure.NETWORK else Outcome.GIVE_UP
        if 200 <= self.result < 300:
            return Outcome.DELIVERED
        if self.result == 410:
            return Outcome.INBOX_GONE
        if self.result == 401 and self.author_is_deleted:
            return Outcome.GIVE_UP
        refused = self.result == 501 or (400 <= self.result < 500 and self.result not in _TRY_AGAIN)
        return Outcome.GIVE_UP if refused else Outcome.RETRY

    def host_failed(self) -> bool:
        """True if the host as a whole does not work: there was no response, or the server failed."""
        return isinstance(self.result, TransportFailure) or self.result == 408 or (self.result >= 500 and self.result != 501)


def next_try(attempt: Attempt, tries: int, now: datetime, chance: float) -> datetime | None:
    """Return when to try again after this number of tries (1 or more); None if the delivery is given up.

    `chance` is uniform in [0, 1): pauses vary by a quarter in both directions, so that what failed together is not tried together.
    """
    if attempt.outcome() is not Outcome.RETRY or tries > len(PAUSES):
        return None
    pause = PAUSES[max(tries, 1) - 1] * (0.75 + chance / 2)
    return max(now + pause, retry_time(attempt.retry_after, now) or now)


def retry_time(header: str | None, now: datetime) -> datetime | None:
    """Return the time in a `Retry-After` header (RFC 9110, section 10.2.3), at most a day from now; None if there is none in the future."""
    if header is None:
        return None
    text = header.strip()
    try:
        time = now + timedelta(seconds=int(text)) if _SECONDS.fullmatch(text) else _utc(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return None
    return min(time, now + MAX_RETRY_AFTER) if time > now else None


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def after_attempt(state: HostState, attempt: Attempt, now: datetime) -> HostState:
    """Return the state of the host after a try. A response that refuses one activity shows that the host works."""
    if not attempt.host_failed():
        until = retry_time(attempt.retry_after, now) if attempt.result == 429 else None
        return HostState(paused_until=until)
    failures = state.failures + 1
    days = tuple(sorted({*state.failed_days, now.astimezone(UTC).date()}))[-DAYS_BEFORE_DEATH:]
    is_dead = len(days) >= DAYS_BEFORE_DEATH
    return HostState(
        failures=failures,
        failed_days=days,
        last_error=str(attempt.result),
        paused_until=max(filter(None, (_pause_end(failures, now), retry_time(attempt.retry_after, now))), default=None),
        dead_since=state.dead_since or (now if is_dead else None),
    )


def _pause_end(failures: int, now: datetime) -> datetime | None:
    """Return until when a host pauses after this number of failures in a row: a minute after ten, doubled by each further one."""
    if failures < FAILURES_BEFORE_PAUSE:
        return None
    doublings = min(failures - FAILURES_BEFORE_PAUSE, 10)
    return now + min(FIRST_HOST_PAUSE * (1 << doublings), MAX_HOST_PAUSE)
