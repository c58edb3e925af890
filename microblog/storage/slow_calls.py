"""Log of database calls that take too long, with the function that ran in the transaction and its slowest statement."""

from __future__ import annotations

import re

from attrs import define
from twisted.logger import Logger

from microblog.storage.statements import PipeliningConnection, Prepared

MAX_STATEMENT_LENGTH = 500  # characters
_EXECUTE = re.compile(r"execute (prepared_\w+)")

_log = Logger()


@define
class SlowCalls:
    """Logs each call that takes at least `threshold_s` seconds on its connection; at 0, all calls."""

    threshold_s: float = 1.0

    def ended(self, name: str, seconds: float, connection: PipeliningConnection) -> None:
        """Log the call of the function with this name if it was slow."""
        if seconds < self.threshold_s:
            return
        _log.warn(
            "The transaction {transaction} took {duration_ms} ms; its slowest statement took {statement_ms} ms: {statement}",
            event="slow_transaction",
            transaction=name,
            duration_ms=round(seconds * 1_000, 1),
            statement_ms=round(connection.slowest_s * 1_000, 1),
            statement=shown(connection.slowest),
        )


def shown(statement: object) -> str:
    """Return the SQL without values, in one line. Statements that are sent with values in them (bytes) are not shown."""
    if not isinstance(statement, str):
        return "statements sent together"
    prepared = _EXECUTE.match(statement)
    sql = Prepared.by_name.get(prepared[1], statement) if prepared else statement
    text = " ".join(sql.split())
    return text if len(text) <= MAX_STATEMENT_LENGTH else f"{text[:MAX_STATEMENT_LENGTH]}..."
