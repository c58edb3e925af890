"""Access tokens of apps. They do not expire; their owner revokes them.

Authentication for reading is cached (auth_cache.py) and invalidated when the token is revoked: in this process at once, in others
with the next wake-up. Commands always ask the database.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from hashlib import sha256

from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.domain import audit
from microblog.domain import scopes as scope_rules
from microblog.model.accounts import AccountWithLogin, Viewer
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.errors import Forbidden, Invalid, NotFound, Unauthenticated
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, AppId, TokenId
from microblog.model.oauth import App, Authorization, IssuedToken, Token, TokenContext
from microblog.storage import accounts, events, oauth, push_subscriptions
from microblog.storage.database import Cursor, Transactions

_log = Logger()

USED_EVERY = timedelta(hours=1)
MAX_TOKENS = 30  # of one app for one account; the oldest is revoked first
MAX_OWN_TOKENS = 1_000  # of an app for itself: all users of a web app may share one registration
REVOKED = "The access token was revoked"
DISABLED = "Your login is currently disabled"
UNCONFIRMED = "Your login is missing a confirmed e-mail address"
PENDING = "Your login is currently pending approval"
UNKNOWN_SCOPE = "The requested scope is invalid, unknown, or malformed."


def fresh_token() -> str:
    """Return 256 random bits as text, safe in cookies, headers and URLs."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes | None:
    """Return the SHA-256 that the database stores of a token; None if the text cannot be a token."""
    return sha256(token.encode()).digest() if token.isascii() and 20 <= len(token) <= 100 else None


def hash_of(fresh: str) -> bytes:
    """Return the SHA-256 that the database stores of a token that was made here."""
    return sha256(fresh.encode()).digest()


def record_revoked(cursor: Cursor, *, account: AccountId | None, ids: Iterable[TokenId], now: datetime) -> None:
    """Record that these tokens were revoked, so that their streaming connections are closed, and delete their push subscriptions."""
    if revoked_ids := list(ids):
        push_subscriptions.delete_of_tokens(cursor, tokens=revoked_ids)
    for id in revoked_ids:
        events.record(cursor, EventKind.TOKEN_REVOKED, at=now, account=account, data={"token": str(id)})


def revoke_every(cursor: Cursor, *, account: AccountId, now: datetime) -> None:
    """Revoke all tokens and authorization codes of the account, in the transaction that is the reason for it."""
    oauth.delete_codes_of(cursor, account=account)
    push_subscriptions.delete_of_account(cursor, account=account)
    if oauth.revoke_of_account(cursor, account=account, now=now):
        events.record(cursor, EventKind.TOKEN_REVOKED, at=now, account=account, data={"all": True})


def store_token(cursor: Cursor, issued: str, *, app: AppId, account: AccountId | None, scopes: Iterable[str], now: datetime) -> Token:
    """Store a token of the app for the account (None: for the app itself), and revoke the oldest ones above the maximum.

    Raises Forbidden if the account may not log in.
    """
    token = oauth.insert_token(cursor, token_hash=hash_of(issued), app=app, account=account, scopes=tuple(scopes), now=now)
    if token is None:
        raise Forbidden(DISABLED)
    keep = MAX_OWN_TOKENS if account is None else MAX_TOKENS
    revoked_ids = oauth.revoke_oldest(cursor, app=app, account=account, keep=keep, now=now)
    record_revoked(cursor, account=account, ids=revoked_ids, now=now)
    return token


