"""Pinned posts of accounts of other servers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from microblog.federation.featured import FEATURED_JOB
from microblog.federation.incoming import parse_activity
from microblog.federation.relevance import Signer
from microblog.model.posts import MAX_PINNED_ELSEWHERE
from microblog.model.profile_features import MAX_FEATURED_TAGS
from microblog.storage import followed_tags, timelines
from microblog.storage.database import Cursor
from tests import make
from tests.federation.documents import activity
from tests.federation.remote_side import BO, RemoteSide, known_actor, local, note, service, store_actor
from tests.make import NOW

FEATURED = f"{BO}/featured"
CY = "https://c.example/users/cy"


@pytest.fixture
def side(cursor: Cursor) -> RemoteSide:
    return service(cursor)


def add(uri: Any, type: str = "Add", **changes: Any) -> dict[str, Any]:
    return activity(type, uri, **{"target": FEATURED, "id": None, **changes})


def pinned(side: RemoteSide, uri: str = BO) -> list[str]:
    """Return the pinned posts of an account as its profile shows them, by the last part of their ids."""
    account = known_actor(side.cursor, uri)
    entries = timelines.pinned(side.cursor, account=account.id, viewer=None, limit=100)
    uris = dict(side.rows("select id, uri from posts"))
    return [str(uris[entry[0]]).rpartition("/")[2] for entry in entries]


def collection(*items: Any, **changes: Any) -> dict[str, Any]:
    return {"id": FEATURED, "type": "OrderedCollection", "totalItems": len(items), "orderedItems": list(items), **changes}


async def read(side: RemoteSide, document: Any = None) -> list[str]:
    """Read the pinned posts of bo; return them."""
    if document is not None:
        side.internet.documents[FEATURED] = document
    await side.effects.featured.read(known_actor(side.cursor).id, lambda cursor: None)
    return pinned(side)


# --- Add and Remove


async def test_pins_come_and_go(side: RemoteSide) -> None:
    for number in "12":
        await side.created(note(number))
        await side.receive(add(note(number)["id"]))
    await side.receive(add(note("1")["id"]))
    assert pinned(side) == ["2", "1"]
    await side.receive(add(note("2")["id"], "Remove"))
    assert pinned(side) == ["1"]


async def test_an_unknown_post_is_fetched_when_it_is_pinned(side: RemoteSide) -> None:
    side.internet.documents[note("1")["id"]] = note("1")
    await side.receive(add(note("1")["id"]))
    assert pinned(side) == ["1"]


async def test_only_own_posts_are_pinned_and_only_to_the_own_collection(side: RemoteSide, cursor: Cursor) -> None:
    store_actor(cursor, CY)
    await side.created(note("1"))
    await side.created(note("2", CY))
    near = make.post(cursor, make.viewer(cursor))
    await side.receive(add(note("2", CY)["id"]))
    await side.receive(add(note("1")["id"], actor=CY))
    await side.receive(add(note("1")["id"], actor=CY, target=f"{CY}/featured"))
    await side.receive(add(note("1")["id"], target=f"{BO}/other"))
    await side.receive(add(note("1")["id"], target=None))
    await side.receive(add(f"https://site.test/users/{near.author.username}/statuses/{near.id}"))
    assert side.rows("select from pins") == []


async def test_pins_are_bounded(side: RemoteSide) -> None:
    for number in range(MAX_PINNED_ELSEWHERE + 2):
        await side.created(note(str(number)))
        await side.receive(add(note(str(number))["id"]))
    assert pinned(side) == [str(number) for number in range(MAX_PINNED_ELSEWHERE + 1, 1, -1)]


async def test_pins_matter_only_of_accounts_that_somebody_follows(side: RemoteSide, cursor: Cursor) -> None:
    bo, parsed = known_actor(cursor), parse_activity(orjson.dumps(add(note("1")["id"])))
    assert not side.effects.relevance.concerns_this_site(cursor, parsed, Signer(bo.id, BO))
    make.follow(cursor, make.viewer(cursor), bo)
    assert side.effects.relevance.concerns_this_site(cursor, parsed, Signer(bo.id, BO))


async def test_hashtags_are_featured_and_not_any_more(side: RemoteSide, cursor: Cursor) -> None:
    def featured() -> list[str]:
        return [one.tag.name for one in followed_tags.featured(cursor, account=known_actor(cursor).id)]

    names = ["Tea", "milk", "no tag", *(f"n{number}" for number in range(20))]
    for name in names:
        await side.receive(add({"type": "Hashtag", "name": f"#{name}", "href": f"https://b.example/tags/{name}"}))
    assert featured()[:2] == ["Tea", "milk"]
    assert len(featured()) == MAX_FEATURED_TAGS
    await side.receive(add({"type": "Hashtag", "name": "tea"}, "Remove"))
    await side.receive(add({"type": "Hashtag", "name": "#other"}, target=f"{BO}/other"))
    assert featured()[:2] == ["milk", "n0"]


# --- The collection


@pytest.mark.parametrize("shape", ["whole", "ids", "first page", "page by id", "items"])
async def test_the_collection_is_read_in_any_shape(side: RemoteSide, shape: str) -> None:
    notes = [note("3"), note("1")]
    for each in notes:
        side.internet.documents[each["id"]] = each
    ids = [each["id"] for each in notes]
    page = {"id": f"{FEATURED}?page=1", "type": "OrderedCollectionPage", "partOf": FEATURED, "orderedItems": ids}
    side.internet.documents[f"{FEATURED}?page=1"] = page
    shapes = {
        "whole": collection(*notes),
        "ids": collection(*ids),
        "first page": {"id": FEATURED, "type": "OrderedCollection", "first": page},
        "page by id": {"id": FEATURED, "type": "OrderedCollection", "first": page["id"]},
        "items": {"id": FEATURED, "type": "Collection", "items": notes},
    }
    assert await read(side, shapes[shape]) == ["3", "1"]
    assert side.events().count("post.published") == 2  # both are new; no notification is written for what was fetched
    assert side.rows("select from notifications") == []


async def test_the_collection_replaces_what_was_pinned(side: RemoteSide) -> None:
    assert await read(side, collection(note("1"), note("2"), note("3"))) == ["1", "2", "3"]
    assert await read(side, collection(note("3"), note("1"))) == ["3", "1"]
    assert await read(side, collection()) == []


async def test_only_posts_of_the_account_itself_are_taken(side: RemoteSide, cursor: Cursor) -> None:
    store_actor(cursor, CY)
    side.internet.documents[note("8", CY)["id"]] = note("8", CY)
    side.internet.documents[note("9")["id"]] = note("9", attributedTo="https://b.example/users/eve")
    forged = note("7", CY, attributedTo=BO)
    items = [note("8", CY), forged, note("9")["id"], "https://gone.example/1", {"type": "Hashtag", "name": "#tea"}, note("1")]
    assert await read(side, collection(*items)) == ["1"]


async def test_a_long_collection_is_cut(side: RemoteSide) -> None:
    assert len(await read(side, collection(*(note(str(number)) for number in range(50))))) == MAX_PINNED_ELSEWHERE


async def test_what_is_known_stays_if_the_server_does_not_respond(side: RemoteSide, cursor: Cursor) -> None:
    assert await read(side, collection(note("1"))) == ["1"]
    side.internet.down.add("b.example")
    assert await read(side) == ["1"]
    side.internet.down.clear()
    cursor.execute("update remote_actors set featured = 'https://evil.example/featured'")
    side.internet.documents["https://evil.example/featured"] = collection(id="https://evil.example/featured")
    assert await read(side) == ["1"]
    assert "https://evil.example/featured" not in side.internet.asked


async def test_it_is_read_after_a_follow_is_accepted_and_at_most_once_a_day(side: RemoteSide, cursor: Cursor) -> None:
    ada, bo = make.viewer(cursor), known_actor(cursor)

    def asked() -> list[Any]:
        return side.rows(f"select payload->>'account' from jobs where kind = '{FEATURED_JOB}'")

    cursor.execute("insert into follow_requests (id, follower_id, followee_id, created_at) values (7, %s, %s, now())", [ada.id, bo.id])
    await side.receive(activity("Accept", {"type": "Follow", "actor": local(ada), "object": BO}))
    assert asked() == [(str(bo.id),)]
    cursor.execute("delete from jobs")
    await read(side, collection(note("1")))
    side.effects.featured.request(cursor, bo.id)
    assert asked() == []
    side.time = NOW + timedelta(days=1, minutes=1)
    side.effects.featured.request(cursor, bo.id)
    side.effects.featured.request(cursor, bo.id)
    assert asked() == [(str(bo.id),)]


async def test_a_deleted_post_is_pinned_no_more(side: RemoteSide) -> None:
    await read(side, collection(note("1"), note("2")))
    await side.receive(activity("Delete", note("1")["id"]))
    assert pinned(side) == ["2"]
