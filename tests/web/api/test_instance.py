"""Instance information and account discovery."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from os import utime
from pathlib import Path

import pytest

from microblog.domain.push import vapid
from microblog.model.accounts import Role
from microblog.storage.database import Cursor
from tests import make
from tests.web.api.client import anonymous_client, client
from tests.web.visitor import SiteFixture, build_site


@pytest.mark.parametrize("path", ["/v1/instance", "/v1/instance/"])
def test_the_v1_instance_is_complete(site: SiteFixture, path: str) -> None:
    response = anonymous_client(site).get(path)
    assert response.status == 200
    assert (response.json["uri"], response.json["urls"]["streaming_api"]) == ("site.test", "ws://site.test")
    assert response.json["version"].startswith("4.4.0")
    assert response.header("Deprecation") == "@1668384000"
    assert response.header("Cache-Control") == "max-age=300, public, stale-while-revalidate=30, stale-if-error=86400"


def test_the_v2_instance_is_complete(site: SiteFixture) -> None:
    boss = make.viewer(site.cursor, "boss", role=Role.ADMIN)
    make.post(site.cursor, boss)
    response = anonymous_client(site).get("/v2/instance/")
    assert response.json["domain"] == "site.test"
    assert response.json["contact"]["account"]["acct"] == "boss"
    assert response.json["configuration"]["statuses"]["max_characters"] == 500
    assert response.json["registrations"]["enabled"] is True
    assert set(response.json["configuration"]["urls"]) == {"streaming", "status", "about", "privacy_policy", "terms_of_service"}
    assert response.json["configuration"]["urls"]["status"] is None
    assert anonymous_client(site).get("/v1/instance").json["stats"]["user_count"] == 1
    picture = site.visitor().get(response.json["thumbnail"]["url"].removeprefix("http://site.test"))
    assert picture.status == 200


def test_the_vapid_key_is_a_stable_p256_point(site: SiteFixture) -> None:
    key = anonymous_client(site).get("/v2/instance").json["configuration"]["vapid"]["public_key"]
    point = urlsafe_b64decode(key)
    assert (len(point), point[0]) == (65, 4)
    assert vapid.public_key(b"x" * 32) == vapid.public_key(b"x" * 32) != vapid.public_key(b"y" * 32)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("rules", []),
        ("peers", []),
        ("translation_languages", {}),
        ("extended_description", {"updated_at": None, "content": ""}),
    ],
)
def test_small_instance_routes_are_served(site: SiteFixture, path: str, expected: object) -> None:
    assert anonymous_client(site).get(f"/v1/instance/{path}").json == expected


def test_the_weekly_activity_is_served_as_strings(site: SiteFixture) -> None:
    make.post(site.cursor, make.viewer(site.cursor, "ada"))
    weeks = anonymous_client(site).get("/v1/instance/activity").json
    assert len(weeks) == 12
    assert int(weeks[0]["week"]) - int(weeks[1]["week"]) == 7 * 86_400


def test_disabled_and_unknown_routes_are_404_in_json(site: SiteFixture) -> None:
    for path in ("/v1/instance/domain_blocks", "/v1/instance/terms_of_service", "/v1/nothing", "/v3/instance"):
        response = anonymous_client(site).get(path)
        assert (response.status, response.header("Content-Type"), response.json) == (
            404,
            "application/json; charset=utf-8",
            {"error": "Not Found"},
        )


def test_nodeinfo_is_discovered_and_names_the_software(site: SiteFixture) -> None:
    response = anonymous_client(site).get("/.well-known/nodeinfo")
    assert response.header("Access-Control-Allow-Origin") == "*"
    [link] = response.json["links"]
    expected = anonymous_client(site).get(link["href"].removeprefix("http://site.test")).json
    assert expected["software"]["name"] == "microblog"


@pytest.mark.parametrize("resource", ["acct:ada@site.test", "acct:ADA@SITE.TEST", "http://site.test/@ada", "http://site.test/users/ada"])
def test_webfinger_finds_accounts(site: SiteFixture, resource: str) -> None:
    client(site, "ada")
    response = anonymous_client(site).get("/.well-known/webfinger", resource=resource)
    assert (response.status, response.header("Content-Type")) == (200, "application/jrd+json; charset=utf-8")
    assert (response.json["subject"], response.json["aliases"][0]) == ("acct:ada@site.test", "http://site.test/@ada")


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ("acct:nobody@site.test", 404),
        ("acct:ada@elsewhere.example", 404),
        ("http://site.test/about", 404),
        ("", 400),
        ("ada", 400),
        ("acct:ada", 400),
    ],
)
def test_webfinger_of_an_unknown_account_is_404_and_of_an_invalid_resource_400(site: SiteFixture, resource: str, status: int) -> None:
    client(site, "ada")
    assert anonymous_client(site).get("/.well-known/webfinger", resource=resource).status == status


def test_host_meta_is_served_as_xml_and_json(site: SiteFixture) -> None:
    template = "http://site.test/.well-known/webfinger?resource={uri}"
    assert f'template="{template}"' in anonymous_client(site).get("/.well-known/host-meta").text
    assert anonymous_client(site).get("/.well-known/host-meta.json").json["links"][0]["template"] == template
    assert anonymous_client(site).request("GET", "/.well-known/host-meta", headers={"Accept": "application/json"}).json["links"]


def test_mastodons_share_and_interaction_urls_redirect_to_pages(site: SiteFixture) -> None:
    post = client(site, "ada").post("/v1/statuses", status="x").json
    visitor = site.visitor()
    assert visitor.get("/share?text=a+b&url=https://c.example").header("Location") == "/compose?text=a%20b%20https%3A%2F%2Fc.example"
    assert visitor.get(f"/authorize_interaction?uri={post['url']}").header("Location") == f"/posts/{post['id']}"
    assert visitor.get("/authorize_interaction?uri=acct:ada").status == 404
    assert visitor.get(f"/users/ada/statuses/{post['id']}").header("Location") == f"/posts/{post['id']}"
    assert visitor.get("/.well-known/change-password").header("Location") == "/settings/account"


def test_the_administrators_texts_are_on_pages_and_in_the_api(cursor: Cursor, tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_text("Be <kind>.\n\n  No spam. \n")
    (tmp_path / "about.txt").write_text("Since 2020.\n\nSee https://example.org")
    (tmp_path / "privacy.txt").write_text("Nothing is kept.")
    utime(tmp_path / "privacy.txt", (1_700_000_000, 1_700_000_000))
    site = build_site(cursor, tmp_path, texts_dir=str(tmp_path))
    api_client = anonymous_client(site)
    rules = [
        {"id": "1", "text": "Be <kind>.", "hint": "", "translations": {}},
        {"id": "2", "text": "No spam.", "hint": "", "translations": {}},
    ]
    assert (
        api_client.get("/v1/instance/rules").json
        == api_client.get("/v2/instance").json["rules"]
        == api_client.get("/v1/instance").json["rules"]
    )
    assert api_client.get("/v1/instance/rules").json == rules
    assert api_client.get("/v1/instance/extended_description").json["content"].startswith("<p>Since 2020.</p><p>See <a href=")
    policy = api_client.get("/v1/instance/privacy_policy").json
    assert policy == {"updated_at": "2023-11-14T22:13:20.000Z", "content": "<p>Nothing is kept.</p>"}
    page = site.visitor().get("/about").text
    assert all(text in page for text in ("Be &lt;kind&gt;.", "<p>Since 2020.</p>", "<p>Nothing is kept.</p>"))
    assert "There is no tracking" not in page


def test_the_default_privacy_policy_says_what_is_stored(site: SiteFixture) -> None:
    policy = anonymous_client(site).get("/v1/instance/privacy_policy").json
    assert "There is no tracking" in policy["content"]
    assert policy["content"] in site.visitor().get("/about").text
    address = anonymous_client(site).get("/v2/instance").json["configuration"]["urls"]["privacy_policy"]
    assert address == "http://site.test/about#privacy"
    assert anonymous_client(site).get("/v1/instance/rules").json == []
