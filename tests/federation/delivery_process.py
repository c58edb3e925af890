"""A process that delivers, for tests: python -m tests.federation.delivery_process DSN PORT."""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred

from tests.federation.delivering import DeliveryFixture


async def main(reactor: Any, dsn: str, port: str) -> None:
    site = DeliveryFixture(dsn, [int(port)])
    site.database.start()
    site.loop(lease=3.0).start()
    await task.deferLater(reactor, 60.0)


if __name__ == "__main__":
    task.react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
