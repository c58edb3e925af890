"""Writing and reading posts with a browser without JavaScript."""

from __future__ import annotations

import re

import pytest

from tests import make
from tests.web.visitor import PASSWORD, SiteFixture, document, links, main_text


def test_a_public_post_can_be_read_by_anybody(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    assert ada.submit("/posts", page="/home", text="Hello, #world & <you>").header("Location") == "/home"
    stranger = site.visitor()
    for path in ("/", "/local", "/@ada", "/tags/world", "/@ada/feed.atom"):
        assert "Hello, " in stranger.get(path).text, path
    assert "Hello, #world & <you>" in main_text(ada.get("/home"))


def test_a_rejected_post_keeps_what_was_typed(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    response = ada.submit("/posts", page="/home", text="x" * 501, spoiler="Long", visibility="unlisted", language="de")
    assert response.status == 422
    assert "Text character limit of 500 exceeded" in main_text(response)
    assert "Validation failed" not in main_text(response)  # the words of the API
    form = document(response)
    assert form.xpath("string(//textarea[@name='text'])").strip() == "x" * 501
    assert form.xpath("//input[@name='spoiler']/@value") == ["Long"]
    assert form.xpath("//select[@name='visibility']/option[@selected]/@value") == ["unlisted"]
    assert form.xpath("//select[@name='language']/option[@selected]/@value") == ["de"]


def test_the_same_form_sent_twice_is_one_post(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    page = document(ada.get("/home"))
    fields = {"csrf": page.xpath("//input[@name='csrf']/@value")[0], "key": page.xpath("//input[@name='key']/@value")[0], "text": "Once"}
    assert ada.post("/posts", fields).status == ada.post("/posts", fields).status == 303
    assert main_text(ada.get("/@ada")).count("Once") == 1


@pytest.mark.parametrize("text", ["\0", "nul \0 inside", "\ud800"])
def test_text_that_cannot_be_stored_is_rejected_with_an_error_page(site: SiteFixture, text: str) -> None:
    response = site.registered_user("ada").submit("/posts", page="/home", text=text)
    assert response.status in (400, 422)
    assert "Traceback" not in response.text
    assert "<h1" in response.text


def test_a_megabyte_of_text_is_rejected(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    assert ada.submit("/posts", page="/home", text="x" * 1_000_000).status == 422
    assert ada.submit("/posts", page="/home", text="x" * 1_100_000).status == 413


def test_a_script_gets_the_post_and_errors_as_json(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    token = ada.token("/home")
    posted = ada.post("/posts", {"text": "Hello"}, Accept="application/json", X_CSRF_Token=token)
    assert posted.status == 200
    assert posted.json["url"] == f"/@ada/{posted.json['id']}"
    assert "Hello" in posted.json["html"]
    refused = ada.post("/posts", {"text": ""}, Accept="application/json", X_CSRF_Token=token)
    assert (refused.status, refused.json["fields"]) == (422, {"text": "Text can't be blank"})


def test_the_page_of_a_post_shows_its_thread(site: SiteFixture) -> None:
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    root = make.post(site.cursor, site.viewer("ada"), "The question")
    form = bob.get(f"/compose?reply_to={root.id}")
    assert "@ada" in document(form).xpath("string(//textarea[@name='text'])")
    sent = bob.submit("/posts", page="/home", text="@ada An answer", reply_to=str(root.id))
    assert re.fullmatch(r"/@bob/\d+", sent.header("Location") or "")
    assert "An answer" in main_text(site.visitor().get(f"/@ada/{root.id}"))
    assert "The question" in main_text(site.visitor().get(sent.header("Location") or ""))
    assert "An answer" in main_text(ada.get("/notifications"))


def test_an_edit_is_shown_with_its_history(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Frist")
    assert ada.get(f"/posts/{post.id}/edit").status == 200
    assert ada.submit(f"/posts/{post.id}/edit", text="First").header("Location") == f"/@ada/{post.id}?notice=edited"
    assert "edited" in main_text(site.visitor().get(f"/@ada/{post.id}")).lower()
    history = main_text(site.visitor().get(f"/posts/{post.id}/history"))
    assert "Frist" in history
    assert "First" in history


def test_a_deleted_post_can_be_redrafted(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Almost right")
    assert "Almost right" in main_text(ada.get(f"/posts/{post.id}/delete"))
    redraft = ada.submit(f"/posts/{post.id}/delete", redraft="1")
    assert document(redraft).xpath("string(//textarea[@name='text'])").strip() == "Almost right"
    assert site.visitor().get(f"/@ada/{post.id}").status == 404


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_other_users_posts_cannot_be_edited_or_deleted(site: SiteFixture, action: str) -> None:
    site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"))
    bob = site.registered_user("bob")
    assert bob.get(f"/posts/{post.id}/{action}").status == 404
    assert bob.submit(f"/posts/{post.id}/{action}", page="/home", text="Mine").status == 404


@pytest.mark.parametrize(("do", "undo"), [("favourite", "unfavourite"), ("boost", "unboost"), ("bookmark", "unbookmark")])
def test_favourite_boost_and_bookmark_can_be_undone(site: SiteFixture, do: str, undo: str) -> None:
    site.registered_user("ada")
    post = make.post(site.cursor, site.viewer("ada"), "Look")
    bob = site.registered_user("bob")
    path = f"/@ada/{post.id}"
    assert bob.submit(f"/posts/{post.id}/{do}", page=path, next=path).header("Location") == path
    [button] = document(bob.get(path)).xpath(f"//button[@formaction='/posts/{post.id}/{undo}']")
    assert button.get("aria-pressed") == "true"
    bob.submit(f"/posts/{post.id}/{undo}", page=path, next=path)
    [button] = document(bob.get(path)).xpath(f"//button[@formaction='/posts/{post.id}/{do}']")
    assert button.get("aria-pressed") == "false"


def test_older_posts_are_on_the_next_page(site: SiteFixture) -> None:
    site.registered_user("ada")
    for number in range(25):
        make.post(site.cursor, site.viewer("ada"), f"Number {number}.")
    first = site.visitor().get("/@ada")
    [older] = [link for link in links(first) if "max_id" in link]
    assert "Number 4." in main_text(site.visitor().get(older))
    assert not [link for link in links(site.visitor().get(older)) if "max_id" in link]


def test_an_unknown_url_is_a_404_page(site: SiteFixture) -> None:
    for path in ("/@nobody", "/@nobody/1", "/posts/1", "/nothing", "/posts/99999999999999999999"):
        response = site.visitor().get(path)
        assert response.status == 404, path
        assert "This page does not exist." in main_text(response)
        assert "Log in" in main_text(response)
    assert site.visitor().get("/nothing", Accept="application/json").json["error"]


def test_a_404_page_keeps_the_user_logged_in(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    for response in (ada.get("/nothing"), ada.get("/@nobody"), ada.post("/nothing", {}), ada.get("/logout")):
        assert response.status in (404, 405)
        assert "/login" not in links(response)
        assert "/home" in links(response)
    ada.cookies["session"] = "invented"
    assert "/login" in links(ada.get("/nothing"))


def test_an_invalid_page_parameter_is_422(site: SiteFixture) -> None:
    assert site.visitor().get("/local?max_id=abc").status == 422


def test_a_post_over_the_rate_limit_keeps_its_text(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    token = ada.token("/home")
    for number in range(300):
        assert ada.post("/posts", {"csrf": token, "text": f"Number {number}"}).status == 303
    refused = ada.post("/posts", {"csrf": token, "text": "One too many"})
    assert refused.status == 429
    assert int(refused.header("Retry-After") or 0) > 60
    assert "Please try again in" in main_text(refused)
    assert document(refused).xpath("string(//textarea)").strip() == "One too many"


def test_a_post_with_an_expired_csrf_token_keeps_its_text(site: SiteFixture) -> None:
    response = site.registered_user("ada").post("/posts", {"csrf": "old", "text": "A long thought"})
    assert response.status == 403
    assert document(response).xpath("string(//textarea)").strip() == "A long thought"


def test_a_logged_out_author_can_log_in_and_send_the_text_again(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    form = {"csrf": ada.token("/compose"), "text": "A long thought", "key": "k-1", "visibility": "unlisted"}
    ada.cookies.clear()
    response = ada.post("/posts", form)
    assert response.status == 401
    assert document(response).xpath("string(//textarea)").strip() == "A long thought"
    assert "/login" in links(response)
    ada.submit("/login", name="ada", password=PASSWORD)
    reloaded = document(ada.post("/posts", form))
    assert reloaded.xpath("string(//textarea[@name='text'])").strip() == "A long thought"
    assert ada.post("/posts", form | {"csrf": reloaded.xpath("string(//main//input[@name='csrf']/@value)")}).status == 303


def test_a_post_keeps_its_text_while_the_database_is_unavailable(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    token = ada.token("/home")
    site.database.unreachable = True
    refused = ada.post("/posts", {"csrf": token, "text": "A long thought"})
    assert refused.status == 503
    assert refused.header("Retry-After")
    assert document(refused).xpath("string(//textarea[@name='text'])").strip() == "A long thought"
