"""Pages: one method each, from view values to the bytes of an HTML document. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

from jinja2 import Environment, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup, escape

from microblog.model.accounts import Account
from microblog.model.announcements import Announcement
from microblog.model.notifications import Notification, NotificationGroup
from microblog.model.posts import Visibility
from microblog.render.html import formatting
from microblog.render.html.api_docs import ApiReference
from microblog.render.html.page_metadata import PageMetadata, account_metadata, post_metadata
from microblog.render.html.post_html import PostHtmlCache
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
    PostBack,
    PostListView,
    PreferencesForm,
    ProfileForm,
    ProfileView,
    ScheduledPage,
    SearchView,
    SessionsPage,
    Signup,
    ThreadPage,
)
from microblog.render.local_links import own_links
from microblog.render.templates import loader


class Pages:
    """All pages of the site. `static_url` gives the address of a file in web/static by its name ("style.css")."""

    def __init__(self, static_url: Callable[[str], str]) -> None:
        self._environment = environment(static_url)
        self.fragments = PostHtmlCache(self._environment)

    def front(self, shell: PageContext, feed: PostListView) -> bytes:
        """What visitors see first: what this is, how to join, and real posts."""
        head = PageMetadata(f"{shell.site.name}: {shell.site.description}", description=shell.site.description, path="/")
        return self._page("front", shell, head, feed=feed)

    def signup(self, shell: PageContext, form: Signup) -> bytes:
        """The form to create an account, or a sentence why there is none."""
        return self._page("signup", shell, PageMetadata("Create account"), form=form)

    def login(self, shell: PageContext, form: LoginForm) -> bytes:
        """The form to log in."""
        return self._page("login", shell, PageMetadata("Log in"), form=form)

    def pending(self, shell: PageContext, pending: PendingView) -> bytes:
        """The state of an account that cannot be used yet."""
        return self._page("pending", shell, PageMetadata("Almost there"), pending=pending)

    def home(
        self,
        shell: PageContext,
        composer: ComposerView,
        feed: PostListView,
        *,
        start: PostListView | None = None,
        announcements: Sequence[Announcement] = (),
    ) -> bytes:
        """The viewer's timeline. `start` has local posts for whoever follows nobody yet; `shell.people` are shown beside it."""
        return self._page("home", shell, PageMetadata("Home"), composer=composer, feed=feed, start=start, announcements=announcements)

    def local(self, shell: PageContext, feed: PostListView) -> bytes:
        """All public posts of this site."""
        head = PageMetadata("Local timeline", description=f"The latest public posts on {shell.site.name}.", path="/local")
        return self._page("local", shell, head, feed=feed)

    def tag(self, shell: PageContext, name: str, feed: PostListView, *, following: bool | None = None) -> bytes:
        """Public posts with a tag. `name` comes without the number sign; `following` says whether the viewer follows it (None: cannot)."""
        about, path = f"Public posts with #{name} on {shell.site.name}.", f"/tags/{name}"
        head = PageMetadata(f"#{name}", description=about, path=path, feed=formatting.path(path + ".rss"))
        return self._page("tag", shell, head, name=name, feed=feed, following=following)

    def profile(self, shell: PageContext, profile: ProfileView) -> bytes:
        """Somebody's page."""
        return self._page("profile", shell, account_metadata(profile.person.account, shell.site), profile=profile)

    def relations(self, shell: PageContext, account: Account, which: str, people: PeopleView) -> bytes:
        """Who follows them (`which` is followers) or whom they follow (following)."""
        title = f"Followers of {account.name}" if which == "followers" else f"People followed by {account.name}"
        return self._page("relations", shell, PageMetadata(title, index=False), account=account, which=which, people=people)

    def thread(self, shell: PageContext, thread: ThreadPage) -> bytes:
        """One post amid its conversation."""
        return self._page("thread", shell, post_metadata(thread.post, shell.site), thread=thread)

    def history(self, shell: PageContext, history: HistoryPage) -> bytes:
        """What a post said over time."""
        return self._page(
            "history", shell, PageMetadata(f"Edit history of a post by {history.post.author.name}", index=False), history=history
        )

    def edit(self, shell: PageContext, form: EditForm) -> bytes:
        """The form to change a post."""
        return self._page("edit", shell, PageMetadata("Edit post"), form=form)

    def compose(self, shell: PageContext, composer: ComposerView) -> bytes:
        """The form to write a post or a reply, on a page of its own; also what the scripts put into a dialog."""
        title = "Reply" if composer.reply_to else "New message" if composer.visibility is Visibility.DIRECT else "New post"
        return self._page("compose", shell, PageMetadata(title), composer=composer)

    def scheduled(self, shell: PageContext, page: ScheduledPage) -> bytes:
        """The viewer's posts to come."""
        return self._page("scheduled", shell, PageMetadata("Scheduled posts"), page=page)

    def notifications(self, shell: PageContext, notifications: NotificationsPage) -> bytes:
        """What the viewer is told."""
        return self._page("notifications", shell, PageMetadata("Notifications"), page=notifications)

    def notification(self, notification: Notification | NotificationGroup, folded: Mapping[int, str] | None = None) -> str:
        """One item of that list, as new, for the live feed. `folded` is as for the list."""
        note = notification if isinstance(notification, NotificationGroup) else notification.alone()
        return self._environment.get_template("pages/_notification.html").render(note=note, seen=0, folded=folded or {})

    def bookmarks(self, shell: PageContext, feed: PostListView) -> bytes:
        """What the viewer keeps for later; nobody else sees it."""
        return self._page("collection", shell, PageMetadata("Bookmarks"), feed=feed, which="bookmarks")

    def favourites(self, shell: PageContext, feed: PostListView) -> bytes:
        """What the viewer likes."""
        return self._page("collection", shell, PageMetadata("Favourites"), feed=feed, which="favourites")

    def search(self, shell: PageContext, search: SearchView) -> bytes:
        """The search field and what was found."""
        return self._page(
            "search", shell, PageMetadata(f"Search: {search.query}" if search.query else "Search", index=False), search=search
        )

    def about(self, shell: PageContext, about: AboutView) -> bytes:
        """What the site is and who runs it."""
        head = PageMetadata(f"About {shell.site.name}", description=shell.site.description, path="/about")
        return self._page("about", shell, head, about=about)

    def api_docs(self, shell: PageContext, reference: ApiReference, query: str) -> bytes:
        """The reference of the API, or what a search in it found."""
        head = PageMetadata("API", description=f"API documentation of {shell.site.name}.", path="/api/docs")
        return self._page("api_docs", shell, head, reference=reference, query=query)

    def part(self, template: str, /, **values: object) -> str:
        """A piece of a page by itself, for whoever keeps it or puts it in later."""
        return self._environment.get_template(f"pages/{template}.html").render(**values)

    def settings_profile(self, shell: PageContext, form: ProfileForm) -> bytes:
        """Display name, bio, fields and who may find the profile."""
        return self._page("settings_profile", shell, PageMetadata("Profile settings"), form=form)

    def settings_account(self, shell: PageContext, form: AccountForm) -> bytes:
        """Password, address, and the way to delete the account."""
        return self._page("settings_account", shell, PageMetadata("Account settings"), form=form)

    def settings_preferences(self, shell: PageContext, form: PreferencesForm) -> bytes:
        """Theme, default visibility, language, shortcuts."""
        return self._page("settings_preferences", shell, PageMetadata("Preferences"), form=form)

    def settings_sessions(self, shell: PageContext, page: SessionsPage) -> bytes:
        """Where the viewer is logged in, each with a button to end it."""
        return self._page("settings_sessions", shell, PageMetadata("Sessions"), page=page)

    def settings_apps(self, shell: PageContext, page: AppsPage) -> bytes:
        """The apps that the viewer lets in, each with a button to end that."""
        return self._page("settings_apps", shell, PageMetadata("Apps"), page=page)

    def consent(self, shell: PageContext, consent: ConsentView) -> bytes:
        """The question whether an app may act for the viewer."""
        return self._page("consent", shell, PageMetadata(f"Authorize {consent.app.name}", index=False), consent=consent)

    def code(self, shell: PageContext, code: str) -> bytes:
        """A code to type into an app."""
        return self._page("code", shell, PageMetadata("Authorization code", index=False), code=code)

    def post_back(self, shell: PageContext, form: PostBack) -> bytes:
        """A form with the answer for an app that wants it so."""
        return self._page("post_back", shell, PageMetadata("Back to the app", index=False), form=form)

    def settings_people(self, shell: PageContext, which: str, people: PeopleView) -> bytes:
        """Whom the viewer blocks or mutes, lets through, or who asks to follow: `which` is blocks, mutes, permitted or requests."""
        return self._page("settings_people", shell, PageMetadata(formatting.PEOPLE_LISTS[which]), which=which, people=people)

    def confirm(self, shell: PageContext, confirm: ConfirmView) -> bytes:
        """A question before something that cannot be undone."""
        return self._page("confirm", shell, PageMetadata(confirm.title), confirm=confirm)

    def trouble(self, shell: PageContext, trouble: ErrorView) -> bytes:
        """What went wrong and what to do about it; keeps the text that was being written."""
        return self._page("trouble", shell, PageMetadata(formatting.error_title(trouble.status), index=False), trouble=trouble)

    def page(self, template: str, shell: PageContext, head: PageMetadata, /, **values: object) -> bytes:
        """A page by its template's name: for features that have a module of views beside this one."""
        return self._page(template, shell, head, **values)

    def _page(self, template: str, shell: PageContext, head: PageMetadata, /, **values: object) -> bytes:
        posts = _ArticleSlots()
        text = self._environment.get_template(f"pages/{template}.html").render(shell=shell, head=head, posts=posts, **values)
        return posts.fill(text)


