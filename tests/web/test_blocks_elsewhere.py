"""Blocks by people of other servers."""

from __future__ import annotations

from pathlib import Path

from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.federation.internet import Internet
from tests.federation.outgoing import OutboundFixture
from tests.federation.remote_server import URL, RemoteUser
from tests.federation.remote_side import known_actor
from tests.web.api.client import client
from tests.web.visitor import build_site

ADA = f"{URL}/users/ada"


def test_a_block_by_somebody_elsewhere_ends_follows_and_hides_without_telling(cursor: Cursor, tmp_path: Path) -> None:
    internet = Internet()
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="on")
    ada, bo = client(site, "ada"), RemoteUser(site, internet)
    bo.publish(url=bo.id)
    bo.do("Follow", ADA)
    account = known_actor(site.cursor)
    make.follow(site.cursor, ada.owner, account)
    post = make.remote_post(site.cursor, account, "hello")
    assert ada.get(f"/v1/statuses/{post.id}").status == 200
    ada.post("/v1/notifications/clear")
    outbound = OutboundFixture(site.cursor)
    outbound.run()
    block = bo.do("Block", ADA)
    assert fetch_value(site.cursor, "select count(*) from follows") == 0
    assert ada.get("/v1/notifications").json == []
    assert outbound.run() == []
    assert ada.get(f"/v1/statuses/{post.id}").status == 404
    assert ada.get(f"/v1/accounts/{account.id}/statuses").json == []
    assert ada.get("/v1/timelines/public").json == []
    assert ada.post(f"/v1/accounts/{account.id}/follow").status == 403
    bo.do("Undo", block)
    assert ada.get(f"/v1/statuses/{post.id}").status == 200
