"""Connections that lose their authorization through an event. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from microblog.live.connections import Connections
from microblog.live.subscriber import Subscriber
from microblog.model.events import Event, EventKind

_LOCKED_OUT = frozenset({EventKind.ACCOUNT_DISABLED, EventKind.ACCOUNT_SUSPENDED, EventKind.ACCOUNT_DELETED})


def revoked_connections(event: Event, connections: Connections) -> Iterator[Subscriber]:
    """Yield the connections whose account, session or token was revoked by the event."""
    if event.account_id is None:
        return
    if event.kind in _LOCKED_OUT:
        yield from connections.of(event.account_id)
    elif event.kind is EventKind.SESSION_ENDED:
        all_credentials, revoked, excepted = (event.data.get(key) for key in ("all", "session", "except"))
        for subscriber in connections.of(event.account_id):
            session = str(subscriber.session)
            if subscriber.session is not None and (session == str(revoked) or (all_credentials and session != str(excepted))):
                yield subscriber
    elif event.kind is EventKind.TOKEN_REVOKED:
        all_credentials, revoked = event.data.get("all"), event.data.get("token")
        for subscriber in connections.of(event.account_id):
            if subscriber.token is not None and (all_credentials or str(subscriber.token) == str(revoked)):
                yield subscriber
