"""Findings, and checks that always end: within a time limit, with a finding in place of an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, TimeoutError

from microblog.cli.context import plain
from microblog.cli.services import FAILURES
from microblog.coroutines import gather
from microblog.model.errors import describe_os_error

LIMIT_S = 15.0
"""Time limit of a check in seconds. Look-ups in the DNS give up after 7, connections to the database after 5."""


class Status(StrEnum):
    """`ERROR`: the site cannot run, or people are locked out or in danger. `WARNING`: something does not work or will not work for long."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@frozen
class Finding:
    """Result of a check. `detail` is a sentence that, for a problem, says what to do. `setting` is the setting that it concerns."""

    name: str
    status: Status
    detail: str
    setting: str | None = None

    def __str__(self) -> str:
        concerned = f" ({self.setting})" if self.setting and self.status is not Status.OK else ""
        return plain(f"{self.status:<7}  {self.name}{concerned}: {self.detail}")

    def as_json(self) -> dict[str, object]:
        """Return the fields for output. `ok` is false for an error only, as it decides the exit status."""
        is_ok = self.status is not Status.ERROR
        return {"name": self.name, "status": str(self.status), "ok": is_ok, "setting": self.setting, "detail": self.detail}


@frozen
class Check:
    """A check with the name and setting of the finding that is reported if it fails."""

    name: str
    setting: str | None
    run: Callable[[], Awaitable[Sequence[Finding]]]
    limit_s: float = LIMIT_S

    async def findings(self, reactor: Any) -> Sequence[Finding]:
        """Return the findings. Raises nothing: an error is a finding, and so is the time limit."""
        try:
            return await Deferred.fromCoroutine(_awaited(self.run)).addTimeout(self.limit_s, reactor)
        except TimeoutError:
            return [self._failed(f"no result within {self.limit_s:g} seconds")]
        except OSError as problem:
            return [self._failed(describe_os_error(problem))]
        except FAILURES as problem:
            return [self._failed(str(problem))]
        except Exception as problem:  # a check that meets something unforeseen must not hide the results of the others
            return [self._failed(f"the check failed: {type(problem).__name__}: {problem}")]

    def _failed(self, detail: str) -> Finding:
        return Finding(self.name, Status.ERROR, " ".join(detail.split()), self.setting)


async def _awaited(run: Callable[[], Awaitable[Sequence[Finding]]]) -> Sequence[Finding]:
    return await run()


async def run_all(checks: Sequence[Check], reactor: Any) -> list[Finding]:
    """Run the checks at the same time, and return their findings in the order of the checks."""
    results = await gather(check.findings(reactor) for check in checks)
    return [finding for findings in results for finding in findings]
