"""Link previews on pages and in the API."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import html5lib
import jsonschema
from attrs import evolve
from lxml import etree

from microblog.model.cards import Card
from microblog.model.posts import Post, PostFlags
from microblog.render.api.entities import Entities
from microblog.render.api.preview_cards import CARD
from microblog.render.api.schemas import NAMED
from microblog.render.html.pages import Pages
from microblog.render.html.post_html import PostCounts, PostVariant, assemble
from tests.render.samples import post

SCHEMA = {**NAMED["PreviewCard"], "components": {"schemas": {"Account": {}}}}  # nobody here has an account there
EVIL = '"><script>alert(1)</script>'
STORY = Card("https://news.example/story?a=1&b=2", "A story", "All of it", "de", provider_name="The News")
PICTURED = evolve(STORY, image="/media/ab.webp", image_description="A cup", width=400, height=200)


def shown(written: Post) -> etree._Element:
    fragments = Pages(lambda name: f"/static/{name}").post_html
    article = assemble(fragments.of(written), PostCounts(), PostFlags(), PostVariant.ANONYMOUS)
    return html5lib.parse(article, treebuilder="lxml", namespaceHTMLElements=False)


def test_a_post_shows_the_title_and_host_of_its_link() -> None:
    [link] = shown(evolve(post(), card=PICTURED)).xpath("//a[contains(@class, 'link-card')]")
    assert link.get("href") == PICTURED.url
    assert link.get("rel") == "nofollow noopener"
    assert " ".join(link.itertext()).split() == ["news.example", "A", "story", "All", "of", "it"]
    [picture] = link.xpath(".//img")
    assert (picture.get("src"), picture.get("alt"), picture.get("width")) == ("/media/ab.webp", "A cup", "400")


def test_the_host_is_that_of_the_link_whatever_the_page_claims() -> None:
    [host] = shown(evolve(post(), card=evolve(STORY, provider_name="Your Bank"))).xpath("//*[@class='link-card-host']")
    assert host.text == "news.example"


def test_link_previews_of_sensitive_posts_are_hidden() -> None:
    page = shown(evolve(post(), card=PICTURED, spoiler="spoilers", sensitive=True))
    assert len(page.xpath("//details//a[contains(@class, 'link-card')]")) == 1
    assert page.xpath("//a[contains(@class, 'link-card')]//img") == []


def test_a_post_without_a_link_preview_shows_none() -> None:
    assert shown(post()).xpath("//a[contains(@class, 'link-card')]") == []


def test_link_preview_text_is_escaped() -> None:
    evil = evolve(PICTURED, title=EVIL, description=EVIL, language=EVIL, image_description=EVIL, provider_name=EVIL)
    page = shown(evolve(post(), card=evil))
    assert page.xpath("//script") == []
    assert [str(name) for name in page.xpath("//a[contains(@class, 'link-card')]//@*[starts-with(name(), 'on')]")] == []


def test_the_api_returns_a_preview_card() -> None:
    published = datetime(2026, 3, 4, 1, tzinfo=timezone(timedelta(hours=2)))
    encoded = CARD(evolve(PICTURED, published_at=published, author_name="Ada", blurhash="LKO2"), Entities("https://example.org"))
    jsonschema.validate(encoded, SCHEMA)
    assert (encoded["type"], encoded["html"], encoded["embed_url"]) == ("link", "", "")
    assert encoded["image"] == "https://example.org/media/ab.webp"
    assert encoded["published_at"] == "2026-03-03T23:00:00.000Z"
    assert encoded["authors"] == [{"name": "Ada", "url": "", "account": None}]
    plain = CARD(STORY, Entities("https://example.org"))
    jsonschema.validate(plain, SCHEMA)
    assert (plain["image"], plain["authors"], plain["published_at"]) == (None, [], None)


def test_a_status_carries_its_card() -> None:
    entities = Entities("https://example.org")
    assert entities.status(post())["card"] is None
    assert entities.status(evolve(post(), card=STORY))["card"]["title"] == "A story"
