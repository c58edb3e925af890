"""Administration of accounts."""

from __future__ import annotations

import pytest

from microblog.domain.account_admin import AccountAdmin
from microblog.domain.client_info import ClientInfo
from microblog.domain.sessions import Sessions
from microblog.model.accounts import AccountWithLogin, Role
from microblog.model.errors import Conflict, Invalid, NotFound
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.storage import accounts
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import NoThrottle, RolledBackDatabase, WallClock, quick_passwords, result_of

ORIGIN = ClientInfo("192.0.2.1", "192.0.2.1", "")


@pytest.fixture
def members(db: RolledBackDatabase) -> AccountAdmin:
    return AccountAdmin(db, quick_passwords(), WallClock(make.NOW))


@pytest.fixture
def sessions(db: RolledBackDatabase) -> Sessions:
    return Sessions(db, quick_passwords(), NoThrottle(), WallClock(make.NOW))


@pytest.fixture
def ann(cursor: Cursor) -> AccountWithLogin:
    return make.member(cursor, "ann")


def event_kinds(cursor: Cursor) -> list[str]:
    cursor.execute("select kind from events order by xid, id")
    return [kind for (kind,) in cursor.fetchall()]


@pytest.mark.parametrize("name", ["ann", "@ANN", "ann@example.org"])
def test_an_account_is_found_by_username_or_email_address(members: AccountAdmin, ann: AccountWithLogin, name: str) -> None:
    assert result_of(members.by_name(name)) == ann
    with pytest.raises(NotFound):
        result_of(members.by_name("nobody"))


def test_the_account_list_can_be_filtered(members: AccountAdmin, cursor: Cursor, ann: AccountWithLogin) -> None:
    boss = make.member(cursor, "boss", role=Role.ADMIN)
    applicant = make.member(cursor, "applicant", approved=False)
    make.suspend(cursor, ann.account)
    everybody = result_of(members.list(Page()))
    assert [member.account.username for member in everybody] == ["applicant", "boss", "ann"]
    assert result_of(members.list(Page(limit=1, max_id=boss.account.id)))[0].account.id == ann.account.id
    assert result_of(members.list(Page(), role=Role.ADMIN)) == [boss]
    assert result_of(members.list(Page(), pending=True)) == [applicant]
    assert [member.barred for member in result_of(members.list(Page(), suspended=True))] == [True]


@pytest.mark.parametrize("how", ["suspend", "disable"])
def test_sessions_work_again_after_a_suspension_is_lifted(
    members: AccountAdmin, sessions: Sessions, cursor: Cursor, ann: AccountWithLogin, how: str
) -> None:
    token = result_of(sessions.begin(ann.account.id, ORIGIN)).token
    shut, let = (members.suspend, members.restore) if how == "suspend" else (members.disable, members.enable)
    assert result_of(shut(ann.account.id)).barred
    result_of(shut(ann.account.id))
    assert result_of(sessions.by_cookie(token)) is None
    assert not result_of(sessions.is_over(token))
    assert event_kinds(cursor) == (["account.suspended"] if how == "suspend" else ["account.disabled"])
    assert not result_of(let(ann.account.id)).barred
    result_of(let(ann.account.id))
    assert result_of(sessions.by_cookie(token)) is not None
    assert result_of(sessions.begin(ann.account.id, ORIGIN)).token


def test_setting_the_same_role_again_changes_nothing(members: AccountAdmin, cursor: Cursor, ann: AccountWithLogin) -> None:
    assert result_of(members.set_role(ann.account.id, Role.MODERATOR)).login.role is Role.MODERATOR
    result_of(members.set_role(ann.account.id, Role.MODERATOR))
    assert event_kinds(cursor) == ["account.changed"]


def test_resetting_a_password_ends_all_sessions_and_the_new_one_works(
    members: AccountAdmin, sessions: Sessions, ann: AccountWithLogin
) -> None:
    token = result_of(sessions.begin(ann.account.id, ORIGIN)).token
    with pytest.raises(Invalid):
        result_of(members.reset_password(ann.account.id, "short"))
    result_of(members.reset_password(ann.account.id, "battery staple"))
    assert result_of(sessions.by_cookie(token)) is None
    assert result_of(sessions.log_in("ann", "battery staple", ORIGIN)).token


def test_an_applicant_is_approved_or_deleted_with_the_username(members: AccountAdmin, cursor: Cursor) -> None:
    good, bad = make.member(cursor, "good", approved=False), make.member(cursor, "bad", approved=False)
    assert not result_of(members.approve(good.account.id)).pending
    result_of(members.approve(good.account.id))
    assert event_kinds(cursor) == ["account.changed"]
    with pytest.raises(Conflict):
        result_of(members.reject(good.account.id))
    result_of(members.reject(bad.account.id))
    assert accounts.usernames_in_use(cursor, usernames=["bad", "good"]) == ["good"]


def test_changing_an_unknown_account_is_not_found(members: AccountAdmin) -> None:
    nobody = AccountId(1)
    for command in (members.suspend, members.restore, members.disable, members.enable, members.approve, members.confirm):
        with pytest.raises(NotFound):
            result_of(command(nobody))
    with pytest.raises(NotFound):
        result_of(members.set_role(nobody, Role.ADMIN))
    with pytest.raises(NotFound):
        result_of(members.delete(nobody))
    with pytest.raises(NotFound):
        result_of(members.reject(nobody))
