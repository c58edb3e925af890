"""Colours and their contrast."""

from __future__ import annotations

import pytest

from microblog.model.colours import Colour, contrast, mixed

BLACK, WHITE = Colour.parse("#000000"), Colour.parse("#ffffff")


@pytest.mark.parametrize("text", ["#14655a", "#FFFEFB", "#000000"])
def test_a_colour_is_written_as_it_was_read(text: str) -> None:
    assert str(Colour.parse(text)) == text.lower()


@pytest.mark.parametrize("text", ["", "red", "#fff", "14655a", "#14655g", "#14655a;", " #14655a", "#14655a\n"])
def test_nothing_but_six_hexadecimal_digits_is_a_colour(text: str) -> None:
    with pytest.raises(ValueError, match="is not a colour"):
        Colour.parse(text)


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast(BLACK, WHITE) == contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast(WHITE, WHITE) == 1
    assert contrast(Colour.parse("#767676"), WHITE) == pytest.approx(4.54, abs=0.01)  # the lightest readable grey on white


def test_colours_are_mixed_by_share() -> None:
    assert [str(mixed(BLACK, WHITE, share)) for share in (0, 0.5, 1)] == ["#000000", "#808080", "#ffffff"]
