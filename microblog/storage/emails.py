"""The outbox of e-mails. Each is written together with the job that sends it, and keeps its delivery status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from microblog.model.accounts import Preferences
from microblog.model.emails import EMAILED_NOTIFICATIONS, Email, EmailKind, EmailState
from microblog.model.ids import AccountId, AnnouncementId, EmailId, NotificationId, id_at
from microblog.model.paging import Page
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql

SEND_JOB = "email.send"
MAX_RESPONSE_LENGTH = 500  # characters
MAX_CLOCK_DIFFERENCE = timedelta(days=1)  # of a process that is ahead of PostgreSQL, by whose clock ids are made

COLUMNS = """e.id, e.kind, e.account_id, e.recipient, e.about, e.data, e.message_id, e.state, e.tries, e.answer, e.created_at, e.settled_at,
    (select j.due_at from jobs j where j.kind = 'email.send' and j.key = e.id::text and j.state = 'waiting')"""

# Continues `with written (id, due_at) as ...`: inserts the jobs that send these e-mails.
JOBS = """insert into jobs (id, kind, key, payload, due_at, created_at)
    select new_id(%(now)s), 'email.send', id::text, jsonb_build_object('email', id::text), due_at, %(now)s from written
    on conflict (kind, key) where state = 'waiting' and key is not null do nothing"""

# Condition: user `l` of account `a` can receive e-mail. Addresses that end in .invalid (RFC 2606, section 2) are not real.
REACHABLE = """a.suspended_at is null and a.deleted_at is null and l.confirmed_at is not null and l.approved_at is not null
    and l.disabled_at is null and l.email not like '%%.invalid'"""


def email_from(*columns: Any) -> Email:
    """Build an e-mail from a row's COLUMNS."""
    id, kind, account, recipient, about, data, message_id, state, *rest = columns
    return Email(EmailId(id), EmailKind(kind), account, recipient, about, data, message_id, EmailState(state), *rest)


def add(
    cursor: Cursor,
    kind: EmailKind,
    *,
    account: AccountId | None,
    recipient: str,
    now: datetime,
    data: Mapping[str, str] | None = None,
    key: str | None = None,
) -> bool:
    """Create an e-mail and its job. Return False if the account already got one of this kind and key."""
    return bool(
        execute(
            cursor,
            """with written as (
                   insert into emails (id, kind, account_id, recipient, key, data, created_at)
                   values (new_id(%(now)s), %(kind)s, %(account)s, %(recipient)s, %(key)s, %(data)s, %(now)s)
                   on conflict do nothing returning id, created_at as due_at) """
            + JOBS,
            {
                "kind": kind,
                "account": account,
                "recipient": recipient,
                "key": key,
                "data": orjson.dumps(data or {}).decode(),
                "now": now,
            },
        )
    )


def add_of_notifications(cursor: Cursor, *, ids: Sequence[NotificationId], delay: timedelta, now: datetime) -> int:
    """Create the e-mails for notifications whose owners want them, due `delay` after the notification; return their number.

    One e-mail per mentioning post; one per follower as long as the outbox keeps the earlier e-mail.
    """
    return execute(
        cursor,
        _ADD_OF_NOTIFICATIONS,
        {"ids": list(ids), "kinds": list(EMAILED_NOTIFICATIONS), "defaults": _DEFAULTS, "delay": delay, "now": now},
    )


_ADD_OF_NOTIFICATIONS = Prepared(
    """with written as (
               -- An e-mail for each notification whose owner can get e-mail and has chosen this kind, or has not changed the default.
               insert into emails (id, kind, account_id, recipient, about, key, created_at)
               select new_id(%(now)s), n.kind, n.account_id, l.email, n.id, coalesce(n.post_id, n.from_account_id)::text, %(now)s
               from notifications n join users l on l.account_id = n.account_id join accounts a on a.id = n.account_id
               where n.id = any(%(ids)s) and n.kind = any(%(kinds)s) and """
    + REACHABLE
    + """ and coalesce((l.preferences->>('mail_' || n.kind))::boolean, (%(defaults)s::jsonb->>n.kind)::boolean)
               on conflict do nothing
               returning id, (select at.created_at from notifications at where at.id = about) + %(delay)s::interval as due_at) """
    + JOBS
)


_DEFAULTS = orjson.dumps({str(kind): getattr(Preferences(), f"mail_{kind}") for kind in EMAILED_NOTIFICATIONS}).decode()


def add_of_announcement(cursor: Cursor, *, announcement: AnnouncementId, after: int, now: datetime, limit: int) -> AccountId | None:
    """Create the e-mails with an announcement to the next `limit` users, in the order of their account ids, from the id `after`.

    Returns the last of these ids; None if there are no more users. Nobody gets two.
    """
    found = fetch_value(cursor, _ADD_OF_ANNOUNCEMENT, {"announcement": str(announcement), "after": after, "now": now, "limit": limit})
    return None if found is None else AccountId(found)


_ADD_OF_ANNOUNCEMENT = (
    """with batch as (
           select l.account_id, l.email from users l join accounts a on a.id = l.account_id
           where l.account_id > %(after)s and """
    + REACHABLE
    + """ order by l.account_id limit %(limit)s),
       written as (
           insert into emails (id, kind, account_id, recipient, key, data, created_at)
           select new_id(%(now)s), 'announcement', account_id, email, %(announcement)s,
                  jsonb_build_object('announcement', %(announcement)s::text), %(now)s from batch
           on conflict do nothing returning id, created_at as due_at),
       queued as ("""
    + JOBS
    + ") select max(account_id) from batch"
)


