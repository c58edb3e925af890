"""Tests of filters: keywords match posts as whole words or as parts."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from microblog.model.filters import (
    Filter,
    FilterAction,
    FilterContext,
    FilteredPost,
    FilterSet,
    Keyword,
    is_hidden,
    search_text,
    warning_title,
)
from microblog.model.ids import AccountId, FilterId, KeywordId, MediaId, PollId, PostId, RelationId
from microblog.model.media import Media, MediaKind, MediaState
from microblog.model.polls import Poll
from microblog.model.posts import Post
from tests.make import NOW
from tests.render.samples import post

ANY = st.characters(exclude_characters="\0")
ATTACHED = st.sampled_from("\xad\u0301\u034f\u061c\u200b\u200c\u200d\u200e\u2060\ufe0f\ufeff\u0903\U000e0001")


def keyword(text: str, *, whole: bool) -> Keyword:
    return Keyword(KeywordId(1), text, whole)


def post_with_text(text: str, spoiler: str = "") -> Post:
    return evolve(post(), text=text, spoiler=spoiler)


def build_filter_set(*words: str, action: FilterAction = FilterAction.WARN, whole: bool = True) -> FilterSet:
    contexts = (FilterContext.HOME, FilterContext.THREAD)
    return FilterSet((Filter(FilterId(1), "No sports", contexts, action, keywords=tuple(keyword(word, whole=whole) for word in words)),))


@pytest.mark.parametrize(
    ("keyword_text", "text", "whole", "part"),
    [
        ("tea", "Tea, please", True, True),
        ("tea", "steam", False, True),
        ("tea", "a steam and a TEA", True, True),
        ("#tea", "my#tea", True, True),
        ("#tea", "#teapot", False, True),
        ("c++", "c++11", True, True),
        ("straße", "STRASSE", True, True),
        ("ﬁsh", "FISH", True, True),
        ("サッカー", "今日はサッカーを見た", True, True),
        ("カレー", "カレーライス", False, True),
        ("新宿", "今日は新宿で会議", True, True),
        ("すし", "おすしが好き", True, True),
        ("iphone", "新しいiPhoneが", True, True),
        ("ข้าว", "กินข้าวแล้ว", True, True),
        ("ຂ່າວ", "ອ່ານຂ່າວດີ", True, True),
        ("សួស្តី", "ជំរាបសួស្តីបង", True, True),
        ("မြန်မာ", "ငါမြန်မာစာ", True, True),
        ("커피", "오늘 커피를 마셨다", True, True),
        ("커피", "블랙커피", False, True),
        ("bts", "BTS는 최고", True, True),
        ("2024", "2024년", True, True),
        ("чай", "Чайник", False, True),
        ("musk", "Musk's site", True, True),
        ("example", "see example.com", True, True),
        ("tea", "tea_time", False, True),
        ("cafe", "cafe\u0301s", False, False),
        ("নদী", "নদীর", False, True),
        ("a b", "x a b.", True, True),
        ("\xadtea", "no tea, please", True, True),
        ("\u200d\ufe0ftea", "steam", False, True),
        ("\u0301e", "e\u0301e", False, False),
        ("\xad", "tea\xad", True, True),
        ("\xad", "tea", False, False),
    ],
)
def test_a_word_is_found_whole_or_as_a_part(keyword_text: str, text: str, whole: bool, part: bool) -> None:
    assert keyword(keyword_text, whole=True).matches(search_text(text)) is whole
    assert keyword(keyword_text, whole=False).matches(search_text(text)) is part


@given(st.text(), st.text(min_size=1))
def test_a_whole_word_match_is_also_a_partial_match(text: str, keyword_text: str) -> None:
    if keyword(keyword_text, whole=True).matches(search_text(text)):
        assert keyword(keyword_text, whole=False).matches(search_text(text))


@given(st.text(ANY | ATTACHED, min_size=1), st.text(" ,.!\n"), st.text(" ,.!\n"))
def test_a_word_between_punctuation_is_a_whole_word(keyword_text: str, before: str, after: str) -> None:
    assert keyword(keyword_text, whole=True).matches(search_text(f"{before}{keyword_text}{after}"))


@pytest.mark.parametrize(
    "text",
    ["a" * 200_000, "ab" * 100_000, "e" + "\u0301" * 200_000, "新" * 200_000, "커피" * 100_000, "a_ア" * 60_000],
    ids=lambda text: ascii(text[:4]),
)
def test_matching_time_grows_linearly_with_the_post(text: str) -> None:
    def cost(size: int) -> float:
        started = time.process_time()
        for keyword_text in ("a" * 200 + "b", "ab" * 100, "e" + "\u0301" * 100, "新" * 100 + "a", "피"):
            for whole in (True, False):
                keyword(keyword_text, whole=whole).matches(search_text(text[:size]))
        return time.process_time() - started

    large = cost(200_000)
    assert large < 0.3 or large < 40 * max(cost(20_000 + turn) for turn in range(3))


@pytest.mark.parametrize("whole", [True, False])
def test_the_maximum_number_of_keywords_is_matched_fast(whole: bool) -> None:
    """The limits are milliseconds of CPU, for a usual post and for one made to be slow."""
    usual, slow = " ".join(f"word{number}" for number in range(80)), "a" * 7_000
    for words, text, max_milliseconds in (
        ([f"keyword{n}" for n in range(1_000)], usual, 5),
        (["a" * (n % 250 + 1) + f"b{n}" for n in range(1_000)], slow, 200),
    ):
        filter_set = build_filter_set(*words, whole=whole)
        started = time.process_time()
        assert filter_set.matches(post_with_text(text), NOW) == ()
        assert (time.process_time() - started) * 1_000 < max_milliseconds


def test_text_and_content_warning_are_matched() -> None:
    [match] = build_filter_set("football", "tennis").matches(post_with_text("Football and more football"), NOW)
    assert match.keywords == ("football",)
    assert build_filter_set("football").matches(post_with_text("Sport", "FOOTBALL"), NOW)
    assert not build_filter_set("football").matches(post_with_text("Tennis"), NOW)


def test_a_boost_is_matched_by_its_original() -> None:
    original = post_with_text("football")
    assert build_filter_set("football").matches(evolve(post_with_text(""), boost=original), NOW)


def test_poll_options_and_media_descriptions_are_matched() -> None:
    poll = Poll(PollId(1), ("tennis", "golf"), (0, 0), 0, multiple=False, hide_totals=False, expires_at=NOW)
    assert build_filter_set("golf").matches(evolve(post_with_text("What else?"), poll=poll), NOW)
    pieces = tuple(
        Media(MediaId(n), AccountId(1), MediaKind.IMAGE, MediaState.READY, description=text)
        for n, text in enumerate(("a dog", "a football"), 1)
    )
    assert build_filter_set("football").matches(evolve(post_with_text("Look"), media=pieces), NOW)
    assert not build_filter_set("dog a").matches(evolve(post_with_text("Look"), media=pieces), NOW)


def test_own_posts_and_boosts_are_never_filtered() -> None:
    own = post_with_text("football")
    for owner, matched in ((own.author.id, False), (AccountId(own.author.id + 1), True)):
        own_filters = evolve(build_filter_set("football"), owner=owner)
        assert bool(own_filters.matches(own, NOW)) is matched
        assert bool(own_filters.within(FilterContext.HOME).matches(own, NOW)) is matched
        assert (own_filters.shown(own, FilterContext.HOME, NOW) is own) is not matched
        boost = evolve(post_with_text(""), author=evolve(own.author, id=AccountId(own.author.id + 2)), boost=own)
        assert bool(own_filters.matches(boost, NOW)) is matched
        assert not evolve(own_filters, owner=boost.author.id).matches(boost, NOW)


def test_the_matches_of_a_post_are_cached() -> None:
    shown_post, own_filters = post_with_text("football"), build_filter_set("football")
    first = own_filters.matches(shown_post, NOW)
    assert own_filters.matches(shown_post, NOW) is first
    assert own_filters.matches(evolve(shown_post, text="tennis"), NOW) == ()
    assert own_filters.matches(shown_post, NOW + timedelta(days=1)) == first


def test_a_single_post_can_be_filtered() -> None:
    shown_post = post_with_text("Hello")
    filter_ = Filter(
        FilterId(1),
        "Not this",
        (FilterContext.HOME,),
        posts=(FilteredPost(RelationId(7), shown_post.id), FilteredPost(RelationId(8), PostId(1))),
    )
    [match] = FilterSet((filter_,)).matches(shown_post, NOW)
    assert (match.keywords, match.posts) == ((), (shown_post.id,))


def test_an_expired_filter_matches_nothing() -> None:
    [filter_] = build_filter_set("football").filters
    expiring = FilterSet((evolve(filter_, expires_at=NOW + timedelta(minutes=1)),))
    assert expiring.matches(post_with_text("football"), NOW)
    assert not expiring.matches(post_with_text("football"), NOW + timedelta(minutes=1))


def test_a_filter_applies_only_in_its_contexts() -> None:
    hiding_filter = build_filter_set("football", action=FilterAction.HIDE)
    matches = hiding_filter.matches(post_with_text("football"), NOW)
    assert is_hidden(matches, FilterContext.HOME)
    assert not is_hidden(matches, FilterContext.PUBLIC)
    assert hiding_filter.hiding(FilterContext.HOME).filters
    assert not hiding_filter.hiding(FilterContext.PUBLIC).filters
    assert (warning_title(matches, FilterContext.THREAD), warning_title(matches, FilterContext.PUBLIC)) == ("No sports", "")
    blur_matches = build_filter_set("football", action=FilterAction.BLUR).matches(post_with_text("football"), NOW)
    assert (warning_title(blur_matches, FilterContext.HOME), is_hidden(blur_matches, FilterContext.HOME)) == ("", False)
