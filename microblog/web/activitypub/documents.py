"""Documents of accounts and posts at their ids, for other servers; browsers are redirected to the pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import orjson
from attrs import frozen

from microblog.federation.documents.vocabulary import CONTENT_TYPE, prefers_activity_json
from microblog.federation.documents.write_parts import Json
from microblog.federation.local_documents import LocalDocuments
from microblog.model.ids import PostId
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route

ANYBODY = RouteOptions(api=True, bearer=False, counted=False)
FOR_MINUTES = b"max-age=180, public"
TYPE = f"{CONTENT_TYPE}; charset=utf-8"


@frozen
class DocumentRoutes:
    """The addresses that other servers know this site's accounts and posts by."""

    documents: LocalDocuments

    @route("GET", "/actor", ANYBODY)
    async def instance_actor(self, request: Request) -> Response:
        """Serve the instance actor, which signs requests that no account makes."""
        return await _page_or_document(request, "/about", self.documents.instance_actor)

    @route("GET", "/users/<username:username>", ANYBODY)
    async def actor(self, request: Request, username: str) -> Response:
        """Serve an account."""
        return await _page_or_document(request, f"/@{username}", lambda: self.documents.actor(username))

    @route("GET", "/users/<username:username>/statuses/<id:post_id>", ANYBODY)
    async def post(self, request: Request, username: str, post_id: int) -> Response:
        """Serve a post."""
        return await _page_or_document(request, f"/posts/{post_id}", lambda: self.documents.post(username, PostId(post_id)))

    @route("GET", "/users/<username:username>/statuses/<id:post_id>/activity", ANYBODY)
    async def activity(self, request: Request, username: str, post_id: int) -> Response:
        """Serve the activity of a post or boost."""
        return await _page_or_document(request, f"/posts/{post_id}", lambda: self.documents.activity(username, PostId(post_id)))

    @route("GET", "/users/<username:username>/outbox", ANYBODY)
    async def outbox(self, request: Request, username: str) -> Response:
        """Serve the posts and boosts of an account."""
        return _document(await self.documents.outbox(username, request.fields.id("max_id"), page=_is_page(request)))

    @route("GET", "/users/<username:username>/followers", ANYBODY)
    async def followers(self, request: Request, username: str) -> Response:
        """Serve the followers of an account."""
        document = partial(self.documents.followers, username, request.fields.id("max_id"), page=_is_page(request))
        return await _page_or_document(request, f"/@{username}/followers", document)

    @route("GET", "/users/<username:username>/following", ANYBODY)
    async def following(self, request: Request, username: str) -> Response:
        """Serve the accounts that an account follows."""
        document = partial(self.documents.following, username, request.fields.id("max_id"), page=_is_page(request))
        return await _page_or_document(request, f"/@{username}/following", document)

    @route("GET", "/users/<username:username>/collections/featured", ANYBODY)
    async def featured(self, request: Request, username: str) -> Response:
        """Serve the pinned posts of an account."""
        return _document(await self.documents.featured(username))

    @route("GET", "/users/<username:username>/collections/tags", ANYBODY)
    async def featured_tags(self, request: Request, username: str) -> Response:
        """Serve the hashtags that an account features."""
        return _document(await self.documents.featured_tags(username))

    @route("GET", "/users/<username:username>/statuses/<id:post_id>/replies", ANYBODY)
    async def replies(self, request: Request, username: str, post_id: int) -> Response:
        """Serve the replies to a post."""
        return _document(await self.documents.replies(username, PostId(post_id), page=_is_page(request)))

    @route("GET", "/users/<username:username>/statuses/<id:post_id>/likes", ANYBODY)
    async def likes(self, request: Request, username: str, post_id: int) -> Response:
        """Serve the number of favourites of a post."""
        return _document(await self.documents.likes(username, PostId(post_id)))

    @route("GET", "/users/<username:username>/statuses/<id:post_id>/shares", ANYBODY)
    async def shares(self, request: Request, username: str, post_id: int) -> Response:
        """Serve the number of boosts of a post."""
        return _document(await self.documents.shares(username, PostId(post_id)))


async def _page_or_document(request: Request, page: str, document: Callable[[], Awaitable[Json]]) -> Response:
    """Redirect to the page, unless the request prefers the document."""
    wants_document = prefers_activity_json(request.header("Accept") or "")
    response = _document(await document()) if wants_document else Response.redirect(page, 302)
    return response.with_header("Vary", "Accept")


def _document(document: Json) -> Response:
    return Response.data(orjson.dumps(document), TYPE).cached(FOR_MINUTES)


def _is_page(request: Request) -> bool:
    return request.fields.value("page") == "true"
