"""Visibility of posts on every GET route, for every kind of viewer and every visibility.

Pages are requested with a browser, the API with a token of the same user. API commands that return a post are requested too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import frozen

from microblog.application.services import now
from microblog.model.accounts import Role
from microblog.model.ids import AccountId, ReportId, WarningId
from microblog.model.moderation import ModerationAction, Sanction
from microblog.model.paging import Page
from microblog.model.posts import Visibility
from microblog.storage.database import Cursor, fetch_value
from microblog.web.http.route import AccessLevel, Route
from tests import files, make
from tests.fakes import result_of
from tests.web.api.client import ALL_SCOPES, Client, anonymous_client, new_client_for
from tests.web.crawler import fill_path
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import HOST, PASSWORD, SiteFixture, Visitor, build_site

VIEWERS = ("anonymous", "stranger", "follower", "mentioned", "blocked", "muted", "author", "moderator", "administrator", "suspended")
EVERYBODY = frozenset(VIEWERS)
MAY_SEE = {
    Visibility.PUBLIC: EVERYBODY - {"blocked"},
    Visibility.UNLISTED: EVERYBODY - {"blocked"},
    Visibility.PRIVATE: frozenset({"follower", "mentioned", "author"}),
    Visibility.DIRECT: frozenset({"mentioned", "author"}),
}
SECRET, WORD = "xyzzyplugh", "grue"  # a search for the word must not reveal the secret beside it
TAG = "frobozz"
FOR_ANYBODY = frozenset({"/@<username:username>/feed.atom"})  # feed readers come without a session, so all get what anonymous readers get
TOKEN = re.compile(r'name="csrf" value="[^"]*"|datetime="[^"]*"|data-now="[^"]*"')


PAGE, STATUS = "/@<username:username>/<id:post_id>", "/api/v1/statuses/<id:status_id>"
DESK = {"/admin/appeals", *(f"{api}/admin/reports{id}" for api in ("", "/api/v1") for id in ("", "/<id:report_id>"))}
UNFINISHED = ("/live/", "/static/", "/api/v1/streaming")  # streams have their own matrix
STAFF_LEVELS = {"moderator": (AccessLevel.MODERATOR,), "administrator": (AccessLevel.MODERATOR, AccessLevel.ADMIN)}
STAFF_SCOPES = f"{ALL_SCOPES} admin:read admin:write"
VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


@frozen
class ViewerClient:
    """A viewer with a browser and an API client."""

    visitor: Visitor
    program: Client

    def request(self, route: Route, target: str) -> HttpResponse:
        """Send a request as the viewer."""
        if not route.options.api:
            if route.safe:
                return self.visitor.get(target)
            return self.visitor.post(target, {"csrf": self.visitor.token("/about") or self.visitor.token("/login")})
        sent = {"Authorization": f"Bearer {self.program.token}"} if self.program.token else {}
        return request(self.visitor.server, route.method, target, sent)


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site that counts no requests, with the author of the posts."""
    site = build_site(cursor, tmp_path, rate_limits="off")
    site.registered_user("author")
    return site


def viewer(site: SiteFixture, kind: str) -> ViewerClient:
    """Create a viewer of this kind, before the post is written. The author is there already."""
    author = site.viewer("author")
    if kind == "anonymous":
        return ViewerClient(site.visitor(), anonymous_client(site))
    if kind == "author":
        visitor = site.visitor()
        assert visitor.submit("/login", name="author", password=PASSWORD).status == 303
        return ViewerClient(visitor, new_client_for(site, author))
    visitor = site.registered_user(f"{kind}_one")  # the names of staff alone are reserved
    reader = site.viewer(f"{kind}_one")
    api_client = new_client_for(site, reader, STAFF_SCOPES if kind in STAFF_LEVELS else ALL_SCOPES)
    match kind:
        case "follower":
            make.follow(site.cursor, reader, author)
        case "blocked":
            make.block(site.cursor, author, reader)
        case "muted":
            make.mute(site.cursor, author, reader)
        case "moderator" | "administrator":
            role = Role.MODERATOR if kind == "moderator" else Role.ADMIN
            site.cursor.execute("update users set role = %s where account_id = %s", [role, reader.id])
        case "suspended":
            make.suspend(site.cursor, reader)
    return ViewerClient(visitor, api_client)


@frozen
class SecretPost:
    """A post with media and a poll, the posts that refer to it, and an open report and an appealed decision about it."""

    id: str
    around: tuple[str, ...]  # the post itself, a public reply to it, a boost of it
    author: str
    poll: str
    report: str
    strike: str

    def values(self, id: str) -> dict[str, str]:
        """Return path variables that refer to this post."""
        of_post = {"poll_id": self.poll, "post_id": id, "status_id": id, "report_id": self.report, "strike_id": self.strike}
        return {"username": "author", "name": TAG, "account_id": self.author, **of_post}


