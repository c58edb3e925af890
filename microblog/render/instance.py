"""What the site tells programs about itself."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.model.accounts import Account, Registration
from microblog.render.entities import Entities, Entity, moment
from microblog.render.entities_reports import rules_entity
from microblog.render.languages import LANGUAGES
from microblog.render.views import Site

LEVEL = "4.4.0"
"""The level of Mastodon's API that is served; programs read it from the beginning of the version."""
URL_LENGTH = 23
MOST_MEDIA = 4
MOST_PINNED = 5
MOST_FEATURED_TAGS = 10
LONGEST_DESCRIPTION = 1_500
PICTURE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif")
FILM_TYPES = ("video/mp4", "video/quicktime", "video/webm", "video/x-matroska")
SOUND_TYPES = ("audio/mpeg", "audio/mp3", "audio/mp4", "audio/aac", "audio/x-m4a", "audio/ogg", "audio/wav", "audio/wave", "audio/flac")
MEDIA_LIMITS = {
    "image_size_limit": 16_777_216,
    "image_matrix_limit": 33_177_600,
    "video_size_limit": 103_809_024,
    "video_frame_rate_limit": 120,
    "video_matrix_limit": 8_294_400,
}
POLL_LIMITS = {"max_options": 4, "max_characters_per_option": 50, "min_expiration": 300, "max_expiration": 2_629_746}


@frozen
class Numbers:
    """The site in figures. `active` was here within a month, `half_year` within six."""

    people: int = 0
    posts: int = 0
    active: int = 0
    half_year: int = 0
    admins: tuple[Account, ...] = ()


