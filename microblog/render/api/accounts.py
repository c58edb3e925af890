"""API entities of accounts: Account and its variants, roles, relationships, preferences."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.model.accounts import Account, Preferences, ProfileField, RelatedAccount, Relationship, Role, Viewer
from microblog.model.permissions import PERMISSIONS
from microblog.render.api.definition import ABSENT, Definition, Entity, always, copy_of, elsewhere, key, many, one, optional, part
from microblog.render.api.emojis import EMOJI
from microblog.render.api.schemas import (
    COUNT,
    DATE,
    DIGITS,
    FLAG,
    HTML,
    ID,
    MIDNIGHT,
    MOMENT,
    TEXT,
    TEXTS,
    URL,
    VISIBILITY,
    array_of,
    nullable,
    one_of,
    ref,
)
from microblog.render.api.site import SiteUrls, day_or_null, midnight, moment_or_null

EVERYONE = "-99"
ROLE_IDS = {Role.USER: EVERYONE, Role.MODERATOR: "2", Role.ADMIN: "3"}
ROLE_NAMES = {Role.USER: "", Role.MODERATOR: "Moderator", Role.ADMIN: "Admin"}
RELATIONS = {"type": "integer", "minimum": -1}  # -1: hidden


def shown_account(account: Account) -> Account:
    """Return the account, without profile texts and images if it is suspended, as on Mastodon. The username and the counts stay."""
    if account.suspended_at is None:
        return account
    return evolve(
        account,
        display_name="",
        bio="",
        bio_html="",
        fields=(),
        locked=False,
        bot=False,
        discoverable=False,
        indexable=False,
        hide_relations=True,
        avatar=None,
        header=None,
        emojis=(),
    )


def _fields(account: Account, site: SiteUrls) -> list[Entity]:
    return (FIELD if account.host is None else _REMOTE_FIELD).each(account.fields, site)


FIELD = Definition[ProfileField, SiteUrls](
    "Field",
    {
        "name": key(TEXT, lambda line, _: line.name),
        "value": key(HTML, lambda line, site: site.linked(line.html)),
        "verified_at": key(nullable(MOMENT), lambda line, _: moment_or_null(line.verified_at)),
    },
)
_REMOTE_FIELD = Definition[ProfileField, SiteUrls]("", {**FIELD.keys_by_name, "value": key(HTML, lambda line, _: line.html)})
SOURCE_FIELD = Definition[ProfileField, SiteUrls](
    "",
    {
        "name": key(TEXT, lambda line, _: line.name),
        "value": key(TEXT, lambda line, _: line.value),
        "verified_at": key(nullable(MOMENT), lambda line, _: moment_or_null(line.verified_at)),
    },
)
BADGE = Definition[Role, SiteUrls](
    "AccountRole",
    {"id": key(ID, lambda role, _: ROLE_IDS[role]), "name": key(TEXT, lambda role, _: ROLE_NAMES[role]), "color": always(TEXT, "")},
)
"""The public entity of a role, https://docs.joinmastodon.org/entities/Account/#roles."""
ROLE = Definition[Role, SiteUrls](
    "Role",
    {
        "id": key({"type": "string", "pattern": "^-?[0-9]+$"}, lambda role, _: ROLE_IDS[role]),
        "name": key(TEXT, lambda role, _: ROLE_NAMES[role]),
        "permissions": key(DIGITS, lambda role, _: str(int(PERMISSIONS[role]))),
        "color": always(TEXT, ""),
        "highlighted": key(FLAG, lambda role, _: role is not Role.USER),
    },
)
"""A role with its permissions, https://docs.joinmastodon.org/entities/Role/."""
ACCOUNT = Definition[Account, SiteUrls](
    "Account",
    {
        "id": key(ID, lambda account, _: str(account.id)),
        "username": key(TEXT, lambda account, _: account.username),
        "acct": key(TEXT, lambda account, _: account.acct),
        "display_name": key(TEXT, lambda account, _: account.display_name),
        "locked": key(FLAG, lambda account, _: account.locked),
        "bot": key(FLAG, lambda account, _: account.bot),
        "discoverable": key(nullable(FLAG), lambda account, _: account.discoverable),
        "indexable": key(FLAG, lambda account, _: account.indexable),
        "group": key(FLAG, lambda account, _: account.is_group),
        "created_at": key(MIDNIGHT, lambda account, _: midnight(account.created_at)),
        "note": key(HTML, lambda account, site: site.html_by(account.bio_html, account)),
        "url": key(URL, lambda account, site: site.profile(account)),
        "uri": key(URL, lambda account, site: site.uri(account)),
        "avatar": key(URL, lambda account, site: site.absolute(account.avatar or site.avatar)),
        "avatar_static": copy_of("avatar", URL),
        "header": key(URL, lambda account, site: site.absolute(account.header or site.header)),
        "header_static": copy_of("header", URL),
        "followers_count": key(RELATIONS, lambda account, _: account.followers_count),
        "following_count": key(RELATIONS, lambda account, _: account.following_count),
        "statuses_count": key(COUNT, lambda account, _: account.posts_count),
        "last_status_at": key(nullable(DATE), lambda account, _: day_or_null(account.last_post_on)),
        "hide_collections": key(nullable(FLAG), lambda account, _: account.hide_relations),
        "noindex": key(FLAG, lambda account, _: not account.indexable),
        "emojis": many(EMOJI, lambda account, _: account.emojis),
        "roles": always(array_of(BADGE), []),
        "fields": key(array_of(FIELD), _fields),
        "memorial": optional(FLAG, lambda account, _: True if account.memorial else ABSENT),
        "suspended": optional(FLAG, lambda account, _: ABSENT if account.suspended_at is None else True),
        "limited": optional(FLAG, lambda account, _: ABSENT if account.limited_at is None else True),
        "moved": elsewhere(ref("Account")),
    },
    prepare=shown_account,
)
"""Account, https://docs.joinmastodon.org/entities/Account/. A suspended account has no profile texts or images."""
MUTED_ACCOUNT = Definition[RelatedAccount, SiteUrls](
    "MutedAccount",
    {"mute_expires_at": key(nullable(MOMENT), lambda related, _: moment_or_null(related.until))},
    base=(ACCOUNT, lambda related, _: related.account),
)
"""MutedAccount: an Account with the expiry of the viewer's mute."""