def publish_secret(site: SiteFixture, visibility: Visibility, named: str) -> SecretPost:
    """Publish a post with the secret in every field; reply publicly, and let its author boost, favourite, bookmark and pin it.

    A witness, whom it mentions, reports it twice; one report leads to a warning, which the author appeals.
    """
    author, witness = (new_client_for(site, who) for who in (site.viewer("author"), make.viewer(site.cursor, "witness", now=now())))
    named += " @witness"
    picture = author.upload("POST", "/v2/media", {"file": files.image()}, description=SECRET).json["id"]
    fields = {"visibility": visibility, "spoiler_text": f"{SECRET} {named}"}
    post = author.post("/v1/statuses", status=f"{WORD} {SECRET}{named} #{TAG}", media_ids=[picture], **fields).json["id"]
    poll = {"poll": {"options": [SECRET, f"no {SECRET}"], "expires_in": 3600}}
    author.request("POST", "/v1/statuses", json={"status": f"{WORD}: {SECRET}{named}", "in_reply_to_id": post, **fields, **poll})
    author.request("PUT", f"/v1/statuses/{post}", json={"status": f"{WORD}! {SECRET}{named} #{TAG}", "media_ids": [picture]})
    reply = author.post("/v1/statuses", status="harmless", in_reply_to_id=post, visibility="public").json["id"]
    assert anonymous_client(site).get(f"/v1/statuses/{reply}").status == 200  # its readers request the parent
    boost = author.post(f"/v1/statuses/{post}/reblog").json.get("id", post)
    for mark in ("favourite", "bookmark", "pin"):
        author.post(f"/v1/statuses/{post}/{mark}")
    filed = {"account_id": str(author.owner.id), "status_ids": [post], "comment": "Look!"}
    reports = [witness.post("/v1/reports", **filed).json for _ in range(2)]
    assert [report["status_ids"] for report in reports] == [[post], [post]]
    strike = warn(site, author.owner.id, ReportId(int(reports[1]["id"])))
    poll_id = str(fetch_value(site.cursor, "select id from polls", {}))
    return SecretPost(post, (post, reply, boost), author.id, poll_id, reports[0]["id"], str(strike))


def warn(site: SiteFixture, account: AccountId, report: ReportId) -> WarningId:
    """Warn an account because of a report, and appeal the decision."""
    judge, strikes = make.viewer(site.cursor, "judge", role=Role.ADMIN, now=now()), site.domain.strikes
    result_of(strikes.actions.impose(judge.id, account, Sanction(ModerationAction.NONE, notify=False, report=report)))
    [strike] = result_of(strikes.of(account, Page()))
    result_of(strikes.appeal(account, strike.warning.id, "No."))
    return strike.warning.id


def query_strings(route: Route, id: str) -> tuple[str, ...]:
    """Return query strings that may lead to the post."""
    about = f"?reply_to={id}&id[]={id}&status_id={id}"
    if "search" in route.path:
        return "", f"?q=%23{TAG}", f"?q={WORD}", f"?q=from:author%20{WORD}", f"?q=http://{HOST}/@author/{id}&resolve=1"
    return ("", f"?q=%23{TAG[:3]}", f"?q=%23{TAG}") if "complete" in route.path else ("", about)


def readable_by_staff(site: SiteFixture, kind: str, values: Mapping[str, str]) -> set[str]:
    """Return the routes that are open to this kind of staff alone, and whose variables have values here."""
    routes = (route for route in site.routes if route.method == "GET" and route.options.viewer in STAFF_LEVELS.get(kind, ()))
    return {route.path for route in routes if values.keys() >= set(VARIABLE.findall(route.path))}


def names_a_post(route: Route) -> bool:
    """True if the route's path has a post's or poll's id."""
    return any(f"{name}>" in route.path for name in ("post_id", "status_id", "poll_id"))


def shown_by_reads(site: SiteFixture, who: ViewerClient, post: SecretPost, *, hidden: bool) -> tuple[set[str], set[str]]:
    """Request every page and API path as a viewer. Return the routes that show the secret, and those that are found.

    `hidden`: request them in every way, with the ids of all posts that refer to the hidden one too.
    """
    seen, found = set(), set()
    for route in site.routes:
        if route.method == "GET" and not route.path.startswith(UNFINISHED):
            for id in post.around if hidden and names_a_post(route) else post.around[:1]:
                path = fill_path(route.path, post.values(id))
                for query in query_strings(route, id) if hidden else ("",):
                    response = who.request(route, path + query)
                    assert response.status < 500, path + query
                    if response.status == 200:
                        found.add(route.path)
                    if SECRET.encode() in response.body:
                        seen.add(route.path)
    return seen, found


