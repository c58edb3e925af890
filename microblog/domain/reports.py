"""Reports: filing them, and what moderators do with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from attrs import frozen

from microblog.domain import audit, reported_posts, validation
from microblog.domain.follows import require_account
from microblog.domain.notify import notify
from microblog.domain.staff_emails import StaffEvent, Waiting, email_staff
from microblog.model.accounts import Account, Role, Viewer
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.errors import Conflict, Forbidden, Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, PostId, ReportId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.reports import Report, ReportCategory, ReportDetails, ReportQuery
from microblog.model.rules import Rule
from microblog.storage import events, posts, reports, users
from microblog.storage.database import Cursor, Transactions

MAX_COMMENT_LENGTH = 1_000
MAX_POSTS = 100
CLAIMED = "Another moderator works on this report. To take it over, unassign it first."


@frozen
class ReportDraft:
    """A report to be filed. Posts that are not the target's, or not visible to the reporter, are left out.

    `forward`: it is sent to the server of the target too, if that is another one, without the name of the reporter.
    """

    target: AccountId
    posts: Sequence[PostId] = ()
    comment: str = ""
    category: str = ""
    rules: Sequence[Rule] = ()
    forward: bool = False


@frozen
class ReceivedReport:
    """A report by another server. `uri` is its id there."""

    target: AccountId
    posts: tuple[PostId, ...]
    comment: str
    uri: str | None


MAX_FROM_HOST, PERIOD = 100, timedelta(days=1)
"""Reports that one server can make in that time. More than that is noise."""


def receive(cursor: Cursor, reporter: Account, received: ReceivedReport, now: datetime) -> None:
    """File a report by another server and notify the moderators, in the running transaction."""
    if reports.count_from_host(cursor, host=reporter.host or "", since=now - PERIOD) >= MAX_FROM_HOST:
        return
    id = reports.insert(
        cursor,
        account=reporter.id,
        target=received.target,
        posts=received.posts,
        comment=received.comment,
        category=ReportCategory.OTHER,
        rules=(),
        now=now,
        activity_uri=received.uri,
    )
    _tell_staff(cursor, reports.by_ids(cursor, ids=[id])[id], now)


@frozen
class Reports:
    """The commands about reports."""

    database: Transactions
    now: Callable[[], datetime]

    async def file(self, viewer: Viewer, draft: ReportDraft) -> Report:
        """File a report and notify the moderators. Raises NotFound, and Invalid (fields comment, category)."""
        comment = validation.limited(draft.comment, MAX_COMMENT_LENGTH, "comment")
        _check(draft.category)
        default = ReportCategory.VIOLATION if draft.rules else ReportCategory.OTHER
        category = ReportCategory(draft.category) if draft.category else default
        return await self.database.run(self._file, viewer, draft, comment, category)

    async def close(self, viewer: Viewer, id: ReportId) -> None:
        """Resolve the report. Raises NotFound, and Forbidden for non-moderators."""
        _require_moderator(viewer)

        def close(cursor: Cursor) -> None:
            if not reports.close(cursor, id=id, by=viewer.id, now=self.now()):
                raise NotFound
            self._record(cursor, viewer, AuditAction.REPORT_RESOLVE, reports.by_ids(cursor, ids=[id])[id])

        await self.database.run(close)

    async def search(self, viewer: Viewer, page: Page, query: ReportQuery) -> list[ReportDetails]:
        """Return the reports that match, newest first. Raises Forbidden for non-moderators."""
        _require_moderator(viewer)
        return await self.database.read(_find_details, viewer, partial(reports.search, page=page, query=query))

    async def one(self, viewer: Viewer, id: ReportId) -> ReportDetails:
        """Return one report. Raises NotFound, and Forbidden for non-moderators."""
        _require_moderator(viewer)
        return await self.database.read(_details_of, viewer, id)

    async def resolve(self, viewer: Viewer, id: ReportId) -> ReportDetails:
        """Resolve the report; idempotent. Raises as `one`."""
        close = partial(reports.close, id=id, by=viewer.id, now=self.now())
        return await self._change(viewer, id, AuditAction.REPORT_RESOLVE, close)

    async def reopen(self, viewer: Viewer, id: ReportId) -> ReportDetails:
        """Reopen the report. Raises as `one`."""
        return await self._change(viewer, id, AuditAction.REPORT_REOPEN, partial(reports.reopen, id=id))

    async def claim(self, viewer: Viewer, id: ReportId) -> ReportDetails:
        """Assign the report to the viewer. Raises as `one`, and Conflict if another moderator works on it."""

        def claim(cursor: Cursor) -> None:
            if not reports.claim(cursor, id=id, to=viewer.id):
                raise Conflict(CLAIMED)

        return await self._change(viewer, id, AuditAction.REPORT_ASSIGN, claim)

    async def assign(self, viewer: Viewer, id: ReportId, to: AccountId | None) -> ReportDetails:
        """Assign the report to this moderator, whoever works on it, or to nobody. Raises as `one`."""
        action = AuditAction.REPORT_UNASSIGN if to is None else AuditAction.REPORT_ASSIGN
        return await self._change(viewer, id, action, partial(reports.assign, id=id, to=to))

    async def categorize(self, viewer: Viewer, id: ReportId, category: str, rules: Sequence[Rule] | None) -> ReportDetails:
        """Change category and violated rules, as far as given. Raises as `one`, and Invalid (field category)."""
        _check(category)
        classify = partial(reports.classify, id=id, category=ReportCategory(category) if category else None, rules=rules)
        return await self._change(viewer, id, AuditAction.REPORT_UPDATE, classify)

    async def _change(self, viewer: Viewer, id: ReportId, action: AuditAction, change: Callable[[Cursor], object]) -> ReportDetails:
        """Change the report and record it in the audit log, unless it is as it was before."""
        _require_moderator(viewer)

        def change_report(cursor: Cursor) -> ReportDetails:
            before = _details_of(cursor, viewer, id)
            change(cursor)
            after = _details_of(cursor, viewer, id)
            if after.report != before.report:
                self._record(cursor, viewer, action, before.report)
            return after

        return await self.database.run(change_report)

    def _record(self, cursor: Cursor, viewer: Viewer, action: AuditAction, before: Report) -> None:
        assigned = None if before.assigned_to is None else str(before.assigned_to)
        facts = {"before": {"category": before.category, "rules": [rule.text for rule in before.rules], "assigned_to": assigned}}
        audit.record(cursor, AuditEntry(action, viewer.id, before.target.acct, before.id, before.target.id, facts=facts), self.now())

    def _file(self, cursor: Cursor, viewer: Viewer, draft: ReportDraft, comment: str, category: ReportCategory) -> Report:
        target = require_account(cursor, draft.target)
        post_ids = list(dict.fromkeys(draft.posts))[:MAX_POSTS]
        found = posts.by_ids(cursor, posts.visible(cursor, ids=post_ids, viewer=viewer.id)) if post_ids else {}
        id = reports.insert(
            cursor,
            account=viewer.id,
            target=target.id,
            posts=[post for post in post_ids if post in found and found[post].author.id == target.id],
            comment=comment,
            category=category,
            rules=draft.rules,
            now=self.now(),
            forwarded=draft.forward and target.host is not None,
        )
        if draft.forward and target.host is not None:
            events.record(cursor, EventKind.REPORT_FORWARDED, at=self.now(), subject=target.id, data={"report": str(id)})
        report = reports.by_ids(cursor, ids=[id])[id]
        _tell_staff(cursor, report, self.now())
        return report


def _tell_staff(cursor: Cursor, report: Report, now: datetime) -> None:
    """Notify the moderators of a new report, also by e-mail, unless another one about the same account is open.

    Who reported from another server stays unnamed there.
    """
    by, target = report.by, report.target
    if reports.is_reported_already(cursor, target=target.id, excluding=report.id):
        return
    notify(cursor, accounts=users.staff(cursor), kind=NotificationKind.REPORT, sender=by.id, now=now, report=report.id)
    name = by.host or f"@{by.acct}"
    waiting = Waiting(StaffEvent.REPORT, report.id, name, report.comment, f"/admin/reports/{report.id}", target.acct)
    email_staff(cursor, waiting, now, excluding=by.id)


def _check(category: str) -> None:
    if category and category not in set(ReportCategory):
        raise Invalid({"category": "Category is not included in the list"}, codes={"category": "ERR_INCLUSION"})


def _require_moderator(viewer: Viewer) -> None:
    if not viewer.role.includes(Role.MODERATOR):
        raise Forbidden


def _find_details(cursor: Cursor, viewer: Viewer, find: Callable[[Cursor], list[Report]]) -> list[ReportDetails]:
    return _details(cursor, viewer, find(cursor))


def _details_of(cursor: Cursor, viewer: Viewer, id: ReportId) -> ReportDetails:
    found = reports.by_ids(cursor, ids=[id])
    if id not in found:
        raise NotFound
    return _details(cursor, viewer, [found[id]])[0]


def _details(cursor: Cursor, viewer: Viewer, found: list[Report]) -> list[ReportDetails]:
    ids = {id for one in found for id in (one.by.id, one.target.id, one.closed_by, one.assigned_to) if id is not None}
    members = {member.account.id: member for member in users.by_accounts(cursor, accounts=ids)} if ids else {}
    shown = reported_posts.load(cursor, {post for report in found for post in report.posts}, viewer.id)
    return [ReportDetails(report, [shown[post] for post in report.posts if post in shown], members) for report in found]
