"""What becomes of a notification, by what its receiver wants and how its sender stands to them."""

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
NAMES = [one.name for one in fields(Policy)]

times = st.sampled_from([LONG_AGO, NOW - 29 * DAY, NOW - 2 * DAY, NOW])
policies = st.builds(Policy, **{name: st.sampled_from(Treatment) for name in NAMES})
standings = st.builds(SenderCategory, account_created_at=times, following=st.none() | times)
kinds = st.sampled_from(sorted(FILTERABLE))


def dropped_for(reason: str, standing: SenderCategory) -> bool:
    """True if a policy that drops what has that reason drops it."""
    return treatment(evolve(OPEN, **{reason: Treatment.DROP}), standing, MENTION, NOW) is Treatment.DROP


def test_usually_all_is_told_but_unasked_private_words_and_limited_accounts() -> None:
    assert treatment(Policy(), SenderCategory(NOW), MENTION, NOW) is Treatment.ACCEPT
    assert treatment(Policy(), evolve(STRANGER, unsolicited=True), MENTION, NOW) is Treatment.FILTER
    assert treatment(Policy(), evolve(STRANGER, limited=True), NotificationKind.FOLLOW, NOW) is Treatment.FILTER


@pytest.mark.parametrize("reason", NAMES)
def test_whom_one_follows_is_a_stranger_for_no_reason_but_not_following_back(reason: str) -> None:
    known = SenderCategory(NOW, followed=True, limited=True, unsolicited=True)
    assert dropped_for(reason, known) == (reason == "not_followers")
    assert not dropped_for(reason, evolve(known, following=LONG_AGO))


def test_each_reason_is_about_its_own_kind_of_people() -> None:
    follower = SenderCategory(LONG_AGO, following=LONG_AGO)
    assert {name for name in NAMES if dropped_for(name, follower)} == {"not_following"}
    assert {name for name in NAMES if dropped_for(name, STRANGER)} == {"not_following", "not_followers"}
    assert dropped_for("not_followers", evolve(follower, following=NOW - 2 * DAY))
    assert not dropped_for("not_followers", evolve(follower, following=NOW - 4 * DAY))
    assert dropped_for("new_accounts", SenderCategory(NOW - 29 * DAY))
    assert not dropped_for("new_accounts", SenderCategory(NOW - 31 * DAY))
    assert dropped_for("private_mentions", evolve(STRANGER, unsolicited=True))
    assert dropped_for("limited_accounts", evolve(STRANGER, limited=True))


@given(policy=policies, standing=standings, kind=st.sampled_from(NotificationKind))
def test_who_is_let_through_and_what_no_stranger_does_is_always_told(
    policy: Policy, standing: SenderCategory, kind: NotificationKind
) -> None:
    assert treatment(policy, evolve(standing, permitted=True), kind, NOW) is Treatment.ACCEPT
    assert treatment(policy, evolve(standing, staff=True), MENTION, NOW) is Treatment.ACCEPT
    if kind not in FILTERABLE:
        assert treatment(policy, standing, kind, NOW) is Treatment.ACCEPT


@given(policy=policies, standing=standings, kind=kinds, reason=st.sampled_from(NAMES))
def test_a_stricter_policy_tells_no_more(policy: Policy, standing: SenderCategory, kind: NotificationKind, reason: str) -> None:
    severity = list(Treatment)
    before = treatment(policy, standing, kind, NOW)
    after = treatment(evolve(policy, **{reason: Treatment.DROP}), standing, kind, NOW)
    assert severity.index(after) >= severity.index(before)
