"""Cache of authenticated sessions and access tokens. For commands, the invalidation log is read each time (`CommandAuthentication`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, evolve, field, frozen

from microblog.domain.authentication import Authentication
from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies, earliest
from microblog.domain.caching.counters import account_with_counts
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.domain.sessions import SEEN_EVERY
from microblog.domain.tokens import token_hash
from microblog.model.accounts import Session, Viewer
from microblog.model.oauth import TokenContext

CAPACITY = 5_000
MAX_AGE = timedelta(minutes=5)  # bounds how late `last_seen_at` of a session is updated


@define
class AuthCache:
    """Cached `Authentication` with the same interface. Only successful results are cached, under the hash of the token."""

    authentication: Authentication
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    sessions: DependencyCache[tuple[Viewer, Session]] = field(init=False)
    tokens: DependencyCache[TokenContext] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sessions = DependencyCache(self.invalidation_log, self.now, CAPACITY, "sessions", refresh=self._session_with_counts)
        self.tokens = DependencyCache(self.invalidation_log, self.now, CAPACITY, "tokens", refresh=self._token_with_counts)

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """Return the viewer and session of a session token; None if it is not valid."""
        position, key = await self.invalidation_log.position(), token_hash(token)
        cached = self.sessions.get(key, position)
        if cached is None:
            cached = await self.authentication.by_cookie(token)
            if cached is not None:
                self.sessions.put(key, cached, self._limited(cache_keys.of_session(*cached), cached[1].last_seen_at + SEEN_EVERY), position)
        return cached

    async def is_over(self, token: str) -> bool:
        """True unless a session has this token."""
        return await self.authentication.is_over(token)

    async def by_bearer(self, token: str, *, address: str = "", pending: bool = False) -> TokenContext | None:
        """Return what an access token authorizes. Raise the errors of `Authentication.by_bearer`.

        `pending`: accept accounts that are not approved or confirmed yet; these results are not cached.
        """
        if pending:
            return await self.authentication.by_bearer(token, address=address, pending=True)
        position, key = await self.invalidation_log.position(), token_hash(token)
        cached = self.tokens.get(key, position)
        if cached is None:
            cached = await self.authentication.by_bearer(token, address=address)
            if cached is not None:
                self.tokens.put(key, cached, self._limited(cache_keys.of_token(cached)), position)
        return cached

    def _with_counts(self, viewer: Viewer, since: int) -> Viewer:
        account = account_with_counts(viewer.account, self.invalidation_log, since)
        return viewer if account is viewer.account else evolve(viewer, account=account)

    def _session_with_counts(self, cached: tuple[Viewer, Session], since: int) -> tuple[Viewer, Session]:
        return self._with_counts(cached[0], since), cached[1]

    def _token_with_counts(self, context: TokenContext, since: int) -> TokenContext:
        viewer = None if context.viewer is None else self._with_counts(context.viewer, since)
        return context if viewer is context.viewer else evolve(context, viewer=viewer)

    def _limited(self, dependencies: CacheDependencies, until: datetime | None = None) -> CacheDependencies:
        """The dependencies, expiring at `until` or after MAX_AGE at the latest."""
        return evolve(dependencies, until=earliest(dependencies.until, until, self.now() + MAX_AGE))


@frozen
class CommandAuthentication:
    """`AuthCache` for commands: what it answers was true in the database after the request had arrived, in whichever process it changed."""

    cache: AuthCache

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """Return the viewer and session of a session token; None if it is not valid."""
        if token_hash(token) in self.cache.sessions:
            self.cache.invalidation_log.wake()
        return await self.cache.by_cookie(token)

    async def is_over(self, token: str) -> bool:
        """True unless a session has this token."""
        return await self.cache.is_over(token)

    async def by_bearer(self, token: str, *, address: str = "", pending: bool = False) -> TokenContext | None:
        """Return what an access token authorizes. Raise the errors of `Authentication.by_bearer`."""
        if token_hash(token) in self.cache.tokens:
            self.cache.invalidation_log.wake()
        return await self.cache.by_bearer(token, address=address, pending=pending)
