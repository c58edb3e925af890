"""Tests of push jobs: recipients, contents and retries, with a push service over HTTPS and apps that decrypt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import define, field

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.filters import FilterDraft, Filters, KeywordDraft
from microblog.domain.follows import Follows
from microblog.domain.interactions import Interactions
from microblog.domain.notification_policy import NotificationPolicies
from microblog.domain.push.notifications import MAX_FAILURES, MAX_NOTIFICATION_AGE, SENT_RETENTION, PushNotifications
from microblog.domain.relationships import Relationships
from microblog.domain.tokens import Tokens
from microblog.jobs import push_jobs as tasks
from microblog.jobs.push_jobs import MAX_PAUSE, MESSAGES_PER_JOB, RETRY_POLICY, PushJobs, outcome_of, requested_pause
from microblog.model.accounts import Viewer
from microblog.model.filters import FilterAction, FilterContext
from microblog.model.ids import NotificationId, PostId, TokenId
from microblog.model.jobs import Job, RetryLater
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Visibility
from microblog.model.push import ALERTS, PushChoice, PushMessage, PushPolicy, PushResponse, PushSubscription
from microblog.storage import jobs, notifications, push_subscriptions, users
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value
from microblog.storage.push_subscriptions import SEND_JOB
from tests import make
from tests.fakes import RolledBackDatabase, WallClock, result_of
from tests.make import NOW
from tests.push_service import PushService, ReceivedPush, SubscribedApp, build_push_jobs, run_push_service

EVERYTHING = PushChoice(frozenset(ALERTS))


@define(eq=False)
class PushFixture:
    """The services that send push messages; `deliver` does the due jobs."""

    cursor: Cursor
    service: PushService
    clock: WallClock = field(factory=lambda: WallClock(NOW))
    pushes: PushNotifications = field(init=False)
    pushing: PushJobs = field(init=False)
    wakeups: int = 0

    def __attrs_post_init__(self) -> None:
        self.pushing = build_push_jobs(RolledBackDatabase(self.cursor), self.clock, self.service.client())
        self.pushes = self.pushing.notifications

    def subscribe(self, viewer: Viewer, app: SubscribedApp, choice: PushChoice = EVERYTHING) -> PushSubscription:
        """Subscribe a new app of the viewer."""
        issued = result_of(Tokens(RolledBackDatabase(self.cursor), self.clock).issue(viewer.id, "push"))
        subscription = push_subscriptions.subscribe(
            self.cursor, account=viewer.id, token=TokenId(issued.token.id), target=app.target, choice=choice, now=self.clock()
        )
        assert subscription is not None
        return subscription

    def due_jobs(self) -> list[Job]:
        """Return the push jobs that are due."""
        sql = f"""select {jobs.COLUMNS} from jobs j where j.kind like 'push.%%' and j.state = 'waiting' and j.due_at <= %(now)s
            order by j.id"""
        return fetch_all(self.cursor, jobs.job_from, sql, {"now": self.clock()})

    async def deliver(self) -> list[ReceivedPush]:
        """Do all due jobs and the jobs that they add, as a worker does; return the messages received meanwhile."""
        before = len(self.service.received)
        while self.due_jobs():
            for job in jobs.claim(
                self.cursor,
                kinds=[tasks.NOTIFIED_JOB, SEND_JOB],
                worker="w",
                lease_until=NOW + MAX_NOTIFICATION_AGE,
                now=self.clock(),
                limit=10,
            ):
                await self._do(job)
        return self.service.received[before:]

    async def _do(self, job: Job) -> None:
        work = {tasks.NOTIFIED_JOB: self.pushing.queue_task(self._wake), SEND_JOB: self.pushing.send}[job.kind]
        try:
            await work(job)
        except RetryLater as error:
            retry_at = self.clock() + timedelta(seconds=error.after or 0)
            jobs.fail(self.cursor, job, worker="w", error=str(error), retry_at=retry_at, now=self.clock())
        else:
            jobs.finish(self.cursor, job, worker="w", now=self.clock())

    def _wake(self) -> None:
        self.wakeups += 1

    def subscription_ids(self) -> list[int]:
        """Return the ids of all subscriptions."""
        return fetch_all(self.cursor, int, "select id from push_subscriptions order by id")


@pytest.fixture
def fixture(cursor: Cursor, tmp_path: Path) -> Iterator[PushFixture]:
    with run_push_service(tmp_path) as service:
        yield PushFixture(cursor, service)


@pytest.fixture
def ann(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ann")


@pytest.fixture
def ben(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ben")


def add_notification(fixture: PushFixture, whom: Viewer, by: Viewer, kind: NotificationKind) -> None:
    """Add a notification."""
    notifications.add(fixture.cursor, accounts=[whom.id], kind=kind, sender=by.id, now=fixture.clock())


@pytest.mark.parametrize("standard", [True, False])
async def test_a_mention_is_pushed_with_its_text(fixture: PushFixture, ann: Viewer, ben: Viewer, standard: bool) -> None:
    app = SubscribedApp(standard)
    fixture.subscribe(ben, app)
    make.post(fixture.cursor, ann, "Good morning @ben, <b>how</b> are\nyou?")
    [posted] = await fixture.deliver()
    id = fetch_value(fixture.cursor, "select id from notifications")
    assert app.read(posted) == {
        "access_token": "",
        "preferred_locale": "en",
        "notification_id": id,
        "notification_type": "mention",
        "icon": "https://example.org/avatars/original/missing.png",
        "title": "ann mentioned you",
        "body": "Good morning @ben, <b>how</b> are you?",
    }
    assert posted.path == "/send/1"
    expected_headers = {
        "ttl": str(int(MAX_NOTIFICATION_AGE.total_seconds())),
        "urgency": "normal",
        "topic": str(id),
        "content-type": "application/octet-stream",
    }
    assert {name: posted.headers[name] for name in expected_headers} == expected_headers
    assert posted.headers["authorization"].startswith("vapid t=" if standard else "WebPush ey")
    assert fixture.wakeups == 1
    assert await fixture.deliver() == []


def act(kind: NotificationKind, fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    """Let ann do something that notifies ben with this kind."""
    db, now = RolledBackDatabase(fixture.cursor), lambda: NOW
    match kind:
        case NotificationKind.MENTION:
            make.post(fixture.cursor, ann, "@ben")
        case NotificationKind.FOLLOW:
            result_of(Follows(db, now).follow(ann, ben.id))
        case NotificationKind.FAVOURITE:
            result_of(Interactions(db, now).favourite(ann, make.post(fixture.cursor, ben, "mine").id))
        case NotificationKind.BOOST:
            result_of(Interactions(db, now).boost(ann, make.post(fixture.cursor, ben, "mine").id))
        case _:
            add_notification(fixture, ben, ann, kind)


@pytest.mark.parametrize("kind", ALERTS)
async def test_each_kind_is_pushed_only_to_apps_that_want_it(
    fixture: PushFixture, ann: Viewer, ben: Viewer, kind: NotificationKind
) -> None:
    wanted_app, other_app = SubscribedApp(path="/wants"), SubscribedApp(path="/others")
    fixture.subscribe(ben, wanted_app, PushChoice(frozenset({kind})))
    fixture.subscribe(ben, other_app, PushChoice(frozenset(ALERTS) - {kind}))
    act(kind, fixture, ann, ben)
    [posted] = await fixture.deliver()
    assert (posted.path, wanted_app.read(posted)["notification_type"]) == ("/wants", kind)
    assert wanted_app.read(posted)["title"]


@pytest.mark.parametrize("locale", ["en", "de", "es", "fr", "pt-BR"])
async def test_the_title_is_in_the_language_of_the_recipient(fixture: PushFixture, ann: Viewer, ben: Viewer, locale: str) -> None:
    app = SubscribedApp()
    fixture.subscribe(ben, app)
    users.change_preference(fixture.cursor, account=ben.id, name="locale", value=locale)
    make.post(fixture.cursor, ann, "@ben")
    [posted] = await fixture.deliver()
    payload = app.read(posted)
    titles = {"de": "ann hat dich erwähnt", "es": "ann te ha mencionado", "fr": "ann vous a mentionné"}
    assert (payload["title"], payload["preferred_locale"]) == (titles.get(locale, "ann mentioned you"), locale)


async def test_long_names_and_posts_fit_into_a_message(fixture: PushFixture, ben: Viewer) -> None:
    app = SubscribedApp()
    fixture.subscribe(ben, app)
    sender = make.viewer(fixture.cursor, "loud")
    execute(fixture.cursor, "update accounts set display_name = %(name)s where id = %(id)s", {"name": "\u0001𒐫" * 500, "id": sender.id})
    make.post(fixture.cursor, sender, "@ben " + "𒐫\u0301" * 247)
    [posted] = await fixture.deliver()
    assert len(posted.body) <= 4096
    assert len(app.read(posted)["body"]) <= 140


PolicyCase = tuple[PushPolicy, Callable[[Cursor, Viewer, Viewer], None], int]
POLICIES: dict[str, PolicyCase] = {
    "all": (PushPolicy.ALL, lambda cursor, ann, ben: None, 1),
    "none": (PushPolicy.NONE, lambda cursor, ann, ben: make.follow(cursor, ben, ann), 0),
    "followed": (PushPolicy.FOLLOWED, lambda cursor, ann, ben: make.follow(cursor, ben, ann), 1),
    "not followed": (PushPolicy.FOLLOWED, make.follow, 0),
    "follower": (PushPolicy.FOLLOWER, make.follow, 1),
    "no follower": (PushPolicy.FOLLOWER, lambda cursor, ann, ben: make.follow(cursor, ben, ann), 0),
}


@pytest.mark.parametrize("name", POLICIES)
async def test_the_policy_of_a_subscription_is_applied(fixture: PushFixture, ann: Viewer, ben: Viewer, name: str) -> None:
    policy, make_relations, count = POLICIES[name]
    fixture.subscribe(ben, SubscribedApp(), PushChoice(frozenset(ALERTS), policy))
    make_relations(fixture.cursor, ann, ben)
    make.post(fixture.cursor, ann, "@ben")
    assert len(await fixture.deliver()) == count


async def _filter(fixture: PushFixture, ben: Viewer, action: FilterAction, context: FilterContext = FilterContext.NOTIFICATIONS) -> None:
    db = RolledBackDatabase(fixture.cursor)
    draft = FilterDraft("Tea", [context], action, keywords=[KeywordDraft("tea")])
    await Filters(db, FilterCache(db, fixture.clock), fixture.clock).create(ben, draft)


ChangeFunction = Callable[[PushFixture, Viewer, Viewer], object]
CANCELLATIONS: dict[str, ChangeFunction] = {
    "dismissed": lambda fixture, ann, ben: notifications.clear(fixture.cursor, account=ben.id, now=NOW),
    "muted": lambda fixture, ann, ben: result_of(Relationships(fixture.pushes.database, fixture.clock).mute(ben, ann.id)),
    "blocked": lambda fixture, ann, ben: result_of(Relationships(fixture.pushes.database, fixture.clock).block(ben, ann.id)),
    "blocking": lambda fixture, ann, ben: result_of(Relationships(fixture.pushes.database, fixture.clock).block(ann, ben.id)),
    "filtered": lambda fixture, ann, ben: result_of(_filter(fixture, ben, FilterAction.HIDE)),
    "author suspended": lambda fixture, ann, ben: make.suspend(fixture.cursor, ann),
    "reader suspended": lambda fixture, ann, ben: make.suspend(fixture.cursor, ben),
    "reader disabled": lambda fixture, ann, ben: users.set_disabled(fixture.cursor, account=ben.id, at=NOW),
    "reader deleted": lambda fixture, ann, ben: users.delete(fixture.cursor, account=ben.id),
    "token revoked": lambda fixture, ann, ben: execute(fixture.cursor, "update tokens set revoked_at = now()"),
    "post deleted": lambda fixture, ann, ben: result_of(
        make.post_service(fixture.pushes.database).delete(ann, newest_post(fixture.cursor))
    ),
    "held back": lambda fixture, ann, ben: execute(fixture.cursor, "update notifications set filtered = true"),
    "alert switched off": lambda fixture, ann, ben: execute(fixture.cursor, "update push_subscriptions set alerts = '{}'"),
    "policy changed": lambda fixture, ann, ben: execute(fixture.cursor, "update push_subscriptions set policy = 'none'"),
    "thread muted": lambda fixture, ann, ben: execute(
        fixture.cursor, f"insert into thread_mutes select {ben.id}, thread_id, now() from posts where id = {newest_post(fixture.cursor)}"
    ),
    "too late": lambda fixture, ann, ben: setattr(fixture.clock, "time", NOW + MAX_NOTIFICATION_AGE),
}


def newest_post(cursor: Cursor) -> PostId:
    return PostId(fetch_value(cursor, "select max(id) from posts"))


@pytest.mark.parametrize("change", CANCELLATIONS)
@pytest.mark.parametrize("queued", [False, True], ids=["notified", "queued"])
async def test_a_message_that_is_no_longer_wanted_is_not_sent(
    fixture: PushFixture, ann: Viewer, ben: Viewer, change: str, queued: bool
) -> None:
    fixture.subscribe(ben, SubscribedApp())
    make.post(fixture.cursor, ann, "Tea, @ben?")
    if queued:
        ids = fetch_all(fixture.cursor, NotificationId, "select id from notifications")
        await fixture.pushes.enqueue(ids)
    CANCELLATIONS[change](fixture, ann, ben)
    assert await fixture.deliver() == []
    assert fixture.service.request_count == 0
    assert fetch_value(fixture.cursor, "select count(*) from jobs where kind like 'push.%' and state = 'waiting'", None) == 0


async def test_a_warning_filter_replaces_the_text_by_its_title(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    app = SubscribedApp()
    fixture.subscribe(ben, app)
    await _filter(fixture, ben, FilterAction.WARN)
    make.post(fixture.cursor, ann, "Tea, @ben?")
    [posted] = await fixture.deliver()
    assert app.read(posted)["body"] == "Tea"


async def test_a_filter_of_another_context_changes_nothing(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    fixture.subscribe(ben, SubscribedApp())
    await _filter(fixture, ben, FilterAction.HIDE, FilterContext.HOME)
    make.post(fixture.cursor, ann, "Tea, @ben?")
    assert len(await fixture.deliver()) == 1


async def test_a_filtered_notification_adds_no_job(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    fixture.subscribe(ben, SubscribedApp())
    make.post(fixture.cursor, ann, "psst @ben", visibility=Visibility.DIRECT)
    assert fetch_value(fixture.cursor, "select filtered from notifications")
    assert fixture.due_jobs() == []
    [request] = await NotificationPolicies(fixture.pushes.database, fixture.clock).requests(ben, Page())
    assert request.count == 1


async def test_without_a_matching_subscription_no_job_is_added(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    fixture.subscribe(ann, SubscribedApp())
    make.post(fixture.cursor, ann, "@ben")
    fixture.subscribe(ben, SubscribedApp(), PushChoice(frozenset({NotificationKind.POLL})))
    make.post(fixture.cursor, ann, "@ben again")
    assert fixture.due_jobs() == []


async def test_many_recipients_share_one_job_that_adds_one_per_subscription(fixture: PushFixture, ann: Viewer) -> None:
    followers = [make.viewer(fixture.cursor) for _ in range(7)]
    apps = {f"/{one.id}": SubscribedApp(path=f"/{one.id}") for one in followers}
    for one in followers:
        fixture.subscribe(one, apps[f"/{one.id}"])
        make.follow(fixture.cursor, one, ann, notify=True)
    make.post(fixture.cursor, ann, "News")
    assert [job.kind for job in fixture.due_jobs()] == [tasks.NOTIFIED_JOB]
    posted = await fixture.deliver()
    assert sorted(one.path for one in posted) == sorted(apps)
    assert {apps[one.path].read(one)["body"] for one in posted} == {"News"}


async def test_a_repeated_job_sends_nothing_again(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    fixture.subscribe(ben, SubscribedApp())
    make.post(fixture.cursor, ann, "@ben")
    ids = fetch_all(fixture.cursor, NotificationId, "select id from notifications")
    assert len(await fixture.deliver()) == 1
    await fixture.pushes.enqueue(ids)
    assert await fixture.deliver() == []
    execute(fixture.cursor, "update jobs set state = 'waiting', finished_at = null, worker = null where kind = 'push.notification'")
    assert await fixture.deliver() == []


async def test_a_notification_during_a_running_job_gets_its_own_job(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    subscription = fixture.subscribe(ben, SubscribedApp())
    make.post(fixture.cursor, ann, "@ben one")
    await fixture.pushes.enqueue(fetch_all(fixture.cursor, NotificationId, "select id from notifications"))
    [claimed] = jobs.claim(fixture.cursor, kinds=[SEND_JOB], worker="x", lease_until=NOW + MAX_NOTIFICATION_AGE, now=NOW, limit=1)
    push = await fixture.pushes.next_message(subscription.id)
    assert push is not None
    make.post(fixture.cursor, ann, "@ben two")
    await fixture.pushes.enqueue(fetch_all(fixture.cursor, NotificationId, "select id from notifications"))
    [waiting_job] = [job for job in fixture.due_jobs() if job.kind == SEND_JOB]
    assert waiting_job.id != claimed.id
    second = await fixture.pushes.next_message(subscription.id, push.notification.id)
    assert second is not None
    assert second.notification.id > push.notification.id


async def test_messages_are_sent_in_order_and_long_queues_take_several_jobs(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    app = SubscribedApp()
    fixture.subscribe(ben, app)
    for number in range(MESSAGES_PER_JOB + 3):
        make.post(fixture.cursor, ann, f"@ben {number}")
    posted = await fixture.deliver()
    assert [app.read(one)["body"] for one in posted] == [f"@ben {number}" for number in range(MESSAGES_PER_JOB + 3)]
    assert fetch_value(fixture.cursor, "select count(*) from jobs where kind = 'push.send'") == 2


@pytest.mark.parametrize("response", ["404 Not Found", "410 Gone"])
async def test_a_subscription_unknown_to_the_service_is_deleted(fixture: PushFixture, ann: Viewer, ben: Viewer, response: str) -> None:
    fixture.subscribe(ben, SubscribedApp())
    fixture.service.responses = [response]
    make.post(fixture.cursor, ann, "@ben one")
    make.post(fixture.cursor, ann, "@ben two")
    assert await fixture.deliver() == []
    assert (fixture.subscription_ids(), fixture.service.request_count) == ([], 1)


@pytest.mark.parametrize("response", ["429 Slow down", "500 Oops", "503 Away", "408 Late"])
async def test_an_unavailable_service_is_retried_and_nothing_is_lost(fixture: PushFixture, ann: Viewer, ben: Viewer, response: str) -> None:
    app = SubscribedApp()
    fixture.subscribe(ben, app)
    fixture.service.responses = [response] * 3
    make.post(fixture.cursor, ann, "@ben one")
    make.post(fixture.cursor, ann, "@ben two")
    pauses = []
    for _ in range(3):
        assert await fixture.deliver() == []
        [(due_at, error)] = fetch_all(
            fixture.cursor, lambda *row: row, "select due_at, last_error from jobs where kind = 'push.send' and state = 'waiting'"
        )
        assert error == f"push.example.net: HTTP status {response[:3]}."
        pauses.append((due_at - fixture.clock()).total_seconds())
        fixture.clock.time = due_at
    assert pauses == [RETRY_POLICY.first_pause, 2 * RETRY_POLICY.first_pause, 4 * RETRY_POLICY.first_pause]
    assert fixture.service.request_count == 3, "the second message is not tried while the service is away"
    posted = await fixture.deliver()
    assert [app.read(one)["body"] for one in posted] == ["@ben one", "@ben two"]
    assert int(posted[0].headers["ttl"]) == int((MAX_NOTIFICATION_AGE - timedelta(seconds=sum(pauses))).total_seconds())
    assert fetch_value(fixture.cursor, "select failures from push_subscriptions") == 0


async def test_retry_after_is_respected(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    fixture.subscribe(ben, SubscribedApp())
    fixture.service.responses = ["429 Slow down\r\nRetry-After: 1000"]
    make.post(fixture.cursor, ann, "@ben")
    await fixture.deliver()
    fixture.clock.time += timedelta(seconds=999)
    make.post(fixture.cursor, ann, "@ben meanwhile", now=fixture.clock())
    assert await fixture.deliver() == []
    assert fixture.service.request_count == 1
    fixture.clock.time += timedelta(seconds=1)
    assert len(await fixture.deliver()) == 2


async def test_a_new_job_waits_until_the_pause_of_the_service_ends(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    subscription = fixture.subscribe(ben, SubscribedApp())
    make.post(fixture.cursor, ann, "@ben")
    push_subscriptions.record_failures(fixture.cursor, id=subscription.id, failures=1, resting_until=NOW + timedelta(minutes=5))
    assert await fixture.deliver() == []
    assert fixture.service.request_count == 0
    fixture.clock.time += timedelta(minutes=5)
    assert len(await fixture.deliver()) == 1


async def test_a_refused_message_does_not_delay_others(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    app = SubscribedApp()
    fixture.subscribe(ben, app)
    fixture.service.responses = ["413 Too large", "400 Bad", "301 Moved\r\nLocation: https://push.example.net/other"]
    for number in range(4):
        make.post(fixture.cursor, ann, f"@ben {number}")
    [posted] = await fixture.deliver()
    assert app.read(posted)["body"] == "@ben 3"
    assert fixture.service.request_count == 4
    assert fixture.pushing.results == {"refused": 3, "sent": 1}
    assert await fixture.deliver() == []


async def test_a_message_that_cannot_be_rendered_does_not_delay_others(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    app = SubscribedApp()
    fixture.subscribe(ben, app)
    first = make.post(fixture.cursor, ann, "@ben poison")
    make.post(fixture.cursor, ann, "@ben fine")
    original = fixture.pushing.render

    def failing(push: PushMessage) -> bytes:
        if push.notification.post is not None and push.notification.post.id == first.id:
            raise ZeroDivisionError
        return original(push)

    fixture.pushing = PushJobs(fixture.pushes, failing, fixture.pushing.encryptor, fixture.pushing.service)
    [posted] = await fixture.deliver()
    assert app.read(posted)["body"] == "@ben fine"


async def test_a_failing_subscription_does_not_delay_others(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    cat = make.viewer(fixture.cursor, "cat")
    fixture.subscribe(ben, SubscribedApp())
    app = SubscribedApp(path="/cat")
    fixture.subscribe(cat, app)
    fixture.service.responses = ["503 Away"]
    make.post(fixture.cursor, ann, "@ben @cat")
    [posted] = await fixture.deliver()
    assert posted.path == "/cat"


@pytest.mark.parametrize("response", ["503 Away", "403 No"])
async def test_a_subscription_that_keeps_failing_is_deleted(fixture: PushFixture, ann: Viewer, ben: Viewer, response: str) -> None:
    subscription = fixture.subscribe(ben, SubscribedApp())
    push_subscriptions.record_failures(fixture.cursor, id=subscription.id, failures=MAX_FAILURES - 2)
    fixture.service.responses = [response] * 2
    make.post(fixture.cursor, ann, "@ben")
    await fixture.deliver()
    assert fixture.subscription_ids() == [subscription.id]
    fixture.clock.time += MAX_PAUSE * 1.25
    make.post(fixture.cursor, ann, "@ben again", now=fixture.clock())
    await fixture.deliver()
    assert (fixture.subscription_ids(), fixture.service.request_count) == ([], 2)


async def test_a_subscription_at_a_private_address_is_never_connected(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    fixture.subscribe(ben, SubscribedApp())
    internal = fixture.service.client(address="10.0.0.1")
    fixture.pushing = PushJobs(fixture.pushes, fixture.pushing.render, fixture.pushing.encryptor, internal)
    make.post(fixture.cursor, ann, "@ben")
    assert await fixture.deliver() == []
    assert internal.reactor.connected == []
    assert fixture.service.connection_count == 0


async def test_settled_deliveries_are_deleted_after_a_while(fixture: PushFixture, ann: Viewer, ben: Viewer) -> None:
    fixture.subscribe(ben, SubscribedApp())
    make.post(fixture.cursor, ann, "@ben")
    await fixture.deliver()
    make.post(fixture.cursor, ann, "@ben waits")
    await fixture.pushes.enqueue(fetch_all(fixture.cursor, NotificationId, "select id from notifications"))
    assert push_subscriptions.delete_old(fixture.cursor, before=NOW + SENT_RETENTION, limit=10) == 1
    assert fetch_value(fixture.cursor, "select count(*) from push_deliveries where settled_at is null") == 1


def test_a_job_has_more_tries_than_a_subscription_has_failures() -> None:
    pauses = [RETRY_POLICY.pause(tries, 0.5) for tries in range(1, MAX_FAILURES)]
    assert all(pause is not None for pause in pauses)
    assert timedelta(days=5) < timedelta(seconds=sum(pause or 0 for pause in pauses)) < timedelta(days=10)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("9" * 400, MAX_PAUSE.total_seconds()),
        ("Wed, 04 Mar 2026 05:06:37 GMT", 29.109),
        ("Wed, 04 Mar 2020 05:06:37 GMT", 0),
        ("Wed, 04 Mar 2099 05:06:37 GMT", MAX_PAUSE.total_seconds()),
        ("Wed, 99 Mar 2099 05:06:37 GMT", 0),
        ("²", 0),
    ],
)
def test_retry_after_is_parsed_and_limited(retry_after: str, seconds: float) -> None:
    assert requested_pause(PushResponse(429, retry_after), NOW).total_seconds() == pytest.approx(seconds)


def test_response_codes_have_the_meaning_of_rfc_8030() -> None:
    outcomes = {
        status: outcome_of(status).value for status in (200, 201, 202, 204, 301, 400, 401, 403, 404, 408, 410, 413, 429, 500, 503, 507)
    }
    assert outcomes == {
        **dict.fromkeys((200, 201, 202, 204), "sent"),
        **dict.fromkeys((301, 400, 401, 403, 413), "refused"),
        **dict.fromkeys((404, 410), "gone"),
        **dict.fromkeys((408, 429, 500, 503, 507), "away"),
    }
