"""Notifications that are told together, and the policy about them, as the API tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
from attrs import fields

from microblog.model.accounts import Account
from microblog.model.ids import PostId
from microblog.model.notification_policy import NotificationRequest, Pending, Policy, Treatment
from microblog.model.notifications import NotificationGroup
from microblog.render.entities import Entities, Entity, moment
from microblog.render.schemas import (
    ACCOUNT,
    ACCOUNT_WARNING,
    COUNT,
    DIGITS,
    FLAG,
    ID,
    IDS,
    MOMENT,
    NOTIFICATION_TYPE,
    STATUS,
    TEXT,
    URL,
    WHOLE,
    array_of,
    entity,
    nullable,
    one_of,
    record,
)

OLD_REASONS = ("not_following", "not_followers", "new_accounts", "private_mentions")
PARTIAL_ACCOUNT = entity(
    "PartialAccountWithAvatar",
    {"id": ID, "acct": TEXT, "locked": FLAG, "bot": FLAG, "url": URL, "avatar": URL, "avatar_static": URL},
)
GROUP = entity(
    "NotificationGroup",
    {
        "group_key": TEXT,
        "notifications_count": COUNT,
        "type": NOTIFICATION_TYPE,
        "most_recent_notification_id": WHOLE,
        "page_min_id": ID,
        "page_max_id": ID,
        "latest_page_notification_at": MOMENT,
        "sample_account_ids": IDS,
        "status_id": ID,
        "moderation_warning": ACCOUNT_WARNING,
    },
    ["page_min_id", "page_max_id", "latest_page_notification_at", "status_id", "moderation_warning"],
)
GROUPS = entity(
    "GroupedNotificationsResults",
    {
        "accounts": array_of(ACCOUNT),
        "partial_accounts": array_of(PARTIAL_ACCOUNT),
        "statuses": array_of(STATUS),
        "notification_groups": array_of(GROUP),
    },
    ["partial_accounts"],
)
PENDING = record({"pending_requests_count": COUNT, "pending_notifications_count": COUNT})
TREATMENT = one_of(*Treatment)
POLICY = entity("NotificationPolicy", {**{f"for_{one.name}": TREATMENT for one in fields(Policy)}, "summary": PENDING})
OLD_POLICY = entity("V1NotificationPolicy", {**{f"filter_{name}": FLAG for name in OLD_REASONS}, "summary": PENDING})
REQUEST = entity(
    "NotificationRequest",
    {
        "id": ID,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "notifications_count": DIGITS,
        "account": ACCOUNT,
        "last_status": nullable(STATUS),
    },
)
SHOWN_IN_FULL = 1  # senders of each group, where the rest is wanted for their pictures only


def group_entity(entities: Entities, group: NotificationGroup, *, listed: bool) -> Entity:
    """NotificationGroup (8.6); with its place on the page if it is `listed` on one."""
    told: Entity = {
        "group_key": group.key,
        "notifications_count": group.count,
        "type": group.kind,
        "most_recent_notification_id": group.id,
    }
    if listed:
        told["page_min_id"] = str(group.oldest_here or group.id)
        told["page_max_id"] = str(group.id)
        told["latest_page_notification_at"] = moment(group.created_at)
    told["sample_account_ids"] = [str(account.id) for account in group.senders]
    if group.post is not None:
        told["status_id"] = str(group.post.id)
    if group.warning is not None:
        told["moderation_warning"] = entities.warning(group.warning, group.account)
    return told


def groups_entity(
    entities: Entities, groups: Sequence[NotificationGroup], statuses: Mapping[PostId, bytes], *, listed: bool, partial: bool = False
) -> Entity:
    """GroupedNotificationsResults (8.6). `statuses` are the groups' posts, encoded for whoever is told.

    `partial`: only who did something last is told in full, of the others no more than their pictures need.
    """
    in_full = {account.id: account for group in groups for account in group.senders[: SHOWN_IN_FULL if partial else None]}
    told: Entity = {
        "accounts": entities.accounts(in_full.values()),
        "statuses": [orjson.Fragment(status) for status in statuses.values()],
        "notification_groups": [group_entity(entities, group, listed=listed) for group in groups],
    }
    if partial:
        rest = {account.id: account for group in groups for account in group.senders if account.id not in in_full}
        told["partial_accounts"] = [_partial(entities, account) for account in rest.values()]
    return told


def _partial(entities: Entities, account: Account) -> Entity:
    whole = entities.account(account)
    return {key: whole[key] for key in ("id", "acct", "locked", "bot", "url", "avatar", "avatar_static")}


def _summary(pending: Pending) -> Entity:
    return {"pending_requests_count": pending.requests, "pending_notifications_count": pending.notifications}


def policy_entity(policy: Policy, pending: Pending) -> Entity:
    """NotificationPolicy (8.6)."""
    return {**{f"for_{one.name}": getattr(policy, one.name) for one in fields(Policy)}, "summary": _summary(pending)}


def old_policy_entity(policy: Policy, pending: Pending) -> Entity:
    """The same as the first version tells it: whether each is kept back."""
    flags = {f"filter_{name}": getattr(policy, name) is not Treatment.ACCEPT for name in OLD_REASONS}
    return {**flags, "summary": _summary(pending)}


def request_entity(entities: Entities, request: NotificationRequest, status: bytes | None) -> Entity:
    """NotificationRequest (8.6). `status` is its post, encoded for whoever is told."""
    return {
        "id": str(request.id),
        "created_at": moment(request.created_at),
        "updated_at": moment(request.updated_at),
        "notifications_count": str(request.count),
        "account": entities.account(request.account),
        "last_status": None if status is None else orjson.Fragment(status),
    }
