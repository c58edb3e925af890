"""What the pages show, as small values: filled by web/, given to `Pages`.

A `str` is text and is escaped where it is shown, but for articles (and a composer's parent): those are what `assemble` made. Addresses
are paths on this site ("/home?max_id=1") unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from microblog.model.accounts import Account, Login, Preferences, RegistrationMode, Relationship, Session, Viewer
from microblog.model.emails import AddressRejection
from microblog.model.ids import PostId
from microblog.model.media import MAX_IMAGE_BYTES, MAX_MEDIA, MAX_VIDEO_BYTES, Media
from microblog.model.notifications import NotificationGroup
from microblog.model.oauth import App, Authorization
from microblog.model.polls import MAX_OPTIONS, PollDraft
from microblog.model.posts import Post, PostRevision, Tag, Visibility
from microblog.model.scheduled import ScheduledPost
from microblog.model.site_texts import NO_TEXTS, SiteTexts
from microblog.render.html.consent import ScopeWords


@frozen
class SiteView:
    """What is true of the site whoever looks. `url` has no path and no final slash; `limit` is in characters of a post."""

    name: str
    description: str
    url: str
    registration: RegistrationMode = RegistrationMode.OPEN
    limit: int = 500
    contact: str | None = None
    version: str = ""
    texts: SiteTexts = NO_TEXTS

    @property
    def host(self) -> str:
        """What follows the @ in a full name."""
        return self.url.split("://", 1)[-1]


@frozen
class PageContext:
    """What surrounds every page.

    `path` is the address of the page that is shown, with its query: forms come back to it. `theme` is auto, light or dark. `unread`
    counts notifications, `requests` people who ask to follow, `messages` unread conversations. `stream` is the address of the live feed
    of this page (None: none) and `position` the place in the event log as of which the page was read, so that nothing between reading
    and connecting is missed. `notice` is a sentence about what was just done. `people` and `tags` are suggestions for the side column.
    """

    site: SiteView
    csrf: str
    path: str
    now: datetime
    viewer: Viewer | None = None
    theme: str = "auto"
    unread: int = 0
    requests: int = 0
    messages: int = 0
    stream: str | None = None
    position: str = ""
    notice: str = ""
    people: tuple[Account, ...] = ()
    tags: tuple[Tag, ...] = ()


@frozen
class PersonView:
    """Somebody in a list or on top of a profile, and how the viewer stands to them (None: anonymous, or it is the viewer)."""

    account: Account
    relationship: Relationship | None = None


@frozen
class PostListView:
    """A page of posts: the articles as `assemble` made them, the way to older ones, and the way back to the newest."""

    articles: tuple[str, ...] = ()
    older: str | None = None
    newer: str | None = None


@frozen
class PeopleView:
    """A page of people, and the way to the next."""

    persons: tuple[PersonView, ...] = ()
    older: str | None = None


@frozen
class ComposerView:
    """The form for a new post, as prepared or as it came back.

    `key` is the idempotency key of this attempt. `visibility` is chosen at first, none wider than `widest` is offered. `parent` is the
    article that is replied to. `error` says what is wrong. `media` are uploaded already. `at` is when it is to be published, in the
    viewer's time zone, as a datetime-local field has it; empty for at once. `unsaved`: what it says is nowhere else any more.
    """

    key: str
    visibility: Visibility = Visibility.PUBLIC
    widest: Visibility = Visibility.PUBLIC
    text: str = ""
    spoiler: str = ""
    language: str | None = None
    sensitive: bool = False
    reply_to: PostId | None = None
    reply_to_name: str = ""
    parent: str = ""
    error: str = ""
    media: tuple[Media, ...] = ()
    poll: PollDraft | None = None
    at: str = ""
    unsaved: bool = False


@frozen
class EditForm:
    """A post that is being edited, as it is or as it came back, with the `media` that it shows."""

    post: Post
    text: str
    spoiler: str = ""
    language: str | None = None
    sensitive: bool = False
    error: str = ""
    media: tuple[Media, ...] = ()


@frozen
class ScheduledPage:
    """The viewer's posts to come; `zone` is the name of their time zone, in which times are told."""

    items: tuple[ScheduledPost, ...] = ()
    zone: str = "UTC"
    older: str | None = None


@frozen
class Signup:
    """The sign-up form, empty or as it came back. `next` is where to go afterwards; `errors` maps names of fields to sentences."""

    username: str = ""
    email: str = ""
    reason: str = ""
    invite: str = ""
    next: str = ""
    errors: Mapping[str, str] = field(factory=dict)


@frozen
class LoginForm:
    """The login form. `name` is a username or an e-mail address; `next` is where to go afterwards."""

    name: str = ""
    next: str = ""
    error: str = ""


