"""Pages: one method each, which renders view models to an HTML document. Pure."""

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
from microblog.render import formatting
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
    """All pages of the site. `static_url` returns the URL of a file in web/static by its name ("style.css")."""

    def __init__(self, static_url: Callable[[str], str]) -> None:
        self._environment = environment(static_url)
        self.fragments = PostHtmlCache(self._environment)

    def front(self, shell: PageContext, feed: PostListView) -> bytes:
        """Render the front page for visitors: about the site, how to sign up, and recent posts."""
        head = PageMetadata(f"{shell.site.name}: {shell.site.description}", description=shell.site.description, path="/")
        return self._page("front", shell, head, feed=feed)

    def signup(self, shell: PageContext, form: Signup) -> bytes:
        """Render the sign-up form, or a sentence if sign-up is closed."""
        return self._page("signup", shell, PageMetadata("Create account"), form=form)

    def login(self, shell: PageContext, form: LoginForm) -> bytes:
        """Render the login form."""
        return self._page("login", shell, PageMetadata("Log in"), form=form)

    def pending(self, shell: PageContext, pending: PendingView) -> bytes:
        """Render the state of an account that is not confirmed or not approved yet."""
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
        """Render the home timeline. `start` has local posts for viewers who follow nobody yet; `shell.people` are suggestions."""
        return self._page("home", shell, PageMetadata("Home"), composer=composer, feed=feed, start=start, announcements=announcements)

    def local(self, shell: PageContext, feed: PostListView) -> bytes:
        """Render the local timeline."""
        head = PageMetadata("Local timeline", description=f"The latest public posts on {shell.site.name}.", path="/local")
        return self._page("local", shell, head, feed=feed)

    def tag(self, shell: PageContext, name: str, feed: PostListView, *, following: bool | None = None) -> bytes:
        """Render the timeline of a hashtag. `name` is without #; `following`: the viewer follows it (None: not logged in)."""
        about, path = f"Public posts with #{name} on {shell.site.name}.", f"/tags/{name}"
        head = PageMetadata(f"#{name}", description=about, path=path, feed=formatting.path(path + ".rss"))
        return self._page("tag", shell, head, name=name, feed=feed, following=following)

    def profile(self, shell: PageContext, profile: ProfileView) -> bytes:
        """Render a profile."""
        return self._page("profile", shell, account_metadata(profile.person.account, shell.site), profile=profile)

    def relations(self, shell: PageContext, account: Account, which: str, people: PeopleView) -> bytes:
        """Render the list of followers or followed accounts: `which` is followers or following."""
        title = f"Followers of {account.name}" if which == "followers" else f"People followed by {account.name}"
        return self._page("relations", shell, PageMetadata(title, index=False), account=account, which=which, people=people)

    def thread(self, shell: PageContext, thread: ThreadPage) -> bytes:
        """Render a post with its thread."""
        return self._page("thread", shell, post_metadata(thread.post, shell.site), thread=thread)

    def history(self, shell: PageContext, history: HistoryPage) -> bytes:
        """Render the edit history of a post."""
        return self._page(
            "history", shell, PageMetadata(f"Edit history of a post by {history.post.author.name}", index=False), history=history
        )

    def edit(self, shell: PageContext, form: EditForm) -> bytes:
        """Render the form to edit a post."""
        return self._page("edit", shell, PageMetadata("Edit post"), form=form)

    def compose(self, shell: PageContext, composer: ComposerView) -> bytes:
        """Render the form for a new post or reply as a page; the scripts also show it in a dialog."""
        title = "Reply" if composer.reply_to else "New message" if composer.visibility is Visibility.DIRECT else "New post"
        return self._page("compose", shell, PageMetadata(title), composer=composer)

    def scheduled(self, shell: PageContext, page: ScheduledPage) -> bytes:
        """Render the viewer's scheduled posts."""
        return self._page("scheduled", shell, PageMetadata("Scheduled posts"), page=page)

    def notifications(self, shell: PageContext, notifications: NotificationsPage) -> bytes:
        """Render the viewer's notifications."""
        return self._page("notifications", shell, PageMetadata("Notifications"), page=notifications)

    def notification(self, notification: Notification | NotificationGroup, folded: Mapping[int, str] | None = None) -> str:
        """Render one unread notification for live updates. `folded` is as in NotificationsPage."""
        note = notification if isinstance(notification, NotificationGroup) else notification.alone()
        return self._environment.get_template("pages/_notification.html").render(note=note, seen=0, folded=folded or {})

    def bookmarks(self, shell: PageContext, feed: PostListView) -> bytes:
        """Render the viewer's bookmarks."""
        return self._page("collection", shell, PageMetadata("Bookmarks"), feed=feed, which="bookmarks")

    def favourites(self, shell: PageContext, feed: PostListView) -> bytes:
        """Render the viewer's favourites."""
        return self._page("collection", shell, PageMetadata("Favourites"), feed=feed, which="favourites")

    def search(self, shell: PageContext, search: SearchView) -> bytes:
        """Render the search form and the results."""
        return self._page(
            "search", shell, PageMetadata(f"Search: {search.query}" if search.query else "Search", index=False), search=search
        )

    def about(self, shell: PageContext, about: AboutView) -> bytes:
        """Render the about page of the site."""
        head = PageMetadata(f"About {shell.site.name}", description=shell.site.description, path="/about")
        return self._page("about", shell, head, about=about)

    def api_docs(self, shell: PageContext, reference: ApiReference, query: str) -> bytes:
        """Render the API documentation, or the results of a search in it."""
        head = PageMetadata("API", description=f"API documentation of {shell.site.name}.", path="/api/docs")
        return self._page("api_docs", shell, head, reference=reference, query=query)

    def part(self, template: str, /, **values: object) -> str:
        """Render a template of a page fragment, which the caller caches or sends as a live update."""
        return self._environment.get_template(f"pages/{template}.html").render(**values)

    def settings_profile(self, shell: PageContext, form: ProfileForm) -> bytes:
        """Render the profile settings."""
        return self._page("settings_profile", shell, PageMetadata("Profile settings"), form=form)

    def settings_account(self, shell: PageContext, form: AccountForm) -> bytes:
        """Render the account settings: password, e-mail address, deletion."""
        return self._page("settings_account", shell, PageMetadata("Account settings"), form=form)

    def settings_preferences(self, shell: PageContext, form: PreferencesForm) -> bytes:
        """Render the preferences: theme, default visibility, language, shortcuts."""
        return self._page("settings_preferences", shell, PageMetadata("Preferences"), form=form)

    def settings_sessions(self, shell: PageContext, page: SessionsPage) -> bytes:
        """Render the viewer's sessions, each with a button to end it."""
        return self._page("settings_sessions", shell, PageMetadata("Sessions"), page=page)

    def settings_apps(self, shell: PageContext, page: AppsPage) -> bytes:
        """Render the authorized apps, each with a button to revoke access."""
        return self._page("settings_apps", shell, PageMetadata("Apps"), page=page)

    def consent(self, shell: PageContext, consent: ConsentView) -> bytes:
        """Render the OAuth consent page of an app."""
        return self._page("consent", shell, PageMetadata(f"Authorize {consent.app.name}", index=False), consent=consent)

    def code(self, shell: PageContext, code: str) -> bytes:
        """Render an authorization code to copy into an app."""
        return self._page("code", shell, PageMetadata("Authorization code", index=False), code=code)

    def post_back(self, shell: PageContext, form: PostBack) -> bytes:
        """Render a form that submits the OAuth response to the app (response_mode=form_post)."""
        return self._page("post_back", shell, PageMetadata("Back to the app", index=False), form=form)

    def settings_people(self, shell: PageContext, which: str, people: PeopleView) -> bytes:
        """Render a list of blocked, muted or accepted accounts or of follow requests: `which` is a key of PEOPLE_LISTS."""
        return self._page("settings_people", shell, PageMetadata(formatting.PEOPLE_LISTS[which]), which=which, people=people)

    def confirm(self, shell: PageContext, confirm: ConfirmView) -> bytes:
        """Render a confirmation page of an action that cannot be undone."""
        return self._page("confirm", shell, PageMetadata(confirm.title), confirm=confirm)

    def trouble(self, shell: PageContext, trouble: ErrorView) -> bytes:
        """Render an error page; it keeps the text of a submitted post."""
        return self._page("trouble", shell, PageMetadata(formatting.error_title(trouble.status), index=False), trouble=trouble)

    def page(self, template: str, shell: PageContext, head: PageMetadata, /, **values: object) -> bytes:
        """Render a page by the name of its template, for features with a views module of their own."""
        return self._page(template, shell, head, **values)

    def _page(self, template: str, shell: PageContext, head: PageMetadata, /, **values: object) -> bytes:
        posts = _ArticleSlots()
        text = self._environment.get_template(f"pages/{template}.html").render(shell=shell, head=head, posts=posts, **values)
        return posts.fill(text)


