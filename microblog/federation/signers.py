"""Verification of who signed a request, with as few fetches as possible.

What can be refused without a key is refused first. An unknown key is fetched once, and one that does not fit once more, because it may
have been replaced. Requests that need the same key at the same time wait for one fetch.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define, field
from twisted.internet.defer import Deferred

from microblog.domain.rate_limits import MINUTE, LimitScope, RateLimit, RateLimiter
from microblog.federation.fetching import NotFetched
from microblog.federation.remote_actors import RemoteActors, public_key
from microblog.federation.signed_requests import HttpRequest, InvalidSignature, SignatureClaim
from microblog.federation.trust import Reason, TrustRules
from microblog.federation.verification import read_claim
from microblog.model.errors import Forbidden, Unavailable
from microblog.model.federation import InvalidDocument
from microblog.model.remote_actors import KnownKey

KEY_FETCHES = RateLimit("federation-keys", 300, 5 * MINUTE, LimitScope.NETWORK)
MAX_FETCHING = 32
"""Keys that are fetched at a time. What needs another one is refused: its sender tries again."""
NOT_FEDERATED = "This site does not federate with yours."
RETRY_SOON = "The key of this signature could not be fetched. Please try again later."


@define
class Signers:
    """Finds out who signed a request."""

    actors: RemoteActors
    limits: RateLimiter
    now: Callable[[], datetime]
    _fetching: dict[str, list[Deferred[None]]] = field(init=False, factory=dict)

    @property
    def rules(self) -> TrustRules:
        """The rules of the site as they are now."""
        return self.actors.fetcher.rules()

    def claim(self, request: HttpRequest) -> SignatureClaim:
        """Return what the signature of a request claims. Raises Unauthenticated, Malformed, or Forbidden if its host is suspended."""
        claim = read_claim(request, self.now())
        match self.rules.check_id(claim.key_id):
            case None:
                return claim
            case Reason.FORBIDDEN_HOST:
                raise Forbidden(NOT_FEDERATED)
        raise InvalidSignature("The key id of the signature cannot be used.")

    async def knows(self, claim: SignatureClaim) -> bool:
        """True if the key that a request was signed with is known."""
        return await self.actors.known_key(claim.key_id) is not None

    async def verified(self, claim: SignatureClaim, network: str, actor: str | None = None) -> KnownKey:
        """Return the key that made the signature. `network` is that of the sender, `actor` who it says it is.

        Raises InvalidSignature, Forbidden (the actor was deleted), Unavailable (the key cannot be fetched at the moment) and TooMany (too
        many unknown keys from there).
        """
        known = await self.actors.known_key(claim.key_id)
        if known is None and actor is not None and await self.actors.was_deleted(actor):
            raise Forbidden("This account was deleted.")
        if known is None or self.actors.is_stale(known):
            known = await self._fetched(claim.key_id, known, network) or known
        if known is None:
            raise Unavailable(RETRY_SOON)
        try:
            claim.verify(public_key(known))
        except InvalidSignature:
            replaced = await self._fetched(claim.key_id, known, network)
            if replaced is None or replaced.pem == known.pem:
                raise
            claim.verify(public_key(replaced))
            return replaced
        return known

    async def _fetched(self, key_id: str, known: KnownKey | None, network: str) -> KnownKey | None:
        """Fetch a key, or wait for another request that is fetching it. None if it may not be fetched now."""
        address = key_id.partition("#")[0]
        if address in self._fetching:
            waiter: Deferred[None] = Deferred()
            self._fetching[address].append(waiter)
            await waiter
            return await self.actors.known_key(key_id)
        if len(self._fetching) >= MAX_FETCHING:
            raise Unavailable(RETRY_SOON)
        if self.limits.enabled and (usage := await self.limits.count(KEY_FETCHES, network)).exceeded:
            raise usage.problem(self.now())
        self._fetching[address] = []
        try:
            return await self.actors.fetched_key(key_id, known)
        except (NotFetched, InvalidDocument) as problem:
            if known is not None:
                return None
            if isinstance(problem, NotFetched) and problem.temporary:
                raise Unavailable(RETRY_SOON) from problem
            raise InvalidSignature("The key of this signature could not be found.") from problem
        finally:
            for each in self._fetching.pop(address):
                each.callback(None)