class _ArticleSlots:
    """Keeps the articles of a page out of the template and puts them in at the end, as bytes.

    In the template they would be copied at every level of nesting, as wide as their widest letter: that took longer than all the rest.
    """

    _HERE = Markup("<!--posts-->")  # no text can hold it, for every text is escaped

    def __init__(self) -> None:
        self._articles: list[Iterable[str]] = []

    def __call__(self, articles: Iterable[str]) -> Markup:
        """Marks where they belong. In a template, calls and marks come in the same order."""
        self._articles.append(articles)
        return self._HERE

    def fill(self, text: str) -> bytes:
        """The whole page. A lone surrogate that somebody typed becomes a question mark and not an error."""
        first, *others = text.split(self._HERE)
        parts = [first]
        for articles, after in zip(self._articles, others, strict=True):
            parts += [*articles, after]
        return b"".join([part.encode("utf-8", "replace") for part in parts])


class _Constants(Extension):
    """Puts icons and addresses of static files into the templates before they are compiled: they never change."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        source = re.sub(r"\{\{ words\.ICONS\.(\w+) \}\}", lambda found: str(formatting.ICONS[found[1]]), source)
        static_url = cast("Callable[[str], str]", self.environment.globals["static_url"])
        return re.sub(r"\{\{ static_url\('([\w.]+)'\) \}\}", lambda found: str(escape(static_url(found[1]))), source)


def environment(static_url: Callable[[str], str]) -> Environment:
    """The one jinja2 environment: escapes everything, fails on unknown names, never looks at the files twice."""
    made = Environment(
        loader=loader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=[_Constants],
    )
    made.globals["static_url"] = static_url
    made.globals["words"] = formatting
    made.filters.update(formatting.FILTERS)
    made.filters["own_links"] = own_links
    return made
