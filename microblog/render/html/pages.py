"""Pages: one method each, which renders view models to an HTML document. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from attrs import evolve
from jinja2 import Environment, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup, escape

from microblog.model.accounts import Account
from microblog.model.announcements import Announcement
from microblog.model.notifications import Notification, NotificationGroup
from microblog.model.posts import Visibility
from microblog.render import emojis, formatting
from microblog.render.html.api_docs import ApiReference
from microblog.render.html.fragment_cache import FragmentCache
from microblog.render.html.html_page import Contents, HtmlPage, Shell, ShellCache, slot
from microblog.render.html.page_metadata import PageMetadata, account_metadata, post_metadata
from microblog.render.html.post_html import PostHtmlRenderer
from microblog.render.html.view_models import (
    AboutView,
    AccountForm,
    AppsPage,
    ComposerView,
    ConfirmView,
    ConsentView,
    EditForm,
    ErrorView,
    FormPost,
    HistoryPage,
    LoginForm,
    NotificationsPage,
    PageContext,
    PendingView,
    PeopleView,
    PostListView,
    PreferencesForm,
    ProfileForm,
    ProfileView,
    ScheduledPage,
    SearchView,
    SessionsPage,
    SignupForm,
    ThreadPage,
)
from microblog.render.local_links import html_by, own_links
from microblog.render.templates import loader

NO_TIME = datetime.min.replace(tzinfo=UTC)  # cached shells do not contain the time
NAVIGATION = frozenset(
    {"/", "/home", "/local", "/federated", "/notifications", "/conversations", "/search", "/lists", "/bookmarks", "/settings"}
)


class Pages:
    """All pages of the site. `static_url` returns the URL of a file in web/static by its name ("style.css")."""

    def __init__(self, static_url: Callable[[str], str]) -> None:
        self._environment = environment(static_url)
        self.post_html = PostHtmlRenderer(self._environment)
        self.shells = ShellCache()
        self.rows = FragmentCache(self._environment)
        self._environment.filters.update(person_html=self.rows.person, notification_html=self.rows.notification)

    def front(self, context: PageContext, feed: PostListView) -> HtmlPage:
        """Render the front page for visitors: about the site, how to sign up, and recent posts."""
        metadata = PageMetadata(f"{context.site.name}: {context.site.description}", description=context.site.description, path="/")
        contents = Contents()
        return self._feed_page("front", context, metadata, contents, feed=contents.feed(feed))

    def signup(self, context: PageContext, form: SignupForm) -> bytes:
        """Render the sign-up form, or a sentence if sign-up is closed."""
        return self._page("signup", context, PageMetadata("Create account"), form=form)

    def login(self, context: PageContext, form: LoginForm) -> bytes:
        """Render the login form."""
        return self._page("login", context, PageMetadata("Log in"), form=form)

    def pending(self, context: PageContext, pending: PendingView) -> bytes:
        """Render the state of an account that is not confirmed or not approved yet."""
        return self._page("pending", context, PageMetadata("Almost there"), pending=pending)

    def home(
        self,
        context: PageContext,
        composer: ComposerView,
        feed: PostListView,
        *,
        start: PostListView | None = None,
        announcements: Sequence[Announcement] = (),
    ) -> HtmlPage:
        """Render the home timeline. `start` has local posts for viewers who follow nobody yet; `people` of the context are suggestions."""
        contents = Contents()
        return self._feed_page(
            "home",
            context,
            PageMetadata("Home"),
            contents,
            composer.key,
            composer=evolve(composer, key=slot("key")),
            feed=contents.feed(feed),
            start=None if start is None else contents.feed(start),
            announcements=tuple(announcements),
        )

    def local(self, context: PageContext, feed: PostListView) -> HtmlPage:
        """Render the local timeline."""
        metadata = PageMetadata("Local timeline", description=f"The latest public posts on {context.site.name}.", path="/local")
        contents = Contents()
        return self._feed_page("local", context, metadata, contents, feed=contents.feed(feed))

    def federated(self, context: PageContext, feed: PostListView) -> HtmlPage:
        """Render the timeline of this site and all servers that it knows."""
        contents = Contents()
        return self._feed_page("federated", context, PageMetadata("Federated timeline", index=False), contents, feed=contents.feed(feed))

    def tag(self, context: PageContext, name: str, feed: PostListView, *, following: bool | None = None) -> HtmlPage:
        """Render the timeline of a hashtag. `name` is without #; `following`: the viewer follows it (None: not logged in)."""
        about, path = f"Public posts with #{name} on {context.site.name}.", f"/tags/{name}"
        metadata = PageMetadata(f"#{name}", description=about, path=path, feed=formatting.path(path + ".rss"))
        return self.framed("tag", context, metadata, name=name, feed=feed, following=following)

    def profile(self, context: PageContext, profile: ProfileView) -> HtmlPage:
        """Render a profile."""
        return self.framed("profile", context, account_metadata(profile.person.account, context.site), profile=profile)

    def relations(self, context: PageContext, account: Account, which: str, people: PeopleView) -> HtmlPage:
        """Render the list of followers or followed accounts: `which` is followers or following."""
        title = f"Followers of {account.name}" if which == "followers" else f"People followed by {account.name}"
        return self.framed("relations", context, PageMetadata(title, index=False), account=account, which=which, people=people)

    def thread(self, context: PageContext, thread: ThreadPage) -> HtmlPage:
        """Render a post with its thread."""
        metadata = post_metadata(thread.post, context.site)
        return self.framed("thread", context, metadata, thread.composer, thread=thread, composer=slot("composer"))

    def history(self, context: PageContext, history: HistoryPage) -> bytes:
        """Render the edit history of a post."""
        return self._page(
            "history", context, PageMetadata(f"Edit history of a post by {history.post.author.name}", index=False), history=history
        )

    def edit(self, context: PageContext, form: EditForm) -> bytes:
        """Render the form to edit a post."""
        return self._page("edit", context, PageMetadata("Edit post"), form=form)

    def compose(self, context: PageContext, composer: ComposerView) -> bytes:
        """Render the form for a new post or reply as a page; the scripts also show it in a dialog."""
        title = "Reply" if composer.reply_to else "New message" if composer.visibility is Visibility.DIRECT else "New post"
        return self._page("compose", context, PageMetadata(title), composer=composer)

    def scheduled(self, context: PageContext, page: ScheduledPage) -> bytes:
        """Render the viewer's scheduled posts."""
        return self._page("scheduled", context, PageMetadata("Scheduled posts"), page=page)

    def notifications(self, context: PageContext, notifications: NotificationsPage) -> HtmlPage:
        """Render the viewer's notifications."""
        return self.framed("notifications", context, PageMetadata("Notifications"), page=notifications)

    def notification(self, notification: Notification | NotificationGroup, filter_titles: Mapping[int, str] | None = None) -> str:
        """Render one unread notification for live updates. `filter_titles` is as in NotificationsPage."""
        group = notification if isinstance(notification, NotificationGroup) else notification.alone()
        return self.rows.notification(group, 0, filter_titles or {})

    def bookmarks(self, context: PageContext, feed: PostListView) -> HtmlPage:
        """Render the viewer's bookmarks."""
        return self.framed("collection", context, PageMetadata("Bookmarks"), feed=feed, which="bookmarks")

    def favourites(self, context: PageContext, feed: PostListView) -> HtmlPage:
        """Render the viewer's favourites."""
        return self.framed("collection", context, PageMetadata("Favourites"), feed=feed, which="favourites")

    def search(self, context: PageContext, search: SearchView) -> bytes:
        """Render the search form and the results."""
        return self._page(
            "search", context, PageMetadata(f"Search: {search.query}" if search.query else "Search", index=False), search=search
        )

    def about(self, context: PageContext, about: AboutView) -> bytes:
        """Render the about page of the site."""
        metadata = PageMetadata(f"About {context.site.name}", description=context.site.description, path="/about")
        return self._page("about", context, metadata, about=about)

    def api_docs(self, context: PageContext, reference: ApiReference, query: str) -> bytes:
        """Render the API documentation, or the results of a search in it."""
        metadata = PageMetadata("API", description=f"API documentation of {context.site.name}.", path="/api/docs")
        return self._page("api_docs", context, metadata, reference=reference, query=query)

    def part(self, template: str, /, **values: object) -> str:
        """Render a template of a page fragment, which the caller caches or sends as a live update."""
        return self._environment.get_template(f"pages/{template}.html").render(**values)

    def settings_profile(self, context: PageContext, form: ProfileForm) -> bytes:
        """Render the profile settings."""
        return self._page("settings_profile", context, PageMetadata("Profile settings"), form=form)

    def settings_account(self, context: PageContext, form: AccountForm) -> bytes:
        """Render the account settings: password, e-mail address, deletion."""
        return self._page("settings_account", context, PageMetadata("Account settings"), form=form)

    def settings_preferences(self, context: PageContext, form: PreferencesForm) -> bytes:
        """Render the preferences: theme, default visibility, language, shortcuts."""
        return self._page("settings_preferences", context, PageMetadata("Preferences"), form=form)

    def settings_sessions(self, context: PageContext, page: SessionsPage) -> bytes:
        """Render the viewer's sessions, each with a button to end it."""
        return self._page("settings_sessions", context, PageMetadata("Sessions"), page=page)

    def settings_apps(self, context: PageContext, page: AppsPage) -> bytes:
        """Render the authorized apps, each with a button to revoke access."""
        return self._page("settings_apps", context, PageMetadata("Apps"), page=page)

    def consent(self, context: PageContext, consent: ConsentView) -> bytes:
        """Render the OAuth consent page of an app."""
        return self._page("consent", context, PageMetadata(f"Authorize {consent.app.name}", index=False), consent=consent)

    def code(self, context: PageContext, code: str) -> bytes:
        """Render an authorization code to copy into an app."""
        return self._page("code", context, PageMetadata("Authorization code", index=False), code=code)

    def form_post(self, context: PageContext, form: FormPost) -> bytes:
        """Render a form that submits the OAuth response to the app (response_mode=form_post)."""
        return self._page("form_post", context, PageMetadata("Back to the app", index=False), form=form)

    def settings_people(self, context: PageContext, which: str, people: PeopleView) -> bytes:
        """Render a list of blocked, muted or accepted accounts or of follow requests: `which` is a key of PEOPLE_LISTS."""
        return self._page("settings_people", context, PageMetadata(formatting.PEOPLE_LISTS[which]), which=which, people=people)

    def confirm(self, context: PageContext, confirm: ConfirmView) -> bytes:
        """Render a confirmation page of an action that cannot be undone."""
        return self._page("confirm", context, PageMetadata(confirm.title), confirm=confirm)

    def error(self, context: PageContext, error: ErrorView) -> bytes:
        """Render an error page; it keeps the text of a submitted post."""
        return self._page("error", context, PageMetadata(formatting.error_title(error.status, error.sentence), index=False), error=error)

    def page(self, template: str, context: PageContext, metadata: PageMetadata, /, **values: object) -> bytes:
        """Render a page by the name of its template, for features with a views module of their own."""
        return self._page(template, context, metadata, **values)

    def _page(self, template: str, context: PageContext, metadata: PageMetadata, /, **values: object) -> bytes:
        return bytes(self._html(template, context, metadata, **values))

    def framed(
        self,
        template: str,
        context: PageContext,
        metadata: PageMetadata,
        composer: ComposerView | None = None,
        /,
        **values: object,
    ) -> HtmlPage:
        """Render a page whose template fills the block `main` only: this block, in the viewer's cached frame.

        `composer` replaces the slot of this name in the main part. Without a cache of shells, this renders the whole template.
        """
        contents, slotted, here = Contents(), _with_slots(context, context.now, context.path), _here(context)
        arguments = {"context": slotted, "metadata": metadata, "here": here, **values}
        if not self.shells.capacity:
            shell = Shell.of(self._render(template, arguments, contents.add))
        else:
            main = Shell.of(self._main(template, {"site": context.site, "viewer": context.viewer, **arguments}, contents.add))
            shell = self._frame(context).with_inserted("main", main)
            head = self._environment.get_template("pages/_head.html").render(site=context.site, **arguments)
            contents.texts |= {"head": [head], "title": [escape(metadata.title)], "stream": [escape(context.stream or "")]}
        if composer is not None:
            shell = shell.with_inserted("composer", self._composer(context, composer))
        key = "" if composer is None else composer.key
        return shell.filled({"path": [escape(context.path)], **contents.texts}, _slot_values(context, key))

    def _main(self, template: str, arguments: dict[str, object], posts: Callable[[Iterable[str]], Markup]) -> str:
        compiled = self._environment.get_template(f"pages/{template}.html")
        return "".join(compiled.blocks["main"](compiled.new_context({"now": slot("now"), "posts": posts, **arguments})))

    def _frame(self, context: PageContext) -> Shell:
        """The page around the main part, with slots for what differs between the pages of one viewer."""
        here, viewer = _here(context), context.viewer
        if here not in NAVIGATION and not (viewer and here == f"/@{viewer.account.username}"):
            here = ""
        shared = evolve(_with_slots(context, NO_TIME, slot("path")), stream=slot("stream") if context.stream else None)
        arguments = {"context": shared, "here": here, "metadata": PageMetadata(slot("title")), "head": slot("head"), "main": slot("main")}
        name = "_frame", here, shared.theme, viewer.id if viewer else None, bool(context.stream)
        return self.shells.get_or_render(name, arguments, lambda: self._render("_frame", arguments, Markup("").join))

    def _composer(self, context: PageContext, composer: ComposerView) -> Shell:
        """The form for a reply, with slots for its key and token."""
        arguments = {
            "context": PageContext(context.site, slot("csrf"), "", NO_TIME, context.viewer, has_emojis=context.has_emojis),
            "composer": evolve(composer, key=slot("key")),
        }
        name = "_composer", composer.reply_to, context.viewer.id if context.viewer else None
        return self.shells.get_or_render(name, arguments, lambda: self._render("_composer", arguments, Markup("").join))

    def _html(self, template: str, context: PageContext, metadata: PageMetadata, /, **values: object) -> HtmlPage:
        contents = Contents()
        arguments = {"context": _with_slots(context, context.now, context.path), "metadata": metadata, "here": _here(context), **values}
        return Shell.of(self._render(template, arguments, contents.add)).filled(contents.texts, _slot_values(context))

    def _feed_page(
        self, template: str, context: PageContext, metadata: PageMetadata, contents: Contents, /, key: str = "", **values: object
    ) -> HtmlPage:
        """Render a page by its cached shell. `contents` has what fills the slots in the values; `key` is that of the composer."""
        shared, here = _with_slots(context, NO_TIME, slot("path")), _here(context)
        arguments = {"context": shared, "metadata": metadata, "here": here, **values}
        name = template, here, shared.theme, shared.viewer.id if shared.viewer else None
        shell = self.shells.get_or_render(name, arguments, lambda: self._render(template, arguments, Markup("").join))
        return shell.filled({"path": [escape(context.path)], **contents.texts}, _slot_values(context, key))

    def _render(self, template: str, arguments: Mapping[str, object], posts: Callable[[Iterable[str]], Markup]) -> str:
        return self._environment.get_template(f"pages/{template}.html").render(now=slot("now"), posts=posts, **arguments)


