"""Posts are rendered once; the viewer's state is added afterwards and never stays in the cached fragment."""

from __future__ import annotations

import re

import html5lib
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from microblog.model.accounts import Viewer
from microblog.model.ids import AccountId
from microblog.model.posts import PostFlags, Visibility
from microblog.render.html.post_html import PostCounts, PostVariant, assemble, variant_for
from tests.render.samples import PAGES, account, post

FRAGMENTS = PAGES.post_html
any_flags = st.builds(PostFlags, st.booleans(), st.booleans(), st.booleans(), st.booleans())
any_counts = st.builds(PostCounts, *[st.integers(0, 10**7)] * 3)


@given(any_flags, any_counts, st.sampled_from(PostVariant), st.sampled_from(Visibility))
def test_a_cached_fragment_equals_a_new_one(flags: PostFlags, counts: PostCounts, variant: PostVariant, visibility: Visibility) -> None:
    shown = post(visibility=visibility, spoiler="Careful")
    kept = FRAGMENTS.of(shown)
    assemble(kept, counts, flags, PostVariant.AUTHOR)
    assert assemble(kept, counts, flags, variant) == assemble(FRAGMENTS.of(shown), counts, flags, variant)


@given(any_flags, any_counts, st.sampled_from(PostVariant), st.sampled_from(Visibility))
def test_an_article_is_balanced(flags: PostFlags, counts: PostCounts, variant: PostVariant, visibility: Visibility) -> None:
    shown = post(visibility=visibility, boost=post(7, account(3)))
    html = assemble(FRAGMENTS.of(shown), counts, flags, variant)
    parser = html5lib.HTMLParser(strict=True)
    assert [element.tag.rpartition("}")[2] for element in parser.parseFragment(html)] == ["article"]


def test_counts_do_not_change_a_fragment() -> None:
    assert FRAGMENTS.of(post(favourites_count=5, replies_count=2)) == FRAGMENTS.of(post())


def test_a_boost_from_the_cached_original_equals_a_new_one() -> None:
    original = post(7, account(3, "Bashō"))
    boost = post(8, account(4, "Emily"), boost=original)
    made = FRAGMENTS.boosted(boost, FRAGMENTS.of(original))
    assert made == FRAGMENTS.of(boost)
    html = assemble(made, PostCounts(), PostFlags(), PostVariant.MEMBER)
    assert 'id="p8" data-id="8" data-post="7" data-author="3"' in html
    assert "Emily</bdi></a> boosted" in html
    assert 'formaction="/posts/7/favourite"' in html


def test_active_buttons_undo() -> None:
    html = assemble(FRAGMENTS.of(post(5)), PostCounts(), PostFlags(favourited=True, boosted=False, bookmarked=True), PostVariant.MEMBER)
    assert 'formaction="/posts/5/unfavourite" aria-pressed="true"' in html
    assert 'formaction="/posts/5/boost" aria-pressed="false"' in html
    assert 'formaction="/posts/5/unbookmark" aria-pressed="true"' in html


def test_visitors_get_links_to_the_login_and_no_buttons() -> None:
    html = assemble(FRAGMENTS.of(post(5)), PostCounts(1, 2, 3), PostFlags(), PostVariant.ANONYMOUS)
    assert "<button" not in html
    assert html.count('href="/login?next=/@user1/5"') == 3


def test_only_the_author_sees_edit_and_delete() -> None:
    fragment = FRAGMENTS.of(post(5))
    author = assemble(fragment, PostCounts(), PostFlags(), variant_for(fragment, Viewer(account(1))))
    other = assemble(fragment, PostCounts(), PostFlags(), variant_for(fragment, Viewer(account(2))))
    assert "/posts/5/edit" in author
    assert "/@user1/mute" not in author
    assert "/posts/5/edit" not in other
    assert "/@user1/mute" in other
    assert variant_for(fragment, None) is PostVariant.ANONYMOUS


def test_restricted_posts_have_no_boost_button() -> None:
    for visibility in (Visibility.PRIVATE, Visibility.DIRECT):
        html = assemble(FRAGMENTS.of(post(5, visibility=visibility)), PostCounts(), PostFlags(), PostVariant.MEMBER)
        assert "/posts/5/boost" not in html


def test_text_has_its_language_and_automatic_direction() -> None:
    body = FRAGMENTS.of(post(language="ar", html="<p>مرحبا</p>")).body
    assert 'class="text" dir="auto" lang="ar"' in body
    assert re.search(r'<time datetime="2025-11-20T10:20:00Z" title="20 November 2025, 10:20:00 UTC">', body)


def test_text_without_a_language_does_not_inherit_that_of_the_page() -> None:
    body = FRAGMENTS.of(post(spoiler="Ouch", language=None)).body
    assert 'class="text" dir="auto" lang="und"' in body
    assert '<bdi lang="und">Ouch</bdi>' in body


def test_a_reply_names_the_author_of_its_parent_if_known() -> None:
    author = account()
    own = post(5, author, reply_to=4, reply_to_account=author.id)
    assert 'href="/@user1/4">Continues' in FRAGMENTS.of(own).body
    assert 'href="/posts/4">In reply to a post' in FRAGMENTS.of(evolve(own, reply_to_account=AccountId(9))).body
