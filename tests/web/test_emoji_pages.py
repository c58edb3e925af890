"""The administrators' pages of custom emoji, and the admin API of GoToSocial's clients."""

from __future__ import annotations

import tarfile
from base64 import b64encode
from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from microblog.model.accounts import Role
from microblog.model.emojis import Emoji
from microblog.model.federation_posts import RemoteEmoji, RemoteImage
from microblog.storage import emojis
from microblog.storage.database import Cursor
from tests import files, make
from tests.fakes import result_of
from tests.federation.internet import Internet
from tests.federation.remote_server import URL
from tests.web.api.client import Client, client
from tests.web.http_client import HttpResponse
from tests.web.test_moderation import with_role
from tests.web.visitor import SiteFixture, Visitor, build_site, document, links, main_text

PATH, PAGE, IMPORT = "/v1/admin/custom_emojis", "/admin/emojis", "/admin/emojis/import"
FAR_PICTURE = "https://b.example/dog.jpg"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    internet = Internet({FAR_PICTURE: files.image("JPEG", size=(90, 30)).getvalue()})
    return build_site(cursor, tmp_path, internet, public_url=URL, federation="on", rate_limits="off")


@pytest.fixture
def boss(site: SiteFixture) -> Visitor:
    return with_role(site, "boss", "admin")


@pytest.fixture
def app(site: SiteFixture) -> Client:
    return client(site, "chief", "admin:read admin:write", role=Role.ADMIN)


@pytest.fixture
def far(site: SiteFixture) -> Emoji:
    """An emoji of another server."""
    found = emojis.store(site.cursor, host="b.example", emojis=[RemoteEmoji("dog", RemoteImage(FAR_PICTURE))], now=make.NOW)
    return found[0]


def data_uri(file: BytesIO, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64encode(file.getvalue()).decode()}"


def listed(page: HttpResponse) -> list[str]:
    """Return the codes in the list."""
    return [str(code) for code in document(page).xpath("//ul[contains(@class, 'emoji-list')]//strong/text()")]


def do(boss: Visitor, act: str, ids: Sequence[int], page: str = PAGE, **fields: str) -> HttpResponse:
    """Send the form of the list."""
    selected = {f"ids[{place}]": str(id) for place, id in enumerate(ids)}
    return boss.submit(f"{PAGE}/batch", page, act=act, next=page, **selected, **fields)


def codes(site: SiteFixture) -> list[str]:
    return [each.shortcode for each in result_of(site.domain.custom_emojis.listed())]


# --- Pages


def test_an_emoji_is_added_and_shown(site: SiteFixture, boss: Visitor) -> None:
    fields = {"shortcode": " :Party: ", "category": "Fun", "listed": "1"}
    response = boss.upload(PAGE, PAGE, {"image": files.animation()}, **fields)
    assert (response.status, response.header("Location")) == (303, PAGE)
    page = boss.get(PAGE)
    assert listed(page) == [":Party:"]
    [emoji] = result_of(site.domain.custom_emojis.listed())
    assert (emoji.shortcode, emoji.category) == ("Party", "Fun")
    assert emoji.path in page.text


@pytest.mark.parametrize(
    ("shortcode", "image", "sentence"),
    [
        ("a", files.image("PNG"), "2 to 128 letters"),
        ("party", BytesIO(b"<svg/>"), "must be a PNG, GIF or WebP file"),
        ("party", BytesIO(files.image("PNG").getvalue() + bytes(300_000)), "at most 256 kB"),
        ("CAT", files.image("PNG"), "has already been taken"),
    ],
)
def test_errors_keep_what_was_typed(site: SiteFixture, boss: Visitor, shortcode: str, image: BytesIO, sentence: str) -> None:
    make.emoji(site.cursor, "cat")
    response = boss.upload(PAGE, PAGE, {"image": image}, shortcode=shortcode, category="Fun")
    assert response.status == 422
    assert sentence in main_text(response)
    form = document(response)
    assert [form.xpath(f"//input[@name='{name}']/@value") for name in ("shortcode", "category")] == [[shortcode], ["Fun"]]
    assert not form.xpath("//input[@name='listed']/@checked")
    assert codes(site) == ["cat"]


