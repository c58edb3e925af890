"""Actions of actors of other servers that these may undo: follows, blocks, favourites and boosts, by the ids of their activities."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value


class ActionKind(StrEnum):
    """Kind of an action. The values are stored."""

    FOLLOW = "follow"
    BLOCK = "block"
    FAVOURITE = "favourite"
    BOOST = "boost"


@frozen
class Action:
    """A follow or block of an account, or a favourite or boost of a post. There is at most one at a time of each actor, kind and target."""

    kind: ActionKind
    target: int


def remember(cursor: Cursor, *, actor: AccountId, uri: str, action: Action, now: datetime) -> None:
    """Remember an action by the id of its activity."""
    params = {"actor": actor, "uri": uri, "kind": action.kind, "target": action.target, "now": now}
    execute(cursor, _REMEMBER, params)


_REMEMBER = Prepared("""insert into received_actions (actor_id, uri, kind, target_id, received_at)
    values (%(actor)s, %(uri)s, %(kind)s, %(target)s, %(now)s) on conflict do nothing""")


def forget(cursor: Cursor, *, actor: AccountId, uri: str) -> tuple[Action, datetime] | None:
    """Forget an action, as it is undone; return it with the time of its arrival. None if none has this id."""
    return fetch_one(cursor, _action, _FORGET, {"actor": actor, "uri": uri})


_FORGET = Prepared("""delete from received_actions where actor_id = %(actor)s and uri = %(uri)s returning kind, target_id, received_at""")


def forget_all(cursor: Cursor, *, actor: AccountId, action: Action) -> None:
    """Forget all activities that did the same: it has ended."""
    execute(cursor, _FORGET_ALL, {"actor": actor, "kind": action.kind, "target": action.target})


_FORGET_ALL = Prepared("delete from received_actions where actor_id = %(actor)s and kind = %(kind)s and target_id = %(target)s")


def latest(cursor: Cursor, *, actor: AccountId, action: Action, since: datetime) -> str | None:
    """Return the id of the last activity that did the same since then; None if there is none."""
    params = {"actor": actor, "kind": action.kind, "target": action.target, "since": since}
    found: str | None = fetch_value(cursor, _LATEST, params)
    return found


_LATEST = Prepared("""select uri from received_actions
    where actor_id = %(actor)s and kind = %(kind)s and target_id = %(target)s and received_at >= %(since)s
    order by received_at desc, uri desc limit 1""")


def by_uri(cursor: Cursor, *, actor: AccountId, uri: str) -> list[Action]:
    """Return what an actor does under this id: a follow or request, a block, a favourite, a boost."""
    return fetch_all(cursor, lambda kind, target: Action(ActionKind(kind), target), _BY_URI, {"actor": actor, "uri": uri})


_BY_URI = Prepared("""select 'follow', followee_id from follows where follower_id = %(actor)s and activity_uri = %(uri)s
    union all select 'follow', followee_id from follow_requests where follower_id = %(actor)s and activity_uri = %(uri)s
    union all select 'block', target_id from blocks where account_id = %(actor)s and activity_uri = %(uri)s
    union all select 'favourite', post_id from favourites where account_id = %(actor)s and activity_uri = %(uri)s
    union all select 'boost', boost_of from posts
        where uri = %(uri)s and account_id = %(actor)s and boost_of is not null and deleted_at is null""")


def _action(kind: str, target: int, received_at: datetime) -> tuple[Action, datetime]:
    return Action(ActionKind(kind), target), received_at
