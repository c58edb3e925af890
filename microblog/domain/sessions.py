"""Logging in, staying logged in, logging out.

A session is a random token that only its cookie and its browser know; the database has its SHA-256. Who has one is remembered for looking
(identities.py), and forgotten when it ends: in this process at once, in others with the next wake. Commands ask the database each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from attrs import field, frozen

from microblog.domain.client_info import ClientInfo
from microblog.domain.known_browsers import remember_browser
from microblog.domain.passwords import Hashes
from microblog.domain.rate_limits import LoginThrottle
from microblog.domain.tokens import fresh_token, revoke_every, token_hash
from microblog.domain.validation import own_username
from microblog.model.accounts import AccountWithLogin, Session, Viewer
from microblog.model.errors import Forbidden, NotFound, Unauthenticated
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, SessionId
from microblog.storage import events, sessions, users
from microblog.storage.database import Cursor, Transactions

LIFETIME = timedelta(days=60)  # without a visit
SEEN_EVERY = timedelta(minutes=10)
MOST_SESSIONS = 50  # of one account; the one that was seen longest ago goes first
LONGEST_NAME = 320  # characters of a username or an address that are looked at
LONGEST_USER_AGENT = 400
WRONG = "There is nobody with this name and this password."
SHUT = "Your login is currently disabled"


@frozen
class NewSession:
    """A session that has just begun, with the token for its cookie; `device` is for the cookie by which the browser is known again."""

    token: str = field(repr=False)
    session_id: SessionId
    account_id: AccountId
    device: str = field(default="", repr=False)


def ended(cursor: Cursor, *, account: AccountId, ids: Iterable[SessionId], now: datetime) -> None:
    """Write down that these sessions are over, so that what is open in their browsers is closed."""
    for id in ids:
        events.record(cursor, EventKind.SESSION_ENDED, at=now, account=account, data={"session": str(id)})


def end_every(cursor: Cursor, *, account: AccountId, now: datetime) -> None:
    """End all sessions of the account and revoke all its tokens, in the transaction that is the reason for it."""
    revoke_every(cursor, account=account, now=now)
    sessions.end_all(cursor, account=account)
    events.record(cursor, EventKind.SESSION_ENDED, at=now, account=account, data={"all": True})


@frozen
class Sessions:
    """The commands about sessions, and who a cookie belongs to. `host` is the site's public one: people log in as `name@host`, too."""

    database: Transactions
    passwords: Hashes
    throttle: LoginThrottle
    now: Callable[[], datetime]
    host: str = ""
    make_token: Callable[[], str] = fresh_token

    async def log_in(self, name: str, password: str, origin: ClientInfo, replaces: str = "") -> NewSession:
        """Begin a session for the username (`name`, `@name`, `name@our.host`) or e-mail address.

        The session of the token that it `replaces` ends.

        Where the account's other browsers are known and this one is not, its owner is written to.

        Raises Unauthenticated if name or password are wrong (after the same work for either), Forbidden if the login is shut,
        TooMany after too many failures, Unavailable if too many log in at this moment.
        """
        member = await self._member(name)
        known_as = member.account.username if member else name.strip()[:LONGEST_NAME]
        await self.throttle.allow(origin.network, known_as)
        verdict = await self.passwords.verify(member.login.password_hash if member else None, password)
        if member is None or not verdict.correct:
            await self.throttle.failed(origin.network, known_as)
            raise Unauthenticated(WRONG)
        if member.barred:
            raise Forbidden(SHUT)
        proof = member.login.password_hash
        entry = await self.database.run(self._begin, member.account.id, origin, proof, replaces)
        if verdict.fresh:
            await self.database.run(users.change_password, account=member.account.id, password_hash=verdict.fresh, old_hash=proof)
        return entry

    async def begin(self, account: AccountId, origin: ClientInfo, replaces: str = "") -> NewSession:
        """Begin a session for somebody who has just proved otherwise who they are, such as by signing up."""
        return await self.database.run(self._begin, account, origin, None, replaces)

    async def by_cookie(self, token: str) -> tuple[Viewer, Session] | None:
        """Who has this token; None if nobody has, or may not come in any more. Notes now and then that they were here."""
        hashed = token_hash(token)
        found = await self.database.read(sessions.by_token, token_hash=hashed, now=self.now()) if hashed else None
        if found and self.now() - found[1].last_seen_at >= SEEN_EVERY:
            await self.database.run(sessions.seen, id=found[1].id, now=self.now(), expires_at=self.now() + LIFETIME)
        return found

    async def is_over(self, token: str) -> bool:
        """True unless there is a session with this token, also where its account may not come in for now."""
        hashed = token_hash(token)
        return hashed is None or not await self.database.read(sessions.lasts, token_hash=hashed, now=self.now())

    async def log_out(self, token: str) -> None:
        """End the session with this token, if there is one."""
        if hashed := token_hash(token):
            await self.database.run(self._log_out, hashed)

    async def of(self, viewer: Viewer) -> list[Session]:
        """The viewer's sessions, the newest first."""
        return await self.database.read(sessions.of_account, account=viewer.id, now=self.now())

    async def end(self, viewer: Viewer, id: SessionId) -> None:
        """End one of the viewer's sessions. Raises NotFound if they have no such one."""
        await self.database.run(self._end, viewer.id, id)

    async def end_others(self, viewer: Viewer) -> int:
        """End all the viewer's sessions but the one that asks; how many."""
        return await self.database.run(self._end_others, viewer)

    async def sweep(self, limit: int = 1000) -> int:
        """Forget sessions that have expired, at most `limit`; how many."""
        return await self.database.run(sessions.sweep, now=self.now(), limit=limit)

    async def _member(self, name: str) -> AccountWithLogin | None:
        tidy = name.strip()
        if not tidy or len(tidy) > LONGEST_NAME or not tidy.isprintable():
            return None
        return await self.database.read(users.by_name, name=tidy, username=own_username(tidy, self.host))

    def _begin(self, cursor: Cursor, account: AccountId, origin: ClientInfo, proof: str | None, replaces: str) -> NewSession:
        now, token = self.now(), self.make_token()
        hashed = token_hash(token)
        assert hashed
        id = sessions.open_session(
            cursor,
            account=account,
            token_hash=hashed,
            now=now,
            expires_at=now + LIFETIME,
            address=origin.address,
            user_agent=_printable(origin.user_agent),
            proof=proof,
        )
        if id is None:  # shut, suspended, deleted or given another password while we looked at this one
            raise Unauthenticated(WRONG)
        if old := token_hash(replaces):
            self._log_out(cursor, old)
        ended(cursor, account=account, ids=sessions.end_oldest(cursor, account=account, keep=MOST_SESSIONS), now=now)
        return NewSession(token, id, account, remember_browser(cursor, account, origin, now, notify=proof is not None))

    def _log_out(self, cursor: Cursor, hashed: bytes) -> None:
        if gone := sessions.end_by_token(cursor, token_hash=hashed):
            account, id = gone
            ended(cursor, account=account, ids=[id], now=self.now())

    def _end(self, cursor: Cursor, account: AccountId, id: SessionId) -> None:
        if not sessions.end(cursor, account=account, id=id):
            raise NotFound
        ended(cursor, account=account, ids=[id], now=self.now())

    def _end_others(self, cursor: Cursor, viewer: Viewer) -> int:
        gone = sessions.end_all(cursor, account=viewer.id, but=viewer.session_id)
        ended(cursor, account=viewer.id, ids=gone, now=self.now())
        return len(gone)


def _printable(user_agent: str) -> str:
    return "".join(char for char in user_agent[:LONGEST_USER_AGENT] if char.isprintable())
