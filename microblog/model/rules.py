"""Rules of the site, which people agree to when they sign up and name in reports."""

from __future__ import annotations

from attrs import frozen

from microblog.model.ids import RuleId

MAX_TEXT = 300
MAX_HINT = 1_000
MAX_RULES = 100


@frozen
class Rule:
    """A rule. `hint` explains it. In a report, `text` is as it was then, and the id is 0 if it was not stored."""

    id: RuleId
    text: str
    hint: str = ""
