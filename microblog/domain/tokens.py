"""Tokens: what programs show instead of a password. They do not expire; their owner ends them.

Who has one is remembered for looking (identities.py), and forgotten when it is revoked: in this process at once, in others with the next
wake. No command is carried out for a token that the database has not just been asked about.
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

from microblog.domain import scopes as scope_rules
from microblog.model.accounts import AccountWithLogin, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound, Unauthenticated
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, AppId, TokenId
from microblog.model.oauth import App, Authorization, IssuedToken, Token, TokenContext
from microblog.storage import events, oauth, push_subscriptions
from microblog.storage.database import Cursor, Transactions

_log = Logger()

USED_EVERY = timedelta(hours=1)
MOST_TOKENS = 30  # of one app for one account; the oldest goes first
MOST_OWN_TOKENS = 1_000  # of an app for itself: all who use it in a browser may share one registration
REVOKED = "The access token was revoked"
DISABLED = "Your login is currently disabled"
UNCONFIRMED = "Your login is missing a confirmed e-mail address"
PENDING = "Your login is currently pending approval"
UNKNOWN_SCOPE = "The requested scope is invalid, unknown, or malformed."


def fresh_token() -> str:
    """256 random bits, as text for a cookie, a header or an address."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes | None:
    """What the database knows of a token; None for what cannot be one."""
    return sha256(token.encode()).digest() if token.isascii() and 20 <= len(token) <= 100 else None


def hash_of(fresh: str) -> bytes:
    """What the database knows of a token that was made here."""
    return sha256(fresh.encode()).digest()


def revoked(cursor: Cursor, *, account: AccountId | None, ids: Iterable[TokenId], now: datetime) -> None:
    """Write down that these tokens are over, so that what is open with them is closed. Nothing is pushed to their programs any more."""
    if gone := list(ids):
        push_subscriptions.forget_tokens(cursor, tokens=gone)
    for id in gone:
        events.record(cursor, EventKind.TOKEN_REVOKED, at=now, account=account, data={"token": str(id)})


def revoke_every(cursor: Cursor, *, account: AccountId, now: datetime) -> None:
    """Revoke all tokens of the account, and what could become one, in the transaction that is the reason for it."""
    oauth.forget_codes_of(cursor, account=account)
    push_subscriptions.forget_account(cursor, account=account)
    if oauth.revoke_of_account(cursor, account=account, now=now):
        events.record(cursor, EventKind.TOKEN_REVOKED, at=now, account=account, data={"all": True})


def give(cursor: Cursor, issued: str, *, app: AppId, account: AccountId | None, scopes: Iterable[str], now: datetime) -> Token:
    """Write down that the app has this token of the account (None: of its own). Its oldest ones go where it has too many.

    Raises Forbidden where the account may not log in.
    """
    token = oauth.insert_token(cursor, token_hash=hash_of(issued), app=app, account=account, scopes=tuple(scopes), now=now)
    if token is None:
        raise Forbidden(DISABLED)
    keep = MOST_OWN_TOKENS if account is None else MOST_TOKENS
    gone = oauth.revoke_oldest(cursor, app=app, account=account, keep=keep, now=now)
    revoked(cursor, account=account, ids=gone, now=now)
    return token


