"""Translations of the e-mail texts: one file per language in templates/emails, with English as the fallback."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from attrs import frozen

from microblog.render.templates import templates

LANGUAGES = ("en", "de", "es", "fr")
_FALLBACK = "en"


@frozen
class EmailTranslations:
    """The texts of one language. `table` maps section and name to a text with placeholders, or to one text per plural form."""

    language: str
    table: Mapping[str, Mapping[str, Any]]

    def text(self, key: str) -> str:
        """Return the text of `section.name` with its placeholders. Raises KeyError if there is none."""
        section, _, name = key.partition(".")
        text: str = self.table[section][name]
        return text

    def number(self, key: str, count: int) -> str:
        """Return the text of `section.name` in the plural form for `count`, with the count inserted."""
        section, _, name = key.partition(".")
        forms: Mapping[str, str] = self.table[section][name]
        return forms["one" if count == 1 or (count == 0 and self.language == "fr") else "other"].format(count=count)

    def has(self, key: str) -> bool:
        """True if there is a text of this name."""
        section, _, name = key.partition(".")
        return name in self.table.get(section, {})

    def day(self, day: date) -> str:
        """Format a date."""
        return self.text("language.day").format(day=day.day, month=self._month(day), year=day.year)

    def moment(self, moment: datetime, zone: ZoneInfo) -> str:
        """Format a time in the time zone `zone`, to the minute."""
        there = moment.astimezone(zone)
        return self.text("language.moment").format(
            day=there.day, month=self._month(there), year=there.year, time=f"{there:%H:%M}", zone=there.tzname() or zone.key
        )

    def _month(self, day: date) -> str:
        months: list[str] = self.table["language"]["months"]
        return months[day.month - 1]


def translations_for(locale: str) -> EmailTranslations:
    """Return the translations for a language tag (RFC 5646), by its primary subtag."""
    primary = locale.partition("-")[0].lower()
    return _read(primary if primary in LANGUAGES else _FALLBACK)


@cache
def _read(language: str) -> EmailTranslations:
    text = (templates() / "emails" / f"{language}.toml").read_text("utf-8")
    return EmailTranslations(language, tomllib.loads(text))
