"""Streams are closed at once when the session or token that opened them ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from attrs import frozen

from microblog.domain.account_admin import AccountAdmin
from microblog.domain.apps import AppRegistration
from microblog.domain.tokens import fresh_token, store_token
from microblog.model.ids import AccountId
from microblog.model.oauth import RegisteredApp
from microblog.storage.database import execute
from tests import make
from tests.fakes import quick_passwords, result_of
from tests.web.http_client import FORM, request
from tests.web.live_site import EventStream, LiveSite, open_live_site
from tests.web.visitor import PASSWORD, Visitor, document

NEW = "another good password"
BOTH = frozenset({"session", "token"})


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as site:
        yield site


@frozen
class StreamingUser:
    """A user with streams by session and by token. `ada` writes posts; `elsewhere` is a second browser of the user."""

    live_site: LiveSite
    ada: Visitor
    browser: Visitor
    elsewhere: Visitor
    app: RegisteredApp
    token: str

    @property
    def id(self) -> AccountId:
        """The user's account."""
        return self.live_site.viewer("bob").id

    @property
    def members(self) -> AccountAdmin:
        """The administrator's service."""
        return AccountAdmin(self.live_site.database, quick_passwords(), lambda: make.NOW)

    def submit(self, who: Visitor, target: str, page: str, **fields: str) -> None:
        """Send a form, which must be accepted."""
        response = who.submit(target, page, **fields)
        assert response.status == 303, response.text

    def revoke_token(self) -> None:
        """Revoke the token through OAuth."""
        sent = {"token": self.token, "client_id": self.app.app.client_id, "client_secret": self.app.secret}
        response = request(self.live_site.server, "POST", "/oauth/revoke", {"Content-Type": FORM}, urlencode(sent).encode())
        assert response.status == 200, response.text

    def streams(self) -> dict[str, EventStream]:
        """Open a stream by session and one by token."""
        return {
            "session": self.live_site.listen("/live/home", self.elsewhere),
            "token": self.live_site.listen("/api/v1/streaming/user", Authorization=f"Bearer {self.token}"),
        }


def create_user(live_site: LiveSite) -> StreamingUser:
    """Create the users and the app."""
    ada, user = live_site.registered_user("ada"), live_site.registered_user("bob")
    result_of(live_site.domain.follows.follow(live_site.viewer("bob"), live_site.viewer("ada").id))
    elsewhere = Visitor(live_site.server)
    assert elsewhere.submit("/login", name="bob", password=PASSWORD).status == 303
    app = result_of(live_site.domain.apps.register(AppRegistration("Ticker", ("https://ticker.example/",), "read")))
    token, id = fresh_token(), live_site.viewer("bob").id
    result_of(live_site.database.run(store_token, token, app=app.app.id, account=id, scopes=("read",), now=make.NOW))
    live_site.process_events()
    return StreamingUser(live_site, ada, user, elsewhere, app, token)


def expire(user: StreamingUser) -> None:
    """Let the session expire, without an event."""
    id = user.id
    with user.live_site.database.connection as connection, connection.cursor() as cursor:
        execute(cursor, "update sessions set expires_at = now() - interval '1 second' where account_id = %(id)s", {"id": id})
    for _ in range(61):
        user.live_site.reactor.advance(1)


def end_other_session(user: StreamingUser) -> None:
    """End the second browser's session from the first."""
    page = user.browser.get("/settings/sessions")
    [target] = document(page).xpath("//button/@formaction[contains(., '/settings/sessions/')]")
    user.submit(user.browser, str(target), "/settings/sessions")


ENDS: dict[str, tuple[Callable[[StreamingUser], object], frozenset[str]]] = {
    "logging out": (lambda user: user.submit(user.elsewhere, "/logout", "/home"), frozenset({"session"})),
    "ending one session": (end_other_session, frozenset({"session"})),
    "ending all other sessions": (
        lambda user: user.submit(user.browser, "/settings/sessions/revoke-others", "/settings/sessions"),
        frozenset({"session"}),
    ),
    "an expired session": (expire, frozenset({"session"})),
    "the app revokes its token": (StreamingUser.revoke_token, frozenset({"token"})),
    "the user revokes the app": (
        lambda user: user.submit(user.browser, f"/settings/apps/{user.app.app.id}/revoke", "/settings/apps"),
        frozenset({"token"}),
    ),
    "the app is deleted": (lambda user: result_of(user.live_site.domain.tokens.delete_app(user.app.app.id)), frozenset({"token"})),
    "the administrator revokes the tokens": (
        lambda user: result_of(user.live_site.domain.tokens.revoke_all(user.id)),
        frozenset({"token"}),
    ),
    "a new password": (
        lambda user: user.submit(user.browser, "/settings/password", "/settings/account", current=PASSWORD, password=NEW),
        BOTH,
    ),
    "a password from the administrator": (lambda user: result_of(user.members.reset_password(user.id, NEW)), BOTH),
    "a login that is disabled": (lambda user: result_of(user.members.disable(user.id)), BOTH),
    "a suspension": (lambda user: result_of(user.members.suspend(user.id)), BOTH),
    "a deletion by the administrator": (lambda user: result_of(user.members.delete(user.id)), BOTH),
    "a deletion by oneself": (lambda user: user.submit(user.browser, "/settings/delete", "/settings/delete", password=PASSWORD), BOTH),
}


@pytest.mark.parametrize("ending", ENDS)
def test_revoking_access_closes_its_streams_and_no_others(live_site: LiveSite, ending: str) -> None:
    user = create_user(live_site)
    streams, bystander = user.streams(), live_site.listen("/live/home", user.ada)
    live_site.post(user.ada, "Before")
    assert all([event.name for event in stream.read()] == ["update"] for stream in (*streams.values(), bystander))
    end, ended = ENDS[ending]
    end(user)
    live_site.process_events()
    for stream in streams.values():
        stream.read()
    live_site.post(user.ada, "After")
    assert {name for name, stream in streams.items() if stream.connection.closed} == ended
    assert {name for name, stream in streams.items() if not stream.read()} == ended
    assert not bystander.connection.closed
    assert [event.name for event in bystander.read()] == ["update"]
    again = user.streams()
    assert {name for name, stream in again.items() if stream.response.status != 200} == ended
