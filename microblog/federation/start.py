"""The promise that a site makes when it first federates: its public URL never changes again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.storage import federation_start
from microblog.storage.database import Transactions


class PublicUrlChanged(Exception):
    """The site has federated under another public URL."""

    def __init__(self, public_url: str, known_as: str) -> None:
        super().__init__(
            f"MICROBLOG_PUBLIC_URL is {public_url}, but other servers know this site as {known_as} for ever: "
            "accounts and posts would be lost to everybody who follows them. Set it back, or start with an empty database."
        )


@frozen
class FederationStart:
    """Checks the public URL when the site starts. With `federates`, it is stored by the first start."""

    database: Transactions
    public_url: str
    federates: bool
    now: Callable[[], datetime]

    async def start(self) -> None:
        """Raise PublicUrlChanged if other servers know the site by another URL."""
        if self.federates:
            stored: str | None = await self.database.run(federation_start.store, public_url=self.public_url, now=self.now())
        else:
            stored = await self.database.read(federation_start.public_url)
        if stored not in (None, self.public_url):
            raise PublicUrlChanged(self.public_url, stored)

    def stop(self) -> None:
        """Do nothing."""
