"""Moderation actions against an account: apply the action, notify the owner and resolve the reports in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import evolve, frozen

from microblog.domain import audit, post_moderation, validation
from microblog.domain.account_admin import AccountAdmin
from microblog.domain.email_queue import enqueue_notice
from microblog.domain.notify import notify
from microblog.domain.remote_account_admin import RemoteAccountAdmin
from microblog.model.accounts import Account, AccountWithLogin
from microblog.model.audit import AuditAction
from microblog.model.emails import EmailKind
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, PostId
from microblog.model.moderation import ModerationAction, Sanction, Strike
from microblog.model.notifications import NotificationKind
from microblog.storage import reports, suspensions, users, warnings
from microblog.storage.database import Cursor, Transactions

MAX_TEXT_LENGTH = 5_000
NO_POSTS = "The report contains no posts of this account"
AUDIT_ACTIONS = {
    ModerationAction.NONE: AuditAction.ACCOUNT_WARN,
    ModerationAction.DISABLE: AuditAction.ACCOUNT_DISABLE,
    ModerationAction.SILENCE: AuditAction.ACCOUNT_LIMIT,
    ModerationAction.SENSITIVE: AuditAction.ACCOUNT_MARK_SENSITIVE,
    ModerationAction.SUSPEND: AuditAction.ACCOUNT_SUSPEND,
    ModerationAction.MARK_STATUSES_AS_SENSITIVE: AuditAction.POST_MARK_SENSITIVE,
    ModerationAction.DELETE_STATUSES: AuditAction.POST_DELETE,
}


@frozen
class AccountActions:
    """Applies moderation actions. Callers check permissions."""

    database: Transactions
    account_admin: AccountAdmin
    now: Callable[[], datetime]

    @property
    def elsewhere(self) -> RemoteAccountAdmin:
        """The commands about accounts of other servers."""
        return RemoteAccountAdmin(self.database, self.now)

    async def impose_elsewhere(self, moderator: AccountId, target: AccountId, sanction: Sanction) -> Account:
        """Apply the action to an account of another server, who is not notified, and return it as it is afterwards.

        Raise NotFound if there is no such account or report, and Invalid (fields text, type), also for an action that needs a login.
        """
        return await self.database.run(self._impose_elsewhere, moderator, target, _validated(sanction))

    def _impose_elsewhere(self, cursor: Cursor, moderator: AccountId, target: AccountId, sanction: Sanction) -> Account:
        _account_elsewhere(cursor, target)
        strike = self._strike(cursor, moderator, target, sanction)
        self.elsewhere.carry_out(cursor, target, sanction.action)
        self._complete(cursor, moderator, strike)
        return _account_elsewhere(cursor, target)

    async def impose(self, moderator: AccountId, target: AccountId, sanction: Sanction) -> AccountWithLogin:
        """Apply the action and return the account as it is afterwards.

        Raise NotFound if there is no such account or report, and Invalid (field text), before anything is changed.
        """
        return await self.database.run(self._impose, moderator, target, _validated(sanction))

    def _impose(self, cursor: Cursor, moderator: AccountId, target: AccountId, sanction: Sanction) -> AccountWithLogin:
        login = _account(cursor, target).login
        strike = self._strike(cursor, moderator, target, sanction)
        if sanction.notify:
            # Before the action: suspended accounts get no notifications, and the owner should find this one after a restore.
            warning, now = strike.warning, self.now()
            notify(cursor, accounts=[target], kind=NotificationKind.WARNING, sender=target, now=now, warning=warning.id)
            data = {"action": warning.action, "text": warning.text, "strike": str(warning.id)}
            enqueue_notice(cursor, EmailKind.WARNING, login, now, **data)
        self.account_admin.carry_out(cursor, target, sanction.action)
        self._complete(cursor, moderator, strike)
        return _account(cursor, target)

    def _strike(self, cursor: Cursor, moderator: AccountId, target: AccountId, sanction: Sanction) -> Strike:
        """Store the decision with the posts of its report."""
        posts = _reported_posts(cursor, target, sanction)
        id = warnings.insert(cursor, sanction, account=target, moderator=moderator, posts=posts, now=self.now())
        stored = warnings.by_id(cursor, id=id)
        assert stored is not None  # the account exists
        return stored

    def _complete(self, cursor: Cursor, moderator: AccountId, strike: Strike) -> None:
        """Do what the decision does to the posts, resolve the reports, and record it in the audit log."""
        self._change_posts(cursor, strike)
        self._resolve_reports(cursor, moderator, strike)
        self._record(cursor, moderator, strike)

    def undo(self, cursor: Cursor, strike: Strike) -> list[PostId]:
        """Undo a strike in the running transaction; return the posts that this changed or brought back."""
        account, warning, changed = strike.account.id, strike.warning, list[PostId]()
        if strike.account.host is None:
            self.account_admin.undo(cursor, account, warning.action)
        else:
            self.elsewhere.undo(cursor, account, warning.action)
        if warning.action is ModerationAction.MARK_STATUSES_AS_SENSITIVE:
            marked = warnings.marked(cursor, warning=warning.id)
            changed = post_moderation.mark_media(cursor, marked, account, self.now(), sensitive=False)
        elif warning.action is ModerationAction.DELETE_STATUSES:
            changed = post_moderation.restore(cursor, warning.posts, warning.created_at, self.now())
        warnings.overrule(cursor, warning=warning.id, now=self.now())
        return changed

    def _change_posts(self, cursor: Cursor, strike: Strike) -> None:
        """Do what the decision does to its posts, and note those whose media it marked as sensitive."""
        author, warning = strike.account.id, strike.warning
        if warning.action is ModerationAction.DELETE_STATUSES:  # at the time of the decision, by which `undo` finds them
            post_moderation.delete(cursor, warning.posts, author, warning.created_at)
        elif warning.action is ModerationAction.MARK_STATUSES_AS_SENSITIVE:
            marked = post_moderation.mark_media(cursor, warning.posts, author, self.now(), sensitive=True)
            warnings.note_marked(cursor, warning=warning.id, posts=marked)

    def _resolve_reports(self, cursor: Cursor, moderator: AccountId, strike: Strike) -> None:
        if strike.report is not None:
            reports.close(cursor, id=strike.report, by=moderator, now=self.now())
        elif strike.warning.action is not ModerationAction.NONE:
            reports.close_all(cursor, target=strike.account.id, by=moderator, now=self.now())

    def _record(self, cursor: Cursor, moderator: AccountId, strike: Strike) -> None:
        warning = strike.warning
        facts: dict[str, object] = {} if strike.report is None else {"report": str(strike.report)}
        if warning.action.needs_posts:
            facts["posts"] = [str(post) for post in warning.posts]
        entry = audit.about(AUDIT_ACTIONS[warning.action], moderator, strike.account, warning.text, facts)
        audit.record(cursor, entry, self.now())


def _validated(sanction: Sanction) -> Sanction:
    """Return the decision as it is stored. Raises Invalid (field text)."""
    return evolve(sanction, text=validation.limited(sanction.text, MAX_TEXT_LENGTH, "text").strip())


def _account_elsewhere(cursor: Cursor, id: AccountId) -> Account:
    found = suspensions.by_id(cursor, id=id)
    if found is None:
        raise NotFound
    return found


def _account(cursor: Cursor, id: AccountId) -> AccountWithLogin:
    found = users.by_account(cursor, account=id)
    if found is None:
        raise NotFound
    return found


def _reported_posts(cursor: Cursor, target: AccountId, sanction: Sanction) -> tuple[PostId, ...]:
    """Return the posts of the report, if it is about the target. Raises NotFound if there is no such report.

    Raises Invalid if the action is about posts and there are none.
    """
    report = None if sanction.report is None else reports.by_ids(cursor, ids=[sanction.report]).get(sanction.report)
    if sanction.report is not None and report is None:
        raise NotFound
    posts = report.posts if report and report.target.id == target else ()
    if sanction.action.needs_posts and not posts:
        raise Invalid({"type": NO_POSTS}, codes={"type": "ERR_INVALID"})
    return posts
