"""Formatting of times, numbers and names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from microblog.model.posts import Visibility
from microblog.render import formatting
from tests.render.samples import account


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1K"), (1234, "1.2K"), (9999, "9.9K"), (12345, "12K"), (999_999, "999K"), (5_600_000, "5.6M")],
)
def test_numbers_are_abbreviated(count: int, text: str) -> None:
    assert formatting.number(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (61, "2 minutes"), (7200, "2 hours")])
def test_a_waiting_time_is_rounded_up(seconds: int, text: str) -> None:
    assert formatting.waiting(seconds) == text


def test_times_are_full_and_in_utc() -> None:
    moment = datetime(2025, 1, 5, 3, 4, 5, tzinfo=UTC)
    assert (formatting.iso(moment), formatting.when(moment), formatting.full(moment)) == (
        "2025-01-05T03:04:05Z",
        "5 Jan 2025, 03:04",
        "5 January 2025, 03:04:05 UTC",
    )


@pytest.mark.parametrize(("name", "letter"), [("ada", "A"), ("«松尾»", "松"), ("🧺 Picnic", "🧺"), ("\u202e", "U"), ("", "U"), ("ß", "SS")])
def test_an_account_without_an_avatar_has_an_initial(name: str, letter: str) -> None:
    assert formatting.initial(account(name=name)) == letter


def test_a_hostile_avatar_url_is_escaped() -> None:
    assert '"><script>' not in formatting.avatar_html(account(avatar='/x"><script>'))


def test_offered_visibilities_are_never_more_public_than_allowed() -> None:
    assert [each.value for each in formatting.visibilities_up_to(Visibility.UNLISTED)] == ["unlisted", "private", "direct"]


def test_an_excerpt_is_one_line_cut_at_a_word() -> None:
    assert formatting.excerpt("one\ntwo   three four", 12) == "one two…"
    assert formatting.excerpt("x" * 500, 10) == "x" * 9 + "…"
    assert formatting.excerpt("short", 10) == "short"


def test_a_browser_is_shown_by_its_common_name() -> None:
    assert formatting.browser_name("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537 Chrome/120.0 Safari/537") == "Chrome on Linux"
    assert formatting.browser_name("") == "Unknown browser"