def test_a_form_without_a_file_is_refused(boss: Visitor) -> None:
    response = boss.submit(PAGE, shortcode="party")
    assert (response.status, "Please choose a file." in main_text(response)) == (422, True)


def test_an_archive_is_imported_and_what_failed_is_named(site: SiteFixture, boss: Visitor) -> None:
    make.emoji(site.cursor, "my_cat")
    archive = files.archive(cat=files.image("PNG"), dog=files.image("GIF"), moss=BytesIO(b"<svg/>"))
    assert IMPORT in links(boss.get(PAGE))
    response = boss.upload(IMPORT, IMPORT, {"file": BytesIO(archive)}, prefix="my_", category="Pets", listed="1")
    assert response.status == 200
    text = main_text(response)
    assert "Created 1, replaced 0, skipped 1, failed 1." in text
    assert "moss.png: Image must be a PNG, GIF or WebP file" in text
    assert [(each.shortcode, each.category) for each in result_of(site.domain.custom_emojis.listed())] == [
        ("my_cat", ""),
        ("my_dog", "Pets"),
    ]
    replaced = boss.upload(IMPORT, IMPORT, {"file": BytesIO(archive)}, prefix="my_", overwrite="1", listed="1")
    assert "Created 0, replaced 2, skipped 0, failed 1." in main_text(replaced)


def test_a_name_that_is_not_utf_8_is_shown_as_far_as_it_can_be(boss: Visitor) -> None:
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz", format=tarfile.GNU_FORMAT, encoding="latin-1") as target:
        target.addfile(tarfile.TarInfo("café.png"))
    response = boss.upload(IMPORT, IMPORT, {"file": archive})
    assert (response.status, "caf\N{REPLACEMENT CHARACTER}.png: Shortcode" in main_text(response)) == (200, True)


@pytest.mark.parametrize(("overwrite", "advice"), [("", "import the file again to go on"), ("1", "import them in a smaller archive")])
def test_an_import_without_enough_time_says_how_the_rest_can_be_imported(
    boss: Visitor, monkeypatch: pytest.MonkeyPatch, overwrite: str, advice: str
) -> None:
    monkeypatch.setattr("microblog.web.pages.emoji_import.TIME_LIMIT", timedelta(seconds=-1))
    response = boss.upload(IMPORT, IMPORT, {"file": BytesIO(files.archive(cat=files.image("PNG")))}, overwrite=overwrite)
    assert "There was no time for 1 more: " + advice in main_text(response)


@pytest.mark.parametrize(
    ("archive", "category", "field"), [(b"Rar!", "Pets", "file"), (b"PK broken", "Pets", "file"), (files.archive(), "x" * 65, "category")]
)
def test_an_archive_that_cannot_be_used_is_refused_and_what_was_typed_kept(
    site: SiteFixture, boss: Visitor, archive: bytes, category: str, field: str
) -> None:
    response = boss.upload(IMPORT, IMPORT, {"file": BytesIO(archive)}, category=category, prefix="my_", overwrite="1")
    assert response.status == 422
    form = document(response)
    assert form.xpath("//*[@aria-invalid='true']/@name") == [field]
    assert [form.xpath(f"//input[@name='{name}']/@value") for name in ("category", "prefix")] == [[category], ["my_"]]
    assert [bool(form.xpath(f"//input[@name='{name}']/@checked")) for name in ("overwrite", "listed")] == [True, False]
    assert boss.submit(IMPORT).status == 422
    assert codes(site) == []


