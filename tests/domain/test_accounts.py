"""Account lookup, profile changes and preferences."""

from __future__ import annotations

import pytest
from attrs import evolve

from microblog.domain.accounts import Accounts, ProfileChanges
from microblog.model.accounts import Account, Preferences, ProfileField, Viewer
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId
from microblog.storage import accounts as rows
from microblog.storage import users
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase, WallClock, result_of


@pytest.fixture
def people(db: RolledBackDatabase) -> Accounts:
    return Accounts(db, "example.org", "https://example.org", WallClock(make.NOW))


@pytest.fixture
def ann(cursor: Cursor) -> Viewer:
    return make.viewer(cursor, "Ann")


def names(found: list[Account]) -> list[str]:
    return [account.username for account in found]


@pytest.mark.parametrize("name", ["ann", "ANN", "@Ann", " ann@example.org", "@ann@Example.ORG"])
def test_an_account_is_found_in_any_spelling_of_its_handle(people: Accounts, ann: Viewer, name: str) -> None:
    assert result_of(people.by_username(name)) == ann.account


@pytest.mark.parametrize("name", ["", "@", "ben", "ann@elsewhere.org", "ann@", "an%", "an_", "\0", "a\ud800", "x" * 100_000, "ＡＮＮ"])
def test_an_unknown_username_is_not_found(people: Accounts, ann: Viewer, name: str) -> None:
    with pytest.raises(NotFound):
        result_of(people.by_username(name))


def test_suspended_deleted_and_unknown_accounts_give_the_same_error(people: Accounts, cursor: Cursor, ann: Viewer) -> None:
    bad, gone = make.account(cursor, "bad"), make.account(cursor, "gone")
    make.suspend(cursor, bad)
    rows.mark_deleted(cursor, id=gone.id, at=make.NOW)
    for account in (bad.id, gone.id, AccountId(1)):
        with pytest.raises(NotFound):
            result_of(people.by_id(account))
    for name in ("bad", "gone", "unknown"):
        with pytest.raises(NotFound):
            result_of(people.by_username(name))
    assert result_of(people.by_ids([gone.id, ann.id, bad.id, AccountId(1)])) == [ann.account]
    assert result_of(people.by_ids([])) == []


def test_autocomplete_returns_the_exact_username_first_and_then_the_most_followed(people: Accounts, cursor: Cursor, ann: Viewer) -> None:
    for name, followers in (("anna", 1), ("anneliese", 2), ("a_n", 9), ("joann", 9)):
        account = make.account(cursor, name)
        for _ in range(followers):
            make.follow(cursor, make.account(cursor), account)
    make.suspend(cursor, make.account(cursor, "annoying"))
    assert names(result_of(people.complete("@AnN"))) == ["Ann", "anneliese", "anna"]
    assert names(result_of(people.complete("a_"))) == ["a_n"]
    assert names(result_of(people.complete("ann", limit=1))) == ["Ann"]
    assert result_of(people.complete("%")) == result_of(people.complete("")) == []


def test_search_matches_a_part_of_a_name_and_ranks_exact_and_followed_accounts_first(people: Accounts, cursor: Cursor, ann: Viewer) -> None:
    joann, anna, moss = (make.account(cursor, name) for name in ("joann", "anna", "moss"))
    make.account(cursor, "zoe", display_name="Zoë Channing")
    make.follow(cursor, make.account(cursor), joann)
    make.follow(cursor, ann, moss)
    assert names(result_of(people.search(None, "ann"))) == ["Ann", "anna", "joann", "zoe"]
    assert names(result_of(people.search(None, "ann", limit=1, offset=1))) == ["anna"]
    assert names(result_of(people.search(None, "CHANN"))) == ["zoe"]
    assert result_of(people.search(ann, "ann", following=True)) == []
    make.follow(cursor, ann, anna)
    assert names(result_of(people.search(ann, "ann", following=True))) == ["anna"]
    assert names(result_of(people.search(ann, "@ann@example.org")))[0] == "Ann"


@pytest.mark.parametrize("query", ["", " ", "\0", "\ud800", "%%%", "\\", "____", "' or 1=1 --", "x" * 100_000])
def test_an_odd_query_finds_nothing_and_raises_nothing(people: Accounts, ann: Viewer, query: str) -> None:
    assert result_of(people.search(ann, query)) == []


def test_suggestions_are_the_most_followed_accounts_without_a_relationship(people: Accounts, cursor: Cursor, ann: Viewer) -> None:
    ben, cat, dan, eve, shy, own = (make.account(cursor, name) for name in ("ben", "cat", "dan", "eve", "shy", "own"))
    make.follow(cursor, ben, cat)
    make.follow(cursor, ann, own)
    make.block(cursor, dan, ann)
    make.mute(cursor, ann, eve)
    rows.update_profile(cursor, account=evolve(shy, discoverable=False))
    assert names(result_of(people.suggestions(ann))) == ["cat", "ben"]
    assert names(result_of(people.suggestions(None, limit=2))) == ["cat", "own"]


