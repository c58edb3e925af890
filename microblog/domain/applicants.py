"""Sign-ups that wait for approval. Moderators hear of them once the e-mail address is confirmed, so that bots cannot fill mailboxes."""

from __future__ import annotations

from datetime import datetime

from microblog.domain.notify import notify
from microblog.domain.staff_emails import StaffEvent, Waiting, email_staff
from microblog.model.accounts import AccountWithLogin
from microblog.model.ids import AccountId
from microblog.model.notifications import NotificationKind
from microblog.storage import users
from microblog.storage.database import Cursor


def confirm(cursor: Cursor, account: AccountId, now: datetime) -> bool:
    """Mark the e-mail address as confirmed, and notify the moderators of an applicant; return False if it was confirmed before."""
    confirmed = users.confirm(cursor, account=account, now=now)
    if confirmed:
        notify_staff(cursor, users.by_account(cursor, account=account), now)
    return confirmed


def notify_staff(cursor: Cursor, member: AccountWithLogin | None, now: datetime) -> None:
    """Notify the moderators of a sign-up, also by e-mail, if it waits for approval and its address is confirmed."""
    if member is None or member.login.approved_at is not None or member.login.confirmed_at is None:
        return
    account = member.account.id
    notify(cursor, accounts=users.staff(cursor), kind=NotificationKind.SIGN_UP, sender=account, now=now)
    waiting = Waiting(StaffEvent.SIGN_UP, account, member.account.username, member.login.reason, f"/admin/accounts/{account}")
    email_staff(cursor, waiting, now)