@frozen
class Tokens:
    """Who a token belongs to, and the commands about tokens."""

    database: Transactions
    now: Callable[[], datetime]
    make_token: Callable[[], str] = fresh_token
    _shown: set[TokenId] = field(factory=set, init=False, eq=False, repr=False)

    async def by_bearer(self, text: str, *, pending: bool = False) -> TokenContext | None:
        """What this token stands for; None if it is none. Notes now and then that it was used.

        Raises Unauthenticated if it was revoked, Forbidden if its owner may not log in (any more, or yet: unless `pending` people may).
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
            self._note_use(found.token.id)
        return TokenContext(found.token.id, found.app, frozenset(found.token.scopes), viewer)

    async def issue(self, account: AccountId | None, scopes: str, name: str = "Script") -> IssuedToken:
        """A token for a script, which appears as an app of this name. Without an account it is an app's own.

        Raises Invalid for scopes that there are not and for a bad name, Forbidden if the account may not log in.
        """
        wanted = scope_rules.parse(scopes)
        if wanted is None:
            raise Invalid({"scopes": UNKNOWN_SCOPE}, sentence=UNKNOWN_SCOPE)
        title = name.strip()
        if not title or len(title) > 60 or not title.isprintable():
            raise Invalid({"name": "The name must have between 1 and 60 characters"})
        return await self.database.run(self._issue, account, wanted, title)

    async def welcome(self, access: TokenContext, account: AccountId) -> IssuedToken:
        """A token of a new account for the app that signed it up, good for what the app's own token is."""
        return await self.database.run(self._welcome, access, account)

    async def of(self, account: AccountId) -> list[tuple[Token, App]]:
        """The account's tokens, the newest first."""
        return await self.database.read(oauth.tokens_of, account=account)

    async def authorizations(self, viewer: Viewer) -> list[Authorization]:
        """The apps that the viewer lets in, the one that came last first."""
        found = await self.database.read(oauth.authorizations, account=viewer.id)
        return [evolve(one, scopes=scope_rules.ordered(one.scopes)) for one in found]

    async def revoke(self, account: AccountId, token: TokenId) -> None:
        """Revoke one of the account's tokens. Raises NotFound if it has no such one."""
        await self.database.run(self._revoke, account, token)

    async def revoke_all(self, account: AccountId) -> None:
        """Revoke all of the account's tokens."""
        await self.database.run(revoke_every, account=account, now=self.now())

    async def apps(self, *, limit: int, before: int | None = None) -> list[tuple[App, int]]:
        """Apps, the newest first, each with how many tokens it has."""
        return await self.database.read(oauth.apps, limit=limit, before=before)

    async def revoke_app(self, viewer: Viewer, app: AppId) -> None:
        """Let the app in no more. Raises NotFound if it was not let in."""
        await self.database.run(self._revoke_app, viewer.id, app)

    async def delete_app(self, app: AppId) -> None:
        """Delete an app; whoever signed in with it is signed out. Raises NotFound if there is none."""
        await self.database.run(self._delete_app, app)

    def _note_use(self, token: TokenId) -> None:
        """Nobody waits for this, and those who come meanwhile are written down together: all come at once when a site was away."""
        self._shown.add(token)
        if len(self._shown) == 1:
            Deferred.fromCoroutine(self._note_uses()).addErrback(self._unnoted)

    async def _note_uses(self) -> None:
        while shown := sorted(self._shown):
            await self.database.run(oauth.used, tokens=shown, now=self.now())
            self._shown.difference_update(shown)

    def _unnoted(self, failure: Failure) -> None:
        self._shown.clear()
        _log.warn("The use of tokens could not be noted: {why}", why=failure.getErrorMessage())

    def _issue(self, cursor: Cursor, account: AccountId | None, wanted: tuple[str, ...], name: str) -> IssuedToken:
        now, text = self.now(), self.make_token()
        app = oauth.insert_app(
            cursor,
            client_id=self.make_token(),
            secret_hash=hash_of(self.make_token()),  # nobody knows it: this app signs nobody in
            name=name,
            website=None,
            redirect_uris=(),
            scopes=wanted,
            now=now,
        )
        return IssuedToken(give(cursor, text, app=app.id, account=account, scopes=wanted, now=now), text)

    def _welcome(self, cursor: Cursor, access: TokenContext, account: AccountId) -> IssuedToken:
        text = self.make_token()
        scopes = scope_rules.ordered(access.scopes)
        return IssuedToken(give(cursor, text, app=access.app.id, account=account, scopes=scopes, now=self.now()), text)

    def _revoke(self, cursor: Cursor, account: AccountId, token: TokenId) -> None:
        if not oauth.revoke(cursor, token=token, account=account, now=self.now()):
            raise NotFound
        revoked(cursor, account=account, ids=[token], now=self.now())

    def _revoke_app(self, cursor: Cursor, account: AccountId, app: AppId) -> None:
        gone = oauth.revoke_of_account(cursor, account=account, app=app, now=self.now())
        if not gone:
            raise NotFound
        revoked(cursor, account=account, ids=gone, now=self.now())

    def _delete_app(self, cursor: Cursor, app: AppId) -> None:
        for token in oauth.live_of_app(cursor, app=app):
            revoked(cursor, account=token.account_id, ids=[token.id], now=self.now())
        if not oauth.delete_app(cursor, app=app):
            raise NotFound


def _viewer(member: AccountWithLogin, *, pending: bool = False) -> Viewer:
    """Who shows the token. Raises Forbidden with the reason why they may not."""
    if member.barred:
        raise Forbidden(DISABLED)
    if member.login.confirmed_at is None and not pending:
        raise Forbidden(UNCONFIRMED)
    if member.login.approved_at is None and not pending:
        raise Forbidden(PENDING)
    return Viewer(member.account, member.login.role, member.login.preferences, pending=member.pending)
