"""The viewer's direct conversations. A conversation is opened as the page of its last post, and read by that."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.caching.filter_cache import Sieves
from microblog.domain.conversations import Conversations
from microblog.model.accounts import Viewer
from microblog.model.conversations import Conversation
from microblog.model.filters import Context, warning
from microblog.model.ids import ConversationId
from microblog.model.paging import Page
from microblog.render.html.conversation_views import ConversationsPage, Talk, conversations_page
from microblog.render.html.pages import Pages
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.pages.page_context import Shells
from microblog.web.pages.paging import older, page_of

MEMBER = Needs(viewer=Who.MEMBER)
LIST = "/conversations"


@frozen
class ConversationPages:
    """The list, and what is done with its entries."""

    pages: Pages
    shells: Shells
    conversations: Conversations
    sieves: Sieves

    @route("GET", "/conversations", MEMBER)
    async def show(self, call: Call) -> Answer:
        """That which was spoken in last first."""
        page = page_of(call)
        shell = await self.shells.of(call, stream="/live/conversations")
        found = await self.conversations.page(call.member, page)
        items = await self._talks(call.member, found)
        view = ConversationsPage(items, older(call, [each.place for each in found], page), newest=page == Page(page.limit))
        return Answer.html(conversations_page(self.pages, shell, view))

    async def _talks(self, viewer: Viewer, found: list[Conversation]) -> tuple[Talk, ...]:
        """Each with what the viewer's filters call its last post. None is left out, for it was said to them."""
        sieve, now = (await self.sieves.of(viewer)).within(Context.THREAD), self.sieves.now()
        matches = [sieve.matches(each.last, now) for each in found]
        return tuple(Talk(each, warning(matched, Context.THREAD)) for each, matched in zip(found, matches, strict=True))

    @route("POST", "/conversations/<id:conversation_id>/read", MEMBER)
    async def read(self, call: Call, conversation_id: int) -> Answer:
        """Nothing in it is new."""
        return await self._marked(call, conversation_id, unread=False)

    @route("POST", "/conversations/<id:conversation_id>/unread", MEMBER)
    async def unread(self, call: Call, conversation_id: int) -> Answer:
        """As if its last post were new."""
        return await self._marked(call, conversation_id, unread=True)

    async def _marked(self, call: Call, id: int, *, unread: bool) -> Answer:
        await self.conversations.mark(call.member, ConversationId(id), unread=unread)
        return Answer.redirect(call.next_path(LIST))

    @route("POST", "/conversations/<id:conversation_id>/remove", MEMBER)
    async def remove(self, call: Call, conversation_id: int) -> Answer:
        """Take it from the list, until somebody says something in it again."""
        await self.conversations.forget(call.member, ConversationId(conversation_id))
        return Answer.redirect(call.next_path(LIST))
