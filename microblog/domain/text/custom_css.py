"""Custom CSS of administrators: a safe subset, parsed by tinycss2 and written anew from its tokens.

It can change colours, fonts, borders, shadows and spacing, and so make texts unreadable. It cannot load anything, add or replace texts,
move an element over others, or remove one. Everything is decided by allow-lists of what tokens mean, whose escapes are decoded by then:
properties with the numbers and units that suit them, functions, selectors without attributes, and `@media`. Whatever is not on a list is
refused. Pure.

No library is used for that beside the parser: bleach and nh3 sanitize the declarations of a style attribute, without selectors, at-rules or
bounds of values, and of a refused part they give no line. Each release checks the typed text again, so that a list that became stricter
holds for text that was stored before.

Grammar: CSS Syntax Module Level 3, https://www.w3.org/TR/css-syntax-3/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from math import isfinite

import tinycss2
from attrs import define, field, frozen
from tinycss2 import ast

from microblog.domain.text.css_properties import (
    ANGLES,
    COLOUR_FUNCTIONS,
    COLOUR_PARTS,
    GRADIENT_FUNCTIONS,
    GRADIENT_PARTS,
    MULTIPLYING_WORDS,
    PIXELS,
    PROPERTIES,
    Allowed,
)

MAX_PROBLEMS = 5
_ELEMENTS = frozenset(
    {
        *("html", "body", "header", "nav", "main", "aside", "footer", "section", "article", "div", "span", "p", "a"),
        *("form", "fieldset", "legend", "label", "input", "textarea", "select", "button", "details", "summary"),
        *(
            "h1",
            "h2",
            "h3",
            "ul",
            "ol",
            "li",
            "dl",
            "dt",
            "dd",
            "table",
            "caption",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "figure",
            "figcaption",
            "blockquote",
        ),
        *("small", "strong", "em", "b", "i", "bdi", "time", "code", "pre", "kbd", "img", "svg", "video", "audio"),
    }
)
_PSEUDO_CLASSES = frozenset(
    {
        *("root", "link", "visited", "hover", "active", "focus", "focus-visible", "focus-within"),
        *("first-child", "last-child", "only-child", "checked", "disabled", "enabled"),
    }
)
_PSEUDO_FUNCTIONS = frozenset({"is", "not", "where"})
_PSEUDO_ELEMENTS = frozenset({"placeholder", "selection", "marker"})
_COMBINATORS = frozenset({">", "+", "~"})
_MEDIA_WORDS = frozenset(
    {
        *("all", "screen", "print", "and", "or", "not", "only", "width", "min-width", "max-width", "orientation", "portrait", "landscape"),
        *("prefers-color-scheme", "light", "dark", "prefers-contrast", "more", "less", "forced-colors", "active", "none"),
        *("prefers-reduced-motion", "reduce", "no-preference"),
    }
)
_MAX_DEPTH = 4  # of functions within functions


@frozen
class ParsedCss:
    """The rules that are accepted, as CSS, and sentences about all others, in the order of their lines."""

    css: str
    problems: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The first problems as one text; empty if there are none."""
        more = len(self.problems) - MAX_PROBLEMS
        further = [f"There are {more} more."] if more > 0 else []
        return " ".join([*self.problems[:MAX_PROBLEMS], *further])


class _Refusal(Exception):
    """A sentence about a part that is refused, and its line."""

    def __init__(self, node: ast.Node, sentence: str) -> None:
        super().__init__(sentence)
        self.line = node.source_line


@lru_cache(4)
def parse_css(text: str) -> ParsedCss:
    """Check CSS as typed. What is refused is left out. The same object for the same text, while it is among the last ones."""
    if "\\" in text:
        line = text[: text.index("\\")].count("\n") + 1
        return ParsedCss("", (f"Line {line}: escapes with a backslash are not accepted.",))
    reader = _Reader()
    nodes = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
    css = reader.rules(nodes, reader.top_rule)
    return ParsedCss(css, tuple(reader.problems))


