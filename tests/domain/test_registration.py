"""Registration: modes, invites, and the errors of each form field."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from microblog.domain.registration import Registrations, SignUpForm, fresh_code
from microblog.model.accounts import RegistrationMode, Role
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.paging import Page
from microblog.model.site_settings import SiteSettings
from microblog.storage import notifications, users
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, WallClock, quick_passwords, result_of

FORM = SignUpForm("Ann", "ann@example.org", "a long enough one", agreement=True)


def registrations(db: RolledBackDatabase, mode: RegistrationMode = RegistrationMode.OPEN, clock: WallClock | None = None) -> Registrations:
    return Registrations(
        db, quick_passwords(), lambda: SiteSettings(registration=mode), auto_confirm=True, now=clock or WallClock(make.NOW)
    )


def refused(db: RolledBackDatabase, form: SignUpForm, mode: RegistrationMode = RegistrationMode.OPEN) -> dict[str, str]:
    """Return the error codes of a rejected form."""
    with pytest.raises(Invalid) as raised:
        result_of(registrations(db, mode).sign_up(form))
    assert raised.value.codes.keys() == raised.value.fields.keys()
    return raised.value.codes


def test_a_new_user_has_an_account_and_can_post_at_once(db: RolledBackDatabase, cursor: Cursor) -> None:
    account = result_of(registrations(db).sign_up(evolve(FORM, locale="de-AT", time_zone="Europe/Vienna")))
    assert (account.username, account.followers_count, account.created_at) == ("Ann", 0, make.NOW)
    member = users.by_account(cursor, account=account.id)
    assert member is not None
    assert not member.pending
    assert member.login.password_hash.startswith("$argon2id$")
    assert (member.login.role, member.login.preferences.locale, member.login.preferences.time_zone) == (Role.USER, "de-AT", "Europe/Vienna")


@pytest.mark.parametrize(
    ("locale", "language", "kept"),
    [
        ("de-AT", "de", "de-AT"),
        ("yue", "yue", "yue"),
        ("zh-hant", "zh", "zh-hant"),
        ("", None, "en"),
        ("x y", None, "en"),
        ("i-klingon", None, "en"),
    ],
)
def test_the_posting_language_of_a_new_user_is_that_of_the_browser(
    db: RolledBackDatabase, cursor: Cursor, locale: str, language: str | None, kept: str
) -> None:
    account = result_of(registrations(db).sign_up(evolve(FORM, locale=locale)))
    member = users.by_account(cursor, account=account.id)
    assert member is not None
    assert (member.login.preferences.language, member.login.preferences.locale) == (language, kept)


def test_an_empty_form_reports_every_field_at_once(db: RolledBackDatabase) -> None:
    assert refused(db, SignUpForm("", "", "")) == {
        "username": "ERR_BLANK",
        "email": "ERR_BLANK",
        "password": "ERR_BLANK",
        "agreement": "ERR_ACCEPTED",
    }


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"username": "with space"}, {"username": "ERR_INVALID"}),
        ({"username": "a" * 31}, {"username": "ERR_TOO_LONG"}),
        ({"username": "nul\0"}, {"username": "ERR_INVALID"}),
        ({"username": "Ädel"}, {"username": "ERR_INVALID"}),
        ({"username": "ADMIN"}, {"username": "ERR_RESERVED"}),
        ({"email": "nobody"}, {"email": "ERR_INVALID"}),
        ({"email": "ann@example.org\r\nBcc: x@example.org"}, {"email": "ERR_INVALID"}),
        ({"email": f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}"}, {"email": "ERR_INVALID"}),
        ({"password": "7 chars"}, {"password": "ERR_TOO_SHORT"}),
        ({"password": "x" * 1001}, {"password": "ERR_TOO_LONG"}),
        ({"password": "lone surrogate \ud800"}, {"password": "ERR_INVALID"}),
        ({"reason": "x" * 501}, {"reason": "ERR_TOO_LONG"}),
        ({"reason": "\0"}, {"reason": "ERR_INVALID"}),
        ({"invite": "never given"}, {"invite": "ERR_INVALID"}),
    ],
)
def test_an_invalid_field_is_refused_with_its_code(db: RolledBackDatabase, changes: dict[str, str], codes: dict[str, str]) -> None:
    assert refused(db, evolve(FORM, **changes)) == codes  # type: ignore[arg-type]  # all of these fields are texts


def test_taken_usernames_and_addresses_are_reported_in_any_case(db: RolledBackDatabase, cursor: Cursor) -> None:
    make.member(cursor, "ann", email="Ann@Example.org")
    assert refused(db, FORM) == {"username": "ERR_TAKEN", "email": "ERR_TAKEN"}


def test_an_unknown_time_zone_does_not_prevent_registration(db: RolledBackDatabase, cursor: Cursor) -> None:
    account = result_of(registrations(db).sign_up(evolve(FORM, locale="\0", time_zone="../../etc/passwd")))
    member = users.by_account(cursor, account=account.id)
    assert member is not None
    assert (member.login.preferences.locale, member.login.preferences.time_zone) == ("en", "UTC")


def test_sign_up_is_refused_if_registrations_are_closed(db: RolledBackDatabase) -> None:
    with pytest.raises(Forbidden):
        result_of(registrations(db, RegistrationMode.CLOSED).sign_up(FORM))


def test_an_applicant_gives_a_reason_and_staff_are_notified(db: RolledBackDatabase, cursor: Cursor) -> None:
    boss = make.member(cursor, "boss", role=Role.MODERATOR)
    make.member(cursor, "anybody")
    assert refused(db, FORM, RegistrationMode.APPROVAL) == {"reason": "ERR_BLANK"}
    applicant = result_of(registrations(db, RegistrationMode.APPROVAL).sign_up(evolve(FORM, reason="I write about moss.")))
    member = users.by_account(cursor, account=applicant.id)
    assert member is not None
    assert member.pending
    assert member.login.reason == "I write about moss."
    [told] = notifications.page_of(cursor, account=boss.account.id, page=Page())
    assert (told.kind, told.sender) == ("admin.sign_up", applicant.id)


def test_an_address_is_confirmed_at_once_only_if_confirmation_is_off(db: RolledBackDatabase, cursor: Cursor) -> None:
    strict = evolve(registrations(db), auto_confirm=False)
    member = users.by_account(cursor, account=result_of(strict.sign_up(FORM)).id)
    assert member is not None
    assert member.pending


def test_an_invite_code_can_be_an_argument_of_a_command() -> None:
    assert all(fresh_code().isalnum() for _ in range(200))


def test_an_invite_has_a_limited_number_of_uses(db: RolledBackDatabase) -> None:
    service = registrations(db, RegistrationMode.INVITE)
    assert refused(db, FORM, RegistrationMode.INVITE) == {"invite": "ERR_BLANK"}
    code = result_of(service.invite(None, max_uses=1)).code
    result_of(service.sign_up(evolve(FORM, invite=f" {code} ")))
    again = evolve(FORM, username="ben", email="ben@example.org", invite=code)
    assert refused(db, again, RegistrationMode.INVITE) == {"invite": "ERR_INVALID"}
    assert [(invite.uses, invite.max_uses) for invite in result_of(service.invites())] == [(1, 1)]


def test_an_invited_user_needs_no_approval(db: RolledBackDatabase, cursor: Cursor) -> None:
    service = registrations(db, RegistrationMode.APPROVAL)
    account = result_of(service.sign_up(evolve(FORM, invite=result_of(service.invite(None)).code)))
    member = users.by_account(cursor, account=account.id)
    assert member is not None
    assert not member.pending


def test_an_expired_or_revoked_invite_is_refused(db: RolledBackDatabase) -> None:
    clock = WallClock(make.NOW)
    service = registrations(db, RegistrationMode.INVITE, clock)
    expiring = result_of(service.invite(None, lasts=timedelta(days=1))).code
    ended = result_of(service.invite(None)).code
    result_of(service.end_invite(ended))
    with pytest.raises(NotFound):
        result_of(service.end_invite(ended))
    clock.advance(days=1)
    for code in (expiring, ended):
        with pytest.raises(Invalid) as raised:
            result_of(service.sign_up(evolve(FORM, invite=code)))
        assert raised.value.codes == {"invite": "ERR_INVALID"}


def test_a_failed_sign_up_does_not_use_an_invite(db: RolledBackDatabase, cursor: Cursor) -> None:
    service = registrations(db, RegistrationMode.INVITE)
    code = result_of(service.invite(None, max_uses=1)).code
    make.account(cursor, "ann")
    with pytest.raises(Invalid):
        result_of(service.sign_up(evolve(FORM, invite=code)))
    assert result_of(service.invites())[0].uses == 0


@pytest.mark.parametrize(("uses", "lasts"), [(0, None), (10_001, None), (None, timedelta(0)), (None, timedelta(days=-1))])
def test_an_invite_without_uses_or_lifetime_is_refused(db: RolledBackDatabase, uses: int | None, lasts: timedelta | None) -> None:
    with pytest.raises(Invalid):
        result_of(registrations(db).invite(None, max_uses=uses, lasts=lasts))


def test_administrators_may_use_reserved_usernames_and_choose_ids(db: RolledBackDatabase, cursor: Cursor) -> None:
    service = registrations(db, RegistrationMode.CLOSED)
    account = result_of(service.create(SignUpForm("admin", "root@localhost", "a long enough one"), role=Role.ADMIN, id=1))
    member = users.by_account(cursor, account=account.id)
    assert member is not None
    assert (account.id, member.login.role, member.pending) == (1, Role.ADMIN, False)


@pytest.mark.parametrize(("id", "code"), [(7, "ERR_TAKEN"), (0, "ERR_INVALID"), (2**63, "ERR_INVALID")])
def test_an_id_that_is_taken_or_impossible_is_refused(db: RolledBackDatabase, cursor: Cursor, id: int, code: str) -> None:
    service = registrations(db)
    result_of(service.create(SignUpForm("ben", "ben@example.org", "a long enough one"), id=7))
    with pytest.raises(Invalid) as raised:
        result_of(service.create(FORM, id=id))
    assert raised.value.codes == {"id": code}