def test_the_list_has_filters(site: SiteFixture, boss: Visitor, far: Emoji) -> None:
    ids = {name: make.emoji(site.cursor, name).emoji.id for name in ("ant", "Bee", "cat", "antler")}
    do(boss, "category", [ids["cat"], ids["ant"]], new_category="Animals")
    do(boss, "disable", [ids["cat"]])
    do(boss, "unlist", [ids["Bee"]])
    assert listed(boss.get(PAGE)) == [":ant:", ":antler:", ":Bee:", ":cat:"]
    assert listed(boss.get(f"{PAGE}?category=Animals")) == [":ant:", ":cat:"]
    assert listed(boss.get(f"{PAGE}?category=Animals&state=disabled")) == [":cat:"]
    assert listed(boss.get(f"{PAGE}?state=unlisted")) == [":Bee:"]
    assert listed(boss.get(f"{PAGE}?state=enabled")) == [":ant:", ":antler:", ":Bee:"]
    assert listed(boss.get(f"{PAGE}?q=:ANT:")) == [":ant:", ":antler:"]
    assert listed(boss.get(f"{PAGE}?from=others")) == [":dog:"]
    assert listed(boss.get(f"{PAGE}?from=others&host=c.example")) == []
    assert "No custom emoji found" in main_text(boss.get(f"{PAGE}?q=none"))


def test_batches_change_the_selected_ones(site: SiteFixture, boss: Visitor) -> None:
    ant, bee, cat = (make.emoji(site.cursor, name).emoji.id for name in ("ant", "bee", "cat"))
    assert do(boss, "unlist", [ant, bee], f"{PAGE}?q=a").header("Location") == f"{PAGE}?q=a"
    assert codes(site) == ["cat"]
    do(boss, "list", [ant])
    do(boss, "disable", [cat])
    assert codes(site) == ["ant"]
    do(boss, "enable", [cat])
    assert codes(site) == ["ant", "cat"]
    do(boss, "category", [ant, cat], new_category=" Small  animals ")
    assert result_of(site.domain.custom_emojis.categories()) == ["Small animals"]


def test_deleting_asks_first(site: SiteFixture, boss: Visitor) -> None:
    ant, bee = (make.emoji(site.cursor, name).emoji.id for name in ("ant", "bee"))
    question = do(boss, "delete", [ant, bee])
    assert (question.status, "Delete these 2 emoji?" in main_text(question)) == (200, True)
    assert codes(site) == ["ant", "bee"]
    fields = {str(each.get("name")): str(each.get("value")) for each in document(question).xpath("//main//input[@type='hidden']")}
    assert boss.post(f"{PAGE}/delete", fields).header("Location") == PAGE
    assert codes(site) == []


def test_nothing_selected_and_unknown_acts_are_refused(site: SiteFixture, boss: Visitor) -> None:
    nothing = do(boss, "disable", [])
    assert (nothing.status, "Select at least one emoji." in main_text(nothing)) == (422, True)
    assert do(boss, "paint", [make.emoji(site.cursor, "ant").emoji.id]).status == 404
    wrong = do(boss, "category", [make.emoji(site.cursor, "bee").emoji.id], new_category="x" * 65)
    assert (wrong.status, "too long" in main_text(wrong)) == (422, True)


def test_one_emoji_is_renamed_and_gets_another_picture(site: SiteFixture, boss: Visitor) -> None:
    before = make.emoji(site.cursor, "cat").emoji
    page = f"{PAGE}/{before.id}"
    boss.upload(page, page, {"image": files.image("PNG")}, shortcode="kitten", category="", listed="1")
    [after] = result_of(site.domain.custom_emojis.listed())
    assert (after.shortcode, after.id, after.path == before.path) == ("kitten", before.id, False)
    make.emoji(site.cursor, "dog")
    taken = boss.submit(page, shortcode="DOG", listed="1")
    assert (taken.status, "has already been taken" in main_text(taken)) == (422, True)


def test_copies_of_other_servers_emoji_work_without_them(site: SiteFixture, boss: Visitor, far: Emoji) -> None:
    assert do(boss, "copy", [far.id], f"{PAGE}?from=others", new_category="Borrowed").status == 303
    [copy] = result_of(site.domain.custom_emojis.listed())
    assert (copy.shortcode, copy.category) == ("dog", "Borrowed")
    assert boss.get(copy.path).status == 200
    again = do(boss, "copy", [far.id], f"{PAGE}?from=others")
    assert (again.status, ":dog:@b.example (Shortcode has already been taken)" in main_text(again)) == (422, True)
    assert boss.get(f"{PAGE}/{far.id}").status == 404, "there is no form for an emoji of another server"


