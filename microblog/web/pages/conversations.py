"""The viewer's conversations of direct messages. Opening the last post of a conversation marks it as read."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.conversations import Conversations
from microblog.model.accounts import Viewer
from microblog.model.conversations import Conversation
from microblog.model.filters import FilterContext, warning_title
from microblog.model.ids import ConversationId
from microblog.model.paging import Page
from microblog.render.html.conversation_views import ConversationRow, ConversationsPage, conversations_page
from microblog.render.html.pages import Pages
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
LIST = "/conversations"


@frozen
class ConversationPages:
    """The list of conversations, and its buttons."""

    pages: Pages
    contexts: PageContexts
    conversations: Conversations
    filters: FilterCache

    @route("GET", "/conversations", MEMBER)
    async def show(self, request: Request) -> Response:
        """List conversations by their last post, newest first."""
        page = page_of(request)
        context = await self.contexts.of(request, stream="/live/conversations")
        found = await self.conversations.page(request.member, page)
        items = await self._rows(request.member, found)
        view = ConversationsPage(items, older(request, [each.sort_key for each in found], page), newest=page == Page(page.limit))
        return Response.html(conversations_page(self.pages, context, view))

    async def _rows(self, viewer: Viewer, found: list[Conversation]) -> tuple[ConversationRow, ...]:
        """Add the titles of the filters that match each last post. None is hidden, since the messages are addressed to the viewer."""
        filter_set, now = (await self.filters.of(viewer)).within(FilterContext.THREAD), self.filters.now()
        matches = [filter_set.matches(each.last, now) for each in found]
        return tuple(
            ConversationRow(each, warning_title(matched, FilterContext.THREAD)) for each, matched in zip(found, matches, strict=True)
        )

    @route("POST", "/conversations/<id:conversation_id>/read", MEMBER)
    async def read(self, request: Request, conversation_id: int) -> Response:
        """Mark a conversation as read."""
        return await self._mark(request, conversation_id, unread=False)

    @route("POST", "/conversations/<id:conversation_id>/unread", MEMBER)
    async def unread(self, request: Request, conversation_id: int) -> Response:
        """Mark a conversation as unread."""
        return await self._mark(request, conversation_id, unread=True)

    async def _mark(self, request: Request, id: int, *, unread: bool) -> Response:
        await self.conversations.mark(request.member, ConversationId(id), unread=unread)
        return Response.redirect(request.next_path(LIST))

    @route("POST", "/conversations/<id:conversation_id>/remove", MEMBER)
    async def remove(self, request: Request, conversation_id: int) -> Response:
        """Remove a conversation from the list until its next post."""
        await self.conversations.forget(request.member, ConversationId(conversation_id))
        return Response.redirect(request.next_path(LIST))
