"""Writer of actors: the accounts of this site, and the site itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from attrs import frozen

from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.documents.vocabulary import with_context
from microblog.federation.documents.write_parts import Json, emoji_tag, image
from microblog.model.accounts import Account
from microblog.model.federation import KeyFormat, RemoteKey
from microblog.render.local_links import own_links
from microblog.storage.moves import MoveAddresses


@frozen
class ActorDetails:
    """Contents of an actor's document besides the account. There are two keys of a kind while one replaces the other."""

    keys: tuple[RemoteKey, ...] = ()
    also_known_as: tuple[str, ...] = ()
    moved_to: str | None = None
    avatar_description: str = ""
    header_description: str = ""


def actor_details(addresses: MoveAddresses, ids: SiteIds) -> ActorDetails:
    """Return what a document says about the other accounts of its owner."""
    aliases = tuple(each.uri or ids.actor(each.username) for each in addresses.aliases)
    moved = addresses.moved_to
    return ActorDetails(also_known_as=aliases, moved_to=None if moved is None else moved.uri or ids.actor(moved.username))


def write_actor(account: Account, details: ActorDetails, ids: SiteIds) -> Json:
    """Return the document of an account; of a suspended one, only that it is."""
    name = account.username
    shown = account.suspended_at is None
    moved = {"movedTo": details.moved_to} if details.moved_to else {}
    return with_context(
        {
            **_identity(account, ids),
            "webfinger": f"{name}@{ids.host}",
            "summary": own_links(account.bio_html, ids.url) if shown else "",
            "outbox": ids.make(LocalKind.OUTBOX, name),
            "followers": ids.followers(name),
            "following": ids.make(LocalKind.FOLLOWING, name),
            "featured": ids.make(LocalKind.FEATURED, name),
            "featuredTags": ids.make(LocalKind.FEATURED_TAGS, name),
            "endpoints": {"sharedInbox": ids.make(LocalKind.SHARED_INBOX)},
            "manuallyApprovesFollowers": account.locked,
            "discoverable": account.discoverable and shown,
            "indexable": account.indexable and shown,
            "published": account.created_at.astimezone(UTC).strftime("%Y-%m-%dT00:00:00Z"),
            "attachment": _fields(account, ids) if shown else [],
            "tag": [emoji_tag(emoji, ids) for emoji in account.emojis] if shown else [],
            "alsoKnownAs": list(details.also_known_as),
            **_keys(details.keys),
            **(_pictures(account, details, ids) if shown else {"suspended": True}),
            **moved,
        }
    )


def write_actor_stub(account: Account, keys: Sequence[RemoteKey], ids: SiteIds) -> Json:
    """Return what a server needs to verify an account's signatures, for those that have not signed their own request."""
    return with_context({**_identity(account, ids), **_keys(keys)})


def write_instance_actor(name: str, keys: Sequence[RemoteKey], ids: SiteIds) -> Json:
    """Return the document of the site itself, which signs requests that no account makes. `name` is that of the site."""
    id = ids.make(LocalKind.INSTANCE_ACTOR)
    return with_context(
        {
            "id": id,
            "type": "Application",
            "preferredUsername": ids.host,
            "webfinger": f"{ids.host}@{ids.host}",
            "name": name,
            "url": ids.make(LocalKind.ABOUT),
            "inbox": ids.make(LocalKind.INSTANCE_INBOX),
            "outbox": ids.make(LocalKind.INSTANCE_OUTBOX),
            "endpoints": {"sharedInbox": ids.make(LocalKind.SHARED_INBOX)},
            "manuallyApprovesFollowers": True,
            **_keys(keys),
        }
    )


def _identity(account: Account, ids: SiteIds) -> Json:
    name = account.username
    return {
        "id": ids.actor(name),
        "type": "Service" if account.bot and account.suspended_at is None else "Person",
        "preferredUsername": name,
        "name": account.name if account.suspended_at is None else name,
        "url": ids.make(LocalKind.PROFILE, name),
        "inbox": ids.make(LocalKind.INBOX, name),
    }


def _keys(keys: Sequence[RemoteKey]) -> Json:
    """Return the keys in their two properties: an object for one PEM key, as all servers read it, a list for more."""
    pem = [{"id": key.id, "owner": key.owner, "publicKeyPem": key.value} for key in keys if key.format is KeyFormat.PEM]
    multikeys = [
        {"id": key.id, "type": "Multikey", "controller": key.owner, "publicKeyMultibase": key.value}
        for key in keys
        if key.format is KeyFormat.MULTIBASE
    ]
    public = {"publicKey": pem[0] if len(pem) == 1 else pem} if pem else {}
    return public | ({"assertionMethod": multikeys} if multikeys else {})


def _pictures(account: Account, details: ActorDetails, ids: SiteIds) -> Json:
    avatar = {"icon": image(account.avatar, ids, details.avatar_description)} if account.avatar else {}
    return avatar | ({"image": image(account.header, ids, details.header_description)} if account.header else {})


def _fields(account: Account, ids: SiteIds) -> list[Json]:
    return [{"type": "PropertyValue", "name": field.name, "value": own_links(field.html, ids.url)} for field in account.fields]
