"""JSON Schema (2020-12) of what the API answers: every key is there, and has exactly this type.

`entity` names a schema; where it is used, it is a reference into `NAMED`. Features with entities of their own have a module beside
this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]

NAMED: dict[str, Schema] = {}
"""Every named schema, as `#/components/schemas/NAME`."""


def ref(name: str) -> Schema:
    """The schema of that name, which may be defined later."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(keys: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """An object with exactly these keys, all required but the `optional` ones."""
    left_out = set(optional)
    return {
        "type": "object",
        "properties": dict(keys),
        "required": [key for key in keys if key not in left_out],
        "additionalProperties": False,
    }


def entity(name: str, keys: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """Name a record."""
    assert name not in NAMED, f"There are two schemas called {name}."
    NAMED[name] = record(keys, optional)
    return ref(name)


def extended(name: str, base: str, keys: Mapping[str, Schema], *, optional: Iterable[str] = (), without: Iterable[str] = ()) -> Schema:
    """Name a record that has these keys beside those of another, or instead of some."""
    left_out = set(without)
    kept = {key: schema for key, schema in NAMED[base]["properties"].items() if key not in left_out}
    spare = {key for key in kept if key not in NAMED[base]["required"]}
    return entity(name, {**kept, **keys}, spare | set(optional))


def array_of(schema: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": schema}


def nullable(schema: Schema) -> Schema:
    """It, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(*values: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(values)}


TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
ANY: Schema = {}
NULL: Schema = {"type": "null"}
FILE: Schema = {"type": "string", "format": "binary"}
ID: Schema = {"type": "string", "pattern": "^[0-9]+$"}
URL: Schema = {"type": "string", "format": "uri", "pattern": "^https?://"}
HTML: Schema = {"type": "string", "description": "Safe HTML."}
DATE: Schema = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"}
MOMENT: Schema = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
MIDNIGHT: Schema = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT00:00:00\.000Z$"}
DIGITS: Schema = {"type": "string", "pattern": "^[0-9]+$", "description": "A number as text."}
TEXTS = array_of(TEXT)
IDS = array_of(ID)
EMPTY = record({})
VISIBILITY = one_of("public", "unlisted", "private", "direct")

NAMED["Error"] = {
    "type": "object",
    "properties": {
        "error": TEXT,
        "error_description": TEXT,
        "details": {"type": "object", "additionalProperties": array_of(record({"error": TEXT, "description": TEXT}))},
    },
    "required": ["error"],
}
ERROR = ref("Error")

EMOJI = entity("CustomEmoji", {"shortcode": TEXT, "url": URL, "static_url": URL, "visible_in_picker": FLAG, "category": TEXT}, ["category"])
FIELD = entity("Field", {"name": TEXT, "value": HTML, "verified_at": nullable(MOMENT)})
ACCOUNT_ROLE = entity("AccountRole", {"id": ID, "name": TEXT, "color": TEXT})
ACCOUNT = entity(
    "Account",
    {
        "id": ID,
        "username": TEXT,
        "acct": TEXT,
        "display_name": TEXT,
        "locked": FLAG,
        "bot": FLAG,
        "discoverable": nullable(FLAG),
        "indexable": FLAG,
        "group": FLAG,
        "created_at": MIDNIGHT,
        "note": HTML,
        "url": URL,
        "uri": URL,
        "avatar": URL,
        "avatar_static": URL,
        "header": URL,
        "header_static": URL,
        "followers_count": {"type": "integer", "minimum": -1},
        "following_count": {"type": "integer", "minimum": -1},
        "statuses_count": COUNT,
        "last_status_at": nullable(DATE),
        "hide_collections": nullable(FLAG),
        "noindex": FLAG,
        "suspended": FLAG,
        "limited": FLAG,
        "emojis": array_of(EMOJI),
        "roles": array_of(ACCOUNT_ROLE),
        "fields": array_of(FIELD),
    },
    ["suspended", "limited"],
)
MUTED_ACCOUNT = extended("MutedAccount", "Account", {"mute_expires_at": nullable(MOMENT)})
ROLE = entity(
    "Role", {"id": {"type": "string", "pattern": "^-?[0-9]+$"}, "name": TEXT, "permissions": DIGITS, "color": TEXT, "highlighted": FLAG}
)
CREDENTIAL_ACCOUNT = extended(
    "CredentialAccount",
    "Account",
    {
        "source": record(
            {
                "privacy": VISIBILITY,
                "sensitive": FLAG,
                "language": nullable(TEXT),
                "note": TEXT,
                "fields": array_of(record({"name": TEXT, "value": TEXT, "verified_at": nullable(MOMENT)})),
                "follow_requests_count": COUNT,
                "hide_collections": nullable(FLAG),
                "discoverable": nullable(FLAG),
                "indexable": FLAG,
                "attribution_domains": TEXTS,
            }
        ),
        "role": ROLE,
    },
)
_RELATION_FLAGS = (
    "following showing_reblogs notifying followed_by blocking blocked_by muting muting_notifications requested requested_by"
    " domain_blocking endorsed"
)
RELATIONSHIP = entity(
    "Relationship", {"id": ID, **dict.fromkeys(_RELATION_FLAGS.split(), FLAG), "languages": nullable(TEXTS), "note": TEXT}
)

