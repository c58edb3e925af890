"""Conversations: threads of private mentions."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.caching import cache_keys
from microblog.domain.conversations import Conversations
from microblog.domain.timelines import Timelines
from microblog.model.conversations import Conversation
from microblog.model.ids import ConversationId
from microblog.render.api.conversations import CONVERSATION, conversation_entity
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import EMPTY, array_of
from microblog.web.api.paging import page_of, paged
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.response_cache import CacheableResponse, ResponseCache
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, RouteDoc

READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:statuses"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:conversations"})


@frozen
class ConversationRoutes:
    """The user's conversations."""

    entities: Entities
    serializer: StatusSerializer
    conversations: Conversations
    timelines: Timelines
    cache: ResponseCache

    @route("GET", "/api/v1/conversations", READ, RouteDoc("View all conversations", array_of(CONVERSATION), query=PAGING))
    async def page(self, request: Request) -> Response:
        """Conversations, most recent post first. Pages are bounded by the ids of last posts."""
        return await self.cache.get_or_make(request, lambda: self._page(request))

    async def _page(self, request: Request) -> CacheableResponse:
        page = page_of(request)
        found = await self.conversations.page(request.member, page)
        posts = await self.serializer.each(request.viewer, [each.last for each in found])
        entities = [conversation_entity(self.entities, each, post) for each, post in zip(found, posts, strict=True)]
        response = paged(request, entities, [each.sort_key for each in found], page)
        accounts = cache_keys.of_accounts(account for each in found for account in (each.account, *each.people))
        keys = cache_keys.of_notifications(request.member.id), *accounts
        return CacheableResponse(response, await self.timelines.dependencies(request.member, [each.last for each in found], *keys))

    @route("DELETE", "/api/v1/conversations/<id:conversation_id>", WRITE, RouteDoc("Remove a conversation", EMPTY, errors=(404,)))
    async def forget(self, request: Request, conversation_id: int) -> Response:
        """Hide the conversation until there is a new post in it. The posts are kept."""
        await self.conversations.forget(request.member, ConversationId(conversation_id))
        return Response.json({})

    @route(
        "POST",
        "/api/v1/conversations/<id:conversation_id>/read",
        WRITE,
        RouteDoc("Mark a conversation as read", CONVERSATION, errors=(404,)),
    )
    async def read(self, request: Request, conversation_id: int) -> Response:
        """Mark as read."""
        return await self._marked(request, conversation_id, unread=False)

    @route(
        "POST",
        "/api/v1/conversations/<id:conversation_id>/unread",
        WRITE,
        RouteDoc("Mark a conversation as unread", CONVERSATION, errors=(404,)),
    )
    async def unread(self, request: Request, conversation_id: int) -> Response:
        """Mark as unread."""
        return await self._marked(request, conversation_id, unread=True)

    async def _marked(self, request: Request, id: int, *, unread: bool) -> Response:
        found: Conversation = await self.conversations.mark(request.member, ConversationId(id), unread=unread)
        return Response.json(conversation_entity(self.entities, found, await self.serializer.one(request.viewer, found.last)))