def lock(cursor: Cursor, *, id: EmailId) -> Email | None:
    """Return the e-mail and lock it until the transaction ends."""
    return fetch_one(cursor, email_from, f"select {COLUMNS} from emails e where e.id = %(id)s for update", {"id": id})


def record_attempt(cursor: Cursor, *, id: EmailId, recipient: str, message_id: str) -> None:
    """Record one more attempt to this address. The first one sets the Message-ID."""
    execute(
        cursor,
        """update emails set tries = tries + 1, recipient = %(recipient)s, message_id = coalesce(message_id, %(message_id)s)
           where id = %(id)s""",
        {"id": id, "recipient": recipient, "message_id": message_id},
    )


def record_outcome(cursor: Cursor, *, id: EmailId, state: EmailState, answer: str, now: datetime) -> None:
    """Store the delivery status. A sent e-mail stays sent, whatever a later attempt reports."""
    execute(
        cursor,
        """update emails set state = %(state)s, answer = %(answer)s,
               settled_at = case when %(state)s in ('waiting', 'deferred') then null else %(now)s::timestamptz end
           where id = %(id)s and state not in ('sent', 'kept')""",
        {"id": id, "state": state, "answer": _cleaned(answer), "now": now},
    )


def retry(cursor: Cursor, *, id: EmailId, now: datetime) -> bool:
    """Retry an unsent e-mail now and reset its number of attempts. Return False if it was sent or cancelled."""
    execute(
        cursor,
        "delete from jobs where kind = %(job)s and key = %(key)s and state in ('dead', 'waiting')",
        {"job": SEND_JOB, "key": str(id)},
    )
    return bool(
        execute(
            cursor,
            """with written as (
                   update emails set state = 'waiting', settled_at = null
                   where id = %(id)s and state in ('waiting', 'deferred', 'refused', 'failed')
                   returning id, %(now)s::timestamptz as due_at) """
            + JOBS,
            {"id": id, "now": now},
        )
    )


def page_of(cursor: Cursor, *, page: Page, state: EmailState | None = None) -> list[Email]:
    """Return e-mails of the kinds that this version knows, newest first, optionally only those in one state."""
    rows = fetch_all(
        cursor,
        email_from,
        page_sql(
            f"""select {COLUMNS} from emails e
                where (%(state)s::text is null or e.state = %(state)s) and e.id < %(max_id)s and e.id > %(min_id)s
                and e.kind = any(%(kinds)s) order by e.id desc limit %(limit)s""",
            page,
        ),
        {"state": state, "kinds": list(EmailKind), **bounds(page)},
    )
    return directed(page, rows)


def of_account(cursor: Cursor, *, account: AccountId, limit: int) -> list[Email]:
    """Return the newest e-mails to an account, newest first."""
    sql = f"""select {COLUMNS} from emails e where e.account_id = %(account)s and e.kind = any(%(kinds)s)
        order by e.id desc limit %(limit)s"""
    return fetch_all(cursor, email_from, sql, {"account": account, "kinds": list(EmailKind), "limit": limit})


def counts(cursor: Cursor) -> dict[EmailState, int]:
    """Count the e-mails in each state, without states that have none."""
    return dict(
        fetch_all(
            cursor, lambda state, count: (EmailState(state), count), "select state, count(*) from emails group by state order by state"
        )
    )


def refusals(cursor: Cursor, *, account: AccountId, recipient: str, limit: int) -> list[str]:
    """Return the mail server's responses to refused e-mails of the account to this address, newest first, at most `limit`.

    Only those after the last accepted e-mail and after the last confirmation of the account's address.
    """
    return fetch_all(
        cursor,
        str,
        """select r.answer from emails r
           -- Refused since the address was confirmed, and since the last e-mail that was sent to it.
           where r.account_id = %(account)s and lower(r.recipient) = lower(%(recipient)s) and r.state = 'refused'
           and r.settled_at >= coalesce((select confirmed_at from users where account_id = %(account)s), '-infinity')
           and r.settled_at > coalesce((select max(t.settled_at) from emails t where t.account_id = %(account)s
                                        and lower(t.recipient) = lower(%(recipient)s) and t.state = 'sent'), '-infinity')
           order by r.settled_at desc limit %(limit)s""",
        {"account": account, "recipient": recipient, "limit": limit},
    )


def count_since(cursor: Cursor, *, account: AccountId, kind: EmailKind, since: datetime) -> int:
    """Count the e-mails of the kind that were created for the account since then."""
    return int(
        fetch_value(
            cursor,
            """select count(*) from emails
               where account_id = %(account)s and id > %(first)s and kind = %(kind)s and created_at > %(since)s""",
            {"account": account, "kind": kind, "since": since, "first": id_at(since - MAX_CLOCK_DIFFERENCE)},
        )
    )


def erase_recipient(cursor: Cursor, *, account: AccountId) -> int:
    """Remove the recipient from the e-mails of a deleted account; return the number of e-mails changed."""
    return execute(
        cursor,
        """update emails set recipient = '', data = '{}', account_id = null,
               state = case when state in ('waiting', 'deferred') then 'cancelled' else state end
           where account_id = %(account)s""",
        {"account": account},
    )


def delete_old(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` e-mails with a final status from before that time; return their number."""
    return execute(
        cursor,
        """delete from emails where id in (
               select id from emails where settled_at < %(before)s order by settled_at limit %(limit)s)""",
        {"before": before, "limit": limit},
    )


def _cleaned(answer: str) -> str:
    """Return another server's text without control characters and limited in length."""
    line = "".join(char if char.isprintable() else " " for char in answer.encode("utf-8", "replace").decode())
    return " ".join(line.split())[:MAX_RESPONSE_LENGTH]
