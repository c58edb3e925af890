"""Notification policies, accepted senders, and notification requests (senders whose notifications were held back)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from attrs import asdict, frozen

from microblog.model.ids import AccountId, NotificationRequestId, PostId
from microblog.model.notification_policy import PendingCounts, Policy, SenderCategory, Treatment
from microblog.model.paging import Page
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, first_column
from microblog.storage.paging import bounds, directed, page_sql

_COLUMNS = "p.not_following, p.not_followers, p.new_accounts, p.private_mentions, p.limited_accounts"


def _policy(*treatments: str | None) -> Policy:
    return Policy(*(Treatment(treatment) for treatment in treatments if treatment is not None))


def of_account(cursor: Cursor, *, account: AccountId) -> Policy:
    """Return the account's policy, or the default one."""
    found = fetch_one(
        cursor, _policy, f"select {_COLUMNS} from notification_policies p where p.account_id = %(account)s", {"account": account}
    )
    return found or Policy()


def change(cursor: Cursor, *, account: AccountId, policy: Policy) -> None:
    """Store the account's policy."""
    execute(
        cursor,
        """insert into notification_policies (account_id, not_following, not_followers, new_accounts, private_mentions, limited_accounts)
           values (%(account)s, %(not_following)s, %(not_followers)s, %(new_accounts)s, %(private_mentions)s, %(limited_accounts)s)
           on conflict (account_id) do update set
               not_following = excluded.not_following, not_followers = excluded.not_followers, new_accounts = excluded.new_accounts,
               private_mentions = excluded.private_mentions, limited_accounts = excluded.limited_accounts""",
        {"account": account, **asdict(policy)},
    )


@frozen
class SenderRelation:
    """A recipient: the policy, and the sender's relationship to the recipient."""

    account: AccountId
    policy: Policy
    category: SenderCategory


# Accounts without a stored policy need a check only for what the default holds back: private mentions of strangers, limited accounts.
_RELATIONS = Prepared(f"""
    select a.id, s.created_at,
           -- Follows in both directions; state, role and acceptance of the sender.
           exists (select from follows f where f.follower_id = a.id and f.followee_id = s.id),
           (select f.created_at from follows f where f.follower_id = s.id and f.followee_id = a.id),
           s.limited_at is not null,
           exists (select from users l where l.account_id = s.id and l.role <> 'user'),
           exists (select from notification_permissions t where t.account_id = a.id and t.from_account_id = s.id),
           -- Unsolicited: a private mention in a thread in which the recipient has not mentioned the sender.
           d.id is not null and not exists (
               select from posts w where w.thread_id = d.thread_id and w.boost_of is null and w.deleted_at is null
               and w.account_id = a.id and w.visibility = 'direct'
               and exists (select from mentions m where m.post_id = w.id and m.account_id = s.id)),
           {_COLUMNS}
    from accounts s
    left join posts d on d.id = %(post)s and d.visibility = 'direct' and d.account_id = s.id
    cross join unnest(%(accounts)s::bigint[]) a (id)
    left join notification_policies p on p.account_id = a.id
    where s.id = %(sender)s and (p.account_id is not null or s.limited_at is not null or d.id is not null)""")


def sender_relation(
    cursor: Cursor, *, accounts: Collection[AccountId], sender: AccountId, post: PostId | None = None
) -> list[SenderRelation]:
    """Return the recipients whose policy may hold back a notification from the sender (about the post). All others get it."""

    def row(
        account: int, created_at: datetime, followed: bool, following: datetime | None, limited: bool, *rest: bool | str | None
    ) -> SenderRelation:
        staff, permitted, unsolicited, *treatments = rest
        category = SenderCategory(created_at, followed, following, limited, bool(staff), bool(permitted), bool(unsolicited))
        policy = _policy(*(None if treatment is None else str(treatment) for treatment in treatments))
        return SenderRelation(AccountId(account), policy, category)

    return fetch_all(cursor, row, _RELATIONS, {"accounts": list(accounts), "sender": sender, "post": post})


@frozen
class NotificationRequestRow:
    """A request before its account and post are loaded."""

    id: NotificationRequestId
    sender: AccountId
    created_at: datetime
    updated_at: datetime
    count: int
    post: PostId | None


MAX_COUNTED = 100

# A request whose mentions were all deleted is not shown.
_PENDING = """from notification_requests r where r.account_id = %(account)s
    and r.from_account_id not in (select id from accounts where suspended_at is not null or deleted_at is not null)
    and exists (select from notifications n where n.account_id = r.account_id and n.from_account_id = r.from_account_id and n.filtered)"""
