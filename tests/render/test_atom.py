"""Atom and RSS feeds are well-formed with any text and contain the post's HTML as text."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree as ET

from hypothesis import example, given
from hypothesis import strategies as st

from microblog.model.ids import TagId
from microblog.model.posts import Tag
from microblog.render.atom import atom, rss_of_account, rss_of_tag
from tests.render.samples import NOW, SITE, account, post

ATOM = "{http://www.w3.org/2005/Atom}"


@given(st.text(st.characters(exclude_categories=())))
@example("a lone surrogate: \ud800")
def test_an_atom_feed_is_well_formed_with_any_text(text: str) -> None:
    shown = post(text=text, spoiler=text, language=text, tags=(Tag(TagId(1), text, text),))
    feed = ET.fromstring(atom(account(name=text), [shown], SITE))
    assert len(feed.findall(ATOM + "entry")) == 1


def test_an_entry_has_the_url_times_and_html_of_its_post() -> None:
    edited = post(7, edited_at=NOW + timedelta(hours=1), html="<p>A &amp; B</p>", text="A & B")
    boost = post(8, boost=post(9))
    feed = ET.fromstring(atom(account(), [boost, edited], SITE))
    (entry,) = feed.findall(ATOM + "entry")
    assert entry.findtext(ATOM + "id") == "https://kommata.example/@user1/7"
    assert entry.findtext(ATOM + "title") == "A & B"
    assert entry.findtext(ATOM + "content") == "<p>A &amp; B</p>"
    assert entry.findtext(ATOM + "published") == "2025-11-20T11:53:00Z"
    assert entry.findtext(ATOM + "updated") == feed.findtext(ATOM + "updated") == "2025-11-20T13:00:00Z"


def test_a_feed_without_posts_is_valid() -> None:
    assert ET.fromstring(atom(account(), [], SITE)).findtext(ATOM + "updated") == "2025-11-20T12:00:00Z"


@given(st.text(st.characters(exclude_categories=())))
@example("a lone surrogate: \ud800")
def test_an_rss_feed_is_well_formed_with_any_text(text: str) -> None:
    shown = post(text=text, spoiler=text, html=text, tags=(Tag(TagId(1), text, text),))
    for feed in (rss_of_account(account(name=text), [shown], SITE), rss_of_tag(text, [shown], SITE)):
        assert len(ET.fromstring(feed).findall("channel/item")) == 1
