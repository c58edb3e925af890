"""The outbox: recipients, deduplication and stored state of each e-mail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.model.accounts import Viewer
from microblog.model.emails import EmailKind, EmailState
from microblog.model.ids import EmailId, NotificationId
from microblog.model.jobs import JobState
from microblog.model.paging import Page
from microblog.storage import emails, jobs, users
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value, first_column
from tests import make
from tests.make import NOW

DELAY = timedelta(seconds=60)


def notified(cursor: Cursor) -> list[NotificationId]:
    """Return the payloads of the jobs for notification e-mails."""
    payloads = fetch_all(
        cursor, lambda payload: payload["notifications"], "select payload from jobs where kind = 'email.notification' order by id"
    )
    return [NotificationId(int(id)) for payload in payloads for id in payload]


def write_all(cursor: Cursor) -> int:
    return emails.add_of_notifications(cursor, ids=notified(cursor), delay=DELAY, now=NOW)


def outbox(cursor: Cursor) -> list[tuple[EmailKind, str]]:
    return [(row.kind, row.recipient) for row in reversed(emails.page_of(cursor, page=Page(100)))]


def test_a_post_with_fifty_mentions_adds_one_email_job(cursor: Cursor) -> None:
    author = make.viewer(cursor, "author")
    names = [make.member(cursor).account.username for _ in range(50)]
    make.post(cursor, author, " ".join(f"@{name}" for name in names))
    assert fetch_value(cursor, "select count(*) from jobs") == 1
    assert len(notified(cursor)) == 50
    assert write_all(cursor) == 50
    assert sorted(outbox(cursor)) == sorted((EmailKind.MENTION, f"{name}@example.org") for name in names)
    due = fetch_all(cursor, lambda at: at, "select distinct due_at from jobs where kind = 'email.send'")
    assert due == [NOW + DELAY]


def test_a_post_without_mentions_and_a_favourite_add_no_email_job(cursor: Cursor) -> None:
    author, reader = make.viewer(cursor), make.viewer(cursor)
    post = make.post(cursor, author, "Hello @nobody_at_all")
    make.boost(cursor, reader, post)
    assert fetch_value(cursor, "select count(*) from jobs") == 0


def test_an_email_is_queued_once_however_often_the_job_runs(cursor: Cursor) -> None:
    author, ann = make.viewer(cursor), make.viewer(cursor, "ann")
    make.post(cursor, author, "Hello @ann")
    assert (write_all(cursor), write_all(cursor)) == (1, 0)
    assert outbox(cursor) == [(EmailKind.MENTION, "ann@example.org")]
    assert ann.id


@pytest.mark.parametrize(
    "change",
    [
        "update users set confirmed_at = null",
        "update users set approved_at = null",
        "update users set disabled_at = now()",
        "update users set email = 'ann@demo.invalid'",
        "update accounts set suspended_at = now()",
        """update users set preferences = preferences || '{"mail_mention": false}'""",
    ],
)
def test_unreachable_and_unsubscribed_accounts_get_no_email(cursor: Cursor, change: str) -> None:
    author, ann = make.viewer(cursor), make.viewer(cursor, "ann")
    make.post(cursor, author, "Hello @ann")
    column = "id" if "update accounts" in change else "account_id"
    assert execute(cursor, f"{change} where {column} = {ann.id}") == 1
    assert write_all(cursor) == 0


def test_missing_email_preferences_have_their_defaults(cursor: Cursor) -> None:
    author, ann = make.viewer(cursor), make.viewer(cursor, "ann")
    execute(cursor, """update users set preferences = '{"theme": "dark"}'""")
    make.post(cursor, author, "Hello @ann")
    assert write_all(cursor) == 1
    assert ann.id


def test_changing_one_preference_keeps_the_others(cursor: Cursor) -> None:
    ann = make.viewer(cursor, "ann")
    assert users.change_preference(cursor, account=ann.id, name="mail_mention", value=False)
    member = users.by_account(cursor, account=ann.id)
    assert member is not None
    assert (member.login.preferences.mail_mention, member.login.preferences.mail_follow) == (False, True)


def written(cursor: Cursor, who: Viewer) -> EmailId:
    assert emails.add(cursor, EmailKind.RESET, account=who.id, recipient="ann@example.org", now=NOW)
    return emails.page_of(cursor, page=Page(1))[0].id


def test_an_email_keeps_the_message_id_of_its_first_try(cursor: Cursor) -> None:
    id = written(cursor, make.viewer(cursor))
    for name in ("<first@example.org>", "<second@example.org>"):
        emails.record_attempt(cursor, id=id, recipient="new@example.org", message_id=name)
    row = emails.lock(cursor, id=id)
    assert row is not None
    assert (row.tries, row.message_id, row.recipient) == (2, "<first@example.org>", "new@example.org")


def test_a_sent_email_stays_sent(cursor: Cursor) -> None:
    id = written(cursor, make.viewer(cursor))
    emails.record_outcome(cursor, id=id, state=EmailState.SENT, answer="250 OK", now=NOW)
    emails.record_outcome(cursor, id=id, state=EmailState.DEFERRED, answer="too late", now=NOW)
    row = emails.lock(cursor, id=id)
    assert row is not None
    assert (row.state, row.response, row.settled_at) == (EmailState.SENT, "250 OK", NOW)
    assert not emails.retry(cursor, id=id, now=NOW)


def test_an_smtp_response_is_stored_as_one_printable_line(cursor: Cursor) -> None:
    id = written(cursor, make.viewer(cursor))
    emails.record_outcome(cursor, id=id, state=EmailState.REFUSED, answer="550\0 5.1.1\r\n\x1b[31mno\ud800 " + "x" * 1000, now=NOW)
    row = emails.lock(cursor, id=id)
    assert row is not None
    assert row.response.startswith("550 5.1.1 [31mno? xxx")
    assert len(row.response) == emails.MAX_RESPONSE_LENGTH


def test_retrying_adds_one_job_and_discards_the_dead_one(cursor: Cursor) -> None:
    id = written(cursor, make.viewer(cursor))
    execute(cursor, "update jobs set state = 'dead'")
    emails.record_outcome(cursor, id=id, state=EmailState.FAILED, answer="no", now=NOW)
    later = NOW + timedelta(hours=1)
    assert emails.retry(cursor, id=id, now=later)
    assert emails.retry(cursor, id=id, now=later)
    cursor.execute("select state, due_at, payload->>'email' from jobs")
    assert cursor.fetchall() == [("waiting", later, str(id))]
    row = emails.lock(cursor, id=id)
    assert row is not None
    assert (row.state, row.next_try) == (EmailState.WAITING, later)


def test_the_owner_sees_a_refusal_until_an_email_is_delivered(cursor: Cursor) -> None:
    ann = make.viewer(cursor, "ann")
    told = []
    for state, answer in ((EmailState.REFUSED, "550 no such user"), (EmailState.CANCELLED, "read"), (EmailState.SENT, "250 OK")):
        emails.record_outcome(cursor, id=written(cursor, ann), state=state, answer=answer, now=NOW)
        told.append(emails.refusals(cursor, account=ann.id, recipient="Ann@example.org", limit=5))
    assert told == [["550 no such user"], ["550 no such user"], []]
    assert emails.refusals(cursor, account=ann.id, recipient="other@example.org", limit=5) == []


def test_refusals_are_counted_since_the_last_confirmation_or_delivery(cursor: Cursor) -> None:
    ann = make.viewer(cursor, "ann")

    def record(state: EmailState, hours: int) -> int:
        emails.record_outcome(cursor, id=written(cursor, ann), state=state, answer=str(hours), now=NOW + timedelta(hours=hours))
        return len(emails.refusals(cursor, account=ann.id, recipient="ann@example.org", limit=5))

    assert [record(EmailState.REFUSED, hours) for hours in (1, 2, 3)] == [1, 2, 3]
    assert [record(EmailState.SENT, 4), record(EmailState.REFUSED, 5)] == [0, 1]
    users.change_email(cursor, account=ann.id, email="ann@example.org", confirmed_at=NOW + timedelta(hours=6))
    assert record(EmailState.REFUSED, 7) == 1


def test_only_old_finished_emails_are_deleted(cursor: Cursor) -> None:
    ann = make.viewer(cursor, "ann")
    old, fresh, waiting = (written(cursor, ann) for _ in range(3))
    emails.record_outcome(cursor, id=old, state=EmailState.SENT, answer="", now=NOW - timedelta(days=3))
    emails.record_outcome(cursor, id=fresh, state=EmailState.SENT, answer="", now=NOW)
    assert emails.delete_old(cursor, before=NOW - timedelta(days=1), limit=10) == 1
    cursor.execute("select id from emails order by id")
    assert first_column(cursor.fetchall()) == [fresh, waiting]


def test_emails_of_a_deleted_account_contain_no_personal_data(cursor: Cursor) -> None:
    ann = make.viewer(cursor, "ann")
    written(cursor, ann)
    assert emails.erase_recipient(cursor, account=ann.id) == 1
    [row] = emails.page_of(cursor, page=Page(1))
    assert (row.account_id, row.recipient, row.data, row.state) == (None, "", {}, EmailState.CANCELLED)


def test_failed_jobs_can_be_listed_alone(cursor: Cursor) -> None:
    for key in ("one", "two"):
        jobs.add(cursor, "x", {}, due_at=NOW, now=NOW, key=key)
    execute(cursor, "update jobs set tries = 1 where key = 'two'")
    found = jobs.page_of(cursor, state=JobState.WAITING, page=Page(), retrying=True)
    assert [job.key for job in found] == ["two"]
