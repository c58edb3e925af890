"""Random histories: every response from a cache equals the one of a process that caches nothing.

Two processes with caches serve requests and commands, and learn of each other's commits by a wake-up or only by their next poll. Some
requests run at the same time, in a random order of their operations on the database. By default a few histories run;
`MICROBLOG_HISTORIES` is a number of seconds for which more of them run.
"""

from __future__ import annotations

import os
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import evolve, fields
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from microblog.application.services import Domain
from microblog.model.caches import CACHES, BoundedCache
from microblog.storage.database import connect
from tests.web.histories import COMMANDS, SHARES, START, Compare, Do, History, Look, Step, Together, Wait
from tests.web.processes import Cluster, Gate, build_process, stopped_clock

SECONDS = float(os.environ.get("MICROBLOG_HISTORIES", "0"))
EXAMPLES = 6
MAX_REPR = 100_000
OFTEN = [
    "post arrives",
    "post",
    "post",
    "post to some",
    "reply",
    "reblog",
    "favourite",
    "follow them",
    "edit",
    "delete",
    "put on list",
    "make list",
]
RARELY = ("delete account", "purge account", "revoke", "end sessions", "suspend", "disable")
COMMAND = st.builds(
    Do,
    st.sampled_from([*OFTEN, *OFTEN, *(name for name in COMMANDS if name not in RARELY)]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 60),
    st.integers(0, 1),
    st.booleans(),
)
RARE_COMMAND = st.builds(Do, st.sampled_from(RARELY), st.integers(0, 3), st.integers(0, 3), st.just(0), st.integers(0, 1), st.booleans())
LOOK = st.builds(Look, st.integers(0, 500), st.integers(0, 1))
TOGETHER = st.builds(
    Together,
    st.lists(COMMAND | LOOK | LOOK, min_size=2, max_size=4).map(tuple),
    st.lists(st.integers(0, 7), min_size=1, max_size=24).map(tuple),
)
SHARE = st.integers(1, SHARES)
WAIT = st.builds(Wait, st.sampled_from([1, 30, 61, 301]))
COMPARE = st.builds(Compare, st.sampled_from(["wake", "poll", "neither", "neither"]), SHARE)
STEP = st.one_of(*[COMMAND] * 8, *[LOOK] * 3, *[TOGETHER] * 2, COMPARE, WAIT | RARE_COMMAND)


@contextmanager
def built_cluster(database_url: str, data_dir: Path, *caches: str) -> Iterator[Cluster]:
    """A process with each of these sets of caches, and one without any."""
    connections = [connect(database_url) for _ in (*caches, "none")]
    with stopped_clock() as clock:
        gate = Gate()
        each = zip(connections, (*caches, "none"), strict=True)
        *cached, plain = (build_process(connection, data_dir, gate, caches=names) for connection, names in each)
        yield Cluster(clock, gate, tuple(cached), plain)
    for connection in connections:
        connection.close()


@pytest.fixture
def cluster(database_url: str, tmp_path: Path) -> Iterator[Cluster]:
    """Two processes with all caches, and one without."""
    with built_cluster(database_url, tmp_path, "all", "all") as built:
        yield built


def run_history(cluster: Cluster, steps: Sequence[Step], *, share: int = 0) -> None:
    """Run a history from the start, and compare at its end twice: when it was read, and from the cache."""
    history = History(cluster)
    history.begin()
    for step in (*START, *steps, Compare("wake", share, passes=2)):
        history.run(step)


def run_random_histories(cluster: Cluster, number: int, show: Callable[[str], None]) -> None:
    """Run this number of random histories. The first that fails is shown before it is made smaller, which may take long."""
    shown = False

    @seed(random.getrandbits(64))
    @settings(max_examples=number, phases=[Phase.generate, Phase.shrink], database=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(STEP, min_size=10, max_size=40 if SECONDS else 20), share=SHARE)
    def run(steps: list[Step], share: int) -> None:
        nonlocal shown
        try:
            run_history(cluster, steps, share=share)
        except Exception:
            if not shown:
                shown = True
                show(f"\n{traceback.format_exc()}\nshare={share}, steps={steps}\n")
            raise

    run()


