"""Blocks of e-mail domains by their mail hosts: sign-ups, new addresses, and the administrators' page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import define, field

from microblog.storage.database import Cursor, fetch_all
from tests.web.test_email_domain_blocks import block, is_approved, sign_up
from tests.web.test_moderation import with_role
from tests.web.visitor import PASSWORD, SiteFixture, build_site, document, main_text

PAGE = "/admin/email_domain_blocks"


@define
class FixedMailHosts:
    """Mail hosts that are known; `asked` are the domains that were looked up."""

    hosts: dict[str, list[str]]
    asked: list[str] = field(factory=list)

    async def of(self, domain: str) -> Sequence[str]:
        """Return the hosts and addresses."""
        self.asked.append(domain)
        return self.hosts.get(domain, [])


@pytest.fixture
def dns() -> FixedMailHosts:
    return FixedMailHosts({"throwaway.example": ["mx1.farm.example", "192.0.2.1", "2001:db8::1"]})


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, dns: FixedMailHosts) -> SiteFixture:
    return build_site(cursor, tmp_path, mail_hosts=dns, rate_limits="off")


def blocked(site: SiteFixture) -> list[str]:
    return fetch_all(site.cursor, str, "select domain from email_domain_blocks order by id")


@pytest.mark.parametrize("name", ["mx1.farm.example", "farm.example", "192.0.2.1", "2001:0DB8::1"])
def test_a_blocked_mail_host_blocks_the_domains_whose_mail_it_receives(site: SiteFixture, name: str) -> None:
    block(site, name)
    refused = sign_up(site, "eve", "eve@throwaway.example")
    assert (refused.status, refused.json["details"]["email"][0]["error"]) == (422, "ERR_BLOCKED")
    page = site.visitor().submit("/signup", username="eve", email="eve@throwaway.example", password=PASSWORD)
    assert page.status == 422
    assert sign_up(site, "ann", "ann@example.org").status == 200


def test_sign_ups_are_counted_for_the_mail_host(site: SiteFixture) -> None:
    block(site, "farm.example")
    sign_up(site, "eve", "eve@throwaway.example")
    assert "1 sign-up in the last 7 days" in main_text(with_role(site, "boss", "admin").get(PAGE))


def test_a_mail_host_with_approval_lets_sign_ups_wait(site: SiteFixture) -> None:
    block(site, "farm.example", allow_with_approval=True)
    assert sign_up(site, "ann", "ann@throwaway.example").status == 200
    assert not is_approved(site, "ann")


def test_nobody_changes_or_corrects_an_address_to_one_with_a_blocked_mail_host(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    block(site, "farm.example")
    refused = ada.submit("/settings/email", page="/settings/account", email="ada@throwaway.example", email_password=PASSWORD)
    assert (refused.status, "of a provider that is not allowed here" in refused.text) == (422, True)
    site.cursor.execute("update users set confirmed_at = null")
    corrected = ada.submit("/confirm/email", page="/pending", email="ada@throwaway.example")
    assert (corrected.status, "of a provider that is not allowed here" in corrected.text) == (422, True)


def test_nothing_is_looked_up_that_cannot_matter(site: SiteFixture, dns: FixedMailHosts) -> None:
    sign_up(site, "ann", "ann@example.org")
    block(site, "spam.example")
    sign_up(site, "eve", "eve@spam.example")
    sign_up(site, "eve", "no address")
    assert dns.asked == []
    sign_up(site, "bob", "bob@example.org")
    assert dns.asked == ["example.org"]


def test_a_look_up_holds_no_database_connection(cursor: Cursor, tmp_path: Path) -> None:
    in_transaction: list[bool] = []

    class Watching(FixedMailHosts):
        async def of(self, domain: str) -> Sequence[str]:
            in_transaction.append(watched.database.running > 0)
            return []

    watched = build_site(cursor, tmp_path, mail_hosts=Watching({}), rate_limits="off")
    block(watched, "spam.example")
    ada = watched.registered_user("ada")
    ada.submit("/settings/email", page="/settings/account", email="ada@example.com", email_password=PASSWORD)
    assert in_transaction == [False, False]


def test_the_page_finds_the_mail_hosts_of_a_domain_and_blocks_those_that_are_ticked(site: SiteFixture) -> None:
    boss = with_role(site, "boss", "admin")
    found = boss.submit(PAGE, page=PAGE, domain="Throwaway.example", allow_with_approval="1", look_up="1")
    assert found.status == 200
    assert document(found).xpath("//input[@name='hosts[]']/@value") == ["mx1.farm.example", "192.0.2.1", "2001:db8::1"]
    assert document(found).xpath("//input[@checked]/@name") == ["allow_with_approval"]
    assert blocked(site) == []
    ticked = boss.submit(PAGE, page=PAGE, **{"domain": "Throwaway.example", "hosts[]": "mx1.farm.example"})
    assert ticked.status == 303
    assert blocked(site) == ["throwaway.example", "mx1.farm.example"]
    acts = fetch_all(site.cursor, str, "select target from audit_log where action = 'email_domain_block.create' order by id")
    assert acts == ["throwaway.example", "mx1.farm.example"]


def test_mail_hosts_can_be_added_to_a_domain_that_is_blocked(site: SiteFixture) -> None:
    boss = with_role(site, "boss", "admin")
    block(site, "throwaway.example")
    both = {"domain": "throwaway.example", "hosts[]": "mx1.farm.example"}
    assert boss.submit(PAGE, page=PAGE, **both).status == 303
    again = boss.submit(PAGE, page=PAGE, **both)
    assert (again.status, "has already been taken" in again.text) == (422, True)
    assert document(again).xpath("//input[@checked]/@value") == ["mx1.farm.example"]


def test_a_domain_without_known_mail_hosts_says_so(site: SiteFixture) -> None:
    found = with_role(site, "boss", "admin").submit(PAGE, page=PAGE, domain="example.org", look_up="1")
    assert "No mail hosts of example.org were found." in main_text(found)
    wrong = with_role(site, "chief", "admin").submit(PAGE, page=PAGE, domain="a b", look_up="1")
    assert (wrong.status, "is not a valid domain name" in wrong.text) == (422, True)


@pytest.mark.parametrize("host", ["a b", "x" * 300])
def test_an_invalid_mail_host_is_refused_and_nothing_is_blocked(site: SiteFixture, host: str) -> None:
    refused = with_role(site, "boss", "admin").submit(PAGE, page=PAGE, **{"domain": "throwaway.example", "hosts[]": host})
    assert refused.status == 422
    assert blocked(site) == []
