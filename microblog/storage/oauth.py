"""OAuth apps, authorization codes and access tokens. Secrets are stored as hashes only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from microblog.model.accounts import AccountWithLogin
from microblog.model.ids import AccountId, AppId, TokenId
from microblog.model.oauth import App, Authorization, AuthorizationCode, Bearer, Token
from microblog.storage import accounts, users
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value, first_column, suppress_wakeup

APP = "p.id, p.client_id, p.name, p.website, p.redirect_uris, p.scopes, p.created_at"
APP_WIDTH = 7
TOKEN = "t.id, t.app_id, t.account_id, t.scopes, t.created_at, t.used_at, t.revoked_at"  # noqa: S105 - columns
TOKEN_WIDTH = 7


def _app(id: int, client_id: str, name: str, website: str | None, redirect_uris: list[str], scopes: list[str], created_at: datetime) -> App:
    return App(AppId(id), client_id, name, website, tuple(redirect_uris), tuple(scopes), created_at)


def _token(id: int, app: int, account: int | None, scopes: list[str], *times: Any) -> Token:
    return Token(TokenId(id), AppId(app), None if account is None else AccountId(account), tuple(scopes), *times)


def insert_app(
    cursor: Cursor,
    *,
    client_id: str,
    secret_hash: bytes,
    name: str,
    website: str | None,
    redirect_uris: Sequence[str],
    scopes: Sequence[str],
    now: datetime,
) -> App:
    """Store a new app."""
    found = fetch_one(
        cursor,
        _app,
        f"""insert into apps as p (id, client_id, secret_hash, name, website, redirect_uris, scopes, created_at)
            values (new_id(%(now)s), %(client_id)s, %(secret_hash)s, %(name)s, %(website)s, %(redirect_uris)s, %(scopes)s, %(now)s)
            returning {APP}""",
        {
            "client_id": client_id,
            "secret_hash": secret_hash,
            "name": name,
            "website": website,
            "redirect_uris": list(redirect_uris),
            "scopes": list(scopes),
            "now": now,
        },
    )
    assert found is not None
    return found


def app(cursor: Cursor, *, client_id: str) -> tuple[App, bytes] | None:
    """Return the app with this client id, and the hash of its secret."""
    return fetch_one(
        cursor,
        lambda secret_hash, *columns: (_app(*columns), bytes(secret_hash)),
        f"select p.secret_hash, {APP} from apps p where p.client_id = %(client_id)s",
        {"client_id": client_id},
    )


def apps(cursor: Cursor, *, limit: int, before: int | None) -> list[tuple[App, int]]:
    """Return apps with ids below `before`, newest first, each with its number of valid tokens."""
    return fetch_all(
        cursor,
        lambda tokens, *columns: (_app(*columns), tokens),
        f"""select (select count(*) from tokens t where t.app_id = p.id and t.revoked_at is null), {APP} from apps p
            where %(before)s::bigint is null or p.id < %(before)s order by p.id desc limit %(limit)s""",
        {"before": before, "limit": limit},
    )


def delete_app(cursor: Cursor, *, app: AppId) -> str | None:
    """Delete the app with its codes and tokens; return its name, or None if there is none."""
    name = fetch_value(cursor, "delete from apps where id = %(app)s returning name", {"app": app})
    return None if name is None else str(name)


def insert_code(cursor: Cursor, *, code_hash: bytes, code: AuthorizationCode, now: datetime) -> None:
    """Store an authorization code."""
    execute(
        cursor,
        """insert into oauth_codes (code_hash, app_id, account_id, redirect_uri, scopes, challenge, created_at, expires_at)
           values (%(code_hash)s, %(app)s, %(account)s, %(redirect_uri)s, %(scopes)s, %(challenge)s, %(now)s, %(expires_at)s)""",
        {
            "code_hash": code_hash,
            "app": code.app_id,
            "account": code.account_id,
            "redirect_uri": code.redirect_uri,
            "scopes": list(code.scopes),
            "challenge": code.challenge,
            "now": now,
            "expires_at": code.expires_at,
        },
    )


def lock_code(cursor: Cursor, *, code_hash: bytes) -> AuthorizationCode | None:
    """Return and lock the code. None if there is none, or if its account may no longer log in."""

    def code(app: int, account: int, redirect_uri: str, scopes: list[str], *rest: Any) -> AuthorizationCode:
        return AuthorizationCode(AppId(app), AccountId(account), redirect_uri, tuple(scopes), *rest)

    return fetch_one(
        cursor,
        code,
        """select o.app_id, o.account_id, o.redirect_uri, o.scopes, o.challenge, o.expires_at, o.used_at is not null, o.token_id
           from oauth_codes o join accounts a on a.id = o.account_id join users l on l.account_id = o.account_id
           where o.code_hash = %(code_hash)s and a.suspended_at is null and a.deleted_at is null and l.disabled_at is null
           for update of o for share of a, l""",
        {"code_hash": code_hash},
    )


def mark_code_used(cursor: Cursor, *, code_hash: bytes, token: TokenId, now: datetime) -> None:
    """Record that the code was exchanged for this token."""
    execute(
        cursor,
        "update oauth_codes set used_at = %(now)s, token_id = %(token)s where code_hash = %(code_hash)s",
        {"code_hash": code_hash, "token": token, "now": now},
    )


def delete_codes_of(cursor: Cursor, *, account: AccountId) -> None:
    """Invalidate all codes of the account."""
    execute(cursor, "delete from oauth_codes where account_id = %(account)s and used_at is null", {"account": account})


def insert_token(
    cursor: Cursor, *, token_hash: bytes, app: AppId, account: AccountId | None, scopes: Sequence[str], now: datetime
) -> Token | None:
    """Store a new token. Return None if the account may not log in."""
    return fetch_one(
        cursor,
        _token,
        f"""insert into tokens as t (id, token_hash, app_id, account_id, scopes, created_at)
            select new_id(%(now)s), %(token_hash)s, %(app)s, %(account)s, %(scopes)s, %(now)s
            where %(account)s::bigint is null or exists (
                select from accounts a join users l on l.account_id = a.id
                where a.id = %(account)s and a.suspended_at is null and a.deleted_at is null and l.disabled_at is null)
            returning {TOKEN}""",
        {"token_hash": token_hash, "app": app, "account": account, "scopes": list(scopes), "now": now},
    )


def bearer(cursor: Cursor, *, token_hash: bytes) -> Bearer | None:
    """Return the token with its app and account, revoked or not."""

    def found(*columns: Any) -> Bearer:
        token, rest = _token(*columns[:TOKEN_WIDTH]), columns[TOKEN_WIDTH:]
        app, login = _app(*rest[:APP_WIDTH]), rest[APP_WIDTH : APP_WIDTH + users.WIDTH]
        if login[0] is None:
            return Bearer(token, app, None)
        return Bearer(token, app, AccountWithLogin(accounts.account_from(*rest[APP_WIDTH + users.WIDTH :]), users.login_from(*login)))

    return fetch_one(cursor, found, _BEARER, {"token_hash": token_hash})


_BEARER = Prepared(f"""
    select {TOKEN}, {APP}, {users.COLUMNS}, {accounts.COLUMNS}
    from tokens t join apps p on p.id = t.app_id
    left join (users l join ({accounts.FROM}) on a.id = l.account_id and a.deleted_at is null) on l.account_id = t.account_id
    where t.token_hash = %(token_hash)s""")


def valid_token(cursor: Cursor, *, token_hash: bytes) -> Token | None:
    """Return the token unless it was revoked."""
    return fetch_one(
        cursor,
        _token,
        f"select {TOKEN} from tokens t where t.token_hash = %(token_hash)s and t.revoked_at is null",
        {"token_hash": token_hash},
    )


def record_use(cursor: Cursor, *, addresses: Mapping[TokenId, str], now: datetime) -> None:
    """Record that these tokens were used, each from an address; empty: unknown. Not of tokens that were revoked meanwhile.

    Nobody is woken: caches of tokens need neither.
    """
    suppress_wakeup(cursor)
    execute(
        cursor,
        """update tokens t set used_at = %(now)s, address = coalesce(inet_or_null(used.address), t.address)
           from unnest(%(tokens)s::bigint[], %(addresses)s::text[]) used (id, address)
           where t.id = used.id and t.revoked_at is null""",
        {"tokens": list(addresses), "addresses": list(addresses.values()), "now": now},
    )


def tokens_of(cursor: Cursor, *, account: AccountId) -> list[tuple[Token, App]]:
    """Return the account's tokens with their apps, newest first."""
    return fetch_all(
        cursor,
        lambda *columns: (_token(*columns[:TOKEN_WIDTH]), _app(*columns[TOKEN_WIDTH:])),
        f"""select {TOKEN}, {APP} from tokens t join apps p on p.id = t.app_id
            where t.account_id = %(account)s and t.revoked_at is null order by t.id desc""",
        {"account": account},
    )


