"""Polls, and what somebody wants to ask."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.ids import PollId

MAX_OPTIONS = 4
MIN_OPTIONS = 2
MAX_OPTION_LENGTH = 50  # characters
MIN_DURATION = 300  # seconds
MAX_DURATION = 2_629_746


@frozen
class Poll:
    """A question with answers to choose from. `counts` are the ticks of each option, `voters` the people who voted.

    With `multiple`, somebody may choose several; with `hide_totals`, nobody sees the counts before the end.
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
        """All ticks."""
        return sum(self.counts)

    def ended(self, now: datetime) -> bool:
        """True once nobody can vote any more."""
        return self.expires_at <= now

    def shows_totals(self, now: datetime) -> bool:
        """True if the counts may be seen."""
        return not self.hide_totals or self.ended(now)


@frozen
class PollDraft:
    """What somebody wants to ask. `seconds` is how long; None, in an edit, leaves the end where it is."""

    options: tuple[str, ...]
    seconds: int | None = None
    multiple: bool = False
    hide_totals: bool = False
