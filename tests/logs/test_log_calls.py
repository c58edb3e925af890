"""Lint: every log call is a sentence with documented fields, and formats nothing secret."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from functools import cache

import pytest
from attrs import frozen

from microblog.logs.context import LogContext
from microblog.logs.field_names import ALWAYS, FIELDS
from tests.test_architecture import MODULES, ROOT, nodes, tree

LEVELS = {"debug", "info", "warn", "error", "failure", "critical"}
EXCEPTIONS = {"failure", "log_failure"}  # Twisted's names for an exception with its traceback
SECRET = re.compile(r"passw|secret|token|cookie|csrf|credential|authorization|dsn|query|uri\b|body|payload|otp\b|private|cipher|session")
CONTEXT = {name for name, _ in LogContext("0f3c-12", 1, "route", 2, "kind").known()}


@frozen
class Call:
    """A call of a logger: where, its sentence (None if that is not a constant) and its arguments."""

    place: str
    sentence: str | None
    node: ast.Call

    @property
    def keywords(self) -> dict[str | None, ast.expr]:
        """Return the arguments by name; None stands for `**`."""
        return {keyword.arg: keyword.value for keyword in self.node.keywords}

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the call."""
        if self.sentence is None:
            yield "the sentence is not a constant"
            return
        fields = [(name, convert) for _, name, _, convert in string.Formatter().parse(self.sentence) if name is not None]
        given = {name for name in self.keywords if name is not None}
        yield from (f"{name} is not documented" for name in given - set(FIELDS) - EXCEPTIONS)
        yield from (f"{name} is not given" for name, _ in fields if name not in given)
        yield from (f"{name} is logged as a Python value" for name, convert in fields if convert)
        yield from (f"{name} may be secret" for name in self._names() if SECRET.search(name.lower()))

    def _names(self) -> Iterator[str]:
        """Yield the last names of everything that the arguments show."""
        for value in self.keywords.values():
            for node in ast.walk(value):
                if isinstance(node, (ast.Name, ast.Attribute)):
                    yield node.id if isinstance(node, ast.Name) else node.attr


def calls_in(module: ast.Module, place: str) -> Iterator[Call]:
    """Yield all calls of loggers in a module."""
    constants = {
        target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="_log"), attr=level), args=args) if level in LEVELS:
                first = args[0] if args else None
                value = constants.get(first.id) if isinstance(first, ast.Name) else getattr(first, "value", None)
                yield Call(f"{place}:{node.lineno}", value if isinstance(value, str) else None, node)


@cache
def _calls() -> list[Call]:
    found: list[Call] = []
    for path in MODULES:
        found += calls_in(tree(path), path.relative_to(ROOT).as_posix())
    return found


def test_every_log_call_is_a_sentence_with_documented_fields_and_nothing_secret() -> None:
    calls = _calls()
    assert [f"{call.place}: {problem}" for call in calls for problem in call.problems()] == []
    assert len(calls) > 50


def test_every_logger_is_called_by_its_name() -> None:
    """A logger under another name, or passed on, would escape the check above."""
    others = []
    for path in MODULES:
        called = {id(node.func.value) for node in nodes(path) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
        declared = {id(each.value) for each in tree(path).body if isinstance(each, ast.Assign) and _is_log(each.targets)}
        for node in nodes(path):
            match node:
                case ast.Call(func=ast.Name(id="Logger")) if id(node) not in declared:
                    others.append(f"{path}:{node.lineno}")
                case ast.Name(id="_log", ctx=ast.Load()) if id(node) not in called:
                    others.append(f"{path}:{node.lineno}")
    assert others == []


def _is_log(targets: list[ast.expr]) -> bool:
    return [target.id for target in targets if isinstance(target, ast.Name)] == ["_log"]


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ('_log.info(f"{name} logged in")', "the sentence is not a constant"),
        ('_log.info("Hello {name}", name=name)', "name is not documented"),
        ('_log.info("Hello {host}")', "host is not given"),
        ('_log.info("Hello {host!r}", host=host)', "host is logged as a Python value"),
        ('_log.info("Hello {host}", host=request.access_token)', "access_token may be secret"),
        ('_log.info("Hello {host}", host=f"{password}")', "password may be secret"),
        ('_log.info("Hello {host}", host=request.incoming.query)', "query may be secret"),
    ],
)
def test_a_bad_log_call_is_detected(call: str, problem: str) -> None:
    assert problem in [found for each in calls_in(ast.parse(call), "example") for found in each.problems()]


def test_the_fields_of_every_event_are_documented() -> None:
    text = (ROOT / "docs" / "logs.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text.partition("## Fields")[2].partition("\n#")[0], re.MULTILINE))
    assert rows == {**ALWAYS, **FIELDS}
    assert set(FIELDS) >= CONTEXT


def test_every_documented_event_is_logged_and_every_logged_event_documented() -> None:
    text = (ROOT / "docs" / "logs.md").read_text("utf-8").partition("## Events")[2].partition("\n#")[0]
    given = [call.keywords.get("event") for call in _calls()]
    logged = {value.value for value in given if isinstance(value, ast.Constant)}
    assert {*logged, "request"} == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))  # web/http/access_lines.py has "request"
