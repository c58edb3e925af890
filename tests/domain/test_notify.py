"""Notification jobs of a post: run late, twice, or after the post has changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import define

from microblog.domain import notify
from microblog.domain.conversations import Conversations
from microblog.domain.notification_policy import NotificationPolicies
from microblog.domain.notifications import NotificationQuery, Notifications
from microblog.domain.notify import PostNotifier
from microblog.domain.posts import Posts
from microblog.jobs import post_jobs
from microblog.model.accounts import Viewer
from microblog.model.events import EventKind
from microblog.model.ids import NotificationId
from microblog.model.jobs import Job, PermanentFailure
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import PostDraft, Visibility
from microblog.storage import interactions, jobs
from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.fakes import RolledBackDatabase, WallClock

HOUR = timedelta(hours=1)
MENTION, STATUS, UPDATE = NotificationKind.MENTION, NotificationKind.STATUS, NotificationKind.UPDATE


@define
class NotifyFixture:
    """A site whose notification jobs wait until `run_jobs`."""

    db: RolledBackDatabase
    posts: Posts
    clock: WallClock

    @property
    def waiting(self) -> list[Job]:
        sql = f"select {jobs.COLUMNS} from jobs j where j.kind = %(kind)s order by j.id"
        return fetch_all(self.db.cursor, jobs.job_from, sql, {"kind": notify.JOB})

    async def run_jobs(self) -> None:
        tasks = post_jobs.notification_tasks(PostNotifier(self.db, self.clock))
        for job in self.waiting:
            await tasks[job.kind](job)

    async def notified(self, account: Viewer) -> list[NotificationKind]:
        found = await Notifications(self.db, self.clock).page(account, NotificationQuery(Page()))
        return [one.kind for one in found]


@pytest.fixture
def site(db: RolledBackDatabase) -> NotifyFixture:
    db.runs_notification_jobs = False
    clock = WallClock(make.NOW)
    return NotifyFixture(db, Posts(db, "example.org", "https://example.org", 500, clock), clock)


async def test_a_post_adds_one_job_for_any_number_of_recipients(site: NotifyFixture, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    make.follow(cursor, bob, ada, notify=True)
    for text in ("Nobody", "@bob", " ".join(f"@{make.viewer(cursor).account.username}" for _ in range(30))):
        before = len(site.waiting)
        await site.posts.publish(ada, PostDraft(text))
        assert len(site.waiting) == before + 1
    assert await site.notified(bob) == [MENTION], "of the only mention, without a job"
    await site.run_jobs()
    assert await site.notified(bob) == [STATUS, STATUS, MENTION]


@pytest.mark.parametrize("visibility", [*Visibility])
async def test_a_post_without_recipients_adds_no_job(site: NotifyFixture, cursor: Cursor, visibility: Visibility) -> None:
    ada, bob = make.viewer(cursor, "ada"), make.viewer(cursor, "bob")
    make.follow(cursor, bob, ada)
    root = await site.posts.publish(ada, PostDraft("Nobody is named but @ada and @somebody", visibility))
    await site.posts.publish(ada, PostDraft("And on it goes", visibility, reply_to=root.id))
    assert site.waiting == []


async def test_per_post_subscribers_are_not_notified_of_replies_and_direct_posts(site: NotifyFixture, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, bob, ada, notify=True)
    root = await site.posts.publish(ada, PostDraft("To nobody", Visibility.DIRECT))
    await site.posts.publish(ada, PostDraft("Among us", Visibility.PRIVATE, reply_to=root.id))
    assert site.waiting == []
    await site.posts.publish(ada, PostDraft("To followers", Visibility.PRIVATE))
    assert len(site.waiting) == 1


async def test_running_a_job_twice_notifies_once(site: NotifyFixture, cursor: Cursor) -> None:
    ada, bob, cleo = make.viewer(cursor), make.viewer(cursor, "bob"), make.viewer(cursor)
    make.follow(cursor, cleo, ada, notify=True)
    post = await site.posts.publish(ada, PostDraft("@bob"))
    make.boost(cursor, cleo, post)
    await site.posts.edit(ada, post.id, PostDraft("@bob again"))
    for _ in range(2):
        await site.run_jobs()
    assert await site.notified(bob) == [MENTION]
    assert sorted(await site.notified(cleo)) == [STATUS, UPDATE]
    assert await site.notified(ada) == [NotificationKind.BOOST]
    assert fetch_all(cursor, int, "select count(*) from events where kind = %(kind)s", {"kind": EventKind.NOTIFIED}) == [4]


async def test_a_post_deleted_before_the_job_notifies_nobody(site: NotifyFixture, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    make.follow(cursor, bob, ada, notify=True)
    post = await site.posts.publish(ada, PostDraft("@bob"))
    await site.posts.edit(ada, post.id, PostDraft("@bob again"))
    await site.posts.delete(ada, post.id)
    await site.run_jobs()
    assert await site.notified(bob) == []


async def test_the_mentions_at_the_time_of_the_job_are_notified(site: NotifyFixture, cursor: Cursor) -> None:
    ada, bob, cleo = make.viewer(cursor), make.viewer(cursor, "bob"), make.viewer(cursor, "cleo")
    make.follow(cursor, bob, ada)
    make.follow(cursor, cleo, ada)
    post = await site.posts.publish(ada, PostDraft("@bob", Visibility.DIRECT))
    await site.posts.edit(ada, post.id, PostDraft("@cleo"))
    await site.run_jobs()
    assert (await site.notified(bob), await site.notified(cleo)) == ([], [MENTION])


async def test_an_edit_notifies_only_new_mentions(site: NotifyFixture, cursor: Cursor) -> None:
    ada, bob, cleo = make.viewer(cursor), make.viewer(cursor, "bob"), make.viewer(cursor, "cleo")
    post = await site.posts.publish(ada, PostDraft("@bob"))
    await site.run_jobs()
    await Notifications(site.db, site.clock).clear(bob)
    await site.posts.edit(ada, post.id, PostDraft("@bob @cleo"))
    [edited] = site.waiting
    await post_jobs.notification_tasks(PostNotifier(site.db, site.clock))[edited.kind](edited)
    assert (await site.notified(bob), await site.notified(cleo)) == ([], [MENTION])


async def test_blocks_and_mutes_made_after_the_post_apply(site: NotifyFixture, cursor: Cursor) -> None:
    ada, names = make.viewer(cursor), ("bob", "cleo", "dan", "eve", "fay")
    bob, cleo, dan, eve, fay = (make.viewer(cursor, name) for name in names)
    root = make.post(cursor, fay)
    await site.posts.publish(ada, PostDraft("@bob @cleo @dan @eve", reply_to=root.id))
    make.block(cursor, bob, ada)
    make.block(cursor, ada, cleo)
    make.mute(cursor, dan, ada)
    interactions.mute_thread(cursor, account=fay.id, thread=root.id, now=make.NOW)
    await site.run_jobs()
    assert [await site.notified(account) for account in (bob, cleo, dan, eve, fay)] == [[], [], [], [MENTION], []]


async def test_a_sender_accepted_before_the_job_gets_a_conversation(site: NotifyFixture, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    stranger = make.viewer(cursor)
    policies, conversations = NotificationPolicies(site.db, site.clock), Conversations(site.db, site.clock)
    for account in (ada, stranger):
        await site.posts.publish(account, PostDraft("Hello @bob", Visibility.DIRECT))
    await site.run_jobs()
    assert await conversations.page(bob, Page()) == []
    again = await site.posts.publish(ada, PostDraft("Are you there, @bob?", Visibility.DIRECT))
    await site.posts.publish(stranger, PostDraft("And you, @bob?", Visibility.DIRECT))
    [asked] = [one for one in await policies.requests(bob, Page()) if one.account.id == ada.id]
    await policies.accept(bob, [asked.id])
    await site.run_jobs()
    found = await conversations.page(bob, Page())
    assert [one.last.id for one in found] == [again.id, found[1].last.id]
    assert {one.last.author.id for one in found} == {ada.id}
    assert await site.notified(bob) == [MENTION, MENTION]


async def test_the_author_of_the_parent_is_notified_only_if_the_reply_is_visible_to_them(site: NotifyFixture, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    root = make.post(cursor, bob)
    many = " ".join(f"@{make.viewer(cursor).account.username}" for _ in range(notify.AT_ONCE))
    for text in ("Among us", many):  # at once, or by a job
        for visibility in (Visibility.PRIVATE, Visibility.DIRECT):
            await site.posts.publish(ada, PostDraft(text, visibility, reply_to=root.id))
    await site.run_jobs()
    assert await site.notified(bob) == []
    make.follow(cursor, bob, ada)
    for text in ("Among us", many):
        await site.posts.publish(ada, PostDraft(text, Visibility.PRIVATE, reply_to=root.id))
    await site.run_jobs()
    assert await site.notified(bob) == [MENTION] * 3, "of two posts published now, and of the earlier one whose job ran again"


async def test_blocks_mutes_and_policies_apply_to_notifications_without_a_job(site: NotifyFixture, cursor: Cursor) -> None:
    ada, bob, cleo, dan = make.viewer(cursor), make.viewer(cursor, "bob"), make.viewer(cursor, "cleo"), make.viewer(cursor, "dan")
    make.block(cursor, bob, ada)
    make.mute(cursor, cleo, ada)
    root = make.post(cursor, dan)
    await site.posts.publish(ada, PostDraft("@bob @cleo"))
    interactions.mute_thread(cursor, account=dan.id, thread=root.id, now=make.NOW)
    await site.posts.publish(ada, PostDraft("@dan", reply_to=root.id))
    assert [await site.notified(account) for account in (bob, cleo, dan)] == [[], [], []]
    await site.posts.publish(ada, PostDraft("@dan", Visibility.DIRECT))
    policies = NotificationPolicies(site.db, site.clock)
    assert await site.notified(dan) == [], "a private mention by a stranger is filtered"
    assert [one.account.id for one in await policies.requests(dan, Page())] == [ada.id]
    assert site.waiting == []


async def test_a_late_notification_is_unread(site: NotifyFixture, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    notifications = Notifications(site.db, site.clock)
    others = " ".join(f"@{make.viewer(cursor).account.username}" for _ in range(notify.AT_ONCE))
    await site.posts.publish(ada, PostDraft(f"@bob {others}"))  # so many that a job notifies them
    site.clock.advance(minutes=5)
    await notifications.mark_read(bob, NotificationId(2**62))
    site.clock.advance(minutes=5)
    await site.run_jobs()
    assert await notifications.unread(bob) == 1


async def test_subscribers_are_notified_in_several_batches(site: NotifyFixture, cursor: Cursor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "BATCH", 2)
    ada = make.viewer(cursor)
    readers = [make.viewer(cursor) for _ in range(5)]
    for reader in readers:
        make.follow(cursor, reader, ada, notify=True)
    await site.posts.publish(ada, PostDraft("News"))
    await site.run_jobs()
    assert [await site.notified(reader) for reader in readers] == [[STATUS]] * 5


async def test_a_job_without_a_post_fails_permanently(site: NotifyFixture, cursor: Cursor) -> None:
    jobs.add(cursor, notify.JOB, {}, due_at=make.NOW, now=make.NOW)
    with pytest.raises(PermanentFailure):
        await site.run_jobs()
