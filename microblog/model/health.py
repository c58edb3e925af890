"""Health of a process and its site: named checks with their measurements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from attrs import frozen


class CheckState(StrEnum):
    """State of a check. A warning is for the administrator: the process can serve. Unknown: it could not be measured."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FAILED = "failed"


@frozen
class HealthCheck:
    """Result of a check with a sentence for the administrator. `value` and `threshold` are in `unit`; None if there are none."""

    name: str
    state: CheckState
    message: str
    value: float | None = None
    threshold: float | None = None
    unit: str = ""


@frozen
class HealthReport:
    """Results of all checks."""

    checks: Sequence[HealthCheck]

    @property
    def state(self) -> CheckState:
        """The worst state of a check, but not unknown: its cause has a check of its own."""
        states = {check.state for check in self.checks}
        return next((state for state in (CheckState.FAILED, CheckState.WARNING) if state in states), CheckState.OK)

    @property
    def is_ready(self) -> bool:
        """True unless a check failed."""
        return self.state is not CheckState.FAILED

    def failed(self, name: str) -> bool:
        """True if the check of this name failed."""
        return any(check.name == name and check.state is CheckState.FAILED for check in self.checks)


@frozen
class HealthThresholds:
    """Limits of what can be measured, in seconds and bytes. 0: the check never fails, but for `response_s`.

    `response_s`: how long the database and other services may take to respond. `email_delay_s`: how long e-mails about notifications wait
    on purpose.
    """

    response_s: float
    job_age_s: float
    email_age_s: float
    email_delay_s: float
    feed_lag_s: float
    disk_free_bytes: float
    clock_difference_s: float


@frozen
class SiteState:
    """The state of the site in the database.

    `now` is the time there. `due_at`: when the next job is due, or was. `unsent_since`: when the oldest e-mail was written that waits since
    the last one that was accepted. `unread_since`: time of the oldest event that readers cannot see yet, because an older transaction runs.
    `migrations`: the names of all that were applied.
    """

    now: datetime
    due_at: datetime | None
    unsent_since: datetime | None
    unread_since: datetime | None
    migrations: Sequence[str]
