"""View models of the pages: built by web/, rendered by `Pages`.

A `str` is plain text, which templates escape, except for articles (and a composer's `parent`): those are HTML from `assemble`. URLs are
paths on this site ("/home?max_id=1") unless stated otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from microblog.model.accounts import Account, Login, Preferences, Relationship, Session, Viewer
from microblog.model.emails import AddressRejection
from microblog.model.ids import PostId
from microblog.model.media import MAX_IMAGE_BYTES, MAX_MEDIA, MAX_VIDEO_BYTES, Media
from microblog.model.notifications import NotificationGroup
from microblog.model.oauth import App, Authorization
from microblog.model.polls import MAX_OPTIONS, PollDraft
from microblog.model.posts import Post, PostRevision, Tag, Visibility
from microblog.model.scheduled import ScheduledPost
from microblog.render.html.consent import ScopeDescription
from microblog.render.site_view import SiteView


@frozen
class PageContext:
    """Values that every page needs.

    `path` is the path of the page with its query; forms return to it. `theme` is auto, light or dark. `unread` counts notifications,
    `requests` follow requests, `messages` unread conversations. `stream` is the URL of the page's live updates (None: none), and `position`
    the position in the event log at which the page was read, so that no update between reading and connecting is missed. `notice` is a
    message about the last action. `people` and `tags` are suggestions for the side column; `tags` is None on pages that show none.
    `has_emojis`: the site has custom emoji to pick.
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
    tags: tuple[Tag, ...] | None = None
    has_emojis: bool = False


@frozen
class PersonView:
    """An account in a list or at the top of a profile. `relationship` is None for anonymous viewers and for the viewer's own account."""

    account: Account
    relationship: Relationship | None = None


@frozen
class PostListView:
    """A page of posts: articles from `assemble`, with the URLs of older posts and of the newest ones."""

    articles: tuple[str, ...] = ()
    older: str | None = None
    newer: str | None = None


@frozen
class PeopleView:
    """A page of accounts, with the URL of the next page."""

    items: tuple[PersonView, ...] = ()
    older: str | None = None


@frozen
class ComposerView:
    """The form for a new post, with default values or as submitted.

    `key` is the idempotency key of this attempt. `visibility` is preselected, and none wider than `widest` is offered. `parent` is the
    article of the parent post. `error` is an error text. `media` are uploaded attachments. `at` is the scheduled time in the viewer's time
    zone, in the format of a datetime-local field; empty to publish at once. `unsaved`: the text exists only in this form.
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
    """The form to edit a post, as stored or as submitted, with the post's `media`."""

    post: Post
    text: str
    spoiler: str = ""
    language: str | None = None
    sensitive: bool = False
    error: str = ""
    media: tuple[Media, ...] = ()


@frozen
class ScheduledPage:
    """The viewer's scheduled posts; `zone` is their time zone, in which times are shown."""

    items: tuple[ScheduledPost, ...] = ()
    zone: str = "UTC"
    older: str | None = None


@frozen
class SignupForm:
    """The sign-up form, empty or as submitted. `next` is the path to go to afterwards; `errors` maps field names to error texts."""

    username: str = ""
    email: str = ""
    reason: str = ""
    invite: str = ""
    next: str = ""
    errors: Mapping[str, str] = field(factory=dict)


@frozen
class LoginForm:
    """The login form. `name` is a username or an e-mail address; `next` is the path to go to afterwards.

    `decision_url`: the page of the moderators' decision because of which the account cannot be used. `can_appeal`: it can be
    appealed there.
    """

    name: str = ""
    next: str = ""
    error: str = ""
    decision_url: str = ""
    can_appeal: bool = False


@frozen
class ProfileView:
    """A profile. `tab` is posts, replies or media; `pinned` are assembled articles; `own`: it is the viewer's own profile.

    `hidden` is the reason that the posts are not shown; empty if they are. `moved_to` is the account that its owner uses instead.
    """

    person: PersonView
    feed: PostListView
    tab: str = "posts"
    pinned: tuple[str, ...] = ()
    own: bool = False
    hidden: str = ""
    moved_to: Account | None = None


@frozen
class ThreadReply:
    """A reply below the opened post; direct replies have `depth` 0."""

    article: str
    depth: int = 0


