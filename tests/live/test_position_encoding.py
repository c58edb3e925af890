"""Positions are opaque: they decode to the same position, and do not reveal how much happens on the site."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.live.position_encoding import PositionCipher
from microblog.model.errors import Malformed
from microblog.model.events import Position
from microblog.model.ids import MAX_ID

CIPHER = PositionCipher(b"secret")
NUMBERS = st.integers(0, MAX_ID)
POSITIONS = st.builds(Position, st.just("e5"), NUMBERS, NUMBERS)


@given(position=POSITIONS)
def test_a_position_has_one_text_and_is_parsed_from_it(position: Position) -> None:
    written = CIPHER.written(position)
    assert CIPHER.parse(str(written)) == written == position
    assert str(CIPHER.written(position)) == str(written) == str(PositionCipher(b"secret").written(position))


@given(position=POSITIONS)
def test_the_text_reveals_nothing_without_the_secret(position: Position) -> None:
    text = str(CIPHER.written(position))
    assert str(position.xid) not in text or position.xid < 1_000
    assert len(text) == len("e5.") + 22
    try:
        assert PositionCipher(b"another").parse(text) != position
    except Malformed:
        pass


def test_texts_of_adjacent_positions_are_unrelated() -> None:
    texts = [str(CIPHER.written(Position("e5", 700 + step, 90_000 + step))) for step in range(50)]
    assert all(sum(a == b for a, b in zip(one, other, strict=True)) < 14 for one, other in pairwise(texts))


TOO_SHORT, TOO_LONG = "A" * 21, "A" * 23


@pytest.mark.parametrize("text", ["", "e", "e.1.1", f"e5.{TOO_SHORT}", f"e5.{TOO_LONG}", "e5." + "*" * 22, "é." + "A" * 22, "." + "A" * 22])
def test_an_invalid_text_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        CIPHER.parse(text)
