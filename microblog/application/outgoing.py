"""Construction of what sends activities to other servers: the reader of the event log, and the deliveries."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from random import SystemRandom
from socket import gethostname
from typing import Any

from attrs import frozen

from microblog.application.federation import Federation
from microblog.application.services import now
from microblog.domain.health_checks import Heartbeat
from microblog.federation.delivery import Deliveries
from microblog.federation.host_delivery import Pace
from microblog.federation.outbound import Outbound, handlers
from microblog.lifecycle import Component
from microblog.live.broadcaster import Broadcaster
from microblog.storage.database import Transactions

REQUESTS_PER_S = 50.0  # of one process: a quarter of a core at 5 ms for each


@frozen
class OutgoingFederation:
    """The components that send activities; without federation there are none."""

    outbound: Outbound
    deliveries: Deliveries

    @classmethod
    def of(cls, federation: Federation | None, reactor: Any, database: Transactions, feed: Broadcaster) -> OutgoingFederation | None:
        """Build them; events that the broadcaster reads wake the reader."""
        if federation is None:
            return None
        rules = federation.rules

        name, pace = f"{gethostname()}.{os.getpid()}.{secrets.token_hex(4)}", Pace(reactor, REQUESTS_PER_S)
        deliveries = Deliveries(
            database, federation.requests, federation.ids, lambda: rules.domains, now, reactor, name, SystemRandom().random, pace
        )
        outbound = Outbound(database, federation.keys, handlers(federation.outgoing), reactor, deliveries.wake)
        feed.listeners.append(outbound.published)
        return cls(outbound, deliveries)

    @property
    def components(self) -> list[Component]:
        """Deliveries and reader in starting order."""
        return [self.deliveries, self.outbound]

    @property
    def health(self) -> Mapping[str, Heartbeat]:
        """The components by their names in health reports."""
        return {"outgoing_activities": self.outbound, "deliveries": self.deliveries}
