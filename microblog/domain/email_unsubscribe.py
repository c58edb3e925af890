"""Stopping letters by the link in one of them, without logging in (RFC 8058)."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.email_links import EmailLinks, read
from microblog.model.emails import NEVER, SWITCHED, EmailKind
from microblog.model.errors import Gone
from microblog.storage import users
from microblog.storage.database import Transactions

OVER = "This link is not valid. Your settings say which letters you get."


@frozen
class EmailUnsubscribe:
    """What the links in letters stop."""

    database: Transactions
    links: EmailLinks

    def kind(self, token: str) -> EmailKind:
        """The letters that the token stops. Raises Gone for one that stops nothing."""
        claim = read(token)
        kind = self.links.unsubscribes(claim) if claim else None
        if kind is None:
            raise Gone(OVER)
        return kind

    async def stop(self, token: str) -> EmailKind:
        """Send no more letters of that kind to whom the token was sent. Stopping again, or for somebody who is gone, changes nothing."""
        kind, claim = self.kind(token), read(token)
        assert claim is not None  # or `kind` would have raised
        value = NEVER if kind is EmailKind.DIGEST else False
        await self.database.run(users.change_preference, account=claim.account, name=SWITCHED[kind], value=value)
        return kind