def authorizations(cursor: Cursor, *, account: AccountId) -> list[Authorization]:
    """Return the apps that the account has authorized, most recent first."""

    def authorization(scopes: list[str], since: datetime, used_at: datetime | None, *columns: Any) -> Authorization:
        return Authorization(_app(*columns), tuple(scopes), since, used_at)

    return fetch_all(
        cursor,
        authorization,
        f"""select (select array_agg(distinct scope) from tokens s, unnest(s.scopes) scope
                    where s.app_id = p.id and s.account_id = %(account)s and s.revoked_at is null),
                   t.since, t.used_at, {APP}
            -- The valid tokens of each app.
            from (select app_id, min(created_at) as since, max(used_at) as used_at, max(id) as newest from tokens
                  where account_id = %(account)s and revoked_at is null group by app_id) t
            join apps p on p.id = t.app_id order by t.newest desc""",
        {"account": account},
    )


def granted_scopes(cursor: Cursor, *, account: AccountId, app: AppId) -> list[str]:
    """Return the scopes that the account granted to the app."""
    cursor.execute(
        """select distinct unnest(scopes) from tokens
           where account_id = %(account)s and app_id = %(app)s and revoked_at is null""",
        {"account": account, "app": app},
    )
    return first_column(cursor.fetchall())