def shown_by_commands(site: SiteFixture, who: ViewerClient, post: SecretPost) -> set[str]:
    """Send every command about a post as a viewer, and undo their effects. Return the routes whose responses show the secret."""
    seen = set()
    site.cursor.execute("savepoint commands")
    for route in site.routes:
        if route.method != "GET" and names_a_post(route) and not route.path.startswith(UNFINISHED):
            response = who.request(route, fill_path(route.path, post.values(post.id)))
            assert response.status < 500, route.path
            if SECRET.encode() in response.body:
                seen.add(f"{route.method} {route.path}")
    site.cursor.execute("rollback to savepoint commands")
    return seen


@pytest.mark.parametrize("visibility", Visibility)
def test_no_route_shows_a_post_to_a_viewer_who_may_not_see_it(site: SiteFixture, visibility: Visibility) -> None:
    viewers = {kind: viewer(site, kind) for kind in VIEWERS}
    post = publish_secret(site, visibility, " @mentioned_one")
    seen_by = dict[str, set[str]]()
    for kind, who in viewers.items():
        seen, found = shown_by_reads(site, who, post, hidden=kind not in MAY_SEE[visibility])
        seen_by[kind] = seen
        assert readable_by_staff(site, kind, post.values(post.id)) <= found, kind
        if kind in MAY_SEE[visibility]:
            assert {PAGE, STATUS} - ({STATUS} if kind == "suspended" else set()) <= seen, kind
            assert (kind in STAFF_LEVELS) is (seen >= DESK), kind
    for kind in VIEWERS:  # commands come last, so that their effects reveal nothing to the reads
        if kind not in MAY_SEE[visibility]:
            seen = seen_by[kind] | shown_by_commands(site, viewers[kind], post)
            assert seen <= (FOR_ANYBODY if "anonymous" in MAY_SEE[visibility] else set()), kind


def test_no_route_reveals_the_hashtag_of_a_hidden_post(site: SiteFixture) -> None:
    viewer_client = viewer(site, "stranger")
    post = publish_secret(site, Visibility.PRIVATE, "")
    direct = new_client_for(site, site.viewer("author")).post("/v1/statuses", status=f"{SECRET} #{TAG}", visibility=Visibility.DIRECT)
    assert direct.status == 200
    for route in site.routes:
        if route.method == "GET" and "<name>" not in route.path and not route.path.startswith(UNFINISHED):
            path = fill_path(route.path, post.values(post.id))
            for query in ("", f"?q={TAG[:5]}", f"?q=%23{TAG[:5]}", f"?q={TAG[:5]}&type=hashtags"):
                assert TAG.encode() not in viewer_client.request(route, path + query).body, path + query
    hashtag = viewer_client.program.get(f"/v1/tags/{TAG.upper()}").json
    assert (hashtag["name"], hashtag["id"]) == (TAG.upper(), viewer_client.program.get("/v1/tags/NEVERUSED").json["id"])


@pytest.mark.parametrize("kind", ["anonymous", "stranger", "blocked"])
def test_every_route_responds_alike_for_a_hidden_and_a_missing_post(site: SiteFixture, kind: str) -> None:
    viewer_client = viewer(site, kind)
    author = new_client_for(site, site.viewer("author"))
    poll = {"options": ["a", "b"], "expires_in": 3600}
    hidden = author.request("POST", "/v1/statuses", json={"status": SECRET, "visibility": "direct", "poll": poll}).json
    there = {"post_id": hidden["id"], "status_id": hidden["id"], "poll_id": hidden["poll"]["id"]}
    missing = {name: str(int(id) + 1) for name, id in there.items()}
    asked = 0
    for route in site.routes:
        if names_a_post(route) and not route.path.startswith(UNFINISHED):
            paths = [fill_path(route.path, values | {"username": "author"}) for values in (there, missing)]
            responses = [viewer_client.request(route, path) for path in paths]
            texts = [
                TOKEN.sub("", response.text.replace(values["post_id"], "").replace(values["poll_id"], ""))
                for response, values in zip(responses, (there, missing), strict=True)
            ]
            assert (responses[0].status, texts[0]) == (responses[1].status, texts[1]), f"{route.method} {route.path}"
            asked += 1
    assert asked > 30


def test_the_pages_of_hidden_and_missing_posts_are_equal(site: SiteFixture) -> None:
    hidden = make.post(site.cursor, site.viewer("author"), visibility=Visibility.DIRECT)
    stranger = site.registered_user("stranger")
    responses = [stranger.get(f"/@author/{id}") for id in (hidden.id, hidden.id + 1)]
    assert [response.status for response in responses] == [404, 404]
    pages = [TOKEN.sub("", response.text.replace(str(id), "")) for response, id in zip(responses, (hidden.id, hidden.id + 1), strict=True)]
    assert pages[0] == pages[1]
