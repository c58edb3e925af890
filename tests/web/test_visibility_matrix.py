"""Nobody is shown what they may not see, whichever address they ask: every reading route, every kind of viewer, every visibility.

Pages are asked with a browser, the API with a program of the same person. Commands of the API that answer with a post are asked too.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import frozen

from microblog.model.posts import Visibility
from microblog.storage.database import Cursor, fetch_value
from microblog.web.http.route import Route
from tests import files, make
from tests.web.api.client import Client, anonymous_client, new_client_for
from tests.web.crawler import fill_path
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import HOST, SiteFixture, Visitor, build_site

VIEWERS = ("anonymous", "stranger", "follower", "mentioned", "blocked", "muted", "author", "moderator", "suspended")
EVERYBODY = frozenset(VIEWERS)
MAY_SEE = {
    Visibility.PUBLIC: EVERYBODY - {"blocked"},
    Visibility.UNLISTED: EVERYBODY - {"blocked"},
    Visibility.PRIVATE: frozenset({"follower", "mentioned", "author"}),
    Visibility.DIRECT: frozenset({"mentioned", "author"}),
}
SECRET, WORD = "xyzzyplugh", "grue"  # who searches for the word shall not read the secret beside it
TAG = "frobozz"
FOR_ANYBODY = frozenset({"/@<username:username>/feed.atom"})  # feed readers come without a session, so all get what anonymous readers get
TOKEN = re.compile(r'name="csrf" value="[^"]*"|datetime="[^"]*"|data-now="[^"]*"')


PAGE, STATUS = "/@<username:username>/<id:post_id>", "/api/v1/statuses/<id:status_id>"
UNFINISHED = ("/live/", "/static/", "/api/v1/streaming")  # streams have a matrix of their own


@frozen
class Asker:
    """Somebody with a browser and a program."""

    visitor: Visitor
    program: Client

    def request(self, route: Route, target: str) -> HttpResponse:
        """What they are answered."""
        if not route.options.api:
            if route.safe:
                return self.visitor.get(target)
            return self.visitor.post(target, {"csrf": self.visitor.token("/about") or self.visitor.token("/login")})
        sent = {"Authorization": f"Bearer {self.program.token}"} if self.program.token else {}
        return request(self.visitor.server, route.method, target, sent)


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site that counts no requests."""
    return build_site(cursor, tmp_path, rate_limits="off")


def viewer(site: SiteFixture, kind: str) -> Asker:
    """Somebody of this kind, as far as that can be arranged before the post is written."""
    author_visitor = site.registered_user("author")
    author = site.viewer("author")
    if kind == "anonymous":
        return Asker(site.visitor(), anonymous_client(site))
    if kind == "author":
        return Asker(author_visitor, new_client_for(site, author))
    visitor = site.registered_user("reader")
    reader = site.viewer("reader")
    program = new_client_for(site, reader)
    match kind:
        case "follower":
            make.follow(site.cursor, reader, author)
        case "blocked":
            make.block(site.cursor, author, reader)
        case "muted":
            make.mute(site.cursor, author, reader)
        case "moderator":
            site.cursor.execute("update users set role = 'moderator' where account_id = %s", [reader.id])
        case "suspended":
            make.suspend(site.cursor, reader)
    return Asker(visitor, program)


@frozen
class Told:
    """A post with everything that a post can have, and what stands around it."""

    id: str
    around: tuple[str, ...]  # itself, an answer to it that everybody may read, the boost of it

    def values(self, site: SiteFixture, id: str) -> dict[str, str]:
        """What to fill into addresses where they name this post."""
        account, poll = site.viewer("author").id, fetch_value(site.cursor, "select id from polls", {})
        return {"username": "author", "name": TAG, "account_id": str(account), "poll_id": str(poll), "post_id": id, "status_id": id}


def told(site: SiteFixture, visibility: Visibility, named: str) -> Told:
    """Write the secret wherever a post can hold one, answer it in public, and let its author boost, like, keep and pin it."""
    author = new_client_for(site, site.viewer("author"))
    picture = author.upload("POST", "/v2/media", {"file": files.picture()}, description=SECRET).json["id"]
    said = {"visibility": visibility, "spoiler_text": f"{SECRET} {named}"}
    post = author.post("/v1/statuses", status=f"{WORD} {SECRET}{named} #{TAG}", media_ids=[picture], **said).json["id"]
    poll = {"poll": {"options": [SECRET, f"no {SECRET}"], "expires_in": 3600}}
    author.request("POST", "/v1/statuses", json={"status": f"{WORD}: {SECRET}{named}", "in_reply_to_id": post, **said, **poll})
    author.request("PUT", f"/v1/statuses/{post}", json={"status": f"{WORD}! {SECRET}{named} #{TAG}", "media_ids": [picture]})
    answer = author.post("/v1/statuses", status="harmless", in_reply_to_id=post, visibility="public").json["id"]
    assert anonymous_client(site).get(f"/v1/statuses/{answer}").status == 200  # whoever reads it asks for what it answers
    boost = author.post(f"/v1/statuses/{post}/reblog").json.get("id", post)
    for mark in ("favourite", "bookmark", "pin"):
        author.post(f"/v1/statuses/{post}/{mark}")
    return Told(post, (post, answer, boost))


