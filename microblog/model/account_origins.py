"""Origins of accounts, for moderators: network addresses, app and invite."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.ids import AccountId, AppId


class AddressSource(StrEnum):
    """The use of an address."""

    APP = "app"
    SESSION = "session"
    SIGN_UP = "sign_up"


@frozen
class AccountAddress:
    """A network address of an account, and when it was last used. The time is accurate to the hour."""

    address: str
    used_at: datetime
    sources: tuple[AddressSource, ...]


@frozen
class AccountOrigin:
    """The addresses of an account, the most recently used first, and what it signed up with.

    `invited_by`: the account whose invite it used; None: no invite, or unknown. `inviter`: its username; empty if it was deleted.
    `app`, `app_name`: None and empty: the website or the command line.
    """

    addresses: tuple[AccountAddress, ...] = ()
    invited_by: AccountId | None = None
    inviter: str = ""
    app: AppId | None = None
    app_name: str = ""


UNKNOWN_ORIGIN = AccountOrigin()
