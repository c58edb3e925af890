"""Reports and announcements, in the API and on the site."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from microblog.application.services import now
from microblog.domain.announcements import Announcements
from microblog.model.accounts import Role
from microblog.model.errors import Invalid
from microblog.model.posts import Visibility
from tests import make
from tests.fakes import result_of
from tests.web.api.client import client
from tests.web.visitor import SiteFixture, main_text


def announcements(site: SiteFixture) -> Announcements:
    return site.domain.announcements


def test_a_report_reaches_the_moderators(site: SiteFixture) -> None:
    moderator = client(site, "mod", role=Role.MODERATOR)
    ada, eve, bob = (client(site, name) for name in ("ada", "eve", "bob"))
    assert eve.viewer
    assert bob.viewer
    post, hidden = make.post(site.cursor, eve.viewer), make.post(site.cursor, eve.viewer, visibility=Visibility.DIRECT)
    others = make.post(site.cursor, bob.viewer)
    ids = [str(one.id) for one in (post, hidden, others)]
    created = ada.post("/v1/reports", account_id=eve.id, status_ids=ids, comment="Rude", category="spam", forward=True).json
    assert (created["comment"], created["category"], created["status_ids"], created["action_taken"]) == (
        "Rude",
        "spam",
        [str(post.id)],
        False,
    )
    assert created["forwarded"] is False, "There is no other site."
    assert created["target_account"]["acct"] == "eve"
    assert [entity["type"] for entity in moderator.get("/v1/notifications").json] == ["admin.report"]
    again = ada.post("/v1/reports", account_id=eve.id).json
    assert again["category"] == "other"
    assert len(moderator.get("/v1/notifications").json) == 1, "moderators know of an open report about this account"
    assert ada.post("/v1/reports", account_id="1").status == 404
    assert ada.post("/v1/reports", account_id=eve.id, category="odd").status == 422
    assert ada.post("/v1/reports", account_id=eve.id, comment="x" * 1001).status == 422


def test_moderators_read_and_close_reports_on_the_site(site: SiteFixture) -> None:
    site.registered_user("eve")
    post = make.post(site.cursor, site.viewer("eve"), "Buy now")
    ada, moderator = site.registered_user("ada"), site.registered_user("maud")
    ada.submit("/@eve/report", page=f"/@eve/report?post={post.id}", post=str(post.id), category="spam", comment="Again and again")
    assert moderator.get("/admin/reports").status == 403
    site.cursor.execute("update users set role = 'moderator' where account_id = %s", [site.viewer("maud").id])
    page = main_text(moderator.get("/admin/reports"))
    assert ("Again and again" in page, "Buy now" in page, "@eve" in page) == (True, True, True)
    site.cursor.execute("select id from reports")
    [(report,)] = site.cursor.fetchall()
    moderator.submit(f"/admin/reports/{report}/close", page="/admin/reports")
    assert "No open reports" in main_text(moderator.get("/admin/reports"))
    assert moderator.submit(f"/admin/reports/{report}/close", page="/admin/reports").status == 404
    assert ada.get("/admin/reports").status == 403
    assert ada.submit("/@eve/report", comment="x" * 1001).status == 422


def test_an_announcement_is_listed_dismissed_and_reacted_to(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    created = result_of(announcements(site).publish("Tea at #five @ada", ends_at=now() + timedelta(days=1)))
    [entity] = ada.get("/v1/announcements").json
    assert (entity["id"], entity["read"], entity["reactions"]) == (str(created.id), False, [])
    assert "/@ada" in entity["content"]
    path = f"/v1/announcements/{created.id}"
    assert ada.post(f"{path}/dismiss").json == {}
    assert ada.get("/v1/announcements").json[0]["read"] is True
    assert bob.get("/v1/announcements").json[0]["read"] is False
    assert ada.put(f"{path}/reactions/" + quote("🎉")).json == {}
    assert bob.put(f"{path}/reactions/" + quote("🎉")).json == {}
    assert bob.put(f"{path}/reactions/" + quote("👍🏽")).json == {}
    assert ada.get("/v1/announcements").json[0]["reactions"] == [
        {"name": "🎉", "count": 2, "me": True},
        {"name": "👍🏽", "count": 1, "me": False},
    ]
    assert [ada.put(f"{path}/reactions/{quote(name)}").status for name in ("x", "7", "🎉🎉", "tea")] == [422] * 4
    assert ada.delete(f"{path}/reactions/" + quote("🎉")).json == {}
    assert ada.get("/v1/announcements").json[0]["reactions"][0] == {"name": "🎉", "count": 1, "me": False}
    for emoji in "🍎🍏🍐🍑🍒🍓":
        ada.put(f"{path}/reactions/{quote(emoji)}")
    assert ada.put(f"{path}/reactions/" + quote("🥝")).status == 422
    assert ada.post("/v1/announcements/1/dismiss").status == 404
    result_of(announcements(site).withdraw(created.id))
    assert ada.get("/v1/announcements").json == []


def test_an_announcement_is_shown_on_home_until_dismissed(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    assert "Tea" not in main_text(ada.get("/home"))
    created = result_of(announcements(site).publish("Tea is ready"))
    assert "Tea is ready" in main_text(ada.get("/home"))
    ada.submit(f"/announcements/{created.id}/dismiss", page="/home")
    assert "Tea is ready" not in main_text(ada.get("/home"))


def test_an_expired_announcement_is_not_listed(site: SiteFixture) -> None:
    with pytest.raises(Invalid):
        result_of(announcements(site).publish("Late", ends_at=now() - timedelta(days=1)))
    with pytest.raises(Invalid):
        result_of(announcements(site).publish(" "))
    created = result_of(announcements(site).publish("Soon over", ends_at=now() + timedelta(days=1)))
    site.cursor.execute("update announcements set ends_at = now() - interval '1 day' where id = %s", [created.id])
    assert client(site, "ada").get("/v1/announcements").json == []
    assert [one.id for one in result_of(announcements(site).newest(5))] == [created.id]
