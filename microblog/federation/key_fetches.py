"""Limits for fetching keys of other servers.

Anybody can send requests with the key id of a stranger and a wrong signature. Each of them asks for a fetch: because the key is unknown, or
because the stored one does not fit and may have been replaced. Without limits they would make this site flood the stranger's server.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import define, field

from microblog.federation.signed_requests import authority_of

FRESH_FOR = timedelta(days=1)
ONCE_PER = timedelta(minutes=5)
PER_HOST = 300  # fetches of keys in that time; the first contact with a large server needs many
MAX_REMEMBERED = 20_000  # addresses and hosts

_V = TypeVar("_V")


@define
class _HostFetches:
    """Number of fetches from a host since a time."""

    since: datetime
    count: int = 0


@define
class KeyFetches:
    """Decides whether a key may be fetched now, and remembers that it was.

    Addresses are key ids without their fragment, so that made-up fragments do not count as new keys. One process remembers its own
    fetches; `fetched_at` of the stored key tells of those of the others.
    """

    _addresses: OrderedDict[str, datetime] = field(factory=OrderedDict, init=False)
    _hosts: OrderedDict[str, _HostFetches] = field(factory=OrderedDict, init=False)

    def may_fetch(self, key_id: str, now: datetime, *, fetched_at: datetime | None = None, host_is_down: bool = False) -> bool:
        """Return True if the caller is to fetch the key: at most once in 5 minutes. It counts as fetched then, whether that works or not.

        `fetched_at`: when the stored key was fetched, None if there is none.
        """
        host = authority_of(key_id)
        if host is None or host_is_down or (fetched_at is not None and now < fetched_at + ONCE_PER):
            return False
        address = key_id.partition("#")[0]
        before = self._addresses.get(address)
        if (before is not None and now < before + ONCE_PER) or not self._count(host, now):
            return False
        _remember(self._addresses, address, now)
        return True

    def _count(self, host: str, now: datetime) -> bool:
        fetches = self._hosts.get(host)
        if fetches is None or now >= fetches.since + ONCE_PER:
            fetches = _HostFetches(now)
        fetches.count += 1
        _remember(self._hosts, host, fetches)
        return fetches.count <= PER_HOST


def is_stale(fetched_at: datetime, now: datetime) -> bool:
    """Return True if a stored key is to be fetched again before it is used, unless its host is down."""
    return now >= fetched_at + FRESH_FOR


def _remember(entries: OrderedDict[str, _V], key: str, value: _V) -> None:
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > MAX_REMEMBERED:
        entries.popitem(last=False)
