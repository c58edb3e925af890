"""Who somebody is, by what their client sends along."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.sessions import Sessions
from microblog.domain.tokens import Tokens
from microblog.model.accounts import Session, Viewer
from microblog.model.oauth import TokenContext


@frozen
class Authentication:
    """Browsers come with the cookie of a session, programs with a token."""

    sessions: Sessions
    tokens: Tokens

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """Whose browser has this session token."""
        return await self.sessions.by_cookie(token)

    async def is_over(self, token: str) -> bool:
        """True unless a session has this token, if only for when its account is let in again."""
        return await self.sessions.is_over(token)

    async def by_bearer(self, token: str, *, pending: bool = False) -> TokenContext | None:
        """What this API token stands for. Raises Unauthenticated if it was revoked, Forbidden if its owner may not come in (yet)."""
        return await self.tokens.by_bearer(token, pending=pending)