SIZE = record({"width": WHOLE, "height": WHOLE, "size": TEXT, "aspect": NUMBER})
MEDIA = entity(
    "MediaAttachment",
    {
        "id": ID,
        "type": one_of("image", "gifv", "video", "audio", "unknown"),
        "url": nullable(URL),
        "preview_url": nullable(URL),
        "remote_url": nullable(URL),
        "preview_remote_url": nullable(URL),
        "text_url": nullable(URL),
        "meta": nullable({"type": "object"}),
        "description": nullable(TEXT),
        "blurhash": nullable(TEXT),
    },
)
POLL = entity(
    "Poll",
    {
        "id": ID,
        "expires_at": nullable(MOMENT),
        "expired": FLAG,
        "multiple": FLAG,
        "votes_count": COUNT,
        "voters_count": nullable(COUNT),
        "voted": FLAG,
        "own_votes": array_of(COUNT),
        "options": array_of(record({"title": TEXT, "votes_count": nullable(COUNT)})),
        "emojis": array_of(EMOJI),
    },
    ["voted", "own_votes"],
)
CARD_KEYS: dict[str, Schema] = {
    "url": URL,
    "title": TEXT,
    "description": TEXT,
    "language": nullable(TEXT),
    "type": one_of("link", "photo", "video", "rich"),
    "author_name": TEXT,
    "author_url": TEXT,
    "provider_name": TEXT,
    "provider_url": TEXT,
    "html": TEXT,
    "width": COUNT,
    "height": COUNT,
    "image": nullable(URL),
    "image_description": TEXT,
    "embed_url": TEXT,
    "blurhash": nullable(TEXT),
    "published_at": nullable(MOMENT),
    "authors": array_of(record({"name": TEXT, "url": TEXT, "account": nullable(ACCOUNT)})),
}
CARD = entity("PreviewCard", CARD_KEYS)
FILTER_CONTEXT = one_of("home", "notifications", "public", "thread", "account")
FILTER_KEYS: dict[str, Schema] = {
    "id": ID,
    "title": TEXT,
    "context": array_of(FILTER_CONTEXT),
    "expires_at": nullable(MOMENT),
    "filter_action": one_of("warn", "hide", "blur"),
}
FILTER_RESULT = entity(
    "FilterResult",
    {"filter": record(FILTER_KEYS), "keyword_matches": nullable(TEXTS), "status_matches": nullable(IDS)},
)
STATUS_APPLICATION = record({"name": TEXT, "website": nullable(URL)})
STATUS = entity(
    "Status",
    {
        "id": ID,
        "created_at": MOMENT,
        "in_reply_to_id": nullable(ID),
        "in_reply_to_account_id": nullable(ID),
        "sensitive": FLAG,
        "spoiler_text": TEXT,
        "visibility": VISIBILITY,
        "language": nullable(TEXT),
        "uri": URL,
        "url": nullable(URL),
        "replies_count": COUNT,
        "reblogs_count": COUNT,
        "favourites_count": COUNT,
        "edited_at": nullable(MOMENT),
        "favourited": FLAG,
        "reblogged": FLAG,
        "muted": FLAG,
        "bookmarked": FLAG,
        "pinned": FLAG,
        "content": HTML,
        "filtered": array_of(FILTER_RESULT),
        "reblog": nullable(ref("Status")),
        "application": STATUS_APPLICATION,
        "account": ACCOUNT,
        "media_attachments": array_of(MEDIA),
        "mentions": array_of(record({"id": ID, "username": TEXT, "url": URL, "acct": TEXT})),
        "tags": array_of(record({"name": TEXT, "url": URL})),
        "emojis": array_of(EMOJI),
        "quote": NULL,
        "card": nullable(CARD),
        "poll": nullable(POLL),
    },
    ["favourited", "reblogged", "muted", "bookmarked", "pinned", "filtered", "application"],
)
DELETED_STATUS = extended("DeletedStatus", "Status", {"text": TEXT}, without=["content"])
CONTEXT = entity("Context", {"ancestors": array_of(STATUS), "descendants": array_of(STATUS)})
STATUS_SOURCE = entity("StatusSource", {"id": ID, "text": TEXT, "spoiler_text": TEXT})
STATUS_EDIT = entity(
    "StatusEdit",
    {
        "account": ACCOUNT,
        "content": HTML,
        "spoiler_text": TEXT,
        "sensitive": FLAG,
        "created_at": MOMENT,
        "media_attachments": array_of(MEDIA),
        "emojis": array_of(EMOJI),
        "poll": record({"options": array_of(record({"title": TEXT}))}),
    },
    ["poll"],
)