@frozen
class ProfileView:
    """Somebody's page. `tab` is posts or replies; `pinned` are assembled articles; `own` is true if the viewer is looking at themselves."""

    person: PersonView
    feed: PostListView
    tab: str = "posts"
    pinned: tuple[str, ...] = ()
    own: bool = False
    hidden: str = ""


@frozen
class ThreadReply:
    """A post below the one that was opened; `depth` 0 answers it directly."""

    article: str
    depth: int = 0


@frozen
class ThreadPage:
    """One post amid its conversation. `composer` is for a member who may reply.

    `skipped` replies come before those that are shown; where there are more, the next page skips `next_skip`.
    """

    post: Post
    article: str
    ancestors: tuple[str, ...] = ()
    replies: tuple[ThreadReply, ...] = ()
    composer: ComposerView | None = None
    skipped: int = 0
    next_skip: int | None = None


@frozen
class HistoryPage:
    """What a post said over time, the newest first."""

    post: Post
    revisions: tuple[PostRevision, ...]


@frozen
class NotificationsPage:
    """What the viewer is told. `seen_id` is the newest one that they had seen before; those above it are marked as new.

    `folded` maps those whose posts fall under filters to what these are called. `held` counts people whose mentions are kept back; `only`
    is the kind that the list is about, and empty for all of them.
    """

    items: tuple[NotificationGroup, ...] = ()
    seen_id: int = 0
    older: str | None = None
    folded: Mapping[int, str] = field(factory=dict)
    held: int = 0
    only: str = ""


@frozen
class SearchView:
    """What was looked for and found. Nothing was looked for if `query` is empty."""

    query: str = ""
    persons: tuple[PersonView, ...] = ()
    tags: tuple[Tag, ...] = ()
    posts: PostListView = PostListView()


@frozen
class ProfileForm:
    """Settings of the public profile, as stored or as they came back. `fields` are (name, value) pairs."""

    display_name: str
    bio: str
    fields: tuple[tuple[str, str], ...] = ()
    locked: bool = False
    bot: bool = False
    discoverable: bool = True
    indexable: bool = True
    hide_relations: bool = False
    errors: Mapping[str, str] = field(factory=dict)


@frozen
class AccountForm:
    """Settings of the login: address and password. `errors` maps current, password, email, email_password to sentences.

    `refused` says that the mail server refused the newest letter to the address.
    """

    login: Login
    errors: Mapping[str, str] = field(factory=dict)
    refused: AddressRejection | None = None


@frozen
class PreferencesForm:
    """Settings of how to write and to see the site."""

    preferences: Preferences
    time_zones: tuple[str, ...] = ("UTC",)
    errors: Mapping[str, str] = field(factory=dict)


@frozen
class SessionsPage:
    """Where the viewer is logged in."""

    sessions: tuple[Session, ...]
    current: int | None = None


@frozen
class AppsPage:
    """The apps that the viewer lets in, each with what it may do."""

    apps: tuple[tuple[Authorization, tuple[ScopeWords, ...]], ...]


@frozen
class ConsentView:
    """An app that wants to act for the viewer. `after` says where they go then; `fields` are what it came with."""

    app: App
    scopes: tuple[ScopeWords, ...]
    after: str
    fields: Mapping[str, str] = field(repr=False)


@frozen
class PostBack:
    """An app that wants its answer in a form: the form's address, and its fields."""

    target: str
    fields: Mapping[str, str] = field(repr=False)


@frozen
class AboutView:
    """The site in figures, and who runs it. `films`: posts may hold film and sound."""

    people: int = 0
    posts: int = 0
    admins: tuple[Account, ...] = ()
    films: bool = False
    most_media: int = MAX_MEDIA
    image_mb: int = MAX_IMAGE_BYTES >> 20
    film_mb: int = MAX_VIDEO_BYTES >> 20
    most_options: int = MAX_OPTIONS


@frozen
class PendingView:
    """An account that cannot be used yet. `state` is confirmation or approval; `email` is where the letter went."""

    state: str
    email: str
    error: str = ""


@frozen
class ConfirmView:
    """A question before something that cannot be undone. `fields` are hidden values; `article` shows what it is about.

    `other` is a second way to do it: (button text, field name, field value). With a `message` (its longest length), a text for whoever is
    concerned is asked for, and whether they are told at all.
    """

    title: str
    sentence: str
    action: str
    button: str
    cancel: str
    fields: Mapping[str, str] = field(factory=dict)
    article: str = ""
    other: tuple[str, str, str] | None = None
    message: int | None = None
    password: bool = False
    error: str = ""


@frozen
class ErrorView:
    """Something went wrong. `sentence` says what and `status` how; `sent`: a form was sent, not a page asked for.

    `kept` is the form whose text must not be lost. `reference` finds the case in the log.
    """

    status: int
    sentence: str
    kept: ComposerView | None = None
    reference: str = ""
    sent: bool = False
