"""The moderation API and its authorization."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from microblog.model.accounts import Role
from microblog.storage.database import Cursor
from tests import make
from tests.mailbox import email_worker
from tests.rfc5322 import body_text
from tests.web.api.client import Client, client, ids, links, new_client_for
from tests.web.visitor import SiteFixture, build_site

STAFF_SCOPES = "read write admin:read admin:write"


@pytest.fixture
def maud(site: SiteFixture) -> Client:
    """A moderator."""
    return client(site, "maud", STAFF_SCOPES, role=Role.MODERATOR)


def test_moderation_requires_the_role_and_the_scope(site: SiteFixture, maud: Client) -> None:
    ada = client(site, "ada", STAFF_SCOPES)
    for path in ("/v1/admin/accounts", "/v2/admin/accounts", f"/v1/admin/accounts/{ada.id}", "/v1/admin/reports"):
        assert maud.get(path).status == 200
        assert (ada.get(path).status, ada.get(path).json["error"]) == (403, "This action is not allowed")
        without = new_client_for(site, maud.owner).get(path)
        assert (without.status, without.json["error"]) == (403, "This action is outside the authorized scopes")
    assert new_client_for(site, maud.owner, "admin:read").post(f"/v1/admin/accounts/{ada.id}/action", type="suspend").status == 403


def test_accounts_are_found_by_state_and_name(site: SiteFixture, maud: Client) -> None:
    ada, bob, eve = (client(site, name) for name in ("ada", "bob", "eve"))
    ada.patch("/v1/accounts/update_credentials", display_name="Lady Ada")
    make.suspend(site.cursor, eve.owner)
    everybody = [bob.id, ada.id, maud.id]
    assert ids(maud.get("/v1/admin/accounts")) == ids(maud.get("/v1/admin/accounts", active=True, local=True)) == everybody
    assert ids(maud.get("/v2/admin/accounts")) == [eve.id, *everybody]
    assert ids(maud.get("/v1/admin/accounts", suspended=True)) == ids(maud.get("/v2/admin/accounts", status="suspended")) == [eve.id]
    assert ids(maud.get("/v1/admin/accounts", staff=True)) == ids(maud.get("/v2/admin/accounts", permissions="staff")) == [maud.id]
    assert ids(maud.get("/v1/admin/accounts", username="AD")) == ids(maud.get("/v2/admin/accounts", display_name="lady")) == [ada.id]
    assert ids(maud.get("/v2/admin/accounts", email="bob@")) == [bob.id]
    for elsewhere in ({"remote": True}, {"by_domain": "x.example"}, {"ip": "127.0.0.1"}):
        assert maud.get("/v1/admin/accounts", **elsewhere).json == []
    assert maud.get("/v2/admin/accounts", origin="remote").json == []
    first = maud.get("/v2/admin/accounts", limit=3, status="active")
    assert maud.follow(links(first)["prev"]).json == []
    assert "status=active" in links(first)["next"]


def test_moderators_see_login_data_of_an_account(site: SiteFixture, maud: Client) -> None:
    ada = client(site, "ada")
    result = maud.get(f"/v1/admin/accounts/{ada.id}").json
    assert (result["username"], result["email"], result["confirmed"], result["approved"]) == ("ada", "ada@example.org", True, True)
    assert (result["suspended"], result["silenced"], result["disabled"], result["account"]["acct"]) == (False, False, False, "ada")
    assert result["role"]["id"] == "-99"
    assert maud.get("/v1/admin/accounts/1").status == 404


def test_applicants_are_approved_or_rejected(site: SiteFixture, maud: Client) -> None:
    ann, ben = (make.member(site.cursor, name, approved=False).account for name in ("ann", "ben"))
    site.cursor.execute("update users set reason = 'Please.' where account_id = %s", [ann.id])
    waiting = maud.get("/v1/admin/accounts", pending=True).json
    assert [(one["username"], one["invite_request"], one["approved"]) for one in waiting] == [
        ("ben", None, False),
        ("ann", "Please.", False),
    ]
    assert maud.post(f"/v1/admin/accounts/{ann.id}/approve").json["approved"] is True
    assert maud.post(f"/v1/admin/accounts/{ben.id}/reject").json == {}
    assert maud.get(f"/v1/admin/accounts/{ben.id}").status == 404
    assert maud.post(f"/v1/admin/accounts/{ann.id}/reject").status == 409


def test_actions_can_be_undone_and_resolve_reports(site: SiteFixture, maud: Client) -> None:
    ada, eve = client(site, "ada"), client(site, "eve")
    make.post(site.cursor, eve.owner, "Buy!")
    path = f"/v1/admin/accounts/{eve.id}"
    ada.post("/v1/reports", account_id=eve.id)
    assert maud.post(f"{path}/action", type="silence").json == {}
    assert maud.get("/v1/admin/reports").json == []
    assert maud.get(path).json["silenced"] is True
    assert ids(maud.get("/v1/admin/accounts", silenced=True)) == [eve.id]
    assert ada.get("/v1/timelines/public").json == []
    assert ada.get(f"/v1/accounts/{eve.id}").json["limited"] is True
    assert maud.post(f"{path}/unsilence").json["silenced"] is False
    assert len(ada.get("/v1/timelines/public").json) == 1
    first, second = (ada.post("/v1/reports", account_id=eve.id).json["id"] for _ in range(2))
    assert maud.post(f"{path}/action", type="none", report_id=first).json == {}
    assert ids(maud.get("/v1/admin/reports")) == [second]
    assert maud.post(f"{path}/action", type="disable", report_id=second).json == {}
    assert maud.get(path).json["disabled"] is True
    assert maud.post(f"{path}/enable").json["disabled"] is False
    assert maud.post(f"{path}/action", type="suspend").json == {}
    assert ada.get(f"/v1/accounts/{eve.id}").json["suspended"] is True
    assert maud.post(f"{path}/unsuspend").json["suspended"] is False
    assert ada.get(f"/v1/accounts/{eve.id}").status == 200
    assert maud.post(f"{path}/action", type="odd").status == 422
    assert maud.post(f"{path}/action").status == 422


def test_an_action_for_a_missing_report_changes_nothing(site: SiteFixture, maud: Client) -> None:
    ada = client(site, "ada")
    assert maud.post(f"/v1/admin/accounts/{ada.id}/action", type="suspend", report_id=1).status == 404
    assert not maud.get(f"/v1/admin/accounts/{ada.id}").json["suspended"]


@pytest.mark.parametrize("kind", ["none", "silence", "disable", "suspend"])
def test_a_warned_user_gets_a_notification_and_an_email(site: SiteFixture, maud: Client, kind: str) -> None:
    ada, eve = client(site, "ada"), client(site, "eve")
    post = make.post(site.cursor, eve.owner, "Buy!")
    report = ada.post("/v1/reports", account_id=eve.id, status_ids=[str(post.id)]).json["id"]
    path = f"/v1/admin/accounts/{eve.id}"
    assert maud.post(f"{path}/action", type=kind, report_id=report, text="No <b>spam</b>, please.\nReally.").json == {}
    [mail] = [mail for mail in email_worker(site.cursor).deliver() if mail["To"] == "eve@example.org"]
    for part in ("plain", "html"):
        assert re.search(r"spam.*, please\.\s+(> )?Really\.", body_text(mail.as_bytes(), part))
    assert "<b>" not in body_text(mail.as_bytes(), "html")
    maud.post(f"{path}/unsuspend")
    maud.post(f"{path}/enable")
    eve = new_client_for(site, eve.owner)
    [result] = eve.get("/v1/notifications").json
    warning = result["moderation_warning"]
    assert (result["type"], result["account"]["id"]) == ("moderation_warning", eve.id)
    assert (warning["action"], warning["text"], warning["appeal"]) == (kind, "No <b>spam</b>, please.\nReally.", None)
    assert (warning["status_ids"], warning["target_account"]["id"]) == ([str(post.id)], eve.id)
    assert eve.get(f"/v1/notifications/{result['id']}").json == result
    assert eve.get("/v1/notifications", types=["moderation_warning"]).json == [result]
    [group] = eve.get("/v2/notifications").json["notification_groups"]
    assert (group["type"], group["moderation_warning"]) == ("moderation_warning", warning)
    assert "maud" not in json.dumps(result), "the moderator is not revealed"
    assert eve.get("/v1/notifications/unread_count").json == {"count": 1}


def test_each_warning_notifies_unless_disabled(site: SiteFixture, maud: Client) -> None:
    eve = client(site, "eve")
    path = f"/v1/admin/accounts/{eve.id}/action"
    for text in ("Once", "Twice"):
        maud.post(path, type="none", text=text)
    assert [one["moderation_warning"]["text"] for one in eve.get("/v1/notifications").json] == ["Twice", "Once"]
    assert len(email_worker(site.cursor).deliver()) == 2
    maud.post(path, type="silence", text="Quietly", send_email_notification=False)
    assert len(eve.get("/v1/notifications").json) == 2
    assert email_worker(site.cursor).deliver() == []
    assert maud.get(f"/v1/admin/accounts/{eve.id}").json["silenced"] is True


def test_only_the_warned_user_is_notified_and_invalid_warnings_are_rejected(site: SiteFixture, maud: Client) -> None:
    ada, eve = client(site, "ada"), client(site, "eve")
    path = f"/v1/admin/accounts/{eve.id}/action"
    assert maud.post(path, type="suspend", text="x" * 5_001).status == 422
    assert maud.post(path, type="suspend", warning_preset_id="1").status == 404
    assert maud.get(f"/v1/admin/accounts/{eve.id}").json["suspended"] is False
    maud.post(path, type="none", text="Careful")
    assert ada.get("/v1/notifications").json == maud.get("/v1/notifications").json == []


def test_moderators_cannot_act_on_equals_or_superiors(site: SiteFixture, maud: Client) -> None:
    other = client(site, "mel", STAFF_SCOPES, role=Role.MODERATOR)
    boss = client(site, "boss", STAFF_SCOPES, role=Role.ADMIN)
    for kind in ("none", "disable", "silence", "suspend"):
        for target in (other, boss, maud):
            assert maud.post(f"/v1/admin/accounts/{target.id}/action", type=kind).status == 403
    assert boss.post(f"/v1/admin/accounts/{other.id}/action", type="silence").status == 200


def test_reports_are_assigned_changed_resolved_and_reopened(cursor: Cursor, tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_text("Be kind.\nNo spam.\n")
    site = build_site(cursor, tmp_path, texts_dir=str(tmp_path))
    maud, ada, eve = client(site, "maud", STAFF_SCOPES, role=Role.MODERATOR), client(site, "ada"), client(site, "eve")
    post = make.post(cursor, eve.owner, "Buy!")
    secret = eve.post("/v1/statuses", status="Buy, @ada!", visibility="direct").json["id"]
    sent = ada.post("/v1/reports", account_id=eve.id, status_ids=[str(post.id), secret], rule_ids=["2"], comment="Again.").json
    assert (sent["category"], sent["rule_ids"]) == ("violation", ["2"])
    assert ada.post("/v1/reports", account_id=eve.id, rule_ids=["3"]).status == 422
    [report] = maud.get("/v1/admin/reports").json
    assert (report["account"]["username"], report["target_account"]["username"]) == ("ada", "eve")
    assert (report["action_taken"], report["assigned_account"], report["comment"]) == (False, None, "Again.")
    assert [rule["text"] for rule in report["rules"]] == ["No spam."]
    assert ids_of(report["statuses"]) == [str(post.id)], "Direct messages are not shown to moderators."
    path = f"/v1/admin/reports/{report['id']}"
    assert maud.get(path).json == report
    assert maud.post(f"{path}/assign_to_self").json["assigned_account"]["username"] == "maud"
    assert maud.post(f"{path}/unassign").json["assigned_account"] is None
    assert maud.put(path, category="spam").json["category"] == "spam"
    updated = maud.put(path, rule_ids=["1"]).json
    assert ([rule["id"] for rule in updated["rules"]], updated["category"]) == (["1"], "spam")
    assert maud.put(path, category="odd").status == 422
    done = maud.post(f"{path}/resolve").json
    assert (done["action_taken"], done["action_taken_by_account"]["username"]) == (True, "maud")
    assert done["action_taken_at"] is not None
    assert maud.get("/v1/admin/reports").json == []
    assert ids(maud.get("/v1/admin/reports", resolved=True, target_account_id=eve.id)) == [report["id"]]
    assert maud.get("/v1/admin/reports", resolved=True, account_id=eve.id).json == []
    assert maud.post(f"{path}/reopen").json["action_taken_by_account"] is None
    assert ids(maud.get("/v1/admin/reports")) == [report["id"]]
    assert maud.get("/v1/admin/reports/1").status == maud.post("/v1/admin/reports/1/resolve").status == 404


def ids_of(entities: list[dict[str, str]]) -> list[str]:
    return [one["id"] for one in entities]