@define
class _Reader:
    """Writes rules anew and collects the problems of others."""

    problems: list[str] = field(factory=list)

    def rules(self, nodes: Iterable[ast.Node], read: Callable[[ast.Node], str]) -> str:
        """Return the accepted rules."""
        return "".join([self._attempt(read, node) for node in nodes])

    def _attempt(self, read: Callable[[ast.Node], str], node: ast.Node) -> str:
        try:
            return read(node)
        except _Refusal as refusal:
            self.problems.append(f"Line {refusal.line}: {refusal}.")
            return ""

    def top_rule(self, node: ast.Node) -> str:
        """Return a rule, or a rule @media with rules in it, written anew."""
        if not isinstance(node, ast.AtRule) or node.lower_at_keyword != "media":
            return self.style_rule(node)
        if node.content is None:
            raise _Refusal(node, "@media has no rules")
        condition = _media_condition(node.prelude)
        inner = self.rules(tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True), self.style_rule)
        return f"@media {condition} {{\n{inner}}}\n" if inner else ""

    def style_rule(self, node: ast.Node) -> str:
        """Return a rule with those of its declarations that are accepted, written anew."""
        if isinstance(node, ast.AtRule):
            raise _Refusal(node, f"@{_shown(node.at_keyword)} is not accepted here")
        if not isinstance(node, ast.QualifiedRule):
            raise _Refusal(node, "this is not a rule such as a { color: teal }")
        selectors = _selectors(node.prelude, node)
        declarations = tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
        accepted = [css for each in declarations if (css := self._attempt(_declaration, each))]
        return f"{selectors} {{ {' '.join(accepted)} }}\n" if accepted else ""


# --- Selectors


def _selectors(tokens: Sequence[ast.Node], rule: ast.Node, depth: int = 0) -> str:
    """Return a list of selectors, written anew."""
    parts: list[list[ast.Node]] = [[]]
    for token in tokens:
        if _text(token) == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return ", ".join(_selector(part, rule, depth) for part in parts)


def _selector(tokens: Sequence[ast.Node], rule: ast.Node, depth: int) -> str:
    """Return a selector such as `.card > a:hover`, written anew."""
    written, rest = list[str](), _trimmed(tokens)
    if not rest:
        raise _Refusal(tokens[0] if tokens else rule, "a selector is missing")
    if _text(rest[0]) in _COMBINATORS or _text(rest[-1]) in _COMBINATORS:
        raise _Refusal(rest[0], "a selector begins or ends with a combinator")
    following = iter(rest)
    for token in following:
        is_type = isinstance(token, ast.IdentToken) or _text(token) == "*"
        if is_type and written and written[-1] not in {" ", *_COMBINATORS}:  # as after a comment, which is left out
            raise _Refusal(token, f"{_kind(token)} is not accepted right after another part of a selector")
        written.append(_simple_selector(token, following, depth))
    return "".join(written)


def _simple_selector(token: ast.Node, following: Iterator[ast.Node], depth: int) -> str:
    """Return a part of a selector, for which it takes as many tokens as belong to it."""
    if isinstance(token, ast.WhitespaceToken):
        return " "
    if isinstance(token, ast.IdentToken):
        if token.lower_value in _ELEMENTS:
            return token.lower_value
        raise _Refusal(token, f"{_shown(token.value)} is not among the elements that can be selected")
    if isinstance(token, ast.HashToken) and token.is_identifier:
        return f"#{tinycss2.serialize_identifier(token.value)}"
    text = _text(token)
    if text in _COMBINATORS or text == "*":
        return text
    if text == ".":
        name = next(following, None)
        if isinstance(name, ast.IdentToken):
            return f".{tinycss2.serialize_identifier(name.value)}"
    if text == ":":
        return _pseudo(token, following, depth)
    raise _Refusal(token, f"{_kind(token)} is not accepted in a selector")


