"""API entities of notifications, notification groups and the notification policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
from attrs import fields, frozen

from microblog.model.accounts import Account
from microblog.model.ids import PostId
from microblog.model.moderation import AccountWarning, Appeal, AppealState, ModerationAction
from microblog.model.notification_policy import NotificationRequest, PendingCounts, Policy, Treatment
from microblog.model.notifications import Notification, NotificationGroup
from microblog.model.severances import Severance, SeveranceKind
from microblog.render.api.account_json import AccountJsonCache
from microblog.render.api.accounts import ACCOUNT, shown_account
from microblog.render.api.definition import (
    ABSENT,
    Definition,
    Entity,
    Key,
    always,
    elsewhere,
    key,
    many,
    one,
    one_or_absent,
    one_or_null,
    optional,
)
from microblog.render.api.schemas import (
    COUNT,
    DIGITS,
    FLAG,
    ID,
    IDS,
    MOMENT,
    NOTIFICATION_TYPE,
    TEXT,
    WHOLE,
    array_of,
    nullable,
    one_of,
)
from microblog.render.api.site import SiteUrls, moment
from microblog.render.api.statuses import STATUS, fragments

V1_REASONS = ("not_following", "not_followers", "new_accounts", "private_mentions")
FULL_ACCOUNTS = 1  # full accounts per group, if the client asks for partial accounts


@frozen
class WarningWithTarget:
    """A moderation warning with the account that it is about."""

    warning: AccountWarning
    target: Account

    @staticmethod
    def of(warning: AccountWarning | None, target: Account) -> WarningWithTarget | None:
        """Combine the two; None if there is no warning."""
        return None if warning is None else WarningWithTarget(warning, target)


APPEAL = Definition[Appeal, SiteUrls](
    "Appeal",
    {
        "text": key(TEXT, lambda appeal, _: appeal.text),
        "state": key(one_of(*AppealState), lambda appeal, _: appeal.state),
    },
)
"""Appeal, https://docs.joinmastodon.org/entities/Appeal/."""

ACCOUNT_WARNING = Definition[WarningWithTarget, SiteUrls](
    "AccountWarning",
    {
        "id": key(ID, lambda warned, _: str(warned.warning.id)),
        "action": key(one_of(*ModerationAction), lambda warned, _: warned.warning.action),
        "text": key(TEXT, lambda warned, _: warned.warning.text),
        "status_ids": key(IDS, lambda warned, _: [str(post) for post in warned.warning.posts]),
        "target_account": one(ACCOUNT, lambda warned, _: warned.target),
        "appeal": one_or_null(APPEAL, lambda warned, _: warned.warning.appeal),
        "created_at": key(MOMENT, lambda warned, _: moment(warned.warning.created_at)),
    },
)
"""AccountWarning, https://docs.joinmastodon.org/entities/AccountWarning/."""


SEVERANCE = Definition[Severance, SiteUrls](
    "RelationshipSeveranceEvent",
    {
        "id": key(ID, lambda event, _: str(event.id)),
        "type": key(one_of(*SeveranceKind), lambda event, _: event.kind),
        "purged": always(FLAG, False),
        "target_name": key(TEXT, lambda event, _: event.target_name),
        "followers_count": key(COUNT, lambda event, _: event.followers_count),
        "following_count": key(COUNT, lambda event, _: event.following_count),
        "created_at": key(MOMENT, lambda event, _: moment(event.created_at)),
    },
)
"""RelationshipSeveranceEvent, https://docs.joinmastodon.org/entities/RelationshipSeveranceEvent/. The lists of what was lost are kept."""


@frozen
class NotificationWithStatus:
    """A notification with its post as JSON, encoded for the recipient. `account`: its sender as JSON; None: not encoded yet."""

    notification: Notification
    status: bytes | None
    account: orjson.Fragment | None = None


NOTIFICATION = Definition[NotificationWithStatus, SiteUrls](
    "Notification",
    {
        "id": key(ID, lambda it, _: str(it.notification.id)),
        "type": key(NOTIFICATION_TYPE, lambda it, _: it.notification.kind),
        "created_at": key(MOMENT, lambda it, _: moment(it.notification.created_at)),
        "group_key": key(TEXT, lambda it, _: it.notification.key),
        "account": key(ACCOUNT, lambda it, site: it.account or ACCOUNT(it.notification.account, site)),
        "filtered": optional(FLAG, lambda it, _: it.notification.filtered or ABSENT),
        "status": optional(STATUS, lambda it, _: ABSENT if it.status is None else orjson.Fragment(it.status)),
        "report": elsewhere({"type": "object"}),
        "moderation_warning": one_or_absent(
            ACCOUNT_WARNING, lambda it, _: WarningWithTarget.of(it.notification.warning, it.notification.account)
        ),
        "event": one_or_absent(SEVERANCE, lambda it, _: it.notification.severance),
    },
)
PARTIAL_ACCOUNT = Definition[Account, SiteUrls](
    "PartialAccountWithAvatar",
    {name: ACCOUNT.keys_by_name[name] for name in ("id", "acct", "locked", "bot", "url", "avatar", "avatar_static")},
    prepare=shown_account,
)


@frozen
class GroupOnPage:
    """A notification group. `listed`: it is part of a page of groups, so it has the keys about its position there."""

    group: NotificationGroup
    listed: bool