@frozen
class ThreadPage:
    """A post with its thread. `composer` is the reply form, for members who can reply.

    `skipped` is the number of replies before those shown; the next page, if there is one, skips `next_skip`.
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
    """The revisions of a post, newest first."""

    post: Post
    revisions: tuple[PostRevision, ...]


@frozen
class NotificationsPage:
    """The viewer's notifications. Those newer than `last_read_id` are marked as new.

    `filter_titles` maps the ids of items whose post matches filters of the viewer to the titles of these filters. `request_count` is the
    number of notification requests. `kind` is the selected kind of notification, empty for all.
    """

    items: tuple[NotificationGroup, ...] = ()
    last_read_id: int = 0
    older: str | None = None
    filter_titles: Mapping[int, str] = field(factory=dict)
    request_count: int = 0
    kind: str = ""


@frozen
class SearchView:
    """Search results. `query` is empty if nothing was searched for; `problem` says why nothing was found on another server."""

    query: str = ""
    people: tuple[PersonView, ...] = ()
    tags: tuple[Tag, ...] = ()
    posts: PostListView = PostListView()
    problem: str = ""


@frozen
class ProfileForm:
    """The profile settings, as stored or as submitted. `fields` are (name, value) pairs."""

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
class MoveForm:
    """The viewer's aliases, the account that the viewer moved to, and when another move is possible (None: now).

    `typed` are the submitted values, and `errors` the error texts, by the names of the fields: alias, moved_to, current_password.
    """

    aliases: tuple[Account, ...]
    moved_to: Account | None = None
    may_move_at: datetime | None = None
    federates: bool = False
    typed: Mapping[str, str] = field(factory=dict)
    errors: Mapping[str, str] = field(factory=dict)


@frozen
class AccountForm:
    """The account settings: e-mail address and password. `errors` maps current, password, email, email_password to error texts.

    `rejection` is set if the mail server rejected the newest e-mail to the address.
    """

    login: Login
    errors: Mapping[str, str] = field(factory=dict)
    rejection: AddressRejection | None = None


@frozen
class PreferencesForm:
    """The preferences for new posts and for the look of the site."""

    preferences: Preferences
    time_zones: tuple[str, ...] = ("UTC",)
    errors: Mapping[str, str] = field(factory=dict)


@frozen
class SessionsPage:
    """The viewer's sessions."""

    sessions: tuple[Session, ...]
    current: int | None = None


@frozen
class AppsPage:
    """The apps that the viewer authorized, each with the descriptions of its scopes."""

    apps: tuple[tuple[Authorization, tuple[ScopeDescription, ...]], ...]


@frozen
class ConsentView:
    """The OAuth consent page of an app.

    `after` is a sentence about the redirect; `fields` are the parameters of the authorization request.
    """

    app: App
    scopes: tuple[ScopeDescription, ...]
    after: str
    fields: Mapping[str, str] = field(repr=False)


@frozen
class FormPost:
    """A form that submits an OAuth response to an app (response_mode=form_post): its URL and its fields."""

    target: str
    fields: Mapping[str, str] = field(repr=False)


@frozen
class AboutView:
    """Statistics of the site, and its administrators. `video_enabled`: posts can have video and audio."""

    people: int = 0
    posts: int = 0
    admins: tuple[Account, ...] = ()
    video_enabled: bool = False
    max_media: int = MAX_MEDIA
    image_mb: int = MAX_IMAGE_BYTES >> 20
    video_mb: int = MAX_VIDEO_BYTES >> 20
    max_options: int = MAX_OPTIONS


@frozen
class PendingView:
    """An account that cannot be used yet. `state` is confirmation or approval; `email` is the address that the e-mail was sent to."""

    state: str
    email: str
    error: str = ""


@frozen
class ConfirmView:
    """A confirmation page of an action that cannot be undone. `fields` are hidden form values; `article` shows the affected post.

    `alternative` is another button: (label, field name, field value). `max_message` is the maximum length of a message to the affected
    user; None if there is no field for one. With it comes a checkbox to send the message.
    """

    title: str
    sentence: str
    action: str
    button: str
    cancel: str
    fields: Mapping[str, str] = field(factory=dict)
    article: str = ""
    alternative: tuple[str, str, str] | None = None
    max_message: int | None = None
    password: bool = False
    error: str = ""


@frozen
class ErrorView:
    """An error page. `status` is the HTTP status, `sentence` the explanation; `submitted`: the request submitted a form.

    `composer` is the submitted post form, so that its text is not lost. `reference` identifies the error in the log.
    """

    status: int
    sentence: str
    composer: ComposerView | None = None
    reference: str = ""
    submitted: bool = False
