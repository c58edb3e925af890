"""Whatever ends somebody's right to listen ends what they have open, at once, and nothing is said there any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from attrs import frozen

from microblog.domain.account_admin import AccountAdmin
from microblog.domain.apps import AppRegistration
from microblog.domain.tokens import fresh_token, give
from microblog.model.ids import AccountId
from microblog.model.oauth import RegisteredApp
from microblog.storage.database import execute
from tests import make
from tests.fakes import done, quick_passwords
from tests.web.memory import FORM, ask
from tests.web.sample_data import Stream, Village, village_at
from tests.web.visitor import PASSWORD, Visitor, document

NEW = "another good password"
BOTH = frozenset({"session", "token"})


@pytest.fixture
def village(database_url: str, tmp_path: Path) -> Iterator[Village]:
    with village_at(database_url, tmp_path) as made:
        yield made


@frozen
class Bob:
    """Who listens: with a browser and with a program. `ada` writes what they hear; another browser of theirs has been left open."""

    village: Village
    ada: Visitor
    browser: Visitor
    elsewhere: Visitor
    app: RegisteredApp
    token: str

    @property
    def id(self) -> AccountId:
        """The account."""
        return self.village.viewer("bob").id

    @property
    def members(self) -> AccountAdmin:
        """The administrator's commands."""
        return AccountAdmin(self.village.database, quick_passwords(), lambda: make.NOW)

    def submit(self, who: Visitor, target: str, page: str, **fields: str) -> None:
        """Send a form; it is taken."""
        reply = who.submit(target, page, **fields)
        assert reply.status == 303, reply.text

    def give_back(self) -> None:
        """The program ends its token, as OAuth has it."""
        sent = {"token": self.token, "client_id": self.app.app.client_id, "client_secret": self.app.secret}
        reply = ask(self.village.server, "POST", "/oauth/revoke", {"Content-Type": FORM}, urlencode(sent).encode())
        assert reply.status == 200, reply.text

    def streams(self) -> dict[str, Stream]:
        """Both open streams."""
        return {
            "session": self.village.listen("/live/home", self.elsewhere),
            "token": self.village.listen("/api/v1/streaming/user", Authorization=f"Bearer {self.token}"),
        }


def at(village: Village) -> Bob:
    """Settle them."""
    ada, bob = village.resident("ada"), village.resident("bob")
    done(village.domain.follows.follow(village.viewer("bob"), village.viewer("ada").id))
    elsewhere = Visitor(village.server)
    assert elsewhere.submit("/login", name="bob", password=PASSWORD).status == 303
    app = done(village.domain.apps.register(AppRegistration("Ticker", ("https://ticker.example/",), "read")))
    token, id = fresh_token(), village.viewer("bob").id
    done(village.database.run(give, token, app=app.app.id, account=id, scopes=("read",), now=make.NOW))
    village.happens()
    return Bob(village, ada, bob, elsewhere, app, token)


def expire(bob: Bob) -> None:
    """The session's time is over, and no event says so."""
    id = bob.id
    with bob.village.database.connection as connection, connection.cursor() as cursor:
        execute(cursor, "update sessions set expires_at = now() - interval '1 second' where account_id = %(id)s", {"id": id})
    for _ in range(61):
        bob.village.reactor.advance(1)


def one_session(bob: Bob) -> None:
    """The browser that was left open is ended from the list of the other."""
    page = bob.browser.get("/settings/sessions")
    [target] = document(page).xpath("//button/@formaction[contains(., '/settings/sessions/')]")
    bob.submit(bob.browser, str(target), "/settings/sessions")


ENDS: dict[str, tuple[Callable[[Bob], object], frozenset[str]]] = {
    "logging out": (lambda bob: bob.submit(bob.elsewhere, "/logout", "/home"), frozenset({"session"})),
    "ending one session": (one_session, frozenset({"session"})),
    "ending all other sessions": (
        lambda bob: bob.submit(bob.browser, "/settings/sessions/revoke-others", "/settings/sessions"),
        frozenset({"session"}),
    ),
    "a session that grew too old": (expire, frozenset({"session"})),
    "the program gives its token back": (Bob.give_back, frozenset({"token"})),
    "the program is signed out": (
        lambda bob: bob.submit(bob.browser, f"/settings/apps/{bob.app.app.id}/revoke", "/settings/apps"),
        frozenset({"token"}),
    ),
    "the program is deleted": (lambda bob: done(bob.village.domain.tokens.delete_app(bob.app.app.id)), frozenset({"token"})),
    "the administrator revokes the tokens": (lambda bob: done(bob.village.domain.tokens.revoke_all(bob.id)), frozenset({"token"})),
    "a new password": (
        lambda bob: bob.submit(bob.browser, "/settings/password", "/settings/account", current=PASSWORD, password=NEW),
        BOTH,
    ),
    "a password from the administrator": (lambda bob: done(bob.members.reset_password(bob.id, NEW)), BOTH),
    "a login that is disabled": (lambda bob: done(bob.members.disable(bob.id)), BOTH),
    "a suspension": (lambda bob: done(bob.members.suspend(bob.id)), BOTH),
    "a deletion by the administrator": (lambda bob: done(bob.members.delete(bob.id)), BOTH),
    "a deletion by oneself": (lambda bob: bob.submit(bob.browser, "/settings/delete", "/settings/delete", password=PASSWORD), BOTH),
}


@pytest.mark.parametrize("how", ENDS)
def test_what_ends_the_right_to_listen_ends_the_streams_and_no_others(village: Village, how: str) -> None:
    bob = at(village)
    streams, bystander = bob.streams(), village.listen("/live/home", bob.ada)
    village.post(bob.ada, "Before")
    assert all([event.name for event in stream.read()] == ["update"] for stream in (*streams.values(), bystander))
    end, ended = ENDS[how]
    end(bob)
    village.happens()
    for stream in streams.values():
        stream.read()
    village.post(bob.ada, "After")
    assert {name for name, stream in streams.items() if stream.line.closed} == ended
    assert {name for name, stream in streams.items() if not stream.read()} == ended
    assert not bystander.line.closed
    assert [event.name for event in bystander.read()] == ["update"]
    again = bob.streams()
    assert {name for name, stream in again.items() if stream.opened.status != 200} == ended
