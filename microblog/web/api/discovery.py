"""Discovery: WebFinger, host-meta, and redirects from the URIs of accounts and posts."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
from attrs import frozen

from microblog.domain.search import SearchResult, SearchService
from microblog.federation.documents.discovery import instance_webfinger, webfinger_links
from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.resolution import Resolution
from microblog.model.accounts import Account
from microblog.model.errors import Gone, Malformed, NotFound
from microblog.render.api.instance import HOST_META, WEBFINGER, InstanceEntities
from microblog.render.api.schemas import TEXT
from microblog.web.api.search import resolved_result
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

ANYBODY = RouteOptions(api=True, bearer=False)
FOR_DAYS = b"max-age=259200, public"
JRD = "application/jrd+json; charset=utf-8"
MAX_URI = 2_048
XRD = "application/xrd+xml; charset=utf-8"


@frozen
class DiscoveryRoutes:
    """Well-known addresses."""

    entities: InstanceEntities
    search: SearchService
    ids: SiteIds | None = None  # with federation
    resolution: Resolution | None = None

    @route(
        "GET",
        "/.well-known/webfinger",
        ANYBODY,
        RouteDoc(
            "WebFinger",
            WEBFINGER,
            query=(Param("resource", TEXT, "acct:username@domain, or the URL of a profile.", required=True),),
            errors=(400, 404, 410),
            content_type="application/jrd+json",
        ),
    )
    async def webfinger(self, request: Request) -> Response:
        """Links of an account (RFC 7033)."""
        resource = request.fields.required("resource")
        return Response.data(orjson.dumps(await self._document(resource)), JRD).cached(FOR_DAYS)

    async def _document(self, resource: str) -> dict[str, Any]:
        if self.ids is not None and resource in (f"acct:{self.ids.host}@{self.ids.host}", self.ids.make(LocalKind.INSTANCE_ACTOR)):
            return instance_webfinger(self.ids)
        account = await self._named(resource)
        document = self.entities.webfinger(account)
        return document if self.ids is None else document | {"links": [*document["links"], *webfinger_links(account.username, self.ids)]}

    async def _named(self, resource: str) -> Account:
        name = self.search.name_at(resource)
        if name is None:
            if resource.startswith(("http://", "https://")):
                raise NotFound
            name = resource.removeprefix("acct:")
            if resource == name or "@" not in name.strip("@"):
                raise Malformed("The resource must be acct:name@host or the URL of a profile.")
        try:
            return await self.search.accounts.by_username(name)
        except NotFound:
            if await self.search.accounts.is_gone(name):
                raise Gone("This account was deleted.") from None
            raise

    @route(
        "GET",
        "/.well-known/host-meta",
        ANYBODY,
        RouteDoc("Host metadata", {"anyOf": [TEXT, HOST_META]}, content_type="application/xrd+xml"),
    )
    async def host_meta(self, request: Request) -> Response:
        """The address template of WebFinger (RFC 6415)."""
        if "json" in (request.header("Accept") or ""):
            return self._host_meta_json(request).with_header("Vary", "Accept")
        template = f"{request.origin.url}/.well-known/webfinger?resource={{uri}}"
        document = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">'
            f'<Link rel="lrdd" template="{template}"/></XRD>\n'
        )
        return Response.data(document.encode("ascii"), XRD).cached(FOR_DAYS).with_header("Vary", "Accept")

    @route("GET", "/.well-known/host-meta.json", ANYBODY, RouteDoc("Host metadata as JSON", HOST_META))
    async def host_meta_json(self, request: Request) -> Response:
        """The address template of WebFinger, as JSON."""
        return self._host_meta_json(request)

    def _host_meta_json(self, request: Request) -> Response:
        template = f"{request.origin.url}/.well-known/webfinger?resource={{uri}}"
        return Response.json({"links": [{"rel": "lrdd", "template": template}]}).cached(FOR_DAYS)

    @route("GET", "/.well-known/change-password", RouteOptions())
    async def change_password(self, request: Request) -> Response:
        """Redirect password managers to the page for changing the password."""
        del request
        return Response.redirect("/settings/account", 302)

    @route("GET", "/share", RouteOptions())
    async def share(self, request: Request) -> Response:
        """Open the compose form with the text of another site's share button."""
        text = " ".join(filter(None, (request.fields.text("text"), request.fields.value("url"))))
        return Response.redirect(f"/compose?text={quote(text[:10_000], safe='')}", 302)

    @route("GET", "/authorize_interaction", RouteOptions())
    async def interact(self, request: Request) -> Response:
        """Redirect to the page here of the account or post that `uri` names; follow buttons of other sites lead here.

        What is on another server is looked up for members only, so visitors log in first.
        """
        uri = request.fields.text("uri", max=MAX_URI)
        found = await self.search.at(request.viewer, uri)
        if not (found.posts or found.accounts) and self.resolution is not None:
            if self.resolution.is_remote(uri) and request.viewer is None:
                target = f"/authorize_interaction?uri={quote(uri, safe='')}"
                return Response.redirect(f"/login?next={quote(target, safe='')}", 302)
            found = await self._elsewhere(self.resolution, request, uri)
        if found.posts:
            return Response.redirect(f"/posts/{found.posts[0].id}", 302)
        if found.accounts:
            return Response.redirect(f"/@{found.accounts[0].acct}", 302)
        raise NotFound

    async def _elsewhere(self, resolution: Resolution, request: Request, uri: str) -> SearchResult:
        """Return what a member asks for. `acct:name@host` may be of this site too."""
        if request.viewer is not None and resolution.is_remote(uri):
            return resolved_result(await resolution.find(request.viewer, uri))
        handle = resolution.handle(uri)
        return SearchResult() if handle is None else SearchResult([await self.search.accounts.by_username(handle.username)])


@frozen
class UriRedirects:
    """The URIs that accounts and posts have in API responses, as long as there are no documents for other servers there."""

    @route("GET", "/users/<username:username>", RouteOptions())
    async def person(self, request: Request, username: str) -> Response:
        """Redirect the `uri` of an account to its profile."""
        del request
        return Response.redirect(f"/@{username}", 302)

    @route("GET", "/users/<username:username>/statuses/<id:post_id>", RouteOptions())
    @route("GET", "/users/<username:username>/statuses/<id:post_id>/activity", RouteOptions())
    async def post(self, request: Request, username: str, post_id: int) -> Response:
        """Redirect the `uri` of a post to its page."""
        del request, username
        return Response.redirect(f"/posts/{post_id}", 302)