def _here(context: PageContext) -> str:
    return context.path.partition("?")[0]


def _with_slots(context: PageContext, now: datetime, path: str) -> PageContext:
    """The context with slots for what differs in each response, and with this time and path."""
    return evolve(context, csrf=slot("csrf") if context.csrf else "", position=slot("position"), now=now, path=path)


def _slot_values(context: PageContext, key: str = "") -> dict[str, str]:
    return {"now": formatting.iso(context.now), "csrf": context.csrf, "position": context.position, "key": key}


class _Constants(Extension):
    """Inserts icons and URLs of static files into the templates before they are compiled, because they never change."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        source = re.sub(r"\{\{ formatting\.ICONS\.(\w+) \}\}", lambda found: str(formatting.ICONS[found[1]]), source)
        static_url = cast("Callable[[str], str]", self.environment.globals["static_url"])
        return re.sub(r"\{\{ static_url\('([\w.]+)'\) \}\}", lambda found: str(escape(static_url(found[1]))), source)


def environment(static_url: Callable[[str], str]) -> Environment:
    """Return the Jinja2 environment of all pages: it escapes values, rejects undefined names and does not reload templates."""
    pages_environment = Environment(
        loader=loader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=[_Constants],
    )
    pages_environment.globals["static_url"] = static_url
    pages_environment.globals["formatting"] = formatting
    pages_environment.filters.update(formatting.FILTERS)
    pages_environment.filters["own_links"] = own_links
    pages_environment.filters["html_by"] = html_by
    pages_environment.filters.update(emojis=emojis.in_html, text_emojis=emojis.in_text, named=emojis.name_html)
    pages_environment.filters["emoji_picture"] = emojis.picture_html
    return pages_environment
