"""Direct conversations: the list, and what is done with them."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.conversations import Conversations
from microblog.model.conversations import Conversation
from microblog.model.ids import ConversationId
from microblog.render.api.conversations import CONVERSATION, conversation_entity
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import EMPTY, array_of
from microblog.web.api.paging import page_of, paged
from microblog.web.api.status_serializer import Shown
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.http.route_docs import PAGING, Doc

READ = Needs(api=True, viewer=Who.MEMBER, scopes={"read:statuses"})
WRITE = Needs(api=True, viewer=Who.MEMBER, scopes={"write:conversations"})


@frozen
class ConversationRoutes:
    """One's own conversations."""

    entities: Entities
    shown: Shown
    conversations: Conversations

    @route("GET", "/api/v1/conversations", READ, Doc("One's direct conversations", array_of(CONVERSATION), query=PAGING))
    async def page(self, call: Call) -> Answer:
        """That which was spoken in last first. The pages are bounded by ids of last posts."""
        page = page_of(call)
        found = await self.conversations.page(call.member, page)
        posts = await self.shown.each(call.viewer, [each.last for each in found])
        told = [conversation_entity(self.entities, each, post) for each, post in zip(found, posts, strict=True)]
        return paged(call, told, [each.place for each in found], page)

    @route("DELETE", "/api/v1/conversations/<id:conversation_id>", WRITE, Doc("Take a conversation from the list", EMPTY, errors=(404,)))
    async def forget(self, call: Call, conversation_id: int) -> Answer:
        """Until somebody says something in it again. The posts stay."""
        await self.conversations.forget(call.member, ConversationId(conversation_id))
        return Answer.json({})

    @route("POST", "/api/v1/conversations/<id:conversation_id>/read", WRITE, Doc("Read a conversation", CONVERSATION, errors=(404,)))
    async def read(self, call: Call, conversation_id: int) -> Answer:
        """Nothing in it is new."""
        return await self._marked(call, conversation_id, unread=False)

    @route("POST", "/api/v1/conversations/<id:conversation_id>/unread", WRITE, Doc("Keep it as unread", CONVERSATION, errors=(404,)))
    async def unread(self, call: Call, conversation_id: int) -> Answer:
        """As if its last post were new."""
        return await self._marked(call, conversation_id, unread=True)

    async def _marked(self, call: Call, id: int, *, unread: bool) -> Answer:
        found: Conversation = await self.conversations.mark(call.member, ConversationId(id), unread=unread)
        return Answer.json(conversation_entity(self.entities, found, await self.shown.one(call.viewer, found.last)))