def questions(route: Route, id: str) -> tuple[str, ...]:
    """Queries that may lead to the post, for routes that read one."""
    about = f"?reply_to={id}&id[]={id}&status_id={id}"
    if "search" in route.path:
        return "", f"?q=%23{TAG}", f"?q={WORD}", f"?q=from:author%20{WORD}", f"?q=http://{HOST}/@author/{id}&resolve=1"
    return ("", f"?q=%23{TAG[:3]}", f"?q=%23{TAG}") if "complete" in route.path else ("", about)


def about_one(route: Route) -> bool:
    """True for a route whose address names a post."""
    return any(f"{name}>" in route.path for name in ("post_id", "status_id", "poll_id"))


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("kind", VIEWERS)
def test_no_route_shows_a_post_to_a_viewer_who_may_not_see_it(site: SiteFixture, kind: str, visibility: Visibility) -> None:
    asker = viewer(site, kind)
    post = told(site, visibility, " @reader" if kind == "mentioned" else "")
    allowed, seen = kind in MAY_SEE[visibility], set()
    routes = [route for route in site.routes if not route.path.startswith(UNFINISHED)]
    for route in routes:
        for id in post.around if about_one(route) and route.method == "GET" else post.around[:1] if route.method == "GET" else ():
            path = fill_path(route.path, post.values(site, id))
            for query in questions(route, id):
                response = asker.request(route, path + query)
                assert response.status < 500, path + query
                if SECRET.encode() in response.body:
                    seen.add(route.path)
    if allowed:
        assert {PAGE, STATUS} - ({STATUS} if kind == "suspended" else set()) <= seen
        return
    for route in routes:  # commands, when everything has been read: what they do must not open anything before
        if route.method != "GET" and about_one(route):
            response = asker.request(route, fill_path(route.path, post.values(site, post.id)))
            assert response.status < 500, route.path
            if SECRET.encode() in response.body:
                seen.add(f"{route.method} {route.path}")
    assert seen <= (FOR_ANYBODY if "anonymous" in MAY_SEE[visibility] else set())


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.DIRECT])
def test_no_route_reveals_the_hashtag_of_a_hidden_post(site: SiteFixture, visibility: Visibility) -> None:
    asker = viewer(site, "stranger")
    post = told(site, visibility, "")
    for route in site.routes:
        if route.method == "GET" and "<name>" not in route.path and not route.path.startswith(UNFINISHED):
            path = fill_path(route.path, post.values(site, post.id))
            for query in ("", f"?q={TAG[:5]}", f"?q=%23{TAG[:5]}", f"?q={TAG[:5]}&type=hashtags"):
                assert TAG.encode() not in asker.request(route, path + query).body, path + query
    told_of_it = asker.program.get(f"/v1/tags/{TAG.upper()}").json
    assert (told_of_it["name"], told_of_it["id"]) == (TAG.upper(), asker.program.get("/v1/tags/NEVERUSED").json["id"])


@pytest.mark.parametrize("kind", ["anonymous", "stranger", "blocked"])
def test_every_route_responds_alike_for_a_hidden_and_a_missing_post(site: SiteFixture, kind: str) -> None:
    asker = viewer(site, kind)
    author = new_client_for(site, site.viewer("author"))
    poll = {"options": ["a", "b"], "expires_in": 3600}
    hidden = author.request("POST", "/v1/statuses", json={"status": SECRET, "visibility": "direct", "poll": poll}).json
    there = {"post_id": hidden["id"], "status_id": hidden["id"], "poll_id": hidden["poll"]["id"]}
    missing = {name: str(int(id) + 1) for name, id in there.items()}
    asked = 0
    for route in site.routes:
        if about_one(route) and not route.path.startswith(UNFINISHED):
            paths = [fill_path(route.path, values | {"username": "author"}) for values in (there, missing)]
            replies = [asker.request(route, path) for path in paths]
            texts = [
                TOKEN.sub("", response.text.replace(values["post_id"], "").replace(values["poll_id"], ""))
                for response, values in zip(replies, (there, missing), strict=True)
            ]
            assert (replies[0].status, texts[0]) == (replies[1].status, texts[1]), f"{route.method} {route.path}"
            asked += 1
    assert asked > 30


def test_the_pages_of_hidden_and_missing_posts_are_equal(site: SiteFixture) -> None:
    site.registered_user("author")
    hidden = make.post(site.cursor, site.viewer("author"), visibility=Visibility.DIRECT)
    stranger = site.registered_user("reader")
    replies = [stranger.get(f"/@author/{id}") for id in (hidden.id, hidden.id + 1)]
    assert [response.status for response in replies] == [404, 404]
    pages = [TOKEN.sub("", response.text.replace(str(id), "")) for response, id in zip(replies, (hidden.id, hidden.id + 1), strict=True)]
    assert pages[0] == pages[1]
