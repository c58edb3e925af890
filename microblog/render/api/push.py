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
    return key(FLAG, lambda subscription, _: kind in subscription.choice.alerts)


SUBSCRIPTION = Definition[PushSubscription, SiteUrls](
    "WebPushSubscription",
    {
        "id": key(WHOLE, lambda subscription, _: subscription.id),  # a number, as clients expect
        "endpoint": key(URL, lambda subscription, _: subscription.target.endpoint),
        "standard": key(FLAG, lambda subscription, _: subscription.target.standard),
        "alerts": part({kind.value: _alert(kind) for kind in ALERTS}),
        "policy": key(one_of(*PushPolicy), lambda subscription, _: subscription.choice.policy),
        "server_key": key(TEXT, lambda _, site: site.vapid),
    },
)


def push_payload(site: SiteUrls, push: PushMessage) -> bytes:
    """Return the JSON payload that Mastodon's clients expect.

    `access_token` is empty, because only the client knows its token, but some clients require the key. `notification_id` is a number,
    because mobile clients accept nothing else.
    """
    note, translations = push.notification, translations_for(push.locale)
    body = (note.post.spoiler or note.post.text) if note.post else note.warning.text if note.warning else note.account.bio
    return orjson.dumps(
        {
            "access_token": "",
            "preferred_locale": push.locale,
            "notification_id": note.id,
            "notification_type": note.kind,
            "icon": site.absolute(note.account.avatar or site.avatar),
            "title": translations.text(f"push.{note.kind}").format(name=excerpt(note.account.name, MAX_NAME)),
            "body": excerpt(body, MAX_BODY),
        }
    )
