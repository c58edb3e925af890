"""Hashtags on the site."""

from __future__ import annotations

from tests import make
from tests.web.visitor import SiteFixture, links, main_text


def test_a_hashtag_is_followed_from_its_page(site: SiteFixture) -> None:
    site.registered_user("ada")
    make.post(site.cursor, site.viewer("ada"), "Good morning #Tea")
    bob = site.registered_user("bob")
    bob.submit("/tags/tea/follow", page="/tags/tea")
    assert "Good morning" in main_text(bob.get("/home"))
    assert "/tags/Tea" in links(bob.get("/lists"))
    assert "Unfollow" in main_text(bob.get("/tags/tea"))
    bob.submit("/tags/tea/unfollow", page="/tags/tea")
    assert "Good morning" not in main_text(bob.get("/home")).partition("Local timeline")[0]
    assert "Follow hashtag" not in main_text(site.visitor().get("/tags/tea"))
