"""Moderation actions against an account: apply the action, notify the owner and resolve the reports in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from microblog.model.ids import AccountId, PostId, WarningId
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

        Raise NotFound if there is no such account or report, and Invalid for an action that needs a login.
        """

        def impose(cursor: Cursor) -> None:
            posts = _reported_posts(cursor, target, sanction)
            self.elsewhere.carry_out(cursor, target, sanction.action)
            self._change_posts(cursor, target, sanction.action, posts, self.now())
            self._resolve_reports(cursor, moderator, target, sanction)
            account = suspensions.by_id(cursor, id=target)
            assert account is not None  # `carry_out` found it
            self._record(cursor, moderator, account, sanction, posts)

        await self.database.run(impose)
        found = await self.elsewhere.by_id(target)
        if found is None:
            raise NotFound
        return found

    async def impose(self, moderator: AccountId, target: AccountId, sanction: Sanction) -> AccountWithLogin:
        """Apply the action and return the account as it is afterwards.

        Raise NotFound if there is no such account or report, and Invalid (field text), before anything is changed.
        """
        validated = evolve(sanction, text=validation.limited(sanction.text, MAX_TEXT_LENGTH, "text").strip())
        return await self.database.run(self._impose, moderator, target, validated)

    def _impose(self, cursor: Cursor, moderator: AccountId, target: AccountId, sanction: Sanction) -> AccountWithLogin:
        account, posts, now = _account(cursor, target), _reported_posts(cursor, target, sanction), self.now()
        warning = warnings.insert(cursor, sanction, account=target, moderator=moderator, posts=posts, now=now)
        if sanction.notify:
            # Before the action: suspended accounts get no notifications, and the owner should find this one after a restore.
            notify(cursor, accounts=[target], kind=NotificationKind.WARNING, sender=target, now=now, warning=warning)
            enqueue_notice(cursor, EmailKind.WARNING, account.login, now, **self._email_data(sanction, warning))
        self.account_admin.carry_out(cursor, target, sanction.action)
        marked = self._change_posts(cursor, target, sanction.action, posts, now)
        if marked:
            warnings.note_marked(cursor, warning=warning, posts=marked)
        self._resolve_reports(cursor, moderator, target, sanction)
        self._record(cursor, moderator, account.account, sanction, posts)
        return _account(cursor, target)

    def undo(self, cursor: Cursor, strike: Strike) -> list[PostId]:
        """Undo a strike in the running transaction; return the posts that this changed or brought back."""
        account, warning, changed = strike.account.id, strike.warning, list[PostId]()
        self.account_admin.undo(cursor, account, warning.action)
        if warning.action is ModerationAction.MARK_STATUSES_AS_SENSITIVE:
            marked = warnings.marked(cursor, warning=warning.id)
            changed = post_moderation.mark_media(cursor, marked, account, self.now(), sensitive=False)
        elif warning.action is ModerationAction.DELETE_STATUSES:  # at the time of the decision
            changed = post_moderation.restore(cursor, warning.posts, warning.created_at, self.now())
        warnings.overrule(cursor, warning=warning.id, now=self.now())
        return changed

    def _email_data(self, sanction: Sanction, warning: WarningId) -> dict[str, str]:
        return {"action": sanction.action, "text": sanction.text, "strike": str(warning)}

    def _change_posts(
        self, cursor: Cursor, author: AccountId, action: ModerationAction, posts: Sequence[PostId], now: datetime
    ) -> list[PostId]:
        """Do what the action does to the posts; return those whose media it marked as sensitive."""
        if action is ModerationAction.DELETE_STATUSES:
            post_moderation.delete(cursor, posts, author, now)
        if action is not ModerationAction.MARK_STATUSES_AS_SENSITIVE:
            return []
        return post_moderation.mark_media(cursor, posts, author, now, sensitive=True)

    def _record(self, cursor: Cursor, moderator: AccountId, account: Account, sanction: Sanction, posts: Sequence[PostId]) -> None:
        facts: dict[str, object] = {} if sanction.report is None else {"report": str(sanction.report)}
        if sanction.action.needs_posts:
            facts["posts"] = [str(post) for post in posts]
        audit.record(cursor, audit.about(AUDIT_ACTIONS[sanction.action], moderator, account, sanction.text, facts), self.now())

    def _resolve_reports(self, cursor: Cursor, moderator: AccountId, target: AccountId, sanction: Sanction) -> None:
        if sanction.report is not None:
            reports.close(cursor, id=sanction.report, by=moderator, now=self.now())
        elif sanction.action is not ModerationAction.NONE:
            reports.close_all(cursor, target=target, by=moderator, now=self.now())


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
