"""The networks without access as one process knows them: read at its start and after each change: no request asks the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from attrs import define, field

from microblog.domain.caching.reread import Rereader
from microblog.model.events import Event, EventKind
from microblog.model.ip_blocks import Address, IpSeverity, RefusedNetworks
from microblog.storage import ip_blocks
from microblog.storage.database import Transactions


@define(eq=False)
class CurrentRefusedNetworks:
    """Holds the networks that are blocked from the whole site. Until they are read, all have access."""

    database: Transactions
    pause: Callable[[float], Awaitable[object]]
    now: Callable[[], datetime]
    networks: RefusedNetworks = field(init=False, factory=RefusedNetworks)
    _rereader: Rereader = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._rereader = Rereader(self.read, self.pause, "The blocked networks")

    async def start(self) -> None:
        """Read the networks; events tell of changes from then on."""
        self._rereader.start()
        await self.read()

    def stop(self) -> None:
        """Do not read the networks any more."""
        self._rereader.stop()

    async def read(self) -> None:
        """Read the networks now. Raises what the database raises."""
        found = await self.database.read(ip_blocks.everything, now=self.now())
        self.networks = RefusedNetworks([block.values for block in found if block.values.severity is IpSeverity.NO_ACCESS])

    def happened(self, event: Event) -> None:
        """Read the networks soon if the event says that they changed. For every event that this process reads."""
        if event.kind is EventKind.IP_BLOCKS_CHANGED:
            self._rereader.changed()

    def refuse(self, address: Address) -> bool:
        """True if this client may not use the site."""
        return bool(self.networks.by_length) and self.networks.contain(address, self.now())
