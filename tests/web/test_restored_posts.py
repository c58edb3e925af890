"""Posts that moderators deleted: gone for everybody and with their files, and back as they were when that is undone in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from microblog.application.services import now
from microblog.domain import deleted_posts
from microblog.domain.account_deletion import AccountDeletion, begin_deletion
from microblog.domain.attachments import DELETE_UNUSED
from microblog.model.ids import WarningId
from microblog.model.posts import Visibility
from microblog.storage.database import fetch_value
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.files import image
from tests.web.api.client import Client, client
from tests.web.test_moderation import with_role
from tests.web.test_reported_posts import pictures
from tests.web.test_strikes import reported
from tests.web.visitor import SiteFixture, Visitor


@pytest.fixture
def mod(site: SiteFixture) -> Visitor:
    """A moderator on the pages."""
    return with_role(site, "mod", "moderator")


@pytest.fixture
def eve(site: SiteFixture) -> Client:
    """Somebody who is reported."""
    return client(site, "eve")


@pytest.fixture
def ben(site: SiteFixture, eve: Client) -> Client:
    """A follower of eve."""
    ben = client(site, "ben")
    make.follow(site.cursor, ben.owner, eve.owner)
    return ben


def upload(eve: Client) -> Any:
    return eve.upload("POST", "/v2/media", {"file": image()}, description="Moss").json


def delete(site: SiteFixture, mod: Visitor, report: str) -> WarningId:
    """Delete the posts of a report as a moderator; return the strike."""
    page = f"/admin/reports/{report}"
    assert mod.submit(f"{page}/action", page=page, type="delete_statuses").status == 303
    return WarningId(fetch_value(site.cursor, "select max(id) from account_warnings"))


def undo(mod: Visitor, eve: Client, strike: WarningId) -> None:
    assert mod.submit(f"/admin/strikes/{strike}/undo", page=f"/admin/accounts/{eve.id}").status == 303


def seen(ben: Client, eve: Client, *posts: str) -> dict[str, Any]:
    """Return what a follower sees of the posts and of the numbers that include them."""
    media, boosts = f"/v1/accounts/{eve.id}/statuses?only_media=1", f"/v1/accounts/{ben.id}/statuses"
    lists = (media, boosts, "/v1/timelines/home", "/v1/timelines/public", "/v1/favourites", "/v1/bookmarks")
    return {
        "numbers": [ben.get(f"/v1/accounts/{one.id}").json["statuses_count"] for one in (ben, eve)],
        "posts": [ben.get(f"/v1/statuses/{post}").json for post in posts],
        "lists": [[one["id"] for one in ben.get(path).json] for path in lists],
        "found": [one["id"] for one in ben.get("/v2/search?q=from:eve%20moss&type=statuses").json["statuses"]],
    }


def test_deleted_posts_come_back_with_files_boosts_and_counters(site: SiteFixture, mod: Visitor, eve: Client, ben: Client) -> None:
    parent, media = client(site, "ada").post("/v1/statuses", status="Who has some?").json["id"], upload(eve)
    post = eve.post("/v1/statuses", status="Buy moss!", media_ids=[media["id"]], in_reply_to_id=parent).json["id"]
    for act in ("reblog", "favourite", "bookmark"):
        ben.post(f"/v1/statuses/{post}/{act}")
    before = seen(ben, eve, parent, post)
    assert (before["posts"][1]["reblogs_count"], before["posts"][0]["replies_count"], before["found"]) == (1, 1, [post])
    file = media["url"].partition("/media/")[2]
    assert site.visitor().get(f"/media/{file}").status == 200

    strike = delete(site, mod, reported(site, eve, [post]))
    hidden = seen(ben, eve, parent)
    assert (hidden["posts"][0]["replies_count"], hidden["lists"][0], hidden["found"]) == (0, [], [])
    assert eve.get(f"/v1/statuses/{post}").status == 404
    assert [reader.get(f"/media/{file}").status for reader in (site.visitor(), mod)] == [404, 404]
    assert eve.post("/v1/statuses", status="Again", media_ids=[media["id"]]).status == 422
    assert eve.delete(f"/v1/media/{media['id']}").status == 422

    undo(mod, eve, strike)
    assert seen(ben, eve, parent, post) == before
    assert site.visitor().get(f"/media/{file}").status == 200
    assert mod.get("/admin/log.json").json[0]["facts"] == {"action": "delete_statuses", "posts": [post]}


def test_pictures_of_deleted_posts_are_shown_to_who_judges_the_appeal(site: SiteFixture, mod: Visitor, eve: Client) -> None:
    post = eve.post("/v1/statuses", status="Buy moss!", media_ids=[upload(eve)["id"]]).json["id"]
    strike = delete(site, mod, reported(site, eve, [post]))
    result_of(site.domain.strikes.appeal(eve.owner.id, strike, "It was a gift."))
    addresses = pictures(mod.get("/admin/appeals").text)
    assert [mod.get(address).status for address in addresses] == [200, 200]
    mod.submit(f"/admin/appeals/{strike}/approve", page="/admin/appeals")
    assert site.visitor().get(f"/@eve/{post}").status == 200


def test_what_others_deleted_themselves_does_not_come_back(site: SiteFixture, mod: Visitor, eve: Client, ben: Client) -> None:
    own, post = (eve.post("/v1/statuses", status=text).json["id"] for text in ("Mine", "Buy moss!"))
    cy, dee = client(site, "cy"), client(site, "dee")
    for booster in (ben, cy, dee):
        booster.post(f"/v1/statuses/{post}/reblog")
    cy.post(f"/v1/statuses/{post}/unreblog")
    report = reported(site, eve, [own, post])
    eve.delete(f"/v1/statuses/{own}")
    strike = delete(site, mod, report)
    begin_deletion(site.cursor, dee.owner.id, now())
    result_of(AccountDeletion(RolledBackDatabase(site.cursor), now).purge(dee.owner.id))
    undo(mod, eve, strike)
    assert eve.get(f"/v1/statuses/{own}").status == 404
    assert [one["username"] for one in eve.get(f"/v1/statuses/{post}/reblogged_by").json] == ["ben"]
    assert eve.get(f"/v1/statuses/{post}").json["reblogs_count"] == 1


def test_a_post_and_a_boost_by_its_author_return_together(site: SiteFixture, mod: Visitor, eve: Client, ben: Client) -> None:
    post = eve.post("/v1/statuses", status="Buy moss!").json["id"]
    boost = eve.post(f"/v1/statuses/{post}/reblog").json["id"]
    site.cursor.execute("update posts set language = language where id = %s", [post])  # behind its boost in the table
    before = seen(ben, eve, post)
    strike = delete(site, mod, reported(site, eve, [post, boost]))
    assert ben.get(f"/v1/accounts/{eve.id}/statuses").json == []
    undo(mod, eve, strike)
    assert [one["id"] for one in ben.get(f"/v1/accounts/{eve.id}/statuses").json] == [boost, post]
    assert seen(ben, eve, post) == before


def test_a_direct_post_returns_to_its_conversation_unread_by_nobody(site: SiteFixture, mod: Visitor, eve: Client, ben: Client) -> None:
    post = eve.post("/v1/statuses", status="@ben psst", visibility=Visibility.DIRECT).json["id"]
    report = ben.post("/v1/reports", account_id=eve.id, status_ids=[post]).json["id"]
    strike = delete(site, mod, report)
    assert ben.get("/v1/conversations").json == []
    undo(mod, eve, strike)
    assert [(one["last_status"]["id"], one["unread"]) for one in ben.get("/v1/conversations").json] == [(post, False)]


def test_after_thirty_days_posts_and_files_are_gone(site: SiteFixture, mod: Visitor, eve: Client) -> None:
    media = upload(eve)
    post = eve.post("/v1/statuses", status="Buy moss!", media_ids=[media["id"]]).json["id"]
    delete(site, mod, reported(site, eve, [post]))
    assert deleted_posts.purge(site.cursor, before=now() - timedelta(days=1), limit=9) == 0
    assert deleted_posts.purge(site.cursor, before=now() + timedelta(days=1), limit=9) == 1
    assert fetch_value(site.cursor, "select count(*) from media") == 0
    queued = "select payload->'names' from jobs where kind = %(kind)s order by id desc limit 1"
    assert media["url"].partition("/media/")[2] in fetch_value(site.cursor, queued, {"kind": DELETE_UNUSED})
