"""Sessions: logging in, staying logged in, logging out.

A session is a random token that only the browser's cookie contains; the database stores its SHA-256. Authentication for reading is cached
(auth_cache.py) and invalidated when the session ends: in this process at once, in others with the next wake-up. Commands always ask
the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from attrs import field, frozen
from twisted.logger import Logger

from microblog.domain.client_info import ClientInfo
from microblog.domain.known_browsers import remember_browser
from microblog.domain.passwords import Hashes
from microblog.domain.rate_limits import LoginThrottle
from microblog.domain.tokens import fresh_token, revoke_every, token_hash
from microblog.domain.validation import own_username
from microblog.model.accounts import Account, AccountWithLogin, Session, Viewer
from microblog.model.errors import Forbidden, NotFound, Unauthenticated
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, SessionId
from microblog.storage import events, sessions, users
from microblog.storage.database import Cursor, Transactions

LIFETIME = timedelta(days=60)  # without a visit
MAX_LIFETIME = timedelta(days=365)  # from log-in, unless a setting says otherwise
SEEN_EVERY = timedelta(minutes=10)
MAX_SESSIONS = 50  # per account; the least recently used is ended first
MAX_NAME_LENGTH = 320  # characters of a username or an e-mail address
MAX_USER_AGENT_LENGTH = 400
WRONG_CREDENTIALS = "Wrong username or password."
DISABLED = "Your login is currently disabled"

_log = Logger()


class LoginBarred(Forbidden):
    """The password is right, but the account is suspended or disabled."""

    def __init__(self, account: Account) -> None:
        super().__init__(DISABLED)
        self.account = account


@frozen
class NewSession:
    """A session that has just begun, with the token for its cookie; `device` is the value for the device cookie.

    `max_lifetime`: how long the cookie may be needed, if the session is used all the time.
    """

    token: str = field(repr=False)
    session_id: SessionId
    account_id: AccountId
    max_lifetime: timedelta
    device: str = field(default="", repr=False)


def record_ended(cursor: Cursor, *, account: AccountId, ids: Iterable[SessionId], now: datetime) -> None:
    """Record that these sessions have ended, so that their streaming connections are closed."""
    for id in ids:
        events.record(cursor, EventKind.SESSION_ENDED, at=now, account=account, data={"session": str(id)})


def end_every(cursor: Cursor, *, account: AccountId, now: datetime) -> None:
    """End all sessions and revoke all tokens of the account, in the transaction that is the reason for it."""
    revoke_every(cursor, account=account, now=now)
    sessions.end_all(cursor, account=account)
    events.record(cursor, EventKind.SESSION_ENDED, at=now, account=account, data={"all": True})


def log_refused(client: str, account: AccountId | None, reason: str) -> None:
    """Log a refused log-in or password. `client`: address or network; `account`: None if there is no such account; `reason`: one word.

    The name that was entered is not logged: people enter their password there by mistake.
    """
    _log.info(
        "A log-in or password from {client} was refused for account {account_id}: {reason}",
        event="login_refused",
        client=client,
        account_id=account,
        reason=reason,
    )


@frozen
class Sessions:
    """The commands about sessions, and authentication by cookie. `host` is the site's public host name: `name@host` can log in too.

    `max_lifetime`: sessions end this long after log-in, however often they are used.
    """

    database: Transactions
    passwords: Hashes
    throttle: LoginThrottle
    now: Callable[[], datetime]
    host: str = ""
    max_lifetime: timedelta = MAX_LIFETIME
    make_token: Callable[[], str] = fresh_token

    async def log_in(self, name: str, password: str, origin: ClientInfo, replaces: str = "") -> NewSession:
        """Begin a session for the username (`name`, `@name`, `name@our.host`) or e-mail address.

        The session whose token is `replaces` ends. If the account's other browsers are known and this one is not, its owner gets an e-mail.

        Raises Unauthenticated if username or password are wrong (after the same work for either), LoginBarred if the account is suspended
        or disabled, TooMany after too many failures, Unavailable if too many people log in at this moment.
        """
        member = await self._member(name)
        throttle_name = member.account.username if member else name.strip()[:MAX_NAME_LENGTH]
        await self.throttle.allow(origin.network, throttle_name)
        verdict = await self.passwords.verify(member.login.password_hash if member else None, password)
        if member is None or not verdict.correct:
            await self.throttle.failed(origin.network, throttle_name)
            log_refused(origin.address, member.account.id if member else None, "wrong")
            raise Unauthenticated(WRONG_CREDENTIALS)
        if member.barred:
            log_refused(origin.address, member.account.id, "disabled")
            raise LoginBarred(member.account)
        proof = member.login.password_hash
        session = await self.database.run(self._begin, member.account.id, origin, proof, replaces)
        _log.info("Account {account_id} logged in from {client}", event="logged_in", account_id=member.account.id, client=origin.address)
        if verdict.new_hash:
            await self.database.run(users.change_password, account=member.account.id, password_hash=verdict.new_hash, old_hash=proof)
        return session

    async def begin(self, account: AccountId, origin: ClientInfo, replaces: str = "") -> NewSession:
        """Begin a session for an account that was authenticated otherwise, such as by signing up."""
        return await self.database.run(self._begin, account, origin, None, replaces)

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """Return the viewer and session of this token; None if it is invalid or the account may not log in. Updates `last_seen_at`."""
        hashed = token_hash(token)
        found = await self.database.read(sessions.by_token, token_hash=hashed, now=self.now()) if hashed else None
        if found and self.now() - found[1].last_seen_at >= SEEN_EVERY:
            expires_at = self._expires_at(found[1].created_at)
            await self.database.run(sessions.record_activity, id=found[1].id, now=self.now(), expires_at=expires_at)
            return found if expires_at > self.now() else None  # a session older than a longest lifetime that was shortened since
        return found

    async def is_over(self, token: str) -> bool:
        """Return True unless a session has this token, even if its account may not log in at the moment."""
        hashed = token_hash(token)
        return hashed is None or not await self.database.read(sessions.is_unexpired, token_hash=hashed, now=self.now())

    async def log_out(self, token: str) -> None:
        """End the session with this token, if there is one."""
        if hashed := token_hash(token):
            await self.database.run(self._log_out, hashed)

    async def of(self, viewer: Viewer) -> list[Session]:
        """Return the viewer's sessions, newest first."""
        return await self.database.read(sessions.of_account, account=viewer.id, now=self.now())

    async def end(self, viewer: Viewer, id: SessionId) -> None:
        """End one of the viewer's sessions. Raises NotFound."""
        await self.database.run(self._end, viewer.id, id)

    async def end_others(self, viewer: Viewer) -> int:
        """End all the viewer's sessions but the current one; returns how many."""
        return await self.database.run(self._end_others, viewer)

    async def sweep(self, limit: int = 1000) -> int:
        """Delete expired sessions, at most `limit`; returns how many."""
        return await self.database.run(sessions.delete_expired, now=self.now(), limit=limit)

    async def _member(self, name: str) -> AccountWithLogin | None:
        cleaned = name.strip()
        if not cleaned or len(cleaned) > MAX_NAME_LENGTH or not cleaned.isprintable():
            return None
        return await self.database.read(users.by_name, name=cleaned, username=own_username(cleaned, self.host))

    def _begin(self, cursor: Cursor, account: AccountId, origin: ClientInfo, proof: str | None, replaces: str) -> NewSession:
        now, token = self.now(), self.make_token()
        hashed = token_hash(token)
        assert hashed
        id = sessions.open_session(
            cursor,
            account=account,
            token_hash=hashed,
            now=now,
            expires_at=self._expires_at(now),
            address=origin.address,
            user_agent=_printable(origin.user_agent),
            verified_hash=proof,
        )
        if id is None:  # disabled, suspended, deleted or given another password while this one was checked
            raise Unauthenticated(WRONG_CREDENTIALS)
        if old := token_hash(replaces):
            self._log_out(cursor, old)
        record_ended(cursor, account=account, ids=sessions.end_oldest(cursor, account=account, keep=MAX_SESSIONS), now=now)
        return NewSession(token, id, account, self.max_lifetime, remember_browser(cursor, account, origin, now, notify=proof is not None))

    def _expires_at(self, created_at: datetime) -> datetime:
        return min(self.now() + LIFETIME, created_at + self.max_lifetime)

    def _log_out(self, cursor: Cursor, hashed: bytes) -> None:
        if gone := sessions.end_by_token(cursor, token_hash=hashed):
            account, id = gone
            record_ended(cursor, account=account, ids=[id], now=self.now())

    def _end(self, cursor: Cursor, account: AccountId, id: SessionId) -> None:
        if not sessions.end(cursor, account=account, id=id):
            raise NotFound
        record_ended(cursor, account=account, ids=[id], now=self.now())

    def _end_others(self, cursor: Cursor, viewer: Viewer) -> int:
        gone = sessions.end_all(cursor, account=viewer.id, excluding=viewer.session_id)
        record_ended(cursor, account=viewer.id, ids=gone, now=self.now())
        return len(gone)


def _printable(user_agent: str) -> str:
    return "".join(char for char in user_agent[:MAX_USER_AGENT_LENGTH] if char.isprintable())
