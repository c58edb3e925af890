"""Lookup of accounts on other servers that a text mentions, before it is published: whoever is known then is mentioned and gets it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import define

from microblog.domain.text import post_text
from microblog.model.accounts import Viewer

MAX_LOOKUPS = 10  # for one text
MAX_TEXT = 20_000  # characters that are searched for mentions


class AccountLookup(Protocol):
    """Makes accounts of other servers known."""

    async def look_up(self, viewer: Viewer, addresses: Sequence[tuple[str, str]]) -> None:
        """Ask their servers for the accounts with these usernames and hosts, within two seconds. Failures do not matter."""


@define
class RemoteMentions:
    """Lookup of mentioned accounts before a text is published. Without `lookup`, the site does not federate: nobody is looked up."""

    lookup: AccountLookup | None = None

    async def prepare(self, viewer: Viewer, text: str, host: str) -> None:
        """Make the accounts known that the text mentions. `host` is that of this site."""
        if self.lookup is None or text.count("@") < 2:
            return
        addresses = post_text.parse(text[:MAX_TEXT], host).remote_mentions[:MAX_LOOKUPS]
        if addresses:
            await self.lookup.look_up(viewer, addresses)
