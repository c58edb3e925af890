"""The promise that a site makes when it first federates: its public URL never changes again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.storage import federation_start
from microblog.storage.database import Transactions


class PublicUrlChanged(Exception):
    """The site has federated under another public URL."""


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
            raise PublicUrlChanged(
                f"MICROBLOG_PUBLIC_URL is {self.public_url}, but other servers know this site as {stored} for ever: "
                "accounts and posts would be lost to everybody who follows them. Set it back, or start with an empty database."
            )

    def stop(self) -> None:
        """Do nothing."""
