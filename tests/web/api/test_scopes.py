"""Every route of the API accepts exactly the tokens that it documents, by scope."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from microblog.domain import scopes
from microblog.storage.database import Cursor
from microblog.web.http.route import AccessLevel, Route
from tests.web.api.client import Client, anonymous_client, app_client, client, new_client_for
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture, build_site

OUTSIDE = "This action is outside the authorized scopes"
STREAMS = "/api/v1/streaming"  # streams have their own tests
VARIABLE = re.compile(r"<(?:\w+:)?\w+>")

DOCUMENTED = """\
anyone    -                      GET        /.well-known/host-meta
anyone    -                      GET        /.well-known/host-meta.json
anyone    -                      GET        /.well-known/nodeinfo
anyone    -                      GET        /.well-known/oauth-authorization-server
anyone    -                      GET        /.well-known/webfinger
anyone    -                      GET        /api/openapi.json
anyone    read:accounts          GET        /api/v1/accounts
app       write:accounts         POST       /api/v1/accounts
anyone    read:accounts          GET        /api/v1/accounts/:x
user      write:blocks           POST       /api/v1/accounts/:x/block
user      write:accounts         POST       /api/v1/accounts/:x/endorse
anyone    read:accounts          GET        /api/v1/accounts/:x/endorsements
anyone    -                      GET        /api/v1/accounts/:x/featured_tags
user      write:follows          POST       /api/v1/accounts/:x/follow
anyone    read:accounts          GET        /api/v1/accounts/:x/followers
anyone    read:accounts          GET        /api/v1/accounts/:x/following
user      read:accounts          GET        /api/v1/accounts/:x/identity_proofs
user      read:lists             GET        /api/v1/accounts/:x/lists
user      write:mutes            POST       /api/v1/accounts/:x/mute
user      write:accounts         POST       /api/v1/accounts/:x/note
user      write:accounts         POST       /api/v1/accounts/:x/pin
user      write:follows          POST       /api/v1/accounts/:x/remove_from_followers
anyone    read:statuses          GET        /api/v1/accounts/:x/statuses
user      write:blocks           POST       /api/v1/accounts/:x/unblock
user      write:accounts         POST       /api/v1/accounts/:x/unendorse
user      write:follows          POST       /api/v1/accounts/:x/unfollow
user      write:mutes            POST       /api/v1/accounts/:x/unmute
user      write:accounts         POST       /api/v1/accounts/:x/unpin
user      write:accounts         POST       /api/v1/accounts/alias
user      read:follows           GET        /api/v1/accounts/familiar_followers
anyone    read:accounts          GET        /api/v1/accounts/lookup
user      write:accounts         POST       /api/v1/accounts/move
user      read:follows           GET        /api/v1/accounts/relationships
user      read:accounts          GET        /api/v1/accounts/search
user      write:accounts         PATCH      /api/v1/accounts/update_credentials
user      profile|read:accounts  GET        /api/v1/accounts/verify_credentials
moderator admin:read:accounts    GET        /api/v1/admin/accounts
moderator admin:read:accounts    GET        /api/v1/admin/accounts/:x
moderator admin:write:accounts   DELETE     /api/v1/admin/accounts/:x
moderator admin:write:accounts   POST       /api/v1/admin/accounts/:x/action
moderator admin:write:accounts   POST       /api/v1/admin/accounts/:x/approve
moderator admin:write:accounts   POST       /api/v1/admin/accounts/:x/enable
moderator admin:write:accounts   POST       /api/v1/admin/accounts/:x/reject
moderator admin:write:accounts   POST       /api/v1/admin/accounts/:x/unsensitive
moderator admin:write:accounts   POST       /api/v1/admin/accounts/:x/unsilence
moderator admin:write:accounts   POST       /api/v1/admin/accounts/:x/unsuspend
moderator admin:read             GET        /api/v1/admin/audit_log
admin     admin:read:canonical_email_blocks GET     /api/v1/admin/canonical_email_blocks
admin     admin:write:canonical_email_blocks POST   /api/v1/admin/canonical_email_blocks
admin     admin:read:canonical_email_blocks GET     /api/v1/admin/canonical_email_blocks/:x
admin     admin:write:canonical_email_blocks DELETE /api/v1/admin/canonical_email_blocks/:x
admin     admin:read:canonical_email_blocks POST    /api/v1/admin/canonical_email_blocks/test
admin     admin:read             GET        /api/v1/admin/custom_emojis
admin     admin:write            POST       /api/v1/admin/custom_emojis
admin     admin:read             GET        /api/v1/admin/custom_emojis/:x
admin     admin:write            PATCH,DELETE /api/v1/admin/custom_emojis/:x
admin     admin:read             GET        /api/v1/admin/custom_emojis/categories
admin     admin:read:email_domain_blocks GET        /api/v1/admin/email_domain_blocks
moderator admin:read             POST       /api/v1/admin/dimensions
moderator admin:read             POST       /api/v1/admin/measures
moderator admin:read             POST       /api/v1/admin/retention
admin     admin:read:ip_blocks   GET        /api/v1/admin/ip_blocks
admin     admin:write:ip_blocks  POST       /api/v1/admin/ip_blocks
admin     admin:read:ip_blocks   GET        /api/v1/admin/ip_blocks/:x
admin     admin:write:ip_blocks  PUT,PATCH,DELETE /api/v1/admin/ip_blocks/:x
admin     admin:write:email_domain_blocks POST      /api/v1/admin/email_domain_blocks
admin     admin:read:email_domain_blocks GET        /api/v1/admin/email_domain_blocks/:x
admin     admin:write:email_domain_blocks DELETE    /api/v1/admin/email_domain_blocks/:x
moderator admin:read             GET        /api/v1/admin/tags
moderator admin:read             GET        /api/v1/admin/tags/:x
moderator admin:write            PUT        /api/v1/admin/tags/:x
moderator admin:read             GET        /api/v1/admin/trends/links
moderator admin:write            POST       /api/v1/admin/trends/links/:x/approve
moderator admin:write            POST       /api/v1/admin/trends/links/:x/reject
moderator admin:read             GET        /api/v1/admin/trends/statuses
moderator admin:write            POST       /api/v1/admin/trends/statuses/:x/approve
moderator admin:write            POST       /api/v1/admin/trends/statuses/:x/reject
moderator admin:read             GET        /api/v1/admin/trends/tags
moderator admin:write            POST       /api/v1/admin/trends/tags/:x/approve
moderator admin:write            POST       /api/v1/admin/trends/tags/:x/reject
moderator admin:read:reports     GET        /api/v1/admin/reports
moderator admin:read:reports     GET        /api/v1/admin/reports/:x
moderator admin:write:reports    PUT,PATCH  /api/v1/admin/reports/:x
moderator admin:write:reports    POST       /api/v1/admin/reports/:x/assign_to_self
moderator admin:write:reports    POST       /api/v1/admin/reports/:x/reopen
moderator admin:write:reports    POST       /api/v1/admin/reports/:x/resolve
moderator admin:write:reports    POST       /api/v1/admin/reports/:x/unassign
user      -                      GET        /api/v1/announcements
user      write:accounts         POST       /api/v1/announcements/:x/dismiss
user      write:favourites       PUT,DELETE /api/v1/announcements/:x/reactions/:x
anyone    -                      POST       /api/v1/apps
app       -                      GET        /api/v1/apps/verify_credentials
user      read:blocks            GET        /api/v1/blocks
user      read:bookmarks         GET        /api/v1/bookmarks
user      read:statuses          GET        /api/v1/conversations
user      write:conversations    DELETE     /api/v1/conversations/:x
user      write:conversations    POST       /api/v1/conversations/:x/read
user      write:conversations    POST       /api/v1/conversations/:x/unread
anyone    -                      GET        /api/v1/custom_emojis
anyone    -                      GET        /api/v1/directory
user      read:blocks            GET        /api/v1/domain_blocks
user      write:blocks           POST,DELETE /api/v1/domain_blocks
app       read:accounts          GET        /api/v1/emails/check_confirmation
app       write:accounts         POST       /api/v1/emails/confirmations
user      read:accounts          GET        /api/v1/endorsements
user      read:favourites        GET        /api/v1/favourites
user      read:accounts          GET        /api/v1/featured_tags
user      write:accounts         POST       /api/v1/featured_tags
user      write:accounts         DELETE     /api/v1/featured_tags/:x
user      read:accounts          GET        /api/v1/featured_tags/suggestions
user      read:filters           GET        /api/v1/filters
user      write:filters          POST       /api/v1/filters
user      read:filters           GET        /api/v1/filters/:x
user      write:filters          PUT,PATCH,DELETE /api/v1/filters/:x
user      read:follows           GET        /api/v1/follow_requests
user      write:follows          POST       /api/v1/follow_requests/:x/authorize
user      write:follows          POST       /api/v1/follow_requests/:x/reject
user      read:follows           GET        /api/v1/followed_tags
anyone    -                      GET        /api/v1/instance
anyone    -                      GET        /api/v1/instance/activity
anyone    -                      GET        /api/v1/instance/extended_description
anyone    -                      GET        /api/v1/instance/languages
anyone    -                      GET        /api/v1/instance/peers
anyone    -                      GET        /api/v1/instance/privacy_policy
anyone    -                      GET        /api/v1/instance/rules
anyone    -                      GET        /api/v1/instance/translation_languages
user      read:lists             GET        /api/v1/lists
user      write:lists            POST       /api/v1/lists
user      read:lists             GET        /api/v1/lists/:x
user      write:lists            PUT,PATCH,DELETE /api/v1/lists/:x
user      read:lists             GET        /api/v1/lists/:x/accounts
user      write:lists            POST,DELETE /api/v1/lists/:x/accounts
user      read:statuses          GET        /api/v1/markers
user      write:statuses         POST       /api/v1/markers
user      write:media            POST       /api/v1/media
user      write:media            GET,PUT,PATCH,DELETE /api/v1/media/:x
user      read:mutes             GET        /api/v1/mutes
user      read:notifications     GET        /api/v1/notifications
user      read:notifications     GET        /api/v1/notifications/:x
user      write:notifications    POST       /api/v1/notifications/:x/dismiss
user      write:notifications    POST       /api/v1/notifications/clear
user      read:notifications     GET        /api/v1/notifications/policy
user      write:notifications    PUT,PATCH  /api/v1/notifications/policy
user      read:notifications     GET        /api/v1/notifications/requests
user      read:notifications     GET        /api/v1/notifications/requests/:x
user      write:notifications    POST       /api/v1/notifications/requests/:x/accept
user      write:notifications    POST       /api/v1/notifications/requests/:x/dismiss
user      write:notifications    POST       /api/v1/notifications/requests/accept
user      write:notifications    POST       /api/v1/notifications/requests/dismiss
user      read:notifications     GET        /api/v1/notifications/requests/merged
user      read:notifications     GET        /api/v1/notifications/unread_count
anyone    read:statuses          GET        /api/v1/polls/:x
user      write:statuses         POST       /api/v1/polls/:x/votes
user      read:accounts          GET        /api/v1/preferences
user      write:accounts         DELETE     /api/v1/profile/avatar
user      write:accounts         DELETE     /api/v1/profile/header
user      push                   GET,POST,PUT,DELETE /api/v1/push/subscription
user      write:reports          POST       /api/v1/reports
user      read:statuses          GET        /api/v1/scheduled_statuses
user      read:statuses          GET        /api/v1/scheduled_statuses/:x
user      write:statuses         PUT,PATCH,DELETE /api/v1/scheduled_statuses/:x
anyone    read:statuses          GET        /api/v1/statuses
user      write:statuses         POST       /api/v1/statuses
anyone    read:statuses          GET        /api/v1/statuses/:x
user      write:statuses         PUT,PATCH,DELETE /api/v1/statuses/:x
user      write:bookmarks        POST       /api/v1/statuses/:x/bookmark
anyone    read:statuses          GET        /api/v1/statuses/:x/context
user      write:favourites       POST       /api/v1/statuses/:x/favourite
anyone    read:statuses          GET        /api/v1/statuses/:x/favourited_by
anyone    read:statuses          GET        /api/v1/statuses/:x/history
user      write:mutes            POST       /api/v1/statuses/:x/mute
user      write:accounts         POST       /api/v1/statuses/:x/pin
user      write:statuses         POST       /api/v1/statuses/:x/reblog
anyone    read:statuses          GET        /api/v1/statuses/:x/reblogged_by
user      read:statuses          GET        /api/v1/statuses/:x/source
user      write:bookmarks        POST       /api/v1/statuses/:x/unbookmark
user      write:favourites       POST       /api/v1/statuses/:x/unfavourite
user      write:mutes            POST       /api/v1/statuses/:x/unmute
user      write:accounts         POST       /api/v1/statuses/:x/unpin
user      write:statuses         POST       /api/v1/statuses/:x/unreblog
anyone    -                      GET        /api/v1/streaming
user      read:statuses          GET        /api/v1/streaming/direct
user      read:statuses          GET        /api/v1/streaming/hashtag
user      read:statuses          GET        /api/v1/streaming/hashtag/local
anyone    -                      GET        /api/v1/streaming/health
user      read:statuses          GET        /api/v1/streaming/list
user      read:statuses          GET        /api/v1/streaming/public
user      read:statuses          GET        /api/v1/streaming/public/local
user      read:statuses          GET        /api/v1/streaming/public/remote
user      read:statuses          GET        /api/v1/streaming/user
user      read:notifications     GET        /api/v1/streaming/user/notification
user      read:accounts          GET        /api/v1/suggestions
user      write:accounts         DELETE     /api/v1/suggestions/:x
anyone    own:read:follows       GET        /api/v1/tags/:x
user      write:accounts         POST       /api/v1/tags/:x/feature
user      write:follows          POST       /api/v1/tags/:x/follow
user      write:accounts         POST       /api/v1/tags/:x/unfeature
user      write:follows          POST       /api/v1/tags/:x/unfollow
user      read:statuses          GET        /api/v1/timelines/home
user      read:lists             GET        /api/v1/timelines/list/:x
anyone    read:statuses          GET        /api/v1/timelines/public
anyone    read:statuses          GET        /api/v1/timelines/tag/:x
anyone    own:read:follows       GET        /api/v1/trends
anyone    -                      GET        /api/v1/trends/links
anyone    own:read:statuses      GET        /api/v1/trends/statuses
anyone    own:read:follows       GET        /api/v1/trends/tags
moderator admin:read:accounts    GET        /api/v2/admin/accounts
user      read:filters           GET        /api/v2/filters
user      write:filters          POST       /api/v2/filters
user      read:filters           GET        /api/v2/filters/:x
user      write:filters          PUT,PATCH,DELETE /api/v2/filters/:x
user      read:filters           GET        /api/v2/filters/:x/keywords
user      write:filters          POST       /api/v2/filters/:x/keywords
user      read:filters           GET        /api/v2/filters/:x/statuses
user      write:filters          POST       /api/v2/filters/:x/statuses
user      read:filters           GET        /api/v2/filters/keywords/:x
user      write:filters          PUT,PATCH,DELETE /api/v2/filters/keywords/:x
user      read:filters           GET        /api/v2/filters/statuses/:x
user      write:filters          DELETE     /api/v2/filters/statuses/:x
anyone    -                      GET        /api/v2/instance
user      write:media            POST       /api/v2/media
user      read:notifications     GET        /api/v2/notifications
user      read:notifications     GET        /api/v2/notifications/:x
user      read:notifications     GET        /api/v2/notifications/:x/accounts
user      write:notifications    POST       /api/v2/notifications/:x/dismiss
user      write:notifications    POST       /api/v2/notifications/clear
user      read:notifications     GET        /api/v2/notifications/policy
user      write:notifications    PUT,PATCH  /api/v2/notifications/policy
user      read:notifications     GET        /api/v2/notifications/unread_count
anyone    read:search            GET        /api/v2/search
user      read:accounts          GET        /api/v2/suggestions
anyone    -                      GET        /nodeinfo/2.0
anyone    -                      GET        /nodeinfo/2.1
anyone    -                      POST       /oauth/revoke
anyone    -                      POST       /oauth/token
user      profile                GET,POST   /oauth/userinfo
"""
"""Access and scopes of every route, as Mastodon documents them (https://docs.joinmastodon.org/methods/): one of the scopes is enough.

`-`: no scope is required. `own:` before a scope: without it the response is the one for anonymous clients.
"""


@pytest.fixture
def open_site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    """A site without rate limits."""
    return build_site(cursor, tmp_path, rate_limits="off")


def api_routes(site: SiteFixture) -> list[Route]:
    """The documented routes of the API."""
    return [route for route in site.routes if route.options.api and route.doc is not None and not route.path.startswith(STREAMS)]


def send(who: Client, route: Route) -> HttpResponse:
    """Send a request with ids that do not exist."""
    return who.request(route.method, VARIABLE.sub("1", route.path))


def requirement_of(route: Route) -> str:
    """Return the route's requirement in the words of the table."""
    own, who = "".join(f"own:{scope}" for scope in sorted(route.options.viewer_scopes)), route.options.viewer
    return f"{'user' if who is AccessLevel.MEMBER else who.name.lower()} {'|'.join(sorted(route.options.scopes)) or own or '-'}"


def test_every_route_requires_exactly_the_documented_scopes(open_site: SiteFixture) -> None:
    rows = [row.split() for row in DOCUMENTED.splitlines()]
    documented = {f"{method} {path}": f"{who} {scopes}" for who, scopes, methods, path in rows for method in methods.split(",")}
    served = {f"{route.method} {VARIABLE.sub(':x', route.path)}": requirement_of(route) for route in open_site.routes if route.options.api}
    assert served == documented


def test_a_token_with_read_accounts_reads_no_followers_only_posts(site: SiteFixture) -> None:
    author, follower = client(site, "author"), client(site, "follower")
    follower.post(f"/v1/accounts/{author.id}/follow")
    author.post("/v1/statuses", status="for followers", visibility="private")
    path = f"/v1/accounts/{author.id}/statuses"
    assert new_client_for(site, follower.owner, "read:accounts").get(path).status == 403
    assert [status["visibility"] for status in new_client_for(site, follower.owner, "read:statuses").get(path).json] == ["private"]


@pytest.mark.parametrize("path", ["/v1/tags/tea", "/v1/trends/tags", "/v1/trends", "/v1/trends/statuses"])
def test_a_token_without_the_scope_reads_public_data_only(site: SiteFixture, path: str) -> None:
    author, reader = client(site, "author"), client(site, "reader")
    status = author.post("/v1/statuses", status="#tea").json["id"]
    reader.post(f"/v1/statuses/{status}/favourite")
    reader.post("/v1/tags/tea/follow")
    client(site, "another").post("/v1/statuses", status="#tea")
    public = anonymous_client(site).get(path)
    narrow = new_client_for(site, reader.owner, "write:media").get(path)
    assert (narrow.status, narrow.json) == (200, public.json)
    personal = reader.get(path).json
    [entity] = personal if isinstance(personal, list) else [personal]  # only one of the two posts has been liked
    assert entity.get("following") or entity.get("favourited")


def test_every_route_of_the_api_is_documented(open_site: SiteFixture) -> None:
    assert {route.path for route in open_site.routes if route.options.api and route.doc is None} == set()


def is_refused(who: Client, route: Route) -> bool:
    """True if the token lacks a scope for this route."""
    response = send(who, route)
    return response.status == 403 and response.json["error"] == OUTSIDE


def test_each_scope_opens_the_routes_that_require_it_and_no_others(open_site: SiteFixture) -> None:
    """One more scope never closes a route, so that a token with all others is refused only if each of them alone is."""
    ada, clients = client(open_site, "ada").owner, dict[tuple[str, ...], Client]()

    def with_scopes(*granted: str) -> Client:
        return clients.get(granted) or clients.setdefault(granted, new_client_for(open_site, ada, " ".join(granted)))

    for route in api_routes(open_site):
        if route.options.bearer:
            required = route.options.scopes
            opening = [scope for scope in scopes.ALL if not required or any(scopes.covers([scope], wanted) for wanted in required)]
            assert not required or is_refused(with_scopes(*(scope for scope in scopes.ALL if scope not in opening)), route), route.path
            for scope in opening:
                assert not is_refused(with_scopes(scope), route), f"{route.method} {route.path} with {scope}"


def test_every_scope_that_a_route_requires_exists(open_site: SiteFixture) -> None:
    assert {scope for route in api_routes(open_site) for scope in route.options.scopes} <= set(scopes.ALL)


def test_missing_and_invalid_tokens_are_401_where_one_is_required(open_site: SiteFixture) -> None:
    nobody, invalid_client = anonymous_client(open_site), Client(open_site, "x" * 43)
    for route in api_routes(open_site):
        if route.options.bearer:
            response = send(invalid_client, route)
            assert (response.status, response.json["error"]) == (401, "The access token is invalid"), route.path
        if route.options.viewer is not AccessLevel.ANYONE:
            assert send(nobody, route).status == 401, route.path


def test_an_app_token_is_422_where_a_user_is_required(open_site: SiteFixture) -> None:
    api_client = app_client(open_site, "read write follow push profile admin:read admin:write")
    for route in api_routes(open_site):
        if route.options.viewer >= AccessLevel.MEMBER:
            response = send(api_client, route)
            assert (response.status, response.json["error"]) == (422, "This method requires an authenticated user"), route.path


def test_every_response_allows_cross_origin_reads(open_site: SiteFixture) -> None:
    for route in api_routes(open_site):
        response = send(anonymous_client(open_site), route)
        assert response.header("Access-Control-Allow-Origin") == "*", route.path
        exposed = response.header("Access-Control-Expose-Headers") or ""
        assert {"Link", "X-RateLimit-Reset", "X-Request-Id"} <= set(exposed.split(", "))
