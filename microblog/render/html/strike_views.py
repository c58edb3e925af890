"""View models of the pages about strikes and appeals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from microblog.model.moderation import AppealState, ModerationAction, Strike, StrikeDetails

ACTION_TEXTS = {
    ModerationAction.NONE: "Warning",
    ModerationAction.DISABLE: "Account disabled",
    ModerationAction.SENSITIVE: "All media marked as sensitive",
    ModerationAction.SILENCE: "Account limited",
    ModerationAction.SUSPEND: "Account suspended",
    ModerationAction.MARK_STATUSES_AS_SENSITIVE: "Media in posts marked as sensitive",
    ModerationAction.DELETE_STATUSES: "Posts deleted",
}
"""The names of moderation actions, for their owners and for moderators."""

APPEAL_TEXTS = {
    AppealState.PENDING: "You have appealed this decision. The moderators will answer by e-mail.",
    AppealState.APPROVED: "Your appeal was approved, and the decision was undone.",
    AppealState.REJECTED: "Your appeal was rejected.",
}


@frozen
class StrikePage:
    """A strike for its owner, with its posts. `action` is the address of the form of the appeal; empty if it cannot be appealed."""

    details: StrikeDetails
    action: str
    deadline: datetime
    text: str = ""
    errors: Mapping[str, str] = field(factory=dict)
    actions: Mapping[ModerationAction, str] = ACTION_TEXTS
    appeals: Mapping[AppealState, str] = APPEAL_TEXTS

    @property
    def strike(self) -> Strike:
        """The strike."""
        return self.details.strike


@frozen
class StrikesPage:
    """The viewer's own strikes."""

    strikes: tuple[Strike, ...]
    older: str | None = None
    actions: Mapping[ModerationAction, str] = ACTION_TEXTS


@frozen
class AppealsPage:
    """Strikes with an appeal that waits, with the posts that they are about, for moderators."""

    appeals: tuple[StrikeDetails, ...]
    older: str | None = None
    actions: Mapping[ModerationAction, str] = ACTION_TEXTS
