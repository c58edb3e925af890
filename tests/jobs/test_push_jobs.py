"""Who is pushed what, and what becomes of a message that cannot be delivered. The service speaks real HTTPS, the reader decrypts."""

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
from microblog.domain.push.notifications import KEPT, LASTS, MAX_FAILURES, PushNotifications
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
from tests.fakes import RolledBackDatabase, WallClock, done
from tests.make import NOW
from tests.push_service import Posted, Program, Service, listening, pushing

EVERYTHING = PushChoice(frozenset(ALERTS))


@define(eq=False)
class Site:
    """The part of a site that pushes; its jobs are done when a test says so."""

    cursor: Cursor
    service: Service
    clock: WallClock = field(factory=lambda: WallClock(NOW))
    pushes: PushNotifications = field(init=False)
    pushing: PushJobs = field(init=False)
    woken: int = 0

    def __attrs_post_init__(self) -> None:
        self.pushing = pushing(RolledBackDatabase(self.cursor), self.clock, self.service.reached())
        self.pushes = self.pushing.notifications

    def subscribed(self, viewer: Viewer, program: Program, choice: PushChoice = EVERYTHING) -> PushSubscription:
        """Let a new program of somebody be told."""
        issued = done(Tokens(RolledBackDatabase(self.cursor), self.clock).issue(viewer.id, "push"))
        made = push_subscriptions.subscribe(
            self.cursor, account=viewer.id, token=TokenId(issued.token.id), target=program.target, choice=choice, now=self.clock()
        )
        assert made is not None
        return made

    def waiting(self) -> list[Job]:
        """Jobs that are due."""
        sql = f"""select {jobs.COLUMNS} from jobs j where j.kind like 'push.%%' and j.state = 'waiting' and j.due_at <= %(now)s
            order by j.id"""
        return fetch_all(self.cursor, jobs.job_from, sql, {"now": self.clock()})

    async def deliver(self) -> list[Posted]:
        """Do all jobs that are due, and those that they cause, as a worker does; what arrived meanwhile."""
        before = len(self.service.posted)
        while self.waiting():
            for job in jobs.claim(
                self.cursor, kinds=[tasks.NOTIFIED_JOB, SEND_JOB], worker="w", lease_until=NOW + LASTS, now=self.clock(), limit=10
            ):
                await self._do(job)
        return self.service.posted[before:]

    async def _do(self, job: Job) -> None:
        work = {tasks.NOTIFIED_JOB: self.pushing.queue_task(self._wake), SEND_JOB: self.pushing.send}[job.kind]
        try:
            await work(job)
        except RetryLater as problem:
            retry_at = self.clock() + timedelta(seconds=problem.after or 0)
            jobs.fail(self.cursor, job, worker="w", error=str(problem), retry_at=retry_at, now=self.clock())
        else:
            jobs.finish(self.cursor, job, worker="w", now=self.clock())

    def _wake(self) -> None:
        self.woken += 1

    def there(self) -> list[int]:
        """The subscriptions that there are."""
        return fetch_all(self.cursor, int, "select id from push_subscriptions order by id")


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> Iterator[Site]:
    with listening(tmp_path) as service:
        yield Site(cursor, service)