def _pseudo(colon: ast.Node, following: Iterator[ast.Node], depth: int) -> str:
    """Return a pseudo-class or pseudo-element after its first colon."""
    name = next(following, None)
    if isinstance(name, ast.IdentToken) and name.lower_value in _PSEUDO_CLASSES:
        return f":{name.lower_value}"
    if isinstance(name, ast.FunctionBlock) and name.lower_name in _PSEUDO_FUNCTIONS and depth < _MAX_DEPTH:
        return f":{name.lower_name}({_selectors(name.arguments, name, depth + 1)})"
    colons = ":"
    if name is not None and _text(name) == ":":
        name, colons = next(following, None), "::"
        if isinstance(name, ast.IdentToken) and name.lower_value in _PSEUDO_ELEMENTS:
            return f"::{name.lower_value}"
    shown = "" if name is None else _shown(getattr(name, "name", None) or _text(name))
    raise _Refusal(name or colon, f"{colons}{shown} is not accepted in a selector")


# --- Declarations


def _declaration(node: ast.Node) -> str:
    """Return a declaration such as `color: teal;`, written anew."""
    if isinstance(node, (ast.QualifiedRule, ast.AtRule)):
        raise _Refusal(node, "rules within rules are not accepted")
    if not isinstance(node, ast.Declaration):
        raise _Refusal(node, "this is not a declaration such as color: teal")
    name = node.name if node.name.startswith("--") else node.lower_name
    allowed = PROPERTIES.get(name)
    if allowed is None:
        raise _Refusal(node, f"{_shown(node.name)} is not among the properties that can be set")
    tokens = _trimmed(node.value)
    if not tokens:
        raise _Refusal(node, f"{name} has no value")
    value = _value(tokens, name, allowed, 0)
    return f"{name}: {value}{' !important' if node.important else ''};"


def _value(tokens: Iterable[ast.Node], name: str, allowed: Allowed, depth: int) -> str:
    """Return a value of the property, written anew."""
    written = list[ast.Node]()
    for token in tokens:
        if isinstance(token, ast.FunctionBlock):
            _check_function(token, name, allowed, depth)
        elif not _is_plain(token, allowed):
            raise _Refusal(token, f"{_kind(token)} is not accepted in {name}{_hint(token, allowed)}")
        written.append(token)
    return " ".join(tinycss2.serialize(written).split())


def _check_function(function: ast.FunctionBlock, name: str, allowed: Allowed, depth: int) -> None:
    """Raise _Refusal unless the function, with its arguments, may be in a value of the property."""
    if function.lower_name == "var":
        _check_variable(function, name, allowed)
    elif function.lower_name in COLOUR_FUNCTIONS and depth < _MAX_DEPTH:
        _value(_trimmed(function.arguments), name, COLOUR_PARTS, depth + 1)
    elif function.lower_name in GRADIENT_FUNCTIONS and allowed.gradients and depth < _MAX_DEPTH:
        _value(_trimmed(function.arguments), name, GRADIENT_PARTS, depth + 1)
    else:
        raise _Refusal(function, f"{_shown(function.name)}() is not accepted in {name}")


def _check_variable(function: ast.FunctionBlock, name: str, allowed: Allowed) -> None:
    """Raise _Refusal unless all that a variable can be would be accepted in its place."""
    match _trimmed(function.arguments):
        case [ast.IdentToken(value=variable)] if variable.startswith("--") and variable in PROPERTIES:
            if not PROPERTIES[variable].fits(allowed):
                raise _Refusal(function, f"{variable} is not a value of {name}")
        case _:
            raise _Refusal(function, f"in {name}, var() needs the name of a variable that can be set, and nothing else")


def _is_plain(token: ast.Node, allowed: Allowed) -> bool:
    """Return True if a token without others in it may be in a value."""
    if isinstance(token, ast.IdentToken):
        return not token.value.startswith("--") and token.lower_value not in MULTIPLYING_WORDS
    if isinstance(token, (ast.NumberToken, ast.PercentageToken, ast.DimensionToken)):
        return isfinite(token.value) and len(token.representation) <= 12 and _is_within(token, allowed)
    if isinstance(token, ast.StringToken):
        return allowed.strings
    return isinstance(token, (ast.WhitespaceToken, ast.HashToken)) or _text(token) in {",", "/"}


