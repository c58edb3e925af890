"""Reader of collections and of their pages."""

from __future__ import annotations

from microblog.federation.documents.json_values import Document, document, items, number, own_id, types, uri, uri_or_none
from microblog.federation.documents.read_activity import read_object
from microblog.federation.documents.vocabulary import COLLECTION_TYPES
from microblog.model.federation import InvalidDocument, RemoteCollection, RemoteObject

MAX_REFERENCES, MAX_EMBEDDED = 10_000, 200  # items of a page, and those that are read as whole objects, which takes much longer


def read_collection(value: object) -> RemoteCollection:
    """Return the collection or page that a JSON document describes; raises InvalidDocument if it is none.

    The items of its first page may be embedded in it, in `first`, or have to be fetched.
    """
    of = document(value)
    if not any(name in COLLECTION_TYPES for name in types(of)):
        raise InvalidDocument("The document is not a collection.")
    first = next(iter(items(of.get("first"))), None)
    return _collection(of, _page(first) if isinstance(first, dict) and _has_items(first) else uri_or_none(first))


def _item(item: object, place: int) -> RemoteObject | None:
    """Return an item of a page: whole if it is one of the first, else by its id."""
    return read_object(item if place < MAX_EMBEDDED else uri(item))


def _page(of: Document) -> RemoteCollection:
    return _collection(of, None)


def _has_items(of: Document) -> bool:
    return any(of.get(name) is not None for name in ("orderedItems", "items", "next"))


def _collection(of: Document, first: RemoteCollection | str | None) -> RemoteCollection:
    held = (_item(item, place) for name in ("orderedItems", "items") for place, item in enumerate(items(of.get(name), MAX_REFERENCES)))
    return RemoteCollection(
        id=own_id(of) or None,
        total=number(of.get("totalItems")),
        items=tuple(item for item in held if item is not None),
        first=first,
        next=uri_or_none(of.get("next")),
        part_of=uri_or_none(of.get("partOf")),
    )
