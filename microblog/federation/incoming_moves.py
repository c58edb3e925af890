"""Moves of accounts of other servers: their followers here follow the new account, if that names the old one as an alias."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain.moves import begin_move, may_move_now, names_alias
from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.fetching import NotFetched
from microblog.federation.remote_actors import RemoteActors
from microblog.model.accounts import Account
from microblog.model.federation import Activity, InvalidDocument
from microblog.model.ids import AccountId
from microblog.model.jobs import RetryLater
from microblog.storage import accounts, remote_posts
from microblog.storage.database import Cursor, Transactions


def is_move_of_followed(cursor: Cursor, activity: Activity, signer: AccountId) -> bool:
    """True if an account that somebody here follows says where it itself moved to."""
    is_own = activity.object_id == activity.actor and activity.target not in (None, activity.actor)
    return is_own and remote_posts.is_followed(cursor, account=signer)


@frozen
class IncomingMoves:
    """Moves of accounts of other servers, to any server."""

    database: Transactions
    actors: RemoteActors
    ids: SiteIds
    now: Callable[[], datetime]

    async def moved(self, activity: Activity, signer: Account, finish: Callable[[Cursor], None]) -> None:
        """Let an account move. Raises RetryLater if the server of the new account does not respond.

        The new account is read anew: its owner may have added the alias a moment ago.
        """
        target = await self._target(activity.target) if activity.object_id == activity.actor and activity.target else None
        await self.database.run(self._move, signer, target, finish)

    async def _target(self, uri: str) -> AccountId | None:
        found = self.ids.parse(uri)
        if found is not None:
            name = found.name if found.kind is LocalKind.ACTOR else ""
            local = await self.database.read(accounts.approved_by_username, username=name)
            return None if local is None else local.id
        try:
            return (await self.actors.fetch(uri)).id
        except NotFetched as problem:
            if problem.temporary:
                raise RetryLater(str(problem)) from problem
        except InvalidDocument:
            pass
        return None

    def _move(self, cursor: Cursor, signer: Account, target: AccountId | None, finish: Callable[[Cursor], None]) -> None:
        accounts.lock(cursor, ids=[signer.id])
        known = None if target is None or target == signer.id else accounts.by_id(cursor, id=target)
        if (
            known is not None
            and known.suspended_at is None
            and known.moved_to != signer.id
            and names_alias(cursor, known, signer)
            and may_move_now(cursor, signer.id, known.id, self.now())
        ):
            begin_move(cursor, signer.id, known.id, self.now())
        finish(cursor)
