"""API entities that describe the site: instance, NodeInfo, WebFinger, rules and languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import field, frozen

from microblog.model.accounts import Account, RegistrationMode
from microblog.model.media import (
    MAX_DESCRIPTION,
    MAX_FRAME_RATE,
    MAX_IMAGE_BYTES,
    MAX_IMAGE_PIXELS,
    MAX_MEDIA,
    MAX_VIDEO_BYTES,
    MAX_VIDEO_PIXELS,
)
from microblog.model.polls import MAX_DURATION, MAX_OPTION_LENGTH, MAX_OPTIONS, MIN_DURATION
from microblog.model.posts import MAX_PINNED, URL_LENGTH
from microblog.model.profile_features import MAX_FEATURED_TAGS
from microblog.model.site_texts import TextPage
from microblog.render.api.accounts import ACCOUNT, shown_account
from microblog.render.api.definition import Definition, Entity, Keys, always, copy_of, elsewhere, key, many, optional, part
from microblog.render.api.entities import Entities
from microblog.render.api.reports import RULE, rules_entity
from microblog.render.api.schemas import COUNT, DIGITS, FLAG, HTML, MOMENT, TEXT, TEXTS, URL, WHOLE, array_of, nullable, one_of, record
from microblog.render.api.site import moment
from microblog.render.languages import LANGUAGES
from microblog.render.site_view import SiteView

API_VERSION = "4.4.0"
"""The supported version of Mastodon's API; clients read it from the start of the version string."""
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif")
VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/webm", "video/x-matroska")
AUDIO_TYPES = ("audio/mpeg", "audio/mp3", "audio/mp4", "audio/aac", "audio/x-m4a", "audio/ogg", "audio/wav", "audio/wave", "audio/flac")
MEDIA_LIMITS = {
    "image_size_limit": MAX_IMAGE_BYTES,
    "image_matrix_limit": MAX_IMAGE_PIXELS,
    "video_size_limit": MAX_VIDEO_BYTES,
    "video_frame_rate_limit": MAX_FRAME_RATE,
    "video_matrix_limit": MAX_VIDEO_PIXELS,
}
POLL_LIMITS = {
    "max_options": MAX_OPTIONS,
    "max_characters_per_option": MAX_OPTION_LENGTH,
    "min_expiration": MIN_DURATION,
    "max_expiration": MAX_DURATION,
}


@frozen
class InstanceNumbers:
    """Statistics of the site. `active` and `half_year` count accounts that were active within one month and six months."""

    people: int = 0
    posts: int = 0
    active: int = 0
    half_year: int = 0
    admins: tuple[Account, ...] = ()


