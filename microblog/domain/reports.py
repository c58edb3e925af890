"""Telling the moderators of somebody, and what moderators do then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from attrs import frozen

from microblog.domain import validation
from microblog.domain.follows import require_account
from microblog.domain.notify import notify
from microblog.model.accounts import Role, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.ids import AccountId, PostId, ReportId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.model.reports import Report, ReportCategory, ReportDetails
from microblog.storage import posts, reports, users
from microblog.storage.database import Cursor, Transactions

LONGEST_COMMENT = 1_000
MOST_POSTS = 100


@frozen
class ReportDraft:
    """What somebody reports. Posts that are not the target's, or not visible to who reports, are left out."""

    target: AccountId
    posts: Sequence[PostId] = ()
    comment: str = ""
    category: str = ""
    rules: Sequence[str] = ()


@frozen
class Reports:
    """The commands about reports."""

    database: Transactions
    now: Callable[[], datetime]

    async def make(self, viewer: Viewer, complaint: ReportDraft) -> Report:
        """Tell the moderators. Raises NotFound, and Invalid (fields comment, category)."""
        comment = validation.limited(complaint.comment, LONGEST_COMMENT, "comment")
        _check(complaint.category)
        usual = ReportCategory.VIOLATION if complaint.rules else ReportCategory.OTHER
        category = ReportCategory(complaint.category) if complaint.category else usual
        return await self.database.run(self._make, viewer, complaint, comment, category)

    async def waiting(self, viewer: Viewer, page: Page) -> list[tuple[Report, list[Post]]]:
        """What nobody is done with, each with those of its posts that the moderator may see. Raises Forbidden for others."""
        _moderates(viewer)
        return await self.database.read(_waiting, viewer, page)

    async def close(self, viewer: Viewer, id: ReportId) -> None:
        """The moderator is done with it. Raises NotFound, and Forbidden for others."""
        _moderates(viewer)
        if not await self.database.run(reports.close, id=id, by=viewer.id, now=self.now()):
            raise NotFound

    async def sought(
        self, viewer: Viewer, page: Page, *, closed: bool, by: AccountId | None = None, target: AccountId | None = None
    ) -> list[ReportDetails]:
        """Open or closed ones, of one account or about one if that is said, the newest first. Raises Forbidden for others."""
        _moderates(viewer)
        return await self.database.read(_cases_of, viewer, partial(reports.sought, page=page, closed=closed, by=by, target=target))

    async def one(self, viewer: Viewer, id: ReportId) -> ReportDetails:
        """One report. Raises NotFound, and Forbidden for others."""
        _moderates(viewer)
        return await self.database.read(_case, viewer, id)

    async def resolve(self, viewer: Viewer, id: ReportId) -> ReportDetails:
        """The moderator is done with it; again is the same as once. Raises as `one`."""
        return await self._changed(viewer, id, partial(reports.close, id=id, by=viewer.id, now=self.now()))

    async def reopen(self, viewer: Viewer, id: ReportId) -> ReportDetails:
        """Somebody has to look at it again. Raises as `one`."""
        return await self._changed(viewer, id, partial(reports.reopen, id=id))

    async def assign(self, viewer: Viewer, id: ReportId, to: AccountId | None) -> ReportDetails:
        """This moderator looks after it, or nobody. Raises as `one`."""
        return await self._changed(viewer, id, partial(reports.assign, id=id, to=to))

    async def sort(self, viewer: Viewer, id: ReportId, category: str, rules: Sequence[str] | None) -> ReportDetails:
        """Say what it is about, as far as that is said. Raises as `one`, and Invalid (field category)."""
        _check(category)
        wanted = ReportCategory(category) if category else None
        return await self._changed(viewer, id, partial(reports.sort, id=id, category=wanted, rules=rules))

    async def _changed(self, viewer: Viewer, id: ReportId, change: Callable[[Cursor], object]) -> ReportDetails:
        _moderates(viewer)

        def change_report(cursor: Cursor) -> ReportDetails:
            change(cursor)
            return _case(cursor, viewer, id)

        return await self.database.run(change_report)

    def _make(self, cursor: Cursor, viewer: Viewer, complaint: ReportDraft, comment: str, category: ReportCategory) -> Report:
        target = require_account(cursor, complaint.target)
        wanted = list(dict.fromkeys(complaint.posts))[:MOST_POSTS]
        found = posts.by_ids(cursor, posts.visible(cursor, ids=wanted, viewer=viewer.id)) if wanted else {}
        id = reports.insert(
            cursor,
            account=viewer.id,
            target=target.id,
            posts=[post for post in wanted if post in found and found[post].author.id == target.id],
            comment=comment,
            category=category,
            rules=complaint.rules,
            now=self.now(),
        )
        staff = users.staff(cursor)
        notify(cursor, accounts=staff, kind=NotificationKind.REPORT, sender=viewer.id, now=self.now(), report=id)
        return reports.by_ids(cursor, ids=[id])[id]


def _check(category: str) -> None:
    if category and category not in set(ReportCategory):
        raise Invalid({"category": "Category is not included in the list"}, codes={"category": "ERR_INCLUSION"})


def _moderates(viewer: Viewer) -> None:
    if not viewer.role.includes(Role.MODERATOR):
        raise Forbidden


def _cases_of(cursor: Cursor, viewer: Viewer, find: Callable[[Cursor], list[Report]]) -> list[ReportDetails]:
    return _cases(cursor, viewer, find(cursor))


def _case(cursor: Cursor, viewer: Viewer, id: ReportId) -> ReportDetails:
    found = reports.by_ids(cursor, ids=[id])
    if id not in found:
        raise NotFound
    return _cases(cursor, viewer, [found[id]])[0]


def _cases(cursor: Cursor, viewer: Viewer, found: list[Report]) -> list[ReportDetails]:
    ids = {id for one in found for id in (one.by.id, one.target.id, one.closed_by, one.assigned_to) if id is not None}
    members = {member.account.id: member for member in users.by_accounts(cursor, accounts=ids)} if ids else {}
    return [ReportDetails(report, shown, members) for report, shown in _with_posts(cursor, viewer, found)]


def _waiting(cursor: Cursor, viewer: Viewer, page: Page) -> list[tuple[Report, list[Post]]]:
    return _with_posts(cursor, viewer, reports.waiting(cursor, page=page))


def _with_posts(cursor: Cursor, viewer: Viewer, found: list[Report]) -> list[tuple[Report, list[Post]]]:
    wanted = [post for report in found for post in report.posts]
    shown = posts.by_ids(cursor, posts.visible(cursor, ids=wanted, viewer=viewer.id)) if wanted else {}
    return [(report, [shown[post] for post in report.posts if post in shown]) for report in found]
