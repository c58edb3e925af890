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
class Late:
    """A site whose notification jobs wait until `run_jobs`."""

    db: RolledBackDatabase
    posts: Posts
    clock: WallClock

    @property
    def waiting(self) -> list[Job]:
        sql = f"select {jobs.COLUMNS} from jobs j where j.kind = %(kind)s order by j.id"
        return fetch_all(self.db.cursor, jobs.job_from, sql, {"kind": notify.JOB})

    async def tell(self) -> None:
        tasks = post_jobs.notification_tasks(PostNotifier(self.db, self.clock))
        for job in self.waiting:
            await tasks[job.kind](job)

    async def told(self, who: Viewer) -> list[NotificationKind]:
        found = await Notifications(self.db, self.clock).page(who, NotificationQuery(Page()))
        return [one.kind for one in found]


@pytest.fixture
def late(db: RolledBackDatabase) -> Late:
    db.telling = False
    clock = WallClock(make.NOW)
    return Late(db, Posts(db, "example.org", "https://example.org", 500, clock), clock)


async def test_a_post_adds_one_job_for_any_number_of_recipients(late: Late, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    make.follow(cursor, bob, ada, notify=True)
    for text in ("Nobody", "@bob", " ".join(f"@{make.viewer(cursor).account.username}" for _ in range(30))):
        before = len(late.waiting)
        await late.posts.publish(ada, PostDraft(text))
        assert len(late.waiting) == before + 1
    assert await late.told(bob) == []
    await late.tell()
    assert await late.told(bob) == [STATUS, MENTION, STATUS]


@pytest.mark.parametrize("visibility", [*Visibility])
async def test_a_post_without_recipients_adds_no_job(late: Late, cursor: Cursor, visibility: Visibility) -> None:
    ada, bob = make.viewer(cursor, "ada"), make.viewer(cursor, "bob")
    make.follow(cursor, bob, ada)
    root = await late.posts.publish(ada, PostDraft("Nobody is named but @ada and @somebody", visibility))
    await late.posts.publish(ada, PostDraft("And on it goes", visibility, reply_to=root.id))
    assert late.waiting == []


async def test_per_post_subscribers_are_not_notified_of_replies_and_direct_posts(late: Late, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, bob, ada, notify=True)
    root = await late.posts.publish(ada, PostDraft("To nobody", Visibility.DIRECT))
    await late.posts.publish(ada, PostDraft("Among us", Visibility.PRIVATE, reply_to=root.id))
    assert late.waiting == []
    await late.posts.publish(ada, PostDraft("To followers", Visibility.PRIVATE))
    assert len(late.waiting) == 1


async def test_running_a_job_twice_notifies_once(late: Late, cursor: Cursor) -> None:
    ada, bob, cleo = make.viewer(cursor), make.viewer(cursor, "bob"), make.viewer(cursor)
    make.follow(cursor, cleo, ada, notify=True)
    post = await late.posts.publish(ada, PostDraft("@bob"))
    make.boost(cursor, cleo, post)
    await late.posts.edit(ada, post.id, PostDraft("@bob again"))
    for _ in range(2):
        await late.tell()
    assert await late.told(bob) == [MENTION]
    assert sorted(await late.told(cleo)) == [STATUS, UPDATE]
    assert await late.told(ada) == [NotificationKind.BOOST]
    assert fetch_all(cursor, int, "select count(*) from events where kind = %(kind)s", {"kind": EventKind.NOTIFIED}) == [4]


async def test_a_post_deleted_before_the_job_notifies_nobody(late: Late, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    make.follow(cursor, bob, ada, notify=True)
    post = await late.posts.publish(ada, PostDraft("@bob"))
    await late.posts.edit(ada, post.id, PostDraft("@bob again"))
    await late.posts.delete(ada, post.id)
    await late.tell()
    assert await late.told(bob) == []


async def test_the_mentions_at_the_time_of_the_job_are_notified(late: Late, cursor: Cursor) -> None:
    ada, bob, cleo = make.viewer(cursor), make.viewer(cursor, "bob"), make.viewer(cursor, "cleo")
    make.follow(cursor, bob, ada)
    make.follow(cursor, cleo, ada)
    post = await late.posts.publish(ada, PostDraft("@bob", Visibility.DIRECT))
    await late.posts.edit(ada, post.id, PostDraft("@cleo"))
    await late.tell()
    assert (await late.told(bob), await late.told(cleo)) == ([], [MENTION])


async def test_an_edit_notifies_only_new_mentions(late: Late, cursor: Cursor) -> None:
    ada, bob, cleo = make.viewer(cursor), make.viewer(cursor, "bob"), make.viewer(cursor, "cleo")
    post = await late.posts.publish(ada, PostDraft("@bob"))
    await late.tell()
    await Notifications(late.db, late.clock).clear(bob)
    await late.posts.edit(ada, post.id, PostDraft("@bob @cleo"))
    [_, edited] = late.waiting
    await post_jobs.notification_tasks(PostNotifier(late.db, late.clock))[edited.kind](edited)
    assert (await late.told(bob), await late.told(cleo)) == ([], [MENTION])


async def test_blocks_and_mutes_made_after_the_post_apply(late: Late, cursor: Cursor) -> None:
    ada, names = make.viewer(cursor), ("bob", "cleo", "dan", "eve", "fay")
    bob, cleo, dan, eve, fay = (make.viewer(cursor, name) for name in names)
    root = make.post(cursor, fay)
    await late.posts.publish(ada, PostDraft("@bob @cleo @dan @eve", reply_to=root.id))
    make.block(cursor, bob, ada)
    make.block(cursor, ada, cleo)
    make.mute(cursor, dan, ada)
    interactions.mute_thread(cursor, account=fay.id, thread=root.id, now=make.NOW)
    await late.tell()
    assert [await late.told(who) for who in (bob, cleo, dan, eve, fay)] == [[], [], [], [MENTION], []]


async def test_a_sender_accepted_before_the_job_gets_a_conversation(late: Late, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    stranger = make.viewer(cursor)
    policies, conversations = NotificationPolicies(late.db, late.clock), Conversations(late.db, late.clock)
    for who in (ada, stranger):
        await late.posts.publish(who, PostDraft("Hello @bob", Visibility.DIRECT))
    await late.tell()
    assert await conversations.page(bob, Page()) == []
    again = await late.posts.publish(ada, PostDraft("Are you there, @bob?", Visibility.DIRECT))
    await late.posts.publish(stranger, PostDraft("And you, @bob?", Visibility.DIRECT))
    [asked] = [one for one in await policies.requests(bob, Page()) if one.account.id == ada.id]
    await policies.accept(bob, [asked.id])
    await late.tell()
    found = await conversations.page(bob, Page())
    assert [one.last.id for one in found] == [again.id, found[1].last.id]
    assert {one.last.author.id for one in found} == {ada.id}
    assert await late.told(bob) == [MENTION, MENTION]


async def test_the_author_of_the_parent_is_notified_only_if_the_reply_is_visible_to_them(late: Late, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    root = make.post(cursor, bob)
    for visibility in (Visibility.PRIVATE, Visibility.DIRECT):
        await late.posts.publish(ada, PostDraft("Among us", visibility, reply_to=root.id))
    await late.tell()
    assert await late.told(bob) == []
    make.follow(cursor, bob, ada)
    await late.tell()
    assert await late.told(bob) == [MENTION]


async def test_a_late_notification_is_unread(late: Late, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor, "bob")
    notifications = Notifications(late.db, late.clock)
    await late.posts.publish(ada, PostDraft("@bob"))
    late.clock.advance(minutes=5)
    await notifications.mark_read(bob, NotificationId(2**62))
    late.clock.advance(minutes=5)
    await late.tell()
    assert await notifications.unread(bob) == 1


async def test_subscribers_are_notified_in_several_batches(late: Late, cursor: Cursor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "BATCH", 2)
    ada = make.viewer(cursor)
    readers = [make.viewer(cursor) for _ in range(5)]
    for reader in readers:
        make.follow(cursor, reader, ada, notify=True)
    await late.posts.publish(ada, PostDraft("News"))
    await late.tell()
    assert [await late.told(reader) for reader in readers] == [[STATUS]] * 5


async def test_a_job_without_a_post_fails_permanently(late: Late, cursor: Cursor) -> None:
    jobs.add(cursor, notify.JOB, {}, due_at=make.NOW, now=make.NOW)
    with pytest.raises(PermanentFailure):
        await late.tell()
