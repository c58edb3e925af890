"""Accounts in the API: lookup, changes, sign-up."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import pytest

from microblog.model.accounts import Role
from microblog.model.ids import AccountId
from tests import files, make
from tests.web.api.client import Client, anonymous_client, app_client, client, ids, links, new_client_for
from tests.web.visitor import SiteFixture


def test_an_account_has_working_image_urls(site: SiteFixture) -> None:
    ada = client(site, "ada")
    account = anonymous_client(site).get(f"/v1/accounts/{ada.id}").json
    assert (account["username"], account["acct"], account["url"]) == ("ada", "ada", "http://site.test/@ada")
    for name in ("avatar", "avatar_static", "header", "header_static"):
        picture = site.visitor().get(account[name].removeprefix("http://site.test"))
        assert (picture.status, picture.header("Content-Type")) == (200, "image/png")
    assert site.visitor().get(account["uri"].removeprefix("http://site.test")).header("Location") == "/@ada"


@pytest.mark.parametrize("name", ["ada", "ADA", "@ada", "ada@site.test", "Ada@SITE.test"])
def test_lookup_is_exact_and_case_insensitive(site: SiteFixture, name: str) -> None:
    ada = client(site, "ada")
    client(site, "ada2")
    assert anonymous_client(site).get("/v1/accounts/lookup", acct=name).json["id"] == ada.id


def test_lookup_of_an_unknown_account_is_404_and_without_a_name_400(site: SiteFixture) -> None:
    for name in ("nobody", "ada@elsewhere.example", "no such"):
        assert anonymous_client(site).get("/v1/accounts/lookup", acct=name).status == 404
    response = anonymous_client(site).get("/v1/accounts/lookup")
    assert (response.status, response.json["error"]) == (400, "param is missing or the value is empty: acct")


def test_several_accounts_are_returned_at_once(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    assert ids(anonymous_client(site).get("/v1/accounts", id=[bob.id, "5", ada.id, bob.id])) == [bob.id, ada.id]


def test_search_finds_new_accounts_and_lists_the_exact_match_first(site: SiteFixture) -> None:
    ada = client(site, "ada")
    exact, longer = client(site, "bo"), client(site, "bob")
    assert ids(ada.get("/v1/accounts/search", q="bo")) == [exact.id, longer.id]
    assert ids(ada.get("/v1/accounts/search", q="@BO@site.test", limit=1)) == [exact.id]
    assert ids(ada.get("/v1/accounts/search", q="bo", offset=1)) == [longer.id]
    ada.post(f"/v1/accounts/{longer.id}/follow")
    assert ids(ada.get("/v1/accounts/search", q="bo", following=True)) == [longer.id]


def test_the_posts_of_an_account_can_be_filtered(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    other = bob.post("/v1/statuses", status="bob's").json["id"]
    plain = ada.post("/v1/statuses", status="plain").json["id"]
    tagged = ada.post("/v1/statuses", status="#Tea").json["id"]
    reply = ada.post("/v1/statuses", status="@bob hm", in_reply_to_id=other).json["id"]
    boost = ada.post(f"/v1/statuses/{other}/reblog").json["id"]
    private = ada.post("/v1/statuses", status="ours", visibility="private").json["id"]
    path = f"/v1/accounts/{ada.id}/statuses"
    assert ids(ada.get(path)) == [private, boost, reply, tagged, plain]
    assert ids(anonymous_client(site).get(path)) == [boost, reply, tagged, plain]
    assert ids(anonymous_client(site).get(path, exclude_replies=True)) == [boost, tagged, plain]
    assert ids(anonymous_client(site).get(path, exclude_reblogs=1)) == [reply, tagged, plain]
    assert ids(anonymous_client(site).get(path, tagged="tea")) == [tagged]
    assert ids(anonymous_client(site).get(path, only_media=True)) == []
    make.follow(site.cursor, bob.owner, ada.owner)
    assert ids(bob.get(path, limit=1)) == [private]
    assert "exclude_replies=true" in links(bob.get(path, exclude_replies=True))["next"]


def test_a_blocked_viewer_sees_no_posts(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    ada.post("/v1/statuses", status="plain")
    ada.post(f"/v1/accounts/{bob.id}/block")
    response = bob.get(f"/v1/accounts/{ada.id}/statuses")
    assert (response.status, response.json) == (200, [])


def test_followers_are_paged_in_the_order_of_following(site: SiteFixture) -> None:
    ada = client(site, "ada")
    fans = [client(site, f"fan{number}") for number in range(3)]
    for fan in fans[::-1]:
        fan.post(f"/v1/accounts/{ada.id}/follow")
    first = anonymous_client(site).get(f"/v1/accounts/{ada.id}/followers", limit=2)
    assert ids(first) == [fans[0].id, fans[1].id]
    second = anonymous_client(site).follow(links(first)["next"])
    assert (ids(second), set(links(second))) == ([fans[2].id], {"prev"})
    assert ids(anonymous_client(site).get(f"/v1/accounts/{fans[0].id}/following")) == [ada.id]


def test_a_suspended_account_is_marked_and_has_no_content(site: SiteFixture) -> None:
    ada = client(site, "ada", role=Role.MODERATOR)
    fields = [{"name": "Moss", "value": "SECRET"}]
    profile = {"display_name": "SECRET", "note": "SECRET", "bot": True, "locked": True, "fields_attributes": fields}
    ada.request("PATCH", "/v1/accounts/update_credentials", json=profile)
    ada.upload("PATCH", "/v1/accounts/update_credentials", {"avatar": files.image(), "header": files.image()})
    post = ada.post("/v1/statuses", status="SECRET #moss").json["id"]
    bob = client(site, "bob")
    make.follow(site.cursor, bob.owner, ada.owner)
    ada.post("/v1/featured_tags", name="moss")
    whole = anonymous_client(site).get(f"/v1/accounts/{ada.id}").json
    assert "suspended" not in whole
    make.suspend(site.cursor, ada.owner)
    for api_client in (anonymous_client(site), bob):
        account = api_client.get(f"/v1/accounts/{ada.id}").json
        assert account == api_client.get("/v1/accounts/lookup", acct="ada").json
        assert api_client.get("/v1/accounts", id=[ada.id]).json == [account]
        assert account["suspended"] is True
        assert (account["display_name"], account["note"], account["fields"], account["roles"]) == ("", "", [], [])
        assert (account["locked"], account["bot"], account["discoverable"], account["noindex"]) == (False, False, False, True)
        assert "/media/" not in account["avatar"] + account["header"]
        assert (account["username"], account["url"], account["created_at"]) == (whole["username"], whole["url"], whole["created_at"])
        for of_them in ("statuses", "statuses?pinned=true", "followers", "following", "featured_tags", "endorsements"):
            response = api_client.get(f"/v1/accounts/{ada.id}/{of_them}")
            assert (response.status, response.json) == (200, []), of_them
        assert api_client.get(f"/v1/statuses/{post}").status == 404
    assert bob.post(f"/v1/accounts/{ada.id}/follow").status == 404
    assert bob.get("/v1/accounts/search", q="ada").json == []
    assert site.visitor().get("/@ada").status == 404
    assert ada.get("/v1/timelines/home").status == 403


def test_an_applicant_is_not_shown(site: SiteFixture) -> None:
    applicant = make.member(site.cursor, "newcomer", approved=False).account
    assert anonymous_client(site).get("/v1/accounts", id=[applicant.id]).json == []
    assert anonymous_client(site).get(f"/v1/accounts/{applicant.id}").status == 404
    assert anonymous_client(site).get("/v1/accounts/lookup", acct="newcomer").status == 404


def test_a_profile_update_changes_only_the_parameters_sent(site: SiteFixture) -> None:
    ada = client(site, "ada")
    path = "/v1/accounts/update_credentials"
    first = ada.patch(
        path, display_name="Ada", note="I like @bob & tea", locked=True, source={"privacy": "unlisted", "language": "de"}
    ).json
    assert (first["display_name"], first["locked"], first["source"]["note"]) == ("Ada", True, "I like @bob & tea")
    assert first["note"] == "<p>I like @bob &amp; tea</p>"
    second = ada.patch(path, source={"sensitive": True}, bot=1).json
    assert (second["display_name"], second["bot"]) == ("Ada", True)
    assert (second["source"]["privacy"], second["source"]["sensitive"], second["source"]["language"]) == ("unlisted", True, "de")
    assert ada.get("/v1/accounts/verify_credentials").json == second
    assert ada.get("/v1/preferences").json["posting:default:visibility"] == "unlisted"
    assert ada.post("/v1/statuses", status="quiet").json["visibility"] == "unlisted"


def test_profile_fields_have_three_spellings(site: SiteFixture) -> None:
    ada = client(site, "ada")
    path = "/v1/accounts/update_credentials"
    expected = [{"name": "home", "value": "https://ada.example", "verified_at": None}]
    line = {"name": "home", "value": "https://ada.example"}
    for body in ({"fields_attributes": [line, {"name": "", "value": "x"}]}, {"fields_attributes": {"0": line}}):
        assert ada.request("PATCH", path, json=body).json["source"]["fields"] == expected
    ada.request("PATCH", path, json={"fields_attributes": []})
    account = ada.patch(path, **{"fields_attributes[0][name]": "home", "fields_attributes[0][value]": "https://ada.example"}).json
    assert account["source"]["fields"] == expected
    assert 'rel="nofollow noopener me"' in account["fields"][0]["value"]


def test_attribution_domains_are_stored(site: SiteFixture) -> None:
    ada, path = client(site, "ada"), "/v1/accounts/update_credentials"
    sent = ["Example.com", "https://blog.example.org/", "*.example.net", "example.com", ""]
    stored = ["example.com", "blog.example.org", "example.net"]
    assert ada.patch(path, attribution_domains=sent).json["source"]["attribution_domains"] == stored
    assert ada.patch(path, display_name="Ada").json["source"]["attribution_domains"] == stored
    assert ada.get("/v1/accounts/verify_credentials").json["source"]["attribution_domains"] == stored
    for wrong in (["a b"], ["example.com/page"], [f"{number}.example.com" for number in range(101)]):
        refused = ada.request("PATCH", path, json={"attribution_domains": wrong})
        assert (refused.status, set(refused.json["details"])) == (422, {"attribution_domains"})
    assert ada.request("PATCH", path, json={"attribution_domains": []}).json["source"]["attribution_domains"] == []


@pytest.mark.parametrize("encoding", ["json", "form", "multipart"])
@pytest.mark.parametrize("which", ["avatar", "header"])
def test_profile_images_may_be_data_uris(site: SiteFixture, which: str, encoding: str) -> None:
    ada, path = client(site, "ada"), "/v1/accounts/update_credentials"
    large = files.image("PNG", (600, 600), mode="RGB", compress_level=0).getvalue()
    uri = "data:image/png;base64," + b64encode(large[: None if encoding != "multipart" else len(large)]).decode()
    if encoding == "multipart":
        uri = "data:image/png;base64," + b64encode(files.image("PNG").getvalue()).decode()
        response = ada.upload("PATCH", path, {}, **{which: uri})
    else:
        assert len(uri) > 1024 * 1024
        response = ada.request("PATCH", path, json={which: uri}) if encoding == "json" else ada.patch(path, **{which: uri})
    assert response.status == 200
    assert "/media/" in response.json[which]
    refused = ada.patch(path, **{which: "data:image/png;base64,aGVsbG8="})
    assert (refused.status, set(refused.json["details"])) == (422, {which})
    assert ada.patch(path, **{which: "https://example.org/me.png"}).status == 422
    assert ada.get("/v1/accounts/verify_credentials").json[which] == response.json[which]


def test_an_invalid_profile_is_422_with_details(site: SiteFixture) -> None:
    ada = client(site, "ada")
    lines = [{"name": f"n{number}", "value": "v"} for number in range(5)]
    response = ada.request("PATCH", "/v1/accounts/update_credentials", json={"fields_attributes": lines})
    assert (response.status, response.json["details"]["fields"][0]["error"]) == (422, "ERR_TOO_LONG")
    response = ada.patch("/v1/accounts/update_credentials", display_name="x" * 31, source={"privacy": "secret"})
    assert response.status == 422
    assert ada.get("/v1/accounts/verify_credentials").json["display_name"] == ""


def test_an_app_token_can_sign_users_up(site: SiteFixture) -> None:
    form = {"username": "newcomer", "email": "new@example.org", "password": "correct horse battery", "agreement": True, "locale": "en"}
    response = app_client(site, "read write:accounts").post("/v1/accounts", **form)
    assert (response.status, response.json["scope"]) == (200, "read write:accounts")
    newcomer = client(site, "other")
    newcomer.token = response.json["access_token"]
    assert newcomer.get("/v1/accounts/verify_credentials").json["username"] == "newcomer"


def test_sign_up_errors_have_details_and_need_an_app_token(site: SiteFixture) -> None:
    empty = app_client(site).post("/v1/accounts")
    assert empty.status == 422
    codes = {name: {problem["error"] for problem in problems} for name, problems in empty.json["details"].items()}
    assert (codes["username"], codes["password"], codes["agreement"]) == ({"ERR_BLANK"}, {"ERR_BLANK"}, {"ERR_ACCEPTED"})
    assert anonymous_client(site).post("/v1/accounts").status == 401
    response = client(site, "ada").post("/v1/accounts", username="x")
    assert (response.status, response.json["error"]) == (403, "This method requires an client credentials authentication")


def test_unknown_accounts_are_404(site: SiteFixture) -> None:
    ada = client(site, "ada")
    assert ada.get(f"/v1/accounts/{ada.id}/featured_tags").json == []
    for path in ("", "/statuses", "/followers", "/following", "/featured_tags"):
        assert ada.get(f"/v1/accounts/{AccountId(5)}{path}").status == 404


def test_moderators_have_a_role_badge(site: SiteFixture) -> None:
    for role, badge in (
        (Role.MODERATOR, {"id": "2", "name": "Moderator", "color": ""}),
        (Role.ADMIN, {"id": "3", "name": "Admin", "color": ""}),
    ):
        who = client(site, f"a_{role}", role=role)
        for path in (f"/v1/accounts/{who.id}", f"/v1/accounts/lookup?acct=a_{role}", "/v1/accounts/verify_credentials"):
            assert who.get(path).json["roles"] == [badge]
        assert who.get("/v1/accounts/verify_credentials").json["role"]["highlighted"]
    assert anonymous_client(site).get(f"/v1/accounts/{client(site, 'ada').id}").json["roles"] == []


NOBODY = {"username": "", "email": "", "password": "", "agreement": ""}
SOMEBODY = {"username": "ada", "email": "ada@example.org", "password": "correct horse battery", "agreement": "true"}


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        (NOBODY, {"username": "ERR_BLANK", "email": "ERR_BLANK", "password": "ERR_BLANK", "agreement": "ERR_ACCEPTED"}),
        (SOMEBODY | {"username": "taken"}, {"username": "ERR_TAKEN"}),
        (SOMEBODY | {"username": "admin"}, {"username": "ERR_RESERVED"}),
        (SOMEBODY | {"username": "a-b"}, {"username": "ERR_INVALID"}),
        (SOMEBODY | {"username": "a" * 31}, {"username": "ERR_TOO_LONG"}),
        (SOMEBODY | {"email": "taken@example.org"}, {"email": "ERR_TAKEN"}),
        (SOMEBODY | {"email": "nowhere"}, {"email": "ERR_INVALID"}),
        (SOMEBODY | {"password": "short"}, {"password": "ERR_TOO_SHORT"}),
        (SOMEBODY | {"password": "password"}, {"password": "ERR_INVALID"}),
        (SOMEBODY | {"password": "ada@2026"}, {"password": "ERR_INVALID"}),
        (SOMEBODY | {"agreement": "false"}, {"agreement": "ERR_ACCEPTED"}),
    ],
)
def test_sign_up_errors_have_codes(site: SiteFixture, sent: dict[str, str], codes: dict[str, str]) -> None:
    make.member(site.cursor, "taken", email="taken@example.org")
    response = app_client(site, "read write").post("/v1/accounts", **sent)
    assert response.status == 422
    assert {name: [one["error"] for one in each] for name, each in response.json["details"].items()} == {
        name: [code] for name, code in codes.items()
    }


def test_the_confirmation_email_can_be_requested_again(site: SiteFixture) -> None:
    form = {"username": "ada", "email": "ada@example.org", "password": "correct horse battery", "agreement": True}
    token = app_client(site, "read write:accounts").post("/v1/accounts", **form).json["access_token"]
    ada = new_client_for(site, site.viewer("ada"))
    other, ada.token = ada.token, token
    assert ada.get("/v1/emails/check_confirmation").json is True
    response = ada.post("/v1/emails/confirmations")
    assert (response.status, response.json["error"]) == (403, "This method is only available while the e-mail is awaiting confirmation")
    site.cursor.execute("update users set confirmed_at = null where account_id = %s", [ada.id])
    stranger, waiting = Client(site, other, ada.owner), ada
    assert stranger.get("/v1/emails/check_confirmation").json is False
    refused = stranger.post("/v1/emails/confirmations", email="mine@example.org")
    message = "This method is only available to the application the user originally signed-up with"
    assert (refused.status, refused.json["error"]) == (403, message)
    assert waiting.get("/v1/emails/check_confirmation").json is False
    assert waiting.post("/v1/emails/confirmations", email="nowhere").status == 422
    assert waiting.post("/v1/emails/confirmations", email="better@example.org").json == {}
    site.cursor.execute("select email from users where account_id = %s", [ada.id])
    assert site.cursor.fetchone() == ("better@example.org",)
    assert waiting.get("/v1/timelines/home").status == 403
    assert app_client(site).get("/v1/emails/check_confirmation").status == 422
    assert anonymous_client(site).get("/v1/emails/check_confirmation").status == 401


def test_error_descriptions_do_not_repeat_the_field_name(site: SiteFixture) -> None:
    account = app_client(site).post("/v1/accounts").json["details"]
    fields = {name: [each["description"] for each in several] for name, several in account.items()}
    assert fields == {
        "username": ["can't be blank"],
        "email": ["can't be blank"],
        "password": ["can't be blank"],
        "agreement": ["must be accepted"],
    }


def test_profile_errors_use_the_parameter_names_sent(site: SiteFixture) -> None:
    ada = client(site, "ada")
    for sent, name, why in (
        ({"note": "x" * 501}, "note", "is too long (maximum is 500 characters)"),
        ({"source": {"privacy": "odd"}}, "source[privacy]", "is not included in the list"),
        ({"source": {"language": "odd words"}}, "source[language]", "is not included in the list"),
    ):
        account = ada.patch("/v1/accounts/update_credentials", **sent)
        assert (account.status, [each["description"] for each in account.json["details"][name]]) == (422, [why])
    file = ada.upload("PATCH", "/v1/accounts/update_credentials", {"avatar": BytesIO(b"x")})
    assert file.json["details"]["avatar"][0]["description"] == "content type is invalid, Avatar is invalid"
