"""API entity of a push subscription, and the payload of a push message."""

from __future__ import annotations

import orjson

from microblog.model.notifications import NotificationKind
from microblog.model.push import ALERTS, PushMessage, PushPolicy, PushSubscription
from microblog.render.api.definition import Definition, Key, key, part
from microblog.render.api.schemas import FLAG, TEXT, URL, WHOLE, one_of
from microblog.render.api.site import SiteUrls
from microblog.render.formatting import excerpt
from microblog.render.translations import translations_for

MAX_NAME = 60  # characters
MAX_BODY = 140


def _alert(kind: NotificationKind) -> Key[PushSubscription, SiteUrls]:
    return key(FLAG, lambda made, _: kind in made.choice.alerts)


SUBSCRIPTION = Definition[PushSubscription, SiteUrls](
    "WebPushSubscription",
    {
        "id": key(WHOLE, lambda made, _: made.id),  # a number, as clients expect
        "endpoint": key(URL, lambda made, _: made.target.endpoint),
        "standard": key(FLAG, lambda made, _: made.target.standard),
        "alerts": part({kind.value: _alert(kind) for kind in ALERTS}),
        "policy": key(one_of(*PushPolicy), lambda made, _: made.choice.policy),
        "server_key": key(TEXT, lambda _, site: site.vapid),
    },
)


def push_payload(site: SiteUrls, push: PushMessage) -> bytes:
    """Return the JSON payload that Mastodon's clients expect.

    `access_token` is empty, because only the client knows its token, but some clients require the key. `notification_id` is a number,
    because mobile clients accept nothing else.
    """
    note, said = push.note, translations_for(push.locale)
    told = (note.post.spoiler or note.post.text) if note.post else note.warning.text if note.warning else note.account.bio
    return orjson.dumps(
        {
            "access_token": "",
            "preferred_locale": push.locale,
            "notification_id": note.id,
            "notification_type": note.kind,
            "icon": site.absolute(note.account.avatar or site.avatar),
            "title": said.text(f"push.{note.kind}").format(name=excerpt(note.account.name, MAX_NAME)),
            "body": excerpt(told, MAX_BODY),
        }
    )
