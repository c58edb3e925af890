"""Writer of collections and their pages: outbox, followers, following, featured posts and hashtags, replies."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from attrs import frozen

from microblog.federation.documents.ids import SiteIds
from microblog.federation.documents.vocabulary import with_context
from microblog.federation.documents.write_parts import Json
from microblog.model.posts import Tag


@frozen
class Page:
    """One page of a collection; `next` and `prev` are the addresses of its neighbours. Items are ids or objects."""

    items: Sequence[Json | str]
    id: str
    next: str | None = None
    prev: str | None = None


def page_address(collection: str, **position: int) -> str:
    """Return the address of a page, such as `?page=true&max_id=5`."""
    return f"{collection}?{urlencode({'page': 'true', **position})}"


def write_collection(id: str, total: int, *, has_pages: bool = True) -> Json:
    """Return an ordered collection; without pages, only its size is told."""
    first = {"first": page_address(id)} if has_pages else {}
    return with_context({"id": id, "type": "OrderedCollection", "totalItems": total, **first})


def write_page(collection: str, total: int, page: Page) -> Json:
    """Return a page of an ordered collection."""
    neighbours = {name: address for name, address in (("next", page.next), ("prev", page.prev)) if address}
    of = {"id": page.id, "type": "OrderedCollectionPage", "totalItems": total, "partOf": collection}
    return with_context({**of, **neighbours, "orderedItems": list(page.items)})


def write_whole_collection(id: str, items: Sequence[Json | str]) -> Json:
    """Return a small ordered collection with all its items, such as the featured posts."""
    return with_context({"id": id, "type": "OrderedCollection", "totalItems": len(items), "orderedItems": list(items)})


def write_replies(id: str, page: Page | None = None) -> Json:
    """Return the collection of the replies to a post with its first page, or that page alone."""
    if page is None:
        return with_context({"id": id, "type": "Collection", "first": page_address(id)})
    following = {"next": page.next} if page.next else {}
    return with_context({"id": page.id, "type": "CollectionPage", "partOf": id, **following, "items": list(page.items)})


def featured_hashtag(tag: Tag, ids: SiteIds) -> Json:
    """Return a hashtag as an item of the featured ones."""
    return {"type": "Hashtag", "href": ids.tag(tag.key), "name": f"#{tag.name}"}
