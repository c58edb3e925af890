"""What other servers may put into every text and address: it is stored and shown as text, or refused, and harms nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from microblog.storage.database import Cursor, fetch_all
from tests import make
from tests.fakes import result_of
from tests.federation.documents import PUBLIC
from tests.federation.internet import Internet
from tests.federation.remote_server import URL, RemoteUser, run_effects
from tests.web.api.client import new_client_for
from tests.web.visitor import SiteFixture, Visitor, build_site, document

ADA = f"{URL}/users/ada"
MARKER = "zqx"  # begins each payload's element or handler, so that no page of ours has it

PAYLOADS = {
    "script": "<script>zqx()</script>",
    "handler": '"><img src=x onerror=zqx()>',
    "single": "'><svg onload=zqx()>",
    "javascript": "javascript:zqx()",
    "data": "data:text/html,<script>zqx()</script>",
    "entity": "&lt;script&gt;zqx()&lt;/script&gt;",
    "lines": "a\r\nSet-Cookie: zqx=1\r\n\r\n<script>zqx()</script>",
    "nul": "a\x00b<b onclick=zqx()>",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x85\u2028\u2029",
    "direction": "\u202eevil\u202c\u2066x\u2069\u200b\ufeff",
    "noncharacters": "\ufffe\uffff\U0010ffff\ue000",
    "marks": "Z" + "\u0300" * 5_000,
    "long": "zqx" * 6_000,
    "template": "{{7*7}}{% raw %}%(name)s{0}${7*7}\\",
    "sql": "'; drop table posts; --%",
    "spaces": "\u3164 \u00a0\u2000\t",
    "empty": "",
}


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    return build_site(cursor, tmp_path, internet, public_url=URL, federation="on", rate_limits="off")


@pytest.fixture
def browser(site: SiteFixture) -> Visitor:
    """The browser of a member who is an administrator too."""
    browser = site.registered_user("ada")
    site.cursor.execute("update users set role = 'admin'")
    return browser


@pytest.fixture
def bo(site: SiteFixture, internet: Internet, browser: Visitor) -> RemoteUser:
    """An account that follows the member, and that she follows."""
    user = RemoteUser(site, internet)
    user.do("Follow", ADA)
    assert site.federation is not None
    account = result_of(site.federation.resolution.actors.known(user.id))
    assert account is not None
    make.follow(site.cursor, site.viewer("ada"), account)
    return user


def actor_with(text: str) -> dict[str, Any]:
    """Return properties of an account, all of them with the text."""
    image = {"type": "Image", "mediaType": text, "url": text, "summary": text, "name": text}
    emoji = {"type": "Emoji", "name": f":{text}:", "icon": {"type": "Image", "url": text, "mediaType": text}, "updated": text}
    fields = [{"type": "PropertyValue", "name": text, "value": text}] * 3
    many = {"name": text, "summary": text, "url": text, "published": text, "alsoKnownAs": [text], "movedTo": text, "webfinger": text}
    return {**many, "icon": image, "image": image, "tag": [emoji, text], "attachment": fields, "featured": text, "outbox": text}


def note_with(text: str, **values: Any) -> dict[str, Any]:
    """Return properties of a post, all of them with the text."""
    icon = {"type": "Image", "url": text, "mediaType": text}
    tags = [
        {"type": "Mention", "href": ADA, "name": text},
        {"type": "Mention", "href": text, "name": text},
        {"type": "Hashtag", "href": text, "name": f"#{text}"},
        {"type": "Emoji", "id": text, "name": f":{text}:", "icon": icon},
        {"type": "Link", "href": text, "mediaType": text, "rel": text, "name": text},
    ]
    files = [
        {"type": type, "mediaType": text, "url": text, "href": text, "name": text, "blurhash": text} for type in ("Document", "Link", text)
    ]
    picture = {"type": "Image", "mediaType": "image/png", "url": "https://b.example/1.png", "name": text, "summary": text, "blurhash": text}
    many = {"content": text, "contentMap": {text: text, "en": text}, "summary": text, "name": text, "url": text, "conversation": text}
    more = {"inReplyTo": text, "context": text, "quote": text, "quoteUri": text, "updated": text, "generator": text, "location": text}
    typed = {"type": "Document", "mediaType": f"image/{text}", "url": "https://b.example/2.png", "name": text}
    return {"type": "Note", "tag": tags, "attachment": [*files, picture, typed], "sensitive": text, **many, **more, **values}


def poll_with(text: str) -> dict[str, Any]:
    """Return properties of a poll, all of them with the text."""
    options = [{"type": "Note", "name": text + str(number), "replies": {"type": "Collection", "totalItems": text}} for number in range(4)]
    return note_with(text, type="Question", oneOf=options, endTime=text, votersCount=text, closed=text)


def assert_harmless(html: etree._Element) -> None:
    """Check that nothing of other servers became a script, a handler or an address that runs one."""
    for element in html.iter(etree.Element):
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on"), (element.tag, name)
            if name in ("href", "src", "action", "poster", "formaction", "srcset", "data"):
                assert re.match(r"(https?|mailto):|[^:]*$|[/?#]", value.strip()), (element.tag, name, value)
        assert element.tag not in ("svg", "iframe", "object", "embed", "base") or MARKER not in etree.tostring(element).decode()
        assert element.tag != "script" or MARKER not in (element.text or "")


def posts_of(site: SiteFixture) -> list[int]:
    """Return the ids of the posts of other servers."""
    return fetch_all(site.cursor, int, "select id from posts where uri is not null and deleted_at is null order by id", {})


def check_everything(site: SiteFixture, browser: Visitor) -> None:
    """Read what shows others on pages and in the API."""
    client = new_client_for(site, site.viewer("ada"))
    posts = posts_of(site)
    pages = [
        "/home",
        "/notifications",
        "/@bo@b.example",
        "/@bo@b.example/followers",
        "/federated",
        "/admin/reports",
    ]
    for path in [*pages, *(f"/@bo@b.example/{id}" for id in posts)]:
        response = browser.get(path)
        assert response.status == 200, (path, response.status)
        assert_harmless(document(response))
        assert not [header for header in response.headers if MARKER in "".join(header)]
    for path in (
        "/v1/timelines/home",
        "/v1/timelines/public",
        "/v1/notifications",
        "/v2/search?q=bo",
        *(f"/v1/statuses/{id}" for id in posts),
    ):
        response = client.get(path)
        assert response.status == 200, (path, response.text)
        for html in strings(response.json, "content", "note", "value"):
            assert_harmless(etree.HTML(f"<div>{html}</div>"))


def strings(value: Any, *names: str) -> Iterator[str]:
    """Return the texts with these names anywhere in a JSON value."""
    if isinstance(value, list):
        for each in value:
            yield from strings(each, *names)
    elif isinstance(value, dict):
        for name, each in value.items():
            if isinstance(each, str) and name in names:
                yield each
            else:
                yield from strings(each, *names)


@pytest.mark.parametrize("name", PAYLOADS)
def test_no_text_of_another_server_harms_a_page(site: SiteFixture, browser: Visitor, bo: RemoteUser, name: str) -> None:
    text, numbers = PAYLOADS[name], count(1)
    bo.publish(**actor_with(text))
    bo.deliver(bo.activity("Update", bo.document(**actor_with(text))))
    plain = {"attributedTo": bo.id, "to": [PUBLIC], "cc": [ADA], "published": bo.now.isoformat()}
    for each in (
        note_with(text),
        note_with(text, inReplyTo=None, url=None),
        poll_with(text),
        note_with(text, type="Article"),
        note_with(text, type=text),
    ):
        bo.deliver(bo.activity("Create", {"id": f"{bo.id}/{next(numbers)}", **plain, **each}))
    bo.deliver(bo.activity("Flag", [ADA, text], content=text))
    for type in (
        "Announce",
        "Like",
        "EmojiReact",
        "Block",
        "Undo",
        "Accept",
        "Reject",
        "Add",
        "Remove",
        "Move",
        "Delete",
        "QuoteRequest",
        text,
    ):
        bo.deliver(bo.activity(type, text, content=text, target=text, to=[PUBLIC], instrument=text))
    assert run_effects(site) > 2
    assert len(posts_of(site)) > 2
    check_everything(site, browser)
