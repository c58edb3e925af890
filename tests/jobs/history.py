"""A site on which things happen and are undone, days are counted by processes that come and go, and a plain list of what happened."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from attrs import define, field, frozen

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
from microblog.storage.account_deletion import delete_marked_posts
from microblog.storage.database import Cursor, execute, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, WallClock, done

TEXTS = ("Hello", "#tea please", "#tea and #coffee", "#Coffee", "#water #tea #coffee", "no tags here")
VISIBILITIES = (Visibility.PUBLIC, Visibility.PUBLIC, Visibility.PUBLIC, Visibility.UNLISTED, Visibility.PRIVATE, Visibility.DIRECT)
LETTERS = {EmailState.SENT: "sent", EmailState.KEPT: "sent", EmailState.REFUSED: "failed", EmailState.FAILED: "failed"}


@frozen
class Act:
    """Something that happened, and stays true whatever happens later."""

    kind: str
    at: datetime
    who: int = 0
    what: int = 0
    tag: str = ""
    public: bool = False
    hidden: bool = False  # from some: then it is in no statistics


@define
class Process:
    """A process that watches the clock and counts days, with jobs that it claimed and did not come round to do."""

    name: str
    schedule: Scheduler
    held: list[Any] = field(factory=list)


@define
class World:
    """The site, and all that ever happened on it. Every action takes two numbers that choose whom and what it is about."""

    cursor: Cursor
    zone: ZoneInfo
    clock: WallClock
    acts: list[Act] = field(factory=list)
    people: list[Viewer] = field(factory=list)
    posts: list[Post] = field(factory=list)
    crowds: dict[tuple[datetime, str], int] = field(factory=dict)
    statistics: DailyStatistics = field(init=False)
    processes: list[Process] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.statistics = DailyStatistics(self.db, self.zone, self.clock)
        timers = work.timers(self.statistics)
        self.processes = [Process(name, Scheduler(self.db, timers, self.clock)) for name in ("one", "two")]
        for process in self.processes:
            done(process.schedule.check())
        self.sign_up(0, 0)

    @property
    def db(self) -> RolledBackDatabase:
        return RolledBackDatabase(self.cursor)

    def note(self, kind: str, who: int = 0, what: int = 0, tag: str = "", public: bool = False, hidden: bool = False) -> None:
        self.acts.append(Act(kind, self.clock(), who, what, tag, public, hidden))

    # What people do.

    def sign_up(self, a: int, b: int) -> None:
        member = make.member(self.cursor, now=self.clock())
        self.people.append(Viewer(member.account))
        self.note("account", member.account.id)

    def visit(self, a: int, b: int) -> None:
        who = self.people[a % len(self.people)]
        values: dict[str, Any] = {
            "token_hash": str(fetch_value(self.cursor, "select new_id(now())")).encode(),
            "address": "",
            "user_agent": "",
        }
        later = self.clock() + timedelta(days=60)
        if sessions.open_session(self.cursor, account=who.id, now=self.clock(), expires_at=later, proof=None, **values):
            self.note("visit", who.id)

    def come_back(self, a: int, b: int) -> None:
        found = sessions.of_account(self.cursor, account=self.people[a % len(self.people)].id, now=self.clock())
        if found:
            sessions.record_activity(self.cursor, id=found[0].id, now=self.clock(), expires_at=self.clock() + timedelta(days=60))
            self.note("visit", found[0].account_id)

    def leave(self, a: int, b: int) -> None:
        sessions.end_all(self.cursor, account=self.people[a % len(self.people)].id)

    def post(self, a: int, b: int) -> None:
        self._publish(self.people[a % len(self.people)], TEXTS[b % len(TEXTS)], VISIBILITIES[a * b % len(VISIBILITIES)], None)

    def reply(self, a: int, b: int) -> None:
        if self.posts:
            self._publish(self.people[a % len(self.people)], TEXTS[a % len(TEXTS)], Visibility.PUBLIC, self.posts[b % len(self.posts)].id)

    def _publish(self, who: Viewer, text: str, visibility: Visibility, answered: PostId | None) -> None:
        made = done(make.posts(self.db, now=self.clock()).publish(who, PostDraft(text, visibility, reply_to=answered)))
        self.posts.append(made)
        self.note("reply" if answered else "post", who.id, made.id, hidden=not made.visibility.is_open)
        if made.visibility is Visibility.PUBLIC:
            for tag in made.tags:
                self.note("tag", who.id, made.id, tag.key)

    def edit(self, a: int, b: int) -> None:
        if not self.posts:
            return
        old = self.posts[a % len(self.posts)]
        new = done(make.posts(self.db, now=self.clock()).edit(Viewer(old.author), old.id, PostDraft(TEXTS[b % len(TEXTS)])))
        self.posts[a % len(self.posts)] = new
        if new.visibility is Visibility.PUBLIC:
            for key in {tag.key for tag in new.tags} - {tag.key for tag in old.tags}:
                self.note("tag", new.author.id, new.id, key)

    def delete(self, a: int, b: int) -> None:
        if self.posts:
            post = self.posts.pop(a % len(self.posts))
            done(make.posts(self.db, now=self.clock()).delete(Viewer(post.author), post.id))

    def boost(self, a: int, b: int) -> None:
        self._mark("boost", a, b)

    def unboost(self, a: int, b: int) -> None:
        self._unmark("boost", a)

    def favourite(self, a: int, b: int) -> None:
        self._mark("favourite", a, b)

    def unfavourite(self, a: int, b: int) -> None:
        self._unmark("favourite", a)

    def _unmark(self, kind: str, a: int) -> None:
        """Take back something that was really done, the newest first: numbers at random seldom meet one."""
        done_so_far = [(act.who, act.what) for act in reversed(self.acts) if act.kind == kind]
        if done_so_far:
            who, what = done_so_far[a % len(done_so_far)]
            people, posts = [one for one in self.people if one.id == who], [one for one in self.posts if one.id == what]
            if people and posts:
                done(getattr(Interactions(self.db, self.clock), f"un{kind}")(people[0], posts[0].id))

    def _mark(self, verb: str, a: int, b: int) -> None:
        if not self.posts:
            return
        who, post = self.people[a % len(self.people)], self.posts[b % len(self.posts)]
        before = self._marked(verb, who, post)
        done(getattr(Interactions(self.db, self.clock), verb)(who, post.id))
        if self._marked(verb, who, post) > before:
            self.note(verb, who.id, post.id, public=post.visibility is Visibility.PUBLIC, hidden=not post.visibility.is_open)

    def _marked(self, verb: str, who: Viewer, post: Post) -> int:
        table, column = ("posts", "boost_of") if "boost" in verb else ("favourites", "post_id")
        gone = " and deleted_at is null" if "boost" in verb else ""
        sql = f"select count(*) from {table} where account_id = %(who)s and {column} = %(post)s{gone}"
        return int(fetch_value(self.cursor, sql, {"who": who.id, "post": post.id}))

    def follow(self, a: int, b: int) -> None:
        follower, followee = self.people[a % len(self.people)], self.people[b % len(self.people)]
        sql = "select count(*) from follows where follower_id = %(a)s and followee_id = %(b)s"
        pair = {"a": follower.id, "b": followee.id}
        before = fetch_value(self.cursor, sql, pair)
        done(Follows(self.db, self.clock).follow(follower, followee.id))
        if fetch_value(self.cursor, sql, pair) > before:
            self.note("follow", follower.id, followee.id)

    def unfollow(self, a: int, b: int) -> None:
        done_so_far = [(act.who, act.what) for act in reversed(self.acts) if act.kind == "follow"]
        if done_so_far:
            who, whom = done_so_far[a % len(done_so_far)]
            for follower in self.people:
                if follower.id == who:
                    done(Follows(self.db, self.clock).unfollow(follower, AccountId(whom)))

    def go_for_good(self, a: int, b: int) -> None:
        if len(self.people) > 1:
            who = self.people.pop(a % len(self.people))
            self.posts = [post for post in self.posts if post.author.id != who.id]
            begin_deletion(self.cursor, who.id, self.clock())
            done(AccountDeletion(self.db, self.clock).purge(who.id))

    # What the site does.

    def erase_applicant(self, a: int, b: int) -> None:
        applicant = make.member(self.cursor, approved=False, now=self.clock())
        self.note("account", applicant.account.id)
        execute(self.cursor, "delete from accounts where id = %(id)s", {"id": applicant.account.id})

    def expunge(self, a: int, b: int) -> None:
        delete_marked_posts(self.cursor, before=self.clock(), limit=1 + a % 3)

    def letter(self, a: int, b: int) -> None:
        emails.add(self.cursor, EmailKind.TEST, account=None, recipient="a@example.org", now=self.clock())
        [letter] = emails.page_of(self.cursor, page=Page(limit=1))
        state = list(LETTERS)[a % len(LETTERS)]
        emails.record_outcome(self.cursor, id=letter.id, state=state, answer="", now=self.clock())
        self.note(f"mail.{LETTERS[state]}")
        if state is EmailState.FAILED and b % 2:
            emails.retry(self.cursor, id=letter.id, now=self.clock())
            emails.record_outcome(self.cursor, id=letter.id, state=EmailState.SENT, answer="", now=self.clock())
            self.note("mail.sent")
        emails.delete_old(self.cursor, before=self.clock() - timedelta(days=1), limit=a % 4)

    def crowd(self, a: int, b: int) -> None:
        name = self.processes[a % 2].name
        done(self.statistics.note_crowd(name, b % 20))
        slot = datetime.fromtimestamp(self.clock().timestamp() // 900 * 900, UTC)
        self.crowds[slot, name] = max(self.crowds.get((slot, name), 0), b % 20)

    # What processes do.

    def look(self, a: int, b: int) -> None:
        """A process looks at the clock and claims a job or two, which it may keep for later."""
        process = self.processes[a % 2]
        done(process.schedule.check())
        self._claim(process, 1 + b % 3)

    def finish(self, a: int, b: int) -> None:
        """A process does what it claimed."""
        process = self.processes[a % 2]
        while process.held:
            job = process.held.pop(0)
            done(_carried_out(work.tasks(self.statistics)[job.kind], job))
            jobs.finish(self.cursor, job, worker=process.name, now=self.clock())

    def die(self, a: int, b: int) -> None:
        """A process is killed in the middle of a job: the day may be written, the job is not done."""
        process = self.processes[a % 2]
        if process.held and b % 2:
            done(_carried_out(work.tasks(self.statistics)[process.held[0].kind], process.held[0]))
        process.held.clear()

    def _claim(self, process: Process, limit: int) -> int:
        lease = self.clock() + timedelta(minutes=5)
        kinds = list(work.tasks(self.statistics))
        claimed = jobs.claim(self.cursor, kinds=kinds, worker=process.name, lease_until=lease, now=self.clock(), limit=limit)
        process.held += claimed
        return len(claimed)

    def settle_everything(self) -> None:
        """Some days later, all that is due was done by both processes."""
        self.clock.advance(days=2)
        for process in self.processes:
            done(process.schedule.check())
        while sum(self._claim(process, 2) for process in self.processes):
            self.finish(0, 0)
            self.finish(1, 0)

    # The plain recount.

    def recount(self, zone: ZoneInfo) -> dict[date, Day]:
        """Every day that is over, counted from the list of what happened."""
        by_day: dict[date, list[Act]] = defaultdict(list)
        for act in self.acts:
            by_day[act.at.astimezone(zone).date()].append(act)
        crowds: dict[date, Counter[datetime]] = defaultdict(Counter)
        for (slot, _), peak in self.crowds.items():
            crowds[slot.astimezone(zone).date()][slot] += peak
        first, last = min(by_day), self.statistics.last_day(zone)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return {day: _counted(day, by_day[day], max(crowds[day].values(), default=0)) for day in days}


def _counted(day: date, acts: list[Act], live: int) -> Day:
    def pairs(*kinds: str) -> set[tuple[str, int, int]]:
        return {(act.kind, act.who, act.what) for act in acts if act.kind in kinds and not act.hidden}

    posted = {who for _, who, _ in pairs("post", "reply", "boost")}
    visited = {who for _, who, _ in pairs("visit")}
    tags, posts = _tags(acts), _posts(acts)
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
        Measure.MAILS_SENT: sum(act.kind == "mail.sent" for act in acts),
        Measure.MAILS_FAILED: sum(act.kind == "mail.failed" for act in acts),
        Measure.LIVE_PEAK: live,
        Measure.TOP_TAGS: len(tags),
        Measure.TOP_POSTS: len(posts),
    }
    return Day(day, values, tuple(tags[:TOP]), tuple(posts[:TOP]))


def _tags(acts: Iterable[Act]) -> list[TagScore]:
    used = {(act.tag, act.who, act.what) for act in acts if act.kind == "tag"}
    scores = [
        TagScore(key, len({who for tag, who, _ in used if tag == key}), len([tag for tag, _, _ in used if tag == key]))
        for key in {tag for tag, _, _ in used}
    ]
    return sorted(scores, key=lambda score: (-score.people, -score.posts, score.key))


def _posts(acts: Iterable[Act]) -> list[PostScore]:
    marks = {(act.kind, act.who, act.what) for act in acts if act.kind in ("favourite", "boost") and act.public}
    counts = Counter((kind, what) for kind, _, what in marks)
    scores = [PostScore(PostId(post), counts["favourite", post], counts["boost", post]) for post in {what for _, _, what in marks}]
    return sorted(scores, key=lambda score: (-score.total, -score.post))


OFTEN = ("post", "edit", "boost", "favourite", "follow", "look", "unboost", "unfavourite", "unfollow")
SELDOM = ("sign_up", "visit", "come_back", "leave", "reply", "delete", "go_for_good")
BEHIND = ("erase_applicant", "expunge", "letter", "crowd", "finish", "die")
ACTIONS = (*OFTEN, *OFTEN, *SELDOM, *BEHIND)


@frozen
class Step:
    """One action, and what time it is then: so many minutes later, or so many milliseconds around the zone's next midnight."""

    action: str
    a: int
    b: int
    minutes: int
    around_midnight: int | None = None


def live_through(world: World, steps: Iterable[Step]) -> None:
    """Let it all happen. What the site refuses does not happen."""
    for step in steps:
        world.clock.advance(minutes=step.minutes)
        if step.around_midnight is not None:
            tomorrow = world.clock().astimezone(world.zone).date() + timedelta(days=1)
            world.clock.time = max(world.clock(), start_of_day(tomorrow, world.zone) + timedelta(milliseconds=step.around_midnight))
        _attempt(world, getattr(world, step.action), step)


def _attempt(world: World, action: Callable[[int, int], None], step: Step) -> None:
    world.cursor.execute("savepoint attempt")
    try:
        action(step.a, step.b)
    except Problem:
        world.cursor.execute("rollback to savepoint attempt")
    world.cursor.execute("release savepoint attempt")


async def _carried_out(task: Any, job: Any) -> None:
    await task(job)
