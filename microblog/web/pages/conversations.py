"""The viewer's direct conversations. A conversation is opened as the page of its last post, and read by that."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.caching.filter_cache import FilterCache
from microblog.domain.conversations import Conversations
from microblog.model.accounts import Viewer
from microblog.model.conversations import Conversation
from microblog.model.filters import FilterContext, warning
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
    """The list, and what is done with its entries."""

    pages: Pages
    shells: PageContexts
    conversations: Conversations
    sieves: FilterCache

    @route("GET", "/conversations", MEMBER)
    async def show(self, call: Request) -> Response:
        """That which was spoken in last first."""
        page = page_of(call)
        shell = await self.shells.of(call, stream="/live/conversations")
        found = await self.conversations.page(call.member, page)
        items = await self._talks(call.member, found)
        view = ConversationsPage(items, older(call, [each.place for each in found], page), newest=page == Page(page.limit))
        return Response.html(conversations_page(self.pages, shell, view))

    async def _talks(self, viewer: Viewer, found: list[Conversation]) -> tuple[ConversationRow, ...]:
        """Each with what the viewer's filters call its last post. None is left out, for it was said to them."""
        sieve, now = (await self.sieves.of(viewer)).within(FilterContext.THREAD), self.sieves.now()
        matches = [sieve.matches(each.last, now) for each in found]
        return tuple(ConversationRow(each, warning(matched, FilterContext.THREAD)) for each, matched in zip(found, matches, strict=True))

    @route("POST", "/conversations/<id:conversation_id>/read", MEMBER)
    async def read(self, call: Request, conversation_id: int) -> Response:
        """Nothing in it is new."""
        return await self._marked(call, conversation_id, unread=False)

    @route("POST", "/conversations/<id:conversation_id>/unread", MEMBER)
    async def unread(self, call: Request, conversation_id: int) -> Response:
        """As if its last post were new."""
        return await self._marked(call, conversation_id, unread=True)

    async def _marked(self, call: Request, id: int, *, unread: bool) -> Response:
        await self.conversations.mark(call.member, ConversationId(id), unread=unread)
        return Response.redirect(call.next_path(LIST))

    @route("POST", "/conversations/<id:conversation_id>/remove", MEMBER)
    async def remove(self, call: Request, conversation_id: int) -> Response:
        """Take it from the list, until somebody says something in it again."""
        await self.conversations.forget(call.member, ConversationId(conversation_id))
        return Response.redirect(call.next_path(LIST))
