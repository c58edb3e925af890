"""Actors of other servers: fetched, confirmed by WebFinger, cleaned and stored; and the keys that they sign with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, evolve, field
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from microblog.domain import profile_links, remote_suspensions
from microblog.federation import bounds, remote_html
from microblog.federation.fetching import FetchBudget, Fetcher, NotFetched
from microblog.federation.incoming import parse_keys, parse_object
from microblog.federation.key_cache import KeyCache
from microblog.federation.key_fetches import KeyFetches, is_stale
from microblog.federation.keys import PublicKey, UnusableKey, load_public_pem, read_public_key
from microblog.federation.profile_images import JOB as IMAGES_JOB
from microblog.federation.trust import Handle, Refused
from microblog.federation.webfinger import look_up
from microblog.model.accounts import Account, ProfileField
from microblog.model.emojis import in_texts
from microblog.model.federation import ActorKind, InvalidDocument, Reference, RemoteActor, RemoteKey
from microblog.model.ids import AccountId
from microblog.model.remote_actors import ActorToStore, KnownKey, StoredKey
from microblog.storage import emojis, jobs, remote_actors, remote_images, remote_posts, suspensions
from microblog.storage.database import Cursor, Transactions
from microblog.storage.remote_images import PROFILE_IMAGES

FRESH_FOR = timedelta(days=1)


@define
class RemoteActors:
    """The accounts of other servers that this site knows."""

    database: Transactions
    fetcher: Fetcher
    now: Callable[[], datetime]
    key_cache: KeyCache | None = None
    _key_fetches: KeyFetches = field(init=False, factory=KeyFetches)

    async def known(self, uri: str) -> Account | None:
        """Return the account of an actor if it is known."""
        return await self.database.read(remote_actors.by_uri, uri=uri)

    async def was_deleted(self, uri: str) -> bool:
        """True if the account of an actor was deleted: it does not come back."""
        return await self.database.read(remote_actors.is_deleted, uri=uri)

    async def by_uri(self, uri: str, budget: FetchBudget | None = None) -> Account:
        """Return the account of an actor, which is fetched if it is unknown. Raises NotFetched or InvalidDocument."""
        return await self.known(uri) or await self.fetch(uri, budget)

    async def fetch(self, uri: str, budget: FetchBudget | None = None) -> Account:
        """Read the document of an actor anew and store it. Raises NotFetched or InvalidDocument."""
        spent = budget or FetchBudget()
        return await self._confirmed_and_stored(await self.fetcher.document(uri, parse_actor, spent), spent)

    async def is_fresh(self, account: Account) -> bool:
        """True if the document of an actor was read within a day."""
        read_at = await self.database.read(remote_actors.fetched_at, account=account.id)
        return read_at is not None and self.now() - read_at <= FRESH_FOR

    async def refresh_if_old(self, account: Account) -> bool:
        """Read the document of an actor anew if it was read more than a day ago. Failures do not matter: what is known stays.

        True if it was read.
        """
        if account.uri is None or await self.is_fresh(account):
            return False
        try:
            await self.fetch(account.uri)
        except (NotFetched, InvalidDocument):
            return False
        return True

    async def update(self, actor: RemoteActor) -> Account:
        """Store an actor by its own document, which arrived signed by the actor. Its handle is confirmed anew if it changed."""
        return await self._confirmed_and_stored(actor, FetchBudget())

    # --- Keys

    async def known_key(self, key_id: str) -> KnownKey | None:
        """Return a stored key."""
        if self.key_cache is not None:
            return await self.key_cache.key(key_id)
        return await self.database.read(remote_actors.key, key_id=key_id)

    async def fetched_key(self, key_id: str, known: KnownKey | None) -> KnownKey | None:
        """Fetch a key that is unknown, or that did not fit; None if it may not be fetched now.

        Raises NotFetched or InvalidDocument. A forged request can cause one fetch in five minutes for each actor.
        """
        host = key_id.split("/")[2] if key_id.count("/") > 2 else ""
        down = self.fetcher.host_is_down(host)
        if not self._key_fetches.may_fetch(key_id, self.now(), fetched_at=known.fetched_at if known else None, host_is_down=down):
            return None
        budget = FetchBudget()
        found = await self.fetcher.document(key_id.partition("#")[0], _actor_or_owner, budget)
        if not isinstance(found, RemoteActor):
            raise NotFetched("The key leads to no actor.")
        await self._confirmed_and_stored(found, budget)
        return await self.known_key(key_id)

    def is_stale(self, key: KnownKey) -> bool:
        """True if a key is so old that it should be fetched again before it is used."""
        return is_stale(key.fetched_at, self.now())

    # --- Storing

    async def _confirmed_and_stored(self, actor: RemoteActor, budget: FetchBudget) -> Account:
        known = await self.known(actor.id)
        handle = await self._handle(actor, known, budget)
        if await self.was_deleted(actor.id):
            raise NotFetched(f"{actor.id} was deleted.", gone=True)
        if not await self.database.run(self._store, actor, handle, known):
            raise NotFetched(f"Another actor is known as {handle.username}@{handle.host}.")
        account = await self.known(actor.id)
        if account is None:
            raise NotFetched(f"{actor.id} was deleted.", gone=True)
        return account

    def _store(self, cursor: Cursor, actor: RemoteActor, handle: Handle, known: Account | None) -> bool:
        """Store an actor, suspended or shown as its own server says; False if another actor has its name."""
        now, cleaned = self.now(), self._cleaned(actor, handle)
        was_suspended = known is not None and known.suspended_at is not None
        if known is not None and was_suspended and not actor.flags.suspended:
            remote_suspensions.end(cursor, known.id, now, by_host=True)
        id = remote_actors.store(cursor, actor=cleaned, now=now)
        if id is None:
            return False
        if actor.flags.suspended:
            remote_suspensions.begin(cursor, evolve(cleaned.account, id=id), now, by_host=True)
        elif not was_suspended or suspensions.suspended_since(cursor, id=id) is None:
            self._store_pictures(cursor, id, actor, cleaned.account)
            self._schedule_check_of_links(cursor, evolve(cleaned.account, id=id))
        if actor.moved_to or (known is not None and known.moved_to is not None):
            remote_actors.follow_moved_to(cursor, account=id, uri=actor.id, moved_to=actor.moved_to)
        return True

    def _store_pictures(self, cursor: Cursor, id: AccountId, actor: RemoteActor, account: Account) -> None:
        """Store the emoji of an actor, and queue the copying of images that are new."""
        host, now = account.host or "", self.now()
        are_rejected = self.fetcher.rules().domains.rejects_media(host)
        known = () if are_rejected else emojis.store(cursor, host=host, emojis=actor.emojis, now=now)
        texts = [text for field in account.fields for text in (field.name, field.html)]
        emojis.set_of_account(cursor, account=id, emojis=in_texts(known, account.display_name, account.bio_html, *texts))
        urls = remote_images.urls(cursor, account=id)
        if urls is not None and not are_rejected and any(urls.changed(kind) for kind in PROFILE_IMAGES):
            jobs.add(cursor, IMAGES_JOB, {"account": str(id)}, due_at=now, now=now, key=str(id))

    def _schedule_check_of_links(self, cursor: Cursor, account: Account) -> None:
        """Queue the check of the links on a profile that somebody here follows."""
        if profile_links.links_of(account) and remote_posts.is_followed(cursor, account=account.id):
            profile_links.schedule(cursor, account, self.now())

    async def _handle(self, actor: RemoteActor, known: Account | None, budget: FetchBudget) -> Handle:
        """Return the handle of an actor, confirmed by WebFinger. That of a known actor whose name is unchanged stays."""
        rules = self.fetcher.rules()
        asked = rules.first_handle(actor)
        if isinstance(asked, Refused):
            raise NotFetched(f"The name of {actor.id} is not believed: {asked.reason}.")
        if known is not None and known.host is not None and known.username.lower() == asked.username.lower():
            return Handle(asked.username, known.host)
        for _ in range(2):  # the second time on the short domain of a site
            found = await look_up(self.fetcher, asked, budget, actor.id.partition(":")[0].lower())
            confirmed = rules.check_handle(actor, asked, found)
            if isinstance(confirmed, Refused):
                raise NotFetched(f"The name of {actor.id} is not confirmed: {confirmed.reason}.")
            if confirmed == asked:
                return confirmed
            asked = confirmed
        raise NotFetched(f"The name of {actor.id} is not confirmed.")

    def _cleaned(self, actor: RemoteActor, handle: Handle) -> ActorToStore:
        now, bio = self.now(), remote_html.clean(actor.summary[: bounds.MAX_BIO])
        account = Account(
            id=AccountId(0),
            username=handle.username,
            display_name=bounds.line(actor.name, bounds.MAX_NAME),
            bio=remote_html.text_of(bio)[: bounds.MAX_BIO],
            bio_html=bio,
            created_at=bounds.past_date(actor.published, now),
            fields=tuple(_field(each.name, each.value) for each in actor.fields),
            locked=actor.flags.locked,
            bot=actor.kind.is_bot,
            is_group=actor.kind is ActorKind.GROUP,
            memorial=actor.flags.memorial,
            discoverable=actor.flags.discoverable,
            indexable=actor.flags.indexable,
            host=handle.host,
            uri=actor.id,
            url=actor.url or None,
        )
        return ActorToStore(
            account,
            actor.kind,
            actor.endpoints,
            keys=tuple(filter(None, (_stored_key(key, actor.id) for key in self.fetcher.rules().own_keys(actor)))),
            also_known_as=actor.also_known_as,
            moved_to=actor.moved_to,
            avatar_url=actor.avatar.url if actor.avatar else None,
            header_url=actor.header.url if actor.header else None,
        )


def public_key(known: KnownKey) -> PublicKey:
    """Return a stored key for the check of a signature."""
    return PublicKey(known.id, known.owner, load_public_pem(known.pem))


def parse_actor(body: bytes) -> RemoteActor:
    """Return the actor that a document describes. Raises InvalidDocument if it is something else."""
    found = parse_object(body)
    if not isinstance(found, RemoteActor):
        raise InvalidDocument("The document is no actor.")
    return found


def _actor_or_owner(body: bytes) -> RemoteActor | Reference:
    """Read what is found at the id of a key: an actor, or a key that names its owner, who has to list it."""
    found = parse_object(body)
    if isinstance(found, RemoteActor):
        return found
    keys = parse_keys(body)
    if not keys or not keys[0].owner:
        raise InvalidDocument("The document is no actor and no key.")
    return Reference(keys[0].owner)


def _field(name: str, html: str) -> ProfileField:
    cleaned = remote_html.clean(html)
    return ProfileField(bounds.line(name, bounds.MAX_FIELD), remote_html.text_of(cleaned)[: bounds.MAX_FIELD], cleaned)


def _stored_key(key: RemoteKey, actor: str) -> StoredKey | None:
    """Return a key as PEM; None if it cannot be used."""
    try:
        read = read_public_key(key, actor)
    except UnusableKey:
        return None
    return StoredKey(key.id, read.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii"))
