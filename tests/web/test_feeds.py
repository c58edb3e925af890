"""Files at the addresses where other programs look for them: feeds, robots.txt, the manifest."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from microblog.model.posts import Visibility
from tests import make
from tests.web.visitor import SiteFixture, document


def items(site: SiteFixture, path: str) -> list[ET.Element]:
    response = site.visitor().get(path)
    assert (response.status, response.header("Content-Type")) == (200, "application/rss+xml; charset=utf-8")
    return ET.fromstring(response.body).findall("channel/item")


def test_hashtags_and_profiles_have_rss_feeds_at_mastodons_urls(site: SiteFixture) -> None:
    site.registered_user("ada")
    ada = site.viewer("ada")
    first = make.post(site.cursor, ada, "Soup & bread #food")
    make.post(site.cursor, ada, "Not for all #food", visibility=Visibility.PRIVATE)
    for path in ("/tags/food.rss", "/tags/Food.rss", "/@ada.rss"):
        (item,) = items(site, path)
        assert item.findtext("link") == item.findtext("guid") == f"http://site.test/@ada/{first.id}"
        assert "Soup &amp; bread" in (item.findtext("description") or "")
        assert 'href="http://site.test/tags/food"' in (item.findtext("description") or "")
        assert item.findtext("pubDate") == "Wed, 04 Mar 2026 05:06:07 GMT"
        assert item.findtext("category") == "food"
    assert document(site.visitor().get("/tags/food")).xpath("//link[@type='application/rss+xml']/@href") == [
        "http://site.test/tags/food.rss"
    ]
    assert site.visitor().get("/@nobody.rss").status == 404
    assert items(site, "/tags/nothing.rss") == []


def test_a_hashtag_named_rss_is_not_a_feed(site: SiteFixture) -> None:
    assert "text/html" in str(site.visitor().get("/tags/rss").header("Content-Type"))


def test_robots_txt_is_served(site: SiteFixture) -> None:
    response = site.visitor().get("/robots.txt")
    assert (response.status, response.header("Content-Type")) == (200, "text/plain; charset=utf-8")
    assert "User-agent: *\nDisallow: /api/\n" in response.text


def test_the_product_has_a_favicon_at_the_root(site: SiteFixture) -> None:
    response = site.visitor().get("/favicon.ico")
    assert (response.header("Content-Type"), response.body[:4]) == ("image/x-icon", b"\0\0\1\0")


@pytest.mark.parametrize("path", ["/manifest.json", "/site.webmanifest"])
def test_the_web_app_manifest_is_served(site: SiteFixture, path: str) -> None:
    visitor = site.visitor()
    response = visitor.get(path)
    assert response.header("Content-Type") == "application/manifest+json; charset=utf-8"
    manifest = response.json
    assert (manifest["start_url"], manifest["display"]) == ("/home", "standalone")
    assert all(visitor.get(icon["src"]).status == 200 for icon in manifest["icons"])
    assert document(visitor.get("/local")).xpath("//link[@rel='manifest']/@href") == ["/manifest.json"]
