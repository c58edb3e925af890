"""Scheduled posts are published once, on time, under the same rules as others."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from attrs import evolve

from microblog.domain import attachments
from microblog.domain.account_deletion import begin_deletion
from microblog.domain.attachments import UNATTACHED_LIFETIME, Attachments, MediaUpload
from microblog.domain.posts import Posts
from microblog.domain.scheduled import PUBLISH, TRIES, Schedules
from microblog.jobs import post_jobs
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.paging import Page
from microblog.model.polls import PollDraft
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.model.scheduled import UNREADABLE, ScheduledPost
from microblog.storage import jobs, scheduled, users
from microblog.storage.database import Cursor, execute, fetch_value
from tests import fakes, files, make
from tests.fakes import RolledBackDatabase, WallClock
from tests.mailbox import email_worker
from tests.rfc5322 import body_text

HOUR = timedelta(hours=1)
SOON = make.NOW + HOUR


@pytest.fixture
def clock() -> WallClock:
    return WallClock(make.NOW)


@pytest.fixture
def posts(db: RolledBackDatabase, clock: WallClock) -> Posts:
    return evolve(make.post_service(db), now=clock)


@pytest.fixture
def schedules(db: RolledBackDatabase, posts: Posts, clock: WallClock) -> Schedules:
    return Schedules(db, posts, clock)


@pytest.fixture
def attachments_service(db: RolledBackDatabase, tmp_path: Path, clock: WallClock) -> Attachments:
    return Attachments(db, fakes.media_store(tmp_path), clock, fakes.no_sleep)


async def plan(schedules: Schedules, viewer: Viewer, draft: PostDraft, at: datetime = SOON) -> ScheduledPost:
    planned = await schedules.add(viewer, draft, at)
    assert isinstance(planned, ScheduledPost)
    return planned


async def run_due_jobs(schedules: Schedules, cursor: Cursor, clock: WallClock) -> None:
    """Run the due jobs."""
    for job in jobs.claim(cursor, kinds=[PUBLISH], worker="w", lease_until=clock() + HOUR, now=clock(), limit=50):
        await post_jobs.schedule_tasks(schedules)[PUBLISH](job)


def published(cursor: Cursor) -> list[str]:
    cursor.execute("select text from posts order by id")
    return [text for (text,) in cursor.fetchall()]


async def test_a_post_is_published_at_its_time(schedules: Schedules, posts: Posts, cursor: Cursor, clock: WallClock) -> None:
    ada = make.viewer(cursor)
    poll = PollDraft(("Yes", "No"), 600)
    draft = PostDraft("Later", Visibility.UNLISTED, spoiler="Wait", language="de", poll=poll, application="Clock")
    planned = await plan(schedules, ada, draft)
    assert planned.draft == draft
    clock.advance(minutes=59)
    await run_due_jobs(schedules, cursor, clock)
    await schedules.publish(planned.id)
    assert published(cursor) == []
    clock.advance(minutes=1)
    await run_due_jobs(schedules, cursor, clock)
    await schedules.publish(planned.id)
    assert published(cursor) == ["Later"]
    [post] = [await posts.one(None, fetch_value(cursor, "select id from posts"))]
    assert (post.visibility, post.spoiler, post.language, post.application) == (Visibility.UNLISTED, "Wait", "de", "Clock")
    assert post.created_at == SOON
    assert post.poll is not None
    assert post.poll.expires_at == SOON + timedelta(seconds=600)
    assert await schedules.page(ada, Page()) == []


async def test_the_same_idempotency_key_returns_the_same_result_before_and_after_publication(
    schedules: Schedules, posts: Posts, cursor: Cursor, clock: WallClock
) -> None:
    ada = make.viewer(cursor)
    draft = PostDraft("Once", key="k")
    first = await plan(schedules, ada, draft)
    assert await schedules.add(ada, draft, SOON + HOUR) == first
    clock.advance(hours=1)
    await run_due_jobs(schedules, cursor, clock)
    again = await schedules.add(ada, draft, SOON + HOUR)
    assert isinstance(again, Post)
    assert await posts.publish(ada, draft) == again
    assert published(cursor) == ["Once"]


async def test_the_key_of_a_deleted_or_cancelled_post_creates_a_new_one(
    schedules: Schedules, posts: Posts, cursor: Cursor, clock: WallClock
) -> None:
    ada = make.viewer(cursor)
    draft = PostDraft("Once", key="k")
    cancelled = await plan(schedules, ada, draft)
    await schedules.cancel(ada, cancelled.id)
    planned = await plan(schedules, ada, draft)
    assert planned.id != cancelled.id
    clock.advance(hours=1)
    await run_due_jobs(schedules, cursor, clock)
    [post] = [await posts.one(ada, fetch_value(cursor, "select id from posts"))]
    await posts.delete(ada, post.id)
    assert isinstance(await schedules.add(ada, draft, SOON + HOUR), ScheduledPost)
    assert (await posts.publish(ada, draft)).id != post.id


async def test_a_scheduled_post_is_published_although_its_key_was_used_meanwhile(
    schedules: Schedules, posts: Posts, cursor: Cursor, clock: WallClock
) -> None:
    ada = make.viewer(cursor)
    await plan(schedules, ada, PostDraft("Later", key="k"))
    await posts.publish(ada, PostDraft("Now", key="k"))
    clock.advance(hours=1)
    await run_due_jobs(schedules, cursor, clock)
    assert published(cursor) == ["Now", "Later"]


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(minutes=4, seconds=59), -HOUR])
async def test_a_post_is_scheduled_at_least_five_minutes_ahead(schedules: Schedules, cursor: Cursor, ahead: timedelta) -> None:
    ada = make.viewer(cursor)
    with pytest.raises(Invalid, match=r"^Validation failed: Scheduled at date must be in the future$"):
        await schedules.add(ada, PostDraft("Now?"), make.NOW + ahead)
    planned = await plan(schedules, ada, PostDraft("Later"))
    with pytest.raises(Invalid, match="must be in the future"):
        await schedules.move(ada, planned.id, make.NOW + ahead)


async def test_a_post_that_could_not_be_published_now_cannot_be_scheduled(schedules: Schedules, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    hidden = make.post(cursor, make.viewer(cursor), visibility=Visibility.DIRECT)
    for draft, problem in [
        (PostDraft(""), Invalid),
        (PostDraft("x" * 501), Invalid),
        (PostDraft("Hi", reply_to=hidden.id), NotFound),
        (PostDraft("Hi", poll=PollDraft(("One",), 600)), Invalid),
    ]:
        with pytest.raises(problem):
            await schedules.add(ada, draft, SOON)
    assert await schedules.page(ada, Page()) == []


async def test_there_are_no_more_than_25_a_day_and_300_in_all(schedules: Schedules, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    for _ in range(25):
        scheduled.insert(cursor, account=ada.id, draft=PostDraft("One of many", Visibility.PUBLIC), at=SOON, now=make.NOW)
    with pytest.raises(Invalid, match="You have exceeded the limit of 25 scheduled posts for today"):
        await schedules.add(ada, PostDraft("One more"), SOON)
    tomorrow = await plan(schedules, ada, PostDraft("One more"), SOON + timedelta(days=1))
    with pytest.raises(Invalid, match="25 scheduled posts for today"):
        await schedules.move(ada, tomorrow.id, SOON)
    for number in range(274):
        at = SOON + timedelta(days=2 + number)
        scheduled.insert(cursor, account=ada.id, draft=PostDraft("One of many", Visibility.PUBLIC), at=at, now=make.NOW)
    with pytest.raises(Invalid, match=r"^Validation failed: You have exceeded the limit of 300 scheduled posts$"):
        await schedules.add(ada, PostDraft("One more"), SOON + timedelta(days=500))


async def test_a_rescheduled_post_is_published_only_at_the_new_time(schedules: Schedules, cursor: Cursor, clock: WallClock) -> None:
    ada = make.viewer(cursor)
    planned = await plan(schedules, ada, PostDraft("Moved"))
    assert (await schedules.move(ada, planned.id, SOON + HOUR)).at == SOON + HOUR
    clock.advance(hours=1)
    await run_due_jobs(schedules, cursor, clock)
    assert published(cursor) == []
    clock.advance(hours=1)
    await run_due_jobs(schedules, cursor, clock)
    assert published(cursor) == ["Moved"]


async def test_a_cancelled_post_is_never_published(schedules: Schedules, cursor: Cursor, clock: WallClock) -> None:
    ada = make.viewer(cursor)
    planned = await plan(schedules, ada, PostDraft("Never"))
    await schedules.cancel(ada, planned.id)
    clock.advance(hours=1)
    await run_due_jobs(schedules, cursor, clock)
    assert published(cursor) == []
    with pytest.raises(NotFound):
        await schedules.one(ada, planned.id)


async def test_scheduled_posts_of_others_are_not_found(schedules: Schedules, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    planned = await plan(schedules, ada, PostDraft("Mine"))
    assert await schedules.page(bob, Page()) == []
    for refused in (schedules.one(bob, planned.id), schedules.move(bob, planned.id, SOON), schedules.cancel(bob, planned.id)):
        with pytest.raises(NotFound):
            await refused
    assert await schedules.one(ada, planned.id) == planned


async def test_media_are_reserved_for_the_scheduled_post_until_it_is_cancelled(
    schedules: Schedules, posts: Posts, attachments_service: Attachments, db: RolledBackDatabase, clock: WallClock
) -> None:
    ada = make.viewer(db.cursor)
    one, two = [(await attachments_service.add(ada, MediaUpload(files.image(), 700))).id for _ in range(2)]
    planned = await plan(schedules, ada, PostDraft("Look", media=(two, one)), make.NOW + timedelta(days=3))
    assert [piece.id for piece in planned.media] == [two, one]
    with pytest.raises(Invalid, match="already attached"):
        await posts.publish(ada, PostDraft("Mine first", media=(one,)))
    clock.advance(days=2)
    await db.run(attachments.delete_unattached, before=clock() - UNATTACHED_LIFETIME, limit=500)
    assert [piece.id for piece in (await schedules.cancel(ada, planned.id)).media] == [two, one]
    await plan(schedules, ada, PostDraft("Look", media=(two, one)), make.NOW + timedelta(days=3))
    clock.advance(days=1)
    await run_due_jobs(schedules, db.cursor, clock)
    post = await posts.one(None, fetch_value(db.cursor, "select id from posts"))
    assert [piece.id for piece in post.media] == [two, one]


async def test_the_author_is_notified_why_a_post_could_not_be_published(
    schedules: Schedules, posts: Posts, cursor: Cursor, clock: WallClock
) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    question = await posts.publish(bob, PostDraft("Question?"))
    planned = await plan(schedules, ada, PostDraft("Answer", reply_to=question.id))
    await posts.delete(bob, question.id)
    clock.advance(hours=1)
    await run_due_jobs(schedules, cursor, clock)
    assert (await schedules.one(ada, planned.id)).problem == "The post you are trying to reply to does not appear to exist."
    await schedules.publish(planned.id)
    [email] = email_worker(cursor).deliver()
    assert email["Subject"] == "Your scheduled post was not published"
    assert "Reason: The post that it replies to was deleted, or you can no longer see it." in body_text(email.as_bytes(), "plain")
    moved = await schedules.move(ada, planned.id, clock() + HOUR)
    assert moved.problem == ""


async def test_the_reason_is_in_the_language_of_the_author(schedules: Schedules, posts: Posts, cursor: Cursor, clock: WallClock) -> None:
    ada = make.viewer(cursor)
    users.change_preference(cursor, account=ada.id, name="locale", value="de")
    long = await plan(schedules, ada, PostDraft("x" * 400))
    stricter = Schedules(schedules.database, evolve(posts, max_characters=300), clock)
    clock.advance(hours=1)
    await run_due_jobs(stricter, cursor, clock)
    assert (await schedules.one(ada, long.id)).problem == "Text character limit of 300 exceeded."
    [email] = email_worker(cursor).deliver()
    for kind in ("plain", "html"):
        assert "Der Text ist leer oder länger, als diese Website erlaubt." in body_text(email.as_bytes(), kind)
    execute(cursor, "update emails set state = 'waiting', data = data - 'because'")  # as an older release wrote them
    jobs.add(cursor, "email.send", {"email": str(fetch_value(cursor, "select id from emails"))}, due_at=make.NOW, now=make.NOW)
    [email] = email_worker(cursor).deliver()
    assert "Grund: Text character limit of 300 exceeded." in body_text(email.as_bytes(), "plain")


async def test_the_author_is_notified_of_an_internal_error_after_the_last_try(
    schedules: Schedules, cursor: Cursor, clock: WallClock
) -> None:
    ada = make.viewer(cursor)
    planned = await plan(schedules, ada, PostDraft("Later"))
    execute(cursor, "create function broken() returns trigger language plpgsql as $$ begin raise 'broken'; end $$")
    execute(cursor, "create trigger broken before insert on posts for each row execute function broken()")
    clock.advance(hours=1)
    for tries, problem, emails in ((0, "", 0), (TRIES - 1, "Something went wrong on our side several times.", 1)):
        execute(cursor, "update jobs set tries = %(tries)s, state = 'waiting' where kind = %(kind)s", {"tries": tries, "kind": PUBLISH})
        with pytest.raises(psycopg2.Error, match="broken"):
            await run_due_jobs(schedules, cursor, clock)
        assert (await schedules.one(ada, planned.id)).problem == problem
        assert len(email_worker(cursor).deliver()) == emails
    execute(cursor, "drop trigger broken on posts")
    assert (await schedules.cancel(ada, planned.id)).draft.text == "Later"


async def test_no_email_is_sent_about_a_post_that_was_rescheduled_since(
    schedules: Schedules, posts: Posts, cursor: Cursor, clock: WallClock
) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    question = await posts.publish(bob, PostDraft("Question?"))
    planned = await plan(schedules, ada, PostDraft("Answer", reply_to=question.id))
    await posts.delete(bob, question.id)
    clock.advance(hours=1)
    await run_due_jobs(schedules, cursor, clock)
    await schedules.move(ada, planned.id, clock() + HOUR)
    assert email_worker(cursor).deliver() == []


ODD = [
    "[]",
    '"text"',
    "{}",
    '{"text": "Saved", "visibility": "circle"}',
    '{"text": 5}',
    '{"text": "Saved", "poll": {"options": 3}}',
    '{"text": "Saved", "reply_to": "x"}',
]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("whole", [True, False], ids=["added to what was stored", "alone"])
async def test_an_unreadable_draft_of_another_release_is_listed_and_not_published(
    schedules: Schedules, cursor: Cursor, clock: WallClock, odd: str, whole: bool
) -> None:
    ada = make.viewer(cursor)
    sound = await plan(schedules, ada, PostDraft("Sound"))
    planned = await plan(schedules, ada, PostDraft("Saved", language="de"))
    stored = "case when %(whole)s and jsonb_typeof(%(odd)s::jsonb) = 'object' then draft || %(odd)s::jsonb else %(odd)s::jsonb end"
    params = {"odd": odd, "whole": whole, "id": planned.id}
    execute(cursor, f"update scheduled_posts set draft = {stored} where id = %(id)s", params)
    shown, other = await schedules.page(ada, Page())
    assert (other, other.readable) == (sound, True)
    if whole and odd == "{}":
        assert shown.readable
        return
    assert (shown.id, shown.readable, shown.obstacle) == (planned.id, False, UNREADABLE)
    assert shown.draft.text in ("Saved", "")
    assert shown.draft.visibility is Visibility.DIRECT
    clock.advance(hours=1)
    await run_due_jobs(schedules, cursor, clock)
    assert published(cursor) == ["Sound"]
    [email] = email_worker(cursor).deliver()
    assert email["Subject"] == "Your scheduled post was not published"
    await schedules.cancel(ada, planned.id)
    assert await schedules.page(ada, Page()) == []


async def test_suspended_and_deleted_accounts_publish_nothing(schedules: Schedules, cursor: Cursor, clock: WallClock) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    await plan(schedules, ada, PostDraft("From the dead"))
    planned = await plan(schedules, bob, PostDraft("From the damned"))
    begin_deletion(cursor, ada.id, make.NOW)
    make.suspend(cursor, bob)
    clock.advance(hours=1)
    await run_due_jobs(schedules, cursor, clock)
    assert published(cursor) == []
    assert "not allowed to post" in (await schedules.one(bob, planned.id)).problem
    assert fetch_value(cursor, "select count(*) from scheduled_posts") == 1