@pytest.fixture
def ann(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ann")


@pytest.fixture
def ben(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ben")


def told(site: Site, whom: Viewer, by: Viewer, kind: NotificationKind) -> None:
    """Tell somebody of something."""
    notifications.add(site.cursor, accounts=[whom.id], kind=kind, sender=by.id, now=site.clock())


@pytest.mark.parametrize("standard", [True, False])
async def test_who_is_named_is_pushed_what_was_said(site: Site, ann: Viewer, ben: Viewer, standard: bool) -> None:
    program = Program(standard)
    site.subscribed(ben, program)
    make.post(site.cursor, ann, "Good morning @ben, <b>how</b> are\nyou?")
    [posted] = await site.deliver()
    id = fetch_value(site.cursor, "select id from notifications")
    assert program.read(posted) == {
        "access_token": "",
        "preferred_locale": "en",
        "notification_id": id,
        "notification_type": "mention",
        "icon": "https://example.org/avatars/original/missing.png",
        "title": "ann mentioned you",
        "body": "Good morning @ben, <b>how</b> are you?",
    }
    assert posted.path == "/send/1"
    wanted = {"ttl": str(int(LASTS.total_seconds())), "urgency": "normal", "topic": str(id), "content-type": "application/octet-stream"}
    assert {name: posted.headers[name] for name in wanted} == wanted
    assert posted.headers["authorization"].startswith("vapid t=" if standard else "WebPush ey")
    assert site.woken == 1
    assert await site.deliver() == []


def act(kind: NotificationKind, site: Site, ann: Viewer, ben: Viewer) -> None:
    """Let ann do what ben is told of by such a notification."""
    db, now = RolledBackDatabase(site.cursor), lambda: NOW
    match kind:
        case NotificationKind.MENTION:
            make.post(site.cursor, ann, "@ben")
        case NotificationKind.FOLLOW:
            done(Follows(db, now).follow(ann, ben.id))
        case NotificationKind.FAVOURITE:
            done(Interactions(db, now).favourite(ann, make.post(site.cursor, ben, "mine").id))
        case NotificationKind.BOOST:
            done(Interactions(db, now).boost(ann, make.post(site.cursor, ben, "mine").id))
        case _:
            told(site, ben, ann, kind)


@pytest.mark.parametrize("kind", NotificationKind)
async def test_each_kind_is_pushed_to_whom_asked_for_it_and_to_nobody_else(
    site: Site, ann: Viewer, ben: Viewer, kind: NotificationKind
) -> None:
    wants, others = Program(path="/wants"), Program(path="/others")
    site.subscribed(ben, wants, PushChoice(frozenset({kind})))
    site.subscribed(ben, others, PushChoice(frozenset(ALERTS) - {kind}))
    act(kind, site, ann, ben)
    [posted] = await site.deliver()
    assert (posted.path, wants.read(posted)["notification_type"]) == ("/wants", kind)
    assert wants.read(posted)["title"]


@pytest.mark.parametrize("locale", ["en", "de", "es", "fr", "pt-BR"])
async def test_a_message_is_headed_in_its_readers_language(site: Site, ann: Viewer, ben: Viewer, locale: str) -> None:
    program = Program()
    site.subscribed(ben, program)
    users.change_preference(site.cursor, account=ben.id, name="locale", value=locale)
    make.post(site.cursor, ann, "@ben")
    [posted] = await site.deliver()
    said = program.read(posted)
    titles = {"de": "ann hat dich erwähnt", "es": "ann te ha mencionado", "fr": "ann vous a mentionné"}
    assert (said["title"], said["preferred_locale"]) == (titles.get(locale, "ann mentioned you"), locale)


async def test_names_and_posts_of_any_length_fit_into_a_message(site: Site, ben: Viewer) -> None:
    program = Program()
    site.subscribed(ben, program)
    loud = make.viewer(site.cursor, "loud")
    execute(site.cursor, "update accounts set display_name = %(name)s where id = %(id)s", {"name": "\u0001𒐫" * 500, "id": loud.id})
    make.post(site.cursor, loud, "@ben " + "𒐫\u0301" * 247)
    [posted] = await site.deliver()
    assert len(posted.body) <= 4096
    assert len(program.read(posted)["body"]) <= 140


Policy = tuple[PushPolicy, Callable[[Cursor, Viewer, Viewer], None], int]
POLICIES: dict[str, Policy] = {
    "all": (PushPolicy.ALL, lambda cursor, ann, ben: None, 1),
    "none": (PushPolicy.NONE, lambda cursor, ann, ben: make.follow(cursor, ben, ann), 0),
    "followed": (PushPolicy.FOLLOWED, lambda cursor, ann, ben: make.follow(cursor, ben, ann), 1),
    "not followed": (PushPolicy.FOLLOWED, make.follow, 0),
    "follower": (PushPolicy.FOLLOWER, make.follow, 1),
    "no follower": (PushPolicy.FOLLOWER, lambda cursor, ann, ben: make.follow(cursor, ben, ann), 0),
}


@pytest.mark.parametrize("case", POLICIES)
async def test_a_policy_lets_through_whom_it_names(site: Site, ann: Viewer, ben: Viewer, case: str) -> None:
    policy, arrange, count = POLICIES[case]
    site.subscribed(ben, Program(), PushChoice(frozenset(ALERTS), policy))
    arrange(site.cursor, ann, ben)
    make.post(site.cursor, ann, "@ben")
    assert len(await site.deliver()) == count


async def _filter(site: Site, ben: Viewer, action: FilterAction, context: FilterContext = FilterContext.NOTIFICATIONS) -> None:
    db = RolledBackDatabase(site.cursor)
    draft = FilterDraft("Tea", [context], action, keywords=[KeywordDraft("tea")])
    await Filters(db, FilterCache(db, site.clock), site.clock).create(ben, draft)


Change = Callable[[Site, Viewer, Viewer], object]
NOT_WANTED: dict[str, Change] = {
    "dismissed": lambda site, ann, ben: notifications.clear(site.cursor, account=ben.id, now=NOW),
    "muted": lambda site, ann, ben: done(Relationships(site.pushes.database, site.clock).mute(ben, ann.id)),
    "blocked": lambda site, ann, ben: done(Relationships(site.pushes.database, site.clock).block(ben, ann.id)),
    "blocking": lambda site, ann, ben: done(Relationships(site.pushes.database, site.clock).block(ann, ben.id)),
    "filtered": lambda site, ann, ben: done(_filter(site, ben, FilterAction.HIDE)),
    "author suspended": lambda site, ann, ben: make.suspend(site.cursor, ann),
    "reader suspended": lambda site, ann, ben: make.suspend(site.cursor, ben),
    "reader disabled": lambda site, ann, ben: users.set_disabled(site.cursor, account=ben.id, at=NOW),
    "reader deleted": lambda site, ann, ben: users.delete(site.cursor, account=ben.id),
    "token revoked": lambda site, ann, ben: execute(site.cursor, "update tokens set revoked_at = now()"),
    "post deleted": lambda site, ann, ben: done(make.posts(site.pushes.database).delete(ann, newest_post(site.cursor))),
    "held back": lambda site, ann, ben: execute(site.cursor, "update notifications set filtered = true"),
    "alert switched off": lambda site, ann, ben: execute(site.cursor, "update push_subscriptions set alerts = '{}'"),
    "policy changed": lambda site, ann, ben: execute(site.cursor, "update push_subscriptions set policy = 'none'"),
    "thread muted": lambda site, ann, ben: execute(
        site.cursor, f"insert into thread_mutes select {ben.id}, thread_id, now() from posts where id = {newest_post(site.cursor)}"
    ),
    "too late": lambda site, ann, ben: setattr(site.clock, "time", NOW + LASTS),
}


def newest_post(cursor: Cursor) -> PostId:
    return PostId(fetch_value(cursor, "select max(id) from posts"))


@pytest.mark.parametrize("change", NOT_WANTED)
@pytest.mark.parametrize("queued", [False, True], ids=["told", "queued"])
async def test_a_message_that_nobody_wants_any_more_is_not_sent(site: Site, ann: Viewer, ben: Viewer, change: str, queued: bool) -> None:
    site.subscribed(ben, Program())
    make.post(site.cursor, ann, "Tea, @ben?")
    if queued:
        ids = fetch_all(site.cursor, NotificationId, "select id from notifications")
        await site.pushes.notified(ids)
    NOT_WANTED[change](site, ann, ben)
    assert await site.deliver() == []
    assert site.service.asked == 0
    assert fetch_value(site.cursor, "select count(*) from jobs where kind like 'push.%' and state = 'waiting'", None) == 0


async def test_what_a_filter_warns_of_is_not_read_aloud(site: Site, ann: Viewer, ben: Viewer) -> None:
    program = Program()
    site.subscribed(ben, program)
    await _filter(site, ben, FilterAction.WARN)
    make.post(site.cursor, ann, "Tea, @ben?")
    [posted] = await site.deliver()
    assert program.read(posted)["body"] == "Tea"


async def test_a_filter_of_other_places_changes_nothing(site: Site, ann: Viewer, ben: Viewer) -> None:
    site.subscribed(ben, Program())
    await _filter(site, ben, FilterAction.HIDE, FilterContext.HOME)
    make.post(site.cursor, ann, "Tea, @ben?")
    assert len(await site.deliver()) == 1


async def test_what_is_kept_back_promises_nothing(site: Site, ann: Viewer, ben: Viewer) -> None:
    site.subscribed(ben, Program())
    make.post(site.cursor, ann, "psst @ben", visibility=Visibility.DIRECT)
    assert fetch_value(site.cursor, "select filtered from notifications")
    assert site.waiting() == []
    [request] = await NotificationPolicies(site.pushes.database, site.clock).requests(ben, Page())
    assert request.count == 1


async def test_who_has_no_subscription_causes_no_job(site: Site, ann: Viewer, ben: Viewer) -> None:
    site.subscribed(ann, Program())
    make.post(site.cursor, ann, "@ben")
    site.subscribed(ben, Program(), PushChoice(frozenset({NotificationKind.POLL})))
    make.post(site.cursor, ann, "@ben again")
    assert site.waiting() == []


async def test_many_who_are_told_at_once_are_one_job_at_first_and_one_each_then(site: Site, ann: Viewer) -> None:
    crowd = [make.viewer(site.cursor) for _ in range(7)]
    programs = {f"/{one.id}": Program(path=f"/{one.id}") for one in crowd}
    for one in crowd:
        site.subscribed(one, programs[f"/{one.id}"])
        make.follow(site.cursor, one, ann, notify=True)
    make.post(site.cursor, ann, "News")
    assert [job.kind for job in site.waiting()] == [tasks.NOTIFIED_JOB]
    posted = await site.deliver()
    assert sorted(one.path for one in posted) == sorted(programs)
    assert {programs[one.path].read(one)["body"] for one in posted} == {"News"}


async def test_a_job_that_is_done_twice_sends_nothing_twice(site: Site, ann: Viewer, ben: Viewer) -> None:
    site.subscribed(ben, Program())
    make.post(site.cursor, ann, "@ben")
    ids = fetch_all(site.cursor, NotificationId, "select id from notifications")
    assert len(await site.deliver()) == 1
    await site.pushes.notified(ids)
    assert await site.deliver() == []
    execute(site.cursor, "update jobs set state = 'waiting', finished_at = null, worker = null where kind = 'push.notification'")
    assert await site.deliver() == []


async def test_what_is_told_while_a_job_runs_has_a_job_of_its_own(site: Site, ann: Viewer, ben: Viewer) -> None:
    subscription = site.subscribed(ben, Program())
    make.post(site.cursor, ann, "@ben one")
    await site.pushes.notified(fetch_all(site.cursor, NotificationId, "select id from notifications"))
    [running] = jobs.claim(site.cursor, kinds=[SEND_JOB], worker="x", lease_until=NOW + LASTS, now=NOW, limit=1)
    push = await site.pushes.next(subscription.id)
    assert push is not None
    make.post(site.cursor, ann, "@ben two")
    await site.pushes.notified(fetch_all(site.cursor, NotificationId, "select id from notifications"))
    [waits] = [job for job in site.waiting() if job.kind == SEND_JOB]
    assert waits.id != running.id
    second = await site.pushes.next(subscription.id, push.notification.id)
    assert second is not None
    assert second.notification.id > push.notification.id


async def test_messages_come_in_order_and_a_job_gives_way_after_a_while(site: Site, ann: Viewer, ben: Viewer) -> None:
    program = Program()
    site.subscribed(ben, program)
    for number in range(MESSAGES_PER_JOB + 3):
        make.post(site.cursor, ann, f"@ben {number}")
    posted = await site.deliver()
    assert [program.read(one)["body"] for one in posted] == [f"@ben {number}" for number in range(MESSAGES_PER_JOB + 3)]
    assert fetch_value(site.cursor, "select count(*) from jobs where kind = 'push.send'") == 2


@pytest.mark.parametrize("answer", ["404 Not Found", "410 Gone"])
async def test_a_subscription_that_the_service_does_not_know_any_more_is_deleted(site: Site, ann: Viewer, ben: Viewer, answer: str) -> None:
    site.subscribed(ben, Program())
    site.service.answers = [answer]
    make.post(site.cursor, ann, "@ben one")
    make.post(site.cursor, ann, "@ben two")
    assert await site.deliver() == []
    assert (site.there(), site.service.asked) == ([], 1)


@pytest.mark.parametrize("answer", ["429 Slow down", "500 Oops", "503 Away", "408 Late"])
async def test_a_service_that_is_away_is_asked_again_later_and_nothing_is_lost(site: Site, ann: Viewer, ben: Viewer, answer: str) -> None:
    program = Program()
    site.subscribed(ben, program)
    site.service.answers = [answer] * 3
    make.post(site.cursor, ann, "@ben one")
    make.post(site.cursor, ann, "@ben two")
    pauses = []
    for _ in range(3):
        assert await site.deliver() == []
        [(due_at, error)] = fetch_all(
            site.cursor, lambda *row: row, "select due_at, last_error from jobs where kind = 'push.send' and state = 'waiting'"
        )
        assert error == f"push.example.net: HTTP status {answer[:3]}."
        pauses.append((due_at - site.clock()).total_seconds())
        site.clock.time = due_at
    assert pauses == [RETRY_POLICY.first, 2 * RETRY_POLICY.first, 4 * RETRY_POLICY.first]
    assert site.service.asked == 3, "the second message is not tried while the service is away"
    posted = await site.deliver()
    assert [program.read(one)["body"] for one in posted] == ["@ben one", "@ben two"]
    assert int(posted[0].headers["ttl"]) == int((LASTS - timedelta(seconds=sum(pauses))).total_seconds())
    assert fetch_value(site.cursor, "select failures from push_subscriptions") == 0


async def test_a_service_is_left_alone_for_as_long_as_it_asks(site: Site, ann: Viewer, ben: Viewer) -> None:
    site.subscribed(ben, Program())
    site.service.answers = ["429 Slow down\r\nRetry-After: 1000"]
    make.post(site.cursor, ann, "@ben")
    await site.deliver()
    site.clock.time += timedelta(seconds=999)
    make.post(site.cursor, ann, "@ben meanwhile", now=site.clock())
    assert await site.deliver() == []
    assert site.service.asked == 1
    site.clock.time += timedelta(seconds=1)
    assert len(await site.deliver()) == 2


async def test_a_new_job_for_a_service_that_rests_asks_it_nothing(site: Site, ann: Viewer, ben: Viewer) -> None:
    subscription = site.subscribed(ben, Program())
    make.post(site.cursor, ann, "@ben")
    push_subscriptions.record_failures(site.cursor, id=subscription.id, failures=1, resting_until=NOW + timedelta(minutes=5))
    assert await site.deliver() == []
    assert site.service.asked == 0
    site.clock.time += timedelta(minutes=5)
    assert len(await site.deliver()) == 1


async def test_a_refused_message_holds_up_no_other(site: Site, ann: Viewer, ben: Viewer) -> None:
    program = Program()
    site.subscribed(ben, program)
    site.service.answers = ["413 Too large", "400 Bad", "301 Moved\r\nLocation: https://push.example.net/other"]
    for number in range(4):
        make.post(site.cursor, ann, f"@ben {number}")
    [posted] = await site.deliver()
    assert program.read(posted)["body"] == "@ben 3"
    assert site.service.asked == 4
    assert await site.deliver() == []


async def test_a_message_that_cannot_be_written_holds_up_no_other(site: Site, ann: Viewer, ben: Viewer) -> None:
    program = Program()
    site.subscribed(ben, program)
    first = make.post(site.cursor, ann, "@ben poison")
    make.post(site.cursor, ann, "@ben fine")
    written = site.pushing.render

    def poisoned(push: PushMessage) -> bytes:
        if push.notification.post is not None and push.notification.post.id == first.id:
            raise ZeroDivisionError
        return written(push)

    site.pushing = PushJobs(site.pushes, poisoned, site.pushing.encryptor, site.pushing.service)
    [posted] = await site.deliver()
    assert program.read(posted)["body"] == "@ben fine"


async def test_one_service_that_is_away_holds_up_no_other_program(site: Site, ann: Viewer, ben: Viewer) -> None:
    cat = make.viewer(site.cursor, "cat")
    site.subscribed(ben, Program())
    program = Program(path="/cat")
    site.subscribed(cat, program)
    site.service.answers = ["503 Away"]
    make.post(site.cursor, ann, "@ben @cat")
    [posted] = await site.deliver()
    assert posted.path == "/cat"


@pytest.mark.parametrize("answer", ["503 Away", "403 No"])
async def test_a_subscription_that_fails_for_long_is_deleted(site: Site, ann: Viewer, ben: Viewer, answer: str) -> None:
    subscription = site.subscribed(ben, Program())
    push_subscriptions.record_failures(site.cursor, id=subscription.id, failures=MAX_FAILURES - 2)
    site.service.answers = [answer] * 2
    make.post(site.cursor, ann, "@ben")
    await site.deliver()
    assert site.there() == [subscription.id]
    site.clock.time += MAX_PAUSE * 1.25
    make.post(site.cursor, ann, "@ben again", now=site.clock())
    await site.deliver()
    assert (site.there(), site.service.asked) == ([], 2)


async def test_a_subscription_that_leads_into_our_own_network_is_never_connected(site: Site, ann: Viewer, ben: Viewer) -> None:
    site.subscribed(ben, Program())
    inside = site.service.reached(address="10.0.0.1")
    site.pushing = PushJobs(site.pushes, site.pushing.render, site.pushing.encryptor, inside)
    make.post(site.cursor, ann, "@ben")
    assert await site.deliver() == []
    assert inside.reactor.connected == []
    assert site.service.met == 0


async def test_what_was_sent_is_forgotten_after_a_while(site: Site, ann: Viewer, ben: Viewer) -> None:
    site.subscribed(ben, Program())
    make.post(site.cursor, ann, "@ben")
    await site.deliver()
    make.post(site.cursor, ann, "@ben waits")
    await site.pushes.notified(fetch_all(site.cursor, NotificationId, "select id from notifications"))
    assert push_subscriptions.delete_old(site.cursor, before=NOW + KEPT, limit=10) == 1
    assert fetch_value(site.cursor, "select count(*) from push_deliveries where settled_at is null") == 1


def test_the_tries_of_a_job_outlast_those_of_a_subscription() -> None:
    pauses = [RETRY_POLICY.pause(tries, 0.5) for tries in range(1, MAX_FAILURES)]
    assert all(pause is not None for pause in pauses)
    assert timedelta(days=5) < timedelta(seconds=sum(pause or 0 for pause in pauses)) < timedelta(days=10)


@pytest.mark.parametrize(
    ("said", "seconds"),
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
def test_what_a_service_asks_for_is_understood_and_not_believed_without_end(said: str, seconds: float) -> None:
    assert requested_pause(PushResponse(429, said), NOW).total_seconds() == pytest.approx(seconds)


def test_answers_of_push_services_mean_what_the_rfc_says() -> None:
    meant = {
        status: outcome_of(status).value for status in (200, 201, 202, 204, 301, 400, 401, 403, 404, 408, 410, 413, 429, 500, 503, 507)
    }
    assert meant == {
        **dict.fromkeys((200, 201, 202, 204), "sent"),
        **dict.fromkeys((301, 400, 401, 403, 413), "refused"),
        **dict.fromkeys((404, 410), "gone"),
        **dict.fromkeys((408, 429, 500, 503, 507), "away"),
    }
