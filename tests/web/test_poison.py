"""A malformed record, or one of a newer release, does not break the lists that contain it."""

from __future__ import annotations

from pathlib import Path

import pytest

from microblog.model.emails import EmailKind
from microblog.model.posts import Visibility
from microblog.storage import emails, live_queries
from microblog.storage.database import Cursor, execute
from tests import make
from tests.web.api.client import Client, client, ids, links
from tests.web.visitor import SiteFixture, build_site, main_text

HIDDEN = 45  # more than a page


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


def all_pages(api_client: Client, path: str, **params: object) -> list[str]:
    """Follow `next` links and return the ids of all pages."""
    response = api_client.get(path, **params)
    found = ids(response)
    while "next" in links(response):
        response = api_client.follow(links(response)["next"])
        found += ids(response)
    return found


def test_a_page_of_notifications_about_hidden_posts_is_not_the_last_page(site: SiteFixture) -> None:
    ada, bob, cyd = client(site, "ada"), make.viewer(site.cursor), make.viewer(site.cursor)
    oldest = make.post(site.cursor, bob, "@ada hello")
    make.follow(site.cursor, ada.owner, cyd, notify=True)
    for _ in range(HIDDEN):
        make.post(site.cursor, cyd, "psst", visibility=Visibility.PRIVATE)
    assert len(all_pages(ada, "/v1/notifications")) == HIDDEN + 1
    execute(site.cursor, "delete from follows where follower_id = %(id)s", {"id": ada.owner.id})
    [left] = all_pages(ada, "/v1/notifications")
    assert ada.get(f"/v1/notifications/{left}").json["status"]["id"] == str(oldest.id)
    groups = ada.get("/v2/notifications")
    while not groups.json["notification_groups"]:
        groups = ada.follow(links(groups)["next"])
    assert groups.json["notification_groups"][0]["status_id"] == str(oldest.id)


def test_a_notification_of_an_unknown_kind_is_skipped(site: SiteFixture) -> None:
    reader = site.registered_user("reader")
    ada, bob = client(site, "ada"), client(site, "bob")
    for kind in ("favourite", "newer"):
        post = ada.post("/v1/statuses", status=kind).json["id"]
        bob.post(f"/v1/statuses/{post}/favourite")
        execute(site.cursor, "update notifications set kind = %(kind)s where post_id = %(post)s", {"kind": kind, "post": post})
    site.cursor.execute("select id from notifications where kind = 'newer'")
    [[odd]] = site.cursor.fetchall()
    assert [one["type"] for one in ada.get("/v1/notifications").json] == ["favourite"]
    assert [one["type"] for one in ada.get("/v2/notifications").json["notification_groups"]] == ["favourite"]
    assert ada.get("/v1/notifications/unread_count").json == {"count": 1}
    assert ada.get("/v2/notifications/unread_count").json == {"count": 1}
    assert ada.get(f"/v1/notifications/{odd}").status == 404
    assert ada.get(f"/v2/notifications/ungrouped-{odd}").status == 404
    execute(site.cursor, "update notifications set account_id = %(id)s", {"id": site.viewer("reader").id})
    page = reader.get("/notifications")
    assert page.status == 200
    assert "bob" in main_text(page)
    assert not live_queries.notifications_by_ids(site.cursor, ids=[odd], most_unread=9)  # what streams ask


def test_an_email_of_an_unknown_kind_is_not_in_the_outbox(site: SiteFixture) -> None:
    grace = site.registered_user("grace")
    execute(site.cursor, "update users set role = 'admin' where account_id = %(id)s", {"id": site.viewer("grace").id})
    for name in ("a@example.org", "b@example.org"):
        emails.add(site.cursor, EmailKind.TEST, account=None, recipient=name, now=make.NOW)
    execute(site.cursor, "update emails set kind = 'newer' where recipient = 'b@example.org'", {})
    page = main_text(grace.get("/admin/outbox"))
    assert "a@example.org" in page
    assert "b@example.org" not in page
