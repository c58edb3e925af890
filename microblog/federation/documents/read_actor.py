"""Reader of actors and of their public keys."""

from __future__ import annotations

from html import escape

from microblog.federation.documents.json_values import (
    Document,
    document,
    flag,
    items,
    moment,
    natural_text,
    objects,
    own_id,
    page_url,
    text,
    types,
    uri,
    uri_or_none,
    uris,
    web_url,
)
from microblog.federation.documents.read_parts import read_image, read_tags
from microblog.federation.documents.vocabulary import ACTOR_TYPES
from microblog.model.federation import (
    ActorEndpoints,
    ActorFlags,
    ActorKind,
    InvalidDocument,
    KeyFormat,
    RemoteActor,
    RemoteField,
    RemoteKey,
)


def read_actor(value: object) -> RemoteActor:
    """Return the actor that a JSON document describes; raises InvalidDocument without an id, a known type, an inbox and a name."""
    of = document(value)
    id, kind, (username, host) = own_id(of), _kind(of), _handle(of)
    endpoints = _endpoints(of)
    if not id or not endpoints.inbox or not username:
        missing = "id" if not id else "inbox" if not endpoints.inbox else "preferredUsername"
        raise InvalidDocument(f"The actor has no {missing}.")
    tags = read_tags(of)
    return RemoteActor(
        id=id,
        kind=kind,
        username=username,
        endpoints=endpoints,
        host=host,
        name=natural_text(of, "name"),
        summary=natural_text(of, "summary"),
        url=page_url(of.get("url")),
        flags=_flags(of),
        published=moment(of.get("published")),
        updated=moment(of.get("updated")),
        keys=_actor_keys(of),
        key_ids=_named_keys(of),
        avatar=read_image(of.get("icon")),
        header=read_image(of.get("image")),
        fields=_fields(of),
        emojis=tags.emojis,
        hashtags=tags.hashtags,
        also_known_as=uris(of.get("alsoKnownAs")),
        moved_to=uri_or_none(of.get("movedTo")),
    )


def is_actor(of: Document) -> bool:
    """True if an object has the type of an actor."""
    return any(name in ACTOR_TYPES for name in types(of))


def _kind(of: Document) -> ActorKind:
    known = [ActorKind(name) for name in types(of) if name in ACTOR_TYPES]
    if not known:
        raise InvalidDocument("The document is not an actor.")
    return known[0]


def _handle(of: Document) -> tuple[str, str | None]:
    """Return username and host: `webfinger` is `user@host` (FEP-2c59), `preferredUsername` is without a host."""
    handle = text(of.get("webfinger")).strip().removeprefix("acct:").lstrip("@")
    username, _, host = handle.rpartition("@")
    if username and host:
        return username, host
    return natural_text(of, "preferredUsername").strip(), None


def _endpoints(of: Document) -> ActorEndpoints:
    endpoints = next(objects(of.get("endpoints")), {})
    return ActorEndpoints(
        inbox=web_url(of.get("inbox")),
        shared_inbox=web_url(endpoints.get("sharedInbox")) or web_url(of.get("sharedInbox")),
        outbox=web_url(of.get("outbox")),
        followers=uri(of.get("followers")),
        following=uri(of.get("following")),
        featured=web_url(of.get("featured")),
        featured_tags=web_url(of.get("featuredTags")),
    )


def _flags(of: Document) -> ActorFlags:
    return ActorFlags(
        locked=flag(of.get("manuallyApprovesFollowers")),
        discoverable=flag(of.get("discoverable")),
        indexable=flag(of.get("indexable")),
        memorial=flag(of.get("memorial")),
        suspended=flag(of.get("suspended")),
        hides_public=flag(of.get("hidesToPublicFromUnauthedWeb")),
        hides_unlisted=flag(of.get("hidesCcPublicFromUnauthedWeb")),
    )


def _fields(of: Document) -> tuple[RemoteField, ...]:
    """Return the table of a profile: PropertyValue, or Note and Link (FEP-fb2a)."""
    found = (_field(item) for item in objects(of.get("attachment")))
    return tuple(field for field in found if field is not None and field.name)


def _field(item: Document) -> RemoteField | None:
    kinds, name = types(item), natural_text(item, "name")
    if "PropertyValue" in kinds:
        return RemoteField(name, text(item.get("value")))
    if "Note" in kinds:
        return RemoteField(name, natural_text(item, "content"))
    target = web_url(item.get("href"))
    if "Link" not in kinds or not target:
        return None
    return RemoteField(name, f'<a href="{escape(target)}" rel="me">{escape(target)}</a>')


def read_keys(value: object) -> tuple[RemoteKey, ...]:
    """Return the keys in a document that was fetched by the id of a key: an actor, a part of one, or a key on its own."""
    of = document(value)
    own = _key(of)
    return _actor_keys(of) if own is None else (own,)


def _actor_keys(of: Document) -> tuple[RemoteKey, ...]:
    found = (_key(item) for name in _KEY_PROPERTIES for item in objects(of.get(name)))
    return tuple({key.id: key for key in found if key is not None}.values())


def _named_keys(of: Document) -> tuple[str, ...]:
    """Return the ids of keys that are not embedded."""
    return uris([item for name in _KEY_PROPERTIES for item in items(of.get(name)) if isinstance(item, str)])


_KEY_PROPERTIES = ("publicKey", "assertionMethod")


def _key(item: Document) -> RemoteKey | None:
    id, owner = own_id(item), uri(item.get("owner")) or uri(item.get("controller"))
    pem, multibase = text(item.get("publicKeyPem")), text(item.get("publicKeyMultibase"))
    if not id or not (pem or multibase):
        return None
    return RemoteKey(id, owner, pem) if pem else RemoteKey(id, owner, multibase, KeyFormat.MULTIBASE)
