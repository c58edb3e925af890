"""A database whose disk is full."""

from __future__ import annotations

import pytest
from twisted.internet import reactor

from microblog.model.errors import Unavailable
from microblog.storage.database import Cursor, Database


async def test_a_full_disk_is_a_temporary_error(database_url: str) -> None:
    database = Database(database_url, reactor, threads=1)
    database.start()
    try:
        with pytest.raises(Unavailable, match="run out of storage"):
            await database.run(_find_it_full)
        assert await database.read(_one) == (1,)
    finally:
        database.stop()


def _find_it_full(cursor: Cursor) -> None:
    cursor.execute("do $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$")


def _one(cursor: Cursor) -> object:
    cursor.execute("select 1")
    return cursor.fetchone()
