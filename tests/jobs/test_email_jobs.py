"""Who gets which letter, when it is sent, and what becomes of it."""

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
from tests.fakes import RolledBackDatabase, done
from tests.mailbox import Postman, postman, services
from tests.make import NOW
from tests.rfc5322 import body, parsed


@pytest.fixture
def post(cursor: Cursor) -> Postman:
    return postman(cursor)


def states(cursor: Cursor) -> list[tuple[EmailKind, EmailState]]:
    return [(letter.kind, letter.state) for letter in reversed(emails.page_of(cursor, page=Page(100)))]


def test_who_is_named_gets_a_letter_with_what_was_said(post: Postman, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    make.post(cursor, ann, "Good morning @ben, how are you?")
    [letter] = post.deliver()
    assert letter["To"] == "ben@example.org"
    assert letter["From"].addresses[0].display_name == "ann (via Ours)"
    assert "> Good morning @ben, how are you?" in body(letter.as_bytes(), "plain")
    assert states(cursor) == [(EmailKind.MENTION, EmailState.SENT)]
    assert post.office.taken[0].sender == "bounces@example.org"
    assert ben.id


def test_who_is_answered_gets_a_letter_below_the_first(post: Postman, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    first = make.post(cursor, ben, "Who likes tea? @ann")
    answer = make.post(cursor, ann, "I do", reply_to=first)
    make.post(cursor, ben, "Good, @ann", reply_to=answer)
    to_ann, to_ben, again = post.deliver()
    assert (to_ann["To"], to_ben["To"], again["To"]) == ("ann@example.org", "ben@example.org", "ann@example.org")
    assert to_ann["Message-ID"] == f"<post.{first.id}.{ann.id}@example.org>"
    assert to_ann["Message-ID"] not in to_ben["References"]
    roots = {letter["References"].split()[0] for letter in (to_ann, to_ben, again)}
    assert roots == {f"<thread.{first.id}@example.org>"}
    assert again["Subject"] == to_ben["Subject"] == f"Re: {to_ann['Subject']}"


def test_a_follower_is_told_once_however_often_they_follow(post: Postman, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    follows = Follows(RolledBackDatabase(cursor), lambda: NOW)
    for _ in range(3):
        done(follows.follow(ann, ben.id))
        done(follows.unfollow(ann, ben.id))
    done(follows.follow(ann, ben.id))
    assert len(post.deliver()) == 1
    done(follows.unfollow(ann, ben.id))
    done(follows.follow(ann, ben.id))
    assert post.deliver() == []


def test_who_asks_to_follow_is_told_and_where_to_answer(post: Postman, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben", locked=True)
    done(Follows(RolledBackDatabase(cursor), lambda: NOW).follow(ann, ben.id))
    [letter] = post.deliver()
    assert letter["Subject"] == "ann asks to follow you"
    assert post.link(letter, "/settings/requests")


Change = Callable[[Cursor, Viewer, Viewer], object]
NOBODY_WANTS: dict[str, Change] = {
    "read": lambda cursor, ann, ben: notifications.mark_read(cursor, account=ben.id, up_to=newest(cursor, ben.id), now=NOW),
    "dismissed": lambda cursor, ann, ben: notifications.clear(cursor, now=NOW, account=ben.id),
    "switched off": lambda cursor, ann, ben: users.change_preference(cursor, account=ben.id, name="mail_mention", value=False),
    "muted": lambda cursor, ann, ben: done(Relationships(RolledBackDatabase(cursor), lambda: NOW).mute(ben, ann.id)),
    "blocked": lambda cursor, ann, ben: done(Relationships(RolledBackDatabase(cursor), lambda: NOW).block(ben, ann.id)),
    "blocking": lambda cursor, ann, ben: done(Relationships(RolledBackDatabase(cursor), lambda: NOW).block(ann, ben.id)),
    "author suspended": lambda cursor, ann, ben: make.suspend(cursor, ann),
    "reader suspended": lambda cursor, ann, ben: make.suspend(cursor, ben),
    "reader disabled": lambda cursor, ann, ben: users.set_disabled(cursor, account=ben.id, at=NOW),
    "reader deleted": lambda cursor, ann, ben: users.delete(cursor, account=ben.id),
    "author deleted": lambda cursor, ann, ben: accounts.mark_deleted(cursor, id=ann.id, at=NOW),
    "post deleted": lambda cursor, ann, ben: done(make.posts(RolledBackDatabase(cursor)).delete(ann, newest_post(cursor))),
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


@pytest.mark.parametrize("change", NOBODY_WANTS)
def test_a_letter_that_nobody_wants_any_more_is_not_sent(post: Postman, cursor: Cursor, change: str) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    make.post(cursor, ann, "Hello @ben")
    [job] = post.waiting()
    post.do(job)
    NOBODY_WANTS[change](cursor, ann, ben)
    assert post.deliver() == []
    [letter] = emails.page_of(cursor, page=Page(10))
    assert (letter.state, letter.tries) == (EmailState.CANCELLED, 0)
    assert letter.response.endswith(".")


def test_nobody_is_mailed_what_they_may_not_see(post: Postman, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    make.follow(cursor, ben, ann)
    secret = make.post(cursor, ann, "xyzzy", visibility=Visibility.DIRECT)
    answer = make.post(cursor, ann, "@ben look", reply_to=secret, visibility=Visibility.DIRECT)
    [letter] = post.deliver()
    assert "xyzzy" not in letter.as_string()
    assert letter["Subject"] == "ann mentioned you"
    assert answer.id
    assert ben.id


def test_a_letter_goes_to_where_its_reader_is_by_now(post: Postman, cursor: Cursor) -> None:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, "ben")
    make.post(cursor, ann, "Hello @ben")
    users.change_email(cursor, account=ben.id, email="moved@example.org", confirmed_at=NOW)
    [letter] = post.deliver()
    assert letter["To"] == "moved@example.org"


def one_job(post: Postman, cursor: Cursor, tries: int = 1) -> Job:
    make.post(cursor, make.viewer(cursor, "ann"), f"Hello @{make.viewer(cursor, 'ben').account.username}")
    [first] = post.waiting()
    post.do(first)
    [job] = post.waiting()
    return evolve(job, tries=tries)


def test_a_letter_that_is_put_off_is_tried_again_under_the_same_name(post: Postman, cursor: Cursor) -> None:
    job = one_job(post, cursor)
    post.office.answer = DeliveryResult(DeliveryStatus.DEFERRED, "451 later")
    for _ in range(2):
        with pytest.raises(RetryLater, match="451 later"):
            post.do(job)
    [letter] = emails.page_of(cursor, page=Page(1))
    assert (letter.state, letter.tries, letter.response, letter.next_try) == (EmailState.DEFERRED, 2, "451 later", job.due_at)
    post.office.answer = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    post.do(job)
    assert {envelope.message_id for envelope in post.office.taken} == {letter.message_id}
    [letter] = emails.page_of(cursor, page=Page(1))
    assert (letter.state, letter.tries, letter.response, letter.next_try) == (EmailState.SENT, 3, "250 OK", None)


def test_a_letter_is_given_up_after_the_last_try_and_goes_again_when_somebody_says_so(post: Postman, cursor: Cursor) -> None:
    job = one_job(post, cursor, tries=email_jobs.RETRY_POLICIES["email.send"].tries)
    post.office.answer = DeliveryResult(DeliveryStatus.DEFERRED, "451 later")
    with pytest.raises(RetryLater):
        post.do(job)
    assert states(cursor) == [(EmailKind.MENTION, EmailState.FAILED)]
    post.office.answer = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    done(post.mail.outbox.retry(emails.page_of(cursor, page=Page(1))[0].id))
    assert len(post.deliver()) == 1


def test_a_letter_that_is_refused_is_marked_and_its_owner_told(post: Postman, cursor: Cursor) -> None:
    job = one_job(post, cursor)
    post.office.answer = DeliveryResult(DeliveryStatus.REFUSED, "550 no such user")
    post.do(job)
    assert states(cursor) == [(EmailKind.MENTION, EmailState.REFUSED)]
    ben = Viewer(make.named(cursor, "ben"))
    assert done(post.mail.outbox.address_rejection(ben, "ben@example.org")) == AddressRejection("550 no such user", given_up=False)


def refuse(post: Postman, cursor: Cursor, times: int) -> list[EmailState]:
    """Letters that nobody takes; what became of them."""
    post.office.answer = DeliveryResult(DeliveryStatus.REFUSED, "550 no such user")
    for _ in range(times):
        make.post(cursor, make.viewer(cursor), "Hello @ben")
        post.deliver()
    return [state for _, state in states(cursor)]


def test_an_address_that_was_refused_again_and_again_is_written_to_no_more(post: Postman, cursor: Cursor) -> None:
    ben = make.viewer(cursor, "ben")
    assert refuse(post, cursor, 5) == [EmailState.REFUSED] * 3 + [EmailState.CANCELLED] * 2
    assert done(post.mail.outbox.address_rejection(ben, "ben@example.org")) == AddressRejection("550 no such user", given_up=True)
    assert len(post.office.taken) == 3


def test_a_letter_that_the_administrator_sends_again_is_tried_whatever_was_refused(post: Postman, cursor: Cursor) -> None:
    make.viewer(cursor, "ben")
    refuse(post, cursor, 4)
    execute(cursor, "update emails set settled_at = settled_at - interval '1 second' where state = 'refused'")
    post.office.answer = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    done(post.mail.outbox.retry(emails.page_of(cursor, page=Page(10))[-1].id))
    assert len(post.deliver()) == 1
    make.post(cursor, make.viewer(cursor), "It works again, @ben")
    assert len(post.deliver()) == 1


def test_who_confirms_an_address_that_was_given_up_is_written_to_again(post: Postman, cursor: Cursor) -> None:
    ben = make.viewer(cursor, "ben")
    with pytest.raises(Conflict):
        done(post.mail.confirmations.resend(ben))
    refuse(post, cursor, 4)
    done(post.mail.confirmations.resend(ben))
    post.deliver()
    assert len(post.office.taken) == 4, "what its owner waits for is tried"
    [letter] = [parsed(post.office.taken[-1].message)]
    later = services(cursor, lambda: NOW + timedelta(minutes=1))
    assert done(later.confirmations.confirm(post.link(letter, "/confirm/").rpartition("/")[2])) == "ben@example.org"
    assert done(post.mail.outbox.address_rejection(ben, "ben@example.org")) is None
    post.office.answer = DeliveryResult(DeliveryStatus.SENT, "250 OK")
    make.post(cursor, make.viewer(cursor), "Hello again @ben")
    assert len(post.deliver()) == 1


def filtered(cursor: Cursor, ben: Viewer, action: FilterAction, context: FilterContext = FilterContext.NOTIFICATIONS) -> None:
    database = RolledBackDatabase(cursor)
    draft = FilterDraft("Sports", (context,), action, keywords=(KeywordDraft("football"),))
    done(Filters(database, FilterCache(database, lambda: NOW), lambda: NOW).create(ben, draft))


def test_a_filter_that_leaves_a_post_out_keeps_its_mail_back(post: Postman, cursor: Cursor) -> None:
    filtered(cursor, make.viewer(cursor, "ben"), FilterAction.HIDE)
    make.post(cursor, make.viewer(cursor), "@ben look at that football!")
    assert post.deliver() == []
    [letter] = emails.page_of(cursor, page=Page(10))
    assert letter.state is EmailState.CANCELLED
    assert "filter" in letter.response


def test_a_filter_of_another_place_keeps_no_mail_back(post: Postman, cursor: Cursor) -> None:
    filtered(cursor, make.viewer(cursor, "ben"), FilterAction.HIDE, FilterContext.HOME)
    make.post(cursor, make.viewer(cursor), "@ben look at that football!")
    assert len(post.deliver()) == 1


def test_a_filter_that_warns_lets_its_name_be_mailed_and_not_the_words(post: Postman, cursor: Cursor) -> None:
    filtered(cursor, make.viewer(cursor, "ben"), FilterAction.WARN)
    make.post(cursor, make.viewer(cursor), "@ben look at that football!")
    [letter] = post.deliver()
    assert "football" not in letter.as_string()
    assert letter["Subject"] == "Sports"


def test_what_was_sent_is_not_sent_again_by_a_job_that_runs_twice(post: Postman, cursor: Cursor) -> None:
    job = one_job(post, cursor)
    post.do(job)
    post.do(job)
    assert len(post.office.taken) == 1


def test_a_letter_that_cannot_be_written_stops_no_other(post: Postman, cursor: Cursor) -> None:
    job = one_job(post, cursor)
    execute(cursor, """update users set preferences = preferences || '{"time_zone": "Mars/Base"}'""")
    with pytest.raises(PermanentFailure):
        post.do(job)
    assert states(cursor) == [(EmailKind.MENTION, EmailState.FAILED)]
    assert post.office.taken == []


@pytest.mark.parametrize("payload", [{}, {"email": "1"}])
def test_a_job_without_its_letter_does_nothing(post: Postman, payload: dict[str, object]) -> None:
    post.do(Job(JobId(1), "email.send", payload, 1, JobState.RUNNING, NOW, NOW))


def tick(post: Postman, kind: str, at: datetime) -> None:
    post.do(Job(JobId(1), kind, {"tick": at.isoformat()}, 1, JobState.RUNNING, NOW, NOW))


MONDAY = datetime(2026, 3, 9, 7, 0, tzinfo=ZoneInfo("UTC"))


def at_monday(cursor: Cursor) -> Postman:
    from tests.mailbox import services

    return Postman(cursor, services(cursor, lambda: MONDAY))


def missed(cursor: Cursor, reader: str = "ben", **preferences: str) -> Viewer:
    ann, ben = make.viewer(cursor, "ann"), make.viewer(cursor, reader)
    for name, value in preferences.items():
        users.change_preference(cursor, account=ben.id, name=name, value=value)
    at = MONDAY - timedelta(hours=5)
    post = make.post(cursor, ben, "My post", now=MONDAY - timedelta(days=20))
    make.post(cursor, ann, f"Where are you, @{reader}?", now=at)
    notifications.add(cursor, accounts=[ben.id], kind=NotificationKind.FAVOURITE, sender=ann.id, post=post.id, now=at)
    execute(cursor, "delete from jobs")
    return ben


def test_who_was_away_gets_a_digest_of_what_they_missed(cursor: Cursor) -> None:
    post, _ = at_monday(cursor), missed(cursor)
    tick(post, "email.digests", MONDAY)
    tick(post, "email.digests", MONDAY)
    [letter] = post.deliver()
    text = body(letter.as_bytes(), "plain")
    assert "* 1 mention of you" in text
    assert "* 1 like for your posts" in text
    assert "> Where are you, @ben?" in text
    assert letter["List-Unsubscribe-Post"]


def test_digests_come_as_often_as_their_reader_wants_them(cursor: Cursor) -> None:
    post = at_monday(cursor)
    missed(cursor, mail_digest="daily")
    tick(post, "email.digests", MONDAY)
    assert len(post.deliver()) == 1
    tick(post, "email.digests", MONDAY + timedelta(days=1))
    assert post.deliver() == []


@pytest.mark.parametrize("reason", ["never", "here", "by an app", "read", "tuesday"])
def test_who_missed_nothing_or_wants_none_gets_no_digest(cursor: Cursor, reason: str) -> None:
    post = at_monday(cursor)
    ben = missed(cursor, mail_digest="never" if reason == "never" else "weekly")
    if reason == "here":
        execute(
            cursor,
            """insert into sessions (id, token_hash, account_id, created_at, seen_at, expires_at)
               values (1, 'x', %(ben)s, %(at)s, %(at)s, %(at)s)""",
            {"ben": ben.id, "at": MONDAY - timedelta(days=2)},
        )
    if reason == "by an app":
        use_an_app(cursor, ben, MONDAY - timedelta(days=2))
    if reason == "read":
        notifications.mark_read(cursor, account=ben.id, up_to=newest(cursor, ben.id), now=MONDAY)
    tick(post, "email.digests", MONDAY + timedelta(days=1) if reason == "tuesday" else MONDAY)
    assert post.deliver() == []


def use_an_app(cursor: Cursor, who: Viewer, at: datetime) -> None:
    app = oauth.insert_app(cursor, client_id="x", secret_hash=b"x", name="X", website=None, redirect_uris=(), scopes=("read",), now=at)
    token = oauth.insert_token(cursor, token_hash=b"x", app=app.id, account=who.id, scopes=("read",), now=at)
    assert token is not None
    oauth.record_use(cursor, tokens=[token.id], now=at)


def test_a_digest_shows_no_post_that_a_filter_leaves_out(cursor: Cursor) -> None:
    post, ben = at_monday(cursor), missed(cursor)
    done(
        Filters(RolledBackDatabase(cursor), FilterCache(RolledBackDatabase(cursor), lambda: NOW), lambda: NOW).create(
            ben, FilterDraft("Places", (FilterContext.NOTIFICATIONS,), FilterAction.HIDE, keywords=(KeywordDraft("where"),))
        )
    )
    tick(post, "email.digests", MONDAY)
    [letter] = post.deliver()
    assert "Where are you" not in letter.as_string()
    assert "* 1 like for your posts" in body(letter.as_bytes(), "plain")
    assert "mention" not in body(letter.as_bytes(), "plain"), "nor does it count it"


def test_a_digest_counts_nothing_that_the_list_does_not_show(cursor: Cursor) -> None:
    post, ben = at_monday(cursor), missed(cursor)
    execute(cursor, "update notifications set kind = 'quote' where kind = 'favourite'")
    gone = notifications.page_of(cursor, account=ben.id, page=Page())[0].sender
    execute(cursor, "update posts set visibility = 'private' where account_id = %(gone)s", {"gone": gone})
    execute(cursor, "delete from mentions where account_id = %(ben)s", {"ben": ben.id})
    tick(post, "email.digests", MONDAY)
    assert post.deliver() == []


def test_what_was_read_between_writing_and_sending_is_not_missed(cursor: Cursor) -> None:
    post, ben = at_monday(cursor), missed(cursor)
    tick(post, "email.digests", MONDAY)
    notifications.mark_read(cursor, account=ben.id, up_to=newest(cursor, ben.id), now=MONDAY)
    assert post.deliver() == []


def test_administrators_get_a_report_of_the_day_in_the_sites_zone(cursor: Cursor) -> None:
    vienna = ZoneInfo("Europe/Vienna")
    morning = datetime(2026, 3, 30, 6, 0, tzinfo=vienna)  # the day before had 23 hours
    post = Postman(cursor, at_monday(cursor).mail, zone=vienna)
    make.viewer(cursor, "boss", role=Role.ADMIN)
    make.viewer(cursor, "mod", role=Role.MODERATOR)
    begin, end = (datetime(2026, 3, day, tzinfo=vienna) for day in (29, 30))
    for at in (begin - timedelta(minutes=1), begin, end - timedelta(minutes=1), end):
        make.post(cursor, make.viewer(cursor, now=at), now=at)
    tick(post, "email.daily_reports", morning)
    tick(post, "email.daily_reports", morning)
    [letter] = post.deliver()
    assert (letter["To"], letter["Subject"]) == ("boss@example.org", "Ours: report of 29 March 2026")
    assert "New accounts: 2\n" in body(letter.as_bytes(), "plain")
    assert "New posts: 2\n" in body(letter.as_bytes(), "plain")


def test_every_timer_and_sweep_of_mail_has_its_task(db: RolledBackDatabase, post: Postman) -> None:
    timers: list[Timer] = email_jobs.timers(ZoneInfo("UTC"))
    assert {timer.kind for timer in timers} <= post.mailing.tasks().keys()
    assert {sweep.kind for sweep in email_jobs.cleanup_batches()} <= cleanup.tasks(db, lambda: NOW, email_jobs.cleanup_batches()).keys()


def test_old_letters_and_devices_are_forgotten(db: RolledBackDatabase, cursor: Cursor, post: Postman) -> None:
    make.post(cursor, make.viewer(cursor, "ann"), f"@{make.viewer(cursor, 'ben').account.username}")
    post.deliver()
    execute(cursor, "update emails set settled_at = %(old)s", {"old": NOW - timedelta(days=91)})
    execute(cursor, "insert into known_browsers select id, 'x', %(old)s from accounts", {"old": NOW - timedelta(days=401)})
    for sweep in email_jobs.cleanup_batches():
        done(sweep.run(db, NOW))
    for table in ("emails", "known_browsers"):
        cursor.execute(f"select count(*) from {table}")
        assert cursor.fetchone() == (0,)
