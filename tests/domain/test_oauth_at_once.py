"""Two concurrent token requests with one authorization code, on a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from microblog.domain.apps import AppRegistration, Apps
from microblog.domain.oauth import OAuth, ProtocolError, RedirectBack
from microblog.domain.tokens import Tokens
from microblog.model.accounts import Viewer
from microblog.model.errors import Unauthenticated
from microblog.model.oauth import IssuedToken
from microblog.storage.database import Connection, connect
from tests import make
from tests.fakes import RolledBackDatabase, result_of

CALLBACK = "https://client.example/"


def code_of(connection: Connection, clock: Any) -> dict[str, str]:
    """Return the token request's parameters for a new authorization code."""
    with connection, connection.cursor() as cursor:
        database = RolledBackDatabase(cursor)
        made = result_of(Apps(database, clock).register(AppRegistration("Tapper", (CALLBACK,))))
        asked = {"client_id": made.app.client_id, "redirect_uri": CALLBACK, "response_type": "code"}
        back = result_of(OAuth(database, clock).allow(asked, Viewer(make.member(cursor).account)))
        assert isinstance(back, RedirectBack)
        sent = {"client_id": made.app.client_id, "client_secret": made.secret, "redirect_uri": CALLBACK}
        return sent | {"grant_type": "authorization_code", "code": dict(back.params)["code"]}


def test_using_a_code_twice_at_once_gives_one_token_and_revokes_it(database_url: str) -> None:
    def clock() -> Any:
        return make.NOW

    with closing(connect(database_url)) as first, closing(connect(database_url)) as second:
        sent = code_of(first, clock)

        def exchange(connection: Connection) -> IssuedToken | ProtocolError:
            with connection, connection.cursor() as cursor:
                return OAuth(RolledBackDatabase(cursor), clock)._token(cursor, sent, "")

        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(exchange, (first, second)))
        [issued] = [one for one in outcomes if isinstance(one, IssuedToken)]
        [refusal] = [one for one in outcomes if isinstance(one, ProtocolError)]
        assert refusal.code == "invalid_grant"
        with first.cursor() as cursor:
            tokens = Tokens(RolledBackDatabase(cursor), clock)
            with pytest.raises(Unauthenticated, match="The access token was revoked"):
                result_of(tokens.by_bearer(issued.text))
