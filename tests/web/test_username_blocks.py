"""Blocked usernames: sign-ups on the site and by the API, and the administrators' page."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.domain.username_blocks import UsernameBlockDraft
from microblog.storage.database import Cursor, fetch_value
from tests.fakes import result_of
from tests.web.test_email_domain_blocks import is_approved, sign_up
from tests.web.test_moderation import with_role
from tests.web.visitor import PASSWORD, SiteFixture, build_site, document, main_text

PAGE = "/admin/username_blocks"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, rate_limits="off")


def block(site: SiteFixture, username: str, comparison: str = "equals", *, allow_with_approval: bool = False) -> int:
    return result_of(site.domain.username_blocks.add(UsernameBlockDraft(username, comparison, allow_with_approval))).id


@pytest.mark.parametrize("name", ["owner", "OWNER", "0wn3r"])
def test_nobody_signs_up_with_a_blocked_name_or_one_that_looks_like_it(site: SiteFixture, name: str) -> None:
    block(site, "Own3r")
    refused = sign_up(site, name, "eve@example.org")
    assert refused.status == 422
    [problem] = refused.json["details"]["username"]
    assert problem == {"error": "ERR_RESERVED", "description": "is reserved"}
    page = site.visitor().submit("/signup", username=name, email="eve@example.org", password=PASSWORD)
    assert (page.status, "Username is reserved" in page.text) == (422, True)


@pytest.mark.parametrize("name", ["owners", "the_owner", "o_wner"])
def test_a_block_of_a_whole_name_leaves_longer_names_alone(site: SiteFixture, name: str) -> None:
    block(site, "owner")
    assert sign_up(site, name, "eve@example.org").status == 200
    assert is_approved(site, name)


@pytest.mark.parametrize("name", ["owner", "the_0wn3rs"])
def test_a_block_of_a_part_holds_for_all_names_that_contain_it(site: SiteFixture, name: str) -> None:
    block(site, "owner", "contains")
    assert sign_up(site, name, "eve@example.org").status == 422


def test_wildcards_of_sql_are_letters(site: SiteFixture) -> None:
    block(site, "o_ner", "contains")
    assert sign_up(site, "owner", "eve@example.org").status == 200


def test_a_block_with_approval_lets_sign_ups_wait_also_with_an_invite(site: SiteFixture) -> None:
    block(site, "team", "contains", allow_with_approval=True)
    assert sign_up(site, "t3am1", "ann@example.org").status == 200
    code = result_of(site.domain.registrations.invite(None)).code
    fields = {"username": "team2", "email": "bob@example.org", "password": PASSWORD, "invite": code}
    assert site.visitor().submit("/signup", **fields).status == 303
    assert not is_approved(site, "t3am1")
    assert not is_approved(site, "team2")


def test_a_refusal_outweighs_approval(site: SiteFixture) -> None:
    block(site, "team", "contains", allow_with_approval=True)
    block(site, "teamlead")
    assert sign_up(site, "teamlead", "ann@example.org").status == 422


def test_names_that_the_site_reserves_stay_reserved(site: SiteFixture) -> None:
    assert sign_up(site, "admin", "ann@example.org").json["details"]["username"][0]["error"] == "ERR_RESERVED"


def test_administrators_create_accounts_with_blocked_names(site: SiteFixture) -> None:
    block(site, "owner", "contains")
    with_role(site, "owner", "admin")


def test_the_page_adds_and_removes_blocks_and_shows_errors(site: SiteFixture) -> None:
    admin = with_role(site, "boss", "admin")
    fields = {"username": "Owner", "comparison": "contains", "allow_with_approval": "1"}
    assert admin.submit(PAGE, page=PAGE, **fields).status == 303
    assert "Owner Names that contain it Approval required" in main_text(admin.get(PAGE))
    again = admin.submit(PAGE, page=PAGE, **{**fields, "username": "0WNER"})
    assert (again.status, "has already been taken" in again.text) == (422, True)
    form = document(again)
    assert form.xpath("//input[@name='username']/@value") == ["0WNER"]
    assert form.xpath("//input[@checked]/@value") == ["contains", "1"]
    assert admin.submit(PAGE, page=PAGE, username="owner").status == 303
    for id in (
        fetch_value(site.cursor, "select min(id) from username_blocks"),
        fetch_value(site.cursor, "select max(id) from username_blocks"),
    ):
        assert admin.submit(f"{PAGE}/{id}/remove", page=PAGE).status == 303
    assert fetch_value(site.cursor, "select count(*) from username_blocks") == 0
    assert admin.submit(f"{PAGE}/1/remove", page=PAGE).status == 404


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"username": ""}, "Username can&#39;t be blank"),
        ({"username": "a b"}, "Username must contain only letters"),
        ({"username": "x" * 31}, "Username is too long"),
        ({"username": "x", "comparison": "odd"}, "Comparison is not included in the list"),
    ],
)
def test_what_is_no_username_is_refused(site: SiteFixture, fields: dict[str, str], sentence: str) -> None:
    refused = with_role(site, "boss", "admin").submit(PAGE, page=PAGE, **fields)
    assert (refused.status, sentence in refused.text) == (422, True)


def test_only_administrators_may_see_and_change_blocks(site: SiteFixture) -> None:
    moderator = with_role(site, "mo", "moderator")
    assert moderator.get(PAGE).status == moderator.submit(PAGE, page="/admin/people", username="owner").status == 403
