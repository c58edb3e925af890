"""Polls and drafts of polls."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.ids import PollId

NO_END = 9999
"""Year in which polls of other servers end that have no end."""
MAX_OPTIONS = 4
MIN_OPTIONS = 2
MAX_OPTION_LENGTH = 50  # characters
MIN_DURATION = 300  # seconds
MAX_DURATION = 2_629_746  # seconds, about a month


@frozen
class Poll:
    """A poll. `counts` are the votes of each option, `voters` is the number of accounts that voted.

    `multiple`: more than one option may be chosen. `hide_totals`: the counts are hidden until the poll ends.
    """

    id: PollId
    options: tuple[str, ...]
    counts: tuple[int, ...]
    voters: int
    multiple: bool
    hide_totals: bool
    expires_at: datetime

    @property
    def votes(self) -> int:
        """Votes for all options."""
        return sum(self.counts)

    @property
    def is_endless(self) -> bool:
        """True if voting never ends."""
        return self.expires_at.year >= NO_END

    def ended(self, now: datetime) -> bool:
        """True once voting has ended."""
        return self.expires_at <= now

    def shows_totals(self, now: datetime) -> bool:
        """True if the counts are visible."""
        return not self.hide_totals or self.ended(now)


@frozen
class PollDraft:
    """A poll to be created. `seconds` is its duration; None, in an edit, keeps the end."""

    options: tuple[str, ...]
    seconds: int | None = None
    multiple: bool = False
    hide_totals: bool = False
