"""Custom emoji of this site: pictures in all texts of people here, on pages, in the API, in streams and feeds, and for other servers."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from microblog.domain.custom_emojis import MAX_BYTES
from microblog.model.emojis import CustomEmoji, EmojiChange, EmojiDraft
from microblog.model.errors import Invalid
from microblog.model.posts import PostDraft
from microblog.storage.database import Cursor, fetch_all
from tests import files, make
from tests.fakes import result_of
from tests.web.api.client import Client, new_client_for
from tests.web.http_client import HttpResponse, request
from tests.web.processes import Process, two_processes
from tests.web.visitor import SiteFixture, Visitor, build_site, document

URL = "http://site.test"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, rate_limits="off")


@pytest.fixture
def browser(site: SiteFixture) -> Visitor:
    return site.registered_user("ada")


@pytest.fixture
def ada(site: SiteFixture, browser: Visitor) -> Client:
    return new_client_for(site, site.viewer("ada"))


def picture(size: tuple[int, int] = (48, 48)) -> BytesIO:
    return files.image("PNG", size=size)


def add(site: SiteFixture, shortcode: str = "cat", file: BytesIO | None = None, category: str = "", *, listed: bool = True) -> CustomEmoji:
    return result_of(site.domain.custom_emojis.create(EmojiDraft(shortcode, category, listed), file or picture()))


def shown(page: HttpResponse, within: str = "main") -> list[str]:
    """Return the alternative texts of the pictures of emoji in an element of a page."""
    return [str(each.get("alt")) for each in document(page).xpath(f"//{within}//img[@class='emoji']")]


def codes(entity: Any) -> list[str]:
    return [each["shortcode"] for each in entity["emojis"]]


def get(site: SiteFixture, url: str) -> HttpResponse:
    return request(site.server, "GET", url.removeprefix(URL))


def decoded(response: HttpResponse) -> Image.Image:
    assert response.status == 200
    return Image.open(BytesIO(response.body))


# --- Where they are shown


def test_they_are_pictures_in_texts_warnings_names_bios_fields_and_polls(site: SiteFixture, browser: Visitor, ada: Client) -> None:
    for name in ("cat", "dog", "elk", "fox", "gnu"):
        add(site, name)
    profile = {"display_name": "Ada :cat:", "note": "I :dog: you", "fields_attributes": {"0": {"name": "A :elk:", "value": ":fox:"}}}
    account = ada.patch("/v1/accounts/update_credentials", **profile).json
    assert codes(account) == ["cat", "dog", "elk", "fox"]
    poll = {"options": ["yes :elk:", "no"], "expires_in": 300}
    post = ada.post("/v1/statuses", status="A :cat: and a :dog:", spoiler_text="careful :gnu:", poll=poll).json
    assert codes(post) == ["cat", "dog", "elk", "gnu"]
    assert codes(post["poll"]) == ["elk"]
    assert "A :cat: and a :dog:" in post["content"]
    home = shown(browser.get("/home"), "article")
    assert home == [":cat:", ":gnu:", ":cat:", ":dog:", ":elk:"], "the name, the warning, the text, and an option of the poll"
    assert shown(browser.get("/@ada"))[:4] == [":cat:", ":dog:", ":elk:", ":fox:"]
    assert shown(site.visitor().get(f"/@ada/{post['id']}"), "article") == home
    assert shown(browser.get("/home"), "*[@class='me']") == [":cat:"], "the name of the viewer"


def test_announcements_have_them(site: SiteFixture, browser: Visitor, ada: Client) -> None:
    add(site, "tea")
    result_of(site.domain.announcements.publish("Time for :tea:"))
    [announcement] = ada.get("/v1/announcements").json
    assert codes(announcement) == ["tea"]
    assert shown(browser.get("/home")) == [":tea:"]


@pytest.mark.parametrize("feed", ["/@ada/feed.atom", "/@ada.rss"])
def test_feeds_have_them_with_whole_addresses(site: SiteFixture, ada: Client, feed: str) -> None:
    emoji = add(site)
    ada.post("/v1/statuses", status="A :cat:", spoiler_text=":cat: content")
    assert site.visitor().get(feed).text.count(f'&lt;img class="emoji" src="{URL}{emoji.emoji.path}"'.replace('"', "&#34;")) == 2


def test_an_edit_has_its_own_and_the_history_those_of_each_version(browser: Visitor, site: SiteFixture, ada: Client) -> None:
    add(site, "cat")
    add(site, "dog")
    post = ada.post("/v1/statuses", status=":cat:").json
    assert codes(ada.put(f"/v1/statuses/{post['id']}", status=":dog:").json) == ["dog"]
    assert [codes(version) for version in ada.get(f"/v1/statuses/{post['id']}/history").json] == [["cat"], ["dog"]]
    assert shown(browser.get(f"/posts/{post['id']}/history")) == [":dog:", ":cat:"]


def test_a_post_from_before_the_emoji_shows_it(site: SiteFixture, browser: Visitor, ada: Client) -> None:
    post = ada.post("/v1/statuses", status="A :cat:").json
    assert (codes(post), shown(browser.get("/home"))) == ([], [])
    add(site)
    assert codes(ada.get(f"/v1/statuses/{post['id']}").json) == ["cat"]
    assert shown(browser.get("/home")) == [":cat:"]


LETTERS_BESIDE = ("a:cat:", ":cat:b", "1:cat:", ":cat:2", "é:cat:", ":cat:字", "::cat:", ":cat::", "12:cat:30", ":CAT:", ":ca t:", ": cat:")
WITH_SPACE = (":cat:", "(:cat:)", "-:cat:-", "_:cat:_", "«:cat:»", "\n:cat:\n", "😀:cat:😀", '":cat:"', "&:cat:;", "<:cat:>")


@pytest.mark.parametrize("text", LETTERS_BESIDE)
def test_letters_beside_stay_text(site: SiteFixture, browser: Visitor, ada: Client, text: str) -> None:
    add(site)
    post = ada.post("/v1/statuses", status=f"x {text} y", spoiler_text=text).json
    ada.patch("/v1/accounts/update_credentials", display_name=f"A {text}")
    assert (codes(post), codes(ada.get("/v1/accounts/verify_credentials").json)) == ([], [])
    assert shown(browser.get("/home")) == []


@pytest.mark.parametrize("text", WITH_SPACE)
def test_anything_else_beside_leaves_a_picture(site: SiteFixture, browser: Visitor, ada: Client, text: str) -> None:
    add(site)
    assert codes(ada.post("/v1/statuses", status=f"x {text} y").json) == ["cat"]
    assert shown(browser.get("/home")) == [":cat:"]


def test_only_some_of_the_same_code_may_be_pictures(site: SiteFixture, browser: Visitor, ada: Client) -> None:
    add(site)
    ada.post("/v1/statuses", status="concat:cat: and :cat:")
    assert shown(browser.get("/home")) == [":cat:"]
    assert "concat:cat: and" in browser.get("/home").text


# --- Pictures


@pytest.mark.parametrize("file", [files.animation(), files.image("PNG"), files.image("WEBP"), files.image("GIF")])
def test_animated_static(site: SiteFixture, ada: Client, file: BytesIO) -> None:
    is_animated = getattr(Image.open(file), "n_frames", 1) > 1
    add(site, file=file)
    [emoji] = ada.get("/v1/custom_emojis").json
    original, still = (decoded(get(site, emoji[key])) for key in ("url", "static_url"))
    assert (getattr(original, "n_frames", 1) > 1) is is_animated
    assert (still.format, getattr(still, "n_frames", 1)) == ("PNG", 1)
    assert still.convert("RGB").getpixel((0, 0)) == pytest.approx(original.convert("RGB").getpixel((0, 0)), abs=8)


def test_browsers_that_reduce_motion_get_the_first_frame(site: SiteFixture, browser: Visitor, ada: Client) -> None:
    moving, still = add(site, "dance", files.animation()).emoji, add(site, "stand").emoji
    ada.post("/v1/statuses", status=":dance: :stand:")
    page = document(browser.get("/home"))
    [source] = page.xpath("//article//picture/source")
    assert (source.get("media"), source.get("srcset")) == ("(prefers-reduced-motion: reduce)", moving.still_path)
    assert page.xpath("//article//picture//img/@src") == [moving.path]
    assert still.path != still.still_path


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    "file",
    [
        BytesIO(SVG),
        BytesIO(b""),
        files.image("JPEG"),
        BytesIO(picture().getvalue()[:40]),
        BytesIO(picture().getvalue() + b"\0" * MAX_BYTES),
    ],
    ids=["svg", "empty", "jpeg", "broken", "large"],
)
def test_other_files_are_refused_and_leave_nothing(site: SiteFixture, file: BytesIO) -> None:
    with pytest.raises(Invalid) as refused:
        add(site, file=file)
    assert set(refused.value.fields) == {"image"}
    assert result_of(site.domain.custom_emojis.listed()) == ()


@pytest.mark.parametrize("shortcode", ["", "a", "x" * 129, "a b", "a-b", "ä1", ":cat:", "cat\n"])
def test_shortcodes_have_ascii_letters_digits_and_underscores(site: SiteFixture, shortcode: str) -> None:
    with pytest.raises(Invalid) as refused:
        add(site, shortcode)
    assert set(refused.value.fields) == {"shortcode"}


def test_shortcodes_are_unique_without_regard_to_case(site: SiteFixture) -> None:
    add(site, "cat")
    dog = add(site, "dog")
    with pytest.raises(Invalid):
        add(site, "Cat")
    with pytest.raises(Invalid):
        result_of(site.domain.custom_emojis.change([dog.emoji.id], EmojiChange(shortcode="CAT")))
    assert [each.shortcode for each in result_of(site.domain.custom_emojis.listed())] == ["cat", "dog"]


def test_files_go_with_their_emoji(site: SiteFixture, cursor: Cursor) -> None:
    emoji = add(site)
    paths = emoji.emoji.path, emoji.emoji.still_path
    assert [get(site, path).status for path in paths] == [200, 200]
    replaced = result_of(site.domain.custom_emojis.edit(emoji.emoji.id, EmojiChange(), picture((20, 20))))
    assert [get(site, path).status for path in paths] == [404, 404]
    assert decoded(get(site, replaced.emoji.path)).size == (20, 20)
    result_of(site.domain.custom_emojis.delete([emoji.emoji.id]))
    assert get(site, replaced.emoji.path).status == 404
    for stems in fetch_all(cursor, lambda payload: payload["names"], "select payload from jobs where kind = 'media.delete_unused'"):
        result_of(site.domain.attachments.delete_unused(stems))
    names = site.domain.attachments.media_store.files.names_with_stem(emoji.emoji.path.rpartition("/")[2][:32])
    assert result_of(names) == []


# --- The list for pickers


def test_the_list_has_enabled_and_listed_emoji_by_shortcode(site: SiteFixture, ada: Client) -> None:
    add(site, "Zebra", category="Animals")
    add(site, "ant")
    add(site, "hidden", listed=False)
    result_of(site.domain.custom_emojis.change([add(site, "off").emoji.id], EmojiChange(is_disabled=True)))
    found = ada.get("/v1/custom_emojis").json
    assert [(each["shortcode"], each.get("category")) for each in found] == [("ant", None), ("Zebra", "Animals")]
    assert found[0].keys() == {"shortcode", "url", "static_url", "visible_in_picker"}
    assert found[0]["visible_in_picker"] is True
    assert codes(ada.post("/v1/statuses", status=":hidden: :off:").json) == ["hidden"]
    assert Client(site).get("/v1/custom_emojis").json == found


def test_the_list_is_read_once_until_an_emoji_changes(site: SiteFixture) -> None:
    assert result_of(site.domain.custom_emojis.listed()) == ()
    add(site)
    first = result_of(site.domain.custom_emojis.listed())
    assert result_of(site.domain.custom_emojis.listed()) is first
    add(site, "dog")
    assert len(result_of(site.domain.custom_emojis.listed())) == 2


# --- Changes reach every process


@pytest.fixture
def processes(database_url: str, tmp_path: Path) -> Iterator[tuple[Process, Process]]:
    """Two processes of a site with all caches."""
    with two_processes(database_url, tmp_path) as processes:
        yield processes


CHANGES = {
    "deleted": lambda emojis, id: emojis.delete([id]),
    "disabled": lambda emojis, id: emojis.change([id], EmojiChange(is_disabled=True)),
    "renamed": lambda emojis, id: emojis.change([id], EmojiChange(shortcode="kitten")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_deleted_leaves_pages(processes: tuple[Process, Process], change: str) -> None:
    first, second = processes
    with first.database.connection.cursor() as cursor:
        ada = make.viewer(cursor, "ada")
        cursor.execute("update accounts set display_name = 'Ada :cat:', bio = ':cat:', bio_html = '<p>:cat:</p>' where id = %s", [ada.id])
    post = result_of(first.domain.posts.publish(ada, PostDraft("A :cat:")))
    emoji = result_of(first.domain.custom_emojis.create(EmojiDraft("cat"), picture()))
    pages = "/@ada", f"/@ada/{post.id}", "/", "/local"
    entities = f"/api/v1/statuses/{post.id}", f"/api/v1/accounts/{ada.id}", "/api/v1/timelines/public", "/api/v1/custom_emojis"

    def seen(process: Process) -> list[bool]:
        process.wake()
        bodies = [process.request("GET", path, {}).text for path in (*pages, *entities) for _ in range(2)]
        return [emoji.emoji.path in body for body in bodies]

    for process in processes:
        assert seen(process) == [True] * 16
    result_of(CHANGES[change](first.domain.custom_emojis, emoji.emoji.id))
    gone = [False] * 14 + [change == "renamed"] * 2
    assert (seen(first), seen(second)) == (gone, gone)
    if change == "disabled":
        result_of(second.domain.custom_emojis.change([emoji.emoji.id], EmojiChange(is_disabled=False)))
        assert (seen(first), seen(second)) == ([True] * 16, [True] * 16)


def test_a_replaced_picture_is_on_all_pages(processes: tuple[Process, Process]) -> None:
    first, second = processes
    with first.database.connection.cursor() as cursor:
        ada = make.viewer(cursor, "ada")
    post = result_of(first.domain.posts.publish(ada, PostDraft("A :cat:")))
    before = result_of(first.domain.custom_emojis.create(EmojiDraft("cat"), picture())).emoji
    second.wake()
    assert before.path in second.request("GET", f"/@ada/{post.id}", {}).text
    after = result_of(first.domain.custom_emojis.edit(before.id, EmojiChange(), picture((20, 20)))).emoji
    second.wake()
    page = second.request("GET", f"/@ada/{post.id}", {}).text
    assert (before.path in page, after.path in page) == (False, True)
