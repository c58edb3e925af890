"""The checks of health: from measurements and thresholds to results with a sentence each. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from microblog.model.health import CheckState, HealthCheck, HealthThresholds, SiteState


class Heartbeat(Protocol):
    """A background component, such as the broadcaster or a job worker."""

    def healthy(self) -> bool:
        """True if it queried the database recently."""

    def age(self) -> float:
        """Seconds since its last query."""


def database_check(state: SiteState | None, seconds: float, limit_s: float) -> HealthCheck:
    """Return the check of the database. `state` is None if it did not respond."""
    if state is None:
        return HealthCheck("database", CheckState.FAILED, "PostgreSQL does not respond.", round(seconds, 3), limit_s, "seconds")
    return HealthCheck("database", CheckState.OK, "PostgreSQL responds.", round(seconds, 3), limit_s, "seconds")


def migrations_check(applied: Collection[str], known: Collection[str]) -> HealthCheck:
    """Return the check of the schema. Migrations of a newer release do not disturb this one, which has to be replaced soon."""
    missing, unknown = sorted(set(known) - set(applied)), sorted(set(applied) - set(known))
    if missing:
        message = f"The database lacks migrations of this release: {', '.join(missing)}. Restart the process, or run `microblog migrate`."
        return HealthCheck("migrations", CheckState.FAILED, message, len(missing), 0, "migrations")
    if unknown:
        message = f"The database has migrations of a newer release: {', '.join(unknown)}. Restart this process with that release."
        return HealthCheck("migrations", CheckState.WARNING, message, len(unknown), 0, "migrations")
    return HealthCheck("migrations", CheckState.OK, "The database has the schema of this release.", 0, 0, "migrations")


def job_check(due_at: datetime | None, now: datetime, limit_s: float) -> HealthCheck:
    """Return the check of the oldest job that is due."""
    late = 0.0 if due_at is None else max(0.0, (now - due_at).total_seconds())
    failed = f"A job has been due for {_long(late)}: its workers do not run, or more jobs come in than are done."
    return _bounded("jobs", late, limit_s, "No job is late.", failed)


def mail_check(since: datetime | None, now: datetime, delay_s: float, limit_s: float) -> HealthCheck:
    """Return the check of the oldest e-mail that is due."""
    late = 0.0 if since is None else max(0.0, (now - since).total_seconds() - delay_s)
    failed = f"No e-mail was accepted for {_long(late)}. `microblog mail test ADDRESS` shows the response of the mail server."
    return _bounded("mail", late, limit_s, "E-mails are sent.", failed)


def feed_check(since: datetime | None, now: datetime, age_s: float, limit_s: float) -> HealthCheck:
    """Return the check of live delivery, which is late if the log is not read, or if an open transaction holds events back."""
    held_back = 0.0 if since is None else max(0.0, (now - since).total_seconds())
    reason = "an open transaction holds back events" if held_back > age_s else "this process does not read the event log"
    late = max(held_back, age_s)
    return _bounded("feed", late, limit_s, "Streams are up to date.", f"Streams are {_long(late)} late: {reason}.")


def clock_check(difference_s: float, limit_s: float) -> HealthCheck:
    """Return the check of the clocks of this machine and the database's."""
    failed = f"The clocks of this machine and of PostgreSQL differ by {_long(difference_s)}. Synchronise both, for example with chrony."
    return _bounded("clock", difference_s, limit_s, "The clocks of this machine and of PostgreSQL agree.", failed)


def difference_of(database: datetime, before: datetime, after: datetime) -> float:
    """Return by how many seconds the database's time is outside those before and after it was asked."""
    return max(0.0, (database - after).total_seconds(), (before - database).total_seconds())


def disk_check(free: int | None, limit: float) -> HealthCheck:
    """Return the check of the data directory's disk. `free` is in bytes, None if it cannot be measured."""
    megabytes, least = None if free is None else free // 1_000_000, limit // 1_000_000
    if megabytes is None:
        return HealthCheck("disk", CheckState.FAILED, "The data directory does not respond.", None, least, "megabytes")
    state = CheckState.FAILED if megabytes < least else CheckState.OK
    return HealthCheck("disk", state, f"The disk of the data directory has {megabytes:,} MB left.", megabytes, least, "megabytes")


def component_check(components: Mapping[str, Heartbeat]) -> HealthCheck:
    """Return the check of the parts of this process that work in the background."""
    stuck = {name: component.age() for name, component in components.items() if not component.healthy()}
    if not stuck:
        return HealthCheck("components", CheckState.OK, "All background components make progress.", 0, 0, "components")
    listed = ", ".join(f"{name} ({_long(age)})" for name, age in stuck.items())
    return HealthCheck("components", CheckState.FAILED, f"These make no progress: {listed}.", len(stuck), 0, "components")


def redis_check(responds: bool, seconds: float, limit_s: float) -> HealthCheck:
    """Return the check of Redis."""
    failed = "Redis does not respond: other processes get events up to a second later, and each counts rate limits for itself."
    state, message = (CheckState.OK, "Redis responds.") if responds else (CheckState.FAILED, failed)
    return HealthCheck("redis", state, message, round(seconds, 3), limit_s, "seconds")


def storage_check(problem: str | None) -> HealthCheck:
    """Return the check of the object storage. `problem` is empty if it can be used, None if it does not respond."""
    if problem == "":
        return HealthCheck("storage", CheckState.OK, "The bucket for media responds.", 0, 0, "problems")
    reason = "it does not respond." if problem is None else problem
    message = f"Media cannot be uploaded, and some not be seen: {reason}"
    return HealthCheck("storage", CheckState.FAILED, message, 1, 0, "problems")


def proxy_check(problems: Sequence[str]) -> HealthCheck:
    """Return the check of the reverse proxy. It only warns: requests show the problems, and anybody can send some."""
    if not problems:
        return HealthCheck("proxy", CheckState.OK, "Requests fit the settings about proxies.", 0, 0, "problems")
    return HealthCheck("proxy", CheckState.WARNING, " ".join(problems), len(problems), 0, "problems")


def unknown_checks() -> Iterator[HealthCheck]:
    """Yield what only the database knows, while it does not respond."""
    for name in ("migrations", "jobs", "mail", "clock"):
        yield HealthCheck(name, CheckState.UNKNOWN, "PostgreSQL does not respond.")


def site_checks(state: SiteState, thresholds: HealthThresholds, known: Collection[str]) -> Iterator[HealthCheck]:
    """Yield the checks of what is in the database. Ages are measured by its clock."""
    yield migrations_check(state.migrations, known)
    yield job_check(state.due_at, state.now, thresholds.job_age_s)
    yield mail_check(state.unsent_since, state.now, thresholds.email_delay_s, thresholds.email_age_s)


def _bounded(name: str, value: float, limit: float, ok: str, failed: str) -> HealthCheck:
    if limit and value > limit:
        return HealthCheck(name, CheckState.FAILED, failed, round(value, 3), limit, "seconds")
    return HealthCheck(name, CheckState.OK, ok, round(value, 3), limit or None, "seconds")


def _long(seconds: float) -> str:
    """Return a duration for people, to the second."""
    return str(timedelta(seconds=round(seconds))) if seconds >= 60 else f"{seconds:.0f} seconds"
