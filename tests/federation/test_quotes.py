"""Quotes from other servers: shown as links, and requests to quote posts of this site, which are rejected."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from microblog.federation.incoming import parse_activity
from microblog.federation.relevance import Signer
from microblog.model.posts import Post, Visibility
from microblog.storage.database import Cursor
from tests import make
from tests.federation.documents import activity
from tests.federation.outgoing import OutboundFixture
from tests.federation.remote_side import BO, RemoteSide, known_actor, local, local_post, note, service

QUOTED = "https://c.example/users/cy/statuses/9"
LINK = f'<p class="quote-inline">RE: <a href="{QUOTED}" rel="nofollow noopener" target="_blank">{QUOTED}</a></p>'
LINKED = f'<p class="quote-inline">RE: <a href="{QUOTED}">{QUOTED}</a></p>'


@pytest.fixture
def side(cursor: Cursor) -> RemoteSide:
    return service(cursor)


def request(post: Post, **changes: Any) -> dict[str, Any]:
    """Return the request of bo to quote a post."""
    return activity("QuoteRequest", local_post(post), **{"id": f"{BO}#quotes/1", "instrument": note("5"), **changes})


@pytest.mark.parametrize(
    "named",
    [
        {"quote": QUOTED},
        {"quote": note("9", "https://c.example/users/cy")},
        {"quoteUrl": QUOTED},
        {"_misskey_quote": QUOTED},
        {"quoteUri": QUOTED},
        {"tag": [{"type": "Link", "mediaType": "application/activity+json", "href": QUOTED, "name": f"RE: {QUOTED}"}]},
    ],
)
async def test_a_quote_is_shown_as_a_link(side: RemoteSide, named: dict[str, Any]) -> None:
    post = await side.created(note(content="<p>Look!</p>", **named))
    assert post.html == f"<p>Look!</p>{LINK}"
    assert f"RE: {QUOTED}" in post.text
    assert side.internet.asked == []


@pytest.mark.parametrize(
    "content",
    [
        f"{LINKED}<p>Look!</p>",
        f'<p>Look! <a href="{QUOTED}">this</a></p>',
        '<p>Look!<span class="quote-inline"><br>RE: <a href="https://c.example/@cy/9">https://c.example/@cy/9</a></span></p>',
        '<p>Look!</p><p>RE: <a href="https://c.example/@cy/9">https://c.example/@cy/9</a></p>',
    ],
)
async def test_a_text_that_links_to_the_quoted_post_keeps_its_own_link(side: RemoteSide, content: str) -> None:
    post = await side.created(note(content=content, quote=QUOTED))
    assert post.html.count("c.example") == content.count("c.example")
    assert "Look!" in post.html


async def test_another_link_to_the_same_server_is_not_the_quote(side: RemoteSide) -> None:
    post = await side.created(note(content='<p>Says <a href="https://c.example/@cy">@cy</a></p>', quote=QUOTED))
    assert post.html.endswith(LINK)


@pytest.mark.parametrize("quote", [{"type": "Tombstone"}, "javascript:alert(1)", 'https://c.example/"><script>', None])
async def test_a_quote_that_names_no_post_adds_nothing_dangerous(side: RemoteSide, quote: Any) -> None:
    post = await side.created(note(content="<p>Look!</p>", quote=quote))
    assert "<script" not in post.html
    assert "javascript:" not in post.html


async def test_a_request_to_quote_is_rejected(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    post = make.post(cursor, ada)
    outbound = OutboundFixture(cursor)
    outbound.run()
    asked = request(post)
    assert side.effects.relevance.concerns_this_site(cursor, parse_activity(orjson.dumps(asked)), Signer(known_actor(cursor).id, BO))
    await side.receive(asked)
    sent = outbound.one()
    assert (sent.document["type"], sent.document["actor"], sent.inboxes) == ("Reject", local(ada), [f"{BO}/inbox"])
    assert sent.document["object"] == {
        "id": f"{BO}#quotes/1",
        "type": "QuoteRequest",
        "actor": BO,
        "object": local_post(post),
        "instrument": note("5")["id"],
    }
    assert sent.document["to"] == [BO]
    assert side.told(ada) == []


async def test_a_request_to_quote_what_one_may_not_see_is_not_answered(side: RemoteSide, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    outbound = OutboundFixture(cursor)
    for post in (make.post(cursor, ada, visibility=Visibility.PRIVATE), await side.created(note())):
        await side.receive(request(post) if post.uri is None else activity("QuoteRequest", post.uri, instrument=note("5")))
    await side.receive(request(make.post(cursor, ada), instrument=None))
    await side.receive(request(make.post(cursor, ada), id="https://evil.example/1"))
    assert outbound.run() == []