@frozen
class InstanceEntities:
    """Makes the descriptions. `card` and `icon` are paths of pictures; `films` says whether films and sound are taken."""

    site: Site
    entities: Entities
    card: str
    icon: str
    films: bool = False

    @property
    def media_limits(self) -> Entity:
        """What may be uploaded."""
        types = (*PICTURE_TYPES, *FILM_TYPES, *SOUND_TYPES) if self.films else PICTURE_TYPES
        return {"supported_mime_types": list(types), **MEDIA_LIMITS}

    @property
    def version(self) -> str:
        """Our version behind the level of the API."""
        return f"{LEVEL}+microblog.{self.site.version}" if self.site.version else LEVEL

    @property
    def streaming(self) -> str:
        """Where streams are: our own host by WebSocket."""
        return self.site.url.replace("http", "ws", 1)

    def v1(self, numbers: Numbers) -> Entity:
        """V1Instance (8.9)."""
        site = self.site
        return {
            "uri": site.host,
            "title": site.name,
            "short_description": site.description,
            "description": site.description,
            "email": site.contact or "",
            "version": self.version,
            "urls": {"streaming_api": self.streaming},
            "stats": {"user_count": numbers.people, "status_count": numbers.posts, "domain_count": 1},
            "thumbnail": self.entities.absolute(self.card),
            "languages": ["en"],
            "registrations": site.registration in (Registration.OPEN, Registration.APPROVAL),
            "approval_required": site.registration is Registration.APPROVAL,
            "invites_enabled": site.registration is not Registration.CLOSED,
            "configuration": {
                "accounts": {"max_featured_tags": MOST_FEATURED_TAGS},
                "statuses": self._statuses(),
                "media_attachments": self.media_limits,
                "polls": POLL_LIMITS,
            },
            "contact_account": self._contact(numbers),
            "rules": self.rules(),
        }

    def v2(self, numbers: Numbers, level: int) -> Entity:
        """Instance (8.10). `level` is that of the API, as `api_versions` tells it."""
        site, card = self.site, self.entities.absolute(self.card)
        return {
            "domain": site.host,
            "title": site.name,
            "version": self.version,
            "source_url": f"{site.url}/about",
            "description": site.description,
            "usage": {"users": {"active_month": numbers.active}},
            "thumbnail": {"url": card, "blurhash": None, "versions": {"@1x": card, "@2x": card}},
            "icon": [{"src": self.entities.absolute(self.icon), "size": "180x180"}],
            "languages": ["en"],
            "configuration": self._configuration(),
            "registrations": self._registrations(),
            "api_versions": {"mastodon": level},
            "contact": {"email": site.contact or "", "account": self._contact(numbers)},
            "rules": self.rules(),
        }

    def _configuration(self) -> Entity:
        return {
            "urls": {
                "streaming": self.streaming,
                "status": None,
                "about": f"{self.site.url}/about",
                "privacy_policy": f"{self.site.url}/about#privacy",
                "terms_of_service": None,
            },
            "vapid": {"public_key": self.entities.vapid},
            "accounts": {"max_featured_tags": MOST_FEATURED_TAGS, "max_pinned_statuses": MOST_PINNED},
            "statuses": self._statuses(),
            "media_attachments": {"description_limit": LONGEST_DESCRIPTION, **self.media_limits},
            "polls": POLL_LIMITS,
            "translation": {"enabled": False},
            "limited_federation": True,
        }

    def _registrations(self) -> Entity:
        mode = self.site.registration
        return {
            "enabled": mode in (Registration.OPEN, Registration.APPROVAL),
            "approval_required": mode is Registration.APPROVAL,
            "reason_required": mode is Registration.APPROVAL,
            "message": None,
            "min_age": None,
            "url": None if mode is Registration.CLOSED else f"{self.site.url}/signup",
        }

    def _statuses(self) -> Entity:
        return {
            "max_characters": self.site.limit,
            "max_media_attachments": MOST_MEDIA,
            "characters_reserved_per_url": URL_LENGTH,
        }

    def _contact(self, numbers: Numbers) -> Entity | None:
        return self.entities.account(numbers.admins[0]) if numbers.admins else None

    def nodeinfo(self, numbers: Numbers) -> Entity:
        """NodeInfo 2.0."""
        users = {"total": numbers.people, "activeMonth": numbers.active, "activeHalfyear": numbers.half_year}
        return {
            "version": "2.0",
            "software": {"name": "microblog", "version": self.site.version},
            "protocols": [],
            "services": {"outbound": ["atom1.0"], "inbound": []},
            "usage": {"users": users, "localPosts": numbers.posts},
            "openRegistrations": self.site.registration is Registration.OPEN,
            "metadata": {"nodeName": self.site.name, "nodeDescription": self.site.description},
        }

    def about(self) -> Entity:
        """The Mastodon API entity ExtendedDescription; empty where nothing is said beyond the description."""
        said = self.site.texts.about
        return {"updated_at": moment(said.updated_at) if said else None, "content": said.html if said else ""}

    def privacy(self) -> Entity:
        """PrivacyPolicy (8.21)."""
        said = self.site.texts.privacy
        return {"updated_at": moment(said.updated_at), "content": said.html}

    def rules(self) -> list[Entity]:
        """What people here keep to."""
        return rules_entity(self.site.texts.rules)

    def webfinger(self, account: Account) -> Entity:
        """Who `acct:name@host` is (RFC 7033)."""
        shown = self.entities.account(account)
        picture = shown["avatar"]
        return {
            "subject": f"acct:{account.username}@{self.site.host}",
            "aliases": [shown["url"], shown["uri"]],
            "links": [
                {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": shown["url"]},
                {"rel": "http://webfinger.net/rel/avatar", "type": "image/png", "href": picture},
            ],
        }


def weeks(counted: Sequence[tuple[int, int, int, int]]) -> list[Entity]:
    """(start in seconds since 1970, posts, logins, registrations) of each week, all as text."""
    names = ("week", "statuses", "logins", "registrations")
    return [dict(zip(names, map(str, week), strict=True)) for week in counted]


def languages() -> list[Entity]:
    """The languages that posts may be in."""
    return [{"code": code, "name": name} for code, name in LANGUAGES]
