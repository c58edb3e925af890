"""The order in which activities arrive, and how often, does not matter: what is there afterwards is what happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.domain.follows import FollowRequestOptions
from microblog.model.accounts import Viewer
from microblog.model.jobs import RetryLater
from microblog.model.posts import Post
from microblog.storage.database import Cursor, execute, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.federation.documents import PUBLIC, activity
from tests.federation.remote_side import BO, RemoteSide, local, local_post, note, service, store_actor
from tests.make import NOW

CY = "https://c.example/users/cy"
DI = "https://d.example/users/di"
FOLLOWERS = f"{BO}/followers"
MINUTES = [NOW + timedelta(minutes=minute) for minute in range(10)]


def announce(target: Any, number: int = 1, **changes: Any) -> dict[str, Any]:
    return activity("Announce", target, **{"id": f"{BO}/boosts/{number}", "to": [PUBLIC], "cc": [FOLLOWERS], **changes})


def like(post: Post, number: int = 1, **changes: Any) -> dict[str, Any]:
    return activity("Like", local_post(post), **{"id": f"{BO}#likes/{number}", **changes})


def follow(whom: Viewer, number: int = 1, actor: str = BO, kind: str = "Follow") -> dict[str, Any]:
    return activity(kind, local(whom), actor=actor, id=f"{actor}#{kind.lower()}s/{number}")


def undo(undone: dict[str, Any], *, by_id: bool = False) -> dict[str, Any]:
    return activity("Undo", undone["id"] if by_id else undone, actor=undone["actor"], id=f"{undone['id']}/undo")


def again(*repeated: dict[str, Any]) -> list[dict[str, Any]]:
    """Return activities of which all but the last are undone before the next one."""
    return [each for done in repeated[:-1] for each in (done, undo(done))] + [repeated[-1]]


def history(post: Post, asked: Viewer, ours: list[str]) -> list[dict[str, Any]]:
    """Activities in order: notes that are edited and deleted; follows, blocks, boosts and favourites that come, go and come again.

    `ours` are the ids of follows of `asked` of the actor di: one that was withdrawn, one that di has rejected and one that stands.
    """
    edited = [note(content=f"<p>{n}</p>", updated=MINUTES[n].isoformat()) for n in (1, 2)]
    short, answer, ada = note("2", inReplyTo=local_post(post)), note("3", inReplyTo=f"{BO}/statuses/1"), Viewer(post.author)
    boosts = [announce(local_post(post), n, published=MINUTES[n].isoformat()) for n in (1, 3)]
    return [
        activity("Create", note()),
        activity("Update", edited[0]),
        activity("Create", answer),
        activity("Update", edited[1]),
        activity("Create", short),
        activity("Update", {**short, "content": "<p>short</p>", "updated": MINUTES[1].isoformat()}),
        activity("Delete", {"id": short["id"], "type": "Tombstone"}),
        *again(*boosts),
        announce(f"{CY}/statuses/1", 4),
        activity("Create", note("1", CY), actor=CY),
        activity("Announce", f"{BO}/statuses/1", actor=CY, id=f"{CY}/boosts/1", to=[PUBLIC]),
        activity("Undo", f"{CY}/boosts/1", actor=CY, id=f"{CY}#undo"),
        *again(follow(ada, 1), follow(ada, 2), follow(ada, 3)),
        follow(ada, 1, CY),
        undo(follow(ada, 1, CY), by_id=True),
        *again(follow(asked, 1, kind="Block"), follow(asked, 2, kind="Block")),
        follow(asked, 1, CY, kind="Block"),
        undo(follow(asked, 1, CY, kind="Block")),
        *again(like(post, 1), like(post, 2)),
        activity("Like", local_post(post), actor=CY, id=f"{CY}#likes/1"),
        *(activity("Accept", id, actor=DI, id=f"{DI}#accept/{n}") for n, id in enumerate(ours[:2])),
        activity("Reject", {"type": "Follow", "id": ours[1], "actor": local(asked), "object": DI}, actor=DI, id=f"{DI}#reject"),
        activity("Accept", {"type": "Follow", "id": ours[2], "actor": local(asked), "object": DI}, actor=DI, id=f"{DI}#accept/9"),
    ]


async def let_happen(side: RemoteSide, happened: list[dict[str, Any]]) -> None:
    """Let activities have their effect, and what has to wait for others after them, as jobs do."""
    waiting: list[dict[str, Any]] = []
    for each in happened:
        execute(side.cursor, "savepoint activity")
        try:
            await side.receive(each)
        except RetryLater:
            execute(side.cursor, "rollback to activity")
            waiting.append(each)
    if len(waiting) == len(happened):
        side.time += timedelta(hours=2)
    if waiting:
        await let_happen(side, waiting)


async def outcome(side: RemoteSide, happened: list[dict[str, Any]]) -> list[Any]:
    """Let all of this happen, and return what is there afterwards."""
    execute(side.cursor, "savepoint example")
    try:
        await let_happen(side, happened)
        return [
            side.rows("""select p.uri, p.html, p.edited_at, p.visibility, parent.uri, top.uri, o.uri from posts p
                left join posts parent on parent.id = p.reply_to left join posts top on top.id = p.thread_id
                left join posts o on o.id = p.boost_of where p.deleted_at is null order by p.uri"""),
            side.rows("select coalesce(p.uri, ''), c.replies, c.boosts, c.favourites from posts p join post_counts c on c.post_id = p.id "
                      "where p.deleted_at is null order by 1"),
            side.rows("select a.uri, c.posts, c.followers, c.following from accounts a join account_counts c on c.account_id = a.id "
                      "order by a.id"),
            side.rows("select kind, from_account_id from notifications order by 1, 2"),
            side.rows("select account_id, post_id, activity_uri from favourites order by 1"),
            side.rows("select follower_id, followee_id, activity_uri from follows order by 1"),
            side.rows("select follower_id, followee_id, activity_uri from follow_requests order by 1"),
            side.rows("select account_id, target_id, activity_uri from blocks order by 1"),
        ]  # fmt: skip
    finally:
        execute(side.cursor, "rollback to savepoint example")
        execute(side.cursor, "release savepoint example")


async def asked_thrice(side: RemoteSide, viewer: Viewer) -> list[str]:
    """Follow the actor di, withdraw that, and follow twice more; return the ids of the three follows. Only the last one is there."""
    target, ids, follows = store_actor(side.cursor, DI), list[str](), side.effects.follows
    for _ in range(3):
        await follows.unfollow(viewer, target.id)
        await follows.follow(viewer, target.id, FollowRequestOptions())
        number = fetch_value(side.cursor, f"select id from follow_requests where follower_id = {viewer.id}")
        ids.append(f"{local(viewer)}#follows/{number}")
    return ids


def later_side(cursor: Cursor) -> RemoteSide:
    """Return the receiving side some minutes after what happened, when other servers answer with what is there by then."""
    side = RemoteSide(RolledBackDatabase(cursor), time=MINUTES[-1])
    side.internet.documents[f"{CY}/statuses/1"] = note("1", CY)
    side.internet.documents[f"{BO}/statuses/1"] = note(content="<p>2</p>", updated=MINUTES[2].isoformat())
    return side


@pytest.fixture
def in_order(cursor: Cursor) -> list[dict[str, Any]]:
    """The activities of a history, in order; none has arrived."""
    store_actor(cursor)
    store_actor(cursor, CY)
    post, asked = make.post(cursor, make.viewer(cursor)), make.viewer(cursor)
    return history(post, asked, result_of(asked_thrice(later_side(cursor), asked)))


@pytest.fixture
def expected(cursor: Cursor, in_order: list[dict[str, Any]]) -> list[Any]:
    """The state of the site after the activities arrived in order."""
    return result_of(outcome(later_side(cursor), in_order))


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_the_order_of_arrival_does_not_matter(
    cursor: Cursor, in_order: list[dict[str, Any]], expected: list[Any], data: st.DataObject
) -> None:
    repeated = data.draw(st.lists(st.sampled_from(in_order), max_size=6))
    shuffled = data.draw(st.permutations([*in_order, *repeated]))
    assert result_of(outcome(later_side(cursor), list(shuffled))) == expected


@pytest.fixture
def side(cursor: Cursor) -> RemoteSide:
    return service(cursor)


KINDS = ("Follow", "Block", "Like", "Announce")


def done(kind: str, post: Post, number: int) -> dict[str, Any]:
    """Return an activity of bo about a post or its author."""
    if kind in ("Follow", "Block"):
        return follow(Viewer(post.author), number, kind=kind)
    return announce(local_post(post), number) if kind == "Announce" else like(post, number)


def standing(side: RemoteSide) -> list[str]:
    """Return the ids of what bo does."""
    found = side.rows("""select activity_uri from follows union all select activity_uri from blocks
        union all select activity_uri from favourites union all select uri from posts where boost_of is not null and deleted_at is null""")
    return [uri for (uri,) in found]


@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_late_undo_does_not_end_what_was_done_again(side: RemoteSide, cursor: Cursor, kind: str, by_id: bool) -> None:
    post = make.post(cursor, make.viewer(cursor))
    first, second = done(kind, post, 1), done(kind, post, 2)
    await side.receive(first)
    side.time += timedelta(days=1)
    await side.receive(second)
    await side.receive(undo(first, by_id=by_id))
    assert standing(side) == [second["id"]] or (kind == "Announce" and len(standing(side)) == 1)
    await side.receive(undo(second, by_id=by_id))
    assert standing(side) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_an_undo_ends_what_was_only_sent_again(side: RemoteSide, cursor: Cursor, kind: str) -> None:
    post = make.post(cursor, make.viewer(cursor))
    await side.receive(done(kind, post, 1))
    side.time += timedelta(days=2)
    await side.receive(done(kind, post, 2))
    await side.receive(undo(done(kind, post, 2)))
    assert standing(side) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_an_undo_under_a_new_id_ends_what_it_is_about(side: RemoteSide, cursor: Cursor, kind: str) -> None:
    post = make.post(cursor, make.viewer(cursor))
    await side.receive(done(kind, post, 1))
    execute(cursor, "savepoint activity")
    with pytest.raises(RetryLater):  # it may be of something that has not arrived
        await side.receive(undo(done(kind, post, 7)))
    execute(cursor, "rollback to activity")
    side.time += timedelta(hours=2)
    await side.receive(undo(done(kind, post, 7)))
    assert standing(side) == []


async def test_an_undo_without_an_id_ends_what_it_is_about(side: RemoteSide, cursor: Cursor) -> None:
    post = make.post(cursor, make.viewer(cursor))
    for kind in KINDS:
        await side.receive(done(kind, post, 1))
        await side.receive(activity("Undo", {**done(kind, post, 1), "id": None}, id=f"{BO}/undo"))
        assert standing(side) == []


async def test_answers_to_a_withdrawn_follow_change_nothing(side: RemoteSide, cursor: Cursor) -> None:
    asked = make.viewer(cursor)
    old, _, current = await asked_thrice(side, asked)
    for answer in ("Reject", "Accept"):
        await side.receive(activity(answer, {"type": "Follow", "id": old, "actor": local(asked), "object": DI}, actor=DI, id=f"{DI}#1"))
        await side.receive(activity(answer, old, actor=DI, id=f"{DI}#2"))
        assert (len(side.rows("select from follow_requests")), len(side.rows("select from follows"))) == (1, 0)
    await side.receive(activity("Accept", current, actor=DI, id=f"{DI}#3"))
    assert len(side.rows("select from follows")) == 1
    await side.receive(activity("Reject", old, actor=DI, id=f"{DI}#4"))
    assert len(side.rows("select from follows")) == 1
