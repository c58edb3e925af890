"""Sample values, and every page of the site rendered from them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from attrs import evolve

from microblog.model.accounts import Account, Login, Preferences, ProfileField, RegistrationMode, Relationship, Role, Session, Viewer
from microblog.model.conversations import Conversation
from microblog.model.emails import AddressRejection, Email, EmailKind, EmailState
from microblog.model.ids import (
    AccountId,
    AppId,
    ConversationId,
    EmailId,
    JobId,
    NotificationId,
    NotificationRequestId,
    PostId,
    SessionId,
    TagId,
)
from microblog.model.jobs import Job, JobCounts, JobState
from microblog.model.notification_policy import NotificationRequest, Policy
from microblog.model.notifications import Notification, NotificationKind
from microblog.model.oauth import App, Authorization
from microblog.model.posts import Mention, Post, PostFlags, PostRevision, Tag, Visibility
from microblog.render.html.consent import describe_redirect, describe_scopes
from microblog.render.html.conversation_views import ConversationRow, ConversationsPage, conversations_page
from microblog.render.html.email_views import EmailActionPage, EmailForm, JobsPage, OutboxPage, ResetForm
from microblog.render.html.html_page import HtmlPage
from microblog.render.html.notification_views import CATEGORIES, PolicyForm, RequestsPage, policy_page, requests_page
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.post_html import PostCounts, assemble, variant_for
from microblog.render.html.view_models import (
    AboutView,
    AccountForm,
    AppsPage,
    ComposerView,
    ConfirmView,
    ConsentView,
    EditForm,
    ErrorView,
    HistoryPage,
    LoginForm,
    NotificationsPage,
    PageContext,
    PendingView,
    PeopleView,
    PersonView,
    PostListView,
    PreferencesForm,
    ProfileForm,
    ProfileView,
    SearchView,
    SessionsPage,
    SignupForm,
    ThreadPage,
    ThreadReply,
)
from microblog.render.site_view import SiteView

NOW = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)
PAGES = Pages(lambda name: f"/static/{name}?v=1")
SITE = SiteView("Kommata", "A small place to write and to read.", "https://kommata.example", contact="post@kommata.example", version="1")


def account(number: int = 1, name: str = "Ada Lovelace", **more: Any) -> Account:
    made = Account(
        id=AccountId(number), username=f"user{number}", display_name=name, bio=name, bio_html="<p>Hello</p>", created_at=NOW, posts_count=3
    )
    return evolve(made, **more)


def post(number: int = 100, author: Account | None = None, **more: Any) -> Post:
    made = Post(
        id=PostId(number),
        author=author or account(),
        text="Hello world",
        html="<p>Hello world</p>",
        visibility=Visibility.PUBLIC,
        created_at=NOW - timedelta(minutes=number),
        language="en",
    )
    return evolve(made, **more)


def posts(author: Account, spoiler: str) -> list[Post]:
    """Return one post of each kind."""
    plain = post(101, author)
    return [
        plain,
        post(102, author, spoiler=spoiler, visibility=Visibility.UNLISTED, edited_at=NOW),
        post(103, author, visibility=Visibility.DIRECT, reply_to=PostId(101), reply_to_account=author.id),
        post(104, author, reply_to=PostId(1), reply_to_account=AccountId(9), mentions=(Mention(AccountId(9), "nine"),)),
        post(105, author, reply_to=PostId(1)),
        post(106, author, boost=plain),
    ]


def assembled(of: list[Post], viewer: Viewer | None) -> tuple[str, ...]:
    flags = PostFlags(favourited=True, boosted=True, bookmarked=True, pinned=True)
    fragments = [(PAGES.post_html.of(each), PostCounts.of(each)) for each in of]
    return tuple(assemble(fragment, counts, flags, variant_for(fragment, viewer)) for fragment, counts in fragments)


Made = dict[str, Callable[[], bytes | HtmlPage]]


class Samples:
    """Every page, with `hostile` in every place for user text."""

    def __init__(self, hostile: str, *, anonymous: bool) -> None:
        self.hostile, self.anonymous = hostile, anonymous
        self.me = account(1, hostile, bio=hostile, fields=(ProfileField(hostile, hostile),))
        self.other = account(2, hostile, locked=True, bot=True)
        viewer = None if anonymous else Viewer(self.me)
        self.tags = (Tag(TagId(1), hostile, hostile),)
        shell = PageContext(SITE, "csrf-token", "/home?next=1", NOW, viewer, unread=3, requests=1, stream="/stream", position="e.1.2")
        self.shell = evolve(shell, notice=hostile, people=(self.other,), tags=self.tags)
        self.posts = posts(self.me, hostile)
        self.articles = assembled(self.posts, viewer)
        self.feed = PostListView(self.articles, older="/home?max_id=1", newer="/home")
        compose = ComposerView("key", text=hostile, spoiler=hostile, language=hostile, reply_to=PostId(101))
        self.compose = evolve(compose, parent=self.articles[0], error=hostile)
        near = Relationship(AccountId(2), following=True, followed_by=True, muting=True)
        stands = [
            evolve(near, requested=True),
            evolve(near, blocking=True),
            evolve(near, blocked_by=True),
            near,
            Relationship(AccountId(2)),
        ]
        self.persons = (*(PersonView(self.other, relationship) for relationship in stands), PersonView(self.me))
        names = ("username", "email", "password", "reason", "invite", "fields", "current", "all", "text")
        self.wrong = dict.fromkeys(names, hostile)

    def every(self) -> dict[str, Callable[[], bytes]]:
        """Return all pages for this viewer, by name."""
        made = self.entries() | self.timelines() | self.people() | self.others()
        if not self.anonymous:
            made |= self.members() | self.settings()
        return {name: partial(_as_bytes, render) for name, render in made.items()}

    def entries(self) -> Made:
        text, shell, made = self.hostile, self.shell, Made()
        for how in RegistrationMode:
            here = evolve(shell, site=evolve(SITE, registration=how))
            made[f"front {how}"] = partial(PAGES.front, here, self.feed)
            made[f"signup {how}"] = partial(PAGES.signup, here, SignupForm(text, text, text, text, text, self.wrong))
        made["login"] = partial(PAGES.login, shell, LoginForm(text, text, text))
        made["pending approval"] = partial(PAGES.pending, shell, PendingView("approval", text))
        made["pending confirmation"] = partial(PAGES.pending, shell, PendingView("confirmation", text, text))
        return made

    def timelines(self) -> Made:
        shell, text, article = self.shell, self.hostile, self.articles
        composer = None if self.anonymous else self.compose
        revisions = (PostRevision(text, "<p>New</p>", text, False, NOW), PostRevision("Old", "<p>Old</p>", "", False, NOW))
        thread = ThreadPage(self.posts[1], article[1], article[:1], (ThreadReply(article[2], 9),), composer, skipped=100, next_skip=200)
        return {
            "local": partial(PAGES.local, shell, self.feed),
            "local empty": partial(PAGES.local, shell, PostListView()),
            "tag": partial(PAGES.tag, shell, text, self.feed),
            "tag empty": partial(PAGES.tag, shell, text, PostListView()),
            "thread": partial(PAGES.thread, shell, thread),
            "history": partial(PAGES.history, shell, HistoryPage(self.posts[0], revisions)),
        }

    def people(self) -> Made:
        shell, feed, persons = self.shell, self.feed, self.persons
        listed = PeopleView(persons[5:] if self.anonymous else persons, "/x")
        stranger = PersonView(self.other) if self.anonymous else persons[3]
        return {
            "profile": partial(PAGES.profile, shell, ProfileView(stranger, feed, "replies", self.articles[:1])),
            "profile own": partial(PAGES.profile, shell, ProfileView(PersonView(self.me), PostListView(), own=not self.anonymous)),
            "profile hidden": partial(PAGES.profile, shell, ProfileView(stranger, PostListView(), hidden=self.hostile)),
            "followers": partial(PAGES.relations, shell, self.me, "followers", listed),
            "following nobody": partial(PAGES.relations, shell, self.me, "following", PeopleView()),
        }

    def others(self) -> Made:
        shell, text = self.shell, self.hostile
        made: Made = {
            "search": partial(PAGES.search, shell, SearchView(text, self.persons[5:], self.tags, self.feed)),
            "search nothing": partial(PAGES.search, shell, SearchView(text)),
            "search form": partial(PAGES.search, shell, SearchView()),
            "about": partial(PAGES.about, shell, AboutView(1, 1_234_567, (self.me,))),
            "error plain": partial(PAGES.error, shell, ErrorView(404, text)),
        }
        for status in (403, 404, 413, 418, 422, 429, 500, 503):
            made[f"error {status}"] = partial(PAGES.error, shell, ErrorView(status, text, self.compose, text))
        return made

    def members(self) -> Made:
        shell, text, article = self.shell, self.hostile, self.articles
        notifications = [
            Notification(NotificationId(n), kind, NOW, self.other, self.posts[n % 6]) for n, kind in enumerate(NotificationKind)
        ]
        several = tuple(person.account for person in self.persons)
        notes = [one.alone() for one in notifications]
        notes += [evolve(one, key=f"{text}{n}", count=n, senders=several[:n], id=NotificationId(100 + n)) for n, one in enumerate(notes, 2)]
        confirm = ConfirmView(
            text, text, "/posts/1/delete", "Delete", "/home", {"a": text}, article[0], ("Redraft", "redraft", "1"), error=text
        )
        return {
            "home": partial(PAGES.home, shell, self.compose, self.feed),
            "home empty": partial(PAGES.home, shell, self.compose, PostListView(), start=self.feed),
            "edit": partial(PAGES.edit, shell, EditForm(self.posts[0], text, text, text, error=text)),
            "compose": partial(PAGES.compose, shell, self.compose),
            "notifications": partial(PAGES.notifications, shell, NotificationsPage(tuple(notes), 3, "/x")),
            "notifications, some kept back": partial(PAGES.notifications, shell, NotificationsPage(request_count=2)),
            "notifications none": partial(PAGES.notifications, shell, NotificationsPage()),
            "conversations": partial(conversations_page, PAGES, shell, self.conversations),
            "conversations none": partial(conversations_page, PAGES, shell, ConversationsPage()),
            "bookmarks": partial(PAGES.bookmarks, shell, PostListView()),
            "favourites": partial(PAGES.favourites, shell, PostListView()),
            "confirm": partial(PAGES.confirm, shell, confirm),
            "confirm with password": partial(PAGES.confirm, shell, evolve(confirm, password=True)),
        }

    @property
    def conversations(self) -> ConversationsPage:
        """Return conversations with nobody, one, two and many; with and without text, content warning and filter."""
        me, other, text = self.me, self.other, self.hostile
        last = [*self.posts[:4], evolve(self.posts[0], text=f"@user2, @user3 {text}"), evolve(self.posts[0], text="", spoiler="")]
        people = [(), (other,), (other, me), (other, me, other, other), (other,), (other,)]
        return ConversationsPage(
            tuple(
                ConversationRow(Conversation(ConversationId(n), me, who, said, n % 2 == 0, said.id), text if n == 3 else "")
                for n, (who, said) in enumerate(zip(people, last, strict=True))
            ),
            "/x",
        )

    def settings(self) -> Made:
        shell, text = self.shell, self.hostile
        session = Session(SessionId(1), self.me.id, NOW, NOW, NOW, text, text)
        login = Login(self.me.id, text, "hash", Role.USER, NOW)
        made: Made = {
            "settings profile": partial(PAGES.settings_profile, shell, ProfileForm(text, text, ((text, text),), errors=self.wrong)),
            "settings account": partial(PAGES.settings_account, shell, AccountForm(login, self.wrong)),
            "settings preferences": partial(PAGES.settings_preferences, shell, PreferencesForm(Preferences(language=text), (text,))),
            "settings sessions": partial(PAGES.settings_sessions, shell, SessionsPage((session, evolve(session, id=SessionId(2))), 1)),
            "settings no apps": partial(PAGES.settings_apps, shell, AppsPage(())),
        }
        app = App(AppId(1), text, text, "https://app.example/", ("x://",), ("read",), NOW)
        scopes = describe_scopes(("profile", "read", "write:media", "follow", "push", "admin:write:ip_blocks"))
        uses = (Authorization(app, ("read",), NOW, NOW), Authorization(evolve(app, id=AppId(2), website=None), ("read",), NOW, None))
        made["settings apps"] = partial(PAGES.settings_apps, shell, AppsPage(tuple((use, scopes) for use in uses)))
        made["consent"] = partial(PAGES.consent, shell, ConsentView(app, scopes, describe_redirect("x://"), {"state": text}))
        made["code"] = partial(PAGES.code, shell, text)
        made |= self.mail(login)
        made |= self.policy()
        for which in ("blocks", "mutes", "permitted", "requests"):
            made[f"settings {which}"] = partial(PAGES.settings_people, shell, which, PeopleView(self.persons[:1], "/x"))
            made[f"settings no {which}"] = partial(PAGES.settings_people, shell, which, PeopleView())
        return made

    def policy(self) -> Made:
        shell, text = self.shell, self.hostile
        requests = tuple(
            NotificationRequest(NotificationRequestId(n), self.other, NOW, NOW, n, self.posts[n] if n else None) for n in range(3)
        )
        chosen = PolicyForm(dict(zip((reason.name for reason in CATEGORIES), (text, "accept", "filter", "drop", text), strict=True)), 2)
        return {
            "policy": partial(policy_page, PAGES, shell, chosen),
            "policy refused": partial(policy_page, PAGES, shell, evolve(PolicyForm.from_policy(Policy(), 0), errors=self.wrong)),
            "requests kept back": partial(requests_page, PAGES, shell, RequestsPage(requests, 2, "/x")),
            "nobody kept back": partial(requests_page, PAGES, shell, RequestsPage()),
        }

    def mail(self, login: Login) -> Made:
        shell, text, page = self.shell, self.hostile, PAGES.page
        head = PageMetadata("Mail")
        letters = tuple(
            Email(EmailId(n), EmailKind.MENTION, None, text, None, {}, text, state, n, text, NOW, None, NOW)
            for n, state in enumerate(EmailState)
        )
        jobs = tuple(Job(JobId(n), text, {}, n, state, NOW, NOW, None, text, text, text, NOW) for n, state in enumerate(JobState))
        busy = JobCounts(1, 2, 3, 4, NOW)
        form = EmailForm(login, Role.ADMIN, AddressRejection(text, given_up=True), True, self.wrong)
        return {
            "settings mail": partial(page, "settings_mail", shell, head, form=form),
            "settings account, refused": partial(
                PAGES.settings_account,
                shell,
                AccountForm(evolve(login, new_email=text), self.wrong, AddressRejection(text, given_up=False)),
            ),
            "question": partial(page, "question", shell, head, question=EmailActionPage(text, text, text, "/mail/unsubscribe/x")),
            "answer": partial(page, "question", shell, head, question=EmailActionPage(text, text)),
            "forgot": partial(page, "forgot", shell, head, sent=False, saves_to_files=True),
            "forgotten": partial(page, "forgot", shell, head, sent=True, saves_to_files=False),
            "reset": partial(page, "reset", shell, head, form=ResetForm(text, "token", self.wrong)),
            "outbox": partial(page, "outbox", shell, head, page=OutboxPage(letters, {EmailState.SENT: 3}, "sent", text, "/x")),
            "outbox empty": partial(page, "outbox", shell, head, page=OutboxPage()),
            "jobs": partial(page, "jobs", shell, head, page=JobsPage(busy, {text: busy}, jobs, "dead", "/x")),
            "jobs none": partial(page, "jobs", shell, head, page=JobsPage(JobCounts())),
        }


def _as_bytes(render: Callable[[], bytes | HtmlPage]) -> bytes:
    return bytes(render())


def every_page(hostile: str = "Ada Lovelace", *, anonymous: bool = False) -> dict[str, Callable[[], bytes]]:
    """Return all pages for this viewer, by name."""
    return Samples(hostile, anonymous=anonymous).every()
