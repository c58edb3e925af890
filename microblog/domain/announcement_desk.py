"""Announcements on the administrators' pages: drafts, publication at a time, edits, and mail to all users."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from microblog.domain import announcements as published
from microblog.domain import audit
from microblog.domain.announcements import Announcements, entry
from microblog.model.accounts import Viewer
from microblog.model.announcements import Announcement, AnnouncementContent, AnnouncementDraft
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AnnouncementDraftId, AnnouncementId
from microblog.storage import announcement_drafts as drafts
from microblog.storage import announcements, jobs
from microblog.storage.database import Cursor, Transactions

PUBLISH = "announcement.publish"
EMAIL = "announcement.email"


@frozen
class DraftOptions:
    """The options of a draft: published by a job at `scheduled_at`, then mailed to all users if `email`."""

    scheduled_at: datetime | None = None
    email: bool = False


@frozen
class AnnouncementDesk:
    """The commands. Callers check permissions. Those that take a content raise Invalid (fields text, ends_at, scheduled_at)."""

    announcements: Announcements

    @property
    def database(self) -> Transactions:
        """The database."""
        return self.announcements.database

    def now(self) -> datetime:
        """Return the time."""
        return self.announcements.now()

    async def drafts(self) -> list[AnnouncementDraft]:
        """Return what is not published, the newest first."""
        return await self.database.read(drafts.everything)

    async def draft(self, id: AnnouncementDraftId) -> AnnouncementDraft:
        """Return a draft. Raises NotFound."""
        draft = await self.database.read(drafts.by_id, id=id)
        if draft is None:
            raise NotFound
        return draft

    async def one(self, id: AnnouncementId) -> Announcement:
        """Return a published announcement. Raises NotFound."""
        return await self.database.read(_published, id)

    async def save(self, content: AnnouncementContent, options: DraftOptions, by: Viewer, id: AnnouncementDraftId | None = None) -> None:
        """Store a new draft, or replace the draft `id`; with a time, schedule it. Raises NotFound too."""
        cleaned = self._checked(content, options)
        await self.database.run(self._save, cleaned, options, by, id)

    async def publish(self, content: AnnouncementContent, options: DraftOptions, by: Viewer, id: AnnouncementDraftId | None = None) -> None:
        """Publish now, in place of the draft `id`. Raises NotFound too."""
        await self.database.run(self._publish, published.checked(content, self.now()), options, by, id)

    async def publish_scheduled(self, id: AnnouncementDraftId) -> None:
        """Publish a draft whose time has come, for the job. Does nothing if it was published, deleted or put off meanwhile."""
        await self.database.run(self._publish_scheduled, id)

    async def change(self, id: AnnouncementId, content: AnnouncementContent, by: Viewer) -> None:
        """Change a published announcement, for all who see it at once. Raises NotFound too."""
        await self.database.run(self._change, id, published.checked(content, None), by)

    async def unpublish(self, id: AnnouncementId, by: Viewer) -> None:
        """Turn a published announcement into a draft. Who has read it is forgotten. Raises NotFound."""
        await self.database.run(self._unpublish, id, by)

    async def delete_draft(self, id: AnnouncementDraftId, by: Viewer) -> None:
        """Delete a draft. Raises NotFound."""
        await self.database.run(self._delete_draft, id, by)

    def _checked(self, content: AnnouncementContent, options: DraftOptions) -> AnnouncementContent:
        if options.scheduled_at is not None and options.scheduled_at <= self.now():
            raise Invalid({"scheduled_at": "The time of publication must be in the future"}, codes={"scheduled_at": "ERR_INVALID"})
        return published.checked(content, options.scheduled_at)

    def _save(
        self, cursor: Cursor, content: AnnouncementContent, options: DraftOptions, by: Viewer, id: AnnouncementDraftId | None
    ) -> None:
        now, scheduled_at, email = self.now(), options.scheduled_at, options.email
        if id is None:
            id = drafts.insert(cursor, content, scheduled_at=scheduled_at, email=email, now=now)
        else:
            drafts.replace(cursor, evolve(_locked(cursor, id), content=content, scheduled_at=scheduled_at, email=email, updated_at=now))
        action = AuditAction.ANNOUNCEMENT_DRAFT
        if scheduled_at is not None:
            action = AuditAction.ANNOUNCEMENT_SCHEDULE
            jobs.add(cursor, PUBLISH, {"draft": str(id)}, due_at=scheduled_at, now=now)
        self._record_draft(cursor, action, AnnouncementDraft(id, content, scheduled_at, email, now), by)

    def _publish(
        self, cursor: Cursor, content: AnnouncementContent, options: DraftOptions, by: Viewer, id: AnnouncementDraftId | None
    ) -> None:
        if id is not None:
            _locked(cursor, id)
            drafts.delete(cursor, id=id)
        announcement = self._published(cursor, content, email=options.email)
        audit.record(cursor, entry(AuditAction.ANNOUNCEMENT_CREATE, by.id, announcement, email=options.email), self.now())

    def _publish_scheduled(self, cursor: Cursor, id: AnnouncementDraftId) -> None:
        draft = drafts.lock(cursor, id=id)
        if draft is not None and draft.scheduled_at is not None and draft.scheduled_at <= self.now():
            drafts.delete(cursor, id=id)
            self._published(cursor, draft.content, email=draft.email)

    def _published(self, cursor: Cursor, content: AnnouncementContent, *, email: bool) -> Announcement:
        announcement = self.announcements.publish_in(cursor, content)
        if email:
            jobs.add(cursor, EMAIL, {"announcement": str(announcement.id)}, due_at=self.now(), now=self.now(), key=str(announcement.id))
        return announcement

    def _change(self, cursor: Cursor, id: AnnouncementId, content: AnnouncementContent, by: Viewer) -> None:
        before = _published(cursor, id)
        if content == before.content:
            return
        html = self.announcements.rendered(cursor, content.text)
        announcements.update(cursor, content, id=id, html=html, now=self.now())
        self.announcements.record(cursor, EventKind.ANNOUNCED, id)
        self.announcements.end_later(cursor, id, content)
        audit.record(cursor, entry(AuditAction.ANNOUNCEMENT_UPDATE, by.id, before), self.now())

    def _unpublish(self, cursor: Cursor, id: AnnouncementId, by: Viewer) -> None:
        found = _published(cursor, id)
        announcements.delete(cursor, id=id)
        drafts.insert(cursor, found.content, scheduled_at=None, email=False, now=self.now())
        self.announcements.record(cursor, EventKind.ANNOUNCEMENT_WITHDRAWN, id)
        audit.record(cursor, entry(AuditAction.ANNOUNCEMENT_UNPUBLISH, by.id, found), self.now())

    def _delete_draft(self, cursor: Cursor, id: AnnouncementDraftId, by: Viewer) -> None:
        draft = _locked(cursor, id)
        drafts.delete(cursor, id=id)
        self._record_draft(cursor, AuditAction.ANNOUNCEMENT_DELETE, draft, by)

    def _record_draft(self, cursor: Cursor, action: AuditAction, draft: AnnouncementDraft, by: Viewer) -> None:
        facts = {"scheduled_at": draft.scheduled_at and draft.scheduled_at.isoformat(), "email": draft.email}
        audit.record(cursor, AuditEntry(action, by.id, str(draft.id), draft.id, text=draft.content.text, facts=facts), self.now())


def _locked(cursor: Cursor, id: AnnouncementDraftId) -> AnnouncementDraft:
    draft = drafts.lock(cursor, id=id)
    if draft is None:
        raise NotFound
    return draft


def _published(cursor: Cursor, id: AnnouncementId) -> Announcement:
    found = announcements.by_id(cursor, id=id, viewer=None)
    if not found:
        raise NotFound
    return found[0]
