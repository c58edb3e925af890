"""Values as the API tells them: dictionaries with every key, ready for orjson. Pure; nothing here depends on who looks.

How one viewer stands to a post is laid over it by render/statuses.py. Entities of single features have modules beside this one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
from attrs import evolve, field, frozen

from microblog.model.accounts import Account, Preferences, Related, Relationship, Role, Viewer
from microblog.model.media import Media
from microblog.model.moderation import AccountWarning
from microblog.model.notifications import Notification
from microblog.model.oauth import Issued
from microblog.model.posts import Mention, Post, Revision, TagUse
from microblog.render.entities_cards import card
from microblog.render.entities_media import attachment
from microblog.render.own_links import own_links

Entity = dict[str, Any]

EVERYONE, PERMISSIONS = "-99", {Role.USER: "65536", Role.MODERATOR: "1308", Role.ADMIN: "1"}
ROLE_IDS = {Role.USER: EVERYONE, Role.MODERATOR: "2", Role.ADMIN: "3"}
ROLE_NAMES = {Role.USER: "", Role.MODERATOR: "Moderator", Role.ADMIN: "Admin"}


def moment(at: datetime) -> str:
    """A time as every client reads it: UTC, three digits after the second, Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def moment_or_null(at: datetime | None) -> str | None:
    """The same, of a time that there may not be."""
    return None if at is None else moment(at)


def midnight(at: datetime) -> str:
    """The beginning of the day."""
    return f"{at.astimezone(UTC):%Y-%m-%d}T00:00:00.000Z"


def day_or_null(on: date | None) -> str | None:
    """A date without a time."""
    return None if on is None else on.isoformat()


def id_or_null(id: int | None) -> str | None:
    """An id as text."""
    return None if id is None else str(id)


