"""The pauses between tries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from microblog.jobs.retry import RetryPolicy

plans = st.builds(
    RetryPolicy,
    tries=st.integers(1, 200),
    first=st.floats(0.001, 1e4),
    longest=st.floats(0.001, 1e6),
)
chances = st.floats(0, 1, exclude_max=True)


@given(plans, st.integers(1, 10**9), chances)
def test_there_are_exactly_as_many_tries_as_the_plan_says(plan: RetryPolicy, tries: int, chance: float) -> None:
    assert (plan.pause(tries, chance) is None) == (tries >= plan.tries)


@given(plans, st.integers(1, 199), chances)
def test_a_pause_is_near_its_doubling_and_not_above_the_longest(plan: RetryPolicy, tries: int, chance: float) -> None:
    pause = plan.pause(tries, chance)
    if pause is not None:
        wanted = min(plan.first * 2.0 ** (tries - 1), plan.longest)
        assert 0.75 * wanted <= pause <= 1.25 * wanted


@given(plans, st.integers(1, 198))
def test_pauses_never_shrink(plan: RetryPolicy, tries: int) -> None:
    one, next_one = plan.pause(tries, 0.5), plan.pause(tries + 1, 0.5)
    if one is not None and next_one is not None:
        assert one <= next_one


def test_jobs_that_failed_together_come_back_apart() -> None:
    assert RetryPolicy().pause(3, 0.0) != RetryPolicy().pause(3, 0.9)


def test_the_documented_default_is_twelve_tries_in_about_four_hours() -> None:
    assert RetryPolicy().tries == 12
    assert 2 * 3600 < sum(RetryPolicy().pause(tries, 1.0) or 0 for tries in range(1, 12)) < 4 * 3600
