"""Aliases and moves between accounts of this site, with plain forms, and what profiles and the API show."""

from __future__ import annotations

from microblog.domain.moves import FollowerMoves
from microblog.model.ids import AccountId
from microblog.storage import accounts
from tests import make
from tests.fakes import result_of
from tests.web.api.client import client, new_client_for
from tests.web.visitor import PASSWORD, SiteFixture, document, links, main_text


def run_moves(site: SiteFixture) -> None:
    site.cursor.execute("delete from jobs where kind = 'account.move' returning payload")
    for (payload,) in site.cursor.fetchall():
        moving = FollowerMoves(site.database, site.domain.follows, site.domain.relationships)
        result_of(moving.run(AccountId(int(payload["account"])), AccountId(int(payload["target"]))))


def test_an_account_moves_to_another_one_of_this_site(site: SiteFixture) -> None:
    old, new = site.registered_user("ada"), site.registered_user("ada_new")
    make.follow(site.cursor, make.account(site.cursor), site.viewer("ada"))
    refused = old.submit("/settings/move", moved_to="@ada_new", current_password=PASSWORD)
    assert (refused.status, "does not name this account as an alias" in main_text(refused)) == (422, True)
    assert new.submit("/settings/aliases", page="/settings/move", alias="@ada@site.test").status == 303
    assert "@ada" in main_text(new.get("/settings/move"))
    wrong = old.submit("/settings/move", moved_to="@ada_new", current_password="not the password")
    assert (wrong.status, "Wrong password" in main_text(wrong)) == (422, True)
    assert old.submit("/settings/move", moved_to="ada_new", current_password=PASSWORD).header("Location") == "/settings/move?notice=saved"
    run_moves(site)
    assert (site.viewer("ada").account.followers_count, site.viewer("ada_new").account.followers_count) == (0, 1)
    profile = site.visitor().get("/@ada")
    assert "ada has moved to ada_new @ada_new" in main_text(profile)
    assert "/login?next=/@ada" not in links(profile)
    assert "Cancel the redirect" in main_text(old.get("/@ada"))
    fan = site.registered_user("fan")
    assert not document(fan.get("/@ada")).xpath("//button[@formaction='/@ada/follow']")
    assert fan.post("/@ada/follow", {"csrf": fan.token("/@ada")}).status == 403
    assert old.submit("/settings/move/cancel", page="/settings/move").status == 303
    assert "moved to" not in main_text(site.visitor().get("/@ada"))
    assert fan.post("/@ada/follow", {"csrf": fan.token("/@ada")}).status == 303


def test_an_unknown_or_own_address_is_no_alias(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    for typed in ("nobody", "@ada", "@bo@b.example", "", "x y"):
        response = ada.submit("/settings/aliases", page="/settings/move", alias=typed)
        assert response.status == 422, typed
        assert document(response).xpath("//p[@id='f-alias-error']")


def test_an_alias_is_removed_and_nobody_removes_anothers(site: SiteFixture) -> None:
    ada, ben = site.registered_user("ada"), site.registered_user("ben")
    ada.submit("/settings/aliases", page="/settings/move", alias="ben")
    remove = f"/settings/aliases/{site.viewer('ben').id}/remove"
    ben.submit(remove, page="/settings/move")
    assert "Remove" in main_text(ada.get("/settings/move"))
    ada.submit(remove, page="/settings/move")
    assert "Remove" not in main_text(ada.get("/settings/move"))


def test_accounts_that_moved_are_not_suggested_or_found_by_name(site: SiteFixture) -> None:
    ada, new = make.account(site.cursor, "adamoved"), make.account(site.cursor, "adastays")
    site.cursor.execute("update accounts set moved_to_id = %s where id = %s", [new.id, ada.id])
    found = accounts.search(site.cursor, text="ada", viewer=None, following=False, limit=10, offset=0)
    suggested = accounts.suggested(site.cursor, viewer=None, limit=100)
    assert [one.username for one in found] == ["adastays"]
    assert "adamoved" not in {one.username for one in suggested}


def test_clients_get_the_new_account_and_every_change_of_it(site: SiteFixture) -> None:
    ada, ben = client(site, "ada"), client(site, "ben")
    site.cursor.execute("update accounts set moved_to_id = %s where id = %s", [ben.owner.id, ada.owner.id])
    paths = (f"/v1/accounts/{ada.id}", "/v1/accounts/lookup?acct=ada", "/v1/accounts/verify_credentials")
    for _ in range(2):
        assert [ada.get(path).json["moved"]["username"] for path in paths] == ["ben"] * 3
    ben.patch("/v1/accounts/update_credentials", display_name="New Ben")
    assert [ada.get(path).json["moved"]["display_name"] for path in paths] == ["New Ben"] * 3
    site.cursor.execute("update accounts set moved_to_id = null where id = %s", [ada.owner.id])
    assert ["moved" in ada.get(path).json for path in paths] == [False] * 3


def test_clients_set_aliases_and_move(site: SiteFixture) -> None:
    site.registered_user("ada")
    ada, new = new_client_for(site, site.viewer("ada")), client(site, "new")
    assert new.post("/v1/accounts/alias", also_known_as_uris=["@ada", "http://site.test/users/ada"]).status == 200
    refused = ada.post("/v1/accounts/move", moved_to_uri="@new", password="not the password")
    assert (refused.status, list(refused.json["details"])) == (422, ["password"])
    unknown = ada.post("/v1/accounts/move", moved_to_uri="@nobody", password=PASSWORD)
    assert (unknown.status, list(unknown.json["details"])) == (422, ["moved_to_uri"])
    assert new.post("/v1/accounts/alias", also_known_as_uris=["@ada@site.test"]).status == 200
    assert ada.post("/v1/accounts/move", moved_to_uri="http://site.test/@new", password=PASSWORD).status == 202
    assert ada.get("/v1/accounts/verify_credentials").json["moved"]["username"] == "new"
    assert new.post("/v1/accounts/alias").status == 200
    assert "Remove" not in main_text(site.visitor().get("/@new"))
