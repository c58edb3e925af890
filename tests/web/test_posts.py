"""Writing and reading posts with a browser without JavaScript."""

from __future__ import annotations

import re

import pytest

from tests import make
from tests.web.visitor import PASSWORD, Town, document, links, words


def test_a_post_is_read_by_anybody(site: Town) -> None:
    ada = site.resident("ada")
    assert ada.submit("/posts", page="/home", text="Hello, #world & <you>").header("Location") == "/home"
    stranger = site.visitor()
    for path in ("/", "/local", "/@ada", "/tags/world", "/@ada/feed.atom"):
        assert "Hello, " in stranger.get(path).text, path
    assert "Hello, #world & <you>" in words(ada.get("/home"))


def test_a_refused_post_comes_back_with_all_that_was_typed(site: Town) -> None:
    ada = site.resident("ada")
    reply = ada.submit("/posts", page="/home", text="x" * 501, spoiler="Long", visibility="unlisted", language="de")
    assert reply.status == 422
    assert "Text character limit of 500 exceeded" in words(reply)
    assert "Validation failed" not in words(reply)  # the words of the API
    form = document(reply)
    assert form.xpath("string(//textarea[@name='text'])").strip() == "x" * 501
    assert form.xpath("//input[@name='spoiler']/@value") == ["Long"]
    assert form.xpath("//select[@name='visibility']/option[@selected]/@value") == ["unlisted"]
    assert form.xpath("//select[@name='language']/option[@selected]/@value") == ["de"]


def test_the_same_form_sent_twice_is_one_post(site: Town) -> None:
    ada = site.resident("ada")
    page = document(ada.get("/home"))
    fields = {"csrf": page.xpath("//input[@name='csrf']/@value")[0], "key": page.xpath("//input[@name='key']/@value")[0], "text": "Once"}
    assert ada.post("/posts", fields).status == ada.post("/posts", fields).status == 303
    assert words(ada.get("/@ada")).count("Once") == 1


@pytest.mark.parametrize("text", ["\0", "nul \0 inside", "\ud800"])
def test_what_cannot_be_stored_is_refused_in_a_sentence(site: Town, text: str) -> None:
    reply = site.resident("ada").submit("/posts", page="/home", text=text)
    assert reply.status in (400, 422)
    assert "Traceback" not in reply.text
    assert "<h1" in reply.text


def test_a_megabyte_of_text_is_refused(site: Town) -> None:
    ada = site.resident("ada")
    assert ada.submit("/posts", page="/home", text="x" * 1_000_000).status == 422
    assert ada.submit("/posts", page="/home", text="x" * 1_100_000).status == 413


def test_a_script_gets_the_article_and_errors_as_json(site: Town) -> None:
    ada = site.resident("ada")
    token = ada.token("/home")
    posted = ada.post("/posts", {"text": "Hello"}, Accept="application/json", X_CSRF_Token=token)
    assert posted.status == 200
    assert posted.json["url"] == f"/@ada/{posted.json['id']}"
    assert "Hello" in posted.json["html"]
    refused = ada.post("/posts", {"text": ""}, Accept="application/json", X_CSRF_Token=token)
    assert (refused.status, refused.json["fields"]) == (422, {"text": "Text can't be blank"})


def test_a_conversation_is_read_on_the_page_of_a_post(site: Town) -> None:
    ada, bob = site.resident("ada"), site.resident("bob")
    root = make.post(site.cursor, site.viewer("ada"), "The question")
    form = bob.get(f"/compose?reply_to={root.id}")
    assert "@ada" in document(form).xpath("string(//textarea[@name='text'])")
    sent = bob.submit("/posts", page="/home", text="@ada An answer", reply_to=str(root.id))
    assert re.fullmatch(r"/@bob/\d+", sent.header("Location") or "")
    assert "An answer" in words(site.visitor().get(f"/@ada/{root.id}"))
    assert "The question" in words(site.visitor().get(sent.header("Location") or ""))
    assert "An answer" in words(ada.get("/notifications"))


def test_an_edit_is_shown_with_its_history(site: Town) -> None:
    ada = site.resident("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Frist")
    assert ada.get(f"/posts/{post.id}/edit").status == 200
    assert ada.submit(f"/posts/{post.id}/edit", text="First").header("Location") == f"/@ada/{post.id}?notice=edited"
    assert "edited" in words(site.visitor().get(f"/@ada/{post.id}")).lower()
    history = words(site.visitor().get(f"/posts/{post.id}/history"))
    assert "Frist" in history
    assert "First" in history


