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
from tests.web.http_client import FORM, request
from tests.web.live_site import EventStream, LiveSite, open_live_site
from tests.web.visitor import PASSWORD, Visitor, document

NEW = "another good password"
BOTH = frozenset({"session", "token"})


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as made:
        yield made


@frozen
class Bob:
    """Who listens: with a browser and with a program. `ada` writes what they hear; another browser of theirs has been left open."""

    live_site: LiveSite
    ada: Visitor
    browser: Visitor
    elsewhere: Visitor
    app: RegisteredApp
    token: str

    @property
    def id(self) -> AccountId:
        """The account."""
        return self.live_site.viewer("bob").id

    @property
    def members(self) -> AccountAdmin:
        """The administrator's commands."""
        return AccountAdmin(self.live_site.database, quick_passwords(), lambda: make.NOW)

    def submit(self, who: Visitor, target: str, page: str, **fields: str) -> None:
        """Send a form; it is taken."""
        response = who.submit(target, page, **fields)
        assert response.status == 303, response.text

    def give_back(self) -> None:
        """The program ends its token, as OAuth has it."""
        sent = {"token": self.token, "client_id": self.app.app.client_id, "client_secret": self.app.secret}
        response = request(self.live_site.server, "POST", "/oauth/revoke", {"Content-Type": FORM}, urlencode(sent).encode())
        assert response.status == 200, response.text

    def streams(self) -> dict[str, EventStream]:
        """Both open streams."""
        return {
            "session": self.live_site.listen("/live/home", self.elsewhere),
            "token": self.live_site.listen("/api/v1/streaming/user", Authorization=f"Bearer {self.token}"),
        }


def at(live_site: LiveSite) -> Bob:
    """Settle them."""
    ada, bob = live_site.registered_user("ada"), live_site.registered_user("bob")
    done(live_site.domain.follows.follow(live_site.viewer("bob"), live_site.viewer("ada").id))
    elsewhere = Visitor(live_site.server)
    assert elsewhere.submit("/login", name="bob", password=PASSWORD).status == 303
    app = done(live_site.domain.apps.register(AppRegistration("Ticker", ("https://ticker.example/",), "read")))
    token, id = fresh_token(), live_site.viewer("bob").id
    done(live_site.database.run(give, token, app=app.app.id, account=id, scopes=("read",), now=make.NOW))
    live_site.process_events()
    return Bob(live_site, ada, bob, elsewhere, app, token)


def expire(bob: Bob) -> None:
    """The session's time is over, and no event says so."""
    id = bob.id
    with bob.live_site.database.connection as connection, connection.cursor() as cursor:
        execute(cursor, "update sessions set expires_at = now() - interval '1 second' where account_id = %(id)s", {"id": id})
    for _ in range(61):
        bob.live_site.reactor.advance(1)


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
    "the program is deleted": (lambda bob: done(bob.live_site.domain.tokens.delete_app(bob.app.app.id)), frozenset({"token"})),
    "the administrator revokes the tokens": (lambda bob: done(bob.live_site.domain.tokens.revoke_all(bob.id)), frozenset({"token"})),
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
def test_revoking_access_closes_its_streams_and_no_others(live_site: LiveSite, how: str) -> None:
    bob = at(live_site)
    streams, bystander = bob.streams(), live_site.listen("/live/home", bob.ada)
    live_site.post(bob.ada, "Before")
    assert all([event.name for event in stream.read()] == ["update"] for stream in (*streams.values(), bystander))
    end, ended = ENDS[how]
    end(bob)
    live_site.process_events()
    for stream in streams.values():
        stream.read()
    live_site.post(bob.ada, "After")
    assert {name for name, stream in streams.items() if stream.connection.closed} == ended
    assert {name for name, stream in streams.items() if not stream.read()} == ended
    assert not bystander.connection.closed
    assert [event.name for event in bystander.read()] == ["update"]
    again = bob.streams()
    assert {name for name, stream in again.items() if stream.response.status != 200} == ended
