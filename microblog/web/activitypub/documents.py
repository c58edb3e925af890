"""Documents of accounts and posts at their ids, for other servers; browsers are redirected to the pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import orjson
from attrs import frozen

from microblog.federation.documents.vocabulary import CONTENT_TYPE, prefers_activity_json
from microblog.federation.documents.write_parts import Json
from microblog.federation.local_documents import LocalDocuments
from microblog.model.errors import NotFound
from microblog.model.ids import PostId
from microblog.web.activitypub.readers import Readers
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
    readers: Readers

    @route("GET", "/actor", ANYBODY)
    async def instance_actor(self, request: Request) -> Response:
        """Serve the instance actor, which signs requests that no account makes. It is always open: others need it to verify these."""
        return await _page_or_document(request, "/about", self.documents.instance_actor)

    @route("GET", "/emojis/<id:emoji_id>", ANYBODY)
    async def emoji(self, request: Request, emoji_id: int) -> Response:
        """Serve a custom emoji of this site. It is always open, as its picture is."""
        del request
        return _document(await self.documents.emoji(emoji_id))

    @route("GET", "/users/<username:username>", ANYBODY)
    async def actor(self, request: Request, username: str) -> Response:
        """Serve an account. In secure mode, who has not signed the request gets what is needed to verify signatures."""
        if self.readers.secure and not self.readers.is_signed(request):
            return await _page_or_document(request, f"/@{username}", partial(self.documents.actor_stub, username))
        return await self._checked(request, username, partial(self.documents.actor, username), f"/@{username}")

    @route("GET", "/users/<username:username>/statuses/<id:post_id>", ANYBODY)
    async def post(self, request: Request, username: str, post_id: int) -> Response:
        """Serve a post: a public one, or to the servers of those who may see it any other."""
        return await self._checked(request, username, lambda: self._post(request, username, PostId(post_id)), f"/posts/{post_id}")

    async def _post(self, request: Request, username: str, id: PostId) -> Json:
        try:
            return await self.documents.post(username, id)
        except NotFound:
            if not self.readers.is_signed(request):
                raise
            request.personal = True  # not for shared caches
            return await self.documents.post_for_host(username, id, await self.readers.host_that_may_read(request, username))

    @route("GET", "/users/<username:username>/statuses/<id:post_id>/activity", ANYBODY)
    async def activity(self, request: Request, username: str, post_id: int) -> Response:
        """Serve the activity of a post or boost."""
        return await self._checked(request, username, partial(self.documents.activity, username, PostId(post_id)), f"/posts/{post_id}")

    @route("GET", "/users/<username:username>/outbox", ANYBODY)
    async def outbox(self, request: Request, username: str) -> Response:
        """Serve the posts and boosts of an account."""
        max_id = request.fields.id("max_id")
        return await self._checked(request, username, partial(self.documents.outbox, username, max_id, page=_is_page(request)))

    @route("GET", "/users/<username:username>/followers", ANYBODY)
    async def followers(self, request: Request, username: str) -> Response:
        """Serve the followers of an account."""
        document = partial(self.documents.followers, username, request.fields.id("max_id"), page=_is_page(request))
        return await self._checked(request, username, document, f"/@{username}/followers")

    @route("GET", "/users/<username:username>/followers_synchronization", ANYBODY)
    async def followers_synchronization(self, request: Request, username: str) -> Response:
        """Serve the followers of an account on the server that has signed the request, and no others."""
        request.personal = True  # not for shared caches
        host = await self.readers.host(request)
        return await self._checked(request, username, partial(self.documents.followers_of_host, username, host))

    @route("GET", "/users/<username:username>/following", ANYBODY)
    async def following(self, request: Request, username: str) -> Response:
        """Serve the accounts that an account follows."""
        document = partial(self.documents.following, username, request.fields.id("max_id"), page=_is_page(request))
        return await self._checked(request, username, document, f"/@{username}/following")

    @route("GET", "/users/<username:username>/collections/featured", ANYBODY)
    async def featured(self, request: Request, username: str) -> Response:
        """Serve the pinned posts of an account."""
        return await self._checked(request, username, partial(self.documents.featured, username))

    @route("GET", "/users/<username:username>/collections/tags", ANYBODY)
    async def featured_tags(self, request: Request, username: str) -> Response:
        """Serve the hashtags that an account features."""
        return await self._checked(request, username, partial(self.documents.featured_tags, username))

    @route("GET", "/users/<username:username>/statuses/<id:post_id>/replies", ANYBODY)
    async def replies(self, request: Request, username: str, post_id: int) -> Response:
        """Serve the replies to a post."""
        replies = partial(self.documents.replies, username, PostId(post_id), page=_is_page(request))
        return await self._checked(request, username, replies)

    @route("GET", "/users/<username:username>/statuses/<id:post_id>/likes", ANYBODY)
    async def likes(self, request: Request, username: str, post_id: int) -> Response:
        """Serve the number of favourites of a post."""
        return await self._checked(request, username, partial(self.documents.likes, username, PostId(post_id)))

    @route("GET", "/users/<username:username>/statuses/<id:post_id>/shares", ANYBODY)
    async def shares(self, request: Request, username: str, post_id: int) -> Response:
        """Serve the number of boosts of a post."""
        return await self._checked(request, username, partial(self.documents.shares, username, PostId(post_id)))

    async def _checked(self, request: Request, username: str, document: Callable[[], Awaitable[Json]], page: str | None = None) -> Response:
        """Serve a document if the reader may have it. A request that prefers the page is redirected there."""

        async def read() -> Json:
            await self.readers.check(request, username)
            return await document()

        return _document(await read()) if page is None else await _page_or_document(request, page, read)


async def _page_or_document(request: Request, page: str, document: Callable[[], Awaitable[Json]]) -> Response:
    """Redirect to the page, unless the request prefers the document."""
    wants_document = prefers_activity_json(request.header("Accept") or "")
    response = _document(await document()) if wants_document else Response.redirect(page, 302)
    return response.with_header("Vary", "Accept")


def _document(document: Json) -> Response:
    return Response.data(orjson.dumps(document), TYPE).cached(FOR_MINUTES)


def _is_page(request: Request) -> bool:
    return request.fields.value("page") == "true"