class _ArticleSlots:
    """Keeps the articles of a page out of the template, and inserts them at the end as bytes.

    Jinja2 would copy them at every level of nesting, in strings as wide as their widest character: that took longer than everything else.
    """

    _HERE = Markup("<!--posts-->")  # cannot occur in a text, because texts are escaped

    def __init__(self) -> None:
        self._articles: list[Iterable[str]] = []

    def __call__(self, articles: Iterable[str]) -> Markup:
        """Return a placeholder for these articles. Templates call this in the order of the placeholders in the page."""
        self._articles.append(articles)
        return self._HERE

    def fill(self, text: str) -> bytes:
        """Return the page with the articles inserted. A lone surrogate in user input becomes a question mark instead of an error."""
        first, *others = text.split(self._HERE)
        parts = [first]
        for articles, after in zip(self._articles, others, strict=True):
            parts += [*articles, after]
        return b"".join([part.encode("utf-8", "replace") for part in parts])


class _Constants(Extension):
    """Inserts icons and URLs of static files into the templates before they are compiled, because they never change."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        source = re.sub(r"\{\{ words\.ICONS\.(\w+) \}\}", lambda found: str(formatting.ICONS[found[1]]), source)
        static_url = cast("Callable[[str], str]", self.environment.globals["static_url"])
        return re.sub(r"\{\{ static_url\('([\w.]+)'\) \}\}", lambda found: str(escape(static_url(found[1]))), source)


def environment(static_url: Callable[[str], str]) -> Environment:
    """Return the Jinja2 environment of all pages: it escapes values, rejects undefined names and does not reload templates."""
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
