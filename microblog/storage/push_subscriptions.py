"""Push subscriptions and their queued notifications.

A transaction that adds to a subscription's queue or checks whether it is empty locks the subscription's row first. So a job cannot end at
the moment when a notification is queued without a new job because that job still seemed to run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from microblog.model.ids import AccountId, NotificationId, PushSubscriptionId, TokenId
from microblog.model.push import ALERTS, PushChoice, PushPolicy, PushSubscription, PushTarget
from microblog.storage.database import Cursor, execute, fetch_one, fetch_value

SEND_JOB = "push.send"
_COLUMNS = "s.id, s.account_id, s.endpoint, s.p256dh, s.auth, s.standard, s.alerts, s.policy, s.failures, s.resting_until"


def _subscription(*columns: Any) -> PushSubscription:
    id, account, endpoint, p256dh, auth, standard, alerts, policy, failures, resting_until = columns
    target = PushTarget(endpoint, bytes(p256dh), bytes(auth), standard)
    choice = PushChoice(frozenset(kind for kind in ALERTS if kind in alerts), PushPolicy(policy))
    return PushSubscription(PushSubscriptionId(id), AccountId(account), target, choice, failures, resting_until)


def subscribe(
    cursor: Cursor, *, account: AccountId, token: TokenId, target: PushTarget, choice: PushChoice, now: datetime
) -> PushSubscription | None:
    """Store the token's subscription, replacing an earlier one. Return None if the token was revoked at the same moment."""
    return fetch_one(
        cursor,
        _subscription,
        f"""with valid as materialized (
                -- The lock keeps the token from being revoked before this transaction ends.
                select id from tokens where id = %(token)s and revoked_at is null for share)
            insert into push_subscriptions as s (account_id, token_id, endpoint, p256dh, auth, standard, alerts, policy, created_at)
            select %(account)s, id, %(endpoint)s, %(p256dh)s, %(auth)s, %(standard)s, %(alerts)s, %(policy)s, %(now)s from valid
            on conflict (token_id) do update set endpoint = excluded.endpoint, p256dh = excluded.p256dh, auth = excluded.auth,
                standard = excluded.standard, alerts = excluded.alerts, policy = excluded.policy, failures = 0, resting_until = null
            returning {_COLUMNS}""",
        {
            "account": account,
            "token": token,
            "endpoint": target.endpoint,
            "p256dh": target.p256dh,
            "auth": target.auth,
            "standard": target.standard,
            "alerts": sorted(choice.alerts),
            "policy": choice.policy,
            "now": now,
        },
    )


def delete_replaced(cursor: Cursor, *, account: AccountId, token: TokenId, endpoint: str, keep: int) -> int:
    """Delete subscriptions that the token's new one replaces: others of the account at the same endpoint, and the oldest above `keep`."""
    return execute(
        cursor,
        """delete from push_subscriptions where account_id = %(account)s and token_id <> %(token)s and (
               endpoint = %(endpoint)s or id in (
                   select id from push_subscriptions where account_id = %(account)s order by token_id = %(token)s desc, id desc
                   offset %(keep)s))""",
        {"account": account, "token": token, "endpoint": endpoint, "keep": keep},
    )


def of_token(cursor: Cursor, *, token: TokenId) -> PushSubscription | None:
    """Return the token's subscription."""
    return fetch_one(cursor, _subscription, f"select {_COLUMNS} from push_subscriptions s where s.token_id = %(token)s", {"token": token})


def change(cursor: Cursor, *, token: TokenId, choice: PushChoice) -> PushSubscription | None:
    """Change which notifications the token's subscription gets. Return None if it has none."""
    return fetch_one(
        cursor,
        _subscription,
        f"""update push_subscriptions s set alerts = %(alerts)s, policy = %(policy)s where s.token_id = %(token)s returning {_COLUMNS}""",
        {"token": token, "alerts": sorted(choice.alerts), "policy": choice.policy},
    )


