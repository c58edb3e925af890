"""Tests of `twistd microblog` before the site runs."""

from __future__ import annotations

import time

import pytest
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import Clock

from microblog.service import BACKLOG, keep_steady, with_room


def test_timers_follow_a_clock_that_nobody_sets() -> None:
    reactor = Clock()  # plans as every reactor does: by its own `seconds`
    keep_steady(reactor)
    before = time.monotonic()
    planned = reactor.callLater(5, lambda: None).getTime()
    assert before + 5 <= planned <= time.monotonic() + 5


def test_what_is_planned_already_is_not_put_off() -> None:
    reactor = Clock()
    reactor.callLater(5, lambda: None)
    keep_steady(reactor)
    assert reactor.seconds() == 0


@pytest.mark.parametrize("listen", ["tcp:8080:interface=127.0.0.1", "tcp6:8080", "unix:/run/microblog.sock"])
def test_there_is_room_for_all_who_come_back_at_once(listen: str) -> None:
    assert with_room(listen) == f"{listen}:backlog={BACKLOG}"
    serverFromString(Clock(), with_room(listen))


@pytest.mark.parametrize("listen", ["tcp:8080:backlog=7", "systemd:domain=INET:index=0"])
def test_who_says_how_many_may_wait_is_right_and_other_endpoints_stay_as_they_are(listen: str) -> None:
    assert with_room(listen) == listen
