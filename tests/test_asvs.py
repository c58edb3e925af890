"""Tests that docs/asvs.md answers each requirement of ASVS 5.0.0, levels 1 and 2, once."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"\| ([0-9.]+) \| ([123]) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|")
STATES = {"met", "not applicable", "deviation"}
MAX_WORDS = 6  # of the subject, which is not the standard's sentence
EVIDENCE = re.compile(r"`(?P<path>[\w./-]+/[\w./-]*|[\w-]+\.\w+)`|\]\((?P<link>[\w.]+\.md)")


@frozen
class Requirement:
    """A row of the tables."""

    id: str
    level: str
    subject: str
    state: str
    answer: str


def requirements() -> list[Requirement]:
    """Return all rows of the tables, in the order of the document."""
    lines = (ROOT / "docs" / "asvs.md").read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and line[2].isdigit()]
    matches = [ROW.fullmatch(row) for row in rows]
    assert [row for row, match in zip(rows, matches, strict=True) if match is None] == []
    return [Requirement(*match.groups()) for match in matches if match is not None]


def levels() -> list[tuple[str, str]]:
    """Return id and level of each requirement, in the order of the standard."""
    with (ROOT / "tests" / "asvs_levels.csv").open(encoding="utf-8") as file:
        return [(row["id"], row["level"]) for row in csv.DictReader(line for line in file if not line.startswith("#"))]


def test_every_requirement_of_levels_1_and_2_is_answered_once_and_in_order() -> None:
    assert Counter(level for _, level in levels()) == {"1": 70, "2": 183}
    assert [(one.id, one.level) for one in requirements()] == levels()


def test_every_answer_has_a_state_a_short_subject_and_a_text() -> None:
    wrong = [
        one.id
        for one in requirements()
        if one.state not in STATES or not 1 <= len(one.subject.split()) <= MAX_WORDS or not re.search(r"\w.*[.]$", one.answer)
    ]
    assert wrong == []


def test_what_is_met_names_a_file_or_page_that_exists() -> None:
    missing = []
    for one in requirements():
        named = [match["path"] or f"docs/{match['link']}" for match in EVIDENCE.finditer(one.answer)]
        found = [path for path in named if any((ROOT / start / path).exists() for start in ("", "microblog"))]
        if one.state == "met" and not found:
            missing.append(one.id)
    assert missing == []
