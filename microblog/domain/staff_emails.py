"""E-mails to moderators about what waits for them: a report, a sign-up that needs approval, an appeal."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.domain.email_queue import enqueue
from microblog.model.emails import EmailKind
from microblog.model.ids import AccountId
from microblog.storage import users
from microblog.storage.database import Cursor


class StaffEvent(StrEnum):
    """The kind of matter for a moderator."""

    REPORT = "report"
    SIGN_UP = "sign_up"
    APPEAL = "appeal"


@frozen
class Waiting:
    """A matter for a moderator: by whom, in which words, and the page that shows it. `name`: an address, or a host."""

    event: StaffEvent
    id: int
    name: str
    text: str
    page: str
    target: str = ""


def email_staff(cursor: Cursor, waiting: Waiting, now: datetime, *, excluding: AccountId | None = None) -> None:
    """Queue an e-mail to each moderator and administrator, once. Whether they want it is looked up when it is sent."""
    key = f"{waiting.event} {waiting.id}"
    for member in users.by_accounts(cursor, accounts=[account for account in users.staff(cursor) if account != excluding]):
        enqueue(
            cursor,
            EmailKind.MODERATION,
            member.login,
            now,
            event=waiting.event,
            who=waiting.name,
            target=waiting.target,
            text=waiting.text,
            page=waiting.page,
            key=key,
        )
