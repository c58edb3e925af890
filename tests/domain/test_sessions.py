"""Logging in, staying logged in, and logging out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import define, evolve, field, frozen

from microblog.domain.client_info import ClientInfo
from microblog.domain.passwords import Passwords
from microblog.domain.rate_limits import CountedLogins, LimitScope, MemoryCounter, RateLimit, RateLimiter
from microblog.domain.sessions import LIFETIME, MAX_SESSIONS, NewSession, Sessions
from microblog.model.accounts import AccountWithLogin, Viewer
from microblog.model.errors import Forbidden, NotFound, TooMany, Unauthenticated
from microblog.model.ids import SessionId
from microblog.storage import accounts, users
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import NoThrottle, RolledBackDatabase, WallClock, quick_passwords, result_of
from tests.logs.kept_events import kept_events

PASSWORD = "correct horse"
ORIGIN = ClientInfo("192.0.2.1", "192.0.2.1", "Firefox on a tin can")


@frozen
class LoginFixture:
    """The services and data needed to log in."""

    cursor: Cursor
    sessions: Sessions
    passwords: Passwords
    clock: WallClock
    throttle: NoThrottle

    def member(self, username: str = "ann") -> AccountWithLogin:
        return make.member(self.cursor, username, password_hash=result_of(self.passwords.hash(PASSWORD)))

    def log_in(self, name: str = "ann", password: str = PASSWORD, replaces: str = "") -> NewSession:
        return result_of(self.sessions.log_in(name, password, ORIGIN, replaces))

    def viewer(self, token: str) -> Viewer | None:
        found = result_of(self.sessions.by_cookie(token))
        return found and found[0]

    def viewer_of(self, token: str) -> Viewer:
        viewer = self.viewer(token)
        assert viewer is not None
        return viewer

    def ended(self) -> list[dict[str, object]]:
        """Return the data of the events of ended sessions."""
        self.cursor.execute("select data from events where kind = 'session.ended' order by id")
        return [data for (data,) in self.cursor.fetchall()]


@pytest.fixture
def fixture(db: RolledBackDatabase, cursor: Cursor) -> LoginFixture:
    passwords, clock, throttle = quick_passwords(), WallClock(make.NOW), NoThrottle()
    return LoginFixture(cursor, Sessions(db, passwords, throttle, clock, "site.test"), passwords, clock, throttle)


NAMES = ["ann", "ANN", " ann ", "@ann", "@Ann ", "ann@site.test", "@ANN@Site.Test", "ann@example.org", "Ann@Example.org"]


@pytest.mark.parametrize("name", NAMES)
def test_login_works_with_username_or_address_in_any_case(fixture: LoginFixture, name: str) -> None:
    member = fixture.member()
    entry = fixture.log_in(name)
    viewer = fixture.viewer_of(entry.token)
    assert (viewer.account, viewer.session_id, viewer.pending) == (member.account, entry.session_id, False)


@pytest.mark.parametrize("name", ["@ann@elsewhere.test", "ann@", "@", "@@ann", "ann@site.test@site.test", "ann@site", "@ann@example.org"])
def test_handles_of_other_sites_cannot_log_in(fixture: LoginFixture, name: str) -> None:
    fixture.member()
    with pytest.raises(Unauthenticated):
        fixture.log_in(name)


def test_an_address_takes_precedence_over_an_equal_username(fixture: LoginFixture, cursor: Cursor) -> None:
    fixture.member()
    make.member(cursor, "ben", email="ann@site.test", password_hash=result_of(fixture.passwords.hash(PASSWORD)))
    for name, owner in (("ann@site.test", "ben"), ("@ann@site.test", "ann")):
        assert fixture.viewer_of(fixture.log_in(name).token).account.username == owner


@pytest.mark.parametrize("name", ["ann", "nobody", "", "\0", "a\ud800", "x" * 10_000, "%"])
def test_a_wrong_username_and_a_wrong_password_give_the_same_error(fixture: LoginFixture, name: str) -> None:
    fixture.member()
    with pytest.raises(Unauthenticated) as raised:
        fixture.log_in(name, "wrong password")
    assert raised.value.sentence == "Wrong username or password."


@define
class CountingPasswords(Passwords):
    """A password hasher that counts computed hashes."""

    work: int = field(default=0, kw_only=True)

    def _check(self, stored: str | None, password: bytes) -> object:  # type: ignore[override]  # it is handed through
        verdict = super()._check(stored, password)
        self.work += 1
        return verdict


def test_an_unknown_user_costs_one_hash_like_a_wrong_password(db: RolledBackDatabase, cursor: Cursor) -> None:
    quick = quick_passwords()
    passwords = CountingPasswords(quick.reactor, quick.hasher, threads=quick.threads)
    sessions = Sessions(db, passwords, NoThrottle(), WallClock(make.NOW))
    make.member(cursor, "ann", password_hash=result_of(passwords.hash(PASSWORD)))
    for name in ("ann", "nobody"):
        before = passwords.work
        with pytest.raises(Unauthenticated):
            result_of(sessions.log_in(name, "wrong password", ORIGIN))
        assert passwords.work == before + 1


def test_only_failures_count_for_the_login_throttle(fixture: LoginFixture) -> None:
    fixture.member()
    fixture.log_in()
    with pytest.raises(Unauthenticated):
        fixture.log_in("Ann@example.org", "wrong password")
    with pytest.raises(Unauthenticated):
        fixture.log_in("nobody", "wrong password")
    assert fixture.throttle.failures == [("192.0.2.1", "ann"), ("192.0.2.1", "nobody")]


def test_after_too_many_guesses_even_the_right_password_must_wait(db: RolledBackDatabase, cursor: Cursor) -> None:
    clock, passwords = WallClock(make.NOW), quick_passwords()
    throttle = CountedLogins(
        RateLimiter(MemoryCounter(lambda: 0.0), clock), per_name=RateLimit("sign-in-name", 3, 3600, LimitScope.ACCOUNT)
    )
    sessions = Sessions(db, passwords, throttle, clock)
    make.member(cursor, "ann", password_hash=result_of(passwords.hash(PASSWORD)))
    for name in ("ann", "ANN", "ann@example.org"):
        with pytest.raises(Unauthenticated):
            result_of(sessions.log_in(name, "wrong password", ORIGIN))
    with pytest.raises(TooMany):
        result_of(sessions.log_in("ann", PASSWORD, ORIGIN))
    clock.advance(hours=1)
    assert result_of(sessions.log_in("ann", PASSWORD, ORIGIN)).token


def test_the_database_stores_no_session_token(fixture: LoginFixture) -> None:
    fixture.member()
    token = fixture.log_in().token
    fixture.cursor.execute("select s::text from sessions s")
    [(row,)] = fixture.cursor.fetchall()
    assert token not in row
    assert token not in repr(fixture.log_in())


@pytest.mark.parametrize("token", ["", "x", "\ud800" * 30, "é" * 30, "y" * 43, "z" * 1_000_000])
def test_an_unknown_session_token_is_invalid(fixture: LoginFixture, token: str) -> None:
    fixture.member()
    assert fixture.viewer(token) is None


def test_logging_in_again_ends_the_previous_session(fixture: LoginFixture) -> None:
    fixture.member()
    first = fixture.log_in()
    second = fixture.log_in(replaces=first.token)
    assert first.token != second.token
    assert fixture.viewer(first.token) is None
    assert fixture.viewer(second.token)
    assert fixture.ended() == [{"session": str(first.session_id)}]


def test_logging_out_ends_the_session_and_records_one_event(fixture: LoginFixture) -> None:
    fixture.member()
    entry = fixture.log_in()
    result_of(fixture.sessions.log_out(entry.token))
    result_of(fixture.sessions.log_out(entry.token))
    assert fixture.viewer(entry.token) is None
    assert fixture.ended() == [{"session": str(entry.session_id)}]


def test_a_session_lasts_while_it_is_used_and_expires_when_it_is_not(fixture: LoginFixture) -> None:
    fixture.member()
    token = fixture.log_in().token
    for _ in range(3):
        fixture.clock.advance(seconds=(LIFETIME - timedelta(seconds=1)).total_seconds())
        assert fixture.viewer(token)
    fixture.clock.advance(seconds=LIFETIME.total_seconds())
    assert fixture.viewer(token) is None
    assert result_of(fixture.sessions.sweep()) == 1


def test_a_session_in_daily_use_ends_at_its_longest_lifetime_after_log_in(fixture: LoginFixture) -> None:
    fixture.member()
    session = fixture.log_in()
    for _ in range(session.max_lifetime.days - 1):
        fixture.clock.advance(days=1)
        assert fixture.viewer(session.token)
    fixture.clock.advance(days=1)
    assert fixture.viewer(session.token) is None
    assert result_of(fixture.sessions.is_over(session.token))
    assert fixture.viewer(fixture.log_in().token)


def test_a_session_is_over_at_the_next_visit_if_the_longest_lifetime_was_shortened_below_its_age(fixture: LoginFixture) -> None:
    fixture.member()
    token = fixture.log_in().token
    fixture.clock.advance(days=7)
    shortened = evolve(fixture.sessions, max_lifetime=timedelta(days=7))
    assert result_of(shortened.by_cookie(token)) is None
    assert result_of(shortened.is_over(token))
    young = result_of(shortened.log_in("ann", PASSWORD, ORIGIN)).token
    fixture.clock.advance(days=6)
    assert result_of(shortened.by_cookie(young))


def test_a_visit_is_recorded_at_most_every_ten_minutes(fixture: LoginFixture) -> None:
    fixture.member()
    token = fixture.log_in().token
    fixture.clock.advance(minutes=9)
    viewer = fixture.viewer_of(token)
    assert result_of(fixture.sessions.of(viewer))[0].last_seen_at == make.NOW
    fixture.clock.advance(minutes=1)
    fixture.viewer_of(token)
    assert result_of(fixture.sessions.of(viewer))[0].last_seen_at == make.NOW + timedelta(minutes=10)


def test_own_sessions_are_listed_and_each_can_be_ended(fixture: LoginFixture) -> None:
    fixture.member()
    fixture.member("ben")
    laptop, phone, bens = fixture.log_in(), fixture.log_in(), fixture.log_in("ben")
    viewer = fixture.viewer_of(laptop.token)
    listed = result_of(fixture.sessions.of(viewer))
    assert [session.id for session in listed] == [phone.session_id, laptop.session_id]
    assert (listed[0].address, listed[0].user_agent) == ("192.0.2.1", "Firefox on a tin can")
    result_of(fixture.sessions.end(viewer, phone.session_id))
    assert fixture.viewer(phone.token) is None
    for not_mine in (bens.session_id, phone.session_id, SessionId(1)):
        with pytest.raises(NotFound):
            result_of(fixture.sessions.end(viewer, not_mine))
    assert fixture.viewer(bens.token)


def test_all_other_sessions_can_be_ended_at_once(fixture: LoginFixture) -> None:
    fixture.member()
    others = [fixture.log_in() for _ in range(3)]
    own = fixture.log_in()
    assert result_of(fixture.sessions.end_others(fixture.viewer_of(own.token))) == 3
    assert fixture.viewer(own.token)
    assert not any(fixture.viewer(other.token) for other in others)
    assert len(fixture.ended()) == 3


def test_the_number_of_sessions_of_an_account_is_limited(fixture: LoginFixture) -> None:
    fixture.member()
    first = last = fixture.log_in()
    for _ in range(MAX_SESSIONS):
        fixture.clock.advance(seconds=1)
        last = fixture.log_in()
    assert fixture.viewer(first.token) is None
    assert len(result_of(fixture.sessions.of(fixture.viewer_of(last.token)))) == MAX_SESSIONS


@pytest.mark.parametrize("how", ["disabled", "suspended"])
def test_a_suspended_user_is_logged_out_and_told_why_only_with_the_password(fixture: LoginFixture, how: str) -> None:
    member = fixture.member()
    entry = fixture.log_in()
    if how == "disabled":
        users.set_disabled(fixture.cursor, account=member.account.id, at=make.NOW)
    else:
        accounts.set_suspended(fixture.cursor, id=member.account.id, at=make.NOW)
    assert fixture.viewer(entry.token) is None
    with pytest.raises(Forbidden):
        fixture.log_in()
    with pytest.raises(Unauthenticated):
        fixture.log_in("ann", "wrong password")
    with pytest.raises(Unauthenticated):
        result_of(fixture.sessions.begin(member.account.id, ORIGIN))


def test_log_ins_and_refusals_are_logged_without_the_name_that_was_entered(fixture: LoginFixture) -> None:
    member = fixture.member()
    with kept_events("logged_in") as entered, kept_events("login_refused") as refused:
        fixture.log_in()
        for name in ("ann", "correct horse typed as a name"):
            with pytest.raises(Unauthenticated):
                fixture.log_in(name, "wrong password")
        users.set_disabled(fixture.cursor, account=member.account.id, at=make.NOW)
        with pytest.raises(Forbidden):
            fixture.log_in()
    ann = member.account.id
    assert [(event["account_id"], event["client"]) for event in entered] == [(ann, ORIGIN.address)]
    assert [(event["account_id"], event["reason"]) for event in refused] == [(ann, "wrong"), (None, "wrong"), (ann, "disabled")]
    assert not any(typed in f"{event}" for event in [*entered, *refused] for typed in ("horse", "wrong password"))


def test_an_applicant_may_log_in_and_is_known_as_pending(fixture: LoginFixture) -> None:
    make.member(fixture.cursor, "ann", password_hash=result_of(fixture.passwords.hash(PASSWORD)), approved=False)
    assert fixture.viewer_of(fixture.log_in().token).pending


def test_a_password_changed_during_its_verification_is_refused(fixture: LoginFixture, db: RolledBackDatabase) -> None:
    member = fixture.member()

    @define
    class SlowPasswords(Passwords):
        def _check(self, stored: str | None, password: bytes) -> object:  # type: ignore[override]  # it is handed through
            verdict = super()._check(stored, password)
            users.change_password(fixture.cursor, account=member.account.id, password_hash="another")
            return verdict

    quick = quick_passwords()
    with pytest.raises(Unauthenticated):
        result_of(
            Sessions(db, SlowPasswords(quick.reactor, quick.hasher, threads=quick.threads), NoThrottle(), fixture.clock).log_in(
                "ann", PASSWORD, ORIGIN
            )
        )


def test_a_hash_with_other_parameters_is_replaced_at_the_next_login(fixture: LoginFixture, db: RolledBackDatabase) -> None:
    member = fixture.member()
    today = quick_passwords()
    today.hasher.__init__(time_cost=2, memory_cost=16, parallelism=1)  # type: ignore[misc]  # as if the program was updated
    service = Sessions(db, today, NoThrottle(), fixture.clock)
    result_of(service.log_in("ann", PASSWORD, ORIGIN))
    after = users.by_account(fixture.cursor, account=member.account.id)
    assert after is not None
    assert "m=16,t=2" in after.login.password_hash
    assert result_of(service.log_in("ann", PASSWORD, ORIGIN)).token


def test_a_stored_user_agent_is_short_and_printable(fixture: LoginFixture) -> None:
    member = fixture.member()
    entry = result_of(fixture.sessions.begin(member.account.id, ClientInfo("192.0.2.1", "192.0.2.1", "x\0\r\n" * 1000)))
    [session] = result_of(fixture.sessions.of(fixture.viewer_of(entry.token)))
    assert session.user_agent == "x" * 100
