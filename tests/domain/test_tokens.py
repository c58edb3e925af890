"""Access tokens: their owners, and when they are invalid."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.domain.account_admin import AccountAdmin
from microblog.domain.authentication import Authentication
from microblog.domain.scopes import ALL, covers, ordered, parse, within
from microblog.domain.sessions import Sessions
from microblog.domain.tokens import MAX_TOKENS, Tokens, hash_of, store_token
from microblog.model.accounts import Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound, Unauthenticated
from microblog.model.ids import AccountId, TokenId
from microblog.storage import oauth, users
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value
from tests import make
from tests.fakes import NoThrottle, RolledBackDatabase, WallClock, quick_passwords, result_of


@pytest.fixture
def clock() -> WallClock:
    return WallClock(make.NOW)


@pytest.fixture
def tokens(db: RolledBackDatabase, clock: WallClock) -> Tokens:
    return Tokens(db, clock)


@pytest.fixture
def ann(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "ann")


def endings(cursor: Cursor) -> list[tuple[int | None, dict[str, object]]]:
    return fetch_all(
        cursor, lambda account, data: (account, data), "select account_id, data from events where kind = 'token.revoked' order by xid, id"
    )


def test_a_token_gives_the_account_and_its_scopes(tokens: Tokens, ann: Viewer) -> None:
    issued = result_of(tokens.issue(ann.id, "write:statuses read", "Clock"))
    access = result_of(tokens.by_bearer(issued.text))
    assert access is not None
    assert access.viewer is not None
    assert (access.id, access.viewer.account, access.scopes) == (issued.token.id, ann.account, frozenset({"read", "write:statuses"}))
    assert access.app.name == "Clock"


def test_an_app_token_has_no_account(tokens: Tokens) -> None:
    access = result_of(tokens.by_bearer(result_of(tokens.issue(None, "read")).text))
    assert access is not None
    assert access.viewer is None


@pytest.mark.parametrize("text", ["", "x", "y" * 43, "ü" * 43, "z" * 5_000])
def test_an_unknown_token_is_invalid(tokens: Tokens, text: str) -> None:
    assert result_of(tokens.by_bearer(text)) is None


def test_the_database_stores_no_access_token(tokens: Tokens, ann: Viewer, cursor: Cursor) -> None:
    text = result_of(tokens.issue(ann.id, "read")).text
    assert bytes(fetch_value(cursor, "select token_hash from tokens")) == hash_of(text)
    assert text not in repr(result_of(tokens.by_bearer(text)))
    assert text not in repr(tokens.issue)


def test_the_repr_of_a_token_hides_its_text(tokens: Tokens, ann: Viewer) -> None:
    issued = result_of(tokens.issue(ann.id, "read"))
    assert issued.text not in repr(issued)


def test_use_is_recorded_once_an_hour(tokens: Tokens, ann: Viewer, clock: WallClock) -> None:
    issued = result_of(tokens.issue(ann.id, "read"))

    def used_after(minutes: int) -> object:
        clock.advance(minutes=minutes)
        result_of(tokens.by_bearer(issued.text))
        return result_of(tokens.of(ann.id))[0][0].used_at

    first = used_after(1)
    assert first == clock()
    assert used_after(30) == first
    assert used_after(31) == clock()


def test_a_revoked_token_is_refused_and_its_streams_are_closed(tokens: Tokens, ann: Viewer, cursor: Cursor) -> None:
    issued, other = result_of(tokens.issue(ann.id, "read")), result_of(tokens.issue(ann.id, "read"))
    result_of(tokens.revoke(ann.id, issued.token.id))
    with pytest.raises(Unauthenticated, match="The access token was revoked"):
        result_of(tokens.by_bearer(issued.text))
    assert result_of(tokens.by_bearer(other.text))
    assert endings(cursor) == [(ann.id, {"token": str(issued.token.id)})]
    assert [token.id for token, _ in result_of(tokens.of(ann.id))] == [other.token.id]


def test_a_token_is_revoked_once_and_only_by_its_owner(tokens: Tokens, ann: Viewer, cursor: Cursor) -> None:
    issued = result_of(tokens.issue(ann.id, "read"))
    for account, token in ((make.viewer(cursor).id, issued.token.id), (ann.id, TokenId(5))):
        with pytest.raises(NotFound):
            result_of(tokens.revoke(account, token))
    assert result_of(tokens.by_bearer(issued.text))
    result_of(tokens.revoke(ann.id, issued.token.id))
    with pytest.raises(NotFound):
        result_of(tokens.revoke(ann.id, issued.token.id))


def test_revoking_an_app_ends_its_tokens_of_that_user_only(tokens: Tokens, ann: Viewer, cursor: Cursor) -> None:
    issued, bob = result_of(tokens.issue(ann.id, "read", "Clock")), make.viewer(cursor)
    app = issued.token.app_id
    second = store_token(cursor, "second-token-of-the-app", app=app, account=ann.id, scopes=("write",), now=make.NOW)
    store_token(cursor, "token-of-somebody-else", app=app, account=bob.id, scopes=("read",), now=make.NOW)
    [shown] = result_of(tokens.authorizations(ann))
    assert (shown.app.name, shown.scopes, shown.since) == ("Clock", ("read", "write"), make.NOW)
    result_of(tokens.revoke_app(ann, app))
    assert result_of(tokens.authorizations(ann)) == []
    assert {data["token"] for _, data in endings(cursor)} == {str(issued.token.id), str(second.id)}
    assert result_of(tokens.by_bearer("token-of-somebody-else"))
    with pytest.raises(NotFound):
        result_of(tokens.revoke_app(ann, app))


def test_deleting_an_app_revokes_all_its_tokens(tokens: Tokens, ann: Viewer, cursor: Cursor) -> None:
    issued = result_of(tokens.issue(ann.id, "read"))
    result_of(tokens.delete_app(issued.token.app_id))
    assert result_of(tokens.by_bearer(issued.text)) is None
    assert endings(cursor) == [(ann.id, {"token": str(issued.token.id)})]


def test_the_number_of_tokens_per_app_and_user_is_limited(tokens: Tokens, ann: Viewer, cursor: Cursor) -> None:
    first = result_of(tokens.issue(ann.id, "read"))
    for number in range(MAX_TOKENS):
        store_token(cursor, f"one-more-token-of-it-{number}", app=first.token.app_id, account=ann.id, scopes=("read",), now=make.NOW)
    with pytest.raises(Unauthenticated):
        result_of(tokens.by_bearer(first.text))
    assert len(result_of(tokens.of(ann.id))) == MAX_TOKENS


# --- what happens to the person


@pytest.fixture
def members(db: RolledBackDatabase, clock: WallClock) -> AccountAdmin:
    return AccountAdmin(db, quick_passwords(), clock)


@pytest.mark.parametrize("act", ["suspend", "disable"])
def test_tokens_of_a_suspended_user_are_refused_as_disabled_and_work_again_afterwards(
    tokens: Tokens, members: AccountAdmin, ann: Viewer, act: str, cursor: Cursor
) -> None:
    text = result_of(tokens.issue(ann.id, "read")).text
    result_of(getattr(members, act)(ann.id))
    with pytest.raises(Forbidden, match="Your login is currently disabled"):
        result_of(tokens.by_bearer(text))
    with pytest.raises(Forbidden):
        result_of(tokens.issue(ann.id, "read"))
    result_of(members.restore(ann.id))
    result_of(members.enable(ann.id))
    access = result_of(tokens.by_bearer(text))
    assert access is not None
    assert access.viewer is not None
    assert access.viewer.id == ann.id


def test_a_new_password_from_the_administrator_revokes_all_tokens(tokens: Tokens, members: AccountAdmin, ann: Viewer) -> None:
    text = result_of(tokens.issue(ann.id, "read")).text
    result_of(members.reset_password(ann.id, "a new long password"))
    with pytest.raises(Unauthenticated):
        result_of(tokens.by_bearer(text))


def test_the_tokens_of_a_deleted_user_are_revoked(tokens: Tokens, members: AccountAdmin, ann: Viewer) -> None:
    text = result_of(tokens.issue(ann.id, "read")).text
    result_of(members.delete(ann.id))
    with pytest.raises(Unauthenticated):
        result_of(tokens.by_bearer(text))


@pytest.mark.parametrize(
    ("column", "sentence"),
    [("approved_at", "Your login is currently pending approval"), ("confirmed_at", "Your login is missing a confirmed e-mail address")],
)
def test_a_pending_user_is_told_why_the_token_is_refused(tokens: Tokens, ann: Viewer, cursor: Cursor, column: str, sentence: str) -> None:
    text = result_of(tokens.issue(ann.id, "read")).text
    execute(cursor, f"update users set {column} = null where account_id = %(id)s", {"id": ann.id})
    with pytest.raises(Forbidden, match=sentence):
        result_of(tokens.by_bearer(text))


def test_an_access_token_is_no_session_cookie(db: RolledBackDatabase, tokens: Tokens, ann: Viewer) -> None:
    text = result_of(tokens.issue(ann.id, "read")).text
    authentication = Authentication(Sessions(db, quick_passwords(), NoThrottle(), lambda: make.NOW), tokens)
    assert result_of(authentication.by_bearer(text))
    assert result_of(authentication.by_cookie(text)) is None


# --- scopes


def test_scopes_are_parsed_in_any_order_without_repeats() -> None:
    assert parse("write  read write") == ("write", "read")
    assert parse("") == ("read",)
    assert parse("read nonsense") is None
    assert ordered(["push", "write", "read:lists", "push"]) == ("read:lists", "write", "push")


@pytest.mark.parametrize(
    ("granted", "wanted", "answer"),
    [
        ("read write", "read:statuses write:media", True),
        ("read", "read:statuses write", False),
        ("read:statuses", "read", False),
        ("follow", "write:follows read:mutes", True),
        ("follow", "read:statuses", False),
        ("read write", "follow", False),
        ("admin:read", "admin:read:accounts", True),
        ("admin:read:accounts", "admin:read", False),
        ("read", "admin:read", False),
        ("push", "push", True),
        ("read", "profile", False),
    ],
)
def test_an_app_may_request_a_subset_of_its_scopes(granted: str, wanted: str, answer: bool) -> None:
    assert within(wanted.split(), granted.split()) is answer


def test_no_narrow_scope_covers_a_broad_one() -> None:
    assert [(a, b) for a in ALL for b in ALL if covers([a], b) and a.count(":") > b.count(":")] == []


@pytest.mark.parametrize(("scopes", "name"), [("read everything", "Script"), ("read", ""), ("read", "x" * 61), ("read", "a\nb")])
def test_a_token_with_unknown_scopes_or_an_invalid_name_is_refused(tokens: Tokens, ann: Viewer, scopes: str, name: str) -> None:
    with pytest.raises(Invalid):
        result_of(tokens.issue(ann.id, scopes, name))


def test_old_revoked_tokens_and_unused_apps_are_deleted(tokens: Tokens, ann: Viewer, cursor: Cursor) -> None:
    valid, gone = result_of(tokens.issue(ann.id, "read")), result_of(tokens.issue(ann.id, "read"))
    result_of(tokens.revoke(ann.id, gone.token.id))
    later = make.NOW + timedelta(days=1)
    assert oauth.delete_revoked_tokens(cursor, before=make.NOW, limit=9) == 0
    assert oauth.delete_revoked_tokens(cursor, before=later, limit=9) == 1
    assert oauth.delete_unused_apps(cursor, before=later, limit=9) == 1
    assert result_of(tokens.by_bearer(valid.text))
    assert users.by_account(cursor, account=AccountId(ann.id))