@frozen
class Tokens:
    """Authentication by access token, and the commands about tokens."""

    database: Transactions
    now: Callable[[], datetime]
    make_token: Callable[[], str] = fresh_token
    _recently_used: dict[TokenId, str] = field(factory=dict, init=False, eq=False, repr=False)

    async def by_bearer(self, text: str, *, address: str = "", pending: bool = False) -> TokenContext | None:
        """Return the context of this token; None if it is unknown. Stores when and from which address it was used, once per USED_EVERY.

        Raises Unauthenticated if it was revoked, Forbidden if its owner may not log in (unconfirmed and unapproved accounts may if
        `pending`).
        """
        hashed = token_hash(text)
        found = await self.database.read(oauth.bearer, token_hash=hashed) if hashed else None
        if found is None:
            return None
        viewer = _viewer(found.member, pending=pending) if found.member else None
        if found.token.revoked_at is not None:
            raise Unauthenticated(REVOKED)
        if viewer is None and found.token.account_id is not None:
            return None
        if found.token.used_at is None or self.now() - found.token.used_at >= USED_EVERY:
            self._note_use(found.token.id, address)
        return TokenContext(found.token.id, found.app, frozenset(found.token.scopes), viewer)

    # --- Commands of the administrator on the command line, which the audit log has

    async def issue(self, account: AccountId | None, scopes: str, name: str = "Script") -> IssuedToken:
        """Issue a token for a script, which is listed as an app of this name. Without an account, the token is the app's own.

        Raises Invalid for unknown scopes and for a bad name, Forbidden if the account may not log in.
        """
        parsed_scopes = scope_rules.parse(scopes)
        if parsed_scopes is None:
            raise Invalid({"scopes": UNKNOWN_SCOPE}, sentence=UNKNOWN_SCOPE)
        title = name.strip()
        if not title or len(title) > 60 or not title.isprintable():
            raise Invalid({"name": "The name must have between 1 and 60 characters"})
        return await self.database.run(self._issue, account, parsed_scopes, title)

    async def revoke(self, account: AccountId, token: TokenId) -> None:
        """Revoke one of the account's tokens. Raises NotFound."""
        await self.database.run(self._revoke, account, token)

    async def revoke_all(self, account: AccountId) -> None:
        """Revoke all of the account's tokens."""
        await self.database.run(self._revoke_all, account)

    async def delete_app(self, app: AppId) -> None:
        """Delete an app and revoke all its tokens. Raises NotFound."""
        await self.database.run(self._delete_app, app)

    # --- Tokens of users

    async def issue_on_sign_up(self, access: TokenContext, account: AccountId) -> IssuedToken:
        """Issue a token of a new account for the app that signed it up, with the scopes of the app's own token."""
        return await self.database.run(self._welcome, access, account)

    async def of(self, account: AccountId) -> list[tuple[Token, App]]:
        """Return the account's tokens, newest first."""
        return await self.database.read(oauth.tokens_of, account=account)

    async def authorizations(self, viewer: Viewer) -> list[Authorization]:
        """Return the apps that the viewer has authorized, the latest first."""
        found = await self.database.read(oauth.authorizations, account=viewer.id)
        return [evolve(one, scopes=scope_rules.ordered(one.scopes)) for one in found]

    async def apps(self, *, limit: int, before: int | None = None) -> list[tuple[App, int]]:
        """Return registered apps, newest first, each with its number of tokens."""
        return await self.database.read(oauth.apps, limit=limit, before=before)

    async def revoke_app(self, viewer: Viewer, app: AppId) -> None:
        """Revoke the viewer's authorization of the app. Raises NotFound if it was not authorized."""
        await self.database.run(self._revoke_app, viewer.id, app)

    def _note_use(self, token: TokenId, address: str) -> None:
        """Schedule the update of the row, in batches and without waiting, because all clients reconnect at once after an outage."""
        self._recently_used[token] = address
        if len(self._recently_used) == 1:
            Deferred.fromCoroutine(self._note_uses()).addErrback(self._use_not_noted)

    async def _note_uses(self) -> None:
        while used := dict(sorted(self._recently_used.items())):
            await self.database.run(oauth.record_use, addresses=used, now=self.now())
            for token in used:
                self._recently_used.pop(token, None)

    def _use_not_noted(self, failure: Failure) -> None:
        self._recently_used.clear()
        _log.warn("Could not record the use of tokens: {reason}", reason=failure.getErrorMessage())

    def _issue(self, cursor: Cursor, account: AccountId | None, parsed_scopes: tuple[str, ...], name: str) -> IssuedToken:
        now, text = self.now(), self.make_token()
        app = oauth.insert_app(
            cursor,
            client_id=self.make_token(),
            secret_hash=hash_of(self.make_token()),  # unknown to anyone: this app cannot use OAuth
            name=name,
            website=None,
            redirect_uris=(),
            scopes=parsed_scopes,
            now=now,
        )
        token = store_token(cursor, text, app=app.id, account=account, scopes=parsed_scopes, now=now)
        self._record(cursor, AuditAction.TOKEN_CREATE, account, token.id, app=name, scopes=" ".join(parsed_scopes))
        return IssuedToken(token, text)

    def _record(self, cursor: Cursor, action: AuditAction, account: AccountId | None, token: TokenId | None, **facts: object) -> None:
        owner = None if account is None else accounts.by_id(cursor, id=account)
        audit.record(cursor, AuditEntry(action, None, owner.acct if owner else "", token, account, facts=facts), self.now())

    def _welcome(self, cursor: Cursor, access: TokenContext, account: AccountId) -> IssuedToken:
        text = self.make_token()
        scopes = scope_rules.ordered(access.scopes)
        return IssuedToken(store_token(cursor, text, app=access.app.id, account=account, scopes=scopes, now=self.now()), text)

    def _revoke(self, cursor: Cursor, account: AccountId, token: TokenId) -> None:
        if not oauth.revoke(cursor, token=token, account=account, now=self.now()):
            raise NotFound
        record_revoked(cursor, account=account, ids=[token], now=self.now())
        self._record(cursor, AuditAction.TOKEN_DELETE, account, token)

    def _revoke_all(self, cursor: Cursor, account: AccountId) -> None:
        revoke_every(cursor, account=account, now=self.now())
        self._record(cursor, AuditAction.TOKEN_DELETE, account, None, all=True)

    def _revoke_app(self, cursor: Cursor, account: AccountId, app: AppId) -> None:
        revoked_ids = oauth.revoke_of_account(cursor, account=account, app=app, now=self.now())
        if not revoked_ids:
            raise NotFound
        record_revoked(cursor, account=account, ids=revoked_ids, now=self.now())

    def _delete_app(self, cursor: Cursor, app: AppId) -> None:
        for token in oauth.valid_of_app(cursor, app=app):
            record_revoked(cursor, account=token.account_id, ids=[token.id], now=self.now())
        name = oauth.delete_app(cursor, app=app)
        if name is None:
            raise NotFound
        audit.record(cursor, AuditEntry(AuditAction.APP_DELETE, None, name, app), self.now())


def _viewer(member: AccountWithLogin, *, pending: bool = False) -> Viewer:
    """Return the token's owner. Raises Forbidden with the reason why they may not log in."""
    if member.barred:
        raise Forbidden(DISABLED)
    if member.login.confirmed_at is None and not pending:
        raise Forbidden(UNCONFIRMED)
    if member.login.approved_at is None and not pending:
        raise Forbidden(PENDING)
    return Viewer(member.account, member.login.role, member.login.preferences, pending=member.pending)
