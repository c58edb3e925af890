"""Tests of e-mail jobs: recipients, contents, retries and digests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.domain.follows import Follows
from microblog.domain.relationships import Relationships
from microblog.jobs import cleanup, email_jobs
from microblog.jobs.scheduler import Timer
from microblog.model.accounts import Role, Viewer
from microblog.model.emails import AddressRejection, DeliveryResult, DeliveryStatus, EmailKind, EmailState
from microblog.model.errors import Conflict
from microblog.model.filters import FilterAction, FilterContext
from microblog.model.ids import AccountId, JobId, PostId
from microblog.model.jobs import Job, JobState, PermanentFailure, RetryLater
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Visibility
from microblog.storage import accounts, emails, notifications, oauth, users
from microblog.storage.database import Cursor, execute
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.mailbox import EmailWorker, email_services, email_worker
from tests.make import NOW
from tests.rfc5322 import body_text, parse


@pytest.fixture
def mailbox(cursor: Cursor) -> EmailWorker:
    return email_worker(cursor)


def states(cursor: Cursor) -> list[tuple[EmailKind, EmailState]]:
    return [(email.kind, email.state) for email in reversed(emails.page_of(cursor, page=Page(100)))]


def test_a_mention_is_mailed_with_its_text(mailbox: EmailWorker, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    make.post(cursor, ann, "Good morning @ben, how are you?")
    [email] = mailbox.deliver()
    assert email["To"] == "ben@example.org"
    assert email["From"].addresses[0].display_name == "ann (via Ours)"
    assert "> Good morning @ben, how are you?" in body_text(email.as_bytes(), "plain")
    assert states(cursor) == [(EmailKind.MENTION, EmailState.SENT)]
    assert mailbox.transport.delivered[0].sender == "bounces@example.org"
    assert mailbox.email_jobs.results == {"sent": 1}
    assert ben.id


def test_emails_of_a_conversation_are_threaded(mailbox: EmailWorker, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    first = make.post(cursor, ben, "Who likes tea? @ann")
    reply = make.post(cursor, ann, "I do", reply_to=first)
    make.post(cursor, ben, "Good, @ann", reply_to=reply)
    to_ann, to_ben, third = mailbox.deliver()
    assert (to_ann["To"], to_ben["To"], third["To"]) == ("ann@example.org", "ben@example.org", "ann@example.org")
    assert to_ann["Message-ID"] == f"<post.{first.id}.{ann.id}@example.org>"
    assert to_ann["Message-ID"] not in to_ben["References"]
    thread_roots = {email["References"].split()[0] for email in (to_ann, to_ben, third)}
    assert thread_roots == {f"<thread.{first.id}@example.org>"}
    assert third["Subject"] == to_ben["Subject"] == f"Re: {to_ann['Subject']}"


def test_following_repeatedly_sends_one_email(mailbox: EmailWorker, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    follows = Follows(RolledBackDatabase(cursor), lambda: NOW)
    for _ in range(3):
        result_of(follows.follow(ann, ben.id))
        result_of(follows.unfollow(ann, ben.id))
    result_of(follows.follow(ann, ben.id))
    assert len(mailbox.deliver()) == 1
    result_of(follows.unfollow(ann, ben.id))
    result_of(follows.follow(ann, ben.id))
    assert mailbox.deliver() == []


def test_a_follow_request_is_mailed_with_a_link(mailbox: EmailWorker, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben", locked=True)
    result_of(Follows(RolledBackDatabase(cursor), lambda: NOW).follow(ann, ben.id))
    [email] = mailbox.deliver()
    assert email["Subject"] == "ann requested to follow you"
    assert mailbox.link(email, "/settings/requests")


ChangeFunction = Callable[[Cursor, Viewer, Viewer], object]
CANCELLATIONS: dict[str, ChangeFunction] = {
    "read": lambda cursor, ann, ben: notifications.mark_read(cursor, account=ben.id, up_to=newest(cursor, ben.id), now=NOW),
    "dismissed": lambda cursor, ann, ben: notifications.clear(cursor, now=NOW, account=ben.id),
    "switched off": lambda cursor, ann, ben: users.change_preference(cursor, account=ben.id, name="mail_mention", value=False),
    "muted": lambda cursor, ann, ben: result_of(Relationships(RolledBackDatabase(cursor), lambda: NOW).mute(ben, ann.id)),
    "blocked": lambda cursor, ann, ben: result_of(Relationships(RolledBackDatabase(cursor), lambda: NOW).block(ben, ann.id)),
    "blocking": lambda cursor, ann, ben: result_of(Relationships(RolledBackDatabase(cursor), lambda: NOW).block(ann, ben.id)),
    "author suspended": lambda cursor, ann, ben: make.suspend(cursor, ann),
    "reader suspended": lambda cursor, ann, ben: make.suspend(cursor, ben),
    "reader disabled": lambda cursor, ann, ben: users.set_disabled(cursor, account=ben.id, at=NOW),
    "reader deleted": lambda cursor, ann, ben: users.delete(cursor, account=ben.id),
    "author deleted": lambda cursor, ann, ben: accounts.mark_deleted(cursor, id=ann.id, at=NOW),
    "post deleted": lambda cursor, ann, ben: result_of(make.post_service(RolledBackDatabase(cursor)).delete(ann, newest_post(cursor))),
    "address in doubt": lambda cursor, ann, ben: users.change_email(cursor, account=ben.id, email="new@example.org", confirmed_at=None),
    "thread muted": lambda cursor, ann, ben: execute(
        cursor, f"insert into thread_mutes select {ben.id}, thread_id, now() from posts where id = {newest_post(cursor)}"
    ),
}


def newest(cursor: Cursor, account: AccountId) -> int:
    return notifications.page_of(cursor, account=account, page=Page(1))[0].id


def newest_post(cursor: Cursor) -> PostId:
    cursor.execute("select max(id) from posts")
    return PostId(cursor.fetchone()[0])  # type: ignore[index]  # there is one


@pytest.mark.parametrize("change", CANCELLATIONS)
def test_an_email_that_is_no_longer_wanted_is_not_sent(mailbox: EmailWorker, cursor: Cursor, change: str) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    make.post(cursor, ann, "Hello @ben")
    [job] = mailbox.waiting()
    mailbox.run(job)
    CANCELLATIONS[change](cursor, ann, ben)
    assert mailbox.deliver() == []
    [email] = emails.page_of(cursor, page=Page(10))
    assert (email.state, email.tries) == (EmailState.CANCELLED, 0)
    assert email.response.endswith(".")


def test_an_email_does_not_quote_an_invisible_post(mailbox: EmailWorker, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    make.follow(cursor, ben, ann)
    direct_post = make.post(cursor, ann, "xyzzy", visibility=Visibility.DIRECT)
    reply = make.post(cursor, ann, "@ben look", reply_to=direct_post, visibility=Visibility.DIRECT)
    [email] = mailbox.deliver()
    assert "xyzzy" not in email.as_string()
    assert email["Subject"] == "ann mentioned you"
    assert reply.id
    assert ben.id


def test_an_email_goes_to_the_current_address(mailbox: EmailWorker, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    make.post(cursor, ann, "Hello @ben")
    users.change_email(cursor, account=ben.id, email="moved@example.org", confirmed_at=NOW)
    [email] = mailbox.deliver()
    assert email["To"] == "moved@example.org"


def send_job(mailbox: EmailWorker, cursor: Cursor, tries: int = 1) -> Job:
    make.post(cursor, make.viewer(cursor, "ann"), f"Hello @{make.viewer(cursor, 'ben').account.username}")
    [first] = mailbox.waiting()
    mailbox.run(first)
    [job] = mailbox.waiting()
    return evolve(job, tries=tries)


def test_a_deferred_email_is_retried_with_the_same_message_id(mailbox: EmailWorker, cursor: Cursor) -> None:
    job = send_job(mailbox, cursor)
    mailbox.transport.result = DeliveryResult(DeliveryStatus.DEFERRED, "451 later")
    for _ in range(2):
        with pytest.raises(RetryLater, match="451 later"):
            mailbox.run(job)
    [email] = emails.page_of(cursor, page=Page(1))
    assert (email.state, email.tries, email.response, email.next_try) == (EmailState.DEFERRED, 2, "451 later", job.due_at)
    mailbox.transport.result = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    mailbox.run(job)
    assert {envelope.message_id for envelope in mailbox.transport.delivered} == {email.message_id}
    [email] = emails.page_of(cursor, page=Page(1))
    assert (email.state, email.tries, email.response, email.next_try) == (EmailState.SENT, 3, "250 OK", None)


def test_an_email_fails_after_the_last_try_and_can_be_retried(mailbox: EmailWorker, cursor: Cursor) -> None:
    job = send_job(mailbox, cursor, tries=email_jobs.RETRY_POLICIES["email.send"].tries)
    mailbox.transport.result = DeliveryResult(DeliveryStatus.DEFERRED, "451 later")
    with pytest.raises(RetryLater):
        mailbox.run(job)
    assert states(cursor) == [(EmailKind.MENTION, EmailState.FAILED)]
    mailbox.transport.result = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    result_of(mailbox.mail.outbox.retry(emails.page_of(cursor, page=Page(1))[0].id, AccountId(1)))
    assert len(mailbox.deliver()) == 1


def test_a_refused_email_is_recorded_and_shown_to_the_user(mailbox: EmailWorker, cursor: Cursor) -> None:
    job = send_job(mailbox, cursor)
    mailbox.transport.result = DeliveryResult(DeliveryStatus.REFUSED, "550 no such user")
    mailbox.run(job)
    assert states(cursor) == [(EmailKind.MENTION, EmailState.REFUSED)]
    ben = Viewer(make.account_named(cursor, "ben"))
    assert result_of(mailbox.mail.outbox.address_rejection(ben, "ben@example.org")) == AddressRejection("550 no such user", given_up=False)


def refuse_emails(mailbox: EmailWorker, cursor: Cursor, times: int) -> list[EmailState]:
    """Send e-mails that the mail server refuses; return the states of all e-mails."""
    mailbox.transport.result = DeliveryResult(DeliveryStatus.REFUSED, "550 no such user")
    for _ in range(times):
        make.post(cursor, make.viewer(cursor), "Hello @ben")
        mailbox.deliver()
    return [state for _, state in states(cursor)]


def test_no_email_is_sent_to_an_address_after_repeated_refusals(mailbox: EmailWorker, cursor: Cursor) -> None:
    ben = make.viewer(cursor, "ben")
    assert refuse_emails(mailbox, cursor, 5) == [EmailState.REFUSED] * 3 + [EmailState.CANCELLED] * 2
    assert result_of(mailbox.mail.outbox.address_rejection(ben, "ben@example.org")) == AddressRejection("550 no such user", given_up=True)
    assert len(mailbox.transport.delivered) == 3


def test_an_email_retried_by_the_administrator_ignores_earlier_refusals(mailbox: EmailWorker, cursor: Cursor) -> None:
    make.viewer(cursor, "ben")
    refuse_emails(mailbox, cursor, 4)
    execute(cursor, "update emails set settled_at = settled_at - interval '1 second' where state = 'refused'")
    mailbox.transport.result = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    result_of(mailbox.mail.outbox.retry(emails.page_of(cursor, page=Page(10))[-1].id, AccountId(1)))
    assert len(mailbox.deliver()) == 1
    make.post(cursor, make.viewer(cursor), "It works again, @ben")
    assert len(mailbox.deliver()) == 1


def test_confirming_a_rejected_address_enables_it_again(mailbox: EmailWorker, cursor: Cursor) -> None:
    ben = make.viewer(cursor, "ben")
    with pytest.raises(Conflict):
        result_of(mailbox.mail.email_confirmation.resend(ben))
    refuse_emails(mailbox, cursor, 4)
    result_of(mailbox.mail.email_confirmation.resend(ben))
    mailbox.deliver()
    assert len(mailbox.transport.delivered) == 4, "the confirmation that the user asked for is tried"
    [email] = [parse(mailbox.transport.delivered[-1].message)]
    later = email_services(cursor, lambda: NOW + timedelta(minutes=1))
    assert result_of(later.email_confirmation.confirm(mailbox.link(email, "/confirm/").rpartition("/")[2])) == "ben@example.org"
    assert result_of(mailbox.mail.outbox.address_rejection(ben, "ben@example.org")) is None
    mailbox.transport.result = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    make.post(cursor, make.viewer(cursor), "Hello again @ben")
    assert len(mailbox.deliver()) == 1


def add_filter(cursor: Cursor, ben: Viewer, action: FilterAction, context: FilterContext = FilterContext.NOTIFICATIONS) -> None:
    database = RolledBackDatabase(cursor)
    draft = FilterDraft("Sports", (context,), action, keywords=(KeywordDraft("football"),))
    result_of(Filters(database, FilterCache(database, lambda: NOW), lambda: NOW).create(ben, draft))


def test_a_hiding_filter_cancels_the_email(mailbox: EmailWorker, cursor: Cursor) -> None:
    add_filter(cursor, make.viewer(cursor, "ben"), FilterAction.HIDE)
    make.post(cursor, make.viewer(cursor), "@ben look at that football!")
    assert mailbox.deliver() == []
    [email] = emails.page_of(cursor, page=Page(10))
    assert email.state is EmailState.CANCELLED
    assert "filter" in email.response


def test_a_filter_of_another_context_does_not_cancel_the_email(mailbox: EmailWorker, cursor: Cursor) -> None:
    add_filter(cursor, make.viewer(cursor, "ben"), FilterAction.HIDE, FilterContext.HOME)
    make.post(cursor, make.viewer(cursor), "@ben look at that football!")
    assert len(mailbox.deliver()) == 1


def test_a_warning_filter_replaces_the_text_by_its_title(mailbox: EmailWorker, cursor: Cursor) -> None:
    add_filter(cursor, make.viewer(cursor, "ben"), FilterAction.WARN)
    make.post(cursor, make.viewer(cursor), "@ben look at that football!")
    [email] = mailbox.deliver()
    assert "football" not in email.as_string()
    assert email["Subject"] == "Sports"


def test_a_repeated_job_does_not_send_again(mailbox: EmailWorker, cursor: Cursor) -> None:
    job = send_job(mailbox, cursor)
    mailbox.run(job)
    mailbox.run(job)
    assert len(mailbox.transport.delivered) == 1


def test_an_email_that_cannot_be_rendered_fails_permanently(mailbox: EmailWorker, cursor: Cursor) -> None:
    job = send_job(mailbox, cursor)
    execute(cursor, """update users set preferences = preferences || '{"time_zone": "Mars/Base"}'""")
    with pytest.raises(PermanentFailure):
        mailbox.run(job)
    assert states(cursor) == [(EmailKind.MENTION, EmailState.FAILED)]
    assert mailbox.transport.delivered == []


@pytest.mark.parametrize("payload", [{}, {"email": "1"}])
def test_a_job_without_its_email_does_nothing(mailbox: EmailWorker, payload: dict[str, object]) -> None:
    mailbox.run(Job(JobId(1), "email.send", payload, 1, JobState.RUNNING, NOW, NOW))


def run_timer(mailbox: EmailWorker, kind: str, at: datetime) -> None:
    mailbox.run(Job(JobId(1), kind, {"tick": at.isoformat()}, 1, JobState.RUNNING, NOW, NOW))


MONDAY = datetime(2026, 3, 9, 7, 0, tzinfo=ZoneInfo("UTC"))


def monday_mailbox(cursor: Cursor) -> EmailWorker:
    from tests.mailbox import email_services

    return EmailWorker(cursor, email_services(cursor, lambda: MONDAY))


def miss_notifications(cursor: Cursor, reader: str = "ben", **preferences: str) -> Viewer:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, reader)
    for name, value in preferences.items():
        users.change_preference(cursor, account=ben.id, name=name, value=value)
    at = MONDAY - timedelta(hours=5)
    post = make.post(cursor, ben, "My post", now=MONDAY - timedelta(days=20))
    make.post(cursor, ann, f"Where are you, @{reader}?", now=at)
    notifications.add(cursor, accounts=[ben.id], kind=NotificationKind.FAVOURITE, sender=ann.id, post=post.id, now=at)
    execute(cursor, "delete from jobs")
    return ben


def test_an_inactive_user_gets_a_digest_of_missed_notifications(cursor: Cursor) -> None:
    mailbox, _ = monday_mailbox(cursor), miss_notifications(cursor)
    run_timer(mailbox, "email.digests", MONDAY)
    run_timer(mailbox, "email.digests", MONDAY)
    [email] = mailbox.deliver()
    text = body_text(email.as_bytes(), "plain")
    assert "* 1 mention" in text
    assert "* 1 favourite of your posts" in text
    assert "> Where are you, @ben?" in text
    assert email["List-Unsubscribe-Post"]


def test_digests_follow_the_frequency_of_the_user(cursor: Cursor) -> None:
    mailbox = monday_mailbox(cursor)
    miss_notifications(cursor, mail_digest="daily")
    run_timer(mailbox, "email.digests", MONDAY)
    assert len(mailbox.deliver()) == 1
    run_timer(mailbox, "email.digests", MONDAY + timedelta(days=1))
    assert mailbox.deliver() == []


@pytest.mark.parametrize("reason", ["never", "active session", "active app", "read", "wrong weekday"])
def test_active_or_unsubscribed_users_get_no_digest(cursor: Cursor, reason: str) -> None:
    mailbox = monday_mailbox(cursor)
    ben = miss_notifications(cursor, mail_digest="never" if reason == "never" else "weekly")
    if reason == "active session":
        execute(
            cursor,
            """insert into sessions (id, token_hash, account_id, created_at, seen_at, expires_at)
               values (1, 'x', %(ben)s, %(at)s, %(at)s, %(at)s)""",
            {"ben": ben.id, "at": MONDAY - timedelta(days=2)},
        )
    if reason == "active app":
        use_an_app(cursor, ben, MONDAY - timedelta(days=2))
    if reason == "read":
        notifications.mark_read(cursor, account=ben.id, up_to=newest(cursor, ben.id), now=MONDAY)
    run_timer(mailbox, "email.digests", MONDAY + timedelta(days=1) if reason == "wrong weekday" else MONDAY)
    assert mailbox.deliver() == []


def use_an_app(cursor: Cursor, viewer: Viewer, at: datetime) -> None:
    app = oauth.insert_app(cursor, client_id="x", secret_hash=b"x", name="X", website=None, redirect_uris=(), scopes=("read",), now=at)
    token = oauth.insert_token(cursor, token_hash=b"x", app=app.id, account=viewer.id, scopes=("read",), now=at)
    assert token is not None
    oauth.record_use(cursor, addresses={token.id: ""}, now=at)


def test_a_digest_omits_filtered_posts(cursor: Cursor) -> None:
    mailbox, ben = monday_mailbox(cursor), miss_notifications(cursor)
    result_of(
        Filters(RolledBackDatabase(cursor), FilterCache(RolledBackDatabase(cursor), lambda: NOW), lambda: NOW).create(
            ben, FilterDraft("Places", (FilterContext.NOTIFICATIONS,), FilterAction.HIDE, keywords=(KeywordDraft("where"),))
        )
    )
    run_timer(mailbox, "email.digests", MONDAY)
    [email] = mailbox.deliver()
    assert "Where are you" not in email.as_string()
    assert "* 1 favourite of your posts" in body_text(email.as_bytes(), "plain")
    assert "mention" not in body_text(email.as_bytes(), "plain"), "the filtered post is not counted either"


def test_a_digest_counts_only_visible_notifications(cursor: Cursor) -> None:
    mailbox, ben = monday_mailbox(cursor), miss_notifications(cursor)
    execute(cursor, "update notifications set kind = 'quote' where kind = 'favourite'")
    author_id = notifications.page_of(cursor, account=ben.id, page=Page())[0].sender
    execute(cursor, "update posts set visibility = 'private' where account_id = %(gone)s", {"gone": author_id})
    execute(cursor, "delete from mentions where account_id = %(ben)s", {"ben": ben.id})
    run_timer(mailbox, "email.digests", MONDAY)
    assert mailbox.deliver() == []


def test_a_digest_is_cancelled_if_everything_was_read_before_sending(cursor: Cursor) -> None:
    mailbox, ben = monday_mailbox(cursor), miss_notifications(cursor)
    run_timer(mailbox, "email.digests", MONDAY)
    notifications.mark_read(cursor, account=ben.id, up_to=newest(cursor, ben.id), now=MONDAY)
    assert mailbox.deliver() == []


def test_administrators_get_a_daily_report_in_the_time_zone_of_the_site(cursor: Cursor) -> None:
    vienna = ZoneInfo("Europe/Vienna")
    morning = datetime(2026, 3, 30, 6, 0, tzinfo=vienna)  # the day before had 23 hours
    mailbox = EmailWorker(cursor, monday_mailbox(cursor).mail, zone=vienna)
    make.viewer(cursor, "boss", role=Role.ADMIN)
    make.viewer(cursor, "mod", role=Role.MODERATOR)
    begin, end = (datetime(2026, 3, day, tzinfo=vienna) for day in (29, 30))
    for at in (begin - timedelta(minutes=1), begin, end - timedelta(minutes=1), end):
        make.post(cursor, make.viewer(cursor, now=at), now=at)
    run_timer(mailbox, "email.daily_reports", morning)
    run_timer(mailbox, "email.daily_reports", morning)
    [email] = mailbox.deliver()
    assert (email["To"], email["Subject"]) == ("boss@example.org", "Ours: daily report for 29 March 2026")
    assert "New accounts: 2\n" in body_text(email.as_bytes(), "plain")
    assert "New posts: 2\n" in body_text(email.as_bytes(), "plain")


def test_every_email_timer_and_cleanup_has_its_task(db: RolledBackDatabase, mailbox: EmailWorker) -> None:
    timers: list[Timer] = email_jobs.timers(ZoneInfo("UTC"))
    assert {timer.kind for timer in timers} <= mailbox.email_jobs.tasks().keys()
    assert {sweep.kind for sweep in email_jobs.cleanup_batches()} <= cleanup.tasks(db, lambda: NOW, email_jobs.cleanup_batches()).keys()


def test_old_emails_and_known_browsers_are_deleted(db: RolledBackDatabase, cursor: Cursor, mailbox: EmailWorker) -> None:
    make.post(cursor, make.viewer(cursor, "ann"), f"@{make.viewer(cursor, 'ben').account.username}")
    mailbox.deliver()
    execute(cursor, "update emails set settled_at = %(old)s", {"old": NOW - timedelta(days=91)})
    execute(cursor, "insert into known_browsers select id, 'x', %(old)s from accounts", {"old": NOW - timedelta(days=401)})
    for sweep in email_jobs.cleanup_batches():
        result_of(sweep.run(db, NOW))
    for table in ("emails", "known_browsers"):
        cursor.execute(f"select count(*) from {table}")
        assert cursor.fetchone() == (0,)
