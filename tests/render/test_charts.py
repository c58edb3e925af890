"""Charts: exact coordinates, a description in words, escaped text."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.render.charts import HEIGHT, STEP, Chart, ChartKind, Series, meter, scale_top, svg

values = st.lists(st.integers(0, 10_000_000), max_size=60).map(tuple)


def drawn(chart: Chart) -> ET.Element:
    return ET.fromstring(str(svg(chart)))


def of(*series: tuple[int, ...], kind: ChartKind = ChartKind.COLUMNS) -> Chart:
    columns = tuple(f"{place + 1} Mar" for place in range(len(series[0])))
    return Chart(
        "posts", "Posts", "Posts each day", columns, tuple(Series(f"S{n}", one, f"c{n + 1}") for n, one in enumerate(series)), kind
    )


@given(st.integers(0, 10**12))
def test_an_axis_ends_at_a_round_number_just_above_the_maximum(most: int) -> None:
    top = scale_top(most)
    assert top >= most
    assert top % 2 == 0
    assert top <= max(4, 2 * most)
    assert len(str(top).rstrip("0")) == 1 or str(top).startswith(("1", "2"))


@given(values, st.sampled_from(ChartKind))
def test_every_chart_is_xml_and_stays_within_its_frame(numbers: tuple[int, ...], kind: ChartKind) -> None:
    picture = drawn(of(numbers, tuple(reversed(numbers)), kind=kind))
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    assert (width, height) == (max(len(numbers), 1) * STEP, HEIGHT)
    assert len([one for one in picture if one.attrib.get("class") == "hit"]) == len(numbers)
    for path in picture.iter("path"):
        assert "nan" not in path.attrib["d"]
        assert "-" not in path.attrib["d"].replace("v-", "v")


def test_columns_are_stacked() -> None:
    [_, own, replies] = drawn(of((10, 0), (10, 20))).iter("path")
    assert own.attrib["d"] == "M1.6 100v-50h6.8V100z"
    assert replies.attrib["d"] == "M1.6 50v-50h6.8V50zM11.6 100v-100h6.8V100z"


def test_lines_go_through_the_middle_of_columns_and_have_a_surface_below_the_first() -> None:
    [_, under, first, second] = drawn(of((0, 4), (2, 2), kind=ChartKind.LINES)).iter("path")
    assert (first.attrib["d"], second.attrib["d"]) == ("M5 100L15 0", "M5 50L15 50")
    assert under.attrib["d"] == "M5 100L15 0V100H5z"


def test_a_single_day_is_a_line_too() -> None:
    [_, _, line] = drawn(of((4,), kind=ChartKind.LINES)).iter("path")
    assert line.attrib["d"] == "M0 0L10 0"


def test_a_chart_has_a_text_description() -> None:
    picture = drawn(of((1234, 0)))
    assert picture.attrib["role"] == "img"
    named = [picture.find(f".//*[@id='{id}']") for id in picture.attrib["aria-labelledby"].split()]
    assert [one.text for one in named if one is not None] == ["Posts", "Posts each day"]
    assert [title.text for title in picture.findall("rect/title")] == ["1 Mar: 1,234 s0", "2 Mar: 0 s0"]


def test_the_table_has_the_same_numbers_newest_first() -> None:
    assert of((1, 2), (3, 4)).rows() == [("2 Mar", (2, 4)), ("1 Mar", (1, 3))]
    assert of((1, 2, 3)).edges == ("1 Mar", "2 Mar", "3 Mar")
    assert of((1,)).edges == ("1 Mar",)
    assert of(()).edges == ()
    assert of((0, 0)).is_empty
    assert not of((0, 1)).is_empty


def test_chart_text_is_escaped() -> None:
    evil = '"><script>alert(1)</script>'
    picture = str(svg(Chart("x", evil, evil, (evil,), (Series(evil, (1,)),))))
    assert "<script" not in picture
    assert ET.fromstring(picture).find("title") is not None


@pytest.mark.parametrize(("part", "whole", "width"), [(0, 0, "0"), (1, 3, "33.3"), (3, 3, "100")])
def test_a_meter_is_as_long_as_its_part(part: int, whole: int, width: str) -> None:
    assert ET.fromstring(str(meter(part, whole)))[1].attrib["width"] == width
