"""Custom CSS: a list of properties, values and selectors is accepted and written anew; everything else is refused, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.text.custom_css import parse_css

TYPED = """/* Ours */
:root { --accent: light-dark(#123456, oklch(0.7 0.1 200)); --sans: "Fira Sans", serif }
.card > a:hover,
h1:not(.x, .y) + #main::selection {
  COLOR: teal !important; padding: 1em 2px; margin: 0 auto;
  background: linear-gradient(45deg, #fff 10%, rgb(0 0 0 / 50%));
  line-height: 1.5
}
@media (prefers-color-scheme: dark) and (min-width: 600px) { a { color: var(--accent); } }
.empty {}
"""
WRITTEN = """:root { --accent: light-dark(#123456, oklch(0.7 0.1 200)); --sans: "Fira Sans", serif; }
.card > a:hover, h1:not(.x, .y) + #main::selection { color: teal !important; padding: 1em 2px; margin: 0 auto; \
background: linear-gradient(45deg, #fff 10%, rgb(0 0 0 / 50%)); line-height: 1.5; }
@media (prefers-color-scheme: dark) and (min-width: 600px) {
a { color: var(--accent); }
}
"""


def test_what_is_accepted_is_written_anew_from_its_tokens() -> None:
    parsed = parse_css(TYPED)
    assert (parsed.css, parsed.problems) == (WRITTEN, ())
    assert parse_css(WRITTEN).css == WRITTEN


@pytest.mark.parametrize(
    ("css", "problem"),
    [
        # loading
        ("@import 'https://b.example/x.css';", "Line 1: @import is not accepted here."),
        ("@charset 'x';", "Line 1: @charset is not accepted here."),
        ("@font-face { font-family: x; src: url(x) }", "Line 1: @font-face is not accepted here."),
        ("a {\n  background: url(//b.example/x)\n}", "Line 2: url() is not accepted in background."),
        ("a { background: URL('x') }", "Line 1: URL() is not accepted in background."),
        ("a { background: image-set('x' 1x) }", "Line 1: image-set() is not accepted in background."),
        ("a { background: linear-gradient(red, url(x)) }", "Line 1: url() is not accepted in background."),
        (
            "a { color: var(--accent, url(x)) }",
            "Line 1: in color, var() needs the name of a variable that can be set, and nothing else.",
        ),
        ("a { box-shadow: 0 0 0 var(--column) red }", "Line 1: --column is not a value of box-shadow."),
        ("a { font-family: var(--column) }", "Line 1: --column is not a value of font-family."),
        ("a { --accent: url(x) }", "Line 1: url() is not accepted in --accent."),
        ("a { --other: red }", "Line 1: --other is not among the properties that can be set."),
        ("a { color: u\\72l(x) }", "Line 1: escapes with a backslash are not accepted."),
        # scripts of old browsers
        ("a { width: expression(alert(1)) }", "Line 1: width is not among the properties that can be set."),
        ("a { color: expression(alert(1)) }", "Line 1: expression() is not accepted in color."),
        ("a { behavior: url(x.htc) }", "Line 1: behavior is not among the properties that can be set."),
        ("a { -moz-binding: url(x) }", "Line 1: -moz-binding is not among the properties that can be set."),
        # texts, places and hidden parts
        ("a::before { color: red }", "Line 1: ::before is not accepted in a selector."),
        ("a { content: 'Pay here' }", "Line 1: content is not among the properties that can be set."),
        ("a { list-style-type: 'Pay here' }", "Line 1: text in quotes is not accepted in list-style-type."),
        ("a { position: fixed }", "Line 1: position is not among the properties that can be set."),
        ("a { \\70osition: fixed }", "Line 1: escapes with a backslash are not accepted."),
        ("a { display: none }", "Line 1: display is not among the properties that can be set."),
        ("a { margin: -5px }", "Line 1: -5px is not accepted in margin (0 to 64 pixels, or as much in other units)."),
        ("a { padding: calc(1px * 9999) }", "Line 1: calc() is not accepted in padding."),
        (
            "a { box-shadow: 0 0 0 9999px red }",
            "Line 1: 9999px is not accepted in box-shadow (-40 to 40 pixels, or as much in other units).",
        ),
        ("a { padding: 50vw }", "Line 1: 50vw is not accepted in padding (units are px, pt, rem, em, ch)."),
        ("a { font-size: 2em }", "Line 1: 2em is not accepted in font-size (units are px, pt, rem)."),
        ("a { box-shadow: 0 0 0 2em red }", "Line 1: 2em is not accepted in box-shadow (units are px, pt)."),
        ("a { font-size: smaller }", "Line 1: smaller is not accepted in font-size."),
        ("a { font-size: LARGER }", "Line 1: LARGER is not accepted in font-size."),
        (":root { --body: larger }", "Line 1: larger is not accepted in --body."),
        ("a { font-size: 0 }", "Line 1: 0 is not accepted in font-size."),
        ("a { line-height: 0 }", "Line 1: 0 is not accepted in line-height (1 to 3)."),
        (
            "a { letter-spacing: 1e999px }",
            "Line 1: 1e999px is not accepted in letter-spacing (-1 to 16 pixels, or as much in other units).",
        ),
        # selectors and syntax
        ("input[value^=a] { color: red }", "Line 1: […] is not accepted in a selector."),
        ("iframe { color: red }", "Line 1: iframe is not among the elements that can be selected."),
        ("a/**/b { color: red }", "Line 1: b is not accepted right after another part of a selector."),
        ("a, { color: red }", "Line 1: a selector is missing."),
        ("> a { color: red }", "Line 1: a selector begins or ends with a combinator."),
        ("a { b { color: red } }", "Line 1: rules within rules are not accepted."),
        ("a { color }", "Line 1: this is not a declaration such as color: teal."),
        ("a { color: }", "Line 1: color has no value."),
        ("@media print { @media screen { a { color: red } } }", "Line 1: @media is not accepted here."),
        ("@media (script: enabled) { a { color: red } }", "Line 1: script is not accepted in @media."),
        ("color: red", "Line 1: this is not a rule such as a { color: teal }."),
        ("\n\n}", "Line 3: this is not a rule such as a { color: teal }."),
    ],
)
def test_what_could_load_cover_hide_or_add_anything_is_refused_with_its_line(css: str, problem: str) -> None:
    parsed = parse_css(css)
    assert (parsed.css, parsed.problems) == ("", (problem,))


def test_all_problems_are_found_and_the_first_ones_shown() -> None:
    parsed = parse_css("".join(f"a {{ color: red; top: {number}px }}\n" for number in range(8)))
    assert [problem[:7] for problem in parsed.problems] == [f"Line {line}:" for line in range(1, 9)]
    assert parsed.sentence.startswith("Line 1: top is not among the properties that can be set. Line 2: ")
    assert parsed.sentence.endswith("There are 3 more.")
    assert parsed.css == "a { color: red; }\n" * 8


@pytest.mark.parametrize(
    "css", ["(" * 10_000, "a{" * 5_000, "a:is(" * 2_000, "a{color:rgb(" + "rgb(" * 2_000, "@media " + "(" * 9_000 + "{a{}}"]
)
def test_deep_nesting_is_refused(css: str) -> None:
    parsed = parse_css(css)
    assert (parsed.css, len(parsed.problems)) == ("", 1)


_PIECES = st.sampled_from(
    [
        *("a", ".x", "#y", ":hover", "::before", ":is(", "[", "]", "{", "}", "(", ")", ";", ":", ",", "/", "*", "<!--", "-->", "/*", "*/"),
        *("color", "padding", "position", "--accent", "--x", "red", "fixed", "1px", "-9e9px", "50%", "0", "#fff", "!important", " ", "\n"),
        *("url(", "url(x)", "var(", "rgb(", "linear-gradient(", "@import", "@media", "print", "'", '"', "\\", "\0", "é", "u+1", "-", "."),
    ]
)


@given(st.lists(_PIECES, max_size=40).map("".join))
def test_whatever_is_typed_the_result_is_accepted_as_it_is(css: str) -> None:
    written = parse_css(css).css
    assert (parse_css(written).css, parse_css(written).problems) == (written, ())
    assert not any(word in written for word in ("url(", "@import", "position", "before", "\\", "<", "--x:"))


def test_the_example_of_the_documentation_is_accepted() -> None:
    _, _, rest = (Path(__file__).parents[2] / "docs" / "operate.md").read_text("utf-8").partition("```css\n")
    parsed = parse_css(rest.partition("```")[0])
    assert (parsed.css.count("\n"), parsed.problems) == (5, ())
