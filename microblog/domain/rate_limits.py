"""Rate limits: the rules as data, and fixed-window counters.

A window begins at a multiple of its length since 1970, so that several processes (and Redis) agree on it without communication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from math import ceil
from typing import Protocol

from attrs import define, field, frozen

from microblog.model.errors import TooMany

MINUTE, HOUR, DAY = 60, 3_600, 86_400
CONNECTION_WINDOW_S = 5 * MINUTE


class LimitScope(Enum):
    """The key that a limit counts requests by. A network is one IPv4 address or one IPv6 /64."""

    NETWORK = "network"
    TOKEN = "token"  # noqa: S105 - the name of a scope, not a secret
    ACCOUNT = "account"


@frozen
class RateLimit:
    """At most `limit` requests in each window of `seconds`. Limits with the same `name` share one counter."""

    name: str
    limit: int
    seconds: int
    per: LimitScope
    key: str = field(init=False)

    @key.default
    def _key(self) -> str:
        return f"{self.name}:{self.per.value}:"


# The limits of a Mastodon server, which clients are written for.
API_ACCOUNT = RateLimit("api", 1_500, 5 * MINUTE, LimitScope.ACCOUNT)
API_TOKEN = RateLimit("api", 300, 5 * MINUTE, LimitScope.TOKEN)
API_NETWORK = RateLimit("api", 300, 5 * MINUTE, LimitScope.NETWORK)
MEDIA = RateLimit("media", 30, 30 * MINUTE, LimitScope.ACCOUNT)
DELETING = RateLimit("deleting", 30, 30 * MINUTE, LimitScope.ACCOUNT)
SIGN_UP = RateLimit("sign-up", 5, 30 * MINUTE, LimitScope.NETWORK)
APPS = RateLimit("apps", 5, 10 * MINUTE, LimitScope.NETWORK)
PAGING = RateLimit("paging", 300, 15 * MINUTE, LimitScope.NETWORK)
POSTING = RateLimit("posting", 300, 3 * HOUR, LimitScope.ACCOUNT)
AUTOCOMPLETE = RateLimit("completing", 600, 5 * MINUTE, LimitScope.ACCOUNT)
FOLLOWS = RateLimit("follows", 400, DAY, LimitScope.ACCOUNT)
REPORTS = RateLimit("reports", 400, DAY, LimitScope.ACCOUNT)
SIGN_IN = RateLimit("sign-in", 25, 5 * MINUTE, LimitScope.NETWORK)
SIGN_IN_NAME = RateLimit("sign-in-name", 25, HOUR, LimitScope.ACCOUNT)
SIGN_IN_ANYWHERE = RateLimit("sign-in-anywhere", 500, HOUR, LimitScope.ACCOUNT)
EMAIL_REQUESTS = RateLimit("letters", 5, 30 * MINUTE, LimitScope.NETWORK)


def connection_limits(per_account: int, per_network: int) -> tuple[RateLimit, RateLimit]:
    """Return the limits for opening streaming connections, per account and per network."""
    return RateLimit("streams", per_account, CONNECTION_WINDOW_S, LimitScope.ACCOUNT), RateLimit(
        "streams", per_network, CONNECTION_WINDOW_S, LimitScope.NETWORK
    )


@frozen
class LimitUsage:
    """State of a counter: `used` of `rate.limit` until `reset`, in seconds since 1970."""

    rate: RateLimit
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        """Requests left in this window."""
        return max(0, self.left)

    @property
    def left(self) -> int:
        """Requests left; negative by the number of requests above the limit."""
        return self.rate.limit - self.used

    @property
    def exceeded(self) -> bool:
        """True if this request was above the limit."""
        return self.left < 0

    def problem(self, now: datetime) -> TooMany:
        """Return the error for the client, with the seconds to wait."""
        return TooMany(retry_after=max(1, ceil(self.reset - now.timestamp())))


class WindowCounter(Protocol):
    """Counts per key and window. May lose counts, which allows a few more requests, but never counts too many."""

    async def add(self, key: str, window: int, expires_in: int, amount: int = 1) -> int:
        """Add `amount` (0 only reads) to the count of `key` in this window and return it. May be dropped after `expires_in` seconds."""


@define
class MemoryCounter:
    """`WindowCounter` in this process. Holds at most `capacity` counts; when full it drops expired ones, then the oldest half."""

    seconds: Callable[[], float]
    capacity: int = 100_000
    _counts: dict[tuple[str, int], tuple[int, float]] = field(factory=dict)

    async def add(self, key: str, window: int, expires_in: int, amount: int = 1) -> int:
        """See `WindowCounter.add`."""
        slot = (key, window)
        used, expires = self._counts.get(slot, (0, 0.0))
        if amount:
            if not expires and len(self._counts) >= self.capacity:
                self._evict()
            self._counts[slot] = (used + amount, expires or self.seconds() + expires_in)
        return used + amount

    def __len__(self) -> int:
        return len(self._counts)

    def _evict(self) -> None:
        now = self.seconds()
        current = {slot: count for slot, count in self._counts.items() if count[1] > now}
        if len(current) > self.capacity // 2:
            current = dict(list(current.items())[-(self.capacity // 2) :])
        self._counts = current


@define
class RateLimiter:
    """Applies rate limits to keys. `now` is the wall clock in UTC; with `enabled` False it counts and rejects nothing."""

    counter: WindowCounter
    now: Callable[[], datetime]
    enabled: bool = True

    async def count(self, rate: RateLimit, key: str, amount: int = 1) -> LimitUsage:
        """Count a request of `key`. Does not reject it: the caller checks `exceeded`."""
        now = int(self.now().timestamp())
        window = now // rate.seconds
        ends = (window + 1) * rate.seconds
        used = await self.counter.add(rate.key + key, window, ends - now, amount)
        return LimitUsage(rate, used, ends)

    async def consume(self, rates: Iterable[tuple[RateLimit, str]]) -> LimitUsage | None:
        """Count a request under every limit and return the most exhausted one. Does not reject it: the caller checks `exceeded`."""
        if not self.enabled:
            return None
        most_used: LimitUsage | None = None
        for rate, key in rates:
            count = await self.count(rate, key)
            if most_used is None or count.left < most_used.left:
                most_used = count
        return most_used


class LoginThrottle(Protocol):
    """Slows down password guessing, per network and per username that is tried, whether the account exists or not."""

    async def allow(self, network: str, name: str) -> None:
        """Raise TooMany if this network or this username had too many failures."""

    async def failed(self, network: str, name: str) -> None:
        """Record a wrong password."""


@frozen
class CountedLogins:
    """`LoginThrottle` on counters. Only failures count, so that logging in with the right password is never slowed down.

    Failures of a username are counted per network, so that a stranger who guesses does not lock out the owner; and, with a much higher
    limit, over all networks.
    """

    limits: RateLimiter
    per_network: RateLimit = SIGN_IN
    per_name: RateLimit = SIGN_IN_NAME
    anywhere: RateLimit = SIGN_IN_ANYWHERE

    async def allow(self, network: str, name: str) -> None:
        """See `LoginThrottle.allow`."""
        if not self.limits.enabled:
            return
        for rate, key in self._keys(network, name):
            count = await self.limits.count(rate, key, 0)
            if not count.remaining:
                raise count.problem(self.limits.now())

    async def failed(self, network: str, name: str) -> None:
        """See `LoginThrottle.failed`."""
        if self.limits.enabled:
            for rate, key in self._keys(network, name):
                await self.limits.count(rate, key)

    def _keys(self, network: str, name: str) -> tuple[tuple[RateLimit, str], ...]:
        folded = name.strip().casefold()
        return (self.per_network, network), (self.per_name, f"{folded} {network}"), (self.anywhere, folded)
