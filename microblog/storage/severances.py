"""Follows that ended without a decision of the follower or of who was followed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from microblog.model.ids import AccountId, NotificationId, SeveranceEventId
from microblog.model.severances import Severance, SeveranceKind, SeveredFollow
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value

_COLUMNS = "e.id, e.kind, e.target_name, e.created_at, s.followers_count, s.following_count"


def insert_event(cursor: Cursor, *, kind: SeveranceKind, target_name: str, now: datetime) -> SeveranceEventId:
    """Store an event that ends follows; return its id."""
    sql = """insert into severance_events (id, kind, target_name, created_at) values (new_id(%(now)s), %(kind)s, %(name)s, %(now)s)
             returning id"""
    return SeveranceEventId(fetch_value(cursor, sql, {"kind": kind, "name": target_name, "now": now}))


def add(cursor: Cursor, *, event: SeveranceEventId, pairs: Sequence[tuple[AccountId, AccountId]], now: datetime) -> None:
    """Store the follows, given as (follower, followee), for the one of the two that is of this site. To be called before they end."""
    followers, followees = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    execute(cursor, _ADD, {"event": event, "followers": followers, "followees": followees, "now": now})


_ADD = """with lost as (
        insert into severed_follows (event_id, account_id, is_follower, acct, boosts, notify, languages)
        select %(event)s, h.id, t.id = f.follower_id, t.username || '@' || t.host, f.boosts, f.notify, f.languages
        from unnest(%(followers)s::bigint[], %(followees)s::bigint[]) given (follower, followee)
        join follows f on f.follower_id = given.follower and f.followee_id = given.followee
        join accounts h on h.id in (f.follower_id, f.followee_id) and h.host is null
        join accounts t on t.id in (f.follower_id, f.followee_id) and t.host is not null
        order by f.id returning account_id, is_follower)
    insert into severances as s (id, event_id, account_id, followers_count, following_count)
    select new_id(%(now)s), %(event)s, account_id, count(*) filter (where is_follower), count(*) filter (where not is_follower)
    from lost group by account_id order by account_id
    on conflict (event_id, account_id) do update
    set followers_count = s.followers_count + excluded.followers_count, following_count = s.following_count + excluded.following_count"""


def not_notified(cursor: Cursor, *, event: SeveranceEventId, limit: int) -> list[tuple[AccountId, int]]:
    """Return accounts that lost something by the event and have no notification of it yet, with the id for their notification."""
    return fetch_all(
        cursor,
        lambda account, id: (AccountId(account), int(id)),
        """select s.account_id, s.id from severances s where s.event_id = %(event)s
           and not exists (select from notifications n where n.severance_id = s.id) order by s.account_id limit %(limit)s""",
        {"event": event, "limit": limit},
    )


def delete_if_empty(cursor: Cursor, *, event: SeveranceEventId) -> None:
    """Delete an event by which nobody lost anything."""
    sql = "delete from severance_events e where e.id = %(event)s and not exists (select from severances s where s.event_id = e.id)"
    execute(cursor, sql, {"event": event})


def of_notifications(cursor: Cursor, *, ids: Collection[int]) -> dict[NotificationId, Severance]:
    """Return what these notifications are about."""
    return dict(
        fetch_all(
            cursor,
            lambda notification, *columns: (NotificationId(notification), _severance(*columns)),
            f"""select n.id, {_COLUMNS} from notifications n join severances s on s.id = n.severance_id
                join severance_events e on e.id = s.event_id where n.id = any(%(ids)s)""",
            {"ids": list(ids)},
        )
    )


def of_account(cursor: Cursor, *, account: AccountId, limit: int) -> list[Severance]:
    """Return what the account lost, the newest event first."""
    sql = f"""select {_COLUMNS} from severances s join severance_events e on e.id = s.event_id
              where s.account_id = %(account)s order by s.event_id desc limit %(limit)s"""
    return fetch_all(cursor, _severance, sql, {"account": account, "limit": limit})


def by_event(cursor: Cursor, *, account: AccountId, event: SeveranceEventId) -> Severance | None:
    """Return what the account lost by an event; None if that is nothing."""
    sql = f"""select {_COLUMNS} from severances s join severance_events e on e.id = s.event_id
              where s.account_id = %(account)s and s.event_id = %(event)s"""
    return fetch_one(cursor, _severance, sql, {"account": account, "event": event})


def follows(cursor: Cursor, *, account: AccountId, event: SeveranceEventId, followers: bool) -> list[SeveredFollow]:
    """Return the followers that an account lost by an event, or else the accounts that it followed."""
    return fetch_all(
        cursor,
        _follow,
        """select account_id, is_follower, acct, boosts, notify, languages from severed_follows
           where account_id = %(account)s and event_id = %(event)s and is_follower = %(followers)s order by id""",
        {"account": account, "event": event, "followers": followers},
    )


def _severance(id: int, kind: str, *rest: Any) -> Severance:
    return Severance(SeveranceEventId(id), SeveranceKind(kind), *rest)


def _follow(account: int, is_follower: bool, acct: str, boosts: bool, notify: bool, languages: list[str] | None) -> SeveredFollow:
    return SeveredFollow(AccountId(account), is_follower, acct, boosts, notify, None if languages is None else tuple(languages))