GROUP = Definition[GroupOnPage, SiteUrls](
    "NotificationGroup",
    {
        "group_key": key(TEXT, lambda it, _: it.group.key),
        "notifications_count": key(COUNT, lambda it, _: it.group.count),
        "type": key(NOTIFICATION_TYPE, lambda it, _: it.group.kind),
        "most_recent_notification_id": key(WHOLE, lambda it, _: it.group.id),
        "page_min_id": optional(ID, lambda it, _: str(it.group.oldest_on_page or it.group.id) if it.listed else ABSENT),
        "page_max_id": optional(ID, lambda it, _: str(it.group.id) if it.listed else ABSENT),
        "latest_page_notification_at": optional(MOMENT, lambda it, _: moment(it.group.created_at) if it.listed else ABSENT),
        "sample_account_ids": key(IDS, lambda it, _: [str(account.id) for account in it.group.senders]),
        "status_id": optional(ID, lambda it, _: ABSENT if it.group.post is None else str(it.group.post.id)),
        "moderation_warning": one_or_absent(ACCOUNT_WARNING, lambda it, _: WarningWithTarget.of(it.group.warning, it.group.account)),
        "event": one_or_absent(SEVERANCE, lambda it, _: it.group.severance),
    },
)


@frozen
class GroupsPage:
    """A page of groups. `full` are the accounts to return as Account entities, as JSON.

    `partial` are accounts to return as PartialAccountWithAvatar entities; None if the client did not ask for these.
    """

    groups: Sequence[GroupOnPage]
    statuses: Sequence[bytes]
    full: Sequence[orjson.Fragment]
    partial: Sequence[Account] | None


GROUPS = Definition[GroupsPage, SiteUrls](
    "GroupedNotificationsResults",
    {
        "accounts": key(array_of(ACCOUNT), lambda it, _: list(it.full)),
        "statuses": key(array_of(STATUS), lambda it, _: fragments(it.statuses)),
        "notification_groups": many(GROUP, lambda it, _: it.groups),
        "partial_accounts": optional(
            array_of(PARTIAL_ACCOUNT), lambda it, site: ABSENT if it.partial is None else PARTIAL_ACCOUNT.each(it.partial, site)
        ),
    },
)


def groups_entity(
    accounts: AccountJsonCache,
    groups: Sequence[NotificationGroup],
    statuses: Mapping[PostId, bytes],
    *,
    listed: bool,
    partial: bool = False,
) -> Entity:
    """Return the GroupedNotificationsResults entity. `statuses` are the posts of the groups as JSON, encoded for the viewer.

    `partial`: only the newest sender of each group is a full Account, the others are PartialAccountWithAvatar entities.
    """
    full = {account.id: account for group in groups for account in group.senders[: FULL_ACCOUNTS if partial else None]}
    rest = {account.id: account for group in groups for account in group.senders if account.id not in full}
    placed = [GroupOnPage(group, listed) for group in groups]
    encoded = [accounts.encoded(account) for account in full.values()]
    return GROUPS(GroupsPage(placed, tuple(statuses.values()), encoded, tuple(rest.values()) if partial else None), accounts.site)


@frozen
class PolicyWithCounts:
    """A notification policy with the numbers of filtered notifications."""

    policy: Policy
    pending: PendingCounts


PENDING = Definition[PendingCounts, None](
    "",
    {
        "pending_requests_count": key(COUNT, lambda pending, _: pending.requests),
        "pending_notifications_count": key(COUNT, lambda pending, _: pending.notifications),
    },
)


def _treatment(reason: str) -> Key[PolicyWithCounts, None]:
    return key(one_of(*Treatment), lambda now, _: getattr(now.policy, reason))


def _is_filtered(reason: str) -> Key[PolicyWithCounts, None]:
    return key(FLAG, lambda now, _: getattr(now.policy, reason) is not Treatment.ACCEPT)


POLICY = Definition[PolicyWithCounts, None](
    "NotificationPolicy",
    {**{f"for_{one.name}": _treatment(one.name) for one in fields(Policy)}, "summary": one(PENDING, lambda now, _: now.pending)},
)
V1_POLICY = Definition[PolicyWithCounts, None](
    "V1NotificationPolicy",
    {**{f"filter_{name}": _is_filtered(name) for name in V1_REASONS}, "summary": one(PENDING, lambda now, _: now.pending)},
)


@frozen
class RequestWithStatus:
    """A notification request with the sender's newest post as JSON, encoded for the viewer."""

    request: NotificationRequest
    status: bytes | None


REQUEST = Definition[RequestWithStatus, SiteUrls](
    "NotificationRequest",
    {
        "id": key(ID, lambda it, _: str(it.request.id)),
        "created_at": key(MOMENT, lambda it, _: moment(it.request.created_at)),
        "updated_at": key(MOMENT, lambda it, _: moment(it.request.updated_at)),
        "notifications_count": key(DIGITS, lambda it, _: str(it.request.count)),
        "account": one(ACCOUNT, lambda it, _: it.request.account),
        "last_status": key(nullable(STATUS), lambda it, _: None if it.status is None else orjson.Fragment(it.status)),
    },
)


def policy_entity(policy: Policy, pending: PendingCounts) -> Entity:
    """Return the NotificationPolicy entity."""
    return POLICY(PolicyWithCounts(policy, pending), None)


def v1_policy_entity(policy: Policy, pending: PendingCounts) -> Entity:
    """Return the NotificationPolicy entity of version 1 of the API: for each category of senders, True if notifications are filtered."""
    return V1_POLICY(PolicyWithCounts(policy, pending), None)


def request_entity(site: SiteUrls, request: NotificationRequest, status: bytes | None) -> Entity:
    """Return the NotificationRequest entity. `status` is its post as JSON, encoded for the viewer."""
    return REQUEST(RequestWithStatus(request, status), site)
