"""Texts of the administrator about the site: rules, about page, privacy policy."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import frozen

from microblog.model.rules import Rule


@frozen
class TextPage:
    """A text as sanitized HTML with the time of its last change."""

    html: str
    updated_at: datetime


DEFAULT_PRIVACY = TextPage(
    "<p>This site stores what you post, who you follow, and your e-mail address, until you delete them. There is no tracking, and no "
    "script or image is loaded from other sites. Pages work without JavaScript.</p>",
    datetime(2026, 11, 21, tzinfo=UTC),
)


@frozen
class SiteTexts:
    """Texts of the site. `rules` are in their order; `about` extends the description."""

    rules: tuple[Rule, ...] = ()
    about: TextPage | None = None
    privacy: TextPage = DEFAULT_PRIVACY

    @property
    def rule_languages(self) -> list[str]:
        """The languages (ISO 639) that at least one rule is translated into."""
        return sorted({language for rule in self.rules for language in rule.translations})


NO_TEXTS = SiteTexts()
