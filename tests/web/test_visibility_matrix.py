"""Nobody is shown what they may not see, whichever address they ask: every reading route, every kind of viewer, every visibility.

Pages are asked with a browser, the API with a program of the same person. Commands of the API that answer with a post are asked too.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import frozen

from microblog.model.posts import Visibility
from microblog.storage.database import Cursor
from microblog.web.needs import Route
from tests import make
from tests.web.api.client import Client, anonymous, another
from tests.web.memory import Reply, ask
from tests.web.visitor import Town, Visitor, town

VIEWERS = ("anonymous", "stranger", "follower", "mentioned", "blocked", "muted", "author", "moderator", "suspended")
EVERYBODY = frozenset(VIEWERS)
MAY_SEE = {
    Visibility.PUBLIC: EVERYBODY - {"blocked"},
    Visibility.UNLISTED: EVERYBODY - {"blocked"},
    Visibility.PRIVATE: frozenset({"follower", "mentioned", "author"}),
    Visibility.DIRECT: frozenset({"mentioned", "author"}),
}
SECRET = "xyzzyplugh"
TAG = "frobozz"
FOR_ANYBODY = frozenset({"/@<username:username>/feed.atom"})  # feed readers come without a session, so all get what anonymous readers get
TOKEN = re.compile(r'name="csrf" value="[^"]*"|datetime="[^"]*"|data-now="[^"]*"')
FILLED = re.compile(r"<(?:\w+:)?(\w+)>")


PAGE, STATUS = "/@<username:username>/<id:post_id>", "/api/v1/statuses/<id:status_id>"
UNFINISHED = ("/live/", "/static/", "/api/v1/streaming")  # streams have a matrix of their own


@frozen
class Asker:
    """Somebody with a browser and a program."""

    visitor: Visitor
    program: Client

    def ask(self, route: Route, target: str) -> Reply:
        """What they are answered."""
        if not route.needs.api:
            return self.visitor.get(target)
        sent = {"Authorization": f"Bearer {self.program.token}"} if self.program.token else {}
        return ask(self.visitor.server, route.method, target, sent)


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> Town:
    """A site that counts no requests."""
    return town(cursor, tmp_path, rate_limits="off")


def viewer(site: Town, kind: str) -> Asker:
    """Somebody of this kind, as far as that can be arranged before the post is written."""
    author_visitor = site.resident("author")
    author = site.viewer("author")
    if kind == "anonymous":
        return Asker(site.visitor(), anonymous(site))
    if kind == "author":
        return Asker(author_visitor, another(site, author))
    visitor = site.resident("reader")
    reader = site.viewer("reader")
    program = another(site, reader)
    match kind:
        case "follower":
            make.follow(site.cursor, reader, author)
        case "blocked":
            make.block(site.cursor, author, reader)
        case "muted":
            make.mute(site.cursor, author, reader)
        case "moderator":
            site.cursor.execute("update logins set role = 'moderator' where account_id = %s", [reader.id])
        case "suspended":
            make.suspend(site.cursor, reader)
    return Asker(visitor, program)


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("kind", VIEWERS)
def test_no_address_shows_a_post_to_whom_it_is_not_for(site: Town, kind: str, visibility: Visibility) -> None:
    asker = viewer(site, kind)
    named = " @reader" if kind == "mentioned" else ""
    post = make.post(site.cursor, site.viewer("author"), f"{SECRET}{named} #{TAG}", visibility=visibility)
    make.post(site.cursor, site.viewer("author"), "harmless", reply_to=post)
    values = {"username": "author", "post_id": str(post.id), "status_id": str(post.id), "name": TAG, "account_id": str(post.author.id)}
    found = f"?q=%23{TAG}&reply_to={post.id}&id[]={post.id}"
    resolved = f"?q=http://site.test/@author/{post.id}&resolve=1"
    allowed, seen = kind in MAY_SEE[visibility], set()
    for route in site.routes:
        commands = route.needs.api and not allowed  # they change nothing for whoever may not see the post
        if (route.method != "GET" and not commands) or route.path.startswith(UNFINISHED):
            continue
        path = FILLED.sub(lambda match: values.get(match[1], "1"), route.path)
        for query in ("", found, resolved) if "search" in path else ("", found) if route.method == "GET" else ("",):
            reply = asker.ask(route, path + query)
            assert reply.status < 500, path + query
            if SECRET.encode() in reply.body:
                seen.add(route.path)
    if allowed:
        assert {PAGE, STATUS} - ({STATUS} if kind == "suspended" else set()) <= seen
    else:
        assert seen <= (FOR_ANYBODY if "anonymous" in MAY_SEE[visibility] else set())


def test_hidden_and_missing_are_the_same_answer(site: Town) -> None:
    site.resident("author")
    hidden = make.post(site.cursor, site.viewer("author"), visibility=Visibility.DIRECT)
    stranger = site.resident("reader")
    replies = [stranger.get(f"/@author/{id}") for id in (hidden.id, hidden.id + 1)]
    assert [reply.status for reply in replies] == [404, 404]
    pages = [TOKEN.sub("", reply.text.replace(str(id), "")) for reply, id in zip(replies, (hidden.id, hidden.id + 1), strict=True)]
    assert pages[0] == pages[1]
