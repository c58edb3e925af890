"""Moves of accounts: people use another account, here or on another server, and their followers follow that one from then on.

The new account names the old one as an alias first, which only its owner can do. Then the old one moves; a job lets its followers of this
site follow the new account, and other servers are told to do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from attrs import define, frozen

from microblog.domain import validation
from microblog.domain.account_security import AccountSecurity
from microblog.domain.follows import FollowRequestOptions, Follows, add_to_lists, create_follow, remove_follow
from microblog.domain.relationships import Relationships
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.storage import accounts, events, follows, jobs, moves, relationships
from microblog.storage.database import Cursor, Transactions
from microblog.storage.moves import Follower

JOB = "account.move"
STEP = 50  # followers in one transaction
MAX_ALIASES = 10
OWN_PAUSE = timedelta(days=30)  # between two moves of an account of this site
REMOTE_PAUSE = timedelta(days=7)  # between two moves of an account of another server that count here
UNKNOWN = "There is no such account. Enter an address such as @name@example.social."


class AccountDirectory(Protocol):
    """Finds accounts of other servers."""

    async def current_account(self, viewer: Viewer, text: str) -> Account:
        """Return the account that an address or URL names, as its server describes it now. Raises NotFound with a sentence."""


@frozen
class MoveState:
    """The aliases of an account, the account that it moved to, and when it may move again (None: now)."""

    aliases: tuple[Account, ...]
    moved_to: Account | None
    may_move_at: datetime | None


@define
class Moves:
    """Aliases and moves of accounts of this site. Without `directory`, the site does not federate: other accounts are of this site."""

    database: Transactions
    security: AccountSecurity
    host: str
    base_url: str
    now: Callable[[], datetime]
    directory: AccountDirectory | None = None

    async def state(self, viewer: Viewer) -> MoveState:
        """Return the aliases of the viewer's account, and whether it moved."""
        return await self.database.read(self._state, viewer.id)

    async def add_alias(self, viewer: Viewer, typed: str) -> Account:
        """Name another account as one that may move to the viewer's. Raise Invalid (field alias)."""
        account = await self._named(viewer, typed, "alias")
        await self.database.run(self._add_alias, viewer, account)
        return account

    async def remove_alias(self, viewer: Viewer, id: AccountId) -> None:
        """Remove an alias; repeating it does nothing."""
        await self.database.run(self._remove_alias, viewer, id)

    async def move(self, viewer: Viewer, password: str, typed: str, network: str) -> Account:
        """Move the viewer's account to the one that is named, which must have the viewer's as an alias.

        Raise Invalid (fields current_password, moved_to), and TooMany after too many wrong passwords.
        """
        await self.security.verify_password(viewer, password, network)
        target = await self._named(viewer, typed, "moved_to")
        await self.database.run(self._move, viewer, target)
        return target

    async def cancel(self, viewer: Viewer) -> None:
        """Let the account be used and followed again. Followers who left do not come back."""
        await self.database.run(self._cancel, viewer)

    async def _named(self, viewer: Viewer, typed: str, field: str) -> Account:
        """Return the account with this address. Raise Invalid for this field."""
        text = typed.strip()
        name = validation.own_username(text.removeprefix(f"{self.base_url}/@").removeprefix(f"{self.base_url}/users/"), self.host)
        try:
            if not name and self.directory is not None:
                return await self.directory.current_account(viewer, text)
        except NotFound as problem:
            raise _invalid(field, problem.sentence) from problem
        found = await self.database.read(accounts.approved_by_username, username=name) if name else None
        if found is None or found.suspended_at is not None:
            raise _invalid(field, UNKNOWN)
        return found

    def _state(self, cursor: Cursor, id: AccountId) -> MoveState:
        account, last = accounts.by_id(cursor, id=id), moves.last_move(cursor, account=id)
        target = None if account is None or account.moved_to is None else accounts.by_id(cursor, id=account.moved_to)
        again = None if last is None else last.at + OWN_PAUSE
        return MoveState(tuple(moves.aliases(cursor, account=id)), target, again if again and again > self.now() else None)

    def _add_alias(self, cursor: Cursor, viewer: Viewer, target: Account) -> None:
        if target.id == viewer.id:
            raise _invalid("alias", "This is the account that you are logged in to.")
        accounts.lock(cursor, ids=[viewer.id])
        if len(moves.aliases(cursor, account=viewer.id)) >= MAX_ALIASES:
            raise _invalid("alias", f"You already have the maximum number of aliases ({MAX_ALIASES}).")
        if moves.add_alias(cursor, account=viewer.id, target=target.id, now=self.now()):
            events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=viewer.id)

    def _remove_alias(self, cursor: Cursor, viewer: Viewer, id: AccountId) -> None:
        if moves.remove_alias(cursor, account=viewer.id, target=id):
            events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=viewer.id)

    def _move(self, cursor: Cursor, viewer: Viewer, target: Account) -> None:
        accounts.lock(cursor, ids=[viewer.id, target.id])
        state = self._state(cursor, viewer.id)
        if target.id == viewer.id:
            raise _invalid("moved_to", "This is the account that you are logged in to.")
        if state.moved_to is not None and state.moved_to.id == target.id:
            raise _invalid("moved_to", "You have already moved to this account.")
        if state.may_move_at is not None:
            raise _invalid("moved_to", f"You moved a short while ago. You can move again on {state.may_move_at:%d %B %Y}.")
        uri = f"{self.base_url}/users/{viewer.account.username}"
        if not moves.has_alias(cursor, account=target.id, alias=viewer.id, uri=uri):
            raise _invalid("moved_to", f"@{target.acct} does not name this account as an alias yet. Add the alias there first.")
        number = begin_move(cursor, viewer.id, target.id, self.now())
        events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=viewer.id)
        data = {"move": str(number)}
        events.record(cursor, EventKind.ACCOUNT_MOVED, at=self.now(), account=viewer.id, subject=target.id, data=data)

    def _cancel(self, cursor: Cursor, viewer: Viewer) -> None:
        if moves.set_moved_to(cursor, account=viewer.id, target=None):
            events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=viewer.id)


