"""Authentication of requests by session cookie or access token. Log-in with a password is in sessions.py (`Sessions.log_in`)."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.sessions import Sessions
from microblog.domain.tokens import Tokens
from microblog.model.accounts import Session, Viewer
from microblog.model.oauth import TokenContext


@frozen
class Authentication:
    """Looks up sessions of browsers and access tokens of apps."""

    sessions: Sessions
    tokens: Tokens

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """Return the viewer and session of a session token; None if it is not valid."""
        return await self.sessions.by_cookie(token)

    async def is_over(self, token: str) -> bool:
        """True unless a session has this token, even if its account may not log in at the moment."""
        return await self.sessions.is_over(token)

    async def by_bearer(self, token: str, *, address: str = "", pending: bool = False) -> TokenContext | None:
        """Return what an access token authorizes. Raise Unauthenticated if it was revoked, Forbidden if its owner may not log in (yet)."""
        return await self.tokens.by_bearer(token, address=address, pending=pending)
