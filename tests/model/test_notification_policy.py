"""Tests of the notification policy: treatment by policy and category of the sender."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st

from microblog.model.notification_policy import FILTERABLE, Policy, SenderCategory, Treatment, treatment
from microblog.model.notifications import NotificationKind

NOW = datetime(2026, 3, 4, tzinfo=UTC)
LONG_AGO, DAY = NOW - timedelta(days=400), timedelta(days=1)
MENTION = NotificationKind.MENTION
OPEN = Policy(private_mentions=Treatment.ACCEPT, limited_accounts=Treatment.ACCEPT)
STRANGER = SenderCategory(LONG_AGO)
REASONS = [one.name for one in fields(Policy)]

times = st.sampled_from([LONG_AGO, NOW - 29 * DAY, NOW - 2 * DAY, NOW])
policies = st.builds(Policy, **{name: st.sampled_from(Treatment) for name in REASONS})
senders = st.builds(SenderCategory, account_created_at=times, following=st.none() | times)
kinds = st.sampled_from(sorted(FILTERABLE))


def is_dropped_for(reason: str, sender: SenderCategory) -> bool:
    """Return True if a policy that drops for this reason drops a mention of the sender."""
    return treatment(evolve(OPEN, **{reason: Treatment.DROP}), sender, MENTION, NOW) is Treatment.DROP


def test_the_default_policy_filters_unsolicited_direct_messages_and_limited_accounts() -> None:
    assert treatment(Policy(), SenderCategory(NOW), MENTION, NOW) is Treatment.ACCEPT
    assert treatment(Policy(), evolve(STRANGER, unsolicited=True), MENTION, NOW) is Treatment.FILTER
    assert treatment(Policy(), evolve(STRANGER, limited=True), NotificationKind.FOLLOW, NOW) is Treatment.FILTER


@pytest.mark.parametrize("reason", REASONS)
def test_a_followed_sender_is_dropped_only_for_not_following_back(reason: str) -> None:
    followed_sender = SenderCategory(NOW, followed=True, limited=True, unsolicited=True)
    assert is_dropped_for(reason, followed_sender) == (reason == "not_followers")
    assert not is_dropped_for(reason, evolve(followed_sender, following=LONG_AGO))


def test_each_reason_applies_to_its_category_of_senders() -> None:
    follower = SenderCategory(LONG_AGO, following=LONG_AGO)
    assert {name for name in REASONS if is_dropped_for(name, follower)} == {"not_following"}
    assert {name for name in REASONS if is_dropped_for(name, STRANGER)} == {"not_following", "not_followers"}
    assert is_dropped_for("not_followers", evolve(follower, following=NOW - 2 * DAY))
    assert not is_dropped_for("not_followers", evolve(follower, following=NOW - 4 * DAY))
    assert is_dropped_for("new_accounts", SenderCategory(NOW - 29 * DAY))
    assert not is_dropped_for("new_accounts", SenderCategory(NOW - 31 * DAY))
    assert is_dropped_for("private_mentions", evolve(STRANGER, unsolicited=True))
    assert is_dropped_for("limited_accounts", evolve(STRANGER, limited=True))


@given(policy=policies, sender=senders, kind=st.sampled_from(NotificationKind))
def test_permitted_senders_staff_and_unfilterable_kinds_are_accepted(
    policy: Policy, sender: SenderCategory, kind: NotificationKind
) -> None:
    assert treatment(policy, evolve(sender, permitted=True), kind, NOW) is Treatment.ACCEPT
    assert treatment(policy, evolve(sender, staff=True), MENTION, NOW) is Treatment.ACCEPT
    if kind not in FILTERABLE:
        assert treatment(policy, sender, kind, NOW) is Treatment.ACCEPT


@given(policy=policies, sender=senders, kind=kinds, reason=st.sampled_from(REASONS))
def test_a_stricter_policy_accepts_no_more(policy: Policy, sender: SenderCategory, kind: NotificationKind, reason: str) -> None:
    severity = list(Treatment)
    before = treatment(policy, sender, kind, NOW)
    after = treatment(evolve(policy, **{reason: Treatment.DROP}), sender, kind, NOW)
    assert severity.index(after) >= severity.index(before)
