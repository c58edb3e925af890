"""Accounts of servers whose media are rejected, and the removal of their media."""

from __future__ import annotations

from collections.abc import Collection

from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, Prepared, execute, fetch_all
from microblog.storage.domain_accounts import IN_DOMAIN


def accounts(cursor: Cursor, *, domain: str, after: AccountId, limit: int) -> list[AccountId]:
    """Return accounts of a domain and its subdomains, in the order of their ids."""
    sql = f"select a.id from accounts a where {IN_DOMAIN} and a.id > %(after)s order by a.id limit %(limit)s"
    return fetch_all(cursor, AccountId, sql, {"domain": domain, "after": after, "limit": limit})


def hide(cursor: Cursor, *, accounts: Collection[AccountId]) -> None:
    """Show the default images, no emoji, and links in place of media, for these accounts and their posts. Copies are released."""
    for statement in _HIDE:
        execute(cursor, statement, {"accounts": list(accounts)})


_HIDE = (
    Prepared("""update accounts set avatar = null, header = null, emojis = null
        where id = any(%(accounts)s) and num_nonnulls(avatar, header, emojis) > 0"""),
    Prepared("update remote_actors set avatar_copied_url = null, header_copied_url = null where account_id = any(%(accounts)s)"),
    Prepared("update posts set emojis = null where account_id = any(%(accounts)s) and deleted_at is null and emojis is not null"),
    Prepared("""update media set state = 'failed', problem = 'No media of this server are shown.'
        where account_id = any(%(accounts)s) and remote_url is not null and state = 'ready'"""),
    Prepared("""update remote_files f set media_id = null, account_id = null
        where f.account_id = any(%(accounts)s)
            or f.id in (select c.id from media m join remote_files c on c.media_id = m.id where m.account_id = any(%(accounts)s))"""),
    Prepared("""update remote_files set emoji_id = null where emoji_id in (select e.id from emojis e
        where e.host in (select host from accounts where id = any(%(accounts)s)))"""),
)
