"""Direct conversations on the site, with links and forms alone."""

from __future__ import annotations

from microblog.model.posts import Post, Visibility
from microblog.storage import accounts
from tests import make
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture, document, links, main_text

LIST = "/conversations"
BADGE = "string(//nav//*[@data-count='messages'])"


def send_message(site: SiteFixture, author: str, text: str, reply_to: Post | None = None) -> Post:
    """Send a direct message. Bob follows the author first: messages of strangers would be filtered."""
    if author != "bob" and accounts.by_username(site.cursor, username="bob"):
        make.follow(site.cursor, site.viewer("bob"), site.viewer(author))
    return make.post(site.cursor, site.viewer(author), text, visibility=Visibility.DIRECT, reply_to=reply_to)


def unread(page: HttpResponse) -> str:
    """Return the unread number in the navigation."""
    return str(document(page).xpath(BADGE)).removesuffix(" new")


def entries(page: HttpResponse) -> list[str]:
    return [
        " ".join(" ".join(item.itertext()).split())
        for item in document(page).xpath("//li[contains(@class, 'conversation')]//div[@class='conversation-main']")
    ]


def test_a_message_is_listed_as_unread_until_opened(site: SiteFixture) -> None:
    site.registered_user("ada")
    bob = site.registered_user("bob")
    post = send_message(site, "ada", "@bob are you there?")
    page = bob.get(LIST)
    assert [entry.split(" Unread ")[0] for entry in entries(page)] == ["ada"]
    assert "are you there?" in entries(page)[0]
    assert "@bob" not in entries(page)[0]
    assert unread(page) == unread(bob.get("/home")) == "1"
    assert f"/@ada/{post.id}" in links(page)
    opened = bob.get(f"/@ada/{post.id}")
    assert "are you there?" in main_text(opened)
    assert unread(opened) == ""
    assert LIST in links(opened)
    again = bob.get(LIST)
    assert " Unread " not in entries(again)[0]
    assert unread(again) == ""


def test_own_messages_are_marked_and_are_not_unread(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    site.registered_user("bob")
    send_message(site, "ada", "@bob hi")
    [entry] = entries(ada.get(LIST))
    assert entry.startswith("bob")
    assert entry.endswith("You: hi")
    assert unread(ada.get(LIST)) == ""


def test_a_conversation_is_marked_unread_marked_read_and_removed(site: SiteFixture) -> None:
    site.registered_user("ada")
    bob = site.registered_user("bob")
    post = send_message(site, "ada", "@bob hi")
    bob.get(f"/@ada/{post.id}")
    [id] = {button.split("/")[2] for button in document(bob.get(LIST)).xpath("//button/@formaction") if button.startswith(LIST)}
    assert bob.submit(f"{LIST}/{id}/unread", page=LIST).header("Location") == LIST
    assert unread(bob.get(LIST)) == "1"
    bob.submit(f"{LIST}/{id}/read", page=LIST)
    assert unread(bob.get(LIST)) == ""
    bob.submit(f"{LIST}/{id}/remove", page=LIST)
    assert "No messages yet" in main_text(bob.get(LIST))
    assert bob.get(f"/@ada/{post.id}").status == 200
    send_message(site, "ada", "@bob still there?", post)
    assert len(entries(bob.get(LIST))) == 1


def test_other_users_conversations_cannot_be_changed(site: SiteFixture) -> None:
    site.registered_user("ada")
    bob, eve = site.registered_user("bob"), site.registered_user("eve")
    send_message(site, "ada", "@bob hi")
    [id] = {button.split("/")[2] for button in document(bob.get(LIST)).xpath("//button/@formaction") if button.startswith(LIST)}
    for command in ("read", "unread", "remove"):
        assert eve.submit(f"{LIST}/{id}/{command}", page="/home").status == 404
    assert len(entries(bob.get(LIST))) == 1
    assert site.visitor().get(LIST).status == 303


def test_older_conversations_are_on_the_next_page(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    for number in range(21):
        send_message(site, "ada", f"note {number}")
    first = ada.get(LIST)
    assert len(entries(first)) == 20
    [older] = document(first).xpath("//a[@rel='next']/@href")
    assert [entry.split()[-1] for entry in entries(ada.get(older))] == ["0"]


def test_the_list_does_not_show_filtered_text_or_text_behind_a_content_warning(site: SiteFixture) -> None:
    ada = site.registered_user("ada")
    bob = site.registered_user("bob")
    send_message(site, "ada", "@bob the finale was great")
    fields = {"title": "No endings", "keywords": "finale", "action": "hide", "whole_word": "1", "term": "", "contexts[0]": "thread"}
    assert bob.submit("/settings/filters", **fields).status == 303
    ada.submit("/posts", page="/home", text="@bob behind it", spoiler="Careful", visibility="direct")
    warned, filtered = entries(bob.get(LIST))
    assert warned.endswith("Careful")
    assert filtered.endswith("Filtered: No endings")
    assert [entry.rsplit(" ", 1)[-1] for entry in entries(ada.get(LIST))] == ["Careful", "great"]


def test_a_message_can_be_started_from_a_profile_and_from_the_list(site: SiteFixture) -> None:
    site.registered_user("ada")
    bob = site.registered_user("bob")
    address = "/compose?mention=ada&visibility=direct"
    assert address in links(bob.get("/@ada"))
    form = document(bob.get(address))
    assert form.xpath("string(//textarea[@name='text'])").strip() == "@ada"
    assert form.xpath("string(//select[@name='visibility']/option[@selected]/@value)") == "direct"
    assert form.xpath("string(//h1)") == "New message"
    assert "/compose?visibility=direct" in links(bob.get(LIST))
    assert document(bob.get("/compose?visibility=nonsense")).xpath("string(//h1)") == "New post"
    sent = bob.submit("/posts", page=address, text="@ada hi", visibility="direct")
    assert sent.status == 303
    assert entries(bob.get(LIST)) != []


def test_messages_of_a_blocked_account_are_not_listed(site: SiteFixture) -> None:
    site.registered_user("ada")
    bob = site.registered_user("bob")
    send_message(site, "ada", "@bob hi")
    bob.submit("/@ada/block")
    send_message(site, "ada", "@bob hello?")
    page = bob.get(LIST)
    assert (entries(page), unread(page)) == ([], "")


def test_a_message_seen_on_an_open_page_is_marked_read(site: SiteFixture) -> None:
    site.registered_user("ada")
    bob = site.registered_user("bob")
    first = send_message(site, "ada", "@bob hi")
    bob.get(f"/@ada/{first.id}")
    token = document(bob.get(LIST)).xpath("string(//input[@name='csrf']/@value)")
    second = send_message(site, "ada", "@bob still there?", first)
    send_message(site, "ada", "@bob another matter")
    response = bob.post(f"/posts/{second.id}/seen", {"csrf": token}, Accept="application/json")
    assert response.json == {"messages": 1}
    hidden = send_message(site, "ada", "mine alone")
    assert bob.post(f"/posts/{hidden.id}/seen", {"csrf": token}, Accept="application/json").status == 404
