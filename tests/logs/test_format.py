"""Tests of log events as lines of text and of JSON."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from twisted.logger import FileLogObserver, Logger, LogPublisher
from twisted.python.failure import Failure

from microblog.logs.context import LogContext, log_context
from microblog.logs.field_names import ALWAYS, FIELDS
from microblog.logs.format import LogFormat, json_line, redacted, stack_of, text_line
from microblog.model.jobs import JobState


class Written:
    """A logger of the site whose events are kept as text and as JSON."""

    def __init__(self) -> None:
        self.text, self.json = io.StringIO(), io.StringIO()
        publisher = LogPublisher(FileLogObserver(self.text, text_line), FileLogObserver(self.json, json_line))
        self.log = Logger("microblog.example", observer=publisher)
        self.other = Logger("library.example", observer=publisher)

    @property
    def entry(self) -> dict[str, Any]:
        """Return the last event, read as one line of JSON."""
        loaded: dict[str, Any] = json.loads(self.json.getvalue().splitlines()[-1])
        return loaded


@pytest.fixture
def written() -> Written:
    return Written()


@contextmanager
def in_request() -> Iterator[None]:
    token = log_context.set(LogContext("0f3c-12", 7, "TimelinePages.home"))
    yield
    log_context.reset(token)


def test_an_event_is_one_line_of_json_with_its_fields(written: Written) -> None:
    written.log.warn("Job {job_id} failed\nat last", job_id=5, job_kind=JobState.DEAD)
    entry = written.entry
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
    expected = {"level": "warn", "logger": "microblog.example", "message": "Job 5 failed\nat last", "job_id": 5, "job_kind": "dead"}
    assert entry == expected
    assert written.json.getvalue().count("\n") == 1


def test_an_event_has_the_ids_of_its_request(written: Written) -> None:
    with in_request():
        written.log.info("Something happened")
    assert {name: written.entry[name] for name in ("request_id", "user_id", "route")} == {
        "request_id": "0f3c-12",
        "user_id": 7,
        "route": "TimelinePages.home",
    }
    assert written.text.getvalue().endswith("[microblog.example#info] Something happened [request_id=0f3c-12 user_id=7]\n")


def test_a_sentence_that_has_the_id_is_not_followed_by_it(written: Written) -> None:
    with in_request():
        written.log.info("Request {request_id} failed", request_id="0f3c-12")
    assert written.text.getvalue().endswith("Request 0f3c-12 failed [user_id=7]\n")


def test_fields_of_libraries_and_unknown_fields_are_left_out(written: Written) -> None:
    written.other.info("Text", path="/x", host=object())
    assert set(written.entry) == set(ALWAYS)
    written.log.info("Text", something=1)
    assert set(written.entry) == set(ALWAYS)
    assert "something" not in FIELDS


def test_a_failure_has_its_class_and_traceback_without_values(written: Written) -> None:
    password = "hunter2" * 2
    try:
        int(f"x{len(password)}")
    except ValueError:
        written.log.failure("It failed", failure=Failure())
    assert written.entry["exception"] == "ValueError"
    assert 'int(f"x{len(password)}")' in written.entry["traceback"]
    assert password not in written.json.getvalue() + written.text.getvalue()
    assert "\n\tTraceback" in written.text.getvalue()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://a.example/x?access_token=canary&b=1 failed", "GET https://a.example/x?... failed"),
        ("/confirm?token=canary", "/confirm?..."),
        ("smtp://ada:canary@mail.example:587", "smtp://...@mail.example:587"),
        ("postgresql://:canary@/x", "postgresql://...@/x"),
        ("Authorization: Bearer canary-canary", "Authorization: Bearer ..."),
        ("authorization=b'Basic Y2FuYXJ5OmNhbmFyeQ=='", "authorization=b'Basic ...'"),
        ("Is it there? yes=no", "Is it there? yes=no"),
        ("2 > 1 ? a=b", "2 > 1 ? a=b"),
    ],
)
def test_secrets_in_texts_of_others_are_left_out(text: str, expected: str, written: Written) -> None:
    assert redacted(text) == expected
    written.log.warn("{reason}", reason=text)
    assert written.entry["message"] == written.entry["reason"] == expected


def test_an_event_without_text_is_no_line(written: Written) -> None:
    written.log.info("")
    assert written.json.getvalue() == written.text.getvalue() == ""


def test_a_stack_names_lines_of_code_and_no_values() -> None:
    canary = "canary"
    stack = stack_of(sys._getframe())
    assert "test_a_stack_names_lines_of_code_and_no_values" in stack.splitlines()[-2]
    assert canary.upper() not in stack
    assert LogFormat("json") is LogFormat.JSON