def test_a_profile_is_stored_as_typed_and_rendered_safe(people: Accounts, cursor: Cursor, ann: Viewer) -> None:
    make.account(cursor, "ben")
    changes = ProfileChanges(
        display_name="  Ann ✿\u202e ",
        bio="<b>Hi</b> @BEN @nobody #moss\r\nhttps://ann.example/",
        fields=(("site", "https://ann.example/"), (" ", "dropped"), ("friend", "@ben <i>")),
        locked=True,
        bot=True,
    )
    account = result_of(people.edit(ann, changes))
    assert (account.display_name, account.locked, account.bot, account.discoverable) == ("Ann ✿", True, True, True)
    assert account.bio == "<b>Hi</b> @BEN @nobody #moss\nhttps://ann.example/"
    assert "&lt;b&gt;Hi&lt;/b&gt;" in account.bio_html
    assert 'href="https://example.org/@ben"' in account.bio_html
    assert "/@nobody" not in account.bio_html
    assert [(line.name, line.value) for line in account.fields] == [("site", "https://ann.example/"), ("friend", "@ben <i>")]
    assert 'rel="nofollow noopener me"' in account.fields[0].html
    assert "&lt;i&gt;" in account.fields[1].html
    assert make.reload(cursor, ann) == account


def test_an_update_without_changes_keeps_the_profile_and_records_no_event(people: Accounts, cursor: Cursor, ann: Viewer) -> None:
    before = result_of(people.edit(ann, ProfileChanges(bio="moss", fields=(("a", "b"),))))
    assert result_of(people.edit(ann, ProfileChanges())) == before
    assert result_of(people.edit(ann, ProfileChanges(fields=()))) == evolve(before, fields=())
    cursor.execute("select kind, account_id from events")
    assert cursor.fetchall() == [("account.changed", ann.id)] * 2


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        (ProfileChanges(display_name="x" * 31, bio="x" * 501), {"display_name": "ERR_TOO_LONG", "bio": "ERR_TOO_LONG"}),
        (ProfileChanges(display_name="\0", bio="\ud800"), {"display_name": "ERR_INVALID", "bio": "ERR_INVALID"}),
        (ProfileChanges(bio="x" * 1_000_000), {"bio": "ERR_TOO_LONG"}),
        (ProfileChanges(fields=(("a", "b"),) * 5), {"fields": "ERR_TOO_LONG"}),
        (ProfileChanges(fields=(("a", "x" * 256),)), {"fields": "ERR_TOO_LONG"}),
        (ProfileChanges(fields=(("x" * 256, "b"),)), {"fields": "ERR_TOO_LONG"}),
        (ProfileChanges(fields=(("a", "\0"),)), {"fields": "ERR_INVALID"}),
    ],
)
def test_an_invalid_profile_is_refused_as_a_whole(
    people: Accounts, cursor: Cursor, ann: Viewer, changes: ProfileChanges, codes: dict[str, str]
) -> None:
    with pytest.raises(Invalid) as raised:
        result_of(people.edit(ann, changes))
    assert raised.value.codes == codes
    assert make.reload(cursor, ann) == ann.account


def test_values_at_the_limit_are_accepted(people: Accounts, ann: Viewer) -> None:
    changes = ProfileChanges(display_name="é" * 30, bio="👩‍🔬" * 500, fields=(("n" * 255, "v" * 255),) * 4)
    assert result_of(people.edit(ann, changes)).fields[3].name == "n" * 255


def test_preferences_are_stored(people: Accounts, cursor: Cursor, ann: Viewer) -> None:
    wanted = Preferences("private", sensitive=True, language="de", locale="de-AT", time_zone="Europe/Vienna", theme="dark", shortcuts=False)
    assert result_of(people.set_preferences(ann, wanted)) == wanted
    member = users.by_account(cursor, account=ann.id)
    assert member is not None
    assert member.login.preferences == wanted


def test_every_invalid_preference_is_reported(people: Accounts, ann: Viewer) -> None:
    with pytest.raises(Invalid) as raised:
        result_of(people.set_preferences(ann, Preferences("secret", language="English", locale="?", time_zone="Mars/Base", theme="pink")))
    assert set(raised.value.codes) == {"visibility", "language", "locale", "time_zone", "theme"}


def test_unknown_preferences_of_another_release_are_ignored() -> None:
    assert users.preferences_from({"theme": "dark", "unheard_of": 1}) == Preferences(theme="dark")


def test_fields_are_rendered_values() -> None:
    assert rows.account_from(1, "a", "", "", "", make.NOW, [{"name": "n", "value": "v", "html": "h"}], None, None).fields == (
        ProfileField("n", "v", "h"),
    )
