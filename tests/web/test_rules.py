"""Rules of the site: administrators change them on a page, and everybody reads them, agrees to them and names them in reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.model.audit import AuditAction, AuditQuery
from microblog.model.ids import RuleId
from microblog.model.paging import Page
from microblog.storage import audit, rules
from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.web.api.client import anonymous_client, client, new_client_for
from tests.web.test_moderation import with_role
from tests.web.visitor import SiteFixture, Visitor, build_site, document, main_text

PAGE = "/admin/rules"


@pytest.fixture
def boss(site: SiteFixture) -> Visitor:
    return with_role(site, "boss", "admin")


def add(boss: Visitor, *texts: str, hint: str = "") -> None:
    for text in texts:
        assert boss.submit(PAGE, text=text, hint=hint).status == 303


def shown(site: SiteFixture) -> list[str]:
    return [rule["text"] for rule in anonymous_client(site).get("/v1/instance/rules").json]


def ids(site: SiteFixture) -> list[str]:
    return [rule["id"] for rule in anonymous_client(site).get("/v1/instance/rules").json]


def test_rules_with_hints_are_in_the_api_on_the_about_page_and_before_sign_up(site: SiteFixture, boss: Visitor) -> None:
    add(boss, "Be <kind>.", hint="To everybody.")
    add(boss, "No spam.")
    api = anonymous_client(site)
    [first, second] = api.get("/v1/instance/rules").json
    assert (first["text"], first["hint"], first["translations"]) == ("Be <kind>.", "To everybody.", {})
    assert (second["text"], second["hint"]) == ("No spam.", "")
    assert int(second["id"]) > int(first["id"]) > 1000
    assert api.get("/v2/instance").json["rules"] == api.get("/v1/instance").json["rules"] == [first, second]
    for path in ("/about", "/signup"):
        page = main_text(site.visitor().get(path))
        assert "Be <kind>." in page, path
        assert "To everybody." in page, path


def test_rules_are_ordered_by_buttons(site: SiteFixture, boss: Visitor) -> None:
    add(boss, "One.", "Two.", "Three.")
    one, two, three = ids(site)
    boss.submit(f"{PAGE}/{three}/up", page=PAGE)
    assert shown(site) == ["One.", "Three.", "Two."]
    boss.submit(f"{PAGE}/{one}/down", page=PAGE)
    assert shown(site) == ["Three.", "One.", "Two."]
    for path in (f"{three}/up", f"{two}/down"):  # at the ends already
        assert boss.submit(f"{PAGE}/{path}", page=PAGE).status == 303
    assert shown(site) == ["Three.", "One.", "Two."]
    buttons = document(boss.get(PAGE)).xpath("//button[@disabled]/@formaction")
    assert buttons == [f"{PAGE}/{three}/up", f"{PAGE}/{two}/down"]


def test_a_rule_is_edited_and_its_id_stays(site: SiteFixture, boss: Visitor) -> None:
    add(boss, "Be kind.")
    [id] = ids(site)
    assert "Be kind." in boss.get(f"{PAGE}/{id}").text
    assert boss.submit(f"{PAGE}/{id}", text="Be kinder.", hint="Always.").status == 303
    assert (ids(site), shown(site)) == ([id], ["Be kinder."])


@pytest.mark.parametrize(("text", "hint", "error"), [
    (" ", "Kept.", "Text can't be blank"),
    ("x" * 301, "Kept.", "Text is too long (maximum is 300 characters)"),
    ("Kept.", "x" * 1001, "Hint is too long (maximum is 1000 characters)"),
])  # fmt: skip
def test_an_invalid_rule_is_refused_and_what_was_typed_is_kept(site: SiteFixture, boss: Visitor, text: str, hint: str, error: str) -> None:
    add(boss, "Be kind.")
    for path in (PAGE, f"{PAGE}/{ids(site)[0]}"):
        response = boss.submit(path, text=text, hint=hint)
        assert (response.status, error in main_text(response), "Kept." in response.text) == (422, True, True)
    assert shown(site) == ["Be kind."]


def test_rules_are_translated_and_everybody_reads_them_in_all_languages(site: SiteFixture, boss: Visitor) -> None:
    add(boss, "Be kind.", hint="To everybody.")
    add(boss, "No spam.")
    page = f"{PAGE}/{ids(site)[0]}/translations"
    assert boss.submit(page, language="de", text="Sei <nett>.", hint="Zu allen.").status == 303
    assert boss.submit(page, language="fr", text="Sois gentil.", hint="").status == 303
    [first, second] = anonymous_client(site).get("/v1/instance/rules").json
    assert first["translations"] == {"de": {"text": "Sei <nett>.", "hint": "Zu allen."}, "fr": {"text": "Sois gentil.", "hint": ""}}
    assert (first["text"], second["translations"]) == ("Be kind.", {})
    for path in ("/about", "/signup"):
        shown_there = document(site.visitor().get(path))
        german = ["".join(item.itertext()) for item in shown_there.xpath("//details[summary[@lang='de']]/ol/li")]
        assert german == ["Sei <nett>.Zu allen.", "No spam."], path
        assert shown_there.xpath("//details[summary[@lang='de']]/ol/li/@lang") == ["de"], path
    assert "Sei &lt;nett&gt;." in boss.get(f"{page}?language=de").text
    boss.submit(page, language="de", text="Sei netter.", hint="")
    boss.submit(f"{page}/delete", page=page, language="fr")
    assert anonymous_client(site).get("/v1/instance/rules").json[0]["translations"] == {"de": {"text": "Sei netter.", "hint": ""}}
    facts = audit.search(site.cursor, page=Page(), query=AuditQuery(action=AuditAction.RULE_UPDATE))[0].entry.facts
    assert (facts["language"], facts["before"], facts["after"]) == ("fr", {"text": "Sois gentil.", "hint": ""}, None)


@pytest.mark.parametrize(("language", "text", "error"), [
    ("", "Kept.", "Language is not included in the list"),
    ("Deutsch", "Kept.", "Language is not included in the list"),
    ("de", "x" * 301, "Text is too long (maximum is 300 characters)"),
    ("de", " ", "Text can't be blank"),
])  # fmt: skip
def test_an_invalid_translation_is_refused(site: SiteFixture, boss: Visitor, language: str, text: str, error: str) -> None:
    add(boss, "Be kind.")
    page = f"{PAGE}/{ids(site)[0]}/translations"
    response = boss.submit(page, language=language, text=text, hint="Kept too.")
    assert (response.status, error in main_text(response), "Kept too." in response.text) == (422, True, True)
    assert anonymous_client(site).get("/v1/instance/rules").json[0]["translations"] == {}
    assert boss.submit(f"{page}/delete", page=page, language="de").status == 404


def test_a_rule_that_does_not_exist_is_404(site: SiteFixture, boss: Visitor) -> None:
    add(boss, "Be kind.")
    [id] = ids(site)
    boss.submit(f"{PAGE}/{id}/delete", page=PAGE)
    assert shown(site) == []
    assert boss.get(f"{PAGE}/{id}").status == 404
    assert [
        boss.submit(f"{PAGE}/{id}{act}", page=PAGE, text="x", language="de").status
        for act in ("", "/up", "/down", "/delete", "/translations")
    ] == [404] * 5


def test_reports_name_rules_and_keep_them_when_they_change_or_are_deleted(site: SiteFixture, boss: Visitor) -> None:
    add(boss, "Be kind.", "No spam.")
    kind, spam = ids(site)
    ada, eve = client(site, "ada"), client(site, "eve")
    report = ada.post("/v1/reports", account_id=eve.owner.id, category="violation", **{"rule_ids[]": spam}).json
    assert (report["rule_ids"], report["category"]) == ([spam], "violation")
    boss.submit(f"{PAGE}/{spam}", text="No advertising.", hint="")
    boss.submit(f"{PAGE}/{spam}/delete", page=PAGE)
    assert ada.post("/v1/reports", account_id=eve.owner.id, **{"rule_ids[]": spam}).status == 422
    app = new_client_for(site, site.viewer("boss"), "admin:read admin:write")
    stored = app.get(f"/v1/admin/reports/{report['id']}").json
    assert [(rule["id"], rule["text"]) for rule in stored["rules"]] == [(spam, "No spam.")]
    assert "Rule: No spam." in main_text(boss.get("/admin/reports"))
    changed = app.request("PUT", f"/v1/admin/reports/{report['id']}", form={"rule_ids[]": kind}).json
    assert [rule["id"] for rule in changed["rules"]] == [kind]


def test_the_form_of_a_report_offers_the_rules(site: SiteFixture, boss: Visitor) -> None:
    ada, path = site.registered_user("ada"), "/@boss/report"
    assert "Which rules" not in main_text(ada.get(path))
    add(boss, "Be kind.", "No spam.")
    assert "Which rules does it violate?" in main_text(ada.get(path))
    spam = ids(site)[1]
    kept = ada.submit(path, comment="x" * 1001, category="legal", **{"rule_ids[]": spam})
    assert kept.status == 422
    assert document(kept).xpath("//input[@checked]/@value") == ["legal", spam]
    assert ada.submit(path, category="other", **{"rule_ids[]": spam}).status == 303
    assert fetch_value(site.cursor, "select category || ' ' || rules[1] from reports") == "violation No spam."


def test_a_report_from_before_rules_had_ids_shows_their_texts(site: SiteFixture, boss: Visitor) -> None:
    reporter, target = make.account(site.cursor), make.account(site.cursor)
    sql = """insert into reports (id, account_id, target_id, created_at, rules) values (1, %s, %s, now(), '{Be kind.}')"""
    site.cursor.execute(sql, [reporter.id, target.id])
    assert "Rule: Be kind." in main_text(boss.get("/admin/reports"))
    app = new_client_for(site, site.viewer("boss"), "admin:read")
    assert app.get("/v1/admin/reports/1").json["rules"] == []


def test_the_rules_of_a_file_win_and_the_page_says_so(cursor: Cursor, tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_text("From the file.\n")
    site = build_site(cursor, tmp_path, texts_dir=str(tmp_path))
    boss = with_role(site, "boss", "admin")
    page = main_text(boss.get(PAGE))
    assert "They are those of rules.txt in MICROBLOG_TEXTS_DIR, which takes precedence over this page." in page
    assert document(boss.get(PAGE)).xpath("//main//form") == []
    response = boss.submit(PAGE, page="/admin/site", text="From the page.")
    assert (response.status, "rules.txt in MICROBLOG_TEXTS_DIR" in response.text) == (403, True)
    assert shown(site) == ["From the file."]


def test_the_audit_log_has_each_act_with_the_words_before_it(site: SiteFixture, boss: Visitor) -> None:
    add(boss, "Be kind.", "No spam.")
    kind, _ = ids(site)
    boss.submit(f"{PAGE}/{kind}", text="Be kinder.", hint="")
    boss.submit(f"{PAGE}/{kind}", text="Be kinder.", hint="")  # changes nothing
    boss.submit(f"{PAGE}/{kind}/down", page=PAGE)
    boss.submit(f"{PAGE}/{kind}/delete", page=PAGE)
    found = [record.entry for record in audit.search(site.cursor, page=Page(), query=AuditQuery(target=kind))][::-1]
    assert [(entry.action, entry.text) for entry in found] == [
        (AuditAction.RULE_CREATE, "Be kind."),
        (AuditAction.RULE_UPDATE, "Be kind."),
        (AuditAction.RULE_MOVE, "Be kinder."),
        (AuditAction.RULE_DELETE, "Be kinder."),
    ]
    assert found[1].facts["after"] == {"text": "Be kinder.", "hint": ""}
    assert (found[2].facts["before"], found[2].facts["after"]) == (1, 2)


def test_there_is_an_end_to_the_number_of_rules(site: SiteFixture, boss: Visitor) -> None:
    for number in range(100):
        rules.insert(site.cursor, text=f"Rule {number}", hint="", now=make.NOW)
    response = boss.submit(PAGE, text="One too many.")
    assert (response.status, "There can be up to 100 rules" in response.text) == (422, True)


def test_only_administrators_may_see_and_change_the_rules(site: SiteFixture, boss: Visitor) -> None:
    add(boss, "Be kind.")
    [id] = ids(site)
    maud = with_role(site, "maud", "moderator")
    assert [maud.get(path).status for path in (PAGE, f"{PAGE}/{id}")] == [403, 403]
    acts = (PAGE, *(f"{PAGE}/{id}{act}" for act in ("", "/up", "/down", "/delete")))
    assert [maud.submit(act, page="/settings/account", text="Mine.").status for act in acts] == [403] * 5
    assert rules.current(site.cursor)[0].id == RuleId(int(id))
