"""Accounts and posts of other servers on pages and in the API keep their addresses, and are never taken for those of this site."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen

from microblog.federation import bounds
from microblog.model.accounts import Account
from microblog.model.posts import Post
from tests import make
from tests.web.api.client import Client, anonymous_client, client
from tests.web.visitor import PASSWORD, SiteFixture, document, links, main_text

FAR = "bo@there.example"
MENTIONING = '<p>Hi <a href="https://there.example/@ada" class="u-url mention">@ada</a></p>'
LOCAL, REMOTE = {"local": True}, {"remote": True}
ADDRESSES = {
    "username": "bo",
    "acct": FAR,
    "url": "https://there.example/@bo",
    "uri": "https://there.example/users/bo",
}


@frozen
class Neighbours:
    """Ada and bo of this site, and another bo, of there.example, whom ada follows and who has written a post that mentions her."""

    site: SiteFixture
    ada: Client
    here: Account
    there: Account
    post: Post

    @property
    def id(self) -> str:
        """The id of the other bo."""
        return str(self.there.id)


@pytest.fixture
def neighbours(site: SiteFixture) -> Neighbours:
    """A site that knows an account of another server."""
    ada = client(site, "ada")
    here = make.account(site.cursor, "bo", display_name="Bo from here")
    there = make.remote_account(site.cursor, "bo", display_name="Bo from there", bio_html=MENTIONING)
    make.follow(site.cursor, site.viewer("ada"), there)
    post = make.remote_post(site.cursor, there, html=MENTIONING, mentions=[site.viewer("ada").account, there])
    return Neighbours(site, ada, here, there, post)


def addresses(entity: dict[str, Any]) -> dict[str, str]:
    """Return the part of an Account entity that says whose account it is."""
    return {key: entity[key] for key in ADDRESSES}


def test_posts_of_other_servers_keep_their_addresses_in_the_api(neighbours: Neighbours) -> None:
    ada, post = neighbours.ada, neighbours.post
    boost = make.boost(neighbours.site.cursor, neighbours.site.viewer("ada"), post)
    for path in ("/v1/timelines/home", f"/v1/accounts/{neighbours.id}/statuses", "/v1/timelines/public"):
        assert str(post.id) in [status["id"] for status in ada.get(path).json if not status["reblog"]], path
    own = ada.get(f"/v1/statuses/{boost.id}").json
    assert own["account"]["acct"] == "ada"
    assert own["uri"].startswith("http://site.test/users/ada/statuses/")
    for status in (ada.get(f"/v1/statuses/{post.id}").json, own["reblog"]):
        assert (status["uri"], status["url"]) == (post.uri, post.url)
        assert status["uri"] == f"https://there.example/users/bo/statuses/{post.id}"
        assert addresses(status["account"]) == ADDRESSES
        assert status["content"] == MENTIONING
        assert [(named["acct"], named["url"]) for named in status["mentions"]] == [
            ("ada", "http://site.test/@ada"),
            (FAR, "https://there.example/@bo"),
        ]


def test_a_boost_of_another_server_keeps_its_uri(neighbours: Neighbours) -> None:
    original = make.post(neighbours.site.cursor, neighbours.site.viewer("ada"), "Good morning")
    boost = make.remote_post(neighbours.site.cursor, neighbours.there, boost_of=original)
    status = neighbours.ada.get(f"/v1/statuses/{boost.id}").json
    assert status["uri"] == status["url"] == boost.uri == f"https://there.example/users/bo/statuses/{boost.id}/activity"
    assert addresses(status["account"]) == ADDRESSES
    assert status["reblog"]["url"] == f"http://site.test/@ada/{original.id}"


def test_an_account_of_another_server_keeps_its_addresses_in_the_api(neighbours: Neighbours) -> None:
    ada = neighbours.ada
    own = make.post(neighbours.site.cursor, neighbours.site.viewer("ada"), "Good morning")
    neighbours.site.cursor.execute(
        """insert into notifications (id, account_id, kind, from_account_id, post_id, group_key, created_at)
           values (new_id(now()), %s, 'favourite', %s, %s, '', now())""",
        [ada.id, neighbours.there.id, own.id],
    )
    found = ada.get("/v1/accounts/lookup", acct=FAR).json
    assert found["note"] == MENTIONING
    for entity in (
        found,
        ada.get(f"/v1/accounts/{neighbours.id}").json,
        ada.get("/v1/notifications").json[0]["account"],
        ada.get(f"/v1/accounts/{ada.id}/following").json[0],
    ):
        assert addresses(entity) == ADDRESSES
    grouped = ada.get("/v2/notifications", expand_accounts="partial_avatars").json
    assert [entity["acct"] for entity in [*grouped["accounts"], *grouped.get("partial_accounts", [])]] == [FAR]


def test_pages_lead_to_the_profile_of_the_right_account(neighbours: Neighbours) -> None:
    site, post = neighbours.site, neighbours.post
    reader = site.registered_user("cleo")
    page = reader.get(f"/@{FAR}")
    assert "Bo from there" in main_text(page)
    assert f"@{FAR}" in main_text(page)
    assert f"/@{FAR}/{post.id}" in links(page)
    assert "/@bo" not in links(page)
    assert "https://there.example/@ada" in links(page)
    assert f"/@{FAR}/block" in links(page)
    assert "Bo from here" in main_text(reader.get("/@bo"))
    thread = reader.get(f"/@{FAR}/{post.id}")
    assert f"@{FAR} @ada" in str(document(thread).xpath("string(//textarea)"))
    assert reader.get(f"/@bo/{post.id}").status == 404
    assert reader.get(f"/@{FAR.upper().replace('BO', 'Bo')}").status == 200


@pytest.mark.parametrize("path", ["", "/{post}"])
def test_pages_of_other_servers_are_not_indexed_and_name_the_original(neighbours: Neighbours, path: str) -> None:
    page = document(neighbours.site.registered_user("cleo").get(f"/@{FAR}" + path.format(post=neighbours.post.id)))
    assert page.xpath("//meta[@name='robots']/@content") == ["noindex"]
    assert page.xpath("//link[@rel='canonical']/@href") == [f"https://there.example/@bo{path.format(post=neighbours.post.id)}"]
    assert page.xpath("//link[@rel='alternate']") == []
    assert page.xpath("//meta[@property='og:url']") == []


def test_the_buttons_of_a_profile_act_on_that_account(neighbours: Neighbours) -> None:
    reader = neighbours.site.registered_user("cleo")
    for button in ("follow", "mute", "unmute", "unfollow", "block"):
        assert reader.submit(f"/@{FAR}/{button}", page="/home").header("Location") == f"/@{FAR}"
    assert f"/@{FAR}" in links(reader.get("/settings/blocks"))
    assert "Bo from here" in main_text(reader.get("/@bo"))
    assert reader.submit(f"/@{FAR}/report", page=f"/@{FAR}/report", comment="Rude").header("Location") == f"/@{FAR}?notice=reported"


@pytest.mark.parametrize("known", [True, False])
def test_a_name_without_a_host_is_one_of_this_site(neighbours: Neighbours, known: bool) -> None:
    site = neighbours.site
    name = "bo" if known else "di"
    if not known:
        make.remote_account(site.cursor, "di")
    status = 200 if known else 404
    visitor, anonymous = site.visitor(), anonymous_client(site)
    for path in (f"/@{name}", f"/@{name}.rss", f"/@{name}/feed.atom", f"/@{name}/followers", f"/api/v1/accounts/lookup?acct={name}"):
        assert visitor.get(path).status == status, path
    for resource in (f"acct:{name}@site.test", f"http://site.test/@{name}", f"http://site.test/users/{name}"):
        assert visitor.get(f"/.well-known/webfinger?resource={resource}").status == status, resource
    assert visitor.get(f"/.well-known/webfinger?resource=acct:{name}@there.example").status == 404
    for path in (f"/@{name}@there.example.rss", f"/@{name}@there.example/feed.atom"):
        assert visitor.get(path).status == 404, path
    if known:
        assert anonymous.get("/v1/accounts/lookup", acct="bo@SITE.test").json["id"] == str(neighbours.here.id)
        subject = visitor.get("/.well-known/webfinger?resource=acct:bo@site.test").json["subject"]
        assert subject == "acct:bo@site.test"


def test_only_names_of_this_site_are_mentioned_by_text(neighbours: Neighbours) -> None:
    status = neighbours.ada.post("/v1/statuses", status=f"@bo and @{FAR}").json
    assert [named["id"] for named in status["mentions"]] == [str(neighbours.here.id)]
    assert f"@{FAR}" in status["content"]


def test_only_people_here_log_in(site: SiteFixture) -> None:
    make.remote_account(site.cursor, "ada")
    site.registered_user("ada")
    make.remote_account(site.cursor, "ada", "else.example")
    for name, status in (("ada", 303), ("ada@example.org", 303), ("ada@there.example", 401)):
        response = site.visitor().submit("/login", name=name, password=PASSWORD)
        assert response.status == status, name


@pytest.mark.parametrize("media", [False, True])
def test_local_timelines_have_posts_of_this_site_and_remote_ones_the_others(neighbours: Neighbours, media: bool) -> None:
    site, ada = neighbours.site, neighbours.ada
    for round_ in ("first", "moved on"):
        own = make.post(site.cursor, site.viewer("ada"), f"#tea {round_}")
        far = make.remote_post(site.cursor, neighbours.there, tags=["tea"])
        if media:
            for post in (own, far):
                site.cursor.execute(
                    """insert into media (id, account_id, post_id, place, kind, created_at)
                       values (new_id(now()), %s, %s, 0, 'image', now())""",
                    [post.author.id, post.id],
                )
        for reader in (ada, anonymous_client(site)):
            for path in ("/v1/timelines/public", "/v1/timelines/tag/tea"):
                for origin, shown in (({}, [far.id, own.id]), (LOCAL, [own.id]), (LOCAL | REMOTE, [own.id]), (REMOTE, [far.id])):
                    found = reader.get(path, limit=len(shown), only_media=media, **origin).json
                    assert [status["id"] for status in found] == [str(id) for id in shown], (path, origin)


def test_the_local_timeline_and_the_front_page_show_posts_of_this_site(neighbours: Neighbours) -> None:
    site = neighbours.site
    make.post(site.cursor, site.viewer("ada"), "Written here")
    make.remote_post(site.cursor, neighbours.there, "Written there")
    for path in ("/", "/local"):
        assert "Written here" in main_text(site.visitor().get(path)), path
        assert "Written there" not in main_text(site.visitor().get(path)), path
    assert "Written there" not in main_text(site.registered_user("cleo").get("/home"))


def test_pages_lead_to_the_originals(neighbours: Neighbours) -> None:
    reader = neighbours.site.registered_user("cleo")
    page = document(reader.get(f"/@{FAR}"))
    original = f"https://there.example/@bo/{neighbours.post.id}"
    assert page.xpath("//article//a[text()='Open original page']/@href") == [original]
    assert page.xpath("//section[@aria-label='Profile']//a[text()='Open original page']/@href") == ["https://there.example/@bo"]
    thread = reader.get(f"/@{FAR}/{neighbours.post.id}")
    assert "Replies from other servers may be missing here." in main_text(thread)
    assert original in links(thread)
    for which, text in (("followers", "Only followers that this site knows"), ("following", "Nobody to show yet")):
        assert text in main_text(reader.get(f"/@{FAR}/{which}"))
    own = make.post(neighbours.site.cursor, neighbours.site.viewer("ada"))
    assert "Open original page" not in reader.get(f"/@ada/{own.id}").text


def test_a_reply_to_an_unknown_post_is_one_to_somebody(neighbours: Neighbours) -> None:
    neighbours.site.cursor.execute("update posts set reply_to_uri = 'https://c.example/1' where id = %s", [neighbours.post.id])
    assert "In reply to a post" in main_text(neighbours.site.registered_user("cleo").get(f"/@{FAR}/{neighbours.post.id}"))
    status = neighbours.ada.get(f"/v1/statuses/{neighbours.post.id}").json
    assert (status["in_reply_to_id"], status["in_reply_to_account_id"]) == (None, None)
    assert "application" not in status


def test_groups_and_memorial_accounts_say_so(neighbours: Neighbours) -> None:
    plain = neighbours.ada.get(f"/v1/accounts/{neighbours.id}").json
    assert (plain["group"], "memorial" in plain) == (False, False)
    neighbours.site.cursor.execute("update accounts set is_group = true, memorial = true where id = %s", [neighbours.there.id])
    entity = neighbours.ada.get(f"/v1/accounts/{neighbours.id}").json
    assert (entity["group"], entity["memorial"]) == (True, True)
    profile = document(neighbours.site.registered_user("cleo").get(f"/@{FAR}"))
    assert profile.xpath("//section[@aria-label='Profile']//span[@class='badge']/text()") == ["Group", "In memoriam"]


def test_the_longest_username_has_a_page(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    far = make.remote_account(site.cursor, "b" * bounds.MAX_USERNAME)
    for path in (f"/@{far.acct}", f"/@{far.acct}/followers", f"/@{far.acct}/report"):
        assert ada.get(path).status == 200, path