def delete_of_tokens(cursor: Cursor, *, tokens: Collection[TokenId]) -> int:
    """Delete the subscriptions of these tokens with their queued notifications; return the number of subscriptions."""
    return execute(cursor, "delete from push_subscriptions where token_id = any(%(tokens)s)", {"tokens": list(tokens)})


def delete_of_account(cursor: Cursor, *, account: AccountId) -> int:
    """Delete all subscriptions of the account; return their number."""
    return execute(cursor, "delete from push_subscriptions where account_id = %(account)s", {"account": account})


def delete(cursor: Cursor, *, id: PushSubscriptionId) -> int:
    """Delete one subscription; return 0 if there is none."""
    return execute(cursor, "delete from push_subscriptions where id = %(id)s", {"id": id})


def enqueue(cursor: Cursor, *, ids: Sequence[NotificationId], now: datetime) -> int:
    """Queue these notifications for the subscriptions that want them, with a job for each subscription; return the number of new jobs.

    Idempotent for a while: sent notifications are remembered.
    """
    return execute(
        cursor,
        """with targets as materialized (
               -- Subscriptions that want the notifications, locked as `lock` does.
               select s.id, n.id as notification from notifications n join push_subscriptions s on s.account_id = n.account_id
               where n.id = any(%(ids)s) and not n.filtered and n.kind = any(s.alerts) and s.policy <> 'none'
               for key share of s),
           queued as (
               insert into push_deliveries (subscription_id, notification_id) select id, notification from targets
               on conflict do nothing returning subscription_id)
           -- One job for each subscription, unless one is waiting.
           insert into jobs (id, kind, key, payload, due_at, created_at)
           select new_id(%(now)s), %(kind)s, id::text, jsonb_build_object('subscription', id::text), %(now)s, %(now)s
           from (select distinct subscription_id as id from queued order by 1) q
           on conflict (kind, key) where state = 'waiting' and key is not null do nothing""",
        {"ids": list(ids), "kind": SEND_JOB, "now": now},
    )


def lock(cursor: Cursor, *, id: PushSubscriptionId) -> PushSubscription | None:
    """Return and lock the subscription: nothing can be queued until the transaction ends. None if it was deleted or its token revoked."""
    return fetch_one(
        cursor,
        _subscription,
        f"""select {_COLUMNS} from push_subscriptions s join tokens t on t.id = s.token_id and t.revoked_at is null
            where s.id = %(id)s for update of s""",
        {"id": id},
    )


def next_queued(cursor: Cursor, *, id: PushSubscriptionId) -> NotificationId | None:
    """Return the oldest notification queued for the subscription."""
    sql = "select min(notification_id) from push_deliveries where subscription_id = %(id)s and settled_at is null"
    found: NotificationId | None = fetch_value(cursor, sql, {"id": id})
    return found


def dequeue(cursor: Cursor, *, id: PushSubscriptionId, notification: NotificationId, now: datetime) -> None:
    """Remove the notification from the queue: it was delivered or never will be."""
    execute(
        cursor,
        "update push_deliveries set settled_at = %(now)s where subscription_id = %(id)s and notification_id = %(notification)s",
        {"id": id, "notification": notification, "now": now},
    )


def record_failures(cursor: Cursor, *, id: PushSubscriptionId, failures: int, resting_until: datetime | None = None) -> None:
    """Store the number of consecutive failures, and the time until which no delivery is tried."""
    execute(
        cursor,
        "update push_subscriptions set failures = %(failures)s, resting_until = %(resting_until)s where id = %(id)s",
        {"id": id, "failures": failures, "resting_until": resting_until},
    )


def delete_old(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` entries that left the queue before that time; return their number."""
    return execute(
        cursor,
        """delete from push_deliveries where (subscription_id, notification_id) in (
               select subscription_id, notification_id from push_deliveries
               where settled_at < %(before)s order by settled_at limit %(limit)s)""",
        {"before": before, "limit": limit},
    )
