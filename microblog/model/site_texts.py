"""What whoever runs the site says about it in texts of their own."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import frozen


@frozen
class TextPage:
    """A text as safe HTML, and when it was last changed."""

    html: str
    updated_at: datetime


PRIVACY = TextPage(
    "<p>What you write, whom you follow, and your e-mail address, until you delete them. There is no tracking, and no script or picture "
    "comes from elsewhere. Pages work without JavaScript.</p>",
    datetime(2026, 11, 21, tzinfo=UTC),
)


@frozen
class SiteTexts:
    """`rules` are plain text, each a sentence or two. `about` is what is said beyond the description."""

    rules: tuple[str, ...] = ()
    about: TextPage | None = None
    privacy: TextPage = PRIVACY


NO_TEXTS = SiteTexts()
