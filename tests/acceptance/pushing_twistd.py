"""twistd for a site that sends its push messages to the push service of a test: python pushing_twistd.py PORT AUTHORITY TWISTD_ARGS.

The name of the service resolves to a public address, but the connection goes to PORT of this machine. Everything else is unchanged.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from twisted.scripts.twistd import run

from microblog import application
from tests.push_service import PushService


def main(port: int, authority: Path) -> None:
    service = PushService(authority, port)

    def services(reactor: Any, agent: str) -> object:
        del reactor, agent
        return service.client()

    vars(application)["PushClient"] = services
    run()


if __name__ == "__main__":
    port, authority = sys.argv[1:3]
    del sys.argv[1:3]
    main(int(port), Path(authority))