@frozen
class InstanceEntities:
    """Builds the site's descriptions. `current_site` describes the site now; `card` and `icon` are paths of images.

    `video_enabled`: video and audio uploads are supported.
    """

    current_site: Callable[[], SiteView]
    entities: Entities
    card: str
    icon: str
    video_enabled: bool = False
    version: str = field(init=False)
    streaming: str = field(init=False)
    media_types: list[str] = field(init=False)

    @property
    def site(self) -> SiteView:
        """The site as it is now."""
        return self.current_site()

    @version.default
    def _version(self) -> str:
        """The version string: the API version, then that of this server."""
        return f"{API_VERSION}+microblog.{self.site.version}" if self.site.version else API_VERSION

    @streaming.default
    def _streaming(self) -> str:
        """The WebSocket URL of the streaming API, on the host of the site."""
        return self.site.url.replace("http", "ws", 1)

    def thumbnail(self, width: int) -> str:
        """Return the URL of the picture of the site, in the size that is at least so wide; of the card if there is none."""
        image = self.site.thumbnail
        return self.entities.absolute(self.card if image is None else image.of_width(width).path)

    @property
    def icons(self) -> list[tuple[str, str]]:
        """Paths and sizes of the icon, the smallest first."""
        files = self.site.icon.files if self.site.icon else ()
        return [(file.path, f"{file.size.width}x{file.size.height}") for file in reversed(files)] or [(self.icon, "180x180")]

    @media_types.default
    def _media_types(self) -> list[str]:
        """MIME types that can be uploaded."""
        return list((*IMAGE_TYPES, *VIDEO_TYPES, *AUDIO_TYPES) if self.video_enabled else IMAGE_TYPES)

    @property
    def is_open(self) -> bool:
        """True if sign-up is open, with or without approval."""
        return self.site.registration in (RegistrationMode.OPEN, RegistrationMode.APPROVAL)

    @property
    def reason_required(self) -> bool:
        """True if applicants have to say why they want to join."""
        return self.approval_required and self.site.reason_required

    @property
    def approval_required(self) -> bool:
        """True if sign-ups need approval by a moderator."""
        return self.site.registration is RegistrationMode.APPROVAL

    def v1(self, numbers: InstanceNumbers) -> Entity:
        """Return the V1Instance entity."""
        return V1_INSTANCE(numbers, self)

    def v2(self, numbers: InstanceNumbers, level: int) -> Entity:
        """Return the Instance entity. `level` is the value of `api_versions.mastodon`."""
        return INSTANCE(VersionedNumbers(numbers, level), self)

    def nodeinfo_links(self) -> Entity:
        """Return the NodeInfo discovery document. Version 2.1, which only other servers ask for, is served with federation."""
        return NODEINFO_LINKS(("2.0", "2.1") if self.site.federates else ("2.0",), self.site.url)

    def nodeinfo(self, numbers: InstanceNumbers) -> Entity:
        """Return the NodeInfo 2.0 document, https://nodeinfo.diaspora.software/schema.html."""
        return NODEINFO(numbers, self)

    def nodeinfo_2_1(self, numbers: InstanceNumbers) -> Entity:
        """Return the NodeInfo 2.1 document."""
        return NODEINFO_2_1(numbers, self)

    def about(self) -> Entity:
        """Return the ExtendedDescription entity; empty if the administrator wrote none."""
        return ABOUT(self.site.texts.about, None)

    def privacy(self) -> Entity:
        """Return the PrivacyPolicy entity."""
        return PRIVACY(self.site.texts.privacy, None)

    def rules(self) -> list[Entity]:
        """Return the Rule entities of the site."""
        return rules_entity(self.site.texts.rules)

    def contact(self, numbers: InstanceNumbers) -> Entity | None:
        """Return the Account entity of the contact administrator."""
        return self.entities.account(numbers.admins[0]) if numbers.admins else None

    def pages_of(self, account: Account) -> tuple[InstancePage, InstancePage]:
        """Return the WebFinger links of an account: its profile page and its avatar."""
        avatar = self.entities.absolute(shown_account(account).avatar or self.entities.avatar)
        return (
            InstancePage("http://webfinger.net/rel/profile-page", "text/html", self.entities.profile(account)),
            InstancePage("http://webfinger.net/rel/avatar", "image/png", avatar),
        )

    def webfinger(self, account: Account) -> Entity:
        """Return the WebFinger document of `acct:name@host` (RFC 7033)."""
        return WEBFINGER(account, self)


@frozen
class VersionedNumbers:
    """Statistics of the site with the supported API level."""

    numbers: InstanceNumbers
    level: int


