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
from tests.web.api.client import anonymous, client
from tests.web.visitor import Town, town


@pytest.mark.parametrize("path", ["/v1/instance", "/v1/instance/"])
def test_the_first_version_is_complete(site: Town, path: str) -> None:
    reply = anonymous(site).get(path)
    assert reply.status == 200
    assert (reply.json["uri"], reply.json["urls"]["streaming_api"]) == ("site.test", "ws://site.test")
    assert reply.json["version"].startswith("4.4.0")
    assert reply.header("Deprecation") == "@1668384000"
    assert reply.header("Cache-Control") == "max-age=300, public, stale-while-revalidate=30, stale-if-error=86400"


def test_the_second_version_is_complete(site: Town) -> None:
    boss = make.viewer(site.cursor, "boss", role=Role.ADMIN)
    make.post(site.cursor, boss)
    reply = anonymous(site).get("/v2/instance/")
    assert reply.json["domain"] == "site.test"
    assert reply.json["contact"]["account"]["acct"] == "boss"
    assert reply.json["configuration"]["statuses"]["max_characters"] == 500
    assert reply.json["registrations"]["enabled"] is True
    assert set(reply.json["configuration"]["urls"]) == {"streaming", "status", "about", "privacy_policy", "terms_of_service"}
    assert reply.json["configuration"]["urls"]["status"] is None
    assert anonymous(site).get("/v1/instance").json["stats"]["user_count"] == 1
    picture = site.visitor().get(reply.json["thumbnail"]["url"].removeprefix("http://site.test"))
    assert picture.status == 200


def test_the_push_key_is_a_point_of_p256_and_the_same_for_ever(site: Town) -> None:
    key = anonymous(site).get("/v2/instance").json["configuration"]["vapid"]["public_key"]
    point = urlsafe_b64decode(key)
    assert (len(point), point[0]) == (65, 4)
    assert vapid.public_key(b"x" * 32) == vapid.public_key(b"x" * 32) != vapid.public_key(b"y" * 32)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("rules", []),
        ("peers", []),
        ("translation_languages", {}),
        ("extended_description", {"updated_at": None, "content": ""}),
    ],
)
def test_small_things_are_told(site: Town, path: str, told: object) -> None:
    assert anonymous(site).get(f"/v1/instance/{path}").json == told


def test_the_last_weeks_are_told_as_text(site: Town) -> None:
    make.post(site.cursor, make.viewer(site.cursor, "ada"))
    weeks = anonymous(site).get("/v1/instance/activity").json
    assert len(weeks) == 12
    assert int(weeks[0]["week"]) - int(weeks[1]["week"]) == 7 * 86_400


def test_what_is_switched_off_is_a_clean_404(site: Town) -> None:
    for path in ("/v1/instance/domain_blocks", "/v1/instance/terms_of_service", "/v1/nothing", "/v3/instance"):
        reply = anonymous(site).get(path)
        assert (reply.status, reply.header("Content-Type"), reply.json) == (
            404,
            "application/json; charset=utf-8",
            {"error": "Not Found"},
        )


def test_nodeinfo_is_found_and_says_what_this_is(site: Town) -> None:
    reply = anonymous(site).get("/.well-known/nodeinfo")
    assert reply.header("Access-Control-Allow-Origin") == "*"
    [link] = reply.json["links"]
    told = anonymous(site).get(link["href"].removeprefix("http://site.test")).json
    assert told["software"]["name"] == "microblog"


@pytest.mark.parametrize("resource", ["acct:ada@site.test", "acct:ADA@SITE.TEST", "http://site.test/@ada", "http://site.test/users/ada"])
def test_webfinger_finds_people(site: Town, resource: str) -> None:
    client(site, "ada")
    reply = anonymous(site).get("/.well-known/webfinger", resource=resource)
    assert (reply.status, reply.header("Content-Type")) == (200, "application/jrd+json; charset=utf-8")
    assert (reply.json["subject"], reply.json["aliases"][0]) == ("acct:ada@site.test", "http://site.test/@ada")


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
def test_webfinger_of_nobody_is_404_and_of_nonsense_400(site: Town, resource: str, status: int) -> None:
    client(site, "ada")
    assert anonymous(site).get("/.well-known/webfinger", resource=resource).status == status


def test_host_meta_comes_as_xml_and_as_json(site: Town) -> None:
    template = "http://site.test/.well-known/webfinger?resource={uri}"
    assert f'template="{template}"' in anonymous(site).get("/.well-known/host-meta").text
    assert anonymous(site).get("/.well-known/host-meta.json").json["links"][0]["template"] == template
    assert anonymous(site).ask("GET", "/.well-known/host-meta", headers={"Accept": "application/json"}).json["links"]


def test_addresses_of_other_sites_buttons_lead_to_our_pages(site: Town) -> None:
    post = client(site, "ada").post("/v1/statuses", status="x").json
    visitor = site.visitor()
    assert visitor.get("/share?text=a+b&url=https://c.example").header("Location") == "/compose?text=a%20b%20https%3A%2F%2Fc.example"
    assert visitor.get(f"/authorize_interaction?uri={post['url']}").header("Location") == f"/posts/{post['id']}"
    assert visitor.get("/authorize_interaction?uri=acct:ada").status == 404
    assert visitor.get(f"/users/ada/statuses/{post['id']}").header("Location") == f"/posts/{post['id']}"
    assert visitor.get("/.well-known/change-password").header("Location") == "/settings/account"


def test_the_administrators_texts_are_told_to_people_and_programs(cursor: Cursor, tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_text("Be <kind>.\n\n  No spam. \n")
    (tmp_path / "about.txt").write_text("Since 2020.\n\nSee https://example.org")
    (tmp_path / "privacy.txt").write_text("Nothing is kept.")
    utime(tmp_path / "privacy.txt", (1_700_000_000, 1_700_000_000))
    here = town(cursor, tmp_path, texts_dir=str(tmp_path))
    anybody = anonymous(here)
    rules = [
        {"id": "1", "text": "Be <kind>.", "hint": "", "translations": {}},
        {"id": "2", "text": "No spam.", "hint": "", "translations": {}},
    ]
    assert anybody.get("/v1/instance/rules").json == anybody.get("/v2/instance").json["rules"] == anybody.get("/v1/instance").json["rules"]
    assert anybody.get("/v1/instance/rules").json == rules
    assert anybody.get("/v1/instance/extended_description").json["content"].startswith("<p>Since 2020.</p><p>See <a href=")
    policy = anybody.get("/v1/instance/privacy_policy").json
    assert policy == {"updated_at": "2023-11-14T22:13:20.000Z", "content": "<p>Nothing is kept.</p>"}
    page = here.visitor().get("/about").text
    assert all(said in page for said in ("Be &lt;kind&gt;.", "<p>Since 2020.</p>", "<p>Nothing is kept.</p>"))
    assert "There is no tracking" not in page


def test_without_texts_of_its_own_a_site_still_says_what_is_kept(site: Town) -> None:
    asked = anonymous(site).get("/v1/instance/privacy_policy").json
    assert "There is no tracking" in asked["content"]
    assert asked["content"] in site.visitor().get("/about").text
    address = anonymous(site).get("/v2/instance").json["configuration"]["urls"]["privacy_policy"]
    assert address == "http://site.test/about#privacy"
    assert anonymous(site).get("/v1/instance/rules").json == []
