"""Tests of the limit of new hosts in one domain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from microblog.federation import new_hosts
from microblog.federation.new_hosts import PER_DOMAIN, WINDOW, NewHosts

NOW = datetime(2026, 11, 29, 15, tzinfo=UTC)


def test_a_domain_has_ten_new_hosts_in_a_day() -> None:
    hosts = NewHosts()
    names = [f"s{number}.evil.example" for number in range(30)]
    assert [hosts.admit(name, NOW) for name in names] == [True] * PER_DOMAIN + [False] * 20
    assert hosts.admit(names[0], NOW + timedelta(hours=23))
    assert not hosts.admit(names[10], NOW + timedelta(hours=23))
    assert hosts.admit(names[10], NOW + WINDOW)


def test_other_domains_are_not_limited_by_it() -> None:
    hosts = NewHosts()
    for number in range(30):
        hosts.admit(f"s{number}.evil.example", NOW)
    assert hosts.admit("s1.good.example", NOW)
    assert not hosts.admit("evil.example", NOW)


def test_only_so_many_domains_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_hosts, "MAX_REMEMBERED", 5)
    hosts = NewHosts()
    for number in range(100):
        assert hosts.admit(f"d{number}.example", NOW)
    assert len(hosts._domains) == 5