def test_a_copy_of_a_missing_picture_says_so(site: SiteFixture, boss: Visitor) -> None:
    [gone] = emojis.store(
        site.cursor, host="b.example", emojis=[RemoteEmoji("gone", RemoteImage("https://b.example/gone.png"))], now=make.NOW
    )
    refused = do(boss, "copy", [gone.id], f"{PAGE}?from=others")
    assert (refused.status, "Not copied: :gone:@b.example" in main_text(refused)) == (422, True)
    assert codes(site) == []


@pytest.mark.parametrize("role", ["user", "moderator"])
def test_only_administrators_have_the_pages(site: SiteFixture, role: str) -> None:
    somebody = with_role(site, "somebody", role)
    assert somebody.get(PAGE).status in (403, 404)
    assert site.visitor().get(PAGE).status == 303


def test_a_site_without_federation_has_no_emoji_of_others(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, rate_limits="off")
    boss = with_role(site, "boss", "admin")
    assert "Other servers" not in main_text(boss.get(PAGE))
    assert do(boss, "copy", [make.emoji(cursor, "cat").emoji.id]).status == 404


# --- The picker


def test_everybody_reads_the_codes_by_category(site: SiteFixture, boss: Visitor) -> None:
    assert "This site has none yet" in main_text(site.visitor().get("/emojis"))
    ant, _bee, cat = (make.emoji(site.cursor, name).emoji.id for name in ("ant", "bee", "cat"))
    do(boss, "category", [ant], new_category="Insects")
    do(boss, "disable", [cat])
    page = document(site.visitor().get("/emojis"))
    assert page.xpath("//main//code/text()") == [":bee:", ":ant:"]
    assert page.xpath("//main//h2/text()") == ["Insects"]
    picker = document(boss.get("/compose/emojis"))
    assert picker.xpath("//button/@data-code") == [":bee:", ":ant:"]
    assert picker.xpath("//div[@role='group']/@aria-label") == ["Insects"]
    assert site.visitor().get("/compose/emojis").status == 303


def test_the_composer_leads_to_the_codes_if_there_are_any(site: SiteFixture, boss: Visitor) -> None:
    post = make.post(site.cursor, site.viewer("boss"))
    link, pages = "//form[@data-composer]//details[@data-emoji-picker]//a/@href", ("/home", "/compose", f"/@boss/{post.id}")
    assert [document(boss.get(page)).xpath(link) for page in pages] == [[]] * 3
    make.emoji(site.cursor, "ant")
    assert [document(boss.get(page)).xpath(link) for page in pages] == [["/emojis"]] * 3


# --- API


def test_clients_add_change_and_delete_emoji(site: SiteFixture, app: Client) -> None:
    created = app.post(PATH, shortcode=":party:", category="Fun", image=data_uri(files.animation(), "image/gif")).json
    assert (created["shortcode"], created["category"], created["disabled"], created["visible_in_picker"]) == ("party", "Fun", False, True)
    assert created["content_type"] == "image/gif"
    assert created["total_file_size"] > 0
    assert created["uri"] == f"{URL}/emojis/{created['id']}"
    id = created["id"]
    assert app.get(f"{PATH}/{id}").json == created
    changed = app.patch(f"{PATH}/{id}", type="modify", shortcode="dance", visible_in_picker=False, image=data_uri(files.image("PNG"))).json
    assert (changed["shortcode"], changed["category"], changed["content_type"]) == ("dance", "Fun", "image/png")
    assert app.get(f"{PATH}/categories").json == [{"id": "Fun", "name": "Fun"}]
    assert app.patch(f"{PATH}/{id}", type="disable").json["disabled"] is True
    assert app.patch(f"{PATH}/{id}", type="enable").json["disabled"] is False
    assert app.delete(f"{PATH}/{id}").json["shortcode"] == "dance"
    assert app.get(f"{PATH}/{id}").status == app.delete(f"{PATH}/{id}").status == 404


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"shortcode": "party"}, "image"),
        ({"image": data_uri(files.image("PNG"))}, "shortcode"),
        ({"shortcode": "party", "image": "data:image/svg+xml,<svg/>"}, "image"),
        ({"shortcode": "party", "image": "picture"}, "image"),
        ({"shortcode": "cat", "image": data_uri(files.image("PNG"))}, "shortcode"),
    ],
)
def test_the_api_names_the_wrong_field(site: SiteFixture, app: Client, fields: dict[str, Any], wrong: str) -> None:
    make.emoji(site.cursor, "cat")
    response = app.post(PATH, **fields)
    assert (response.status, list(response.json["details"])) == (422, [wrong])