def begin_move(cursor: Cursor, account: AccountId, target: AccountId, now: datetime) -> int:
    """Store that an account moved, and queue the job for its followers of this site. Return the number of the move."""
    number = moves.record_move(cursor, account=account, target=target, now=now)
    jobs.add(cursor, JOB, {"account": str(account), "target": str(target)}, due_at=now, now=now, key=f"{account}-{target}")
    return number


def _invalid(field: str, sentence: str) -> Invalid:
    return Invalid({field: sentence}, codes={field: "ERR_INVALID"})


@frozen
class FollowerMoves:
    """Lets the followers here of an account that moved follow the new one, with their lists, notes, blocks and mutes.

    As on Mastodon, nobody is notified. It may be interrupted and repeated: whoever has moved does not follow the old account any more.
    """

    database: Transactions
    follows: Follows
    relationships: Relationships

    async def run(self, account: AccountId, target: AccountId) -> None:
        """Move all followers, a batch at a time."""
        after: int | None = 0
        while after is not None:
            after = await self.database.run(self._step, account, target, after)
        for carry in (self._carry_blocks, self._carry_mutes):
            while await self.database.run(carry, account, target):
                pass
        await self.database.run(self._copy_notes, account, target)

    def _step(self, cursor: Cursor, account: AccountId, target: AccountId, after: int) -> int | None:
        """Move the followers that come after a follow; return the last one, None if there are no more."""
        chosen = moves.followers_here(cursor, account=account, after=after, limit=STEP)
        ids = sorted({account, target, *(follower.account for follower in chosen)})
        accounts.lock(cursor, ids=ids)
        known = {found.id: found for found in accounts.by_ids(cursor, ids=ids)}
        if not chosen or account not in known or target not in known or known[account].moved_to != target:
            return None
        for follower in chosen:
            if follower.account in known:  # else it was deleted a moment ago
                self._move(cursor, known[account], known[target], (follower, known[follower.account]))
        return chosen[-1].follow

    def _move(self, cursor: Cursor, account: Account, target: Account, moving: tuple[Follower, Account]) -> None:
        """Follow the new account, with the options of the old follow, and unfollow the old one; nothing if that is not possible."""
        (follower, who), now = moving, self.follows.now()
        options = follows.follow_options(cursor, follower=who.id, followee=account.id)
        if options is None:
            return
        state = follows.state(cursor, follower=who.id, followee=target.id)
        if who.id != target.id and state.follow is None:
            if state.blocked or target.suspended_at is not None:
                return
            if target.host is None:  # its owner asked for them all: a locked account gets no requests
                remove_follow(cursor, who.id, target.id, now)  # a request
                create_follow(cursor, who.id, target.id, options, now)
            else:
                wanted = FollowRequestOptions(options.boosts, options.notify, options.languages)
                try:
                    self.follows.follow_within(cursor, Viewer(who), target.id, wanted)
                except (Forbidden, NotFound):
                    return
        if follows.follow_options(cursor, follower=who.id, followee=target.id) is not None:
            add_to_lists(cursor, who.id, target.id, follower.lists, now)
        else:
            moves.remember_lists(cursor, follower=who.id, followee=target.id, lists=follower.lists)
        remove_follow(cursor, who.id, account.id, now)

    def _carry_blocks(self, cursor: Cursor, account: AccountId, target: AccountId) -> bool:
        found = moves.blockers_here(cursor, account=account, target=target, limit=STEP) if _has_moved(cursor, account, target) else []
        accounts.lock(cursor, ids=[target, *found])
        for who in accounts.by_ids(cursor, ids=found):
            self.relationships.block_within(cursor, Viewer(who), target)
        return len(found) == STEP

    def _carry_mutes(self, cursor: Cursor, account: AccountId, target: AccountId) -> bool:
        now = self.relationships.now()
        found = moves.mutes_here(cursor, account=account, target=target, limit=STEP) if _has_moved(cursor, account, target) else []
        for mute in found:
            relationships.mute(cursor, account=mute.account, target=target, notifications=mute.notifications, until=mute.until, now=now)
            data = {"until": mute.until.isoformat()} if mute.until else {}
            events.record(cursor, EventKind.MUTED, at=now, account=mute.account, subject=target, data=data)
        return len(found) == STEP

    def _copy_notes(self, cursor: Cursor, account: AccountId, target: AccountId) -> None:
        old = accounts.by_id(cursor, id=account)
        if old is not None and _has_moved(cursor, account, target):
            prefix = f"This user moved from @{old.acct}. Your note about that account:\n\n"
            moves.copy_notes(cursor, account=account, target=target, prefix=prefix)


def _has_moved(cursor: Cursor, account: AccountId, target: AccountId) -> bool:
    """True if both accounts exist and the move was not taken back."""
    known = {found.id: found for found in accounts.by_ids(cursor, ids=[account, target])}
    return account in known and target in known and known[account].moved_to == target


def may_move_now(cursor: Cursor, account: AccountId, target: AccountId, now: datetime) -> bool:
    """True if the move of an account of another server counts: it did not move elsewhere within seven days."""
    last = moves.last_move(cursor, account=account)
    return last is None or last.target == target or now - last.at >= REMOTE_PAUSE


def names_alias(cursor: Cursor, target: Account, other: Account) -> bool:
    """True if an account names another one, of another server, as an alias."""
    return other.uri is not None and moves.has_alias(cursor, account=target.id, alias=other.id, uri=other.uri)
