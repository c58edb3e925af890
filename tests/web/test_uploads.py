"""Images, polls and scheduled posts on the pages, without JavaScript."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from microblog.model.posts import Visibility
from microblog.storage.database import execute
from tests import files
from tests.fakes import result_of
from tests.web.api.client import new_client_for
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture, Visitor, document, links, main_text


def uploads(response: HttpResponse) -> list[str]:
    """Return the ids of the uploads in a form."""
    return [str(id) for id in document(response).xpath("//input[@name='media_ids[]']/@value")]


def pictures(response: HttpResponse) -> list[tuple[str, str]]:
    """Return URL and alt text of each image in posts."""
    return [(str(image.get("src")), str(image.get("alt"))) for image in document(response).xpath("//figure//img")]


def test_a_form_with_images_becomes_a_post_that_shows_them(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    sent = {"file_0": files.image(), "file_2": files.image("PNG", (90, 30))}
    response = ada.upload("/posts", "/home", sent, text="Look", file_alt_0="Red and blue")
    assert response.header("Location") == "/home", main_text(response)
    shown = pictures(site.visitor().get("/local"))
    assert [alt for _, alt in shown] == ["Red and blue", ""]
    assert site.visitor().get(shown[0][0]).header("Content-Type") == "image/jpeg"
    [image, wide] = document(site.visitor().get("/local")).xpath("//figure//img")
    assert (image.get("width"), image.get("height"), wide.get("width")) == ("64", "48", "90")
    assert "Red and blue" in main_text(site.visitor().get("/local"))


def test_a_post_with_an_image_needs_no_text(site: SiteFixture) -> None:
    assert site.registered_user("ada").upload("/posts", "/home", {"file_0": files.image()}, text="").status == 303


def test_a_rejected_post_keeps_its_images_and_alt_texts(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    refused = ada.upload("/posts", "/home", {"file_0": files.image()}, text="x" * 501, file_alt_0="A flag")
    assert refused.status == 422
    [media] = uploads(refused)
    assert document(refused).xpath(f"string(//textarea[@name='alt_{media}'])").strip() == "A flag"
    assert len(document(refused).xpath("//input[@type='file']")) == 3
    sent = ada.submit("/posts", page="/home", text="Shorter", **{"media_ids[]": media, f"alt_{media}": "Two colours"})
    assert sent.status == 303
    assert [alt for _, alt in pictures(site.visitor().get("/local"))] == ["Two colours"]


def test_a_file_that_is_not_an_image_is_rejected_and_the_rest_is_kept(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    refused = ada.upload("/posts", "/home", {"file_0": files.image(), "file_1": BytesIO(b"<svg/>")}, text="Both")
    assert refused.status == 422
    assert "File content type is invalid" in main_text(refused)
    assert len(uploads(refused)) == 1
    assert document(refused).xpath("string(//textarea[@name='text'])").strip() == "Both"
    dropped = uploads(refused)[0]
    assert ada.submit("/posts", page="/home", text="Neither", **{"media_ids[]": dropped, f"drop_{dropped}": "1"}).status == 303
    assert pictures(site.visitor().get("/local")) == []


def test_sensitive_images_are_folded(site: SiteFixture) -> None:
    site.registered_user("ada").upload("/posts", "/home", {"file_0": files.image()}, text="Careful", sensitive="1")
    [fold] = document(site.visitor().get("/local")).xpath("//details[contains(@class, 'sensitive')]")
    assert fold.get("open") is None
    assert len(fold.xpath(".//figure")) == 1


def test_images_of_a_post_with_a_content_warning_are_behind_it(site: SiteFixture) -> None:
    site.registered_user("ada").upload("/posts", "/home", {"file_0": files.image()}, text="Careful", spoiler="Spiders")
    [fold] = document(site.visitor().get("/local")).xpath("//details[contains(@class, 'warned')]")
    assert len(fold.xpath(".//figure")) == 1
    assert len(document(site.visitor().get("/local")).xpath("//figure")) == 1


def test_an_edit_keeps_adds_and_removes_images(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    ada.upload("/posts", "/home", {"file_0": files.image(), "file_1": files.image()}, text="Two")
    [at] = [link for link in links(site.visitor().get("/local")) if link.startswith("/@ada/")][:1]
    edit = f"/posts/{at.rsplit('/', 1)[1]}/edit"
    keep, drop = uploads(ada.get(edit))
    sent = {"text": "Other two", "media_ids[]": keep, f"alt_{keep}": "Kept", f"drop_{drop}": "1"}
    assert ada.upload(edit, edit, {"file_0": files.image()}, **sent, file_alt_0="New").status == 303
    assert [alt for _, alt in pictures(site.visitor().get(at))] == ["Kept", "New"]
    history = site.visitor().get(edit.replace("/edit", "/history"))
    assert len(pictures(history)) == 4
    unchanged = {"text": "Other two", "media_ids[]": uploads(ada.get(edit))[0]}
    assert ada.submit(edit, **unchanged).status == 303
    assert len(pictures(site.visitor().get(at))) == 1


def test_a_redraft_keeps_the_images(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    ada.upload("/posts", "/home", {"file_0": files.image()}, text="Almost", file_alt_0="A flag")
    [at] = [link for link in links(site.visitor().get("/local")) if link.startswith("/@ada/")][:1]
    redraft = ada.submit(f"/posts/{at.rsplit('/', 1)[1]}/delete", redraft="1")
    [media] = uploads(redraft)
    assert ada.submit("/posts", page="/home", text="Right", **{"media_ids[]": media}).status == 303
    assert [alt for _, alt in pictures(site.visitor().get("/local"))] == ["A flag"]


def test_a_form_sent_twice_is_one_post(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    key = str(document(ada.get("/home")).xpath("//input[@name='key']/@value")[0])
    for _ in range(2):
        assert ada.upload("/posts", "/home", {"file_0": files.image()}, text="Once", key=key).status == 303
    assert len(pictures(site.visitor().get("/local"))) == 1


def test_a_script_uploads_files_before_the_post_is_sent(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    uploaded = ada.upload("/compose/media", "/home", {"file": files.image()})
    assert (uploaded.status, uploaded.json["kind"], uploaded.json["ready"]) == (200, "image", True)
    assert ada.get(f"/compose/media/{uploaded.json['id']}").json == uploaded.json
    assert site.registered_user("bob").get(f"/compose/media/{uploaded.json['id']}").status == 404
    assert ada.get(uploaded.json["preview"]).header("Content-Type") == "image/jpeg"
    assert site.visitor().upload("/compose/media", "/login", {"file": files.image()}).status in (401, 403)


def test_the_open_graph_image_is_the_posts_image_unless_it_is_sensitive(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    for text, more in [("Open", {}), ("Careful", {"sensitive": "1"})]:
        ada.upload("/posts", "/home", {"file_0": files.image()}, text=text, **more)
    cards = []
    for at in dict.fromkeys(link for link in links(site.visitor().get("/local")) if link.startswith("/@ada/")):
        [image] = document(site.visitor().get(at)).xpath("//meta[@property='og:image']/@content")
        cards.append("/media/" in image)
    assert cards == [False, True]
    assert 'rel="enclosure"' in site.visitor().get("/@ada/feed.atom").text


# --- polls


def post_poll(ada: Visitor, **fields: str) -> HttpResponse:
    return ada.submit("/posts", page="/home", text="What would you like?", option_0="Tea <b>", option_1="Coffee", **fields)


def poll_of(site: SiteFixture) -> str:
    site.cursor.execute("select id from polls order by id desc limit 1")
    [id] = site.cursor.fetchone() or [0]
    return str(id)


def test_images_with_a_poll_are_rejected_and_both_are_kept(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    refused = ada.upload("/posts", "/home", {"file_0": files.image()}, text="Both", option_0="Tea", option_1="Coffee")
    assert refused.status == 422
    assert "can have media or a poll" in main_text(refused)
    assert len(uploads(refused)) == 1
    assert document(refused).xpath("//input[@name='option_1']/@value") == ["Coffee"]


def test_a_poll_works_without_scripts(site: SiteFixture) -> None:
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    assert post_poll(ada, poll_seconds="600").status == 303
    poll = poll_of(site)
    page = bob.get("/local")
    assert document(page).xpath(f"//input[@name='choice-{poll}']/@type") == ["radio", "radio"]
    assert "Tea <b>" in main_text(page)
    assert "0%" in main_text(site.visitor().get("/local"))
    assert not document(site.visitor().get("/local")).xpath("//fieldset[@class='poll']")
    assert not document(ada.get("/local")).xpath("//fieldset[@class='poll']")
    voted = bob.submit(f"/polls/{poll}/vote", page="/local", next="/local", **{f"choice-{poll}": "1"})
    assert voted.header("Location") == "/local"
    assert "100%" in main_text(bob.get("/local"))
    assert "Your choice" in main_text(bob.get("/local"))
    assert "Your choice" not in main_text(site.visitor().get("/local"))
    again = bob.submit(f"/polls/{poll}/vote", page="/home", **{f"choice-{poll}": "0"})
    assert (again.status, "You have already voted" in main_text(again)) == (422, True)


def test_a_script_gets_the_post_with_the_vote_counts(site: SiteFixture) -> None:
    post_poll(site.registered_user("ada"), poll_multiple="1")
    bob, poll = site.registered_user("bob"), poll_of(site)
    fields = {f"choice-{poll}": "0", "csrf": bob.token("/home")}
    assert "100%" in bob.post(f"/polls/{poll}/vote", fields, Accept="application/json").json["html"]


def test_a_vote_without_an_option_is_rejected(site: SiteFixture) -> None:
    post_poll(site.registered_user("ada"))
    response = site.registered_user("bob").submit(f"/polls/{poll_of(site)}/vote", page="/home")
    assert (response.status, "choose an option" in main_text(response)) == (422, True)


def test_an_ended_poll_shows_its_counts(site: SiteFixture) -> None:
    post_poll(site.registered_user("ada"), poll_hide_totals="1")
    bob = site.registered_user("bob")
    assert "%" not in main_text(site.visitor().get("/local"))
    site.cursor.execute("update polls set expires_at = expires_at - interval '100 years'")
    assert "0%" in main_text(bob.get("/local"))
    assert not document(bob.get("/local")).xpath("//fieldset[@class='poll']")


def test_a_rejected_poll_keeps_what_was_typed(site: SiteFixture) -> None:
    refused = site.registered_user("ada").submit(
        "/posts", page="/home", text="Well?", option_0="Only one", poll_seconds="3600", poll_multiple="1"
    )
    assert refused.status == 422
    form = document(refused)
    assert form.xpath("//input[@name='option_0']/@value") == ["Only one"]
    assert form.xpath("//select[@name='poll_seconds']/option[@selected]/@value") == ["3600"]
    assert form.xpath("//input[@name='poll_multiple']/@checked")


def test_an_edit_keeps_the_poll_and_its_votes(site: SiteFixture) -> None:
    ada, bob = site.registered_user("ada"), site.registered_user("bob")
    post_poll(ada)
    poll = poll_of(site)
    bob.submit(f"/polls/{poll}/vote", page="/home", **{f"choice-{poll}": "1"})
    post = result_of(site.domain.polls.one(None, int(poll)))  # type: ignore[arg-type]  # an id
    assert ada.submit(f"/posts/{post.id}/edit", text="Tea or coffee?").status == 303
    assert "100%" in main_text(site.visitor().get("/local"))


# --- scheduled posts


def test_a_post_can_be_scheduled_and_edited_again(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    at = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    sent = ada.upload("/posts", "/home", {"file_0": files.image()}, text="Tomorrow", at=at, visibility="unlisted")
    assert sent.header("Location") == "/scheduled?notice=scheduled"
    page = ada.get("/scheduled")
    assert "Tomorrow" in main_text(page)
    assert "Quiet" in main_text(page)
    assert "Tomorrow" not in site.visitor().get("/@ada").text
    assert "Tomorrow" not in main_text(site.registered_user("bob").get("/scheduled"))
    [edit] = document(page).xpath("//button[contains(@formaction, '/edit')]/@formaction")
    composer = ada.submit(str(edit), page="/scheduled")
    assert document(composer).xpath("string(//textarea[@name='text'])").strip() == "Tomorrow"
    assert len(uploads(composer)) == 1
    assert "Tomorrow" not in main_text(ada.get("/scheduled"))


def test_a_scheduled_post_of_another_release_is_shown_and_can_be_edited(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    at = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    for text in ("Sound", "Odd"):
        ada.submit("/posts", page="/home", text=text, at=at)
    execute(site.cursor, """update scheduled_posts set draft = draft || '{"visibility": "circle"}' where draft->>'text' = 'Odd'""")
    page = ada.get("/scheduled")
    assert "Sound" in main_text(page)
    assert "Can't be published: It was stored by another version of this site" in main_text(page)
    [edit] = document(page).xpath("//li[contains(., 'Odd')]//button[contains(@formaction, '/edit')]/@formaction")
    composer = ada.submit(str(edit), page="/scheduled")
    assert document(composer).xpath("string(//textarea[@name='text'])").strip() == "Odd"
    assert "Odd" not in main_text(ada.get("/scheduled"))


def test_only_its_author_can_cancel_a_scheduled_post(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    at = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    ada.submit("/posts", page="/home", text="Never", at=at)
    [cancel] = document(ada.get("/scheduled")).xpath("//button[contains(@formaction, '/cancel')]/@formaction")
    assert site.registered_user("bob").submit(str(cancel), page="/home").status == 404
    assert ada.submit(str(cancel), page="/scheduled").header("Location") == "/scheduled?notice=cancelled"
    assert "Never" not in main_text(ada.get("/scheduled"))


@pytest.mark.parametrize("at", ["yesterday", "2020-01-01T00:00"])
def test_an_invalid_time_is_rejected_and_the_text_is_kept(site: SiteFixture, at: str) -> None:
    refused = site.registered_user("ada").submit("/posts", page="/home", text="When?", at=at)
    assert refused.status == 422
    assert document(refused).xpath("string(//textarea[@name='text'])").strip() == "When?"


# --- profile images


def test_profile_images_are_changed_in_the_settings_and_through_the_api(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    sent = {"avatar": files.image(), "header": files.image("PNG")}
    assert ada.upload("/settings", "/settings", sent, display_name="Ada").status == 303
    page = document(site.visitor().get("/@ada"))
    [avatar] = page.xpath("//div[@class='profile-top']/img/@src")
    [banner] = page.xpath("//img[@class='banner']/@src")
    assert site.visitor().get(avatar).status == site.visitor().get(banner).status == 200
    api_client = new_client_for(site, site.viewer("ada"))
    account = api_client.get("/v1/accounts/verify_credentials").json
    assert account["avatar"] == f"http://site.test{avatar}"
    changed = api_client.upload("PATCH", "/v1/accounts/update_credentials", {"avatar": files.image("PNG")}, display_name="A.").json
    assert changed["avatar"] not in (account["avatar"], "")
    assert (changed["display_name"], changed["header"]) == ("A.", account["header"])
    assert api_client.delete("/v1/profile/header").json["header"].endswith("/missing.png")
    assert ada.submit("/settings", display_name="Ada", drop_avatar="1").status == 303
    assert api_client.delete("/v1/profile/avatar").json["avatar"].endswith("/missing.png")


def test_a_file_that_is_not_an_image_cannot_be_a_profile_picture(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    refused = ada.upload("/settings", "/settings", {"avatar": BytesIO(b"<svg/>")}, display_name="Somebody else")
    assert refused.status == 422
    assert document(refused).xpath("//input[@name='display_name']/@value") == ["Somebody else"]
    api_client = new_client_for(site, site.viewer("ada"))
    response = api_client.upload("PATCH", "/v1/accounts/update_credentials", {"avatar": BytesIO(b"\xff\xd8\xff")})
    assert (response.status, response.json["details"]["avatar"][0]["error"]) == (422, "ERR_INVALID")


def test_pages_do_not_reveal_the_media_urls_of_hidden_posts(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    ada.upload("/posts", "/home", {"file_0": files.image()}, text="Secret", visibility=Visibility.PRIVATE.value)
    [(url, _)] = pictures(ada.get("/@ada"))
    name = url.removeprefix("/media/")
    for path in ("/", "/local", "/@ada", "/@ada/feed.atom"):
        assert name not in site.visitor().get(path).text
