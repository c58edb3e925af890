"""Addresses of accounts in databases of earlier releases, which store those of sessions as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from microblog.model.ids import AccountId
from microblog.storage import account_addresses, sessions, suspensions, users
from microblog.storage.database import Cursor, connect, execute
from microblog.storage.migrate import known, migrate
from tests import make

ODD_TEXTS = ("", "unknown", "999.1.1.1", "192.0.2.1:80", "fe80::1%eth0")


def log_in_from(cursor: Cursor, account: AccountId, address: str, number: int) -> None:
    """Store a session, as all releases do."""
    execute(
        cursor,
        """insert into sessions (id, token_hash, account_id, created_at, seen_at, expires_at, address)
           values (%(id)s, int8send(%(id)s), %(account)s, now(), now(), now() + interval '1 day', %(address)s)""",
        {"id": number, "account": account, "address": address},
    )


def addresses_of(cursor: Cursor, account: AccountId) -> set[str]:
    return {one.address for one in account_addresses.of_accounts(cursor, accounts=[account]).get(account, [])}


def test_an_upgrade_leaves_out_texts_that_are_no_addresses_and_keeps_suspended_accounts(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect(new_database())
    with connection.cursor() as cursor:
        cursor.execute("drop schema public cascade; create schema public")
        connection.commit()
        with monkeypatch.context() as before:
            steps = [step for step in known() if step.number < 43]
            before.setattr("microblog.storage.migrate.known", lambda: steps)
            migrate(connection)
        ada = AccountId(1)
        cursor.execute("insert into accounts (id, username, created_at, suspended_at) values (1, 'ada', now(), now() - interval '1 year')")
        cursor.execute("insert into users (account_id, email, password_hash, created_at) values (1, 'ada@example.org', '', now())")
        for number, address in enumerate((*ODD_TEXTS, "2001:db8::7")):
            log_in_from(cursor, ada, address, number)
        connection.commit()
        assert migrate(connection) == [step.name for step in known() if step.number >= 43]
        assert addresses_of(cursor, ada) == {"2001:db8::7", "fe80::1"}
        kept_until = suspensions.kept_until(cursor, id=ada, kept_for=timedelta(days=30))
        assert kept_until is not None
        assert timedelta(days=29) < kept_until - datetime.now(UTC) < timedelta(days=31)
    connection.close()


@pytest.mark.parametrize("text", ODD_TEXTS[:-1])
def test_a_text_that_is_no_address_does_not_keep_anybody_from_logging_in_or_signing_up(cursor: Cursor, text: str) -> None:
    ada = make.account(cursor, "ada")
    assert users.insert(cursor, account=ada.id, email="a@b.c", password_hash="x", now=make.NOW, address=text)
    opened = sessions.open_session(
        cursor,
        account=ada.id,
        token_hash=b"x",
        now=make.NOW,
        expires_at=make.NOW + timedelta(days=1),
        address=text,
        user_agent="",
        verified_hash=None,
    )
    assert opened is not None
    assert addresses_of(cursor, ada.id) == set()
