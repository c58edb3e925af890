"""Rules of the site, which people agree to when they sign up and name in reports."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.ids import RuleId

MAX_TEXT = 300
MAX_HINT = 1_000
MAX_RULES = 100


@frozen
class RuleText:
    """The words of a rule. `hint` explains it."""

    text: str
    hint: str = ""


@frozen
class Rule:
    """A rule. `translations` by language (ISO 639). In a report, `text` is as it was then, and the id is 0 if it was not stored."""

    id: RuleId
    text: str
    hint: str = ""
    translations: Mapping[str, RuleText] = field(factory=dict, hash=False)

    def in_language(self, language: str) -> RuleText:
        """Return the words in a language, or the original ones."""
        return self.translations.get(language) or RuleText(self.text, self.hint)
