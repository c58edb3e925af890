"""Follows that begin in a transaction which is not committed yet when something ends all follows: they end too."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

import pytest

from microblog.domain import blocked_domains, remote_suspensions, severances
from microblog.domain.account_deletion import AccountDeletion, begin_deletion
from microblog.domain.blocked_domains import BlockedDomains
from microblog.domain.follows import FollowRequestOptions, Follows
from microblog.domain.remote_suspensions import RemoteSuspensions
from microblog.model.accounts import Account, Viewer
from microblog.model.severances import SeveranceKind
from microblog.storage.database import Cursor, Database, fetch_value
from tests import make
from tests.federation.outgoing import remote_actor
from tests.make import NOW
from tests.storage.test_people_at_once import database, interleaved

__all__ = ["database"]

HOST = "there.example"


def now() -> datetime:
    return NOW


async def block_domain(database: Database, ada: Viewer, bo: Account) -> None:
    domains = BlockedDomains(database, now)
    await domains.block(ada, HOST)
    left = "select (payload->>'event')::bigint from jobs where kind = %(kind)s"
    if event := await database.read(fetch_value, left, {"kind": blocked_domains.JOB}):
        await domains.cut(ada.id, HOST, event)


async def suspend_account(database: Database, ada: Viewer, bo: Account) -> None:
    await database.run(remote_suspensions.begin, bo, NOW)
    event = await database.run(severances.begin, SeveranceKind.ACCOUNT_SUSPENSION, bo.acct, NOW)
    await RemoteSuspensions(database, now).cut_follows(bo.id, event)


async def delete_account(database: Database, ada: Viewer, bo: Account) -> None:
    await database.run(begin_deletion, ada.id, NOW)
    await AccountDeletion(database, now).purge(ada.id)


ENDINGS: list[Callable[[Database, Viewer, Account], Coroutine[Any, Any, None]]] = [block_domain, suspend_account, delete_account]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
async def test_a_follow_that_begins_while_all_are_ended_ends_too(
    database: Database, end: Callable[[Database, Viewer, Account], Coroutine[Any, Any, None]]
) -> None:
    ada, bo = await database.run(lambda cursor: (make.viewer(cursor), remote_actor(cursor, HOST, "bo")))

    def follow(cursor: Cursor, pause: Callable[[], None]) -> None:
        Follows(database, now).follow_within(cursor, Viewer(bo), ada.id, FollowRequestOptions())
        pause()

    await interleaved(database, follow, lambda: end(database, ada, bo))
    follows = f"select count(*) from follows where {ada.id} in (follower_id, followee_id)"
    assert await database.read(fetch_value, follows) == 0
    counts = "select sum(followers) + sum(following) from account_counts"
    assert await database.read(fetch_value, counts) == 0
