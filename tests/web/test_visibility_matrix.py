"""Visibility of posts on every GET route, for every kind of viewer and every visibility.

Pages are requested with a browser, the API with a token of the same user. API commands that return a post are requested too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import frozen

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
from tests.web.visitor import HOST, SiteFixture, Visitor, build_site

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
    """A site that counts no requests."""
    return build_site(cursor, tmp_path, rate_limits="off")


def viewer(site: SiteFixture, kind: str) -> ViewerClient:
    """Create a viewer of this kind, before the post is written."""
    author_visitor = site.registered_user("author")
    author = site.viewer("author")
    if kind == "anonymous":
        return ViewerClient(site.visitor(), anonymous_client(site))
    if kind == "author":
        return ViewerClient(author_visitor, new_client_for(site, author))
    visitor = site.registered_user("reader")
    reader = site.viewer("reader")
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
    report: str
    strike: str

    def values(self, site: SiteFixture, id: str) -> dict[str, str]:
        """Return path variables that refer to this post."""
        account, poll = site.viewer("author").id, fetch_value(site.cursor, "select id from polls", {})
        of_post = {"poll_id": str(poll), "post_id": id, "status_id": id, "report_id": self.report, "strike_id": self.strike}
        return {"username": "author", "name": TAG, "account_id": str(account), **of_post}


def publish_secret(site: SiteFixture, visibility: Visibility, named: str) -> SecretPost:
    """Publish a post with the secret in every field; reply publicly, and let its author boost, favourite, bookmark and pin it.

    A witness, whom it mentions, reports it twice; one report leads to a warning, which the author appeals.
    """
    author, witness = new_client_for(site, site.viewer("author")), new_client_for(site, make.viewer(site.cursor, "witness"))
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
    return SecretPost(post, (post, reply, boost), reports[0]["id"], str(strike))


def warn(site: SiteFixture, account: AccountId, report: ReportId) -> WarningId:
    """Warn an account because of a report, and appeal the decision."""
    judge, strikes = make.viewer(site.cursor, "judge", role=Role.ADMIN), site.domain.strikes
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


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("kind", VIEWERS)
def test_no_route_shows_a_post_to_a_viewer_who_may_not_see_it(site: SiteFixture, kind: str, visibility: Visibility) -> None:
    viewer_client = viewer(site, kind)
    post = publish_secret(site, visibility, " @reader" if kind == "mentioned" else "")
    allowed, seen, found = kind in MAY_SEE[visibility], set(), set()
    routes = [route for route in site.routes if not route.path.startswith(UNFINISHED)]
    for route in routes:
        for id in post.around if names_a_post(route) and route.method == "GET" else post.around[:1] if route.method == "GET" else ():
            path = fill_path(route.path, post.values(site, id))
            for query in query_strings(route, id):
                response = viewer_client.request(route, path + query)
                assert response.status < 500, path + query
                if response.status == 200:
                    found.add(route.path)
                if SECRET.encode() in response.body:
                    seen.add(route.path)
    assert readable_by_staff(site, kind, post.values(site, post.id)) <= found
    if allowed:
        assert {PAGE, STATUS} - ({STATUS} if kind == "suspended" else set()) <= seen
        assert (kind in STAFF_LEVELS) is (seen >= DESK)
        return
    for route in routes:  # commands come last, so that their effects reveal nothing to the reads
        if route.method != "GET" and names_a_post(route):
            response = viewer_client.request(route, fill_path(route.path, post.values(site, post.id)))
            assert response.status < 500, route.path
            if SECRET.encode() in response.body:
                seen.add(f"{route.method} {route.path}")
    assert seen <= (FOR_ANYBODY if "anonymous" in MAY_SEE[visibility] else set())


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.DIRECT])
def test_no_route_reveals_the_hashtag_of_a_hidden_post(site: SiteFixture, visibility: Visibility) -> None:
    viewer_client = viewer(site, "stranger")
    post = publish_secret(site, visibility, "")
    for route in site.routes:
        if route.method == "GET" and "<name>" not in route.path and not route.path.startswith(UNFINISHED):
            path = fill_path(route.path, post.values(site, post.id))
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
    site.registered_user("author")
    hidden = make.post(site.cursor, site.viewer("author"), visibility=Visibility.DIRECT)
    stranger = site.registered_user("reader")
    responses = [stranger.get(f"/@author/{id}") for id in (hidden.id, hidden.id + 1)]
    assert [response.status for response in responses] == [404, 404]
    pages = [TOKEN.sub("", response.text.replace(str(id), "")) for response, id in zip(responses, (hidden.id, hidden.id + 1), strict=True)]
    assert pages[0] == pages[1]
