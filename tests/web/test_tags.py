"""Tags on the site."""

from __future__ import annotations

from tests import make
from tests.web.visitor import Town, links, words


def test_a_tag_is_followed_from_its_page(site: Town) -> None:
    site.resident("ada")
    make.post(site.cursor, site.viewer("ada"), "Good morning #Tea")
    bob = site.resident("bob")
    bob.submit("/tags/tea/follow", page="/tags/tea")
    assert "Good morning" in words(bob.get("/home"))
    assert "/tags/Tea" in links(bob.get("/lists"))
    assert "Unfollow" in words(bob.get("/tags/tea"))
    bob.submit("/tags/tea/unfollow", page="/tags/tea")
    assert "Good morning" not in words(bob.get("/home")).partition("Local timeline")[0]
    assert "Follow hashtag" not in words(site.visitor().get("/tags/tea"))