def test_a_change_with_a_wrong_picture_changes_nothing(site: SiteFixture, boss: Visitor, app: Client) -> None:
    id = make.emoji(site.cursor, "cat").emoji.id
    by_client = app.patch(f"{PATH}/{id}", type="modify", shortcode="dog", image="data:image/svg+xml,<svg/>")
    assert (by_client.status, codes(site)) == (422, ["cat"])
    by_form = boss.upload(f"{PAGE}/{id}", f"{PAGE}/{id}", {"image": BytesIO(b"<svg/>")}, shortcode="dog")
    assert (by_form.status, codes(site)) == (422, ["cat"])


def test_clients_copy_emoji_of_other_servers(site: SiteFixture, app: Client, far: Emoji) -> None:
    assert app.get(f"{PATH}/{far.id}").json["domain"] == "b.example"
    copied = app.patch(f"{PATH}/{far.id}", type="copy", shortcode="hound", category="Borrowed").json
    assert (copied["shortcode"], copied["category"], "domain" in copied) == ("hound", "Borrowed", False)
    for type, id in (("modify", far.id), ("disable", far.id), ("copy", copied["id"]), ("paint", copied["id"])):
        assert app.patch(f"{PATH}/{id}", type=type).status == 422


def test_the_list_of_clients_has_filters_and_pages(site: SiteFixture, app: Client, far: Emoji) -> None:
    for name in ("ant", "bee", "cat", "elk"):
        make.emoji(site.cursor, name)
    app.patch(f"{PATH}/{make.emoji(site.cursor, 'fox').emoji.id}", type="disable")

    def found(**params: object) -> list[str]:
        return [each["shortcode"] for each in app.get(PATH, **params).json]

    assert found() == ["ant", "bee", "cat", "dog", "elk", "fox"]
    assert found(filter="domain:local,enabled") == ["ant", "bee", "cat", "elk"]
    assert found(filter="domain:site.test,disabled") == ["fox"]
    assert found(filter="domain:b.example") == ["dog"]
    assert found(filter="domain:all, shortcode::cat:") == ["cat"]
    assert found(filter="enabled,disabled") == found()
    assert app.get(PATH, filter="colour:red").status == 422
    first = app.get(PATH, limit=4)
    assert [each["shortcode"] for each in first.json] == ["ant", "bee", "cat", "dog"]
    assert 'rel="next"' in (first.header("Link") or "")
    assert "max_shortcode_domain=dog%40b.example" in (first.header("Link") or "")
    assert found(limit=4, max_shortcode_domain="dog@b.example") == ["elk", "fox"]
    assert found(limit=2, min_shortcode_domain="dog@b.example") == ["bee", "cat"]


@pytest.mark.parametrize(("scopes", "role"), [("read write", Role.ADMIN), ("admin:read admin:write", Role.MODERATOR)])
def test_the_api_needs_scopes_and_an_administrator(site: SiteFixture, scopes: str, role: Role) -> None:
    other = client(site, "other", scopes, role=role)
    assert {other.get(PATH).status, other.post(PATH).status, other.get(f"{PATH}/categories").status} == {403}
