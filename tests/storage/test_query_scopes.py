"""Statements about people here leave out those of other servers. `tests/test_architecture.py` checks that each statement is listed."""

from __future__ import annotations

import re

import pytest

from tests.storage.query_scopes import HERE, TABLES, Scopes, Statement, statements, storage_sources, whole_sql

KNOWN = {statement.name: statement for statement in statements(storage_sources())}
SAYS_HERE = r"\bhost is null\b|\buri is null\b|coalesce\(a\.host, ''\) = ''|\b(?:users|sessions) \w\b"
"""An account or post of this site, or a row that only accounts of this site have."""
BY_USERNAME = r"lower\((?:\w\.)?username\) (?:=|like|in)\s"


@pytest.mark.parametrize("table", TABLES)
def test_statements_about_people_here_leave_out_other_servers(table: str) -> None:
    listed = Scopes.of(table)
    about = listed.about(table, KNOWN)
    chosen = [name for name, scope in listed.by_name.items() if scope == HERE]
    assert [name for name in chosen if not re.search(SAYS_HERE, whole_sql(about[name], KNOWN))] == []


def test_a_username_is_never_looked_up_without_its_host() -> None:
    """The same username can exist on any number of servers."""
    looked_up = {name: whole_sql(statement, KNOWN) for name, statement in KNOWN.items() if re.search(BY_USERNAME, statement.sql)}
    assert looked_up.keys() >= {"accounts._BY_USERNAMES", "users.by_name", "posts._MENTIONABLE", "autocomplete._PEOPLE"}
    assert [name for name, sql in looked_up.items() if "host" not in sql] == []


SOURCE = '''
from microblog.storage.elsewhere import PIECE
def by_name(cursor):
    """Return accounts from accounts."""
    execute(cursor, "select id from accounts where lower(username) = 'a'")
_ALL = Prepared("select from others o, posts p")
_BUILT = f"select 1 from {PIECE}"
def passes_on(cursor):
    execute(cursor, _BUILT)
def builds(cursor):
    execute(cursor, _BUILT + " limit 1")
'''


def test_a_new_statement_is_noticed() -> None:
    found = {statement.name: statement for statement in statements({"new": SOURCE})}
    listed = Scopes({"elsewhere.PIECE": "part", "new._BUILT": "part"})
    assert set(listed.about("accounts", found)) == {"new.by_name", "new._BUILT", "new.builds"}
    assert set(Scopes({}).about("posts", found)) == {"new._ALL"}
    assert Statement("x", "update accounts set a = 1", frozenset()).mentions("accounts")
    assert not Statement("x", "select 1 -- from accounts", frozenset()).mentions("accounts")