def is_valid_code(cursor: Cursor, *, code_hash: bytes, account: AccountId, now: datetime) -> bool:
    """True if the code was issued for this account and can still be used."""
    return bool(
        fetch_value(
            cursor,
            """select exists (select from oauth_codes where code_hash = %(code_hash)s and account_id = %(account)s
               and used_at is null and expires_at > %(now)s)""",
            {"code_hash": code_hash, "account": account, "now": now},
        )
    )


def _ids(cursor: Cursor) -> list[TokenId]:
    return first_column(cursor.fetchall())


def revoke(cursor: Cursor, *, token: TokenId, account: AccountId | None, now: datetime) -> bool:
    """Revoke the account's token (None: an app's own); return False if there is no valid one."""
    return bool(
        execute(
            cursor,
            """update tokens set revoked_at = %(now)s
               where id = %(token)s and account_id is not distinct from %(account)s and revoked_at is null""",
            {"token": token, "account": account, "now": now},
        )
    )


def revoke_of_account(cursor: Cursor, *, account: AccountId, now: datetime, app: AppId | None = None) -> list[TokenId]:
    """Revoke the account's tokens, all or those of one app; return their ids."""
    cursor.execute(
        """update tokens set revoked_at = %(now)s where account_id = %(account)s and revoked_at is null
           and (%(app)s::bigint is null or app_id = %(app)s) returning id""",
        {"account": account, "app": app, "now": now},
    )
    return _ids(cursor)


def revoke_oldest(cursor: Cursor, *, app: AppId, account: AccountId | None, keep: int, now: datetime) -> list[TokenId]:
    """Revoke all but the newest `keep` tokens of the app for the account (None: the app's own); return their ids."""
    cursor.execute(
        """update tokens set revoked_at = %(now)s where id in (
               select id from tokens where app_id = %(app)s and account_id is not distinct from %(account)s and revoked_at is null
               order by id desc offset %(keep)s) returning id""",
        {"app": app, "account": account, "keep": keep, "now": now},
    )
    return _ids(cursor)


def valid_of_app(cursor: Cursor, *, app: AppId) -> list[Token]:
    """Return all valid tokens of the app."""
    return fetch_all(
        cursor, _token, f"select {TOKEN} from tokens t where t.app_id = %(app)s and t.revoked_at is null order by t.id", {"app": app}
    )


def delete_expired_codes(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` codes that expired before that time; return their number."""
    return execute(
        cursor,
        """delete from oauth_codes where code_hash in (
               select code_hash from oauth_codes where expires_at < %(before)s order by expires_at limit %(limit)s)""",
        {"before": before, "limit": limit},
    )


def delete_revoked_tokens(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` tokens that were revoked before that time; return their number."""
    return execute(
        cursor,
        """delete from tokens where id in (
               select id from tokens where revoked_at < %(before)s order by revoked_at limit %(limit)s)""",
        {"before": before, "limit": limit},
    )


def delete_unused_apps(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` apps that registered before that time and have no valid token and no code; return their number."""
    return execute(
        cursor,
        """delete from apps where id in (
               select id from apps p where created_at < %(before)s
               and not exists (select from tokens t where t.app_id = p.id and t.revoked_at is null)
               and not exists (select from oauth_codes o where o.app_id = p.id and o.used_at is null)
               order by created_at limit %(limit)s)""",
        {"before": before, "limit": limit},
    )
