"""The dashboard: what waits for moderators, with links, and the numbers of the site as charts and tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import frozen

from microblog.application.services import now
from microblog.domain.statistics import UTC_ZONE
from microblog.model.accounts import Role
from microblog.model.health import CheckState, HealthCheck
from microblog.storage import jobs
from microblog.storage.database import Cursor, execute
from tests import make
from tests.web.api.client import client, new_client_for
from tests.web.test_moderation import with_role
from tests.web.visitor import SiteFixture, Visitor, build_site, document, links, main_text

PATH = "/admin/dashboard"


@frozen
class Dashboard:
    """The page as a moderator or administrator sees it."""

    site: SiteFixture
    visitor: Visitor

    def waiting(self) -> dict[str, str]:
        """Return the numbers under Waiting, by label."""
        page = document(self.visitor.get(PATH))
        rows = page.xpath("//section[@aria-labelledby='waiting-h']//dl/div")
        return {"".join(row.xpath("dt//text()")).strip(): "".join(row.xpath("dd//text()")).strip() for row in rows}


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    site = build_site(cursor, tmp_path, rate_limits="off")
    site.checks.append(HealthCheck("mail", CheckState.OK, "E-mails are sent."))
    site.checks.append(HealthCheck("disk", CheckState.WARNING, "The disk is nearly full."))
    return site


def dashboard(site: SiteFixture, role: Role = Role.MODERATOR) -> Dashboard:
    return Dashboard(site, with_role(site, "maud", role))


def test_everything_that_waits_is_counted_and_leads_to_its_page(site: SiteFixture) -> None:
    board = dashboard(site, Role.ADMIN)
    assert set(board.waiting().values()) == {"0"}
    eve, ada = client(site, "eve"), client(site, "ada")
    maud = new_client_for(site, site.viewer("maud"), "admin:write")
    assert maud.post(f"/v1/admin/accounts/{eve.id}/action", type="sensitive").status == 200
    for _ in range(2):
        ada.post("/v1/reports", account_id=eve.id)
    make.member(site.cursor, approved=False)
    warning = "select id, 'No!', now() from account_warnings"
    execute(site.cursor, f"insert into appeals (warning_id, text, created_at) {warning}")
    jobs.add(site.cursor, "post.notify", {}, due_at=now(), now=now())
    execute(site.cursor, "update jobs set state = 'dead' where kind = 'post.notify'")
    assert board.waiting() == {"Open reports": "2", "Sign-ups to approve": "1", "Appeals": "1", "Failed jobs": "1"}
    found = links(board.visitor.get(PATH))
    assert {"/admin/reports", "/admin/people?type=applied", "/admin/appeals", "/admin/jobs?state=dead"} <= set(found)


def test_checks_that_are_not_all_right_are_shown_to_administrators(site: SiteFixture) -> None:
    text = main_text(dashboard(site, Role.ADMIN).visitor.get(PATH))
    assert "The disk is nearly full." in text
    assert "E-mails are sent." not in text


def test_moderators_see_no_links_to_pages_of_administrators(site: SiteFixture) -> None:
    page = dashboard(site).visitor.get(PATH)
    assert not [link for link in links(page) if link.startswith(("/admin/jobs", "/health"))]
    assert "The disk is nearly full." not in page.text


@pytest.mark.parametrize(("query", "days"), [("", 30), ("?days=7", 7), ("?days=90", 90), ("?days=8", 30), ("?days=moss", 30)])
def test_each_chart_has_a_table_with_a_row_for_each_day_of_the_period(site: SiteFixture, query: str, days: int) -> None:
    board = dashboard(site)
    board.visitor.submit("/posts", "/home", text="Moss")
    page = document(board.visitor.get(PATH + query))
    tables = page.xpath("//figure//table")
    assert {len(table.xpath("tbody/tr")) for table in tables} == {days}
    assert page.xpath("//nav[@aria-label='Period']//a[@aria-current='page']/text()") == [f"{days} days"]


def test_the_numbers_are_those_of_the_api_and_of_the_statistics(site: SiteFixture) -> None:
    board = dashboard(site)
    ada, bob = client(site, "ada"), client(site, "bob")
    status = ada.post("/v1/statuses", status="Moss", language="de").json["id"]
    bob.post(f"/v1/statuses/{status}/favourite")
    bob.post("/v1/statuses", status="Yes", in_reply_to_id=status)
    page = document(board.visitor.get(PATH))
    tiles = dict(zip(page.xpath("//dl[@class='tiles']//dt/text()"), page.xpath("//dl[@class='tiles']//dd/text()"), strict=True))
    assert (tiles["New accounts"], tiles["Interactions"], tiles["Reports opened"]) == ("1", "2", "0")
    assert site.domain.statistics.zones[-1] is UTC_ZONE
    languages = page.xpath("//section[@aria-labelledby='languages-h']//li//text()")
    assert "Deutsch" in [text.strip() for text in languages]


def test_the_retention_of_the_last_six_months_is_a_table(site: SiteFixture) -> None:
    page = document(dashboard(site).visitor.get(PATH))
    [table] = page.xpath("//section[@aria-labelledby='retention-h']//table")
    assert len(table.xpath("thead//th")) == 8
    newest = table.xpath("tbody/tr[last()]/td//text()")
    assert (newest[0], newest[-1]) == ("1", "1 (100%)")


def test_the_dashboard_is_for_moderators(site: SiteFixture) -> None:
    assert site.registered_user("ada").get(PATH).status == 403
    assert site.visitor().get(PATH).status == 303
