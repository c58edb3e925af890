"""Changes of password and e-mail address, which require the current password."""

from __future__ import annotations

import pytest
from attrs import evolve, frozen

from microblog.domain.account_security import AccountSecurity
from microblog.domain.client_info import ClientInfo
from microblog.domain.passwords import Passwords
from microblog.domain.sessions import Sessions
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid, NotFound, TooMany, Unauthenticated
from microblog.storage import accounts
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import NoThrottle, RolledBackDatabase, WallClock, quick_passwords, result_of
from tests.logs.kept_events import kept_events

OLD, NEW, NETWORK = "correct horse", "battery staple", "192.0.2.1"
ORIGIN = ClientInfo(NETWORK, NETWORK, "")


@frozen
class LoginFixture:
    security: AccountSecurity
    sessions: Sessions
    throttle: NoThrottle

    def log_in(self, password: str = OLD) -> tuple[Viewer, str]:
        """Log Ann in; return her viewer and session token."""
        token = result_of(self.sessions.log_in("ann", password, ORIGIN)).token
        viewer = self.viewer_of(token)
        assert viewer is not None
        return viewer, token

    def viewer_of(self, token: str) -> Viewer | None:
        found = result_of(self.sessions.by_cookie(token))
        return found and found[0]


@pytest.fixture
def fixture(db: RolledBackDatabase, cursor: Cursor) -> LoginFixture:
    passwords: Passwords = quick_passwords()
    clock, throttle = WallClock(make.NOW), NoThrottle()
    make.member(cursor, "ann", password_hash=result_of(passwords.hash(OLD)))
    security = AccountSecurity(db, passwords, throttle, auto_confirm=True, now=clock)
    return LoginFixture(security, Sessions(db, passwords, throttle, clock), throttle)


def test_a_new_password_ends_all_other_sessions(fixture: LoginFixture, cursor: Cursor) -> None:
    _, other_token = fixture.log_in()
    ann, own_token = fixture.log_in()
    result_of(fixture.security.change_password(ann, OLD, NEW, NETWORK))
    assert fixture.viewer_of(own_token)
    assert fixture.viewer_of(other_token) is None
    with pytest.raises(Unauthenticated):
        fixture.log_in(OLD)
    assert fixture.log_in(NEW)
    cursor.execute("select count(*) from events where kind = 'session.ended' and account_id = %(ann)s", {"ann": ann.id})
    assert cursor.fetchone() == (1,)


def test_a_wrong_password_changes_nothing_and_counts_as_a_failed_login(fixture: LoginFixture) -> None:
    ann, token = fixture.log_in()
    with kept_events("login_refused") as refused:
        _enter_wrong_passwords(fixture, ann)
    assert [(event["account_id"], event["client"]) for event in refused] == [(ann.id, NETWORK)] * 3
    assert fixture.throttle.failures == [(NETWORK, "ann")] * 3
    assert fixture.viewer_of(token)
    assert result_of(fixture.security.login(ann)).email == "ann@example.org"


def _enter_wrong_passwords(fixture: LoginFixture, ann: Viewer) -> None:
    for command in (
        fixture.security.change_password(ann, "wrong", NEW, NETWORK),
        fixture.security.change_email(ann, "wrong", "new@example.org", NETWORK),
        fixture.security.delete_account(ann, "wrong", NETWORK),
    ):
        with pytest.raises(Invalid) as raised:
            result_of(command)
        assert list(raised.value.fields) == ["current_password"]


def test_a_new_password_that_is_too_short_is_refused_before_any_work(fixture: LoginFixture) -> None:
    ann, _ = fixture.log_in()
    with pytest.raises(Invalid) as raised:
        result_of(fixture.security.change_password(ann, "wrong too", "short", NETWORK))
    assert raised.value.codes == {"password": "ERR_TOO_SHORT"}
    assert fixture.throttle.failures == []


def test_a_new_address_must_be_valid_and_unused(fixture: LoginFixture, cursor: Cursor) -> None:
    make.member(cursor, "ben")
    ann, _ = fixture.log_in()
    assert result_of(fixture.security.change_email(ann, OLD, "Ann@Bücher.Example", NETWORK)) == "Ann@xn--bcher-kva.example"
    assert not _pending(fixture, ann)
    for address, code in (("BEN@example.org", "ERR_TAKEN"), ("nowhere", "ERR_INVALID"), ("", "ERR_BLANK")):
        with pytest.raises(Invalid) as raised:
            result_of(fixture.security.change_email(ann, OLD, address, NETWORK))
        assert raised.value.codes == {"email": code}
    result_of(fixture.security.change_email(ann, OLD, "ANN@xn--bcher-kva.example", NETWORK))


def test_a_new_address_is_not_used_before_it_is_confirmed(fixture: LoginFixture, cursor: Cursor) -> None:
    ann, _ = fixture.log_in()
    strict = evolve(fixture.security, auto_confirm=False)
    result_of(strict.change_email(ann, OLD, "new@example.org", NETWORK))
    login = result_of(fixture.security.login(ann))
    assert (login.email, login.new_email, _pending(fixture, ann)) == ("ann@example.org", "new@example.org", False)
    cursor.execute("select kind, recipient from emails")
    assert cursor.fetchall() == [("confirm", "new@example.org"), ("address", "ann@example.org")]


def test_confirmation_emails_to_other_people_are_limited(fixture: LoginFixture) -> None:
    ann, _ = fixture.log_in()
    strict = evolve(fixture.security, auto_confirm=False)
    for number in range(5):
        result_of(strict.change_email(ann, OLD, f"victim{number}@example.org", NETWORK))
    with pytest.raises(TooMany):
        result_of(strict.change_email(ann, OLD, "another@example.org", NETWORK))


def _pending(fixture: LoginFixture, ann: Viewer) -> bool:
    return result_of(fixture.security.login(ann)).confirmed_at is None


def test_a_deleted_account_is_logged_out_and_its_username_stays_taken(fixture: LoginFixture, cursor: Cursor) -> None:
    ann, token = fixture.log_in()
    result_of(fixture.security.delete_account(ann, OLD, NETWORK))
    assert fixture.viewer_of(token) is None
    with pytest.raises(Unauthenticated):
        fixture.log_in()
    with pytest.raises(NotFound):
        result_of(fixture.security.login(ann))
    assert accounts.by_id(cursor, id=ann.id) is None
    assert accounts.usernames_in_use(cursor, usernames=["ANN"]) == ["ann"]
    cursor.execute("select kind from events order by xid, id")
    assert [kind for (kind,) in cursor.fetchall()] == ["session.ended", "account.deleted"]
    cursor.execute("select kind, payload->>'account' from jobs")
    assert cursor.fetchall() == [("account.purge", str(ann.id))]
