"""Reader of activities, and of any object that an activity or a collection holds."""

from __future__ import annotations

from attrs import evolve

from microblog.federation.documents.json_values import (
    Document,
    document,
    items,
    moment,
    natural_text,
    own_id,
    text,
    types,
    uri,
    uri_or_none,
)
from microblog.federation.documents.read_actor import is_actor, read_actor
from microblog.federation.documents.read_parts import read_audience, read_hashtag
from microblog.federation.documents.read_post import read_post
from microblog.federation.documents.vocabulary import IGNORED_ACTIVITIES
from microblog.model.federation import (
    Activity,
    ActivityKind,
    InvalidDocument,
    Reference,
    RemoteObject,
    Tombstone,
)
from microblog.model.federation_posts import QuoteAuthorization, RemotePost

MAX_REPORTED = 100  # objects of a report
MAX_NESTED = 3
"""Activities within activities that are read: a group announces the undoing of a like. Deeper ones are known by their id only."""

_KINDS = {kind.value: kind for kind in ActivityKind if kind is not ActivityKind.IGNORED}


def read_activity(value: object) -> Activity:
    """Return the activity that a JSON document describes, with the objects that are embedded in it.

    Raises InvalidDocument without a type and an actor, or if a kind that has an effect here lacks its object.
    """
    return _activity(document(value), MAX_NESTED)


def read_object(value: object) -> RemoteObject | None:
    """Return an object by its type. What has no value of its own, or cannot be used, is a reference by its id; None if it has none."""
    return _object(value, "", MAX_NESTED)


def _activity(of: Document, levels: int) -> Activity:
    named, actor = types(of), uri(of.get("actor"))
    if not named or not actor:
        raise InvalidDocument("The activity has no type." if not named else "The activity has no actor.")
    kind = next((_KINDS[name] for name in named if name in _KINDS), ActivityKind.IGNORED)
    audience = read_audience(of)
    several = MAX_REPORTED if kind is ActivityKind.FLAG else 1
    found = (_object(item, actor, levels - 1) for item in items(of.get("object"), several))
    held = tuple(one for one in found if one is not None)
    if kind is not ActivityKind.IGNORED and not held:
        raise InvalidDocument(f"The {kind} has no object.")
    if kind in (ActivityKind.CREATE, ActivityKind.UPDATE):
        held = tuple(evolve(one, audience=one.audience or audience) if isinstance(one, RemotePost) else one for one in held)
    return Activity(
        kind=kind,
        type=kind.value if kind in named else named[0],
        actor=actor,
        id=own_id(of) or None,
        objects=held,
        target=uri_or_none(of.get("target")),
        audience=audience,
        published=moment(of.get("published")),
        content=natural_text(of, "content") or text(of.get("_misskey_reaction")),
        result=_object(of.get("result"), "", levels - 1),
        instrument=_object(of.get("instrument"), actor, levels - 1),
    )


def _object(value: object, author: str, levels: int) -> RemoteObject | None:
    """Return an object; `author` is that of a post that does not name its own."""
    of = next(iter(items(value)), None)
    id = uri(of)
    if not isinstance(of, dict):
        return Reference(id) if id else None
    named = types(of)
    if "Hashtag" in named:
        return read_hashtag(of)
    try:
        return _embedded(of, author, levels)
    except InvalidDocument:
        return Reference(id, named[0] if named else "") if id else None


def _embedded(of: Document, author: str, levels: int) -> RemoteObject:
    """Return an object by its type; raises InvalidDocument if it cannot be used."""
    id, named = own_id(of), types(of)
    if "Tombstone" in named and id:
        return Tombstone(id, text(of.get("formerType")))
    if is_actor(of):
        return read_actor(of)
    if "QuoteAuthorization" in named:
        return _quote_authorization(of)
    if any(name in _KINDS or name in IGNORED_ACTIVITIES for name in named):
        if levels <= 0:
            raise InvalidDocument
        return _activity(of, levels)
    return read_post(of, author)


def _quote_authorization(of: Document) -> QuoteAuthorization:
    parts = (own_id(of), uri(of.get("attributedTo")), uri(of.get("interactingObject")), uri(of.get("interactionTarget")))
    if not all(parts):
        raise InvalidDocument("The authorization of a quote lacks a property.")
    return QuoteAuthorization(*parts)
