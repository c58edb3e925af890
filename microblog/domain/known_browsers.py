"""Browsers that logged in to an account before, recognized by a long-lived cookie that survives logging out.

Decision (2026-11): a cookie rather than IP address and browser name. Those change by themselves, so that users learn to ignore the
warning, or are the same for the attacker.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from microblog.domain.client_info import ClientInfo
from microblog.domain.email_queue import enqueue
from microblog.domain.tokens import fresh_token, hash_of, token_hash
from microblog.model.emails import EmailKind
from microblog.model.ids import AccountId
from microblog.storage import known_browsers, users
from microblog.storage.database import Cursor

COOKIE_LIFETIME = timedelta(days=400)  # as long as browsers keep a cookie (RFC 6265bis, section 5.5)
MAX_BROWSERS = 50  # per account; the least recently seen is dropped first


def remember_browser(cursor: Cursor, account: AccountId, client: ClientInfo, now: datetime, *, notify: bool) -> str:
    """Record the browser and return the value for its cookie.

    `notify`: send a warning e-mail if the account is known to other browsers but not to this one.
    """
    device = client.device if token_hash(client.device) else fresh_token()
    known_others = known_browsers.has_any(cursor, account=account)
    is_new = known_browsers.remember(cursor, account=account, token_hash=hash_of(device), now=now)
    if is_new:
        known_browsers.delete_oldest(cursor, account=account, keep=MAX_BROWSERS)
        member = users.by_account(cursor, account=account) if notify and known_others else None
        if member is not None:
            data = {"address": client.address, "agent": client.user_agent[:400], "at": now.isoformat()}
            enqueue(cursor, EmailKind.LOGIN, member.login, now, **data)
    return device