def test_cached_responses_equal_uncached_ones_after_random_histories(cluster: Cluster, capfd: pytest.CaptureFixture[str]) -> None:
    def show(text: str) -> None:
        with capfd.disabled():
            print(text, file=sys.stderr, flush=True)

    until = time.monotonic() + SECONDS
    run_random_histories(cluster, EXAMPLES, show)
    while time.monotonic() < until:
        run_random_histories(cluster, 50, show)


FOUND: dict[str, list[Step]] = {
    "a post that is edited and deleted": [Do("post", 1), Do("follow them", 0, 1), Compare(), Do("edit", 1), Compare(), Do("delete", 1)],
    "somebody who becomes popular": [Do("follow them", 0, 1), Compare(), Do("unfollow them", 1, 0)],
    "a suspension after a block": [
        Do("post", 0),
        Do("follow them", 1, 0),
        Compare(),
        Do("block them", 0, 1),
        Compare(),
        Do("suspend", to=0),
    ],
    "requests while the invalidation log is read for the first time": [
        Together((Do("favourite", to=0, at=1, wake=False), Do("post", to=0, at=1, wake=False)), (1,)),
    ],
    "a post of a limited account on the timeline of a hashtag": [Do("silence", to=1), Compare(), Do("edit", 1, 0, 1)],
    "accounts that are suspended, limited, deleted, and come back": [
        *(Do("reblog"), Do("post to some", 1, 0, 3), Do("post to some", 1, 0, 15), Do("follow tag", 2), Do("follow them", 3, 1), Compare()),
        *(Do("suspend", to=1, at=1), Compare("poll"), Do("unsuspend", to=1, at=1), Do("silence", to=1), Compare("poll")),
        *(Do("unsilence", to=1), Compare("poll"), Do("delete account", to=1), Compare(), Do("purge account", to=1)),
    ],
}


@pytest.mark.parametrize("steps", FOUND.values(), ids=FOUND)
def test_cached_responses_equal_uncached_ones_after_histories_that_once_failed(cluster: Cluster, steps: list[Step]) -> None:
    run_history(cluster, steps)


A_LITTLE_OF_EVERYTHING: list[Step] = [
    *(Do("post", 1, 0, 4), Do("reblog"), Do("favourite", 2, 1), Do("reply", 0, 1, 3), Do("ask", 1, 0, 1), Do("follow tag", 2), Compare()),
    *(Do("vote", 0, 1), Do("edit", 1, 0, 1), Do("post", 1, 0, 7), Do("favourite", 0, 1), Do("mute them", 0, 2), Do("delete", 1)),
]


FILLED = {*("filters", "flags", "pages", "post_html", "post_json", "posts", "sessions", "threads", "timelines", "tokens", "viewers")}


OFF_ON_EACH = [sorted(CACHES)[first::5] for first in range(5)]
"""For each cluster, the caches that are turned off, one on each of its processes."""


@pytest.mark.parametrize("off_on_each", OFF_ON_EACH, ids=" ".join)
def test_responses_are_the_same_with_any_one_cache_turned_off(database_url: str, tmp_path: Path, off_on_each: list[str]) -> None:
    with built_cluster(database_url, tmp_path, *(", ".join(CACHES - {off}) for off in off_on_each)) as cluster:
        history = History(cluster)
        history.begin()
        for number, step in enumerate((*START, *A_LITTLE_OF_EVERYTHING, Compare())):
            history.run(evolve(step, at=number % len(off_on_each)) if isinstance(step, Do) else step)
        for process, off in zip(cluster.cached, off_on_each, strict=True):
            caches = [cache.figures() for cache in process.domain.invalidation_log.caches if isinstance(cache, BoundedCache)]
            entries = {figures.name: figures.entries for figures in caches}
            assert entries.keys() == CACHES
            assert entries[off] == 0
            assert all(entries[name] for name in FILLED - {off})


def test_the_repr_of_services_does_not_hold_what_they_cache(cluster: Cluster) -> None:
    """A failing assertion shows the services that it names: with everything that they refer to, these were gigabytes."""
    history = History(cluster)
    history.begin()
    for step in (*START, *A_LITTLE_OF_EVERYTHING):
        history.run(step)
    process = cluster.cached[0]
    services = [getattr(process.domain, attribute.name) for attribute in fields(Domain)]
    for service in (cluster, process, process.domain, process.server, *services, *process.domain.invalidation_log.caches):
        assert len(repr(service)) < MAX_REPR, type(service)
