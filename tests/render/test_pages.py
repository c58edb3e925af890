"""Every page is a valid document and shows user text as text, never as markup."""

from __future__ import annotations

import re
from collections import Counter

import html5lib
import pytest
from attrs import evolve

from microblog.model.accounts import Viewer
from microblog.model.posts import Visibility
from microblog.render.html.view_models import ComposerView, ErrorView, PageContext, PeopleView, PostListView, ThreadPage
from tests.render.samples import NOW, PAGES, SITE, account, assembled, every_page, post

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>' {{ 7*7 }} <!--articles0--><!--csrf--> \u202e javascript:alert(1)"
OURS = ("/", "#", "?", "https://kommata.example", "mailto:post@kommata.example")
XHTML = "{http://www.w3.org/1999/xhtml}"
MEMBER, VISITOR = every_page(), every_page(anonymous=True)
HOSTILE_PAGES = every_page(HOSTILE) | {f"{name} (visitor)": made for name, made in every_page(HOSTILE, anonymous=True).items()}
ALL = {f"{name} (member)": made for name, made in MEMBER.items()} | {f"{name} (visitor)": made for name, made in VISITOR.items()}


def parsed(page: bytes) -> list[html5lib.treebuilders.base.Node]:
    return list(html5lib.parse(page, transport_encoding="utf-8").iter())


def of(elements: list[html5lib.treebuilders.base.Node], name: str) -> list[html5lib.treebuilders.base.Node]:
    return [element for element in elements if element.tag == XHTML + name]


@pytest.mark.parametrize("name", ALL)
def test_a_page_is_one_document_with_one_heading_and_one_main_part(name: str) -> None:
    page = ALL[name]()
    elements = parsed(page)
    assert len(of(elements, "h1")) == len(of(elements, "main")) == 1
    assert of(elements, "title")[0].text
    assert of(elements, "a")[0].attrib["class"] == "skip"
    assert len(page) < 100_000
    assert not re.search(rb"<!--[a-z]+[0-9]*-->", page)


@pytest.mark.parametrize("name", ALL)
def test_ids_are_unique_and_labels_refer_to_fields(name: str) -> None:
    elements = parsed(ALL[name]())
    ids = Counter(element.attrib["id"] for element in elements if "id" in element.attrib and not element.attrib["id"].startswith("p1"))
    assert not [each for each, count in ids.items() if count > 1]
    for label in of(elements, "label"):
        assert "for" not in label.attrib or label.attrib["for"] in ids


@pytest.mark.parametrize("name", ALL)
def test_every_form_that_changes_something_carries_the_csrf_token(name: str) -> None:
    for form in of(parsed(ALL[name]()), "form"):
        if form.attrib.get("method") == "post":
            tokens = [field.attrib["value"] for field in form.iter(XHTML + "input") if field.attrib.get("name") == "csrf"]
            assert tokens == ["csrf-token"]


@pytest.mark.parametrize("name", HOSTILE_PAGES)
def test_user_text_is_never_markup(name: str) -> None:
    page = HOSTILE_PAGES[name]()
    elements = parsed(page)
    assert all(script.attrib.get("type") == "module" and not script.text for script in of(elements, "script"))
    assert not of(elements, "img")
    assert b"{{" not in page or b"{{ 7*7 }}" in page
    for element in elements:
        attributes = {key: value for key, value in element.attrib.items() if isinstance(key, str)}
        assert not [key for key in attributes if key.lower().startswith("on") or key.lower() == "style"]
        for key in ("href", "src", "action", "formaction"):
            assert attributes.get(key, "/").startswith(OURS), attributes


def test_a_lone_surrogate_is_replaced_and_causes_no_error() -> None:
    page = PAGES.error(
        PageContext(SITE, "c", "/", NOW, Viewer(account())), ErrorView(422, "No", composer=ComposerView("k", text="kept \ud800 text"))
    )
    assert "kept ? text" in page.decode()


def test_an_error_page_keeps_the_text_that_was_being_written() -> None:
    kept = ComposerView("the-key", text="My long thought", spoiler="Food", visibility=Visibility.PRIVATE)
    page = PAGES.error(PageContext(SITE, "c", "/", NOW, Viewer(account())), ErrorView(429, "Too fast.", kept)).decode()
    assert "\nMy long thought</textarea>" in page
    assert 'value="the-key"' in page
    assert 'value="Food"' in page


def test_a_reply_offers_no_visibility_more_public_than_its_parent() -> None:
    composer = ComposerView("k", visibility=Visibility.PRIVATE, widest=Visibility.PRIVATE)
    elements = parsed(PAGES.compose(PageContext(SITE, "c", "/compose", NOW, Viewer(account())), composer))
    offered = [option.attrib["value"] for option in of(elements, "option") if option.attrib["value"] in list(Visibility)]
    assert offered == ["private", "direct"]


@pytest.mark.parametrize(
    ("indexable", "visibility", "expected"),
    [
        (True, Visibility.PUBLIC, False),
        (False, Visibility.PUBLIC, True),
        (True, Visibility.UNLISTED, True),
        (True, Visibility.PRIVATE, True),
    ],
)
def test_private_pages_are_not_indexed_by_search_engines(indexable: bool, visibility: Visibility, expected: bool) -> None:
    shown = post(author=account(indexable=indexable), visibility=visibility)
    page = bytes(PAGES.thread(PageContext(SITE, "c", "/", NOW), ThreadPage(shown, assembled([shown], None)[0])))
    assert (b'<meta name="robots" content="noindex">' in page) is expected


def test_open_graph_metadata_does_not_reveal_text_behind_a_content_warning() -> None:
    shown = post(author=account(), spoiler="Ending of the book", text="The butler did it")
    head = (
        bytes(PAGES.thread(PageContext(SITE, "c", "/", NOW), ThreadPage(shown, assembled([shown], None)[0])))
        .decode()
        .split("</head>", maxsplit=1)[0]
    )
    assert 'property="og:description" content="Content warning: Ending of the book"' in head
    assert 'rel="canonical" href="https://kommata.example/%40user1/100"' in head or 'href="https://kommata.example/@user1/100"' in head
    assert 'type="application/atom+xml"' in head
    assert "butler" not in head


def test_each_page_has_its_own_heading() -> None:
    shell = PageContext(SITE, "c", "/tags/haiku", NOW, Viewer(account()))
    assert [each.text for each in of(parsed(bytes(PAGES.tag(shell, "haiku", PostListView()))), "h1")] == ["#haiku"]
    assert [each.text for each in of(parsed(bytes(PAGES.relations(shell, account(2, "Bashō"), "followers", PeopleView()))), "h1")] == [
        "Bashō"
    ]


@pytest.mark.parametrize("registration", ["open", "approval", "invite"])
def test_the_front_page_has_one_button_to_create_an_account(registration: str) -> None:
    assert VISITOR[f"front {registration}"]().decode().count("Create account</a>") == 1


def test_the_front_page_says_that_sign_up_is_closed() -> None:
    page = VISITOR["front closed"]().decode()
    assert "Sign-ups are currently closed" in page
    assert "/signup" not in page


def test_disabled_keyboard_shortcuts_are_not_loaded() -> None:
    viewer = Viewer(account())
    off = evolve(viewer, preferences=evolve(viewer.preferences, shortcuts=False))
    assert b"keyboard.js" in bytes(PAGES.local(PageContext(SITE, "c", "/local", NOW, viewer), PostListView()))
    assert b"keyboard.js" not in bytes(PAGES.local(PageContext(SITE, "c", "/local", NOW, off), PostListView()))
