"""The moderators' view of an account and of a report: the past of everybody involved, and notes."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.domain import audit, reported_posts, validation
from microblog.domain.account_admin import account_origins
from microblog.domain.moderation import ModeratedAccount, Moderation
from microblog.domain.reports import Reports
from microblog.domain.suspended_accounts import kept_until
from microblog.domain.text import post_text
from microblog.model.account_history import AccountHistory, AccountPast, ModerationNote
from microblog.model.account_origins import UNKNOWN_ORIGIN
from microblog.model.accounts import Account, AccountWithLogin, Role, Viewer
from microblog.model.admin_metrics import WaitingCounts
from microblog.model.audit import AuditAction, AuditEntry, AuditQuery
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.ids import AccountId, MediaId, ModerationNoteId, ReportId
from microblog.model.media import Media
from microblog.model.paging import Page
from microblog.model.reports import Report, ReportDetails, ReportQuery
from microblog.storage import audit as audit_log
from microblog.storage import emails, moderation_desk, posts, reports, sessions, warnings
from microblog.storage.database import Cursor, Transactions

MAX_NOTE = 2_000  # characters
NEWEST, BRIEF = Page(limit=20), Page(limit=6)  # rows of each kind


@frozen
class ReportFile:
    """A report with the threads of its posts, notes about it, and the past of both sides.

    The numbers are those of reports by its author, and of reports about and strikes against its target.
    """

    details: ReportDetails
    notes: tuple[ModerationNote, ...]
    reporter: AccountPast
    target: AccountPast
    by_reporter: int
    about_target: int
    strikes: int


@frozen
class ModerationDesk:
    """Reads what moderators know about an account or a report, and keeps their notes. Each raises Forbidden for others, and NotFound."""

    database: Transactions
    moderation: Moderation
    reports: Reports

    async def waiting(self, viewer: Viewer) -> WaitingCounts:
        """Count what waits for a moderator."""
        _require_moderator(viewer)
        return await self.database.read(moderation_desk.waiting)

    async def account(self, viewer: Viewer, id: AccountId) -> tuple[ModeratedAccount, AccountHistory]:
        """Return an account with its history."""
        found = await self.moderation.account(viewer, id)
        return found, await self.database.read(self._history, found)

    async def report(self, viewer: Viewer, id: ReportId) -> ReportFile:
        """Return a report with the past of both sides."""
        details = await self.reports.one(viewer, id)
        return await self.database.read(self._file, viewer, details)

    async def report_media(self, viewer: Viewer, id: ReportId, media: MediaId) -> Media:
        """Return an attachment of one of the posts of a report that the moderator is shown."""
        details = await self.reports.one(viewer, id)
        found = next((piece for reported in details.posts for piece in reported.post.original.media if piece.id == media), None)
        if found is None:
            raise NotFound
        return found

    async def add_note(self, viewer: Viewer, text: str, account: AccountId, report: ReportId | None = None) -> ModerationNoteId:
        """Keep a note about an account, or about a report on it. Raises Invalid (field note)."""
        _require_moderator(viewer)
        cleaned = validation.limited(text, MAX_NOTE, "note").strip()
        if post_text.is_blank(cleaned):
            raise Invalid({"note": "Note can't be blank"}, codes={"note": "ERR_BLANK"})
        found = await self.moderation.account(viewer, account)
        return await self.database.run(self._add_note, viewer, _account(found), report, cleaned)

    async def delete_note(self, viewer: Viewer, id: ModerationNoteId) -> ModerationNote:
        """Delete a note and return it: one's own, or as an administrator any."""
        _require_moderator(viewer)
        return await self.database.run(self._delete_note, viewer, id)

    def _history(self, cursor: Cursor, found: ModeratedAccount) -> AccountHistory:
        account, now = _account(found), self.reports.now()
        by = {closed: reports.search(cursor, page=NEWEST, query=ReportQuery(closed, by=account.id)) for closed in (False, True)}
        about = {closed: reports.search(cursor, page=NEWEST, query=ReportQuery(closed, target=account.id)) for closed in (False, True)}
        has_login = isinstance(found, AccountWithLogin)
        ids = moderation_desk.newest_posts(cursor, author=account.id, limit=NEWEST.limit)
        found_posts = posts.by_ids(cursor, ids)
        return AccountHistory(
            strikes=tuple(warnings.of_account(cursor, account=account.id, page=NEWEST)),
            notes=tuple(moderation_desk.notes_of_account(cursor, account=account.id)),
            acts=tuple(audit_log.search(cursor, page=NEWEST, query=AuditQuery(account=account.id))),
            reports_by=(*by[False], *by[True]),
            reports_about=(*about[False], *about[True]),
            posts=tuple(found_posts[id] for id in ids if id in found_posts),
            sessions=tuple(sessions.of_account(cursor, account=account.id, now=now)) if has_login else (),
            emails=tuple(emails.of_account(cursor, account=account.id, limit=NEWEST.limit)) if has_login else (),
            origin=account_origins(cursor, [account.id]).get(account.id, UNKNOWN_ORIGIN),
            kept_until=kept_until(cursor, account.id),
        )

    def _file(self, cursor: Cursor, viewer: Viewer, details: ReportDetails) -> ReportFile:
        report = details.report
        return ReportFile(
            evolve(details, posts=reported_posts.with_threads(cursor, details.posts, viewer.id)),
            tuple(moderation_desk.notes_of_report(cursor, report=report.id)),
            _past(cursor, report.by, report.id),
            _past(cursor, report.target, report.id),
            reports.count(cursor, by=report.by.id),
            reports.count(cursor, target=report.target.id),
            warnings.count(cursor, account=report.target.id),
        )

    def _add_note(self, cursor: Cursor, viewer: Viewer, account: Account, report: ReportId | None, text: str) -> ModerationNoteId:
        if report is not None and _report(cursor, report).target.id != account.id:
            raise NotFound
        now = self.reports.now()
        id = moderation_desk.insert_note(cursor, account=account.id, report=report, author=viewer.id, text=text, now=now)
        audit.record(cursor, AuditEntry(AuditAction.NOTE_CREATE, viewer.id, account.acct, id, account.id), now)
        return id

    def _delete_note(self, cursor: Cursor, viewer: Viewer, id: ModerationNoteId) -> ModerationNote:
        found = moderation_desk.note_by_id(cursor, id=id)
        if not found:
            raise NotFound
        [note] = found
        if note.author != viewer.account.username and viewer.role is not Role.ADMIN:
            raise Forbidden
        moderation_desk.delete_note(cursor, id=id)
        entry = AuditEntry(AuditAction.NOTE_DELETE, viewer.id, note.author or "", id, note.account, note.text)
        audit.record(cursor, entry, self.reports.now())
        return note


def _past(cursor: Cursor, account: Account, report: ReportId) -> AccountPast:
    """Return the past of somebody whom a report is by or about, without that report."""
    by = reports.search(cursor, page=BRIEF, query=ReportQuery(by=account.id))
    about = reports.search(cursor, page=BRIEF, query=ReportQuery(target=account.id))
    return AccountPast(
        tuple(warnings.of_account(cursor, account=account.id, page=BRIEF)),
        *(tuple(one for one in found if one.id != report) for found in (by, about)),
    )


def _account(found: ModeratedAccount) -> Account:
    return found if isinstance(found, Account) else found.account


def _report(cursor: Cursor, id: ReportId) -> Report:
    report = reports.by_ids(cursor, ids=[id]).get(id)
    if report is None:
        raise NotFound
    return report


def _require_moderator(viewer: Viewer) -> None:
    if not viewer.role.includes(Role.MODERATOR):
        raise Forbidden
