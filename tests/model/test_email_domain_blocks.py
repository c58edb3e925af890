"""Domains of e-mail addresses."""

from __future__ import annotations

from microblog.model.email_domain_blocks import domain_and_parents


def test_a_domain_has_all_domains_above_it() -> None:
    assert domain_and_parents("mail.eu.example") == ["mail.eu.example", "eu.example", "example"]
    assert domain_and_parents("localhost") == ["localhost"]


def test_an_ip_address_has_nothing_above_it() -> None:
    assert domain_and_parents("192.0.2.1") == ["192.0.2.1"]
    assert domain_and_parents("2001:DB8::0:1") == ["2001:db8::1"]
