"""Control characters in pasted text: no field rejects them, and none stores them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from microblog.storage.database import Cursor
from tests import files, make
from tests.web.api.client import ALL_SCOPES, Client, client, token_for
from tests.web.crawler import STREAMS, all_forms, fill_path
from tests.web.http_client import request
from tests.web.test_security_fields import SESSION_ENDING
from tests.web.visitor import SiteFixture, build_site

CONTROLS = "".join(chr(code) for code in (*range(1, 9), *range(14, 32), *range(127, 160)) if code != 0x85)
PASTED = f"\x0bone{CONTROLS}\x0b\x0ctwo\ufffe\x0c"
PLAIN = "one\n\ntwo"
LINE = "one two"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


def test_no_form_rejects_text_for_control_characters(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Hello #tag")
    accepted = 0
    for visitor in (site.visitor(), ada):
        for form in all_forms(site, visitor, {"username": "ada", "name": "tag", "post_id": post.id}).values():
            for name in form.fields.keys() - {"csrf"} if form.action not in SESSION_ENDING else ():
                pasted = visitor.post(form.action, {**form.fields, name: PASTED})
                plain = visitor.post(form.action, {**form.fields, name: PLAIN})
                assert "cannot be stored" not in pasted.text, (form.action, name)
                assert pasted.status < 400 or plain.status >= 400, (form.action, name, pasted.text)
                accepted += pasted.status < 400
    assert accepted > 20


def test_no_api_command_rejects_text_for_control_characters(site: SiteFixture) -> None:
    site.registered_user("ada")
    ada = site.viewer("ada")
    post = make.post(site.cursor, ada, "Hello #tag")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token_for(site, ada.id, ALL_SCOPES)}"}
    values = {"status_id": post.id, "account_id": ada.id, "name": "tag", "username": "ada", "post_id": post.id}
    defaults = {"status": "Hello", "title": "T", "phrase": "word", "keyword": "word", "context": ["home"], "status_id": str(post.id)}
    defaults |= {"client_name": "App", "redirect_uris": "https://app.example/"}
    for route in site.routes:
        if route.doc is None or route.path.startswith(STREAMS):
            continue
        for param in (*route.doc.body, *route.doc.query):
            if param.schema.get("type") == "string" and "enum" not in param.schema:
                ends = [json.dumps({**defaults, param.name: value}).encode() for value in (PASTED, PLAIN)]
                pasted, plain = (request(site.server, route.method, fill_path(route.path, values), headers, body) for body in ends)
                assert "cannot be stored" not in pasted.text, (route.name, param.name)
                assert pasted.status < 400 or plain.status >= 400, (route.name, param.name, pasted.text)


def _poll(ada: Client) -> object:
    options = [PASTED, "other"]
    return ada.post("/v1/statuses", status="x", poll={"options": options, "expires_in": 600}).json["poll"]["options"][0]["title"]


def _description(ada: Client) -> object:
    return ada.upload("POST", "/v2/media", {"file": files.image()}, description=PASTED).json["description"]


def _field(ada: Client, name: str) -> object:
    updated = ada.patch("/v1/accounts/update_credentials", fields_attributes={"0": {"name": PASTED, "value": PASTED}})
    return updated.json["source"]["fields"][0][name]


def _filter(ada: Client) -> object:
    updated = ada.post("/v2/filters", title=PASTED, context=["home"], keywords_attributes={"0": {"keyword": PASTED}}).json
    return f"{updated['title']}, {updated['keywords'][0]['keyword']}"


def _edited(ada: Client) -> object:
    post = ada.post("/v1/statuses", status="x").json["id"]
    ada.put(f"/v1/statuses/{post}", status=PASTED)
    return ada.get(f"/v1/statuses/{post}/source").json["text"]


def _scheduled(ada: Client) -> object:
    return ada.post("/v1/statuses", status=PASTED, scheduled_at="2030-01-01T00:00:00Z").json["params"]["text"].strip()


def _source(ada: Client, name: str, **params: object) -> object:
    return ada.get(f"/v1/statuses/{ada.post('/v1/statuses', **params).json['id']}/source").json[name]


TEXTS: dict[str, tuple[str, Callable[[Client], object]]] = {
    "post": (PLAIN, lambda ada: _source(ada, "text", status=PASTED)),
    "content warning": (LINE, lambda ada: _source(ada, "spoiler_text", status="x", spoiler_text=PASTED)),
    "edit": (PLAIN, _edited),
    "poll option": (LINE, _poll),
    "media description": (PLAIN, _description),
    "scheduled post": (PLAIN, _scheduled),
    "display name": (LINE, lambda ada: ada.patch("/v1/accounts/update_credentials", display_name=PASTED).json["display_name"]),
    "bio": (PLAIN, lambda ada: ada.patch("/v1/accounts/update_credentials", note=PASTED).json["source"]["note"]),
    "field name": (LINE, lambda ada: _field(ada, "name")),
    "field value": (LINE, lambda ada: _field(ada, "value")),
    "filter": (f"{LINE}, {LINE}", _filter),
    "list": (LINE, lambda ada: ada.post("/v1/lists", title=PASTED).json["title"]),
    "report": (PLAIN, lambda ada: ada.post("/v1/reports", account_id=client(ada.site, "eve").id, comment=PASTED).json["comment"]),
    "note": (PLAIN, lambda ada: ada.post(f"/v1/accounts/{client(ada.site, 'eve').id}/note", comment=PASTED).json["note"]),
    "app": (LINE, lambda ada: ada.post("/v1/apps", client_name=PASTED, redirect_uris="https://app.example/").json["name"]),
}


@pytest.mark.parametrize("field", TEXTS)
def test_text_is_stored_without_control_characters(site: SiteFixture, field: str) -> None:
    expected, store = TEXTS[field]
    assert store(client(site, "ada")) == expected


@pytest.mark.parametrize("control", ["\x01", "\x7f", "\x9f"])
def test_control_characters_in_urls_and_keywords_are_rejected(site: SiteFixture, control: str) -> None:
    ada = client(site, "ada")
    for path, params in (
        ("/v1/apps", {"client_name": "App", "redirect_uris": f"https://app.example/{control}"}),
        ("/v1/apps", {"client_name": "App", "redirect_uris": "https://app.example/", "website": f"https://app.example/{control}"}),
        ("/v1/apps", {"client_name": "App", "redirect_uris": "https://app.example/", "scopes": f"read{control}"}),
        ("/v1/statuses", {"status": "x", "visibility": f"private{control}"}),
        ("/v1/lists", {"title": "x", "replies_policy": f"none{control}"}),
        ("/v2/filters", {"title": "x", "context": [f"home{control}"]}),
        ("/v2/filters", {"title": "x", "context": ["home"], "filter_action": f"hide{control}"}),
    ):
        assert ada.post(path, **params).status == 422, (path, params)
    assert ada.get(f"/v1/accounts/lookup?acct=ada{quote(control)}").status == 404


def test_a_password_may_contain_control_characters(site: SiteFixture) -> None:
    visitor, odd = site.visitor(), "correct\x0bhorse\x01battery"
    assert visitor.submit("/signup", username="ada", email="ada@example.org", password=odd).status == 303
    for given, status in ((odd, 303), (odd.replace("\x01", ""), 422), (odd.replace("\x0b", "\n"), 422)):
        assert (site.visitor().submit("/login", name="ada", password=given).status == 303) is (status == 303)


def test_the_sample_text_contains_every_control_character() -> None:
    every = {chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"}
    assert every == set(PASTED) & every | set("\0\t\n\r\x85")
