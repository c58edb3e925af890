"""Strikes and appeals: acts of moderators, what they do, how their owners learn of them and how they are undone."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from microblog.model.accounts import Role
from microblog.model.ids import AccountId, WarningId
from microblog.model.paging import Page
from microblog.storage import warnings
from tests import make
from tests.fakes import result_of
from tests.files import image
from tests.mailbox import email_worker
from tests.rfc5322 import body_text
from tests.web.api.client import Client, client
from tests.web.test_moderation import with_role
from tests.web.visitor import SiteFixture, links, main_text

PAGE = Page()
STAFF_SCOPES = "read write admin:read admin:write"


@pytest.fixture
def maud(site: SiteFixture) -> Client:
    """A moderator."""
    return client(site, "maud", STAFF_SCOPES, role=Role.MODERATOR)


def with_picture(eve: Client, text: str = "Look!", *, sensitive: bool = False) -> str:
    media = eve.upload("POST", "/v2/media", {"file": image()}).json["id"]
    return str(eve.post("/v1/statuses", status=text, media_ids=[media], sensitive=sensitive).json["id"])


def act(maud: Client, eve: Client, kind: str, text: str = "") -> int:
    """Take an action and return the id of the strike."""
    assert maud.post(f"/v1/admin/accounts/{eve.id}/action", type=kind, text=text).status == 200
    [newest, *_] = result_of(maud.site.domain.strikes.of(eve.owner.id, page=PAGE))
    return newest.warning.id


def test_all_media_of_a_sensitive_account_are_hidden_until_it_is_undone(site: SiteFixture, maud: Client) -> None:
    eve, ada = client(site, "eve"), client(site, "ada")
    before = with_picture(eve)
    act(maud, eve, "sensitive")
    after = with_picture(eve, "And this!")
    assert maud.get(f"/v1/admin/accounts/{eve.id}").json["sensitized"] is True
    assert [ada.get(f"/v1/statuses/{id}").json["sensitive"] for id in (before, after)] == [True, True]
    assert "Sensitive media" in site.visitor().get(f"/@eve/{before}").text
    assert maud.post(f"/v1/admin/accounts/{eve.id}/unsensitive").json["sensitized"] is False
    assert [ada.get(f"/v1/statuses/{id}").json["sensitive"] for id in (before, after)] == [False, False]
    assert "Sensitive media" not in site.visitor().get(f"/@eve/{before}").text


def reported(site: SiteFixture, eve: Client, posts: list[str]) -> str:
    ada = client(site, f"ada{len(posts)}")
    return str(ada.post("/v1/reports", account_id=eve.id, status_ids=posts, comment="Look at this.").json["id"])


def test_reported_posts_are_marked_as_sensitive_and_the_strike_is_undone(site: SiteFixture) -> None:
    mod, eve = with_role(site, "mod", "moderator"), client(site, "eve")
    post, text_only = with_picture(eve), eve.post("/v1/statuses", status="Only text").json["id"]
    marked_by_author = with_picture(eve, sensitive=True)
    report = reported(site, eve, [post, text_only, marked_by_author])
    page = f"/admin/reports/{report}"
    mod.submit(f"{page}/action", page=page, type="mark_statuses_as_sensitive", text="Hide that.", notify="1")
    assert [eve.get(f"/v1/statuses/{id}").json["sensitive"] for id in (post, text_only)] == [True, False]
    assert eve.get(f"/v1/statuses/{post}").json["edited_at"] is not None
    assert "Resolved by @mod" in main_text(mod.get(page))
    [warning] = [one["moderation_warning"] for one in eve.get("/v1/notifications").json]
    assert (warning["action"], warning["status_ids"], warning["appeal"]) == (
        "mark_statuses_as_sensitive",
        [post, text_only, marked_by_author],
        None,
    )
    mod.submit(f"/admin/strikes/{warning['id']}/undo", page=f"/admin/accounts/{eve.id}")
    assert [eve.get(f"/v1/statuses/{id}").json["sensitive"] for id in (post, marked_by_author)] == [False, True]
    assert mod.submit(f"/admin/strikes/{warning['id']}/undo", page=f"/admin/accounts/{eve.id}").status == 409


def test_reported_posts_are_deleted_and_no_others(site: SiteFixture) -> None:
    mod, eve = with_role(site, "mod", "moderator"), client(site, "eve")
    bad, good = (eve.post("/v1/statuses", status=text).json["id"] for text in ("Bad", "Good"))
    page = f"/admin/reports/{reported(site, eve, [bad])}"
    mod.submit(f"{page}/action", page=page, type="delete_statuses", notify="1")
    assert [eve.get(f"/v1/statuses/{id}").status for id in (bad, good)] == [404, 200]
    assert "Deleted posts of @eve" in main_text(mod.get("/admin/log"))


def test_an_act_on_posts_needs_a_report_with_posts(site: SiteFixture, maud: Client) -> None:
    mod, eve = with_role(site, "mod", "moderator"), client(site, "eve")
    page = f"/admin/reports/{reported(site, eve, [])}"
    assert mod.submit(f"{page}/action", page=page, type="delete_statuses").status == 422
    assert mod.submit(f"{page}/action", page=page, type="odd").status == 422
    assert maud.post(f"/v1/admin/accounts/{eve.id}/action", type="delete_statuses").status == 422
    assert result_of(site.domain.strikes.of(eve.owner.id, page=PAGE)) == []


@pytest.mark.parametrize("kind", ["none", "sensitive", "silence", "disable", "suspend"])
def test_an_approved_appeal_undoes_each_act(site: SiteFixture, maud: Client, kind: str) -> None:
    mod, eve = with_role(site, "mod", "moderator"), client(site, "eve")
    strike = act(maud, eve, kind, "You sold moss.")
    [mail] = [mail for mail in email_worker(site.cursor).deliver() if mail["To"] == "eve@example.org"]
    assert f"/disputes/strikes/{strike}/" in body_text(mail.as_bytes(), "plain")
    page = link_to(site, strike, eve.owner.id)
    assert "You sold moss." in main_text(site.visitor().get(page))
    assert site.visitor().submit(page, text="It was my own moss.").status == 303
    queue = main_text(mod.get("/admin/appeals"))
    assert ("It was my own moss." in queue, "by @maud" in queue) == (True, True)
    mod.submit(f"/admin/appeals/{strike}/approve", page="/admin/appeals")
    state = maud.get(f"/v1/admin/accounts/{eve.id}").json
    assert not any(state[name] for name in ("sensitized", "silenced", "disabled", "suspended"))
    assert "It was my own moss." not in main_text(mod.get("/admin/appeals"))
    assert "Your appeal was approved, and the decision was undone." in main_text(site.visitor().get(page))
    assert "Your appeal on Ours was approved" in [mail["Subject"] for mail in email_worker(site.cursor).deliver()]
    assert [one["moderation_warning"]["appeal"] for one in eve.get("/v1/notifications").json] == [
        {"text": "It was my own moss.", "state": "approved"}
    ]


def link_to(site: SiteFixture, strike: int, owner: AccountId) -> str:
    """Return the path of the link in the e-mail about a strike."""
    return urlsplit(site.domain.email_composer.links.strike(str(strike), owner, make.NOW)).path


def test_a_rejected_appeal_leaves_the_act_and_is_the_only_one(site: SiteFixture, maud: Client) -> None:
    mod, eve = with_role(site, "mod", "moderator"), site.registered_user("eve")
    app = Client(site, None, site.viewer("eve"))
    strike = act(maud, app, "silence")
    page = f"/disputes/strikes/{strike}"
    assert page in links(eve.get("/notifications"))
    assert page in links(eve.get("/disputes/strikes"))
    assert eve.submit(f"{page}/appeal", page=page, text=" ").status == 422
    assert eve.submit(f"{page}/appeal", page=page, text="x" * 2_001).status == 422
    assert eve.submit(f"{page}/appeal", page=page, text="Please.").status == 303
    assert eve.submit(f"{page}/appeal", page="/settings/profile", text="Please!").status == 422
    mod.submit(f"/admin/appeals/{strike}/reject", page="/admin/appeals")
    assert maud.get(f"/v1/admin/accounts/{app.id}").json["silenced"] is True
    assert "Your appeal was rejected." in main_text(eve.get(page))
    assert mod.submit(f"/admin/appeals/{strike}/approve", page="/admin/appeals").status == 409
    assert "Your appeal on Ours was rejected" in [mail["Subject"] for mail in email_worker(site.cursor).deliver()]


def test_an_appeal_after_twenty_days_is_refused(site: SiteFixture, maud: Client) -> None:
    eve = site.registered_user("eve")
    strike = act(maud, Client(site, None, site.viewer("eve")), "none")
    page = f"/disputes/strikes/{strike}"
    age(site, strike, 19)
    assert "Send appeal" in main_text(eve.get(page))
    age(site, strike, 2)
    assert "Send appeal" not in main_text(eve.get(page))
    response = eve.submit(f"{page}/appeal", page="/settings/profile", text="Please.")
    assert (response.status, warnings.appealed(site.cursor, page=PAGE)) == (422, [])


def age(site: SiteFixture, strike: int, days: int) -> None:
    site.cursor.execute("update account_warnings set created_at = created_at - %s where id = %s", [timedelta(days=days), strike])


def test_an_act_is_undone_within_thirty_days_only(site: SiteFixture, maud: Client) -> None:
    mod, eve = with_role(site, "mod", "moderator"), client(site, "eve")
    strike = act(maud, eve, "silence")
    age(site, strike, 31)
    assert mod.submit(f"/admin/strikes/{strike}/undo", page="/admin/people").status == 409
    age(site, strike, -2)
    assert mod.submit(f"/admin/strikes/{strike}/undo", page="/admin/people").status == 303
    assert maud.get(f"/v1/admin/accounts/{eve.id}").json["silenced"] is False


def test_a_strike_is_open_to_its_owner_alone(site: SiteFixture, maud: Client) -> None:
    ada, eve = site.registered_user("ada"), site.registered_user("eve")
    strike = act(maud, Client(site, None, site.viewer("eve")), "none", "You sold moss.")
    page = f"/disputes/strikes/{strike}"
    link = link_to(site, strike, site.viewer("eve").id)
    assert (ada.get(page).status, ada.submit(f"{page}/appeal", page="/home", text="Mine.").status) == (404, 404)
    assert site.visitor().get(page).status == 303
    assert site.visitor().get(f"{page}/{'A' * 43}").status == 410
    other = act(maud, Client(site, None, site.viewer("ada")), "none")
    assert site.visitor().get(link.replace(str(strike), str(other))).status == 410
    assert eve.get(link).status == 200
    assert ada.submit(f"/admin/appeals/{strike}/approve", page="/home").status == 403


def test_moderators_decide_no_appeals_of_equals(site: SiteFixture) -> None:
    boss, mod = client(site, "boss", STAFF_SCOPES, role=Role.ADMIN), with_role(site, "mod", "moderator")
    mel = client(site, "mel", role=Role.MODERATOR)
    strike = WarningId(act(boss, mel, "none"))
    result_of(site.domain.strikes.appeal(mel.owner.id, strike, "No."))
    assert mod.submit(f"/admin/appeals/{strike}/approve", page="/admin/people").status == 403
    assert mod.submit(f"/admin/strikes/{strike}/undo", page="/admin/people").status == 403


def test_only_a_suspended_account_is_deleted_by_the_api(site: SiteFixture, maud: Client) -> None:
    eve = client(site, "eve")
    assert maud.delete(f"/v1/admin/accounts/{eve.id}").status == 403
    act(maud, eve, "suspend")
    assert maud.delete(f"/v1/admin/accounts/{eve.id}").json["suspended"] is True
    assert maud.get(f"/v1/admin/accounts/{eve.id}").status == 404


def test_the_page_of_an_account_shows_its_past(site: SiteFixture, maud: Client) -> None:
    mod, eve = with_role(site, "mod", "moderator"), site.registered_user("eve")
    id = site.viewer("eve").id
    eve.submit("/posts", page="/home", text="Buy moss!")
    with_ada = client(site, "ada")
    with_ada.post("/v1/reports", account_id=str(id), comment="Spam again.")
    act(maud, Client(site, None, site.viewer("eve")), "silence", "You sold moss.")
    page = f"/admin/accounts/{id}"
    assert page in links(mod.get("/admin/people"))
    shown = main_text(mod.get(page))
    for text in ("eve@example.org", "Limited", "Buy moss!", "Spam again.", "You sold moss.", "@maud · Limited eve", "Moderation warning"):
        assert text in shown, text
    mod.submit(f"{page}/undo", page=page, type="unsilence")
    assert "Undo limit" not in main_text(mod.get(page))
    assert mod.submit(f"{page}/undo", page=page, type="odd").status == 404
    mod.submit(f"{page}/action", page=page, type="disable", notify="1")
    assert "Enable login" in main_text(mod.get(page))
    assert mod.get("/admin/accounts/1").status == 404
    assert with_role(site, "user", "user").get(page).status == 403


def test_notes_are_kept_and_deleted_by_their_author_or_an_administrator(site: SiteFixture) -> None:
    mod, mel, boss = (with_role(site, *who) for who in (("mod", "moderator"), ("mel", "moderator"), ("boss", "admin")))
    eve = client(site, "eve")
    account, report = f"/admin/accounts/{eve.id}", f"/admin/reports/{reported(site, eve, [])}"
    mod.submit(f"{account}/notes", page=account, note="Second time.")
    mel.submit(f"{report}/notes", page=report, note="Asked her.")
    assert mod.submit(f"{account}/notes", page=account, note="x" * 2_001).status == 422
    assert mod.submit(f"{report}/notes", page=report, note="  ").status == 422
    shown = main_text(mod.get(account))
    assert ("Second time." in shown, "Asked her." in shown) == (True, True)
    assert "Second time." not in main_text(mod.get(report))
    [by_mod] = forms_of_notes(mod.get(account).text)
    assert mel.submit(f"/admin/notes/{by_mod}/delete", page=account).status == 403
    for note in forms_of_notes(boss.get(account).text):
        assert boss.submit(f"/admin/notes/{note}/delete", page=account).status == 303
    assert "Second time." not in main_text(mod.get(account))
    assert mod.submit(f"/admin/notes/{by_mod}/delete", page=account).status == 404


def forms_of_notes(page: str) -> list[str]:
    return re.findall(r"/admin/notes/(\d+)/delete", page)


def test_the_page_of_a_report_shows_the_posts_and_both_sides(site: SiteFixture) -> None:
    mod, eve = with_role(site, "mod", "moderator"), client(site, "eve")
    post = eve.post("/v1/statuses", status="Buy moss!").json["id"]
    page = f"/admin/reports/{reported(site, eve, [post])}"
    assert page in links(mod.get("/admin/reports"))
    shown = main_text(mod.get(page))
    for text in ("Buy moss!", "Look at this.", "1 report by the reporter", "1 report about and 0 strikes against"):
        assert text in shown, text
    mod.submit(f"{page}/assign", page=page)
    assert "Assigned to @mod" in main_text(mod.get(page))
    mod.submit(f"{page}/assign", page=page, unassign="1")
    mod.submit(f"{page}/close", page=page)
    assert "Reopen" in main_text(mod.get(page))
    mod.submit(f"{page}/reopen", page=page)
    assert "Mark as resolved" in main_text(mod.get(page))
    assert mod.get("/admin/reports/1").status == 404


def test_reports_are_listed_by_who_works_on_them(site: SiteFixture) -> None:
    mod, eve = with_role(site, "mod", "moderator"), client(site, "eve")
    posts = [eve.post("/v1/statuses", status=text).json["id"] for text in ("Moss", "More moss")]
    free, taken, done = (f"/admin/reports/{reported(site, eve, posts[:number])}" for number in range(3))
    mod.submit(f"{taken}/assign", page=taken)
    queue = "/admin/reports?type=unassigned"
    assert f'name="next" value="{queue}"' in mod.get(queue).text
    assert mod.submit(f"{done}/close", page=queue, next=queue).header("Location") == queue
    for tab, shown in (("", {free, taken}), ("?type=mine", {taken}), ("?type=unassigned", {free}), ("?type=resolved", {done})):
        assert {free, taken, done} & set(links(mod.get(f"/admin/reports{tab}"))) == shown, tab
    assert "Assigned to @mod" in main_text(mod.get("/admin/reports"))
    assert "Resolved by @mod" in main_text(mod.get("/admin/reports?type=resolved"))


def test_a_report_that_another_moderator_works_on_is_taken_over_by_intent_only(site: SiteFixture) -> None:
    mod, mel, eve = with_role(site, "mod", "moderator"), with_role(site, "mel", "moderator"), client(site, "eve")
    page = f"/admin/reports/{reported(site, eve, [])}"
    assert [mod.submit(f"{page}/assign", page=page).status for _ in range(2)] == [303, 303]
    refused = mel.submit(f"{page}/assign", page="/admin/reports")
    assert (refused.status, "Another moderator works on this report" in main_text(refused)) == (409, True)
    assert "Assigned to @mod" in main_text(mel.get(page))
    mel.submit(f"{page}/assign", page=page, unassign="1")
    mel.submit(f"{page}/assign", page=page)
    assert "Assigned to @mel" in main_text(mel.get(page))


@pytest.mark.parametrize("how", ["demoted", "deleted"])
def test_a_report_of_somebody_who_is_no_moderator_any_more_is_free(site: SiteFixture, how: str) -> None:
    mod, mel, eve = with_role(site, "mod", "moderator"), with_role(site, "mel", "moderator"), client(site, "eve")
    page = f"/admin/reports/{reported(site, eve, [])}"
    mod.submit(f"{page}/assign", page=page)
    admin, moderator = site.domain.moderation.account_admin, site.viewer("mod").id
    result_of(admin.delete(moderator) if how == "deleted" else admin.set_role(moderator, Role.USER))
    assert page in links(mel.get("/admin/reports?type=unassigned"))
    assert mel.submit(f"{page}/assign", page=page).status == 303
    assert "Assigned to @mel" in main_text(mel.get(page))


def test_a_message_that_is_too_long_stays_in_the_form(site: SiteFixture) -> None:
    mod, eve = with_role(site, "mod", "moderator"), client(site, "eve")
    for page in (f"/admin/accounts/{eve.id}", f"/admin/reports/{reported(site, eve, [])}"):
        refused = mod.submit(f"{page}/action", page=page, type="silence", text="No moss! " * 600)
        assert (refused.status, "No moss! No moss!" in refused.text) == (422, True), page
        marks = ('<option value="silence" selected>', 'name="notify" value="1" checked')
        assert [mark in refused.text for mark in marks] == [True, False], page
