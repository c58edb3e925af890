"""Unsubscribing from e-mails by a link, without logging in (RFC 8058)."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.email_links import EmailLinks, read
from microblog.model.emails import NEVER, PREFERENCE_FIELDS, EmailKind
from microblog.model.errors import Gone
from microblog.storage import users
from microblog.storage.database import Transactions

INVALID_LINK = "This link is invalid. Choose in your settings which e-mails you get."


@frozen
class EmailUnsubscribe:
    """Commands behind unsubscribe links."""

    database: Transactions
    links: EmailLinks

    def kind(self, token: str) -> EmailKind:
        """Return the kind of e-mail that the token turns off. Raise Gone for an invalid token."""
        claim = read(token)
        kind = self.links.unsubscribes(claim) if claim else None
        if kind is None:
            raise Gone(INVALID_LINK)
        return kind

    async def stop(self, token: str) -> EmailKind:
        """Turn off this kind of e-mail for the token's account. Has no effect if repeated or if the account is gone."""
        kind, claim = self.kind(token), read(token)
        assert claim is not None  # or `kind` would have raised
        value = NEVER if kind is EmailKind.DIGEST else False
        await self.database.run(users.change_preference, account=claim.account, name=PREFERENCE_FIELDS[kind], value=value)
        return kind
