"""Check of links in profile fields: which pages link back, what is fetched, and when."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.accounts import Accounts, ProfileChanges
from microblog.domain.back_links import links_back
from microblog.domain.profile_links import ProfileLinks, is_verifiable
from microblog.model.accounts import Account, Viewer
from microblog.model.cards import FetchedPage, FetchError
from microblog.storage import profile_links
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, result_of
from tests.make import NOW

PROFILE = "https://site.test/@ada"
BACK = f'<a rel="me" href="{PROFILE}">me</a>'


@define
class Pages:
    """Pages by address. An exception is raised."""

    found: dict[str, str | FetchError] = field(factory=dict)
    asked: list[str] = field(factory=list)
    moved_to: str = ""

    async def get(self, url: str, *, types: Collection[str], max_bytes: int, whole: bool = False) -> FetchedPage:
        """See `HttpFetcher.get`."""
        self.asked.append(url)
        found = self.found.get(url, FetchError("The server responded with status 404."))
        if isinstance(found, FetchError):
            raise found
        return FetchedPage(self.moved_to or url, types[0] if isinstance(types, tuple) else "text/html", "", found.encode()[:max_bytes])


def page(html: str) -> FetchedPage:
    return FetchedPage("https://example.org/", "text/html", "", html.encode())


@pytest.mark.parametrize(
    "html",
    [
        BACK,
        f"<link href={PROFILE} rel=me>",
        "<LINK REL='author ME nofollow' HREF='HTTPS://SITE.TEST/@Ada'/>",
        f'<p>text<br><a class="x" title="a > b" rel="me noopener" href=" {PROFILE} ">',
        f"<!-- x --><script>1</script>{BACK}",
        BACK.replace("/", "&#x2f;"),
        f"<style>a{{}}</style><a rel=nofollow href={PROFILE}>{BACK}",
    ],
)
def test_a_page_links_back(html: str) -> None:
    assert links_back(page(html), [PROFILE])


@pytest.mark.parametrize(
    "html",
    [
        "",
        f'<a href="{PROFILE}">me</a>',
        f'<a rel="men" href="{PROFILE}">',
        f'<a rel="me" href="{PROFILE}2">',
        f'<a rel="me" data-href="{PROFILE}">',
        f'<a rel="me" title=\'href="{PROFILE}"\'>',
        f"<abbr rel=me href={PROFILE}>",
        f"<!-- {BACK} -->",
        f"<!-- {BACK}",
        f"<script>const comment = '{BACK}';</script>",
        f"<textarea>{BACK}</textarea>",
        f"<template>{BACK}</template>",
        f"<plaintext>{BACK}",
        f"&lt;a rel=me href={PROFILE}&gt;",
    ],
)
def test_a_page_does_not_link_back(html: str) -> None:
    assert not links_back(page(html), [PROFILE])


@given(st.text(st.sampled_from("<a rel='me\" href=>/!--script" + PROFILE[:9]), max_size=300))
def test_no_page_crashes_the_search(html: str) -> None:
    links_back(page(html), [PROFILE])


def test_a_hostile_page_takes_linear_time() -> None:
    for piece in ("<a ", "<a rel='", "<!--", "<script>", "<a rel=me href=x>"):
        links_back(page(piece * (1_000_000 // len(piece))), [PROFILE])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://example.org", True),
        ("https://example.org/~ada?x=1#y", True),
        ("http://example.org", False),
        ("https://ada@example.org/", False),
        ("https://example.org:8443/", False),
        ("https://localhost/", False),
        ("see https://example.org", False),
        ("https://example.org and more", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_only_plain_https_addresses_are_fetched(value: str, expected: bool) -> None:
    assert is_verifiable(value) is expected


# --- On a profile


@pytest.fixture
def ada(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ada")


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def links(db: RolledBackDatabase, pages: Pages) -> ProfileLinks:
    return ProfileLinks(db, "https://site.test", lambda: NOW, pages)


def edit(db: RolledBackDatabase, who: Viewer, *values: str) -> Account:
    fields = tuple((f"Link {n}", value) for n, value in enumerate(values))
    return result_of(Accounts(db, "site.test", "https://site.test", lambda: NOW).edit(who, ProfileChanges(fields=fields)))


def taken_jobs(cursor: Cursor) -> int:
    cursor.execute("delete from jobs where kind = 'profile.verify_links'")
    return cursor.rowcount


async def test_a_link_is_verified_once_and_again_after_it_was_away(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, links: ProfileLinks, pages: Pages
) -> None:
    pages.found = {"https://a.example/": BACK, "https://b.example/": "nothing"}
    edit(db, ada, "https://a.example/", "https://b.example/", "plain text")
    assert taken_jobs(cursor) == 1
    await links.verify(ada.id)
    assert [one.verified_at for one in make.reload(cursor, ada).fields] == [NOW.replace(microsecond=0), None, None]
    assert pages.asked == ["https://a.example/", "https://b.example/"]
    edit(db, ada, "plain text", "https://a.example/")  # both are known
    assert taken_jobs(cursor) == 0
    assert [one.verified_at is not None for one in make.reload(cursor, ada).fields] == [False, True]
    edit(db, ada, "https://a.example/", "https://c.example/")
    assert taken_jobs(cursor) == 1
    await links.verify(ada.id)
    assert pages.asked[2:] == ["https://c.example/"]
    edit(db, ada, "https://c.example/")
    edit(db, ada, "https://d.example/")
    await links.verify(ada.id)
    edit(db, ada, "https://a.example/")
    assert taken_jobs(cursor) == 1
    pages.found["https://a.example/"] = "not any more"
    await links.verify(ada.id)
    assert [one.verified_at for one in make.reload(cursor, ada).fields] == [None]


async def test_a_server_that_does_not_respond_is_asked_again(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, links: ProfileLinks, pages: Pages
) -> None:
    pages.found = {"https://a.example/": FetchError("no answer", permanent=False), "https://b.example/": BACK}
    edit(db, ada, "https://a.example/", "https://b.example/")
    with pytest.raises(FetchError):
        await links.verify(ada.id)
    assert [one.verified_at is not None for one in make.reload(cursor, ada).fields] == [False, True]
    await links.verify(ada.id, last_try=True)
    assert set(profile_links.checked(cursor, account=ada.id)) == {"https://a.example/", "https://b.example/"}


async def test_a_page_that_ends_on_http_verifies_nothing(
    cursor: Cursor, db: RolledBackDatabase, ada: Viewer, links: ProfileLinks, pages: Pages
) -> None:
    pages.found, pages.moved_to = {"https://a.example/": BACK}, "http://a.example/"
    edit(db, ada, "https://a.example/")
    await links.verify(ada.id)
    assert [one.verified_at for one in make.reload(cursor, ada).fields] == [None]


async def test_an_account_elsewhere_is_verified_by_a_page_of_its_own_host(cursor: Cursor, links: ProfileLinks, pages: Pages) -> None:
    bo = make.remote_account(cursor, "bo", "b.example")
    cursor.execute(
        "update accounts set fields = %s, url = %s where id = %s",
        ['[{"name": "Site", "value": "https://famous.example/"}]', "https://famous.example/", bo.id],
    )
    pages.found = {"https://famous.example/": '<a rel="me" href="https://famous.example/">'}
    await links.verify(bo.id)
    assert [one.verified_at for one in make.reload(cursor, bo).fields] == [None]
    pages.found = {"https://famous.example/": f'<a rel="me" href="{bo.uri}">'}
    profile_links.store(cursor, account=bo.id, links={})
    await links.verify(bo.id)
    assert [one.verified_at is not None for one in make.reload(cursor, bo).fields] == [True]
