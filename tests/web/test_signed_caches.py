"""Documents in secure mode and hidden ones: what one server may read is not served to another from any cache."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import define

from microblog.federation.keys import SigningKey
from microblog.federation.signature_choice import SignatureForm, sign
from microblog.federation.signed_requests import HttpRequest
from microblog.model.ids import AccountId
from microblog.model.posts import PostDraft, Visibility
from microblog.storage import relationships
from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.fakes import result_of
from tests.federation.internet import Internet
from tests.federation.remote_server import URL, RemoteUser
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import build_site

JSON = "application/activity+json"
SECRET = b"zebra"


@define
class Reading:
    """A path of the site, and its readers: one who may read it, one of a suspended host, one whom its author blocks, and nobody known."""

    path: str
    bo: RemoteUser
    suspended: RemoteUser
    blocked: RemoteUser

    def read(self, reader: RemoteUser | None, method: str = "GET", **headers: str) -> HttpResponse:
        """Request it, signed by the reader."""
        signed = {}
        if reader is not None:
            key = SigningKey(f"{reader.id}#main-key", reader.key)
            signed = sign(HttpRequest(method, URL + self.path), key, SignatureForm.CAVAGE, reader.now)
        sent = {name: value for name, value in {"Accept": JSON, **signed, **headers}.items() if name != "Host"}
        return request(self.bo.site.server, method, self.path, sent)

    @property
    def strangers(self) -> list[tuple[RemoteUser | None, int]]:
        """Readers without permission, each with the status that it gets in secure mode."""
        return [(None, 401), (self.suspended, 403), (self.blocked, 404)]


@pytest.fixture(params=["post", "activity", "outbox", "account", "private"])
def reading(request: pytest.FixtureRequest, cursor: Cursor, tmp_path: Path) -> Reading:
    internet = Internet()
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="on", federation_secure_mode="on", rate_limits="off")
    site.registered_user("ada")
    site.cursor.execute("update accounts set bio = 'zebra', bio_html = '<p>zebra</p>' where username = 'ada'")
    visibility = Visibility.PRIVATE if request.param == "private" else Visibility.PUBLIC
    post = result_of(site.domain.posts.publish(site.viewer("ada"), PostDraft("zebra", visibility)))
    status = f"/users/ada/statuses/{post.id}"
    paths = {
        "post": status,
        "private": status,
        "activity": f"{status}/activity",
        "outbox": "/users/ada/outbox?page=true",
        "account": "/users/ada",
    }
    bo, suspended, blocked = (RemoteUser(site, internet, name, f"{name}.example") for name in ("bo", "sue", "bella"))
    for user in (bo, suspended, blocked):
        user.do("Follow", f"{URL}/users/ada")
    id = fetch_value(cursor, "select id from accounts where host = 'bella.example'")
    relationships.block(cursor, account=site.viewer("ada").id, target=AccountId(id), now=make.NOW)
    cursor.execute("update accounts set suspended_at = now() where host = 'sue.example'")
    return Reading(paths[request.param], bo, suspended, blocked)


def test_what_a_reader_may_read_is_not_kept_for_others(reading: Reading) -> None:
    for _ in range(2):  # the second time from a cache, if there is one
        found = reading.read(reading.bo)
        assert (found.status, SECRET in found.body) == (200, True)
        for reader, status in reading.strangers:
            response = reading.read(reader)
            assert SECRET not in response.body
            assert response.status == status or (reader is None and reading.path == "/users/ada")  # the key of an account is for everybody


def test_a_refusal_is_not_kept_for_those_who_may_read(reading: Reading) -> None:
    for reader, _ in reading.strangers:
        assert SECRET not in reading.read(reader).body
        assert SECRET in reading.read(reading.bo).body


def test_no_shared_cache_may_store_what_is_signed(reading: Reading) -> None:
    for reader, _ in [(reading.bo, 200), *reading.strangers[1:]]:
        response = reading.read(reader)
        control = response.header("Cache-Control") or ""
        assert "private" in control or "no-store" in control, control
        assert "public" not in control


def test_the_tag_of_a_version_says_nothing_to_others(reading: Reading) -> None:
    found = reading.read(reading.bo)
    tags = [tag for tag in (found.header("ETag"), "*") if tag]
    for reader, _ in reading.strangers:
        for tag in tags:
            response = reading.read(reader, **{"If-None-Match": tag})
            assert response.status != 304
            assert SECRET not in response.body


def test_a_request_for_headers_is_checked_like_any_other(reading: Reading) -> None:
    found = reading.read(reading.bo, "HEAD")
    assert found.status == 200
    for reader, status in reading.strangers:
        response = reading.read(reader, "HEAD")
        assert response.header("ETag") != found.header("ETag") or found.header("ETag") is None
        assert response.status == status or (reader is None and reading.path == "/users/ada")
    assert reading.read(reading.bo, "GET").status == 200
