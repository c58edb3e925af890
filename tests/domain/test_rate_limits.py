"""Rate limits: fixed windows, bounded memory, and throttling of password guesses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.rate_limits import CountedLogins, LimitScope, MemoryCounter, RateLimit, RateLimiter
from microblog.model.errors import TooMany

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
THRICE = RateLimit("thrice", 3, 60, LimitScope.NETWORK)
HOURLY = RateLimit("hourly", 10, 3_600, LimitScope.NETWORK)


class FakeClock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def limits(clock: FakeClock) -> RateLimiter:
    return RateLimiter(MemoryCounter(clock.seconds), clock)


async def test_the_most_exhausted_limit_is_reported(limits: RateLimiter) -> None:
    counts = [await limits.consume([(THRICE, "a"), (HOURLY, "a")]) for _ in range(4)]
    assert [(count.rate.name, count.remaining, count.exceeded) for count in counts if count] == [
        ("thrice", 2, False),
        ("thrice", 1, False),
        ("thrice", 0, False),
        ("thrice", 0, True),
    ]


async def test_keys_and_limits_are_counted_separately(limits: RateLimiter) -> None:
    for key in ("a", "b"):
        count = await limits.count(THRICE, key)
        assert count.used == 1
    assert (await limits.count(HOURLY, "a")).used == 1


async def test_windows_begin_at_multiples_of_their_length(limits: RateLimiter, clock: FakeClock) -> None:
    clock.advance(50)
    count = await limits.count(THRICE, "a")
    assert count.reset == (START + timedelta(seconds=60)).timestamp()
    assert count.problem(clock()).retry_after == 10
    clock.advance(10)
    assert (await limits.count(THRICE, "a")).used == 1


async def test_nothing_is_counted_when_limits_are_off(clock: FakeClock) -> None:
    counter = MemoryCounter(clock.seconds)
    off = RateLimiter(counter, clock, enabled=False)
    assert await off.consume([(THRICE, "a")]) is None
    for _ in range(100):
        await CountedLogins(off).failed("n", "ada")
    await CountedLogins(off).allow("n", "ada")
    assert len(counter) == 0


@given(st.lists(st.integers(0, 200), max_size=300))
def test_memory_is_bounded_and_counts_are_never_too_high(keys: list[int]) -> None:
    clock = FakeClock()
    counter = MemoryCounter(clock.seconds, capacity=20)
    true: dict[int, int] = {}
    for key in keys:
        true[key] = true.get(key, 0) + 1
        adding = counter.add(str(key), 1, 60)
        with pytest.raises(StopIteration) as ended:
            adding.send(None)
        assert 1 <= ended.value.value <= true[key]
        assert len(counter) <= 20


async def test_expired_counts_are_evicted_first(clock: FakeClock) -> None:
    counter = MemoryCounter(clock.seconds, capacity=10)
    await counter.add("kept", 1, 1_000)
    for number in range(9):
        await counter.add(f"short{number}", 1, 5)
    clock.advance(10)
    await counter.add("new", 1, 5)
    assert len(counter) == 2
    assert await counter.add("kept", 1, 1_000) == 2


async def test_reading_a_limit_does_not_consume_it(clock: FakeClock) -> None:
    counter = MemoryCounter(clock.seconds)
    assert await counter.add("a", 1, 5, 0) == 0
    assert len(counter) == 0


async def test_guessing_one_username_is_throttled_without_locking_its_owner_out(limits: RateLimiter) -> None:
    logins = CountedLogins(limits)
    for _ in range(25):
        await logins.allow("network", "Ada ")
        await logins.failed("network", "Ada ")
    with pytest.raises(TooMany):
        await logins.allow("network", "ada")
    await logins.allow("at home", "ada")


async def test_distributed_guessing_of_one_username_is_stopped(limits: RateLimiter) -> None:
    logins = CountedLogins(limits)
    for number in range(500):
        await logins.allow(f"network{number}", "ada")
        await logins.failed(f"network{number}", "ada")
    with pytest.raises(TooMany):
        await logins.allow("another", "ada")
    await logins.allow("another", "grace")


async def test_guessing_many_usernames_is_throttled_per_network(limits: RateLimiter, clock: FakeClock) -> None:
    logins = CountedLogins(limits)
    for number in range(25):
        await logins.failed("network", f"name{number}")
    with pytest.raises(TooMany) as caught:
        await logins.allow("network", "new")
    assert caught.value.retry_after == 300
    await logins.allow("another", "new")
    clock.advance(300)
    await logins.allow("network", "new")


async def test_successful_logins_are_not_throttled(limits: RateLimiter) -> None:
    logins = CountedLogins(limits)
    for _ in range(100):
        await logins.allow("network", "ada")
