"""Telling the moderators of somebody, and what moderators do then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import frozen

from microblog.domain import validation
from microblog.domain.follows import reachable
from microblog.domain.telling import tell
from microblog.model.accounts import Role, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.ids import AccountId, PostId, ReportId
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import Post
from microblog.model.reports import Category, Report
from microblog.storage import logins, posts, reports
from microblog.storage.database import Cursor, Transactions

LONGEST_COMMENT = 1_000
MOST_POSTS = 100


@frozen
class Complaint:
    """What somebody reports. Posts that are not the target's, or not visible to who reports, are left out."""

    target: AccountId
    posts: Sequence[PostId] = ()
    comment: str = ""
    category: str = ""


@frozen
class Reports:
    """The commands about reports."""

    database: Transactions
    now: Callable[[], datetime]

    async def make(self, viewer: Viewer, complaint: Complaint) -> Report:
        """Tell the moderators. Raises NotFound, and Invalid (fields comment, category)."""
        comment = validation.limited(complaint.comment, LONGEST_COMMENT, "comment")
        if complaint.category and complaint.category not in set(Category):
            raise Invalid({"category": "Category is not included in the list"}, codes={"category": "ERR_INCLUSION"})
        category = Category(complaint.category) if complaint.category else Category.OTHER
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

    def _make(self, cursor: Cursor, viewer: Viewer, complaint: Complaint, comment: str, category: Category) -> Report:
        target = reachable(cursor, complaint.target)
        wanted = list(dict.fromkeys(complaint.posts))[:MOST_POSTS]
        found = posts.by_ids(cursor, posts.visible(cursor, ids=wanted, viewer=viewer.id)) if wanted else {}
        id = reports.insert(
            cursor,
            account=viewer.id,
            target=target.id,
            posts=[post for post in wanted if post in found and found[post].author.id == target.id],
            comment=comment,
            category=category,
            now=self.now(),
        )
        staff = logins.staff(cursor)
        tell(cursor, accounts=staff, kind=NotificationKind.REPORT, sender=viewer.id, now=self.now(), report=id)
        return reports.by_ids(cursor, ids=[id])[id]


def _moderates(viewer: Viewer) -> None:
    if not viewer.role.includes(Role.MODERATOR):
        raise Forbidden


def _waiting(cursor: Cursor, viewer: Viewer, page: Page) -> list[tuple[Report, list[Post]]]:
    found = reports.waiting(cursor, page=page)
    wanted = [post for report in found for post in report.posts]
    shown = posts.by_ids(cursor, posts.visible(cursor, ids=wanted, viewer=viewer.id)) if wanted else {}
    return [(report, [shown[post] for post in report.posts if post in shown]) for report in found]
