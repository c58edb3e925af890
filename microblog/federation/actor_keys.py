"""Key pairs of this site's actors, made when they are first needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from attrs import Factory, define, field, frozen

from microblog.coroutines import Lock
from microblog.domain import audit
from microblog.domain.ports import InThread
from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.keys import KeySealer, SigningKey, generate_private_pem, load_private_key, public_pem
from microblog.model.actor_keys import StoredKeyPair
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.events import Event, EventKind
from microblog.model.federation import RemoteKey
from microblog.model.ids import AccountId
from microblog.storage import actor_keys, events
from microblog.storage.database import Cursor, Transactions

MAX_PAIRS = 1_000  # kept in memory
REPLACED_FOR = timedelta(days=7)
"""Time for which a replaced key is kept, for servers that have not read the new one."""


class LocalOwner(Protocol):
    """An account of this site."""

    @property
    def id(self) -> AccountId: ...

    @property
    def username(self) -> str: ...


@frozen
class ActorKeyPair:
    """The key pair of an actor: the key that it signs with, the one that its document shows, and the one that it signed with before."""

    signing: SigningKey
    public: RemoteKey
    replaced: SigningKey | None = None


@define
class ActorKeys:
    """Key pairs of accounts and of the instance actor. `in_thread` runs a function outside the reactor's thread.

    One pair at a time is made: each takes 50 to 200 ms of processor time, and strangers can ask for the documents of all accounts.
    """

    database: Transactions
    sealer: KeySealer
    ids: SiteIds
    in_thread: InThread
    now: Callable[[], datetime]
    _pairs: OrderedDict[str, ActorKeyPair] = field(init=False, default=Factory(OrderedDict))
    _replacements: int = field(init=False, default=0)  # that this process heard of
    _making: Lock = field(init=False, factory=Lock)

    async def of(self, account: LocalOwner | None) -> ActorKeyPair:
        """Return the key pair of an account of this site; None: of the instance actor."""
        owner = self._owner(account)
        known = self._pairs.get(owner)
        if known is None:
            known = await self._read(account, owner)
        else:
            self._pairs.move_to_end(owner)
        return known

    async def replace(self, account: LocalOwner | None) -> bool:
        """Give an actor a new key pair, which is announced to other servers; False if it has none yet. Only for keys that leaked.

        The old one is kept for REPLACED_FOR: a server that has not read the new one accepts nothing else.
        """
        owner, id = self._owner(account), None if account is None else account.id
        if await self.database.read(actor_keys.current, account=id) is None:
            return False
        return await self.database.run(self._replace, account, await self._made(owner))

    def happened(self, event: Event) -> None:
        """Read keys again after one was replaced. For every event that this process reads."""
        if event.kind is EventKind.KEYS_REPLACED:
            self._replacements += 1
            self._pairs.clear()

    def _replace(self, cursor: Cursor, account: LocalOwner | None, pair: StoredKeyPair) -> bool:
        now, id = self.now(), None if account is None else account.id
        if not actor_keys.retire(cursor, account=id, until=now + REPLACED_FOR):
            return False
        actor_keys.add(cursor, account=id, pair=pair, now=now)
        events.record(cursor, EventKind.KEYS_REPLACED, at=now, account=id)
        audit.record(cursor, AuditEntry(AuditAction.KEYS_REPLACE, None, account.username if account else "", id, id), now)
        return True

    def _owner(self, account: LocalOwner | None) -> str:
        return self.ids.make(LocalKind.INSTANCE_ACTOR) if account is None else self.ids.actor(account.username)

    async def _read(self, account: LocalOwner | None, owner: str) -> ActorKeyPair:
        replacements, id = self._replacements, None if account is None else account.id
        stored = await self._stored(account, owner)
        replaced = await self.database.read(actor_keys.replaced, account=id, now=self.now())
        pair = ActorKeyPair(
            self._opened(owner, stored),
            RemoteKey(key_id(owner), owner, stored.public_key),
            None if replaced is None else self._opened(owner, replaced),
        )
        if replacements == self._replacements:  # else this may be the one that was replaced meanwhile
            self._pairs[owner] = pair
            if len(self._pairs) > MAX_PAIRS:
                self._pairs.popitem(last=False)
        return pair

    async def _stored(self, account: LocalOwner | None, owner: str) -> StoredKeyPair:
        id = None if account is None else account.id
        found = await self.database.read(actor_keys.current, account=id)
        if found is not None:
            return found
        await self._making.acquire()
        try:
            found = await self.database.read(actor_keys.current, account=id)
            if found is None:
                await self.database.run(actor_keys.add, account=id, pair=await self._made(owner), now=self.now())
                found = await self.database.read(actor_keys.current, account=id)
        finally:
            self._making.release()
        assert found is not None
        return found

    async def _made(self, owner: str) -> StoredKeyPair:
        private = await self.in_thread(generate_private_pem)
        return StoredKeyPair(public_pem(load_private_key(private)), self.sealer.seal(key_id(owner), private))

    def _opened(self, owner: str, stored: StoredKeyPair) -> SigningKey:
        id = key_id(owner)
        return SigningKey(id, load_private_key(self.sealer.open(id, stored.private_key)))


def key_id(owner: str) -> str:
    """Return the id of an actor's key. Some servers take what is before the `#` as the actor, so it must be that."""
    return f"{owner}#main-key"
