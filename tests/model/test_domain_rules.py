"""Tests of the rules for other servers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.model.domain_rules import DomainRule, DomainRules, DomainSeverity

SUSPEND, SILENCE, NOOP = DomainSeverity

domains = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(".".join)


def test_a_rule_holds_for_subdomains_and_nothing_else() -> None:
    rules = DomainRules([DomainRule("bad.example", SUSPEND)])
    assert not rules.is_allowed("bad.example")
    assert not rules.is_allowed("x.y.bad.example")
    assert rules.is_allowed("notbad.example")
    assert rules.is_allowed("bad.example.org")
    assert rules.is_allowed("example")


def test_the_most_specific_rule_wins() -> None:
    rules = DomainRules(
        [DomainRule("bad.example", SUSPEND), DomainRule("good.bad.example", NOOP), DomainRule("x.good.bad.example", SILENCE)]
    )
    assert rules.is_allowed("good.bad.example")
    assert rules.is_allowed("y.good.bad.example")
    assert rules.is_limited("x.good.bad.example")
    assert not rules.is_limited("good.bad.example")
    assert not rules.is_allowed("other.bad.example")


def test_the_allow_list_lets_only_listed_hosts_through() -> None:
    rules = DomainRules([DomainRule("worse.example", SUSPEND)], allowed=frozenset({"good.example", "worse.example"}))
    assert rules.is_allowed("good.example")
    assert not rules.is_allowed("sub.good.example")
    assert not rules.is_allowed("other.example")
    assert not rules.is_allowed("worse.example")


def test_an_empty_allow_list_allows_nobody() -> None:
    assert not DomainRules(allowed=frozenset()).is_allowed("b.example")
    assert DomainRules().is_allowed("b.example")


def test_media_and_reports_are_rejected_by_their_own_flags() -> None:
    rules = DomainRules(
        [DomainRule("m.example", reject_media=True), DomainRule("r.example", reject_reports=True), DomainRule("s.example", SUSPEND)]
    )
    assert [rules.rejects_media(f"{name}.example") for name in "mrsx"] == [True, False, True, False]
    assert [rules.rejects_reports(f"{name}.example") for name in "mrsx"] == [False, True, True, False]


def test_a_rule_holds_on_every_port() -> None:
    assert not DomainRules([DomainRule("b.example", SUSPEND)]).is_allowed("b.example:3000")


@pytest.mark.parametrize(
    ("domain", "shown"),
    [("bad.example", "bad.*****le"), ("evil.example.org", "evil.*******.org"), ("b.io", "b.*o"), ("abcdefgh", "abc***gh")],
)
def test_an_obfuscated_domain_keeps_its_ends_and_dots(domain: str, shown: str) -> None:
    assert DomainRule(domain, obfuscate=True).public_domain == shown
    assert DomainRule(domain).public_domain == domain


def test_the_digest_is_that_of_the_whole_name() -> None:
    rule = DomainRule("bad.example", obfuscate=True)
    assert rule.digest == DomainRule("bad.example").digest
    assert len(rule.digest) == 64


@given(st.dictionaries(domains, st.sampled_from(DomainSeverity)), domains)
def test_the_rule_of_a_host_is_the_longest_that_ends_it(severities: dict[str, DomainSeverity], host: str) -> None:
    rules = DomainRules([DomainRule(domain, severity) for domain, severity in severities.items()])
    fitting = [domain for domain in severities if host == domain or host.endswith("." + domain)]
    rule = rules.rule_for(host)
    assert (rule.domain if rule else None) == (max(fitting, key=len) if fitting else None)