NOTIFICATION_TYPE = one_of(
    "mention",
    "status",
    "reblog",
    "follow",
    "follow_request",
    "favourite",
    "poll",
    "update",
    "admin.sign_up",
    "admin.report",
    "moderation_warning",
)
ACCOUNT_WARNING = entity(
    "AccountWarning",
    {
        "id": ID,
        "action": one_of("none", "disable", "silence", "suspend"),
        "text": TEXT,
        "status_ids": IDS,
        "target_account": ACCOUNT,
        "appeal": {"type": "null"},
        "created_at": MOMENT,
    },
)
NOTIFICATION = entity(
    "Notification",
    {
        "id": ID,
        "type": NOTIFICATION_TYPE,
        "created_at": MOMENT,
        "group_key": TEXT,
        "filtered": FLAG,
        "account": ACCOUNT,
        "status": STATUS,
        "report": {"type": "object"},
        "moderation_warning": ACCOUNT_WARNING,
    },
    ["filtered", "status", "report", "moderation_warning"],
)
TAG = entity(
    "Tag",
    {
        "id": ID,
        "name": TEXT,
        "url": URL,
        "history": {**array_of(record({"day": DIGITS, "accounts": DIGITS, "uses": DIGITS})), "minItems": 7, "maxItems": 7},
        "following": FLAG,
        "featuring": FLAG,
    },
    ["following", "featuring"],
)
FEATURED_TAG = entity("FeaturedTag", {"id": ID, "name": TEXT, "url": URL, "statuses_count": DIGITS, "last_status_at": nullable(DATE)})
PREFERENCES = entity(
    "Preferences",
    {
        "posting:default:visibility": VISIBILITY,
        "posting:default:sensitive": FLAG,
        "posting:default:language": nullable(TEXT),
        "reading:expand:media": one_of("default", "show_all", "hide_all"),
        "reading:expand:spoilers": FLAG,
        "reading:autoplay:gifs": FLAG,
    },
)
MARKER = entity("Marker", {"last_read_id": ID, "version": COUNT, "updated_at": MOMENT})
MARKERS = entity("Markers", {"home": MARKER, "notifications": MARKER}, ["home", "notifications"])
SEARCH = entity("Search", {"accounts": array_of(ACCOUNT), "statuses": array_of(STATUS), "hashtags": array_of(TAG)})
TOKEN = entity("Token", {"access_token": TEXT, "token_type": one_of("Bearer"), "scope": TEXT, "created_at": WHOLE})