_ROWS = f"""select r.id, r.from_account_id, r.created_at, r.updated_at, (select count(*) from (
        select from notifications n where n.account_id = r.account_id and n.from_account_id = r.from_account_id and n.filtered
        limit %(most)s) filtered), r.last_post_id {_PENDING}"""
_PAGE = _ROWS + " and r.id < %(max_id)s and r.id > %(min_id)s order by r.id desc limit %(limit)s"
_BY_IDS = _ROWS + " and r.id = any(%(ids)s) order by r.id desc"


def _row(id: int, sender: int, created_at: datetime, updated_at: datetime, count: int, post: int | None) -> NotificationRequestRow:
    post_id = None if post is None else PostId(post)
    return NotificationRequestRow(NotificationRequestId(id), AccountId(sender), created_at, updated_at, count, post_id)


def requests(cursor: Cursor, *, account: AccountId, page: Page) -> list[NotificationRequestRow]:
    """Return the account's notification requests, newest first, each with its notifications counted up to `MAX_COUNTED`."""
    params = bounds(page) | {"account": account, "most": MAX_COUNTED}
    return directed(page, fetch_all(cursor, _row, page_sql(_PAGE, page), params))


def requests_by_ids(cursor: Cursor, *, account: AccountId, ids: Sequence[int]) -> list[NotificationRequestRow]:
    """Return these requests of the account, as `requests` does."""
    return fetch_all(cursor, _row, _BY_IDS, {"account": account, "ids": list(ids), "most": MAX_COUNTED})


def pending(cursor: Cursor, *, account: AccountId) -> PendingCounts:
    """Count the requests and their notifications, each up to `MAX_COUNTED`."""
    sql = f"""with senders as (select r.from_account_id {_PENDING} limit %(most)s)
        select (select count(*) from senders), (select count(*) from (
            select from senders s join notifications n
                on n.account_id = %(account)s and n.from_account_id = s.from_account_id and n.filtered
            limit %(most)s) filtered)"""
    return fetch_one(cursor, PendingCounts, sql, {"account": account, "most": MAX_COUNTED}) or PendingCounts()


def delete_requests(cursor: Cursor, *, account: AccountId, ids: Sequence[int]) -> list[AccountId]:
    """Delete these requests of the account; return their senders."""
    cursor.execute(
        "delete from notification_requests where account_id = %(account)s and id = any(%(ids)s) returning from_account_id",
        {"account": account, "ids": list(ids)},
    )
    return first_column(cursor.fetchall())


def permit(cursor: Cursor, *, account: AccountId, senders: Collection[AccountId]) -> None:
    """Accept notifications of these senders from now on, whatever the policy says."""
    execute(
        cursor,
        """insert into notification_permissions (account_id, from_account_id)
           select %(account)s, id from unnest(%(senders)s::bigint[]) t (id) on conflict do nothing""",
        {"account": account, "senders": list(senders)},
    )


def permitted(cursor: Cursor, *, account: AccountId, page: Page) -> list[AccountId]:
    """Return the accepted senders, newest accounts first, without deleted ones."""
    sql = """select t.from_account_id from notification_permissions t
             join accounts a on a.id = t.from_account_id and a.suspended_at is null and a.deleted_at is null
             where t.account_id = %(account)s and t.from_account_id < %(max_id)s and t.from_account_id > %(min_id)s
             order by t.from_account_id desc limit %(limit)s"""
    return directed(page, fetch_all(cursor, AccountId, page_sql(sql, page), {"account": account, **bounds(page)}))


def revoke_permission(cursor: Cursor, *, account: AccountId, sender: AccountId) -> int:
    """Stop accepting the sender; return 0 if it was not accepted."""
    sql = "delete from notification_permissions where account_id = %(account)s and from_account_id = %(sender)s"
    return execute(cursor, sql, {"account": account, "sender": sender})


def release(cursor: Cursor, *, account: AccountId, senders: Collection[AccountId]) -> int:
    """Release the held-back notifications of these senders; return their number."""
    return execute(
        cursor,
        """update notifications set filtered = false
           where account_id = %(account)s and from_account_id = any(%(senders)s::bigint[]) and filtered""",
        {"account": account, "senders": list(senders)},
    )


def delete_filtered(cursor: Cursor, *, account: AccountId, senders: Collection[AccountId]) -> int:
    """Delete the held-back notifications of these senders; return their number."""
    return execute(
        cursor,
        "delete from notifications where account_id = %(account)s and from_account_id = any(%(senders)s::bigint[]) and filtered",
        {"account": account, "senders": list(senders)},
    )
