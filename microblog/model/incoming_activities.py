"""Activities of other servers on their way to their effect."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from microblog.model.ids import AccountId


@frozen
class IncomingActivity:
    """A received activity. `recipient_id` is the owner of the personal inbox that it came to, None for the shared one."""

    id: int
    signer_id: AccountId
    recipient_id: AccountId | None
    body: str = field(repr=False)
    received_at: datetime


@frozen
class ActivityToStore:
    """An activity that arrived. `key` recognises it when it arrives again; `host` is that of the signer."""

    key: str
    signer_id: AccountId
    host: str
    body: str = field(repr=False)
    recipient_id: AccountId | None = None
