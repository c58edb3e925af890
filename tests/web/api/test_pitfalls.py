"""Bugs of other servers that broke clients, one test each."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from microblog.web.api.api_version import PATHS_ADDED, api_version
from tests import files, make
from tests.web.api.client import Client, anonymous_client, client, ids, links
from tests.web.http_client import HttpResponse, MemoryConnection, encode_request, parse_responses, request
from tests.web.oauth import TestApp
from tests.web.visitor import SiteFixture

START = ("/v2/instance", "/v1/instance", "/v1/preferences", "/v1/custom_emojis", "/v1/accounts/verify_credentials", "/v1/markers")


def test_requests_at_client_startup_succeed(site: SiteFixture) -> None:
    ada = client(site, "ada")
    assert {path: ada.get(path).status for path in START} == dict.fromkeys(START, 200)
    assert ada.get("/v1/instance").json["configuration"]["statuses"]["max_characters"] == 500


def test_image_urls_are_never_null_or_empty(site: SiteFixture) -> None:
    ada = client(site, "ada")
    account, instance = ada.get("/v1/accounts/verify_credentials").json, ada.get("/v2/instance").json
    pictures = [account["avatar"], account["avatar_static"], account["header"], account["header_static"], instance["thumbnail"]["url"]]
    assert all(re.fullmatch(r"http://site\.test/\S+", picture) for picture in pictures)


def test_a_token_may_be_in_a_lower_case_header_or_a_parameter(site: SiteFixture) -> None:
    ada, path = client(site, "ada"), "/v1/accounts/verify_credentials"
    nobody = anonymous_client(site)
    assert nobody.request("GET", path, headers={"authorization": f"bearer {ada.token}"}).json["id"] == ada.id
    assert nobody.get(path, access_token=ada.token).json["id"] == ada.id
    assert nobody.get(path, bearer_token=ada.token).json["id"] == ada.id


def test_cross_origin_scripts_may_send_an_idempotency_key_and_read_link_headers(site: SiteFixture) -> None:
    headers = {"Origin": "https://web.example", "Access-Control-Request-Headers": "authorization,idempotency-key"}
    response = anonymous_client(site).request("OPTIONS", "/v1/statuses", headers=headers | {"Access-Control-Request-Method": "POST"})
    assert (response.status, response.header("Access-Control-Allow-Origin")) == (200, "*")
    assert (response.header("Access-Control-Allow-Headers") or "").lower() == "authorization,idempotency-key"
    assert "POST" in (response.header("Access-Control-Allow-Methods") or "")
    assert "Link" in (anonymous_client(site).get("/v1/timelines/public").header("Access-Control-Expose-Headers") or "")


@pytest.mark.parametrize("path", ["/v1/timelines/home", "/v1/timelines/public", "/v1/favourites", "/v1/bookmarks"])
def test_no_page_links_to_itself_or_is_empty_before_the_last(site: SiteFixture, path: str) -> None:
    ada, eve = client(site, "ada"), client(site, "eve")
    for number in range(6):  # every other post is hidden from ada
        who = eve if number % 2 else ada
        post = who.post("/v1/statuses", status=str(number)).json["id"]
        ada.post(f"/v1/statuses/{post}/favourite")
        ada.post(f"/v1/statuses/{post}/bookmark")
    eve.post(f"/v1/accounts/{ada.id}/block")
    page, seen = ada.get(path, limit=1), 0
    while page.json:
        seen += 1
        following = links(page).get("next")
        if following is None:
            break
        bound = parse_qs(urlsplit(following).query)["max_id"][0]
        assert ids(ada.follow(links(page)["prev"])) != ids(page)
        assert following not in (page.header("Location"), path)
        page = ada.follow(following)
        assert all(parse_qs(urlsplit(link).query).get("max_id") != [bound] for link in links(page).values())
    assert seen == 3


def test_a_post_has_a_url_and_a_known_visibility(site: SiteFixture) -> None:
    ada = client(site, "ada")
    for visibility in ("public", "unlisted", "private", "direct"):
        post = ada.post("/v1/statuses", status="x", visibility=visibility).json
        assert (post["visibility"], post["url"].startswith("http://site.test/@ada/")) == (visibility, True)


def test_an_invalid_token_does_not_block_instance_discovery(site: SiteFixture) -> None:
    invalid = Client(site, "no-such-token-was-ever-given-out-here")
    for path in ("/v1/instance", "/v2/instance", "/v1/custom_emojis", "/nodeinfo/2.0", "/.well-known/oauth-authorization-server"):
        assert invalid.get(path).status == 200


def test_an_invalid_token_is_401_and_not_403(site: SiteFixture) -> None:
    invalid = Client(site, "no-such-token-was-ever-given-out-here")
    assert [invalid.get(path).status for path in ("/v1/accounts/verify_credentials", "/v1/timelines/home", "/v1/notifications")] == [
        401
    ] * 3


def test_the_claimed_api_version_is_complete(site: SiteFixture) -> None:
    claimed = anonymous_client(site).get("/v2/instance").json["api_versions"]["mastodon"]
    there = {f"{route.method} {re.sub('<[^>]*>', '*', route.path)}" for route in site.routes}
    assert {address for level, brought in PATHS_ADDED if level <= claimed for address in brought} <= there
    assert api_version([]) == 1


def test_no_response_is_without_a_body(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    bob.post("/v1/statuses", status="@ada hello")
    post = ada.post("/v1/statuses", status="x").json["id"]
    result = ids(ada.get("/v1/notifications"))[0]
    for response in (
        ada.post(f"/v1/notifications/{result}/dismiss"),
        ada.post("/v1/notifications/clear"),
        ada.delete(f"/v1/statuses/{post}"),
        ada.post("/v1/markers"),
    ):
        assert (response.status, isinstance(response.json, dict)) == (200, True)


def test_content_warnings_and_display_names_are_plain_text(site: SiteFixture) -> None:
    ada = client(site, "ada")
    ada.patch("/v1/accounts/update_credentials", display_name="<b>A&B</b>")
    post = ada.post("/v1/statuses", status="x", spoiler_text="a < b & c").json
    assert (post["spoiler_text"], post["account"]["display_name"]) == ("a < b & c", "<b>A&B</b>")


def test_ids_are_strings_that_sort_by_time(site: SiteFixture) -> None:
    ada = client(site, "ada")
    created = [ada.post("/v1/statuses", status=str(number)).json["id"] for number in range(5)]
    assert all(isinstance(id, str) and len(id) == 18 for id in created)
    assert created == sorted(created)


def test_a_pending_user_gets_the_reason(site: SiteFixture) -> None:
    ada = client(site, "ada")
    site.cursor.execute("update users set approved_at = null where account_id = %s", [ada.id])
    response = ada.get("/v1/timelines/home")
    assert (response.status, response.json["error"]) == (403, "Your login is currently pending approval")


def test_a_very_small_id_is_served(site: SiteFixture) -> None:
    site.cursor.execute("insert into accounts (id, username, created_at) values (1, 'first', %s)", [make.NOW])
    site.cursor.execute("insert into account_counts (account_id) values (1)")
    assert anonymous_client(site).get("/v1/accounts/1").json["id"] == "1"


def test_every_listed_notification_can_be_read_alone(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    post = ada.post("/v1/statuses", status="x").json["id"]
    bob.post(f"/v1/statuses/{post}/favourite")
    bob.post(f"/v1/accounts/{ada.id}/follow")
    bob.post("/v1/statuses", status="@ada hello")
    result = ids(ada.get("/v1/notifications"))
    assert len(result) == 3
    assert [ada.get(f"/v1/notifications/{id}").json["id"] for id in result] == result


@pytest.mark.parametrize("path", ["/v1/no_such_thing", "/v2/nothing", "/v3/instance", "/v1/statuses/1/nothing", "/v1/admin/nothing"])
def test_an_unknown_path_is_404_in_json(site: SiteFixture, path: str) -> None:
    response = client(site, "ada").get(path)
    assert (response.status, response.header("Content-Type")) == (404, "application/json; charset=utf-8")
    assert list(response.json) == ["error"]


def test_an_unknown_app_is_401_so_that_clients_register_again(site: SiteFixture) -> None:
    fields = {"grant_type": "authorization_code", "client_id": "gone", "client_secret": "gone", "code": "x", "redirect_uri": "x://"}
    response = anonymous_client(site).request("POST", "/oauth/token", form=fields)
    assert (response.status, response.json["error"]) == (401, "invalid_client")


def test_invalid_pagination_bounds_are_ignored(site: SiteFixture) -> None:
    ada = client(site, "ada")
    post = ada.post("/v1/statuses", status="x").json["id"]
    for path in ("/v1/timelines/home", "/v1/timelines/public", f"/v1/accounts/{ada.id}/statuses", "/v2/search?q=x&type=statuses"):
        for bounds in (
            {"since_id": "undefined"},
            {"min_id": "null"},
            {"max_id": "9" * 40},
            {"min_id": "-5"},
            {"max_id": f"{int(post) + 1}x"},
        ):
            result = ada.get(path, **bounds).json
            assert [one["id"] for one in (result["statuses"] if "search" in path else result)] == [post], (path, bounds)
        assert ada.get(path, max_id="undefined").json in ([], {"accounts": [], "statuses": [], "hashtags": []})


def test_pages_of_media_only_timelines_stay_media_only(site: SiteFixture) -> None:
    ada = client(site, "ada")
    for _ in range(3):
        media = ada.upload("POST", "/v2/media", {"file": files.image()}).json["id"]
        ada.post("/v1/statuses", status="#seen", media_ids=[media])
        ada.post("/v1/statuses", status="#unseen by that")
    for path in ("/v1/timelines/public", "/v1/timelines/tag/seen", f"/v1/accounts/{ada.id}/statuses"):
        page, seen = ada.get(path, only_media=True, limit=2), 0
        while page.json:
            seen += len(page.json)
            assert all(post["media_attachments"] for post in page.json)
            assert "only_media=true" in links(page)["prev"]
            page = ada.follow(links(page)["next"])
        assert seen == 3


def test_an_unchanged_public_response_is_304(site: SiteFixture) -> None:
    ada = client(site, "ada")
    ada.post("/v1/statuses", status="x")
    tag = ""
    for path in ("/api/v2/instance", f"/api/v1/accounts/{ada.id}", "/api/v1/timelines/public"):
        first = request(site.server, "GET", path)
        tag = first.header("ETag") or ""
        assert tag.startswith('W/"')
        again = request(site.server, "GET", path, {"If-None-Match": f'"other", {tag}'})
        assert (again.status, again.body, again.header("ETag")) == (304, b"", tag)
        assert again.header("Cache-Control") == first.header("Cache-Control")
    ada.post("/v1/statuses", status="y")
    changed = request(site.server, "GET", "/api/v1/timelines/public", {"If-None-Match": tag})
    assert (changed.status, changed.header("ETag") != tag) == (200, True)
    own = ada.get("/v1/timelines/public")
    assert (own.header("Cache-Control"), own.header("ETag")) == ("private, no-store", None)


def test_webfinger_of_a_deleted_account_is_410(site: SiteFixture) -> None:
    make.member(site.cursor, "grace")
    fields = ("acct:Grace@site.test", "http://site.test/@grace", "http://site.test/users/grace")
    assert [anonymous_client(site).get("/.well-known/webfinger", resource=name).status for name in fields] == [200] * 3
    site.cursor.execute("update accounts set deleted_at = now() where username = 'grace'")
    assert [anonymous_client(site).get("/.well-known/webfinger", resource=name).status for name in fields] == [410] * 3
    others = ("acct:nobody@site.test", "http://site.test/@nobody", "http://site.test/tags/x", "https://elsewhere.example/@grace")
    assert [anonymous_client(site).get("/.well-known/webfinger", resource=name).status for name in others] == [404] * 4


def test_mastodons_log_in_and_sign_up_urls_are_served(site: SiteFixture) -> None:
    visitor = site.visitor()
    page = visitor.get("/auth/sign_in?next=/local")
    assert page.status == 200
    assert all(
        hook in page.text for hook in ('id="user_email"', 'id="user_password"', '<button type="submit"', 'name="next" value="/local"')
    )
    assert visitor.get("/auth/sign_up").header("Location") == "/signup"


def test_authorization_stays_on_the_same_host_to_keep_its_cookies(site: SiteFixture) -> None:
    app = TestApp.register(site)
    for host in ("site.test", "localhost:8080", "192.168.1.5"):

        def get(path: str, host: str = host, **headers: str) -> HttpResponse:
            [response] = parse_responses(MemoryConnection(site.server).send(encode_request("GET", path, headers, host=host)))
            return response

        sent = get(app.authorize_url())
        assert sent.header("Location") == "/auth/sign_in"
        page = get("/auth/sign_in", Cookie=f"return={sent.cookies()['return']}")
        assert (page.status, 'action="/login"' in page.text, 'name="next" value="/oauth/authorize?' in page.text) == (200, True, True)
        assert "Domain=" not in "".join((*sent.all("Set-Cookie"), *page.all("Set-Cookie")))
