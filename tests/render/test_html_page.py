"""Cached shells of pages: a page made from one equals the page rendered anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from microblog.model.accounts import Viewer
from microblog.model.announcements import Announcement
from microblog.model.ids import AnnouncementId, TagId
from microblog.model.posts import Tag, Visibility
from microblog.render.html.html_page import HtmlPage
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import ComposerView, PageContext, PostListView
from tests.render import samples
from tests.render.samples import NOW, SITE, account

FEEDS = (
    PostListView(),
    PostListView(("<article>one</article>", "<article>\u2603</article>"), "/home?max_id=1&a=<b>"),
    PostListView(("<article>two</article>",), "/home?max_id=2", "/home?min_id=3"),
)
COMPOSERS = (ComposerView("key"), ComposerView("key", visibility=Visibility.PRIVATE, text="<!--key-->"))
TEXTS = st.sampled_from(["Ada", "<!--csrf-->", "<!--articles0-->", "&lt;!--now--&gt;", "\ud800", '"><b>'])
ANNOUNCEMENT = Announcement(AnnouncementId(1), "Hello", "<p>Hello</p>", NOW, NOW)


@st.composite
def contexts(draw: st.DrawFn) -> PageContext:
    """Contexts that differ in everything that a page shows."""
    number, name = draw(st.integers(1, 2)), draw(TEXTS)
    viewer = Viewer(account(number, name, posts_count=draw(st.integers(0, 1)))) if draw(st.booleans()) else None
    return PageContext(
        site=SITE,
        csrf=draw(st.sampled_from(["token1", "token2"])) if viewer else "",
        path=draw(st.sampled_from(["/home", "/local", "/home?max_id=5", "/home?x=<!--path-->\"'"])),
        now=NOW + timedelta(seconds=draw(st.integers(0, 1))),
        viewer=viewer,
        theme=draw(st.sampled_from(["auto", "dark"])),
        unread=draw(st.integers(0, 1)),
        stream=draw(st.sampled_from([None, "/live/home"])),
        position=draw(st.sampled_from(["p1", "p2"])),
        notice=draw(st.sampled_from(["", "Post published."])),
        people=(account(9, name),) if draw(st.booleans()) else (),
        tags=(Tag(TagId(1), "tea", "tea"),) if draw(st.booleans()) else (),
    )


def render(pages: Pages, template: str, context: PageContext, feed: PostListView, composer: ComposerView, number: int) -> HtmlPage:
    """Render one of the pages that have cached shells."""
    if template == "home":
        start, announcements = (None, FEEDS[1])[number], (ANNOUNCEMENT,) * number
        viewer = context.viewer or Viewer(account())
        return pages.home(evolve(context, viewer=viewer), composer, feed, start=start, announcements=announcements)
    return pages.front(context, feed) if template == "front" else pages.local(context, feed)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["home", "local", "front"]), contexts(), st.sampled_from(FEEDS), st.sampled_from(COMPOSERS), st.integers(0, 1)
        ),
        min_size=2,
        max_size=12,
    )
)
def test_a_page_from_a_cached_shell_equals_the_page_rendered_anew(
    history: list[tuple[str, PageContext, PostListView, ComposerView, int]],
) -> None:
    cached, plain = Pages(lambda name: f"/{name}"), Pages(lambda name: f"/{name}")
    plain.shells.capacity = 0
    for template, context, feed, composer, number in [*history, *history]:
        expected = render(plain, template, context, feed, composer, number)
        found = render(cached, template, context, feed, composer, number)
        assert bytes(found) == bytes(expected)
        assert found.pieces == expected.pieces
    assert plain.shells.hits == 0


def test_new_posts_tokens_and_times_need_no_new_shell() -> None:
    pages = Pages(lambda name: f"/{name}")
    context = PageContext(SITE, "token", "/home", NOW, Viewer(account()), stream="/live/home", position="p1")
    first = bytes(pages.home(context, ComposerView("key"), FEEDS[1])).decode()
    later = evolve(context, csrf="other", path="/home?notice=", now=NOW + timedelta(hours=1), position="p2")
    second = bytes(pages.home(later, ComposerView("yek"), PostListView(("<article>new</article>",), "/home?max_id=9"))).decode()
    assert (pages.shells.hits, pages.shells.misses) == (1, 1)
    for text in ("<article>new</article>", "/home?max_id=9", 'value="other"', 'value="yek"', 'data-position="p2"', "T13:00:00Z"):
        assert text in second
        assert text not in first


def test_the_oldest_shells_are_evicted() -> None:
    pages = Pages(lambda name: f"/{name}")
    pages.shells.capacity = 2
    contexts = [PageContext(SITE, "token", "/local", NOW, Viewer(account(number))) for number in range(1, 4)]
    for context in (*contexts, contexts[2], contexts[0]):
        pages.local(context, FEEDS[1])
    assert pages.shells.hits == 1
    figures = pages.shells.figures()
    assert (figures.name, figures.misses, figures.entries) == ("shells", 4, 2)
    assert figures.bytes > 10_000


@pytest.mark.parametrize("hostile", ["Ada Lovelace", "<!--main--><b>\"&'{{ 7 }} <!--csrf-->"])
@pytest.mark.parametrize("anonymous", [False, True])
def test_a_page_in_a_cached_frame_equals_the_page_rendered_as_a_whole(
    hostile: str, anonymous: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Pages(lambda name: f"/{name}")
    plain.shells.capacity = plain.rows.capacity = 0
    cached = Pages(lambda name: f"/{name}")
    monkeypatch.setattr(samples, "PAGES", plain)
    expected = {name: render() for name, render in samples.every_page(hostile, anonymous=anonymous).items()}
    monkeypatch.setattr(samples, "PAGES", cached)
    for _ in range(2):
        found = {name: render() for name, render in samples.every_page(hostile, anonymous=anonymous).items()}
        assert [name for name, page in expected.items() if found[name] != page] == []
    assert plain.shells.hits == plain.rows.hits == 0
    assert cached.shells.hits > len(expected) / 10
    assert cached.rows.hits > 0
