"""Tests of the pauses between retries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from microblog.jobs.retry import RetryPolicy

policies = st.builds(
    RetryPolicy,
    tries=st.integers(1, 200),
    first_pause=st.floats(0.001, 1e4),
    max_pause=st.floats(0.001, 1e6),
)
random_values = st.floats(0, 1, exclude_max=True)


@given(policies, st.integers(1, 10**9), random_values)
def test_a_policy_allows_its_number_of_tries(policy: RetryPolicy, tries: int, random_value: float) -> None:
    assert (policy.pause(tries, random_value) is None) == (tries >= policy.tries)


@given(policies, st.integers(1, 199), random_values)
def test_pauses_double_up_to_the_longest_within_the_jitter(policy: RetryPolicy, tries: int, random_value: float) -> None:
    pause = policy.pause(tries, random_value)
    if pause is not None:
        expected = min(policy.first_pause * 2.0 ** (tries - 1), policy.max_pause)
        assert 0.75 * expected <= pause <= 1.25 * expected


@given(policies, st.integers(1, 198))
def test_pauses_never_shrink(policy: RetryPolicy, tries: int) -> None:
    pause, next_pause = policy.pause(tries, 0.5), policy.pause(tries + 1, 0.5)
    if pause is not None and next_pause is not None:
        assert pause <= next_pause


def test_retries_of_jobs_that_failed_together_are_spread() -> None:
    assert RetryPolicy().pause(3, 0.0) != RetryPolicy().pause(3, 0.9)


def test_the_documented_default_is_twelve_tries_in_about_four_hours() -> None:
    assert RetryPolicy().tries == 12
    assert 2 * 3600 < sum(RetryPolicy().pause(tries, 1.0) or 0 for tries in range(1, 12)) < 4 * 3600
