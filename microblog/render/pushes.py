"""Push subscriptions as the API tells them, and what a push message says."""

from __future__ import annotations

import orjson

from microblog.model.pushes import ALERTS, Push, PushPolicy, PushSubscription
from microblog.render.entities import Entities, Entity
from microblog.render.phrases import phrases
from microblog.render.schemas import FLAG, TEXT, URL, WHOLE, entity, one_of, record
from microblog.render.words import excerpt

LONGEST_NAME = 60  # characters
LONGEST_BODY = 140

SUBSCRIPTION = entity(
    "WebPushSubscription",
    {
        "id": WHOLE,
        "endpoint": URL,
        "standard": FLAG,
        "alerts": record({kind.value: FLAG for kind in ALERTS}),
        "policy": one_of(*PushPolicy),
        "server_key": TEXT,
    },
)


def subscription_entity(entities: Entities, subscription: PushSubscription) -> Entity:
    """WebPushSubscription; its id is a number, as programs expect."""
    choice = subscription.choice
    return {
        "id": subscription.id,
        "endpoint": subscription.target.endpoint,
        "standard": subscription.target.standard,
        "alerts": {kind.value: kind in choice.alerts for kind in ALERTS},
        "policy": choice.policy,
        "server_key": entities.vapid,
    }


def message(entities: Entities, push: Push) -> bytes:
    """What Mastodon's programs read. `access_token` is empty: nobody but its program knows a token, but some insist on the key.

    `notification_id` is a number because programs for phones read nothing else.
    """
    note, said = push.note, phrases(push.locale)
    told = (note.post.spoiler or note.post.text) if note.post else note.warning.text if note.warning else note.account.bio
    return orjson.dumps(
        {
            "access_token": "",
            "preferred_locale": push.locale,
            "notification_id": note.id,
            "notification_type": note.kind,
            "icon": entities.absolute(note.account.avatar or entities.avatar),
            "title": said.text(f"push.{note.kind}").format(name=excerpt(note.account.name, LONGEST_NAME)),
            "body": excerpt(told, LONGEST_BODY),
        }
    )
