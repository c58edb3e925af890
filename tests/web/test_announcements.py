"""Announcements on the administrators' pages: drafts, schedules, edits, and e-mails to everybody."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from psycopg2.extras import Json

from microblog.application.services import now
from microblog.domain.announcement_desk import EMAIL, PUBLISH, AnnouncementDesk
from microblog.domain.announcements import end
from microblog.model.audit import AuditAction, AuditQuery
from microblog.model.events import EventKind
from microblog.model.ids import AnnouncementDraftId, AnnouncementId
from microblog.model.paging import Page
from microblog.storage import audit
from microblog.storage.database import fetch_all, fetch_value
from tests import make
from tests.fakes import result_of
from tests.web.api.client import client
from tests.web.test_moderation import with_role
from tests.web.visitor import SiteFixture, Visitor, document, main_text

PAGE = "/admin/announcements"
NEW = f"{PAGE}/new"


@pytest.fixture
def boss(site: SiteFixture) -> Visitor:
    return with_role(site, "boss", "admin")


def at(**distance: int) -> str:
    """Return a time from now as a browser sends it."""
    return f"{now() + timedelta(**distance):%Y-%m-%dT%H:%M}"


def send(boss: Visitor, act: str, path: str = PAGE, **fields: str) -> None:
    response = boss.submit(path, page=NEW, act=act, **fields)
    assert (response.status, response.header("Location")) == (303, f"{PAGE}?notice=saved"), main_text(response)


def seen(site: SiteFixture) -> list[str]:
    """Return what a member is told."""
    return [item.text for item in result_of(site.domain.announcements.current(None))]


def draft_id(site: SiteFixture) -> AnnouncementDraftId:
    return AnnouncementDraftId(fetch_value(site.cursor, "select max(id) from announcement_drafts"))


def announcement_id(site: SiteFixture) -> AnnouncementId:
    return AnnouncementId(fetch_value(site.cursor, "select max(id) from announcements"))


def kinds_of_events(site: SiteFixture) -> list[str]:
    return fetch_all(site.cursor, str, "select kind from events where kind like 'announce%' order by id")


def test_a_draft_is_seen_by_nobody_until_it_is_published(site: SiteFixture, boss: Visitor) -> None:
    send(boss, "draft", text="Tea at five.")
    assert (seen(site), kinds_of_events(site)) == ([], [])
    assert "Draft" in main_text(boss.get(PAGE))
    path = f"{PAGE}/drafts/{draft_id(site)}"
    assert "Tea at five." in boss.get(path).text
    send(boss, "draft", path, text="Tea at six.")
    send(boss, "publish", path, text="Tea at seven.")
    assert (seen(site), kinds_of_events(site)) == (["Tea at seven."], [EventKind.ANNOUNCED])
    assert "Tea at seven." in site.registered_user("ada").get("/home").text
    assert fetch_value(site.cursor, "select count(*) from announcement_drafts") == 0


def test_a_scheduled_announcement_is_published_by_a_job_at_its_time(site: SiteFixture, boss: Visitor) -> None:
    desk = AnnouncementDesk(site.domain.announcements)
    send(boss, "schedule", text="Tea at five.", scheduled_at=at(hours=2))
    id = draft_id(site)
    assert "Scheduled" in main_text(boss.get(PAGE))
    due_at = fetch_value(site.cursor, "select due_at from jobs where kind = %(kind)s", {"kind": PUBLISH})
    assert due_at == datetime.fromisoformat(at(hours=2)).replace(tzinfo=due_at.tzinfo)
    result_of(desk.publish_scheduled(id))  # too early, as after it was put off
    assert seen(site) == []
    site.cursor.execute("update announcement_drafts set scheduled_at = %s", [now()])
    result_of(desk.publish_scheduled(id))
    result_of(desk.publish_scheduled(id))  # a job may run twice
    assert (seen(site), kinds_of_events(site)) == (["Tea at five."], [EventKind.ANNOUNCED])


def test_a_schedule_is_taken_back_by_saving_a_draft(site: SiteFixture, boss: Visitor) -> None:
    send(boss, "schedule", text="Tea at five.", scheduled_at=at(hours=2))
    send(boss, "draft", f"{PAGE}/drafts/{draft_id(site)}", text="Tea at five.")
    assert fetch_value(site.cursor, "select scheduled_at from announcement_drafts") is None


def test_an_edit_reaches_everybody_and_a_later_end_counts(site: SiteFixture, boss: Visitor) -> None:
    send(boss, "publish", text="Tea at five.", ends_at=at(hours=1))
    id, path = announcement_id(site), f"{PAGE}/{announcement_id(site)}"
    assert "Tea at five." in boss.get(path).text
    ada = client(site, "ada")
    ada.post(f"/v1/announcements/{id}/dismiss")
    assert boss.submit(path, text="Tea at six.", starts_at=at(hours=2), ends_at=at(hours=3), all_day="1").status == 303
    [shown] = ada.get("/v1/announcements").json
    assert (shown["content"], shown["all_day"], shown["read"]) == ("<p>Tea at six.</p>", True, True)
    assert kinds_of_events(site) == [EventKind.ANNOUNCED] * 2
    end(site.cursor, id, now() + timedelta(hours=2))  # the job of the first end
    assert kinds_of_events(site) == [EventKind.ANNOUNCED] * 2
    end(site.cursor, id, now() + timedelta(hours=4))
    assert kinds_of_events(site)[-1] == EventKind.ANNOUNCEMENT_WITHDRAWN


def test_an_unpublished_announcement_is_gone_for_everybody_and_a_draft_again(site: SiteFixture, boss: Visitor) -> None:
    send(boss, "publish", text="Tea at five.", starts_at=at(hours=1))
    boss.submit(f"{PAGE}/{announcement_id(site)}/unpublish", page=PAGE)
    assert (seen(site), kinds_of_events(site)) == ([], [EventKind.ANNOUNCED, EventKind.ANNOUNCEMENT_WITHDRAWN])
    page = boss.get(f"{PAGE}/drafts/{draft_id(site)}")
    [starts_at] = document(page).xpath("//input[@name='starts_at']/@value")
    assert ("Tea at five." in page.text, starts_at) == (True, at(hours=1))


def test_announcements_and_drafts_are_deleted(site: SiteFixture, boss: Visitor) -> None:
    send(boss, "publish", text="Tea at five.")
    send(boss, "draft", text="Tea at six.")
    one, draft = announcement_id(site), draft_id(site)
    for path in (f"{PAGE}/{one}/delete", f"{PAGE}/drafts/{draft}/delete"):
        assert [boss.submit(path, page=PAGE).status for _ in range(2)] == [303, 404]
    assert "No announcements" in main_text(boss.get(PAGE))
    assert [boss.get(path).status for path in (f"{PAGE}/{one}", f"{PAGE}/drafts/{draft}")] == [404, 404]


@pytest.mark.parametrize(
    ("act", "fields", "wrong"),
    [
        ("publish", {"text": " "}, "text"),
        ("draft", {"text": "x" * 5_001}, "text"),
        ("draft", {"text": "x", "starts_at": "tomorrow"}, "starts_at"),
        ("draft", {"text": "x", "starts_at": "2026-12-31T10:00", "ends_at": "2026-12-31T09:00"}, "ends_at"),
        ("publish", {"text": "x", "ends_at": "2020-12-31T09:00"}, "ends_at"),
        ("schedule", {"text": "x"}, "scheduled_at"),
        ("schedule", {"text": "x", "scheduled_at": "2020-01-01T10:00"}, "scheduled_at"),
        ("schedule", {"text": "x", "scheduled_at": "2099-01-01T10:00", "ends_at": "2098-01-01T10:00"}, "ends_at"),
    ],
)
def test_what_is_wrong_is_shown_with_all_that_was_typed(
    site: SiteFixture, boss: Visitor, act: str, fields: dict[str, str], wrong: str
) -> None:
    response = boss.submit(PAGE, page=NEW, act=act, email="1", **fields)
    page = document(response)
    assert response.status == 422
    assert [str(id) for id in page.xpath("//p[@class='error']/@id")] == [f"f-{wrong}-error"]
    for name, value in fields.items():
        if name != "text":
            assert page.xpath(f"//input[@name='{name}']/@value") == [value]
    assert page.xpath("//input[@name='email']/@checked")
    assert fetch_value(site.cursor, "select count(*) from announcement_drafts") == 0


def test_everybody_who_can_get_e_mail_gets_the_announcement_once(site: SiteFixture, boss: Visitor) -> None:
    members = [make.member(site.cursor, approved=number > 0) for number in range(3)]
    send(boss, "publish", text="Tea at five: https://example.org", email="1")
    id = announcement_id(site)
    payload = fetch_value(site.cursor, "select payload from jobs where kind = %(kind)s", {"kind": EMAIL})
    assert payload == {"announcement": str(id)}
    for _ in range(2):  # a job may run twice
        result_of(site.domain.email_composer.enqueue_announcement(id))
    queued = fetch_all(site.cursor, int, "select account_id from emails where kind = 'announcement' order by account_id")
    assert queued == sorted([members[1].account.id, members[2].account.id, site.viewer("boss").id])
    assert fetch_value(site.cursor, "select count(*) from jobs where kind = 'email.send'") >= len(queued)


def test_the_e_mail_has_the_text_of_the_moment_and_is_cancelled_with_the_announcement(site: SiteFixture, boss: Visitor) -> None:
    member = make.member(site.cursor)
    send(boss, "publish", text="Tea at five.", email="1")
    id = announcement_id(site)
    composer = site.domain.email_composer
    result_of(composer.enqueue_announcement(id))
    sql = "select id from emails where kind = 'announcement' and account_id = %(account)s"
    email = fetch_value(site.cursor, sql, {"account": member.account.id})
    assert boss.submit(f"{PAGE}/{id}", text="Tea at six.").status == 303
    context = result_of(composer.begin_delivery(email))
    assert context is not None
    assert (context.email.data["text"], bool(context.unsubscribe)) == ("Tea at six.", True)
    boss.submit(f"{PAGE}/{id}/delete", page=PAGE)
    assert result_of(composer.begin_delivery(email)) is None
    assert "deleted" in fetch_value(site.cursor, "select answer from emails where id = %(id)s", {"id": email})


def test_whoever_turned_such_e_mails_off_gets_none(site: SiteFixture, boss: Visitor) -> None:
    member = make.member(site.cursor)
    changed = Json({"mail_announcement": False})
    site.cursor.execute("update users set preferences = preferences || %s where account_id = %s", [changed, member.account.id])
    send(boss, "publish", text="Tea at five.", email="1")
    result_of(site.domain.email_composer.enqueue_announcement(announcement_id(site)))
    sql = "select id from emails where kind = 'announcement' and account_id = %(account)s"
    email = fetch_value(site.cursor, sql, {"account": member.account.id})
    assert result_of(site.domain.email_composer.begin_delivery(email)) is None


def test_each_act_is_in_the_audit_log(site: SiteFixture, boss: Visitor) -> None:
    send(boss, "draft", text="Tea at five.")
    send(boss, "schedule", f"{PAGE}/drafts/{draft_id(site)}", text="Tea at five.", scheduled_at=at(hours=1), email="1")
    send(boss, "publish", f"{PAGE}/drafts/{draft_id(site)}", text="Tea at five.")
    path = f"{PAGE}/{announcement_id(site)}"
    for _ in range(2):  # the second edit changes nothing
        boss.submit(path, text="Tea at six.")
    boss.submit(f"{path}/unpublish", page=PAGE)
    boss.submit(f"{PAGE}/drafts/{draft_id(site)}/delete", page=PAGE)
    found = [record.entry.action for record in audit.search(site.cursor, page=Page(), query=AuditQuery())]
    assert found[::-1][-6:] == [
        AuditAction.ANNOUNCEMENT_DRAFT,
        AuditAction.ANNOUNCEMENT_SCHEDULE,
        AuditAction.ANNOUNCEMENT_CREATE,
        AuditAction.ANNOUNCEMENT_UPDATE,
        AuditAction.ANNOUNCEMENT_UNPUBLISH,
        AuditAction.ANNOUNCEMENT_DELETE,
    ]


def test_only_administrators_may_announce(site: SiteFixture, boss: Visitor) -> None:
    send(boss, "publish", text="Tea at five.")
    maud = with_role(site, "maud", "moderator")
    assert [maud.get(path).status for path in (PAGE, NEW, f"{PAGE}/{announcement_id(site)}")] == [403] * 3
    assert maud.submit(PAGE, page="/settings/account", text="Mine.", act="publish").status == 403
    assert seen(site) == ["Tea at five."]