@frozen
class Entities:
    """Makes entities for one site. `url` is its public one without a slash at the end.

    `avatar` and `header` are shown of people who have none: clients crash where there is nothing. `vapid` is the public key of push.
    """

    url: str
    vapid: str = ""
    avatar: str = "/avatars/original/missing.png"
    header: str = "/headers/original/missing.png"
    host: str = field(init=False)

    @host.default
    def _host(self) -> str:
        return urlsplit(self.url).netloc

    def absolute(self, target: str) -> str:
        """The public URL of a path on this site; a URL stays what it is."""
        return self.url + target if target.startswith("/") else target

    def profile(self, username: str) -> str:
        """The page of somebody."""
        return f"{self.url}/@{username}"

    def account(self, account: Account) -> Entity:
        """The entity Account (https://docs.joinmastodon.org/entities/Account/); of a suspended one nothing that its owner wrote."""
        if account.suspended_at is not None:
            account = _emptied(account)
        avatar = self.absolute(account.avatar or self.avatar)
        header = self.absolute(account.header or self.header)
        hidden = account.hide_relations
        entity: Entity = {
            "id": str(account.id),
            "username": account.username,
            "acct": account.username,
            "display_name": account.display_name,
            "locked": account.locked,
            "bot": account.bot,
            "discoverable": account.discoverable,
            "indexable": account.indexable,
            "group": False,
            "created_at": midnight(account.created_at),
            "note": own_links(account.bio_html, self.url),
            "url": self.profile(account.username),
            "uri": f"{self.url}/users/{account.username}",
            "avatar": avatar,
            "avatar_static": avatar,
            "header": header,
            "header_static": header,
            "followers_count": account.followers_count,
            "following_count": account.following_count,
            "statuses_count": account.posts_count,
            "last_status_at": day_or_null(account.last_post_on),
            "hide_collections": hidden,
            "noindex": not account.indexable,
            "emojis": [],
            "roles": [],
            "fields": [{"name": line.name, "value": own_links(line.html, self.url), "verified_at": None} for line in account.fields],
        }
        if account.suspended_at is not None:
            entity["suspended"] = True
        if account.limited_at is not None:
            entity["limited"] = True
        return entity

    def person(self, account: Account, role: Role) -> Entity:
        """Account with the role that its profile shows. Elsewhere nobody looks for it, and it would be asked for with every post."""
        shown = role is not Role.USER and account.suspended_at is None
        return self.account(account) | {"roles": [badge(role)] if shown else []}

    def accounts(self, accounts: Iterable[Account]) -> list[Entity]:
        """Several."""
        return [self.account(account) for account in accounts]

    def related(self, related: Iterable[Related]) -> list[Entity]:
        """The accounts of a list of people."""
        return [self.account(one.account) for one in related]

    def muted(self, related: Iterable[Related]) -> list[Entity]:
        """MutedAccount: with when the mute ends by itself."""
        return [self.account(one.account) | {"mute_expires_at": moment_or_null(one.until)} for one in related]

    def credentials(self, viewer: Viewer, requests: int) -> Entity:
        """CredentialAccount (8.2): oneself. `requests` is how many ask to follow."""
        account, preferences = viewer.account, viewer.preferences
        source = {
            "privacy": preferences.visibility,
            "sensitive": preferences.sensitive,
            "language": preferences.language,
            "note": account.bio,
            "fields": [{"name": line.name, "value": line.value, "verified_at": None} for line in account.fields],
            "follow_requests_count": requests,
            "hide_collections": account.hide_relations,
            "discoverable": account.discoverable,
            "indexable": account.indexable,
            "attribution_domains": list(preferences.attribution_domains),
        }
        return self.person(account, viewer.role) | {"source": source, "role": role(viewer.role)}

    def status_url(self, post: Post) -> str:
        """The page of a post."""
        return f"{self.url}/@{post.author.username}/{post.id}"

    def status_uri(self, post: Post) -> str:
        """The post's name in the world; a boost's is that of the act."""
        uri = f"{self.url}/users/{post.author.username}/statuses/{post.id}"
        return uri + "/activity" if post.boost else uri

    def status(self, post: Post) -> Entity:
        """Status (8.3) as everybody sees it. A boost says what the original says; `reblog` is left null: see render/statuses.py."""
        shown = post.original
        entity: Entity = {
            "id": str(post.id),
            "created_at": moment(post.created_at),
            "in_reply_to_id": id_or_null(post.reply_to),
            "in_reply_to_account_id": id_or_null(post.reply_to_account),
            "sensitive": shown.sensitive,
            "spoiler_text": shown.spoiler,
            "visibility": post.visibility,
            "language": shown.language,
            "uri": self.status_uri(post),
            "url": self.status_uri(post) if post.boost else self.status_url(post),
            "replies_count": shown.replies_count,
            "reblogs_count": shown.boosts_count,
            "favourites_count": shown.favourites_count,
            "edited_at": moment_or_null(shown.edited_at),
            "content": own_links(shown.html, self.url),
            "reblog": None,
            "account": self.account(post.author),
            "media_attachments": self.media(shown.media),
            "mentions": [self.mention(mention) for mention in shown.mentions],
            "tags": [{"name": tag.key, "url": self.tag_url(tag.key)} for tag in shown.tags],
            "emojis": [],
            "quote": None,
            "card": card(shown.card, self.absolute),
            "poll": None,
        }
        if shown.application:
            entity["application"] = {"name": shown.application, "website": shown.website}
        return entity

    def media(self, several: Iterable[Media]) -> list[Entity]:
        """The media of a post."""
        return [attachment(media, self.absolute) for media in several]

    def mention(self, mention: Mention) -> Entity:
        """Somebody named in a post."""
        name = mention.username
        return {"id": str(mention.account_id), "username": name, "url": self.profile(name), "acct": name}

    def tag_url(self, key: str) -> str:
        """The page of a tag."""
        return f"{self.url}/tags/{quote(key)}"

    def revision(self, author: Account, revision: Revision) -> Entity:
        """StatusEdit (8.19)."""
        entity: Entity = {
            "account": self.account(author),
            "content": own_links(revision.html, self.url),
            "spoiler_text": revision.spoiler,
            "sensitive": revision.sensitive,
            "created_at": moment(revision.created_at),
            "media_attachments": self.media(revision.media),
            "emojis": [],
        }
        if revision.options:
            entity["poll"] = {"options": [{"title": title} for title in revision.options]}
        return entity

    def notification(self, notification: Notification, status: bytes | None) -> Entity:
        """Notification (8.5). `status` is its post, encoded for whoever is told."""
        entity: Entity = {
            "id": str(notification.id),
            "type": notification.kind,
            "created_at": moment(notification.created_at),
            "group_key": notification.key,
            "account": self.account(notification.account),
        }
        if notification.filtered:
            entity["filtered"] = True
        if status is not None:
            entity["status"] = orjson.Fragment(status)
        if notification.warning is not None:
            entity["moderation_warning"] = self.warning(notification.warning, notification.account)
        return entity

    def warning(self, warning: AccountWarning, target: Account) -> Entity:
        """AccountWarning, https://docs.joinmastodon.org/entities/AccountWarning/. There are no appeals here."""
        return {
            "id": str(warning.id),
            "action": warning.action,
            "text": warning.text,
            "status_ids": [str(post) for post in warning.posts],
            "target_account": self.account(target),
            "appeal": None,
            "created_at": moment(warning.created_at),
        }

    def tag(self, use: TagUse) -> Entity:
        """Tag (8.12) as everybody sees it."""
        history = [{"day": str(day.start), "accounts": str(day.people), "uses": str(day.posts)} for day in use.days]
        return {"id": str(use.tag.id), "name": use.tag.name, "url": self.tag_url(use.tag.key), "history": history}


