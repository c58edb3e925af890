"""Key pairs of this site's actors, made when they are first needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from attrs import Factory, define, field, frozen
from twisted.internet.defer import DeferredLock

from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.keys import KeySealer, SigningKey, generate_private_pem, load_private_key, public_pem
from microblog.federation.ports import InThread
from microblog.model.actor_keys import StoredKeyPair
from microblog.model.federation import RemoteKey
from microblog.model.ids import AccountId
from microblog.storage import actor_keys
from microblog.storage.database import Transactions

MAX_PAIRS = 1_000  # kept in memory


class LocalOwner(Protocol):
    """An account of this site."""

    @property
    def id(self) -> AccountId: ...

    @property
    def username(self) -> str: ...


@frozen
class ActorKeyPair:
    """The key pair of an actor: what it signs with, and what its document shows."""

    signing: SigningKey
    public: RemoteKey


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
    _making: DeferredLock = field(init=False, factory=DeferredLock)

    async def of(self, account: LocalOwner | None) -> ActorKeyPair:
        """Return the key pair of an account of this site; None: of the instance actor."""
        owner = self.ids.make(LocalKind.INSTANCE_ACTOR) if account is None else self.ids.actor(account.username)
        known = self._pairs.get(owner)
        if known is None:
            known = self._opened(owner, await self._stored(account, owner))
            self._pairs[owner] = known
            if len(self._pairs) > MAX_PAIRS:
                self._pairs.popitem(last=False)
        else:
            self._pairs.move_to_end(owner)
        return known

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

    def _opened(self, owner: str, stored: StoredKeyPair) -> ActorKeyPair:
        id = key_id(owner)
        private = load_private_key(self.sealer.open(id, stored.private_key))
        return ActorKeyPair(SigningKey(id, private), RemoteKey(id, owner, stored.public_key))


def key_id(owner: str) -> str:
    """Return the id of an actor's key. Some servers take what is before the `#` as the actor, so it must be that."""
    return f"{owner}#main-key"
