"""What letters say, by language: one file for each in templates/emails. Where a language is missing it is English."""

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
    """One language. `table` maps section and name to a text with placeholders, or to one of each number."""

    language: str
    table: Mapping[str, Mapping[str, Any]]

    def text(self, key: str) -> str:
        """The text of `section.name`, its placeholders still empty. Raises KeyError where there is none."""
        section, _, name = key.partition(".")
        text: str = self.table[section][name]
        return text

    def number(self, key: str, count: int) -> str:
        """The same for a text that has a number in it."""
        section, _, name = key.partition(".")
        forms: Mapping[str, str] = self.table[section][name]
        return forms["one" if count == 1 or (count == 0 and self.language == "fr") else "other"].format(count=count)

    def has(self, key: str) -> bool:
        """True if there is such a text."""
        section, _, name = key.partition(".")
        return name in self.table.get(section, {})

    def day(self, day: date) -> str:
        """A day as people read it."""
        return self.text("language.day").format(day=day.day, month=self._month(day), year=day.year)

    def moment(self, moment: datetime, zone: ZoneInfo) -> str:
        """A time as the clocks of `zone` show it, to the minute."""
        there = moment.astimezone(zone)
        return self.text("language.moment").format(
            day=there.day, month=self._month(there), year=there.year, time=f"{there:%H:%M}", zone=there.tzname() or zone.key
        )

    def _month(self, day: date) -> str:
        months: list[str] = self.table["language"]["months"]
        return months[day.month - 1]


def translations_for(locale: str) -> EmailTranslations:
    """The phrases for a language tag (RFC 5646), by its primary subtag."""
    primary = locale.partition("-")[0].lower()
    return _read(primary if primary in LANGUAGES else _FALLBACK)


@cache
def _read(language: str) -> EmailTranslations:
    text = (templates() / "emails" / f"{language}.toml").read_text("utf-8")
    return EmailTranslations(language, tomllib.loads(text))
