"""After a change of the public URL, links in older posts lead to the new one."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from microblog.domain.accounts import ProfileChanges
from microblog.model.posts import PostDraft
from microblog.render.local_links import own_links
from microblog.storage.database import Cursor
from tests.fakes import result_of
from tests.web.api.client import ALL_SCOPES, Client, token_for
from tests.web.visitor import PASSWORD, SiteFixture, build_site

OLD = "https://was.example:8443"
TEXT = "#tea with @ada, https://was.example:8443/@ada as typed"


@pytest.fixture
def moved(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site with posts from the time of another public URL."""
    before = build_site(cursor, tmp_path, public_url=OLD)
    (tmp_path / "now").mkdir()
    now = build_site(cursor, tmp_path / "now")
    now.registered_user("ada")
    ada = now.viewer("ada")
    result_of(before.domain.accounts.edit(ada, ProfileChanges(bio=TEXT, fields=(("Likes", "#tea and @ada"),))))
    post = result_of(before.domain.posts.publish(ada, PostDraft(TEXT)))
    result_of(before.domain.posts.edit(ada, post.id, PostDraft(TEXT + " again")))
    result_of(before.domain.posts.publish(ada, PostDraft("An answer #tea @ada", reply_to=post.id)))
    result_of(before.domain.announcements.publish("Drink #tea with @ada"))
    return now


def api_client(moved: SiteFixture) -> Client:
    ada = moved.viewer("ada")
    return Client(moved, token_for(moved, ada.id, ALL_SCOPES), ada)


def targets(moved: SiteFixture) -> list[str]:
    """Return all paths that show user text: API, pages and feeds."""
    post = str(api_client(moved).get("/v1/timelines/home").json[-1]["id"])
    ada = str(moved.viewer("ada").id)
    api = [
        *("timelines/home", "timelines/public", "timelines/tag/tea", f"accounts/{ada}/statuses", f"accounts/{ada}"),
        *("accounts/verify_credentials", "accounts/lookup?acct=ada", f"statuses/{post}", f"statuses/{post}/history"),
        *(f"statuses/{post}/context", "announcements"),
    ]
    pages = ["/home", "/@ada", f"/@ada/{post}", f"/@ada/{post}/history", "/tags/tea", "/local", "/@ada/feed.atom", "/search?q=tea"]
    return [f"/api/v1/{path}" for path in api] + ["/api/v2/search?q=ada", *pages]


def test_stored_links_lead_to_the_current_public_url(moved: SiteFixture) -> None:
    ada, visitor = api_client(moved), moved.visitor()
    assert visitor.submit("/login", name="ada@example.org", password=PASSWORD).status == 303
    linked = 0
    for target in targets(moved):
        text = json.dumps(ada.get(target.removeprefix("/api")).json) if target.startswith("/api") else visitor.get(target).text
        text = unescape(text).replace('\\"', '"')
        assert not re.search(r'href="[^"]*was\.example[^"]*" class="', text), target
        linked += '/tags/tea" class="mention hashtag"' in text
    assert linked > 12


def test_the_api_returns_absolute_links(moved: SiteFixture) -> None:
    account = api_client(moved).get("/v1/accounts/lookup", acct="ada").json
    assert '<a href="http://site.test/tags/tea" class="mention hashtag" rel="tag">' in account["note"]
    assert '<a href="http://site.test/@ada" class="u-url mention">' in account["note"]
    assert '<a href="https://was.example:8443/@ada" target="_blank"' in account["note"]  # as it was typed


@pytest.mark.parametrize("written", ["https://was.example", "http://localhost:8080", ""])
def test_only_generated_links_are_rewritten(written: str) -> None:
    generated = f'<a href="{written}/tags/tea" class="mention hashtag" rel="tag">#<span>tea</span></a>'
    typed = '<a href="https://was.example/tags/tea" target="_blank" rel="nofollow noopener" translate="no">was.example/tags/tea</a>'
    assert own_links(generated + typed, "https://is.example") == generated.replace(f'"{written}/', '"https://is.example/') + typed
    assert own_links(generated) == generated.replace(f'"{written}/', '"/')
