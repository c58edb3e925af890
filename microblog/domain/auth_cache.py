"""Who comes with a cookie or a token, remembered while nothing about it changes: for looking. Commands ask the database each time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, evolve, field

from microblog.domain.authentication import Authentication
from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies, earliest
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.domain.sessions import SEEN_EVERY
from microblog.domain.tokens import token_hash
from microblog.model.accounts import Session, Viewer
from microblog.model.oauth import TokenContext

REMEMBERED = 5_000
LONGEST = timedelta(minutes=5)  # then it is noted again that somebody is there


@define
class AuthCache:
    """Answers as `authentication` does; only success is remembered, under the hash of the token."""

    authentication: Authentication
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    sessions: DependencyCache[tuple[Viewer, Session]] = field(init=False)
    tokens: DependencyCache[TokenContext] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sessions = DependencyCache(self.invalidation_log, self.now, REMEMBERED, "sessions")
        self.tokens = DependencyCache(self.invalidation_log, self.now, REMEMBERED, "tokens")

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """Whose browser has this session token."""
        place, name = await self.invalidation_log.position(), token_hash(token)
        found = self.sessions.get(name, place)
        if found is None:
            found = await self.authentication.by_cookie(token)
            if found is not None:
                self.sessions.put(name, found, self._briefly(cache_keys.of_session(*found), found[1].last_seen_at + SEEN_EVERY), place)
        return found

    async def is_over(self, token: str) -> bool:
        """True unless a session has this token."""
        return await self.authentication.is_over(token)

    async def by_bearer(self, token: str, *, pending: bool = False) -> TokenContext | None:
        """What this API token stands for. Raises what `authentication` raises. People who are `pending` are not remembered."""
        if pending:
            return await self.authentication.by_bearer(token, pending=True)
        place, name = await self.invalidation_log.position(), token_hash(token)
        found = self.tokens.get(name, place)
        if found is None:
            found = await self.authentication.by_bearer(token)
            if found is not None:
                self.tokens.put(name, found, self._briefly(cache_keys.of_token(found)), place)
        return found

    def _briefly(self, rests: CacheDependencies, until: datetime | None = None) -> CacheDependencies:
        return evolve(rests, until=earliest(rests.until, until, self.now() + LONGEST))
