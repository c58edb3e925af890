"""Hostile text in every user-writable field; every page, feed and API response is then parsed as its reader does."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import html5lib
import pytest
from lxml import etree
from psycopg2.sql import SQL, Identifier

from microblog.domain.announcements import Announcements
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import result_of
from tests.files import image
from tests.web.api.client import ALL_SCOPES, Client, new_client_for
from tests.web.crawler import fill_path, finite_get_routes
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import HOST, PASSWORD, SiteFixture, build_site, document, parse_html

HOSTILE = {  # short enough for a display name
    "end of an HTML context": "\"'></textarea></title><xss>",
    "end of another context": "\"'></script>]]>--><xss>",
    "an attribute": "\" onfocus=xss() autofocus x='",
    "escaped already": "&lt;xss&gt;&#60;xss>{{7*7}}",
    "a scheme": "javascript:xss()//http://a.b",
}
ADDRESSES = frozenset({"href", "src", "action", "formaction", "poster", "data", "srcset"})
FOREIGN = ("http://", "https://", "mailto:")


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


def check_inactive(root: etree._Element, where: str) -> None:
    """Fail if anything in this document is active: an element, an event handler, a scheme, a foreign script."""
    for element in root.iter(etree.Element):
        assert element.tag not in ("xss", "iframe", "object", "embed", "base"), where
        if element.tag == "script":
            assert element.get("src", "").startswith("/static/") or element.get("type") in ("application/json", "importmap"), where
        for name, value in element.items():
            assert not name.startswith("on"), f"{where}: {name}={value}"
            assert name not in ("autofocus", "srcdoc", "style") or "xss" not in element.attrib.values(), where
            if name in ADDRESSES:
                assert value.startswith(("/", "#", "?", *FOREIGN)) or ":" not in value, f"{where}: {name}={value}"


def markup(node: Any) -> Iterator[str]:
    """Return every JSON value that clients show as HTML: contents of posts, bios and profile fields. A `source` is text."""
    if isinstance(node, list):
        for item in node:
            yield from markup(item)
    elif isinstance(node, dict):
        is_profile = isinstance(node.get("acct"), str) and "fields" in node
        parts = [node["note"], *(field["value"] for field in node["fields"])] if is_profile else [node.get("content")]
        yield from (part for part in parts if isinstance(part, str))
        for name, value in node.items():
            if name != "source":
                yield from markup(value)


def fragment(html: str) -> etree._Element:
    """Parse an HTML fragment as browsers do."""
    return parse_html(f"<!doctype html><body>{html}")


def check(response: HttpResponse, where: str) -> None:
    """Parse the response as its reader does, and check it."""
    kind = (response.header("Content-Type") or "").partition(";")[0]
    if kind == "text/html":
        check_inactive(document(response), where)
    elif kind.endswith("xml"):
        feed = etree.fromstring(response.body)
        for content in feed.iter("{*}content", "{*}summary", "{*}title"):
            assert not len(content), where
            if content.get("type") == "html":
                check_inactive(fragment(content.text or ""), where)
    elif kind == "application/json":
        for html in markup(json.loads(response.body)):
            check_inactive(fragment(html), where)


def write_everywhere(site: SiteFixture, text: str) -> dict[str, object]:
    """Write the text everywhere; return path variables of the pages that may show it."""
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    fields = {f"field_{part}_{number}": text for number in range(4) for part in ("name", "value")}
    saved = ada.submit("/settings", display_name=text, bio=text, discoverable="1", indexable="1", **fields)
    assert saved.status == 303, saved.text
    sent = ada.submit("/posts", "/home", text=f"{text} #tag @bob https://a.test/{text}", spoiler=text, visibility="public")
    assert sent.status == 303, sent.text
    bob.submit("/@ada/follow", "/@ada")
    assert ada.submit("/lists", title=text).status == 303
    filter_form = {"keywords": text, "title": text, "contexts[]": "home", "action": "warn"}
    assert ada.submit("/settings/filters", **filter_form).status == 303
    post = make.post(site.cursor, site.viewer("ada"), f"{text} @bob", visibility=Visibility.PUBLIC)
    api_client = new_client_for(site, site.viewer("bob"))
    request(site.server, "POST", f"/api/v1/statuses/{post.id}/favourite", {"Authorization": f"Bearer {api_client.token}"})
    assert ada.submit(f"/posts/{post.id}/edit", text=f"{text} edited", spoiler=text).status == 303
    values: dict[str, object] = {"username": "ada", "name": "tag", "post_id": post.id, "status_id": post.id, "account_id": post.author.id}
    values |= write_through_the_api(site, text)
    for name, table in (("list_id", "lists"), ("filter_id", "filters")):
        site.cursor.execute(SQL("select max(id) from {}").format(Identifier(table)))
        [[values[name]]] = site.cursor.fetchall()
    return values


def write_through_the_api(site: SiteFixture, text: str) -> dict[str, object]:
    """Write the text through an app of that name; Bob, who is notified of everything, becomes an administrator."""
    ada, bob = (Client(site, result_of(site.domain.tokens.issue(site.viewer(name).id, ALL_SCOPES, text)).text) for name in ("ada", "bob"))
    poll = ada.post("/v1/statuses", status="@bob?", poll={"options": [text, f"{text} 2"], "expires_in": 3600}).json
    media = ada.upload("POST", "/v2/media", {"file": image()}, description=text).json["id"]
    shown = ada.post("/v1/statuses", status="@bob!", media_ids=[media], spoiler_text=text).json
    later = ada.post("/v1/statuses", status=text, spoiler_text=text, scheduled_at="2029-01-01T00:00:00Z")
    messages = [one.post("/v1/statuses", status=f"@ada @bob {text}", visibility="direct") for one in (ada, bob)]
    reported = bob.post("/v1/reports", account_id=shown["account"]["id"], status_ids=[shown["id"]], comment=text)
    noted = bob.post(f"/v1/accounts/{shown['account']['id']}/note", comment=text)
    assert {response.status for response in (later, *messages, reported, noted)} == {200}
    result_of(Announcements(site.database, HOST, f"http://{HOST}", lambda: make.NOW).publish(text))
    site.cursor.execute("update users set role = 'admin' where account_id = %(id)s", {"id": site.viewer("bob").id})
    return {"poll_id": poll["poll"]["id"], "scheduled_id": later.json["id"]}


@pytest.mark.parametrize(
    "context",
    [
        *("<p>{}", '<p title="{}">', "<p title='{}'>", "<p title={}>", "<!--{}-->", "<title>{}</title>", "<textarea>{}</textarea>"),
        *("<script>{}</script>", "<style>{}</style>", "<noscript>{}</noscript>", "<iframe>{}</iframe>", "<option>{}</option>"),
    ],
)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_parser_of_these_tests_finds_the_elements_that_browsers_find(context: str, text: str) -> None:
    """html5lib builds the same tree as browsers, but takes 30 times as long."""
    html = f"<!doctype html><body>{context.format(text)}"
    with warnings.catch_warnings(action="ignore"):  # of names that are none in XML
        browser = html5lib.parse(html, treebuilder="lxml", namespaceHTMLElements=False)
    found, expected = ([(each.tag, attributes(each)) for each in root.iter(etree.Element)] for root in (parse_html(html), browser))
    assert found == [each for each in expected if each[0] != "head"]


def attributes(element: etree._Element) -> dict[str, str]:
    """Return the attributes whose names may be written in XML, which is what html5lib can tell."""
    return {name: value for name, value in element.items() if name.isalpha()}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_user_text_is_never_markup(site: SiteFixture, text: str) -> None:
    values = write_everywhere(site, text)
    ada, bob = (site.visitor() for _ in range(2))
    for visitor, name in ((ada, "ada"), (bob, "bob")):
        assert visitor.submit("/login", name=name, password=PASSWORD).status == 303
    api_clients = {visitor: new_client_for(site, site.viewer(name)).token for visitor, name in ((ada, "ada"), (bob, "bob"))}
    shown = 0
    for route in finite_get_routes(site):
        target = fill_path(route.path, values)
        for visitor in (ada, bob):
            response = (
                request(site.server, "GET", target + "?q=ada", {"Authorization": f"Bearer {api_clients[visitor]}"})
                if route.options.api
                else visitor.get(target)
            )
            check(response, target)
            shown += response.status == 200
    assert shown > 60


def test_text_in_a_url_is_never_markup(site: SiteFixture) -> None:
    visitor, ada = site.visitor(), site.registered_user("ada")
    quoted = quote("".join(HOSTILE.values()), safe="")
    query = "&".join(f"{name}={quoted}" for name in ("q", "next", "text", "notice", "reply_to", "url", "title", "redirect_uri", "invite"))
    for route in finite_get_routes(site):
        if not route.options.api:
            target = fill_path(route.path, {"username": "ada", "name": quoted, "post_id": quoted})
            for who in (visitor, ada):
                check(who.get(f"{target}?{query}"), target)
    check(visitor.get("/" + quoted), "nowhere")
