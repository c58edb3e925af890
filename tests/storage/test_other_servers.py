"""Rows of accounts and posts of other servers: what the database accepts, and that names of two servers are two names."""

from __future__ import annotations

import psycopg2
import pytest

from microblog.storage import accounts, posts, users
from microblog.storage.database import Cursor
from tests import make


@pytest.mark.parametrize(
    "columns",
    [
        {"username": "a.b"},
        {"username": "x" * 31},
        {"url": "https://there.example/@ada"},
        {"uri": "https://there.example/users/ada"},
        {"host": "there.example"},
        {"host": ""},
        {"host": "There.example", "uri": "https://there.example/users/ada"},
        {"host": "there.example", "uri": "https://there.example/users/-a", "username": "-a"},
        {"host": "there.example", "uri": "https://there.example/users/a", "username": "a" * 256},
        {"host": "there.example", "uri": "https://there.example/" + "a" * 2048},
    ],
)
def test_malformed_addresses_are_refused(cursor: Cursor, columns: dict[str, str]) -> None:
    row = {"username": "ada", "host": None, "uri": None, "url": None} | columns
    with pytest.raises(psycopg2.errors.CheckViolation):
        cursor.execute(
            """insert into accounts (id, username, host, uri, url, created_at)
               values (1, %(username)s, %(host)s, %(uri)s, %(url)s, now())""",
            row,
        )


@pytest.mark.parametrize("username", ["ada", "a.b-c", "a" * 255, "Some_One"])
def test_names_of_other_servers_may_be_longer(cursor: Cursor, username: str) -> None:
    assert make.remote_account(cursor, username).acct == f"{username}@there.example"


def test_a_username_is_unique_on_its_host_without_regard_to_case(cursor: Cursor) -> None:
    here = make.account(cursor, "ada")
    there, elsewhere = make.remote_account(cursor, "ADA"), make.remote_account(cursor, "ada", "else.example")
    assert len({here.id, there.id, elsewhere.id}) == 3
    assert accounts.insert(cursor, username="aDa", now=make.NOW) is None
    with pytest.raises(psycopg2.errors.UniqueViolation):
        make.remote_account(cursor, "Ada")


def test_a_uri_names_one_account_and_one_post(cursor: Cursor) -> None:
    there = make.remote_account(cursor)
    first, second = make.remote_post(cursor, there), make.remote_post(cursor, there)
    cursor.execute("savepoint before")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        cursor.execute("update posts set uri = %s where id = %s", [first.uri, second.id])
    cursor.execute("rollback to before")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        cursor.execute("update accounts set uri = %s where id = %s", [there.uri, make.remote_account(cursor).id])


def test_looking_up_a_username_finds_the_account_of_its_host(cursor: Cursor) -> None:
    there = make.remote_account(cursor, "Ada")
    assert accounts.by_username(cursor, username="ada") is None
    assert accounts.usernames_in_use(cursor, usernames=["ada"]) == []
    assert posts.mentionable(cursor, usernames=["ada"]) == []
    here = make.member(cursor, "ada").account
    assert accounts.by_username(cursor, username="ADA") == accounts.approved_by_username(cursor, username="ADA") == here
    assert accounts.by_usernames(cursor, usernames=["ada"]) == [here]
    assert accounts.approved_by_username(cursor, username="ada", host="there.example") == there
    assert accounts.approved_by_username(cursor, username="ada", host="else.example") is None
    assert [named.account_id for named in posts.mentionable(cursor, usernames=["ada"])] == [here.id]
    found = users.by_name(cursor, name="-", username="ada")
    assert found is not None
    assert found.account == here


def test_the_name_of_a_deleted_account_of_another_server_is_free_here(cursor: Cursor) -> None:
    there = make.remote_account(cursor, "ada")
    accounts.mark_deleted(cursor, id=there.id, at=make.NOW)
    assert not accounts.is_deleted(cursor, username="ada")
    assert not accounts.release_name(cursor, username="ada")
    assert accounts.insert(cursor, username="ada", now=make.NOW)
