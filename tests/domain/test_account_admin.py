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
from tests.fakes import NoThrottle, RolledBackDatabase, WallClock, done, quick_passwords

ORIGIN = ClientInfo("n", "a", "")


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
    assert done(members.by_name(name)) == ann
    with pytest.raises(NotFound):
        done(members.by_name("nobody"))


def test_the_account_list_can_be_filtered(members: AccountAdmin, cursor: Cursor, ann: AccountWithLogin) -> None:
    boss = make.member(cursor, "boss", role=Role.ADMIN)
    applicant = make.member(cursor, "applicant", approved=False)
    make.suspend(cursor, ann.account)
    everybody = done(members.list(Page()))
    assert [member.account.username for member in everybody] == ["applicant", "boss", "ann"]
    assert done(members.list(Page(limit=1, max_id=boss.account.id)))[0].account.id == ann.account.id
    assert done(members.list(Page(), role=Role.ADMIN)) == [boss]
    assert done(members.list(Page(), pending=True)) == [applicant]
    assert [member.barred for member in done(members.list(Page(), suspended=True))] == [True]


@pytest.mark.parametrize("how", ["suspend", "disable"])
def test_sessions_work_again_after_a_suspension_is_lifted(
    members: AccountAdmin, sessions: Sessions, cursor: Cursor, ann: AccountWithLogin, how: str
) -> None:
    token = done(sessions.begin(ann.account.id, ORIGIN)).token
    shut, let = (members.suspend, members.restore) if how == "suspend" else (members.disable, members.enable)
    assert done(shut(ann.account.id)).barred
    done(shut(ann.account.id))
    assert done(sessions.by_cookie(token)) is None
    assert not done(sessions.is_over(token))
    assert event_kinds(cursor) == (["account.suspended"] if how == "suspend" else ["account.disabled"])
    assert not done(let(ann.account.id)).barred
    done(let(ann.account.id))
    assert done(sessions.by_cookie(token)) is not None
    assert done(sessions.begin(ann.account.id, ORIGIN)).token


def test_setting_the_same_role_again_changes_nothing(members: AccountAdmin, cursor: Cursor, ann: AccountWithLogin) -> None:
    assert done(members.set_role(ann.account.id, Role.MODERATOR)).login.role is Role.MODERATOR
    done(members.set_role(ann.account.id, Role.MODERATOR))
    assert event_kinds(cursor) == ["account.changed"]


def test_resetting_a_password_ends_all_sessions_and_the_new_one_works(
    members: AccountAdmin, sessions: Sessions, ann: AccountWithLogin
) -> None:
    token = done(sessions.begin(ann.account.id, ORIGIN)).token
    with pytest.raises(Invalid):
        done(members.reset_password(ann.account.id, "short"))
    done(members.reset_password(ann.account.id, "battery staple"))
    assert done(sessions.by_cookie(token)) is None
    assert done(sessions.log_in("ann", "battery staple", ORIGIN)).token


def test_an_applicant_is_approved_or_deleted_with_the_username(members: AccountAdmin, cursor: Cursor) -> None:
    good, bad = make.member(cursor, "good", approved=False), make.member(cursor, "bad", approved=False)
    assert not done(members.approve(good.account.id)).pending
    done(members.approve(good.account.id))
    assert event_kinds(cursor) == ["account.changed"]
    with pytest.raises(Conflict):
        done(members.reject(good.account.id))
    done(members.reject(bad.account.id))
    assert accounts.usernames_in_use(cursor, usernames=["bad", "good"]) == ["good"]


def test_changing_an_unknown_account_is_not_found(members: AccountAdmin) -> None:
    nobody = AccountId(1)
    for command in (members.suspend, members.restore, members.disable, members.enable, members.approve, members.confirm):
        with pytest.raises(NotFound):
            done(command(nobody))
    with pytest.raises(NotFound):
        done(members.set_role(nobody, Role.ADMIN))
    with pytest.raises(NotFound):
        done(members.delete(nobody))
    with pytest.raises(NotFound):
        done(members.reject(nobody))
