"""A simulated site for tests of daily statistics.

Users act and undo their actions while two processes count the days; a plain list of events gives the expected numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from attrs import define, field, frozen

from microblog.domain import deleted_posts
from microblog.domain.account_deletion import AccountDeletion, begin_deletion
from microblog.domain.follows import Follows
from microblog.domain.interactions import Interactions
from microblog.domain.statistics import DailyStatistics
from microblog.jobs import statistics as work
from microblog.jobs.scheduler import Scheduler
from microblog.model.accounts import Viewer
from microblog.model.emails import EmailKind, EmailState
from microblog.model.errors import Problem
from microblog.model.ids import AccountId, PostId
from microblog.model.paging import Page
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.model.statistics import TOP, Day, Measure, PostScore, TagScore, start_of_day
from microblog.storage import emails, jobs, sessions
from microblog.storage.database import Cursor, execute, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, WallClock, result_of

TEXTS = ("Hello", "#tea please", "#tea and #coffee", "#Coffee", "#water #tea #coffee", "no tags here")
VISIBILITIES = (Visibility.PUBLIC, Visibility.PUBLIC, Visibility.PUBLIC, Visibility.UNLISTED, Visibility.PRIVATE, Visibility.DIRECT)
EMAIL_OUTCOMES = {EmailState.SENT: "sent", EmailState.KEPT: "sent", EmailState.REFUSED: "failed", EmailState.FAILED: "failed"}


@frozen
class Event:
    """An event that counts in the statistics, even if it is undone later."""

    kind: str
    at: datetime
    account: int = 0
    subject: int = 0
    tag: str = ""
    public: bool = False
    hidden: bool = False  # not visible to everybody, so not counted


@define
class Process:
    """A process with a scheduler, and the jobs that it has claimed but not finished."""

    name: str
    scheduler: Scheduler
    claimed_jobs: list[Any] = field(factory=list)


@define
class Simulation:
    """The site and all its events. Each action takes two numbers, which select the accounts and posts it is about."""

    cursor: Cursor
    zone: ZoneInfo
    clock: WallClock
    events: list[Event] = field(factory=list)
    users: list[Viewer] = field(factory=list)
    posts: list[Post] = field(factory=list)
    samples: dict[tuple[datetime, str], int] = field(factory=dict)
    statistics: DailyStatistics = field(init=False)
    processes: list[Process] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.statistics = DailyStatistics(self.db, self.zone, self.clock)
        timers = work.timers(self.statistics)
        self.processes = [Process(name, Scheduler(self.db, timers, self.clock)) for name in ("one", "two")]
        for process in self.processes:
            result_of(process.scheduler.check())
        self.sign_up(0, 0)

    @property
    def db(self) -> RolledBackDatabase:
        return RolledBackDatabase(self.cursor)

    def record(self, kind: str, account: int = 0, subject: int = 0, tag: str = "", public: bool = False, hidden: bool = False) -> None:
        self.events.append(Event(kind, self.clock(), account, subject, tag, public, hidden))

    # Actions of users.

    def sign_up(self, a: int, b: int) -> None:
        member = make.member(self.cursor, now=self.clock())
        self.users.append(Viewer(member.account))
        self.record("account", member.account.id)

    def visit(self, a: int, b: int) -> None:
        account = self.users[a % len(self.users)]
        values: dict[str, Any] = {
            "token_hash": str(fetch_value(self.cursor, "select new_id(now())")).encode(),
            "address": "",
            "user_agent": "",
        }
        later = self.clock() + timedelta(days=60)
        if sessions.open_session(self.cursor, account=account.id, now=self.clock(), expires_at=later, verified_hash=None, **values):
            self.record("visit", account.id)

    def return_to_session(self, a: int, b: int) -> None:
        found = sessions.of_account(self.cursor, account=self.users[a % len(self.users)].id, now=self.clock())
        if found:
            sessions.record_activity(self.cursor, id=found[0].id, now=self.clock(), expires_at=self.clock() + timedelta(days=60))
            self.record("visit", found[0].account_id)

    def log_out(self, a: int, b: int) -> None:
        sessions.end_all(self.cursor, account=self.users[a % len(self.users)].id)

    def post(self, a: int, b: int) -> None:
        self._publish(self.users[a % len(self.users)], TEXTS[b % len(TEXTS)], VISIBILITIES[a * b % len(VISIBILITIES)], None)

    def reply(self, a: int, b: int) -> None:
        if self.posts:
            self._publish(self.users[a % len(self.users)], TEXTS[a % len(TEXTS)], Visibility.PUBLIC, self.posts[b % len(self.posts)].id)

    def _publish(self, account: Viewer, text: str, visibility: Visibility, reply_to: PostId | None) -> None:
        published = result_of(make.post_service(self.db, now=self.clock()).publish(account, PostDraft(text, visibility, reply_to=reply_to)))
        self.posts.append(published)
        self.record("reply" if reply_to else "post", account.id, published.id, hidden=not published.visibility.is_open)
        if published.visibility is Visibility.PUBLIC:
            for tag in published.tags:
                self.record("tag", account.id, published.id, tag.key)

    def edit(self, a: int, b: int) -> None:
        if not self.posts:
            return
        old = self.posts[a % len(self.posts)]
        new = result_of(make.post_service(self.db, now=self.clock()).edit(Viewer(old.author), old.id, PostDraft(TEXTS[b % len(TEXTS)])))
        self.posts[a % len(self.posts)] = new
        if new.visibility is Visibility.PUBLIC:
            for key in {tag.key for tag in new.tags} - {tag.key for tag in old.tags}:
                self.record("tag", new.author.id, new.id, key)

    def delete(self, a: int, b: int) -> None:
        if self.posts:
            post = self.posts.pop(a % len(self.posts))
            result_of(make.post_service(self.db, now=self.clock()).delete(Viewer(post.author), post.id))

    def boost(self, a: int, b: int) -> None:
        self._interact("boost", a, b)

    def unboost(self, a: int, b: int) -> None:
        self._undo("boost", a)

    def favourite(self, a: int, b: int) -> None:
        self._interact("favourite", a, b)

    def unfavourite(self, a: int, b: int) -> None:
        self._undo("favourite", a)

    def _undo(self, kind: str, a: int) -> None:
        """Undo an earlier interaction; random accounts and posts would seldom hit one."""
        earlier = [(event.account, event.subject) for event in reversed(self.events) if event.kind == kind]
        if earlier:
            account, subject = earlier[a % len(earlier)]
            users, posts = [one for one in self.users if one.id == account], [one for one in self.posts if one.id == subject]
            if users and posts:
                result_of(getattr(Interactions(self.db, self.clock), f"un{kind}")(users[0], posts[0].id))

    def _interact(self, verb: str, a: int, b: int) -> None:
        if not self.posts:
            return
        account, post = self.users[a % len(self.users)], self.posts[b % len(self.posts)]
        before = self._count(verb, account, post)
        result_of(getattr(Interactions(self.db, self.clock), verb)(account, post.id))
        if self._count(verb, account, post) > before:
            self.record(verb, account.id, post.id, public=post.visibility is Visibility.PUBLIC, hidden=not post.visibility.is_open)

    def _count(self, verb: str, account: Viewer, post: Post) -> int:
        table, column = ("posts", "boost_of") if "boost" in verb else ("favourites", "post_id")
        gone = " and deleted_at is null" if "boost" in verb else ""
        sql = f"select count(*) from {table} where account_id = %(account)s and {column} = %(post)s{gone}"
        return int(fetch_value(self.cursor, sql, {"account": account.id, "post": post.id}))

    def follow(self, a: int, b: int) -> None:
        follower, followee = self.users[a % len(self.users)], self.users[b % len(self.users)]
        sql = "select count(*) from follows where follower_id = %(a)s and followee_id = %(b)s"
        pair = {"a": follower.id, "b": followee.id}
        before = fetch_value(self.cursor, sql, pair)
        result_of(Follows(self.db, self.clock).follow(follower, followee.id))
        if fetch_value(self.cursor, sql, pair) > before:
            self.record("follow", follower.id, followee.id)

    def unfollow(self, a: int, b: int) -> None:
        earlier = [(event.account, event.subject) for event in reversed(self.events) if event.kind == "follow"]
        if earlier:
            account, followed = earlier[a % len(earlier)]
            for follower in self.users:
                if follower.id == account:
                    result_of(Follows(self.db, self.clock).unfollow(follower, AccountId(followed)))

    def delete_account(self, a: int, b: int) -> None:
        if len(self.users) > 1:
            account = self.users.pop(a % len(self.users))
            self.posts = [post for post in self.posts if post.author.id != account.id]
            begin_deletion(self.cursor, account.id, self.clock())
            result_of(AccountDeletion(self.db, self.clock).purge(account.id))

    # Actions of the site.

    def erase_applicant(self, a: int, b: int) -> None:
        applicant = make.member(self.cursor, approved=False, now=self.clock())
        self.record("account", applicant.account.id)
        execute(self.cursor, "delete from accounts where id = %(id)s", {"id": applicant.account.id})

    def expunge(self, a: int, b: int) -> None:
        deleted_posts.purge(self.cursor, before=self.clock(), limit=1 + a % 3)

    def send_email(self, a: int, b: int) -> None:
        emails.add(self.cursor, EmailKind.TEST, account=None, recipient="a@example.org", now=self.clock())
        [email] = emails.page_of(self.cursor, page=Page(limit=1))
        state = list(EMAIL_OUTCOMES)[a % len(EMAIL_OUTCOMES)]
        emails.record_outcome(self.cursor, id=email.id, state=state, answer="", now=self.clock())
        self.record(f"mail.{EMAIL_OUTCOMES[state]}")
        if state is EmailState.FAILED and b % 2:
            emails.retry(self.cursor, id=email.id, now=self.clock())
            emails.record_outcome(self.cursor, id=email.id, state=EmailState.SENT, answer="", now=self.clock())
            self.record("mail.sent")
        emails.delete_old(self.cursor, before=self.clock() - timedelta(days=1), limit=a % 4)

    def sample_connections(self, a: int, b: int) -> None:
        name = self.processes[a % 2].name
        result_of(self.statistics.record_peak(name, b % 20))
        slot = datetime.fromtimestamp(self.clock().timestamp() // 900 * 900, UTC)
        self.samples[slot, name] = max(self.samples.get((slot, name), 0), b % 20)

    # Actions of processes.

    def schedule_and_claim(self, a: int, b: int) -> None:
        """Add due jobs, and claim one to three without doing them."""
        process = self.processes[a % 2]
        result_of(process.scheduler.check())
        self._claim(process, 1 + b % 3)

    def finish(self, a: int, b: int) -> None:
        """Do all claimed jobs of a process."""
        process = self.processes[a % 2]
        while process.claimed_jobs:
            job = process.claimed_jobs.pop(0)
            result_of(_perform(work.tasks(self.statistics)[job.kind], job))
            jobs.finish(self.cursor, job, worker=process.name, now=self.clock())

    def kill(self, a: int, b: int) -> None:
        """Kill a process in the middle of a job: the day may be written, but the job is not marked as done."""
        process = self.processes[a % 2]
        if process.claimed_jobs and b % 2:
            result_of(_perform(work.tasks(self.statistics)[process.claimed_jobs[0].kind], process.claimed_jobs[0]))
        process.claimed_jobs.clear()

    def _claim(self, process: Process, limit: int) -> int:
        lease = self.clock() + timedelta(minutes=5)
        kinds = list(work.tasks(self.statistics))
        claimed = jobs.claim(self.cursor, kinds=kinds, worker=process.name, lease_until=lease, now=self.clock(), limit=limit)
        process.claimed_jobs += claimed
        return len(claimed)

    def finish_all(self) -> None:
        """Let two days pass and both processes finish every due job."""
        self.clock.advance(days=2)
        for process in self.processes:
            result_of(process.scheduler.check())
        while sum(self._claim(process, 2) for process in self.processes):
            self.finish(0, 0)
            self.finish(1, 0)

    # The expected numbers.

    def recount(self, zone: ZoneInfo) -> dict[date, Day]:
        """Count every finished day from the list of events."""
        by_day: dict[date, list[Event]] = defaultdict(list)
        for event in self.events:
            by_day[event.at.astimezone(zone).date()].append(event)
        samples: dict[date, Counter[datetime]] = defaultdict(Counter)
        for (slot, _), peak in self.samples.items():
            samples[slot.astimezone(zone).date()][slot] += peak
        first, last = min(by_day), self.statistics.last_day(zone)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return {day: _counted(day, by_day[day], max(samples[day].values(), default=0)) for day in days}


def _counted(day: date, events: list[Event], live: int) -> Day:
    def pairs(*kinds: str) -> set[tuple[str, int, int]]:
        return {(event.kind, event.account, event.subject) for event in events if event.kind in kinds and not event.hidden}

    posted = {account for _, account, _ in pairs("post", "reply", "boost")}
    visited = {account for _, account, _ in pairs("visit")}
    tags, posts = _tags(events), _posts(events)
    values = {
        Measure.NEW_ACCOUNTS: len(pairs("account")),
        Measure.ACTIVE: len(posted | visited),
        Measure.POSTED: len(posted),
        Measure.VISITED: len(visited),
        Measure.POSTS: len(pairs("post", "reply")),
        Measure.REPLIES: len(pairs("reply")),
        Measure.BOOSTS: len(pairs("boost")),
        Measure.FAVOURITES: len(pairs("favourite")),
        Measure.FOLLOWS: len(pairs("follow")),
        Measure.MAILS_SENT: sum(event.kind == "mail.sent" for event in events),
        Measure.MAILS_FAILED: sum(event.kind == "mail.failed" for event in events),
        Measure.LIVE_PEAK: live,
        Measure.TOP_TAGS: len(tags),
        Measure.TOP_POSTS: len(posts),
    }
    return Day(day, values, tuple(tags[:TOP]), tuple(posts[:TOP]))


def _tags(events: Iterable[Event]) -> list[TagScore]:
    used = {(event.tag, event.account, event.subject) for event in events if event.kind == "tag"}
    scores = [
        TagScore(key, len({account for tag, account, _ in used if tag == key}), len([tag for tag, _, _ in used if tag == key]))
        for key in {tag for tag, _, _ in used}
    ]
    return sorted(scores, key=lambda score: (-score.people, -score.posts, score.key))


def _posts(events: Iterable[Event]) -> list[PostScore]:
    popular = {(event.kind, event.account, event.subject) for event in events if event.kind in ("favourite", "boost") and event.public}
    counts = Counter((kind, subject) for kind, _, subject in popular)
    scores = [PostScore(PostId(post), counts["favourite", post], counts["boost", post]) for post in {subject for _, _, subject in popular}]
    return sorted(scores, key=lambda score: (-score.total, -score.post))


FREQUENT = ("post", "edit", "boost", "favourite", "follow", "schedule_and_claim", "unboost", "unfavourite", "unfollow")
RARE = ("sign_up", "visit", "return_to_session", "log_out", "reply", "delete", "delete_account")
SYSTEM = ("erase_applicant", "expunge", "send_email", "sample_connections", "finish", "kill")
ACTIONS = (*FREQUENT, *FREQUENT, *RARE, *SYSTEM)


@frozen
class Step:
    """An action and its time: `minutes` after the last step, or `around_midnight` milliseconds from the zone's next midnight."""

    action: str
    a: int
    b: int
    minutes: int
    around_midnight: int | None = None


def run_steps(simulation: Simulation, steps: Iterable[Step]) -> None:
    """Run the steps. An action that the site refuses has no effect."""
    for step in steps:
        simulation.clock.advance(minutes=step.minutes)
        if step.around_midnight is not None:
            tomorrow = simulation.clock().astimezone(simulation.zone).date() + timedelta(days=1)
            simulation.clock.time = max(
                simulation.clock(), start_of_day(tomorrow, simulation.zone) + timedelta(milliseconds=step.around_midnight)
            )
        _attempt(simulation, getattr(simulation, step.action), step)


def _attempt(simulation: Simulation, action: Callable[[int, int], None], step: Step) -> None:
    simulation.cursor.execute("savepoint attempt")
    try:
        action(step.a, step.b)
    except Problem:
        simulation.cursor.execute("rollback to savepoint attempt")
    simulation.cursor.execute("release savepoint attempt")


async def _perform(task: Any, job: Any) -> None:
    await task(job)
