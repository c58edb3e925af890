"""Words are found in posts by plain comparison, as whole ones or as parts."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from microblog.model.filters import Action, Chosen, Context, Filter, Keyword, Sieve, folded, is_hidden, warning
from microblog.model.ids import FilterId, KeywordId, PostId, RelationId
from microblog.model.posts import Post
from tests.make import NOW
from tests.render.samples import post


def keyword(text: str, *, whole: bool) -> Keyword:
    return Keyword(KeywordId(1), text, whole)


def saying(text: str, spoiler: str = "") -> Post:
    return evolve(post(), text=text, spoiler=spoiler)


def sieve(*words: str, action: Action = Action.WARN, whole: bool = True) -> Sieve:
    contexts = (Context.HOME, Context.THREAD)
    return Sieve((Filter(FilterId(1), "No sports", contexts, action, keywords=tuple(keyword(word, whole=whole) for word in words)),))


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
        ("サッカー", "今日はサッカーを見た", False, True),
        ("a b", "x a b.", True, True),
    ],
)
def test_a_word_is_found_whole_or_as_a_part(sought: str, text: str, whole: bool, part: bool) -> None:
    assert keyword(sought, whole=True).found_in(folded(text)) is whole
    assert keyword(sought, whole=False).found_in(folded(text)) is part


@given(st.text(), st.text(min_size=1))
def test_what_is_found_whole_is_found_as_a_part(text: str, sought: str) -> None:
    if keyword(sought, whole=True).found_in(folded(text)):
        assert keyword(sought, whole=False).found_in(folded(text))


def test_a_long_post_takes_no_time() -> None:
    begun = time.process_time()
    keyword("a" * 200 + "b", whole=True).found_in("a" * 100_000)
    keyword("ab" * 100, whole=True).found_in("ab" * 50_000)
    assert time.process_time() - begun < 1


def test_a_post_falls_under_its_words_and_its_warning() -> None:
    [match] = sieve("football", "tennis").matches(saying("Football and more football"), NOW)
    assert match.keywords == ("football",)
    assert sieve("football").matches(saying("Sport", "FOOTBALL"), NOW)
    assert not sieve("football").matches(saying("Tennis"), NOW)


def test_a_boost_falls_under_what_the_original_says() -> None:
    original = saying("football")
    assert sieve("football").matches(evolve(saying(""), boost=original), NOW)


def test_a_single_post_can_be_filtered() -> None:
    shown = saying("Hello")
    one = Filter(FilterId(1), "Not this", (Context.HOME,), posts=(Chosen(RelationId(7), shown.id), Chosen(RelationId(8), PostId(1))))
    [match] = Sieve((one,)).matches(shown, NOW)
    assert (match.keywords, match.posts) == ((), (shown.id,))


def test_a_filter_ends_when_its_time_is_over() -> None:
    [one] = sieve("football").filters
    ending = Sieve((evolve(one, expires_at=NOW + timedelta(minutes=1)),))
    assert ending.matches(saying("football"), NOW)
    assert not ending.matches(saying("football"), NOW + timedelta(minutes=1))


def test_a_filter_counts_only_where_it_was_meant_to() -> None:
    hiding = sieve("football", action=Action.HIDE)
    matches = hiding.matches(saying("football"), NOW)
    assert is_hidden(matches, Context.HOME)
    assert not is_hidden(matches, Context.PUBLIC)
    assert hiding.hiding(Context.HOME).filters
    assert not hiding.hiding(Context.PUBLIC).filters
    assert (warning(matches, Context.THREAD), warning(matches, Context.PUBLIC)) == ("No sports", "")
    blurring = sieve("football", action=Action.BLUR).matches(saying("football"), NOW)
    assert (warning(blurring, Context.HOME), is_hidden(blurring, Context.HOME)) == ("", False)
