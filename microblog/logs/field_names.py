"""The fields of log events. Their names are stable: what reads the logs depends on them."""

from __future__ import annotations

from typing import Final

ALWAYS: Final = {
    "time": "when it happened, in UTC (RFC 3339)",
    "level": "`debug`, `info`, `warn`, `error` or `critical`",
    "logger": "the module that logs, or `microblog.access` for requests",
    "message": "a sentence",
}
"""Fields of each event."""

FIELDS: Final = {
    "event": "name of an event that is meant to be counted or followed, see below",
    "request_id": "id of the request that caused the event, directly or through a job; the client got it as `X-Request-Id`",
    "user_id": "account id of the user who sent the request",
    "route": "the route that served the request",
    "job_id": "id of the job",
    "job_kind": "kind of the job, as on `/admin/jobs`",
    "exception": "class of a Python exception",
    "traceback": "where the exception was raised",
    "client": "address of the client",
    "method": "method of the request",
    "path": "path of the request, never its query; a path with a token is replaced by its pattern",
    "status": "HTTP status of the response",
    "bytes": "length of the response's body",
    "duration_ms": "duration in milliseconds",
    "subject": "data that a process reads again after a change",
    "transaction": "function that runs in a database transaction",
    "statement": "SQL of its slowest statement, without values",
    "statement_ms": "duration of that statement in milliseconds",
    "stack": "what the process was doing",
    "migration": "file of a migration of the database",
    "action": "what a moderator or administrator did",
    "target": "the account, domain or other thing that it was done to",
    "reason": "why something failed",
    "command": "a command line for the administrator",
    "address": "address that the site listens on",
    "data_dir": "the data directory",
    "registration": "who can sign up",
    "url": "public address of the site",
    "version": "release of the site",
    "setting": "name of a setting",
    "count": "a number of things",
    "host": "host of another server, of a push service, or of e-mail addresses",
    "attempt": "number of the attempt",
    "retry_at": "when the next attempt is due",
    "email_id": "id of an e-mail in the outbox",
    "email_kind": "kind of the e-mail",
    "notification_id": "id of a notification",
    "account_id": "id of an account",
    "timer": "name of a timer",
    "event_kind": "kind of an entry of the event log",
    "position": "position in the event log",
    "seconds": "a number of seconds",
    "line": "a line that another program wrote",
}
"""Fields of some events, by name, with their meaning."""

KNOWN: Final = frozenset(FIELDS)