STREAMING = {"type": "string", "pattern": "^wss?://[^/]+$"}
PUBLIC_KEY = {"type": "string", "pattern": "^[A-Za-z0-9_-]{87}=?$"}
MEDIA_KEYS: Keys[Any, InstanceEntities] = {
    "supported_mime_types": key(TEXTS, lambda _, on: on.media_types),
    **{name: always(COUNT, limit) for name, limit in MEDIA_LIMITS.items()},
}
STATUS_LIMITS: Keys[Any, InstanceEntities] = {
    "max_characters": key(COUNT, lambda _, on: on.site.limit),
    "max_media_attachments": always(COUNT, MAX_MEDIA),
    "characters_reserved_per_url": always(COUNT, URL_LENGTH),
}
POLLS: Keys[Any, InstanceEntities] = {name: always(COUNT, limit) for name, limit in POLL_LIMITS.items()}
ICON = Definition[tuple[str, str], InstanceEntities](
    "", {"src": key(URL, lambda icon, on: on.entities.absolute(icon[0])), "size": key(TEXT, lambda icon, _: icon[1])}
)
V1_INSTANCE = Definition[InstanceNumbers, InstanceEntities](
    "V1Instance",
    {
        "uri": key(TEXT, lambda _, on: on.site.host),
        "title": key(TEXT, lambda _, on: on.site.name),
        "short_description": key(TEXT, lambda _, on: on.site.description),
        "description": copy_of("short_description", TEXT),
        "email": key(TEXT, lambda _, on: on.site.contact or ""),
        "version": key(TEXT, lambda _, on: on.version),
        "urls": part({"streaming_api": key(STREAMING, lambda _, on: on.streaming)}),
        "stats": part(
            {
                "user_count": key(COUNT, lambda numbers, _: numbers.people),
                "status_count": key(COUNT, lambda numbers, _: numbers.posts),
                "domain_count": always(COUNT, 1),
            }
        ),
        "thumbnail": key(URL, lambda _, on: on.thumbnail(1200)),
        "languages": always(TEXTS, ["en"]),
        "registrations": key(FLAG, lambda _, on: on.is_open),
        "approval_required": key(FLAG, lambda _, on: on.approval_required),
        "invites_enabled": key(FLAG, lambda _, on: on.site.registration is not RegistrationMode.CLOSED),
        "configuration": part(
            {
                "accounts": part({"max_featured_tags": always(COUNT, MAX_FEATURED_TAGS)}),
                "statuses": part(STATUS_LIMITS),
                "media_attachments": part(MEDIA_KEYS),
                "polls": part(POLLS),
            }
        ),
        "contact_account": key(nullable(ACCOUNT), lambda numbers, on: on.contact(numbers)),
        "rules": key(array_of(RULE), lambda _, on: on.rules()),
    },
)
INSTANCE = Definition[VersionedNumbers, InstanceEntities](
    "Instance",
    {
        "domain": key(TEXT, lambda _, on: on.site.host),
        "title": key(TEXT, lambda _, on: on.site.name),
        "version": key(TEXT, lambda _, on: on.version),
        "source_url": key(URL, lambda _, on: f"{on.site.url}/about"),
        "description": key(TEXT, lambda _, on: on.site.description),
        "usage": part({"users": part({"active_month": key(COUNT, lambda at, _: at.numbers.active)})}),
        "thumbnail": part(
            {
                "url": key(URL, lambda _, on: on.thumbnail(1200)),
                "blurhash": key(nullable(TEXT), lambda _, on: on.site.thumbnail and on.site.thumbnail.blurhash),
                "versions": part({"@1x": key(URL, lambda _, on: on.thumbnail(1200)), "@2x": key(URL, lambda _, on: on.thumbnail(2400))}),
            }
        ),
        "icon": many(ICON, lambda _, on: on.icons),
        "languages": always(TEXTS, ["en"]),
        "configuration": part(
            {
                "urls": part(
                    {
                        "streaming": key(STREAMING, lambda _, on: on.streaming),
                        "status": always(nullable(URL), None),
                        "about": key(URL, lambda _, on: f"{on.site.url}/about"),
                        "privacy_policy": key(nullable(URL), lambda _, on: f"{on.site.url}/about#privacy"),
                        "terms_of_service": always(nullable(URL), None),
                    }
                ),
                "vapid": part({"public_key": key(PUBLIC_KEY, lambda _, on: on.entities.vapid)}),
                "accounts": part({"max_featured_tags": always(COUNT, MAX_FEATURED_TAGS), "max_pinned_statuses": always(COUNT, MAX_PINNED)}),
                "statuses": part(STATUS_LIMITS),
                "media_attachments": part({"description_limit": always(COUNT, MAX_DESCRIPTION), **MEDIA_KEYS}),
                "polls": part(POLLS),
                "translation": part({"enabled": always(FLAG, False)}),
                "limited_federation": key(FLAG, lambda _, on: on.site.limited_federation),
            }
        ),
        "registrations": part(
            {
                "enabled": key(FLAG, lambda _, on: on.is_open),
                "approval_required": key(FLAG, lambda _, on: on.approval_required),
                "reason_required": key(FLAG, lambda _, on: on.reason_required),
                "message": key(nullable(HTML), lambda _, on: None if on.is_open else on.site.closed_message or None),
                "min_age": always(nullable(COUNT), None),
                "url": key(
                    nullable(URL), lambda _, on: None if on.site.registration is RegistrationMode.CLOSED else f"{on.site.url}/signup"
                ),
            }
        ),
        "api_versions": part({"mastodon": key(WHOLE, lambda at, _: at.level)}),
        "contact": part(
            {
                "email": key(TEXT, lambda _, on: on.site.contact or ""),
                "account": key(nullable(ACCOUNT), lambda at, on: on.contact(at.numbers)),
            }
        ),
        "rules": key(array_of(RULE), lambda _, on: on.rules()),
    },
)
NODEINFO_LINK = Definition[str, str](
    "",
    {
        "rel": key(URL, lambda version, _: f"http://nodeinfo.diaspora.software/ns/schema/{version}"),
        "href": key(URL, lambda version, url: f"{url}/nodeinfo/{version}"),
    },
)
NODEINFO_LINKS = Definition[tuple[str, ...], str]("NodeInfoLinks", {"links": many(NODEINFO_LINK, lambda versions, _: versions)})
"""The NodeInfo discovery document of the site with this URL, with the versions that it serves."""
NODEINFO = Definition[InstanceNumbers, InstanceEntities](
    "NodeInfo",
    {
        "version": always(one_of("2.0"), "2.0"),
        "software": part(
            {
                "name": always({"type": "string", "pattern": "^[a-z0-9-]+$"}, "microblog"),
                "version": key(TEXT, lambda _, on: on.site.version),
            }
        ),
        "protocols": key(TEXTS, lambda _, on: ["activitypub"] if on.site.federates else []),
        "services": part({"outbound": always(TEXTS, ["atom1.0"]), "inbound": always(TEXTS, [])}),
        "usage": part(
            {
                "users": part(
                    {
                        "total": key(COUNT, lambda numbers, _: numbers.people),
                        "activeMonth": key(COUNT, lambda numbers, _: numbers.active),
                        "activeHalfyear": key(COUNT, lambda numbers, _: numbers.half_year),
                    }
                ),
                "localPosts": key(COUNT, lambda numbers, _: numbers.posts),
            }
        ),
        "openRegistrations": key(FLAG, lambda _, on: on.site.registration is RegistrationMode.OPEN),
        "metadata": part(
            {
                "nodeName": key(TEXT, lambda _, on: on.site.name),
                "nodeDescription": key(TEXT, lambda _, on: on.site.description),
            }
        ),
    },
)
NODEINFO_2_1 = Definition[InstanceNumbers, InstanceEntities](
    "NodeInfo21", {"version": always(one_of("2.1"), "2.1")}, base=(NODEINFO, lambda numbers, _: numbers)
)
"""NodeInfo 2.1: the same properties are required, and the optional ones are left out."""
ABOUT = Definition[TextPage | None, None](
    "ExtendedDescription",
    {
        "updated_at": key(nullable(MOMENT), lambda text, _: moment(text.updated_at) if text else None),
        "content": key(HTML, lambda text, _: text.html if text else ""),
    },
)
PRIVACY = Definition[TextPage, None](
    "PrivacyPolicy", {"updated_at": key(MOMENT, lambda text, _: moment(text.updated_at)), "content": key(HTML, lambda text, _: text.html)}
)


