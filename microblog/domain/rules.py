"""Rules of the site: commands of administrators."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from attrs import asdict, frozen

from microblog.domain import audit, validation
from microblog.domain.site_settings import CurrentSiteSettings
from microblog.domain.text import post_text
from microblog.domain.validation import ValidationErrors
from microblog.model.accounts import Viewer
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import RuleId
from microblog.model.rules import MAX_HINT, MAX_RULES, MAX_TEXT, Rule, RuleText
from microblog.storage import events, rules
from microblog.storage.database import Cursor, Transactions


@frozen
class RuleAdmin:
    """The commands. Callers check permissions. All raise Forbidden if the rules are those of a file."""

    database: Transactions
    current: CurrentSiteSettings
    now: Callable[[], datetime]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force, in their order."""
        return self.current.settings.rules

    @property
    def source(self) -> str:
        """The name of the file whose rules are in force; empty if administrators can change them."""
        return self.current.fixed["rules"].source if "rules" in self.current.fixed else ""

    async def one(self, id: RuleId) -> Rule:
        """Return a rule. Raises NotFound."""
        return _found(await self.database.read(rules.current), id)

    async def add(self, text: str, hint: str, by: Viewer) -> None:
        """Add a rule at the end. Raises Invalid (fields text, hint)."""
        await self._run(partial(self._add, *_checked(text, hint), by))

    async def change(self, id: RuleId, text: str, hint: str, by: Viewer) -> None:
        """Change the words of a rule. Raises NotFound and Invalid (fields text, hint)."""
        await self._run(partial(self._update, id, *_checked(text, hint), by))

    async def translate(self, id: RuleId, language: str, text: str, hint: str, by: Viewer) -> None:
        """Set the words of a rule in a language (ISO 639). Raises NotFound and Invalid (fields language, text, hint)."""
        await self._run(partial(self._translate, id, validation.language(language), RuleText(*_checked(text, hint)), by))

    async def delete_translation(self, id: RuleId, language: str, by: Viewer) -> None:
        """Delete the words of a rule in a language. Raises NotFound."""
        await self._run(partial(self._translate, id, language, None, by))

    async def move(self, id: RuleId, by: Viewer, *, up: bool) -> None:
        """Move a rule up or down by one place, unless it is the first or last. Raises NotFound."""
        await self._run(partial(self._move, id, -1 if up else 1, by))

    async def delete(self, id: RuleId, by: Viewer) -> None:
        """Delete a rule; reports keep it. Raises NotFound."""
        await self._run(partial(self._delete, id, by))

    async def _run(self, command: Callable[[Cursor], None]) -> None:
        if self.source:
            raise Forbidden(f"The rules are those of {self.source}.")
        await self.database.run(command)
        await self.current.read()

    def _add(self, text: str, hint: str, by: Viewer, cursor: Cursor) -> None:
        rules.lock(cursor)
        if len(rules.current(cursor)) >= MAX_RULES:
            raise Invalid({"text": f"There can be up to {MAX_RULES} rules"}, codes={"text": "ERR_TOO_MANY"})
        id = rules.insert(cursor, text=text, hint=hint, now=self.now())
        self._record(cursor, AuditAction.RULE_CREATE, Rule(id, text, hint), by)

    def _update(self, id: RuleId, text: str, hint: str, by: Viewer, cursor: Cursor) -> None:
        rules.lock(cursor)
        before = _found(rules.current(cursor), id)
        if (before.text, before.hint) != (text, hint):
            rules.update(cursor, id=id, text=text, hint=hint, now=self.now())
            after = {"text": text, "hint": hint}
            self._record(cursor, AuditAction.RULE_UPDATE, before, by, after=after)

    def _translate(self, id: RuleId, language: str, words: RuleText | None, by: Viewer, cursor: Cursor) -> None:
        rules.lock(cursor)
        rule = _found(rules.current(cursor), id)
        before = rule.translations.get(language)
        if words is None and before is None:
            raise NotFound
        if words != before:
            rules.set_translation(cursor, id=id, language=language, words=words, now=self.now())
            facts = {name: None if each is None else asdict(each) for name, each in (("before", before), ("after", words))}
            self._record(cursor, AuditAction.RULE_UPDATE, rule, by, language=language, **facts)

    def _move(self, id: RuleId, step: int, by: Viewer, cursor: Cursor) -> None:
        rules.lock(cursor)
        found = rules.current(cursor)
        rule = _found(found, id)
        place = found.index(rule) + step
        if 0 <= place < len(found):
            rules.swap(cursor, one=id, other=found[place].id)
            self._record(cursor, AuditAction.RULE_MOVE, rule, by, before=place - step + 1, after=place + 1)

    def _delete(self, id: RuleId, by: Viewer, cursor: Cursor) -> None:
        rules.lock(cursor)
        rule = _found(rules.current(cursor), id)
        rules.mark_deleted(cursor, id=id, now=self.now())
        self._record(cursor, AuditAction.RULE_DELETE, rule, by)

    def _record(self, cursor: Cursor, action: AuditAction, rule: Rule, by: Viewer, **facts: object) -> None:
        """Record an act, with the words of the rule before it, and tell all processes."""
        entry = AuditEntry(action, by.id, str(rule.id), rule.id, text=rule.text, facts={"hint": rule.hint, **facts})
        audit.record(cursor, entry, self.now())
        events.record(cursor, EventKind.SITE_SETTINGS_CHANGED, at=self.now())


def _checked(text: str, hint: str) -> tuple[str, str]:
    errors = ValidationErrors()
    cleaned = errors.collect(lambda: validation.limited(text, MAX_TEXT, "text").strip(), text)
    cleaned_hint = errors.collect(lambda: validation.limited(hint, MAX_HINT, "hint").strip(), hint)
    if post_text.is_blank(cleaned):
        errors.add("text", "Text can't be blank", "ERR_BLANK")
    errors.raise_if_any()
    return cleaned, cleaned_hint


def _found(known: list[Rule], id: RuleId) -> Rule:
    for rule in known:
        if rule.id == id:
            return rule
    raise NotFound