def _is_within(token: ast.NumberToken | ast.PercentageToken | ast.DimensionToken, allowed: Allowed) -> bool:
    if isinstance(token, ast.DimensionToken):
        if token.lower_unit in ANGLES:
            return True
        low, high = allowed.pixels
        return token.lower_unit in allowed.units and low <= token.value * PIXELS[token.lower_unit] <= high
    bounds = allowed.percent if isinstance(token, ast.PercentageToken) else allowed.number
    return bounds[0] <= token.value <= bounds[1] or (token.value == 0 and allowed.pixels[0] <= 0 <= allowed.pixels[1])


# --- Conditions of @media


def _media_condition(tokens: Sequence[ast.Node]) -> str:
    """Return the condition of a rule @media, written anew."""
    trimmed = _trimmed(tokens)
    _check_media(trimmed, 0)
    return " ".join(tinycss2.serialize(trimmed).split())


def _check_media(tokens: Iterable[ast.Node], depth: int) -> None:
    for token in tokens:
        if isinstance(token, ast.ParenthesesBlock) and depth < _MAX_DEPTH:
            _check_media(token.content, depth + 1)
        elif not _is_condition(token):
            raise _Refusal(token, f"{_kind(token)} is not accepted in @media")


def _is_condition(token: ast.Node) -> bool:
    if isinstance(token, ast.IdentToken):
        return token.lower_value in _MEDIA_WORDS
    if isinstance(token, ast.DimensionToken):
        return token.lower_unit in PIXELS and isfinite(token.value)
    return isinstance(token, ast.WhitespaceToken) or _text(token) in {":", ",", "<", ">", "="}


# --- Tokens


def _trimmed(tokens: Sequence[ast.Node]) -> Sequence[ast.Node]:
    """Return the tokens without white space before and after them."""
    significant = [place for place, token in enumerate(tokens) if not isinstance(token, ast.WhitespaceToken)]
    return tokens[significant[0] : significant[-1] + 1] if significant else []


def _text(token: ast.Node) -> str:
    """Return the text of a literal, or the value of an identifier; empty for others."""
    return token.value if isinstance(token, (ast.LiteralToken, ast.IdentToken)) else ""


def _shown(text: str) -> str:
    """Return a name from the typed text as sentences show it."""
    return text if len(text) <= 40 else f"{text[:40]}…"


def _kind(token: ast.Node) -> str:
    """Return what a sentence about a refused token calls it."""
    if isinstance(token, ast.URLToken):
        return "url()"
    if isinstance(token, ast.FunctionBlock):
        return f"{_shown(token.name)}()"
    if isinstance(token, (ast.NumberToken, ast.PercentageToken, ast.DimensionToken)):
        unit = {"percentage": "%"}.get(token.type, getattr(token, "unit", ""))
        return _shown(f"{token.representation}{unit}")
    if isinstance(token, ast.SquareBracketsBlock):
        return "[…]"
    if isinstance(token, ast.StringToken):
        return "text in quotes"
    if isinstance(token, ast.ParseError):
        return "an unfinished part"
    return _shown(_text(token)) or "{…} or (…)"


def _hint(token: ast.Node, allowed: Allowed) -> str:
    """Return what else could be there, for numbers that are out of bounds."""
    if isinstance(token, ast.DimensionToken):
        if token.lower_unit not in allowed.units:
            return f" (units are {', '.join(allowed.units)})"
        low, high = allowed.pixels
        return f" ({low:g} to {high:g} pixels, or as much in other units)" if low < high else ""
    if isinstance(token, (ast.NumberToken, ast.PercentageToken)):
        low, high = allowed.percent if isinstance(token, ast.PercentageToken) else allowed.number
        return f" ({low:g} to {high:g})" if low < high else ""
    return ""
