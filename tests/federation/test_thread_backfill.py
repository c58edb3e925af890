"""Replies that are read on other servers when somebody looks at a thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import define

from microblog.federation.thread_backfill import (
    MAX_DEPTH,
    MAX_REPLIES,
    MAX_THREAD,
    MIN_AGE,
    PAUSE,
    REPLIES_JOB,
    REPLY_JOB,
    ThreadBackfill,
)
from microblog.model.ids import PostId
from microblog.model.posts import Post, Visibility
from microblog.storage.database import Cursor
from tests import make
from tests.federation.remote_side import BO, RemoteSide, note, service, store_actor
from tests.make import NOW

CY, ROOT, REPLIES = "https://c.example/users/cy", f"{BO}/statuses/1", f"{BO}/statuses/1/replies"


@define
class Reader:
    """Somebody who looks at threads, and the jobs that follow from it."""

    side: RemoteSide
    backfill: ThreadBackfill

    def serve(self, *documents: dict[str, Any]) -> None:
        """Put documents on their servers."""
        for document in documents:
            self.side.internet.documents[document["id"]] = document

    async def root(self, **changes: Any) -> Post:
        """Store a post whose server knows of replies."""
        document = note("1", replies=REPLIES, **changes)
        self.serve(document)
        post = await self.side.created(document)
        self.side.time += timedelta(hours=1)
        return post

    async def look(self, post: Post) -> int:
        """Look at a post, run all jobs, and return the number of requests to other servers."""
        before = len(self.side.internet.requests)
        await self.backfill.viewed(post)
        while jobs := self.side.rows("delete from jobs where kind like 'federation.rep%' returning kind, payload"):
            for kind, payload in jobs:
                await self.run(kind, payload, lambda cursor: None)
        return len(self.side.internet.requests) - before

    async def run(self, kind: str, payload: dict[str, Any], finish: Callable[[Cursor], None]) -> None:
        """Run a job as its task does."""
        if kind == REPLIES_JOB:
            await self.backfill.read_replies(PostId(int(payload["post"])), payload["depth"], finish)
        else:
            assert kind == REPLY_JOB
            await self.backfill.fetch_reply(payload["uri"], payload["depth"], finish)

    def known(self) -> set[str]:
        """Return the uris of all posts."""
        return {uri for (uri,) in self.side.rows("select uri from posts where deleted_at is null")}


@pytest.fixture
def reader(cursor: Cursor) -> Reader:
    side = service(cursor)
    store_actor(cursor, CY)
    return Reader(side, ThreadBackfill(side.effects.posts))


def collection(items: list[Any], id: str = REPLIES, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "Collection", "items": items, **more}


def reply(id: str, to: str = ROOT, by: str = CY, **changes: Any) -> dict[str, Any]:
    return note(id, by, inReplyTo=to, **changes)


async def test_replies_arrive_when_somebody_looks_at_a_thread(reader: Reader) -> None:
    root = await reader.root()
    first, second, own = reply("1"), reply("2", replies=f"{CY}/statuses/2/replies"), reply("3", by=BO)
    nested = reply("4", second["id"], BO)
    page = {"id": f"{REPLIES}?page=1", "type": "CollectionPage", "items": [second], "next": f"{REPLIES}?page=2"}
    reader.serve(
        {"id": REPLIES, "type": "Collection", "first": page},
        {"id": f"{REPLIES}?page=2", "type": "CollectionPage", "items": [first["id"], own["id"], ROOT]},
        collection([nested["id"]], second["replies"]),
        *(first, second, own, nested),
    )
    await reader.look(root)
    thread = await make.post_service(reader.side.db).thread(None, root.id)
    assert {post.uri for post in thread.descendants} == {each["id"] for each in (first, second, own, nested)}
    assert thread.depths.count(2) == 1
    assert thread.post.replies_count == 3
    assert reader.side.rows("select count(*) from notifications") == [(0,)]


async def test_a_thread_is_read_once_in_a_quarter_of_an_hour(reader: Reader) -> None:
    root = await reader.root()
    reader.serve(collection([]))
    assert await reader.backfill.viewed(root) == reader.side.time + PAUSE
    assert [await reader.look(root) for _ in range(3)] == [2, 0, 0]
    reader.side.time += PAUSE
    assert await reader.look(root) == 0
    reader.side.time += timedelta(seconds=1)
    assert await reader.look(root) == 2


async def test_what_is_too_new_or_not_for_everybody_is_not_read(reader: Reader, cursor: Cursor) -> None:
    root = await reader.root(published=(NOW + timedelta(hours=1) - MIN_AGE + timedelta(minutes=1)).isoformat())
    reader.side.time = NOW + timedelta(hours=1)
    cursor.execute("update posts set created_at = %s", [reader.side.time - MIN_AGE + timedelta(minutes=1)])
    root = reader.side.post(ROOT) or root
    assert await reader.backfill.viewed(root) == root.created_at + MIN_AGE
    private = make.remote_post(cursor, root.author, visibility=Visibility.PRIVATE)
    local = make.post(cursor, make.viewer(cursor))
    for post in (root, private, local):
        assert await reader.look(post) == 0


async def test_what_answers_no_post_of_the_thread_is_not_stored(reader: Reader) -> None:
    root = await reader.root()
    other, vote, plain = reply("1", "https://d.example/1"), reply("2", content=None, name="yes"), note("3", CY)
    lying = {**reply("4"), "attributedTo": BO}
    reader.serve(collection([each["id"] for each in (other, vote, plain, lying)]), other, vote, plain, lying)
    await reader.look(root)
    assert reader.known() == {ROOT}


async def test_a_collection_of_another_server_is_not_read(reader: Reader) -> None:
    elsewhere = "https://c.example/replies"
    document = note("1", replies=elsewhere)
    reader.serve(document, collection([reply("1")["id"]], elsewhere), reply("1"))
    root = await reader.side.created(document)
    reader.side.time += timedelta(hours=1)
    assert await reader.look(root) == 1


async def test_loops_end(reader: Reader) -> None:
    root = await reader.root()
    one, two = reply("1", replies=f"{CY}/r/1"), reply("2", f"{CY}/statuses/1", replies=f"{CY}/r/2")
    reader.serve(
        collection([one["id"], ROOT], next=REPLIES, first={"id": REPLIES, "type": "CollectionPage", "next": REPLIES, "items": [ROOT]}),
        collection([two["id"], one["id"], ROOT], f"{CY}/r/1"),
        collection([one["id"], two["id"], ROOT], f"{CY}/r/2"),
        *(one, two),
    )
    assert await reader.look(root) <= 10
    assert reader.known() == {ROOT, one["id"], two["id"]}


async def test_a_long_list_is_read_in_part(reader: Reader) -> None:
    root = await reader.root()
    replies = [reply(str(number)) for number in range(1, 3 * MAX_REPLIES)]
    reader.serve(collection([each["id"] for each in replies]), *replies)
    assert await reader.look(root) == 2 + MAX_REPLIES
    assert len(reader.known()) == 1 + MAX_REPLIES


async def test_a_deep_thread_is_read_down_to_a_bound(reader: Reader) -> None:
    root = await reader.root()
    chain = [
        reply(str(depth), f"{CY}/statuses/{depth - 1}" if depth > 1 else ROOT, replies=f"{CY}/r/{depth}")
        for depth in range(1, MAX_DEPTH + 9)
    ]
    reader.serve(collection([chain[0]["id"]]), *chain)
    for depth, document in enumerate(chain[1:], 1):
        reader.serve(collection([document["id"]], f"{CY}/r/{depth}"))
    await reader.look(root)
    assert len(reader.known()) == 1 + MAX_DEPTH


async def test_a_giant_thread_gets_no_more(reader: Reader, cursor: Cursor) -> None:
    root = await reader.root()
    cursor.execute(
        """insert into posts (id, account_id, text, html, visibility, thread_id, uri, created_at)
           select new_id(now()) + n, account_id, '', '', 'public', id, uri || n, now() from posts, generate_series(1, %s) n""",
        [MAX_THREAD - 2],
    )
    replies = [reply(str(number)) for number in range(1, 10)]
    reader.serve(collection([each["id"] for each in replies]), *replies)
    assert await reader.look(root) == 2 + 1
    assert replies[0]["id"] in reader.known()


async def test_a_post_that_is_gone_is_deleted(reader: Reader) -> None:
    root = await reader.root()
    del reader.side.internet.documents[ROOT]
    await reader.look(root)
    assert reader.side.post(ROOT) is None


async def test_a_server_that_does_not_respond_changes_nothing(reader: Reader) -> None:
    root = await reader.root()
    reader.side.internet.down.add("b.example")
    await reader.look(root)
    assert reader.side.post(ROOT) == root
