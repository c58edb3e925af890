"""View models of the administrators' pages about announcements. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from attrs import field, frozen

from microblog.model.announcements import Announcement, AnnouncementContent, AnnouncementDraft

PATH = "/admin/announcements"


@frozen
class AnnouncementsPage:
    """Drafts and published announcements, also ended ones, the newest first."""

    drafts: tuple[AnnouncementDraft, ...]
    published: tuple[Announcement, ...]
    now: datetime

    def state(self, announcement: Announcement) -> str:
        """Return a word about a published announcement."""
        return "Ended" if announcement.has_ended(self.now) else "Published"


@frozen
class AnnouncementForm:
    """The form of an announcement, as stored or as submitted; times as in a field of the type datetime-local, in UTC.

    `action` is the address that it is sent to. `published`: what is sent changes a published announcement.
    """

    action: str = PATH
    text: str = ""
    starts_at: str = ""
    ends_at: str = ""
    all_day: bool = False
    scheduled_at: str = ""
    email: bool = False
    published: bool = False
    errors: Mapping[str, str] = field(factory=dict)

    @classmethod
    def of_content(cls, content: AnnouncementContent, action: str) -> AnnouncementForm:
        """Return the form of a published announcement."""
        times = field_time(content.starts_at), field_time(content.ends_at)
        return cls(action, content.text, *times, content.all_day, published=True)

    @classmethod
    def of_draft(cls, draft: AnnouncementDraft, action: str) -> AnnouncementForm:
        """Return the form of a draft."""
        content = draft.content
        times = field_time(content.starts_at), field_time(content.ends_at)
        return cls(action, content.text, *times, content.all_day, field_time(draft.scheduled_at), draft.email)


def field_time(moment: datetime | None) -> str:
    """Return a time as the value of a field of the type datetime-local, in UTC; empty for None."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