@frozen
class OwnAccount:
    """The viewer's own account with the number of pending follow `requests`."""

    viewer: Viewer
    requests: int


def visible_roles(account: Account, role: Role) -> tuple[Role, ...]:
    """Return the roles that a profile shows."""
    return (role,) if role is not Role.USER and account.suspended_at is None else ()


CREDENTIAL_ACCOUNT = Definition[OwnAccount, SiteUrls](
    "CredentialAccount",
    {
        "roles": many(BADGE, lambda me, _: visible_roles(me.viewer.account, me.viewer.role)),
        "source": part(
            {
                "privacy": key(VISIBILITY, lambda me, _: me.viewer.preferences.visibility),
                "sensitive": key(FLAG, lambda me, _: me.viewer.preferences.sensitive),
                "language": key(nullable(TEXT), lambda me, _: me.viewer.preferences.language),
                "note": key(TEXT, lambda me, _: me.viewer.account.bio),
                "fields": many(SOURCE_FIELD, lambda me, _: me.viewer.account.fields),
                "follow_requests_count": key(COUNT, lambda me, _: me.requests),
                "hide_collections": key(nullable(FLAG), lambda me, _: me.viewer.account.hide_relations),
                "discoverable": key(nullable(FLAG), lambda me, _: me.viewer.account.discoverable),
                "indexable": key(FLAG, lambda me, _: me.viewer.account.indexable),
                "attribution_domains": key(TEXTS, lambda me, _: list(me.viewer.preferences.attribution_domains)),
            }
        ),
        "role": one(ROLE, lambda me, _: me.viewer.role),
    },
    base=(ACCOUNT, lambda me, _: me.viewer.account),
)
RELATIONSHIP = Definition[Relationship, None](
    "Relationship",
    {
        "id": key(ID, lambda to, _: str(to.id)),
        "following": key(FLAG, lambda to, _: to.following),
        "showing_reblogs": key(FLAG, lambda to, _: to.showing_boosts),
        "notifying": key(FLAG, lambda to, _: to.notifying),
        "languages": key(nullable(TEXTS), lambda to, _: None if to.languages is None else list(to.languages)),
        "followed_by": key(FLAG, lambda to, _: to.followed_by),
        "blocking": key(FLAG, lambda to, _: to.blocking),
        "blocked_by": key(FLAG, lambda to, _: to.blocked_by),
        "muting": key(FLAG, lambda to, _: to.muting),
        "muting_notifications": key(FLAG, lambda to, _: to.muting_notifications),
        "requested": key(FLAG, lambda to, _: to.requested),
        "requested_by": key(FLAG, lambda to, _: to.requested_by),
        "domain_blocking": key(FLAG, lambda to, _: to.domain_blocking),
        "endorsed": key(FLAG, lambda to, _: to.endorsed),
        "note": key(TEXT, lambda to, _: to.note),
    },
)
PREFERENCES = Definition[Preferences, None](
    "Preferences",
    {
        "posting:default:visibility": key(VISIBILITY, lambda like, _: like.visibility),
        "posting:default:sensitive": key(FLAG, lambda like, _: like.sensitive),
        "posting:default:language": key(nullable(TEXT), lambda like, _: like.language),
        "reading:expand:media": always(one_of("default", "show_all", "hide_all"), "default"),
        "reading:expand:spoilers": always(FLAG, False),
        "reading:autoplay:gifs": always(FLAG, False),
    },
)
