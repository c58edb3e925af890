"""Follows that ended because a domain or an account was suspended, or because the owner blocked a domain."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.ids import AccountId, SeveranceEventId


class SeveranceKind(StrEnum):
    """Cause of the end of follows, with the names of Mastodon's API."""

    DOMAIN_BLOCK = "domain_block"
    USER_DOMAIN_BLOCK = "user_domain_block"
    ACCOUNT_SUSPENSION = "account_suspension"


@frozen
class Severance:
    """Loss of an account of this site by an event. `target_name` is the domain, or the address of the account."""

    id: SeveranceEventId
    kind: SeveranceKind
    target_name: str
    created_at: datetime
    followers_count: int
    following_count: int


@frozen
class SeveredFollow:
    """A follow that ended, from the point of view of an account of this site. `is_follower`: the other one followed it."""

    account: AccountId
    is_follower: bool
    acct: str
    boosts: bool = True
    notify: bool = False
    languages: tuple[str, ...] | None = None
