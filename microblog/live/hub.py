"""The hub: a publish/subscribe index from topics to their members. Pure."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

from attrs import Factory, define

from microblog.live.topics import Topic

Member = TypeVar("Member", bound=Hashable)


@define
class Hub(Generic[Member]):
    """Members by topic. Topics without members take no memory."""

    _members: dict[Topic, dict[Member, None]] = Factory(dict)

    def join(self, topics: Collection[Topic], member: Member) -> None:
        """Add the member to these topics; idempotent."""
        for topic in topics:
            self._members.setdefault(topic, {})[member] = None

    def leave(self, topics: Collection[Topic], member: Member) -> None:
        """Remove the member from these topics."""
        for topic in topics:
            members = self._members.get(topic)
            if members is not None:
                members.pop(member, None)
                if not members:
                    del self._members[topic]

    def members(self, topic: Topic) -> Collection[Member]:
        """Return the topic's members in the order of joining: a live view, not to be stored."""
        return self._members.get(topic, ())

    def __len__(self) -> int:
        """Return the number of topics with members."""
        return len(self._members)
