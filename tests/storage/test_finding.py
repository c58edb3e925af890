"""Autocomplete of hashtags and search for accounts, with and without the extension pg_trgm."""

from __future__ import annotations

import pytest

from microblog.storage import accounts, tags
from microblog.storage.database import Cursor, execute, fetch_value
from tests import make
from tests.storage.initial_schema import schema_block


def keys(cursor: Cursor, prefix: str, limit: int = 3) -> list[str]:
    return [tag.key for tag in tags.by_prefix(cursor, prefix=prefix, viewer=None, limit=limit)]


def test_more_used_hashtags_come_first_and_the_exact_one_before_all(cursor: Cursor) -> None:
    author = make.account(cursor)
    for text in ("#tea #teapot", "#teapot", "#teapot #teatime", "#coffee"):
        make.post(cursor, author, text)
    assert keys(cursor, "tea") == ["tea", "teapot", "teatime"]
    assert keys(cursor, "teap") == ["teapot"]
    assert keys(cursor, "te") == ["teapot", "tea", "teatime"]


def test_with_many_matches_the_last_count_selects_the_candidates(cursor: Cursor) -> None:
    execute(cursor, "insert into tags (id, key, name) select n, 'tag' || n, 'tag' || n from generate_series(1, 500) n")
    execute(cursor, "update tags set uses = 1 where key <> 'tag499'")
    execute(cursor, "update tags set uses = 7 where key = 'tag400'")
    author = make.account(cursor)
    earlier = make.post(cursor, author)
    execute(cursor, "insert into post_tags (post_id, tag_id) select %(post)s, id from tags where key <> 'tag499'", {"post": earlier.id})
    make.post(cursor, author, "#tag499")
    assert keys(cursor, "tag", 1) == ["tag400"]
    assert "tag499" not in keys(cursor, "tag", 40)
    assert tags.recount(cursor, after=earlier.id) == 1
    execute(cursor, "update tags set uses = uses + 1 where key = 'tag499'")
    assert keys(cursor, "tag", 2) == ["tag400", "tag499"]


def test_like_wildcards_are_matched_literally(cursor: Cursor) -> None:
    make.post(cursor, make.account(cursor), "#a_b #axb")
    assert keys(cursor, "a_") == ["a_b"]


@pytest.mark.parametrize("with_groups", [True, False])
def test_accounts_are_found_by_a_part_of_their_name(cursor: Cursor, *, with_groups: bool) -> None:
    if not with_groups:
        execute(cursor, "drop extension if exists pg_trgm cascade")
    elif not fetch_value(cursor, "select count(*) from pg_extension where extname = 'pg_trgm'"):
        pytest.skip("this PostgreSQL has no pg_trgm")
    ada = make.account(cursor, "ada_lovelace", display_name="Countéss Đorđe")
    make.account(cursor, "grace")
    for text in ("lovelace", "LOVE", "ountes", "ada", "COUNTÈSS", "dorde"):
        found = accounts.search(cursor, text=text, viewer=None, following=False, limit=10, offset=0)
        assert [account.id for account in found] == [ada.id]


def test_the_schema_is_created_without_the_extension_where_it_cannot_be_installed(cursor: Cursor) -> None:
    execute(cursor, "drop extension if exists pg_trgm cascade")
    execute(cursor, "create role nobody_much; grant usage on schema public to nobody_much; set local role nobody_much")
    execute(cursor, schema_block("create extension"))
    execute(cursor, "reset role")
    assert fetch_value(cursor, "select count(*) from pg_extension where extname = 'pg_trgm'") == 0
