"""Link preview cards: one for each URL, used by any number of posts."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from attrs import asdict, frozen

from microblog.model.cards import Card, CardId
from microblog.model.ids import PostId
from microblog.storage.database import Cursor, execute, fetch_one, first_column

# The columns of a post's card `k`, which is left-joined.
COLUMNS = """k.url, k.title, k.description, k.language, k.author_name, k.author_url, k.provider_name, k.provider_url, k.image,
    k.image_description, k.width, k.height, k.blurhash, k.published_at"""
WIDTH = 14
JOINS = """
    left join post_cards pk on pk.post_id = p.id
    left join cards k on k.id = pk.card_id and k.title <> ''"""


@frozen
class CardSource:
    """The row of a card. `fetched_at` is None until the URL was fetched."""

    id: CardId
    fetched_at: datetime | None


def card_from(*columns: Any) -> Card | None:
    """Build a card from COLUMNS; return None if they are null."""
    return Card(*columns) if columns[0] is not None else None


def get_or_create(cursor: Cursor, *, url: str, now: datetime) -> CardSource:
    """Return the card of the URL; create an empty one if there is none."""
    found = fetch_one(
        cursor,
        CardSource,
        """with created as (
               insert into cards (id, url_hash, url, created_at) values (new_id(%(now)s), %(hash)s, %(url)s, %(now)s)
               on conflict (url_hash) do nothing returning id, fetched_at)
           select id, fetched_at from created union all select id, fetched_at from cards where url_hash = %(hash)s limit 1""",
        {"url": url, "hash": sha256(url.encode()).digest(), "now": now},
    )
    return found or _created_concurrently(cursor, url)


def _created_concurrently(cursor: Cursor, url: str) -> CardSource:
    """Return the card that a concurrent transaction has just created."""
    found = fetch_one(
        cursor, CardSource, "select id, fetched_at from cards where url_hash = %(hash)s", {"hash": sha256(url.encode()).digest()}
    )
    assert found is not None  # the insert has just met a conflict with it
    return found


def attach(cursor: Cursor, *, post: PostId, card: CardId | None) -> None:
    """Set the post's card; None removes it."""
    if card is None:
        execute(cursor, "delete from post_cards where post_id = %(post)s", {"post": post})
        return
    execute(
        cursor,
        """insert into post_cards (post_id, card_id) values (%(post)s, %(card)s)
           on conflict (post_id) do update set card_id = excluded.card_id""",
        {"post": post, "card": card},
    )


def url_of(cursor: Cursor, *, id: CardId) -> tuple[str, datetime | None] | None:
    """Return the card's URL and the time of its last fetch; None if there is no such card."""
    return fetch_one(cursor, lambda url, fetched_at: (url, fetched_at), "select url, fetched_at from cards where id = %(id)s", {"id": id})


def store_fetched(cursor: Cursor, *, id: CardId, card: Card | None, now: datetime) -> str:
    """Store the fetched card; return the path of the image that it replaces, or an empty string.

    With None (nothing found) the previous content stays.
    """
    if card is None:
        execute(cursor, "update cards set fetched_at = %(now)s where id = %(id)s", {"id": id, "now": now})
        return ""
    previous = fetch_one(cursor, str, "select image from cards where id = %(id)s for update", {"id": id})
    execute(
        cursor,
        """update cards set title = %(title)s, description = %(description)s, language = %(language)s, author_name = %(author_name)s,
               author_url = %(author_url)s, provider_name = %(provider_name)s, provider_url = %(provider_url)s, image = %(image)s,
               image_description = %(image_description)s, width = %(width)s, height = %(height)s, blurhash = %(blurhash)s,
               published_at = %(published_at)s, fetched_at = %(now)s
           where id = %(id)s""",
        asdict(card) | {"id": id, "now": now},
    )
    return previous or ""


def delete_unused(cursor: Cursor, *, before: datetime, limit: int) -> list[str]:
    """Delete at most `limit` unused cards from before that time; return the paths of their images ('' for none).

    Those that must not trend stay, so that they do not trend when they are shared again.
    """
    cursor.execute(
        """delete from cards where id in (
               select c.id from cards c where c.created_at < %(before)s and not exists (select from post_cards p where p.card_id = c.id)
               and not exists (select from reviewed_links r where r.card_id = c.id and not r.approved)
               order by c.created_at limit %(limit)s for update skip locked)
           returning image""",
        {"before": before, "limit": limit},
    )
    return first_column(cursor.fetchall())
