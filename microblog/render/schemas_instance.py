"""What the site tells about itself: Instance in both versions, NodeInfo, WebFinger."""

from __future__ import annotations

from microblog.render.schemas import (
    ACCOUNT,
    COUNT,
    DIGITS,
    FLAG,
    HTML,
    ID,
    MOMENT,
    TEXT,
    TEXTS,
    URL,
    WHOLE,
    array_of,
    entity,
    nullable,
    one_of,
    record,
)

RULE = entity(
    "Rule",
    {
        "id": ID,
        "text": TEXT,
        "hint": TEXT,
        "translations": {"type": "object", "additionalProperties": record({"text": TEXT, "hint": TEXT})},
    },
)
_STATUSES = record({"max_characters": COUNT, "max_media_attachments": COUNT, "characters_reserved_per_url": COUNT})
_MEDIA_KEYS = {
    "supported_mime_types": TEXTS,
    "image_size_limit": COUNT,
    "image_matrix_limit": COUNT,
    "video_size_limit": COUNT,
    "video_frame_rate_limit": COUNT,
    "video_matrix_limit": COUNT,
}
_POLLS = record({"max_options": COUNT, "max_characters_per_option": COUNT, "min_expiration": COUNT, "max_expiration": COUNT})
V1_INSTANCE = entity(
    "V1Instance",
    {
        "uri": TEXT,
        "title": TEXT,
        "short_description": TEXT,
        "description": TEXT,
        "email": TEXT,
        "version": TEXT,
        "urls": record({"streaming_api": {"type": "string", "pattern": "^wss?://[^/]+$"}}),
        "stats": record({"user_count": COUNT, "status_count": COUNT, "domain_count": COUNT}),
        "thumbnail": URL,
        "languages": TEXTS,
        "registrations": FLAG,
        "approval_required": FLAG,
        "invites_enabled": FLAG,
        "configuration": record(
            {
                "accounts": record({"max_featured_tags": COUNT}),
                "statuses": _STATUSES,
                "media_attachments": record(_MEDIA_KEYS),
                "polls": _POLLS,
            }
        ),
        "contact_account": nullable(ACCOUNT),
        "rules": array_of(RULE),
    },
)
INSTANCE = entity(
    "Instance",
    {
        "domain": TEXT,
        "title": TEXT,
        "version": TEXT,
        "source_url": URL,
        "description": TEXT,
        "usage": record({"users": record({"active_month": COUNT})}),
        "thumbnail": record({"url": URL, "blurhash": nullable(TEXT), "versions": record({"@1x": URL, "@2x": URL})}),
        "icon": array_of(record({"src": URL, "size": TEXT})),
        "languages": TEXTS,
        "configuration": record(
            {
                "urls": record(
                    {
                        "streaming": {"type": "string", "pattern": "^wss?://[^/]+$"},
                        "status": nullable(URL),
                        "about": URL,
                        "privacy_policy": nullable(URL),
                        "terms_of_service": nullable(URL),
                    }
                ),
                "vapid": record({"public_key": {"type": "string", "pattern": "^[A-Za-z0-9_-]{87}=?$"}}),
                "accounts": record({"max_featured_tags": COUNT, "max_pinned_statuses": COUNT}),
                "statuses": _STATUSES,
                "media_attachments": record({"description_limit": COUNT, **_MEDIA_KEYS}),
                "polls": _POLLS,
                "translation": record({"enabled": FLAG}),
                "limited_federation": FLAG,
            }
        ),
        "registrations": record(
            {
                "enabled": FLAG,
                "approval_required": FLAG,
                "reason_required": FLAG,
                "message": nullable(TEXT),
                "min_age": nullable(COUNT),
                "url": nullable(URL),
            }
        ),
        "api_versions": record({"mastodon": WHOLE}),
        "contact": record({"email": TEXT, "account": nullable(ACCOUNT)}),
        "rules": array_of(RULE),
    },
)
WEEK = entity("InstanceActivity", {"week": DIGITS, "statuses": DIGITS, "logins": DIGITS, "registrations": DIGITS})
LANGUAGE = entity("Language", {"code": TEXT, "name": TEXT})
ABOUT = entity("ExtendedDescription", {"updated_at": nullable(MOMENT), "content": HTML})
PRIVACY = entity("PrivacyPolicy", {"updated_at": MOMENT, "content": HTML})
NODEINFO_LINKS = entity("NodeInfoLinks", {"links": array_of(record({"rel": URL, "href": URL}))})
NODEINFO = entity(
    "NodeInfo",
    {
        "version": one_of("2.0"),
        "software": record({"name": {"type": "string", "pattern": "^[a-z0-9-]+$"}, "version": TEXT}),
        "protocols": TEXTS,
        "services": record({"outbound": TEXTS, "inbound": TEXTS}),
        "usage": record(
            {"users": record({"total": COUNT, "activeMonth": COUNT, "activeHalfyear": COUNT}), "localPosts": COUNT},
        ),
        "openRegistrations": FLAG,
        "metadata": record({"nodeName": TEXT, "nodeDescription": TEXT}),
    },
)
WEBFINGER = entity(
    "WebFinger",
    {
        "subject": TEXT,
        "aliases": array_of(URL),
        "links": array_of(record({"rel": TEXT, "type": TEXT, "href": URL, "template": URL}, ["type", "href", "template"])),
    },
)
HOST_META = record({"links": array_of(record({"rel": TEXT, "template": TEXT}))})
