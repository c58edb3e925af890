"""No page links to a post that its viewer may not open, and each page has one canonical URL."""

from __future__ import annotations

import re
from itertools import product

import pytest

from microblog.model.posts import Visibility
from tests import make
from tests.web.visitor import SiteFixture, Visitor, document

POST = re.compile(r"/@\w+/\d+|/posts/\d+")


def links_to_posts(visitor: Visitor, page: str) -> set[str]:
    return {href for href in map(str, document(visitor.get(page)).xpath("//main//a/@href")) if POST.fullmatch(href)}


@pytest.mark.parametrize(("parent", "reply"), list(product(Visibility, Visibility)))
@pytest.mark.parametrize("own", [True, False])
def test_a_reply_links_to_its_parent_only_for_viewers_who_may_open_it(
    site: SiteFixture, parent: Visibility, reply: Visibility, own: bool
) -> None:
    for name in ("ada", "bob"):
        site.registered_user(name)
    reader, ada, bob = site.registered_user("eve"), site.viewer("ada"), site.viewer("bob")
    make.follow(site.cursor, site.viewer("eve"), bob)
    first = make.post(site.cursor, bob if own else ada, "First, to @bob", visibility=parent)
    second = make.post(site.cursor, bob, "Second", visibility=reply, reply_to=first)
    for visitor in (site.visitor(), reader):
        page = f"/@bob/{second.id}"
        if visitor.get(page).status == 200:
            for link in links_to_posts(visitor, page):
                assert visitor.get(link).status in (200, 302, 303), link
                assert f"{first.id}" not in link or visitor.get(f"/@{first.author.username}/{first.id}").status == 200


def test_a_reply_to_a_public_post_links_to_it(site: SiteFixture) -> None:
    site.registered_user("ada")
    site.registered_user("bob")
    first = make.post(site.cursor, site.viewer("ada"), "First")
    make.post(site.cursor, site.viewer("bob"), "@ada Second", reply_to=first)
    assert f"/@ada/{first.id}" in links_to_posts(site.visitor(), "/@bob/with_replies")


@pytest.mark.parametrize(
    ("path", "address"), [("/@ada", "/@ada"), ("/@ada/{post}", "/@ada/{post}"), ("/tags/tea", "/tags/tea"), ("/tags/té", "/tags/t%C3%A9")]
)
def test_the_canonical_url_of_a_page_is_the_one_used_in_links(site: SiteFixture, path: str, address: str) -> None:
    site.registered_user("ada")
    post = str(make.post(site.cursor, site.viewer("ada"), "#tea").id)
    page = document(site.visitor().get(path.format(post=post).replace("é", "%C3%A9")))
    url = "http://site.test" + address.format(post=post)
    assert page.xpath("string(//link[@rel='canonical']/@href)") == url
    assert page.xpath("string(//meta[@property='og:url']/@content)") == url
