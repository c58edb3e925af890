"""Position in the event log up to which outgoing activities were made, and the lock of the one process that makes them."""

from __future__ import annotations

from microblog.model.events import Position
from microblog.storage.database import Cursor, Prepared, execute, fetch_one, fetch_value
from microblog.storage.live_queries import start_position

LOCK = 0x6F757462  # "outb"


def lock(cursor: Cursor) -> bool:
    """Take the lock until the transaction ends; False if another process has it."""
    return bool(fetch_value(cursor, "select pg_try_advisory_xact_lock(%(key)s)", {"key": LOCK}))


def read(cursor: Cursor) -> Position | None:
    """Return the stored position; None before the first start."""
    return fetch_one(cursor, _position, _READ)


_READ = Prepared("select epoch, xid::text, id from outbound_position")


def store(cursor: Cursor, position: Position) -> None:
    """Store the position."""
    execute(cursor, _STORE, {"epoch": position.epoch, "xid": str(position.xid), "id": position.id})


_STORE = Prepared("""insert into outbound_position (epoch, xid, id) values (%(epoch)s, %(xid)s::text::xid8, %(id)s)
    on conflict (is_only) do update set epoch = excluded.epoch, xid = excluded.xid, id = excluded.id""")


def epoch(cursor: Cursor) -> str | None:
    """Return the epoch of the event log; None if it was never opened."""
    found = fetch_value(cursor, "select epoch from event_log")
    return None if found is None else str(found)


def end_of_log(cursor: Cursor, epoch: str) -> Position:
    """Return the position after all events that can be read now."""
    return Position(epoch, *start_position(cursor, back=0))


def has_more(cursor: Cursor) -> bool:
    """True if events may follow the stored position, or if it belongs to another epoch."""
    return bool(fetch_value(cursor, _HAS_MORE))


# The newest event decides: to ask whether any follows would read the whole log each time that none does.
_HAS_MORE = Prepared("""select l.epoch is distinct from p.epoch
        or (select (e.xid, e.id) > (p.xid, p.id) from events e order by e.xid desc, e.id desc limit 1)
    from event_log l left join outbound_position p on true""")


def _position(epoch: str, xid: str, id: int) -> Position:
    return Position(epoch, int(xid), id)
