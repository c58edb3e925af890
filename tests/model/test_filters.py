"""Words are found in posts by plain comparison, as whole ones or as parts."""

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


def saying(text: str, spoiler: str = "") -> Post:
    return evolve(post(), text=text, spoiler=spoiler)


def sieve(*words: str, action: FilterAction = FilterAction.WARN, whole: bool = True) -> FilterSet:
    contexts = (FilterContext.HOME, FilterContext.THREAD)
    return FilterSet((Filter(FilterId(1), "No sports", contexts, action, keywords=tuple(keyword(word, whole=whole) for word in words)),))


@pytest.mark.parametrize(
    ("sought", "text", "whole", "part"),
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
def test_a_word_is_found_whole_or_as_a_part(sought: str, text: str, whole: bool, part: bool) -> None:
    assert keyword(sought, whole=True).matches(search_text(text)) is whole
    assert keyword(sought, whole=False).matches(search_text(text)) is part


@given(st.text(), st.text(min_size=1))
def test_what_is_found_whole_is_found_as_a_part(text: str, sought: str) -> None:
    if keyword(sought, whole=True).matches(search_text(text)):
        assert keyword(sought, whole=False).matches(search_text(text))


@given(st.text(ANY | ATTACHED, min_size=1), st.text(" ,.!\n"), st.text(" ,.!\n"))
def test_a_word_amid_punctuation_is_found_whole(sought: str, before: str, after: str) -> None:
    assert keyword(sought, whole=True).matches(search_text(f"{before}{sought}{after}"))


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "ab" * 100_000, "e" + "\u0301" * 200_000, "新" * 200_000, "커피" * 100_000, "a_ア" * 60_000], ids=ascii
)
def test_time_grows_with_the_post_and_no_faster(text: str) -> None:
    def cost(size: int) -> float:
        begun = time.process_time()
        for sought in ("a" * 200 + "b", "ab" * 100, "e" + "\u0301" * 100, "新" * 100 + "a", "피"):
            for whole in (True, False):
                keyword(sought, whole=whole).matches(search_text(text[:size]))
        return time.process_time() - begun

    large = cost(200_000)
    assert large < 0.3 or large < 40 * max(cost(20_000 + turn) for turn in range(3))


@pytest.mark.parametrize("whole", [True, False])
def test_the_most_keywords_that_an_account_may_have_take_little_time(whole: bool) -> None:
    """In milliseconds of CPU: a usual post, and one that was made to be slow for keywords that were, with all its descriptions."""
    usual, slow = " ".join(f"word{number}" for number in range(80)), "a" * 7_000
    for words, text, most in (
        ([f"keyword{n}" for n in range(1_000)], usual, 5),
        (["a" * (n % 250 + 1) + f"b{n}" for n in range(1_000)], slow, 200),
    ):
        full = sieve(*words, whole=whole)
        begun = time.process_time()
        assert full.matches(saying(text), NOW) == ()
        assert (time.process_time() - begun) * 1_000 < most


def test_a_post_falls_under_its_words_and_its_warning() -> None:
    [match] = sieve("football", "tennis").matches(saying("Football and more football"), NOW)
    assert match.keywords == ("football",)
    assert sieve("football").matches(saying("Sport", "FOOTBALL"), NOW)
    assert not sieve("football").matches(saying("Tennis"), NOW)


def test_a_boost_falls_under_what_the_original_says() -> None:
    original = saying("football")
    assert sieve("football").matches(evolve(saying(""), boost=original), NOW)


def test_the_options_of_a_poll_and_the_descriptions_of_media_are_read() -> None:
    poll = Poll(PollId(1), ("tennis", "golf"), (0, 0), 0, multiple=False, hide_totals=False, expires_at=NOW)
    assert sieve("golf").matches(evolve(saying("What else?"), poll=poll), NOW)
    pieces = tuple(
        Media(MediaId(n), AccountId(1), MediaKind.IMAGE, MediaState.READY, description=text)
        for n, text in enumerate(("a dog", "a football"), 1)
    )
    assert sieve("football").matches(evolve(saying("Look"), media=pieces), NOW)
    assert not sieve("dog a").matches(evolve(saying("Look"), media=pieces), NOW)


def test_what_one_wrote_or_boosted_oneself_is_never_filtered() -> None:
    own = saying("football")
    for owner, matched in ((own.author.id, False), (AccountId(own.author.id + 1), True)):
        mine = evolve(sieve("football"), owner=owner)
        assert bool(mine.matches(own, NOW)) is matched
        assert bool(mine.within(FilterContext.HOME).matches(own, NOW)) is matched
        assert (mine.shown(own, FilterContext.HOME, NOW) is own) is not matched
        boost = evolve(saying(""), author=evolve(own.author, id=AccountId(own.author.id + 2)), boost=own)
        assert bool(mine.matches(boost, NOW)) is matched
        assert not evolve(mine, owner=boost.author.id).matches(boost, NOW)


def test_a_post_is_held_against_an_accounts_filters_once_for_all_streams() -> None:
    shown, mine = saying("football"), sieve("football")
    first = mine.matches(shown, NOW)
    assert mine.matches(shown, NOW) is first
    assert mine.matches(evolve(shown, text="tennis"), NOW) == ()
    assert mine.matches(shown, NOW + timedelta(days=1)) == first


def test_a_single_post_can_be_filtered() -> None:
    shown = saying("Hello")
    one = Filter(
        FilterId(1),
        "Not this",
        (FilterContext.HOME,),
        posts=(FilteredPost(RelationId(7), shown.id), FilteredPost(RelationId(8), PostId(1))),
    )
    [match] = FilterSet((one,)).matches(shown, NOW)
    assert (match.keywords, match.posts) == ((), (shown.id,))


def test_a_filter_ends_when_its_time_is_over() -> None:
    [one] = sieve("football").filters
    ending = FilterSet((evolve(one, expires_at=NOW + timedelta(minutes=1)),))
    assert ending.matches(saying("football"), NOW)
    assert not ending.matches(saying("football"), NOW + timedelta(minutes=1))


def test_a_filter_counts_only_where_it_was_meant_to() -> None:
    hiding = sieve("football", action=FilterAction.HIDE)
    matches = hiding.matches(saying("football"), NOW)
    assert is_hidden(matches, FilterContext.HOME)
    assert not is_hidden(matches, FilterContext.PUBLIC)
    assert hiding.hiding(FilterContext.HOME).filters
    assert not hiding.hiding(FilterContext.PUBLIC).filters
    assert (warning_title(matches, FilterContext.THREAD), warning_title(matches, FilterContext.PUBLIC)) == ("No sports", "")
    blurring = sieve("football", action=FilterAction.BLUR).matches(saying("football"), NOW)
    assert (warning_title(blurring, FilterContext.HOME), is_hidden(blurring, FilterContext.HOME)) == ("", False)
