"""What the page about conversations shows."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import frozen

from microblog.model.conversations import Conversation
from microblog.render.html.formatting import excerpt
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PageContext

_NAMES_FIRST = re.compile(r"(?:@[\w.-]+[ \t\r\n,:]+)+")
MAX_EXCERPT = 160
MAX_NAMES = 3


@frozen
class ConversationRow:
    """One conversation of the list. `folded` is what filters call its last post, where it falls under any."""

    conversation: Conversation
    folded: str = ""

    @property
    def own(self) -> bool:
        """True if the viewer spoke last."""
        return self.conversation.last.author.id == self.conversation.account.id

    @property
    def said(self) -> str:
        """The beginning of what was said last, without the names of those to whom it goes."""
        last = self.conversation.last
        if self.folded or last.spoiler:
            return f"Filtered: {self.folded}" if self.folded else excerpt(last.spoiler, MAX_EXCERPT)
        return excerpt(_NAMES_FIRST.sub("", last.text, count=1) if last.text.startswith("@") else last.text, MAX_EXCERPT)


@frozen
class ConversationsPage:
    """The viewer's conversations, that which was spoken in last first. `newest` is true on the first page."""

    items: tuple[ConversationRow, ...] = ()
    older: str | None = None
    newest: bool = True


def conversations_page(pages: Pages, shell: PageContext, page: ConversationsPage) -> bytes:
    """All conversations of the viewer."""
    return pages.page("conversations", shell, PageMetadata("Messages", index=False), page=page, most_names=MAX_NAMES)


def conversation_row(pages: Pages) -> Callable[[Conversation, str], str]:
    """What makes one entry of that list, for the live feed; the text is what filters call its last post."""
    return lambda conversation, folded: pages.part("_talk", talk=ConversationRow(conversation, folded), most_names=MAX_NAMES)
