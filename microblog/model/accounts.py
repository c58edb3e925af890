"""People: the public account, the login that belongs to it, sessions, and who is asking."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

from attrs import field, frozen

from microblog.model.errors import Invalid
from microblog.model.ids import AccountId, InviteId, RelationId, SessionId


class Role(StrEnum):
    """What somebody may do beyond writing: each role includes those before it."""

    USER = "user"
    MODERATOR = "moderator"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """True if whoever has this role may do what `other` may do."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class RegistrationMode(StrEnum):
    """Who may sign up."""

    OPEN = "open"
    APPROVAL = "approval"
    INVITE = "invite"
    CLOSED = "closed"


@frozen
class ProfileField:
    """A line of the table on a profile. `value` is plain text, `html` the same rendered."""

    name: str
    value: str
    html: str = ""


@frozen
class Account:
    """Somebody's public face. `bio` is plain text as it was typed, `bio_html` the same rendered and safe."""

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

    @property
    def name(self) -> str:
        """What to call them: the display name, or the username where there is none."""
        return self.display_name or self.username


def _texts(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


@frozen
class Preferences:
    """How somebody likes to write and to see the site, and what they want to be mailed.

    `theme` is auto, light or dark; `mail_digest` is never, daily or weekly; `mail_report` counts for administrators only.
    `attribution_domains` are websites that may name the account as the author of their pages.
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
    mail_digest: str = "weekly"
    mail_report: bool = True
    attribution_domains: tuple[str, ...] = field(default=(), converter=_texts)


@frozen
class Login:
    """What belongs to an account and is nobody else's business. `password_hash` is an argon2id string.

    `new_email` is an address that the owner wants instead and has not proved yet.
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
    """An account with its login, as only the administrator and its owner see it."""

    account: Account
    login: Login

    @property
    def pending(self) -> bool:
        """True until the address is confirmed and the application approved."""
        return self.login.confirmed_at is None or self.login.approved_at is None

    @property
    def barred(self) -> bool:
        """True for whoever may not log in."""
        return self.login.disabled_at is not None or self.account.suspended_at is not None

    @property
    def state(self) -> str:
        """In one word how somebody stands to the site: suspended, disabled, applied, unconfirmed or active."""
        if self.account.suspended_at:
            return "suspended"
        if self.login.disabled_at:
            return "disabled"
        if self.login.approved_at is None:
            return "applied"
        return "unconfirmed" if self.login.confirmed_at is None else "active"


@frozen
class Session:
    """A browser that is logged in. The token itself is only in its cookie; the database has its hash."""

    id: SessionId
    account_id: AccountId
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


@frozen
class Viewer:
    """Who is asking, once they have proved it. Anonymous visitors are `None` wherever a viewer is expected.

    Whoever is `pending` (not confirmed or not approved yet) may log in and be told so, and do nothing else.
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
    """How the viewer stands to one account. All False for a stranger."""

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


@frozen
class RelatedAccount:
    """Somebody in a list of people. `id` is the follow's, block's or mute's own: lists of people are paged by it.

    `until` is when a mute ends by itself.
    """

    id: RelationId
    account: Account
    until: datetime | None = None


class UnexpectedMentions(Invalid):
    """A post would reach people whom its author did not mean. They are told with it."""

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        self.accounts = accounts
        super().__init__({}, sentence="Post would be sent to unexpected accounts")


@frozen
class Invite:
    """A code that lets people sign up. `max_uses` None is as often as they like."""

    id: InviteId
    code: str
    created_by: AccountId | None
    created_at: datetime
    expires_at: datetime | None
    uses: int
    max_uses: int | None

    def state(self, now: datetime) -> str:
        """Whether it still lets people in: ended, used up or valid."""
        if self.expires_at is not None and self.expires_at <= now:
            return "ended"
        return "used up" if self.max_uses is not None and self.uses >= self.max_uses else "valid"
