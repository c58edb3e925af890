"""Browsers that somebody has logged in with before: a cookie that stays after logging out tells a new one from an old one.

Chosen (2026-11): a cookie. Instead of: address and browser name, which change by themselves (and then the letter about a stranger is read
by nobody any more) or are the same for the thief.
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
MOST_BROWSERS = 50  # of one account; the one that was seen longest ago goes first


def remember_browser(cursor: Cursor, account: AccountId, origin: ClientInfo, now: datetime, *, tells: bool) -> str:
    """What the browser's cookie is to say from now on.

    With `tells`, the account is written to where others of its browsers are known and this one is not.
    """
    device = origin.device if token_hash(origin.device) else fresh_token()
    known_others = known_browsers.any_of(cursor, account=account)
    is_new = known_browsers.remember(cursor, account=account, token_hash=hash_of(device), now=now)
    if is_new:
        known_browsers.keep_newest(cursor, account=account, keep=MOST_BROWSERS)
        member = users.by_account(cursor, account=account) if tells and known_others else None
        if member is not None:
            data = {"address": origin.address, "agent": origin.user_agent[:400], "at": now.isoformat()}
            enqueue(cursor, EmailKind.LOGIN, member.login, now, **data)
    return device