def _emptied(account: Account) -> Account:
    """A suspended account without what its owner wrote and shows, as on Mastodon; its name and numbers stay."""
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
    )


def badge(role: Role) -> Entity:
    """A role as others see it."""
    return {"id": ROLE_IDS[role], "name": ROLE_NAMES[role], "color": ""}


def role(role: Role) -> Entity:
    """What somebody may do, as client programs know it."""
    staff = role is not Role.USER
    return {"id": ROLE_IDS[role], "name": ROLE_NAMES[role], "permissions": PERMISSIONS[role], "color": "", "highlighted": staff}


def source(post: Post) -> Entity:
    """StatusSource (8.19): what was typed."""
    return {"id": str(post.id), "text": post.text, "spoiler_text": post.spoiler}


def relationship(relationship: Relationship) -> Entity:
    """Relationship (8.7)."""
    return {
        "id": str(relationship.id),
        "following": relationship.following,
        "showing_reblogs": relationship.showing_boosts,
        "notifying": relationship.notifying,
        "languages": None if relationship.languages is None else list(relationship.languages),
        "followed_by": relationship.followed_by,
        "blocking": relationship.blocking,
        "blocked_by": relationship.blocked_by,
        "muting": relationship.muting,
        "muting_notifications": relationship.muting_notifications,
        "requested": relationship.requested,
        "requested_by": relationship.requested_by,
        "domain_blocking": False,
        "endorsed": relationship.endorsed,
        "note": relationship.note,
    }


def token(issued: Issued) -> Entity:
    """Token (8.18): shown once."""
    token = issued.token
    return {
        "access_token": issued.text,
        "token_type": "Bearer",
        "scope": " ".join(token.scopes),
        "created_at": int(token.created_at.timestamp()),
    }


def preferences(preferences: Preferences) -> Entity:
    """Preferences (8.16)."""
    return {
        "posting:default:visibility": preferences.visibility,
        "posting:default:sensitive": preferences.sensitive,
        "posting:default:language": preferences.language,
        "reading:expand:media": "default",
        "reading:expand:spoilers": False,
        "reading:autoplay:gifs": False,
    }
