"""What moderators decide about an account: it is done, its owner is told why, and the reports about it are settled, all at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain import validation
from microblog.domain.account_admin import AccountAdmin
from microblog.domain.email_queue import enqueue_notice
from microblog.domain.notify import notify
from microblog.model.accounts import AccountWithLogin
from microblog.model.emails import EmailKind
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId
from microblog.model.moderation import ModerationAction, Sanction
from microblog.model.notifications import NotificationKind
from microblog.model.reports import Report
from microblog.storage import reports, users, warnings
from microblog.storage.database import Cursor, Transactions

LONGEST_TEXT = 5_000


@frozen
class AccountActions:
    """Carries out decisions. Who may decide is checked by the caller."""

    database: Transactions
    account_admin: AccountAdmin
    now: Callable[[], datetime]

    async def impose(self, by: AccountId, target: AccountId, sanction: Sanction) -> AccountWithLogin:
        """Carry out the decision; the member as they are then.

        Raises NotFound where there is no such account or report, and Invalid (field text), before anything is done.
        """
        sound = evolve(sanction, text=validation.limited(sanction.text, LONGEST_TEXT, "text").strip())
        return await self.database.run(self._impose, by, target, sound)

    def _impose(self, cursor: Cursor, by: AccountId, target: AccountId, sanction: Sanction) -> AccountWithLogin:
        member, report = _member(cursor, target), _report(cursor, sanction)
        posts = report.posts if report and report.target.id == target else ()
        warning = warnings.insert(cursor, sanction, account=target, moderator=by, posts=posts, now=self.now())
        if sanction.tell:
            # Before it is done: nobody is notified while their account is suspended, and they shall find it if that is undone.
            notify(cursor, accounts=[target], kind=NotificationKind.WARNING, sender=target, now=self.now(), warning=warning)
            enqueue_notice(cursor, EmailKind.WARNING, member.login, self.now(), action=sanction.action, text=sanction.text)
        self.account_admin.carry_out(cursor, target, sanction.action)
        self._settle(cursor, by, target, sanction)
        return _member(cursor, target)

    def _settle(self, cursor: Cursor, by: AccountId, target: AccountId, sanction: Sanction) -> None:
        if sanction.report is not None:
            reports.close(cursor, id=sanction.report, by=by, now=self.now())
        elif sanction.action is not ModerationAction.NONE:
            reports.close_all(cursor, target=target, by=by, now=self.now())


def _member(cursor: Cursor, id: AccountId) -> AccountWithLogin:
    found = users.by_account(cursor, account=id)
    if found is None:
        raise NotFound
    return found


def _report(cursor: Cursor, sanction: Sanction) -> Report | None:
    if sanction.report is None:
        return None
    found = reports.by_ids(cursor, ids=[sanction.report]).get(sanction.report)
    if found is None:
        raise NotFound
    return found