def test_a_deleted_post_can_be_written_anew(site: Town) -> None:
    ada = site.resident("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Almost right")
    assert "Almost right" in words(ada.get(f"/posts/{post.id}/delete"))
    redraft = ada.submit(f"/posts/{post.id}/delete", redraft="1")
    assert document(redraft).xpath("string(//textarea[@name='text'])").strip() == "Almost right"
    assert site.visitor().get(f"/@ada/{post.id}").status == 404


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_what_somebody_else_wrote_is_not_there_to_be_changed(site: Town, action: str) -> None:
    site.resident("ada")
    post = make.post(site.cursor, site.viewer("ada"))
    bob = site.resident("bob")
    assert bob.get(f"/posts/{post.id}/{action}").status == 404
    assert bob.submit(f"/posts/{post.id}/{action}", page="/home", text="Mine").status == 404


@pytest.mark.parametrize(("do", "undo"), [("favourite", "unfavourite"), ("boost", "unboost"), ("bookmark", "unbookmark")])
def test_each_button_can_be_pressed_and_taken_back(site: Town, do: str, undo: str) -> None:
    site.resident("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Look")
    bob = site.resident("bob")
    here = f"/@ada/{post.id}"
    assert bob.submit(f"/posts/{post.id}/{do}", page=here, next=here).header("Location") == here
    [button] = document(bob.get(here)).xpath(f"//button[@formaction='/posts/{post.id}/{undo}']")
    assert button.get("aria-pressed") == "true"
    bob.submit(f"/posts/{post.id}/{undo}", page=here, next=here)
    [button] = document(bob.get(here)).xpath(f"//button[@formaction='/posts/{post.id}/{do}']")
    assert button.get("aria-pressed") == "false"


def test_older_posts_have_an_address(site: Town) -> None:
    site.resident("ada")
    for number in range(25):
        make.post(site.cursor, site.viewer("ada"), f"Number {number}.")
    first = site.visitor().get("/@ada")
    [older] = [link for link in links(first) if "max_id" in link]
    assert "Number 4." in words(site.visitor().get(older))
    assert not [link for link in links(site.visitor().get(older)) if "max_id" in link]


def test_a_stray_address_is_a_page_that_says_so(site: Town) -> None:
    for path in ("/@nobody", "/@nobody/1", "/posts/1", "/nothing", "/posts/99999999999999999999"):
        reply = site.visitor().get(path)
        assert reply.status == 404, path
        assert "This page does not exist." in words(reply)
        assert "Log in" in words(reply)
    assert site.visitor().get("/nothing", Accept="application/json").json["error"]


def test_a_member_at_a_stray_address_is_still_a_member(site: Town) -> None:
    ada = site.resident("ada")
    for reply in (ada.get("/nothing"), ada.get("/@nobody"), ada.post("/nothing", {}), ada.get("/logout")):
        assert reply.status in (404, 405)
        assert "/login" not in links(reply)
        assert "/home" in links(reply)
    ada.cookies["session"] = "invented"
    assert "/login" in links(ada.get("/nothing"))


def test_an_unknown_parameter_value_is_told(site: Town) -> None:
    assert site.visitor().get("/local?max_id=abc").status == 422


def test_who_posts_too_often_is_told_when_to_come_back_and_keeps_the_text(site: Town) -> None:
    ada = site.resident("ada")
    token = ada.token("/home")
    for number in range(300):
        assert ada.post("/posts", {"csrf": token, "text": f"Number {number}"}).status == 303
    refused = ada.post("/posts", {"csrf": token, "text": "One too many"})
    assert refused.status == 429
    assert int(refused.header("Retry-After") or 0) > 60
    assert "Please try again in" in words(refused)
    assert document(refused).xpath("string(//textarea)").strip() == "One too many"


def test_a_form_that_is_too_old_keeps_the_text(site: Town) -> None:
    reply = site.resident("ada").post("/posts", {"csrf": "old", "text": "A long thought"})
    assert reply.status == 403
    assert document(reply).xpath("string(//textarea)").strip() == "A long thought"


def test_who_was_logged_out_meanwhile_logs_in_elsewhere_and_sends_the_text_again(site: Town) -> None:
    ada = site.resident("ada")
    form = {"csrf": ada.token("/compose"), "text": "A long thought", "key": "k-1", "visibility": "unlisted"}
    ada.cookies.clear()
    reply = ada.post("/posts", form)
    assert reply.status == 401
    assert document(reply).xpath("string(//textarea)").strip() == "A long thought"
    assert "/login" in links(reply)
    ada.submit("/login", name="ada", password=PASSWORD)
    reloaded = document(ada.post("/posts", form))
    assert reloaded.xpath("string(//textarea[@name='text'])").strip() == "A long thought"
    assert ada.post("/posts", form | {"csrf": reloaded.xpath("string(//main//input[@name='csrf']/@value)")}).status == 303


def test_while_the_database_is_away_the_text_is_kept(site: Town) -> None:
    ada = site.resident("ada")
    token = ada.token("/home")
    site.database.away = True
    refused = ada.post("/posts", {"csrf": token, "text": "A long thought"})
    assert refused.status == 503
    assert refused.header("Retry-After")
    assert document(refused).xpath("string(//textarea[@name='text'])").strip() == "A long thought"
