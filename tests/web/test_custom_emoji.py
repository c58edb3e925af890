"""Custom emoji of other servers: read from the tags of posts and accounts, shown as pictures from here, and never as anything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from microblog.model.domain_rules import DomainRule, RuleToStore
from microblog.model.ids import JobId
from microblog.model.jobs import Job, JobState
from microblog.storage.database import Cursor, fetch_all
from tests import files, make
from tests.fakes import result_of
from tests.federation.documents import PUBLIC
from tests.federation.internet import Internet
from tests.federation.remote_server import URL, RemoteUser
from tests.web.api.client import Client, new_client_for
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import SiteFixture, Visitor, build_site, document

CAT, DOG, NEW_CAT = (f"https://b.example/emoji/{name}.png" for name in ("cat", "dog", "new_cat"))
THEN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def internet() -> Internet:
    pictures = {url: files.image("PNG", size=size).getvalue() for url, size in ((CAT, (64, 64)), (DOG, (90, 30)), (NEW_CAT, (20, 20)))}
    return Internet({**pictures})


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    return build_site(cursor, tmp_path, internet, public_url=URL, federation="on", rate_limits="off")


@pytest.fixture
def browser(site: SiteFixture) -> Visitor:
    return site.registered_user("ada")


@pytest.fixture
def ada(site: SiteFixture, browser: Visitor) -> Client:
    return new_client_for(site, site.viewer("ada"))


@pytest.fixture
def bo(site: SiteFixture, internet: Internet, ada: Client) -> RemoteUser:
    user = RemoteUser(site, internet)
    fetch(site, user)
    account = result_of(site.federation.resolution.actors.known(user.id)) if site.federation else None
    assert account is not None
    make.follow(site.cursor, site.viewer("ada"), account)
    return user


def fetch(site: SiteFixture, user: RemoteUser) -> None:
    assert site.federation is not None
    result_of(site.federation.resolution.actors.fetch(user.id))


def emoji(name: str, url: str, updated: datetime | None = THEN, **values: Any) -> dict[str, Any]:
    icon = {"type": "Image", "mediaType": "image/png", "url": url}
    return {"type": "Emoji", "name": f":{name}:", "icon": icon, **({"updated": updated.isoformat()} if updated else {}), **values}


def publish(bo: RemoteUser, content: str, *tags: Any, number: int = 1, type: str = "Note", **changes: Any) -> None:
    note = {"id": f"{bo.id}/{number}", "type": type, "content": content, "attributedTo": bo.id, "tag": list(tags), "to": [PUBLIC]}
    bo.do("Create", {**note, "published": bo.now.isoformat(), **changes})


def newest(ada: Client) -> Any:
    return ada.get("/v1/timelines/home").json[0]


def get(site: SiteFixture, url: str) -> HttpResponse:
    return request(site.server, "GET", url.removeprefix(URL))


def pictures(page: HttpResponse) -> list[tuple[str, str]]:
    return [(str(each.get("alt")), str(each.get("title"))) for each in document(page).xpath("//img[@class='emoji']")]


def test_emoji_are_in_the_api_and_their_pictures_come_from_here(site: SiteFixture, ada: Client, bo: RemoteUser, internet: Internet) -> None:
    publish(bo, "<p>A :cat: and :dog:</p>", emoji("cat", CAT), emoji("dog", DOG), emoji("unused", DOG))
    post = newest(ada)
    assert post["content"] == "<p>A :cat: and :dog:</p>"
    assert [each["shortcode"] for each in post["emojis"]] == ["cat", "dog"]
    cat = post["emojis"][0]
    assert cat.keys() == {"shortcode", "url", "static_url", "visible_in_picker"}
    assert cat["url"].startswith(f"{URL}/media_proxy/emojis/")
    assert CAT not in internet.asked
    for _ in range(2):
        picture = get(site, cat["url"])
        assert (picture.status, picture.header("Content-Type")) == (200, "image/png")
    assert internet.asked.count(CAT) == 1


def test_pages_show_them_in_texts_warnings_names_bios_fields_and_polls(
    site: SiteFixture, browser: Visitor, ada: Client, bo: RemoteUser
) -> None:
    field = {"type": "PropertyValue", "name": "A :dog:", "value": "<p>:dog:</p>"}
    bo.publish(name="Bo :cat:", summary="<p>I :cat: you</p>", attachment=[field], tag=[emoji("cat", CAT), emoji("dog", DOG)])
    fetch(site, bo)
    options = [{"type": "Note", "name": name} for name in ("yes :dog:", "no")]
    publish(bo, "<p>:cat:</p>", emoji("cat", CAT), emoji("dog", DOG), type="Question", oneOf=options, summary="careful :dog:")
    home = browser.get("/home")
    # the name, the warning, the text, and an option of the poll
    assert pictures(home) == [(":cat:", ":cat:"), (":dog:", ":dog:"), (":cat:", ":cat:"), (":dog:", ":dog:")]
    profile = browser.get("/@bo@b.example")
    assert [alt for alt, _ in pictures(profile)][:4] == [":cat:", ":cat:", ":dog:", ":dog:"]
    account = newest(ada)["account"]
    assert (account["display_name"], sorted(each["shortcode"] for each in account["emojis"])) == ("Bo :cat:", ["cat", "dog"])
    post = newest(ada)
    assert [each["shortcode"] for each in post["poll"]["emojis"]] == ["dog"]
    assert [each["shortcode"] for each in ada.get(f"/v1/polls/{post['poll']['id']}").json["emojis"]] == ["dog"]


def test_only_the_tags_of_the_post_itself_count(browser: Visitor, ada: Client, bo: RemoteUser) -> None:
    publish(bo, "<p>:cat:</p>", emoji("cat", CAT))
    publish(bo, "<p>:cat: again</p>", number=2)
    ada.post("/v1/statuses", status="Here :cat: is text")
    assert len(pictures(browser.get("/home"))) == 1


@pytest.mark.parametrize(
    "content",
    [
        '<p><a href="https://x.example/:cat:">x</a> <span class="h-:cat:">y</span></p>',
        "<p>&lt;img src=:cat onerror=alert(1)&gt;</p>",
        "<p>cat: :ca t: : cat:</p>",
    ],
)
def test_attributes_and_text_around_are_left_alone(browser: Visitor, bo: RemoteUser, content: str) -> None:
    publish(bo, content, emoji("cat", CAT))
    page = browser.get("/home")
    assert pictures(page) == []
    assert not document(page).xpath("//*[@onerror]")


@pytest.mark.parametrize("name", ["a b", 'x" onerror="alert(1)', "<script>", "", "x" * 200, "ä"])
def test_strange_shortcodes_are_ignored(browser: Visitor, ada: Client, bo: RemoteUser, name: str) -> None:
    publish(bo, f"<p>:cat: :{name}:</p>", emoji(name, CAT), emoji("cat", CAT))
    assert [each["shortcode"] for each in newest(ada)["emojis"]] == ["cat"]
    assert pictures(browser.get("/home")) == [(":cat:", ":cat:")]


def test_names_are_escaped_around_pictures(site: SiteFixture, browser: Visitor, bo: RemoteUser) -> None:
    bo.publish(name="<b>&amp; :cat:", tag=[emoji("cat", CAT)])
    fetch(site, bo)
    publish(bo, "<p>hi</p>")
    [name] = document(browser.get("/home")).xpath("//article//bdi[@class='name']")
    assert (name.text, [child.tag for child in name]) == ("<b>&amp; ", ["img"])


def test_a_newer_picture_replaces_the_old_one_at_the_same_address(
    site: SiteFixture, ada: Client, bo: RemoteUser, internet: Internet
) -> None:
    publish(bo, "<p>:cat:</p>", emoji("cat", CAT))
    url = newest(ada)["emojis"][0]["url"]
    first = get(site, url)
    publish(bo, "<p>:cat:</p>", emoji("cat", NEW_CAT, THEN - timedelta(days=1)), number=2)
    assert get(site, url).body == first.body, "an older one does not"
    publish(bo, "<p>:cat:</p>", emoji("cat", NEW_CAT, THEN + timedelta(days=1)), number=3)
    second = get(site, url)
    assert second.body != first.body
    assert second.header("ETag") != first.header("ETag")
    assert newest(ada)["emojis"][0]["url"] == url
    assert internet.asked.count(NEW_CAT) == 1


def test_each_server_has_emoji_of_its_own(site: SiteFixture, ada: Client, bo: RemoteUser, internet: Internet) -> None:
    other = RemoteUser(site, internet, "cy", "c.example")
    publish(bo, "<p>:cat:</p>", emoji("cat", CAT))
    mine = newest(ada)["emojis"]
    fetch(site, other)
    account = result_of(site.federation.resolution.actors.known(other.id)) if site.federation else None
    assert account is not None
    make.follow(site.cursor, site.viewer("ada"), account)
    publish(other, "<p>:cat:</p>", emoji("cat", DOG, THEN + timedelta(days=9)))
    theirs = next(post for post in ada.get("/v1/timelines/home").json if post["account"]["username"] == "cy")["emojis"]
    assert mine[0]["url"] != theirs[0]["url"]
    assert get(site, mine[0]["url"]).status == 200
    assert internet.asked.count(CAT) == 1


def test_an_edit_shows_its_own_emoji_and_the_history_those_of_then(browser: Visitor, ada: Client, bo: RemoteUser) -> None:
    published = (bo.now - timedelta(hours=1)).isoformat()
    publish(bo, "<p>:cat:</p>", emoji("cat", CAT), published=published)
    note = {"id": f"{bo.id}/1", "type": "Note", "content": "<p>:dog:</p>", "attributedTo": bo.id, "to": [PUBLIC], "published": published}
    bo.do("Update", {**note, "tag": [emoji("dog", DOG)], "updated": bo.now.isoformat()})
    post = newest(ada)
    assert [each["shortcode"] for each in post["emojis"]] == ["dog"]
    versions = ada.get(f"/v1/statuses/{post['id']}/history").json
    assert [[each["shortcode"] for each in version["emojis"]] for version in versions] == [["cat"], ["dog"]]
    assert [alt for alt, _ in pictures(browser.get(f"/posts/{post['id']}/history"))] == [":dog:", ":cat:"]


def test_emoji_without_ids_or_dates_are_taken(ada: Client, bo: RemoteUser) -> None:
    publish(bo, "<p>:cat:</p>", emoji("cat", CAT, None, id=None))
    assert [each["shortcode"] for each in newest(ada)["emojis"]] == ["cat"]
    publish(bo, "<p>:cat:</p>", emoji("cat", NEW_CAT, None), number=2)
    assert len(newest(ada)["emojis"]) == 1


# --- Rejected media


def run_media_jobs(site: SiteFixture) -> None:
    """Run the jobs of media of other servers."""
    assert site.federation is not None
    tasks: dict[str, Any] = site.federation.media_tasks(None)
    sql = "delete from jobs where kind = any(%(kinds)s) and state = 'waiting' returning kind, payload"
    for kind, payload in fetch_all(site.cursor, lambda *row: row, sql, {"kinds": list(tasks)}):
        result_of(tasks[kind](Job(JobId(1), kind, payload, 1, JobState.RUNNING, THEN, THEN)))


def test_a_rule_hides_everything_that_was_shown(
    site: SiteFixture, browser: Visitor, ada: Client, bo: RemoteUser, internet: Internet
) -> None:
    bo.publish(name="Bo :cat:", icon={"type": "Image", "url": DOG}, tag=[emoji("cat", CAT)])
    fetch(site, bo)
    picture = {"type": "Document", "mediaType": "image/png", "url": NEW_CAT}
    publish(bo, "<p>:cat:</p>", emoji("cat", CAT), attachment=[picture])
    run_media_jobs(site)
    before = newest(ada)
    avatar, shown, code = before["account"]["avatar"], before["media_attachments"][0]["url"], before["emojis"][0]["url"]
    assert "/media/" in avatar
    assert [get(site, url).status for url in (avatar, shown, code)] == [200, 200, 200]

    assert site.federation is not None
    rule = RuleToStore(DomainRule("b.example", reject_media=True))
    result_of(site.federation.domains.add(rule))
    assert [get(site, url).status for url in (shown, code)] == [404, 404], "at once"
    run_media_jobs(site)
    assert [get(site, url).status for url in (avatar, shown, code)] == [404, 404, 404]
    after = newest(ada)
    assert (after["emojis"], after["account"]["emojis"]) == ([], [])
    assert after["account"]["avatar"].endswith("missing.png")
    assert (after["media_attachments"][0]["type"], after["media_attachments"][0]["remote_url"]) == ("unknown", NEW_CAT)
    assert pictures(browser.get("/home")) == []

    asked = len([url for url in internet.asked if url in (CAT, DOG, NEW_CAT)])
    bo.publish(name="Bo :cat:", icon={"type": "Image", "url": CAT}, tag=[emoji("cat", CAT)])
    fetch(site, bo)
    publish(bo, "<p>:cat:</p>", emoji("cat", CAT), attachment=[picture], number=2)
    run_media_jobs(site)
    assert (newest(ada)["emojis"], newest(ada)["account"]["emojis"]) == ([], [])
    assert newest(ada)["media_attachments"][0]["type"] == "unknown"
    assert len([url for url in internet.asked if url in (CAT, DOG, NEW_CAT)]) == asked

    result_of(site.federation.domains.put(RuleToStore(DomainRule("b.example"))))
    fetch(site, bo)
    run_media_jobs(site)
    assert "/media/" in newest(ada)["account"]["avatar"], "shown again after the rule"
