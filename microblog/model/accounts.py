"""Accounts, logins, sessions, relationships and the viewer of a request."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

from attrs import field, frozen

from microblog.model.emojis import Emoji
from microblog.model.errors import Invalid
from microblog.model.ids import AccountId, InviteId, RelationId, SessionId


class Role(StrEnum):
    """A user's role. Each role includes the permissions of the roles before it."""

    USER = "user"
    MODERATOR = "moderator"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """True if this role has the permissions of `other`."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class RegistrationMode(StrEnum):
    """Sign-up policy of the site."""

    OPEN = "open"
    APPROVAL = "approval"
    INVITE = "invite"
    CLOSED = "closed"


@frozen
class ProfileField:
    """A name and value in the table on a profile. `value` is plain text, `html` the rendered value.

    `verified_at` is when the page behind a link was found to link back to the profile; None if it does not, or was not asked.
    """

    name: str
    value: str
    html: str = ""
    verified_at: datetime | None = None


@frozen
class Account:
    """A public account. `bio` is plain text as typed, `bio_html` the rendered and sanitized bio.

    An account of another server has a `host`, the `uri` by which its server names it, and perhaps the `url` of its page. All three are
    None for accounts of this site, whose addresses follow from the username. `moved_to` is the account that its owner uses instead.
    A group boosts what its members post; of a `memorial` account the owner died. Both are said by other servers only. All media of a
    `sensitized_at` account are sensitive. `emojis` are the custom emoji in its texts.
    """

    id: AccountId
    username: str
    display_name: str
    bio: str
    bio_html: str
    created_at: datetime
    fields: tuple[ProfileField, ...] = ()
    locked: bool = False
    bot: bool = False
    discoverable: bool = True
    indexable: bool = True
    hide_relations: bool = False
    followers_count: int = 0
    following_count: int = 0
    posts_count: int = 0
    last_post_on: date | None = None
    avatar: str | None = None
    header: str | None = None
    suspended_at: datetime | None = None
    limited_at: datetime | None = None
    host: str | None = None
    uri: str | None = None
    url: str | None = None
    moved_to: AccountId | None = None
    is_group: bool = False
    memorial: bool = False
    sensitized_at: datetime | None = None
    emojis: tuple[Emoji, ...] = ()

    @property
    def acct(self) -> str:
        """The address without `@` in front: the username, followed by `@` and the host for accounts of other servers."""
        return self.username if self.host is None else f"{self.username}@{self.host}"

    @property
    def page(self) -> str | None:
        """The URL of the profile on its own server; None for accounts of this site."""
        return self.url or self.uri

    @property
    def name(self) -> str:
        """The display name, or the username if there is none."""
        return self.display_name or self.username


def _to_tuple(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@frozen
class Preferences:
    """A user's preferences: defaults of new posts, look of the site, and e-mail settings.

    `theme` is auto, light or dark; `mail_digest` is never, daily or weekly; `mail_report` applies to administrators and
    `mail_moderation` to moderators only.
    `attribution_domains` are websites that may credit the account as the author of their pages.
    """

    visibility: str = "public"
    sensitive: bool = False
    language: str | None = None
    locale: str = "en"
    time_zone: str = "UTC"
    theme: str = "auto"
    shortcuts: bool = True
    mail_mention: bool = True
    mail_follow: bool = True
    mail_follow_request: bool = True
    mail_login: bool = True
    mail_announcement: bool = True
    mail_digest: str = "weekly"
    mail_report: bool = True
    mail_moderation: bool = True
    attribution_domains: tuple[str, ...] = field(default=(), converter=_to_tuple)


@frozen
class Login:
    """The private half of an account: e-mail address, password and role. `password_hash` is an argon2id string.

    `new_email` is an address that the owner wants to change to and has not confirmed yet.
    """

    account_id: AccountId
    email: str
    password_hash: str = field(repr=False)
    role: Role
    created_at: datetime
    confirmed_at: datetime | None = None
    approved_at: datetime | None = None
    disabled_at: datetime | None = None
    reason: str = ""
    preferences: Preferences = Preferences()
    new_email: str | None = None


@frozen
class AccountWithLogin:
    """An account with its login, visible to its owner and to moderators only."""

    account: Account
    login: Login

    @property
    def pending(self) -> bool:
        """True until the e-mail address is confirmed and the sign-up approved."""
        return self.login.confirmed_at is None or self.login.approved_at is None

    @property
    def barred(self) -> bool:
        """True if the account is disabled or suspended, so its owner cannot log in."""
        return self.login.disabled_at is not None or self.account.suspended_at is not None

    @property
    def state(self) -> str:
        """The state of the account: suspended, disabled, applied, unconfirmed or active."""
        if self.account.suspended_at:
            return "suspended"
        if self.login.disabled_at:
            return "disabled"
        if self.login.approved_at is None:
            return "applied"
        return "unconfirmed" if self.login.confirmed_at is None else "active"


@frozen
class Session:
    """A logged-in browser. The session token is only in its cookie; the database stores its hash."""

    id: SessionId
    account_id: AccountId
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


@frozen
class Viewer:
    """The authenticated user of a request. Anonymous visitors are `None` wherever a viewer is expected.

    A `pending` user (not confirmed or not approved yet) can log in, sees a page that says so, and can do nothing else.
    """

    account: Account
    role: Role = Role.USER
    preferences: Preferences = Preferences()
    session_id: SessionId | None = None
    pending: bool = False

    @property
    def id(self) -> AccountId:
        """The account's id."""
        return self.account.id


@frozen
class Relationship:
    """The viewer's relationship to one account. All flags are False if there is none."""

    id: AccountId
    following: bool = False
    showing_boosts: bool = False
    notifying: bool = False
    languages: tuple[str, ...] | None = None
    followed_by: bool = False
    requested: bool = False
    requested_by: bool = False
    blocking: bool = False
    blocked_by: bool = False
    muting: bool = False
    muting_notifications: bool = False
    muting_until: datetime | None = None
    note: str = ""
    endorsed: bool = False
    domain_blocking: bool = False


@frozen
class RelatedAccount:
    """An account in a list of followers, blocks or mutes. `id` is that of the follow, block or mute, and pages the list.

    `until` is when a mute expires.
    """

    id: RelationId
    account: Account
    until: datetime | None = None


class UnexpectedMentions(Invalid):
    """A post mentions accounts that are not in `allowed_mentions`. `accounts` are the unexpected ones."""

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        self.accounts = accounts
        super().__init__({}, sentence="Post would be sent to unexpected accounts")


@frozen
class Invite:
    """An invite code for sign-up. `max_uses` None means unlimited."""

    id: InviteId
    code: str
    created_by: AccountId | None
    created_at: datetime
    expires_at: datetime | None
    uses: int
    max_uses: int | None

    def state(self, now: datetime) -> str:
        """The state of the invite: ended, used up or valid."""
        if self.expires_at is not None and self.expires_at <= now:
            return "ended"
        return "used up" if self.max_uses is not None and self.uses >= self.max_uses else "valid"