@frozen
class InstancePage:
    """A link of a WebFinger document."""

    rel: str
    type: str
    href: str


WEBFINGER_LINK = Definition[InstancePage, InstanceEntities](
    "",
    {
        "rel": key(TEXT, lambda page, _: page.rel),
        "type": optional(TEXT, lambda page, _: page.type),
        "href": optional(URL, lambda page, _: page.href),
        "template": elsewhere(URL),
    },
)
WEBFINGER = Definition[Account, InstanceEntities](
    "WebFinger",
    {
        "subject": key(TEXT, lambda account, on: f"acct:{account.username}@{on.site.host}"),
        "aliases": key(array_of(URL), lambda account, on: [on.entities.profile(account), on.entities.uri(account)]),
        "links": many(WEBFINGER_LINK, lambda account, on: on.pages_of(account)),
    },
)
HOST_META = record({"links": array_of(record({"rel": TEXT, "template": TEXT}))})
Week = tuple[int, int, int, int]
"""Start in Unix time, number of posts, logins and registrations."""
WEEK = Definition[Week, None](
    "InstanceActivity",
    {
        "week": key(DIGITS, lambda week, _: str(week[0])),
        "statuses": key(DIGITS, lambda week, _: str(week[1])),
        "logins": key(DIGITS, lambda week, _: str(week[2])),
        "registrations": key(DIGITS, lambda week, _: str(week[3])),
    },
)
LANGUAGE = Definition[tuple[str, str], None](
    "Language", {"code": key(TEXT, lambda language, _: language[0]), "name": key(TEXT, lambda language, _: language[1])}
)


def weeks(counted: Iterable[Week]) -> list[Entity]:
    """Return the InstanceActivity entities; all values are strings, as on Mastodon."""
    return WEEK.each(counted, None)


def languages() -> list[Entity]:
    """Return the Language entities of the languages that a post can have."""
    return LANGUAGE.each(LANGUAGES, None)
