"""View models of the direct messages page."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import frozen

from microblog.model.conversations import Conversation
from microblog.render.formatting import excerpt
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PageContext

_LEADING_MENTIONS = re.compile(r"(?:@[\w.-]+[ \t\r\n,:]+)+")
MAX_EXCERPT = 160
MAX_NAMES = 3


@frozen
class ConversationRow:
    """One conversation of the list. `filter_titles` are the titles of the viewer's filters that match its last post, empty if none does."""

    conversation: Conversation
    filter_titles: str = ""

    @property
    def own(self) -> bool:
        """True if the viewer wrote the last post."""
        return self.conversation.last.author.id == self.conversation.account.id

    @property
    def preview(self) -> str:
        """An excerpt of the last post without its leading mentions, or its content warning or matching filters."""
        last = self.conversation.last
        if self.filter_titles or last.spoiler:
            return f"Filtered: {self.filter_titles}" if self.filter_titles else excerpt(last.spoiler, MAX_EXCERPT)
        return excerpt(_LEADING_MENTIONS.sub("", last.text, count=1) if last.text.startswith("@") else last.text, MAX_EXCERPT)


@frozen
class ConversationsPage:
    """The viewer's conversations, most recent first. `newest`: this is the first page."""

    items: tuple[ConversationRow, ...] = ()
    older: str | None = None
    newest: bool = True


def conversations_page(pages: Pages, context: PageContext, page: ConversationsPage) -> bytes:
    """Render the list of the viewer's conversations."""
    return pages.page("conversations", context, PageMetadata("Messages", index=False), page=page, max_names=MAX_NAMES)


def conversation_row(pages: Pages) -> Callable[[Conversation, str], str]:
    """Return a renderer of one row for live updates. Its arguments are the conversation and the titles of matching filters."""
    return lambda conversation, filter_titles: pages.part(
        "_conversation", row=ConversationRow(conversation, filter_titles), max_names=MAX_NAMES
    )
