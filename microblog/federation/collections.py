"""Collections of other servers, read page by page within bounds."""

from __future__ import annotations

from microblog.federation.fetching import FetchBudget, Fetcher
from microblog.federation.incoming import parse_collection
from microblog.model.federation import RemoteCollection, RemoteObject
from microblog.model.federation_posts import RemoteHashtag


async def collection_items(fetcher: Fetcher, url: str, budget: FetchBudget) -> list[RemoteObject]:
    """Return the items of the collection at a URL: its own, and those of its pages on the same host, at most ten.

    Raises NotFetched, or InvalidDocument if it is no collection.
    """
    found = await fetcher.document(url, parse_collection, budget)
    items, seen = [*found.items], [url]
    page = found.first if isinstance(found.first, RemoteCollection) else None
    if page is not None:
        items += page.items
    following = _first(found, fetcher, url) if page is None else fetcher.rules().next_page(page, url, seen)
    while following is not None:
        page = await fetcher.document(following, parse_collection, budget)
        items += page.items
        seen.append(following)
        following = fetcher.rules().next_page(page, following, seen)
    return items


def _first(collection: RemoteCollection, fetcher: Fetcher, url: str) -> str | None:
    """Return the address of the first page if it may be followed: under the same conditions as that of a next page."""
    if not isinstance(collection.first, str):
        return None
    return fetcher.rules().next_page(RemoteCollection(next=collection.first), url, [url])


def item_id(item: RemoteObject) -> str | None:
    """Return the id of an item; None if it has none."""
    return None if isinstance(item, RemoteHashtag) else item.id
