"""The hub: topic -> who listens. Pure: no transport, no clock."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

from attrs import Factory, define

from microblog.live.topics import Topic

Member = TypeVar("Member", bound=Hashable)


@define
class Hub(Generic[Member]):
    """Who listens to which topic. A topic without members takes no room."""

    _members: dict[Topic, dict[Member, None]] = Factory(dict)

    def join(self, topics: Collection[Topic], member: Member) -> None:
        """Let the member hear of these topics. Again is the same as once."""
        for topic in topics:
            self._members.setdefault(topic, {})[member] = None

    def leave(self, topics: Collection[Topic], member: Member) -> None:
        """Let the member hear of these topics no more."""
        for topic in topics:
            members = self._members.get(topic)
            if members is not None:
                members.pop(member, None)
                if not members:
                    del self._members[topic]

    def members(self, topic: Topic) -> Collection[Member]:
        """Who listens to the topic, those first who came first. Not to be kept: it changes as they come and go."""
        return self._members.get(topic, ())

    def __len__(self) -> int:
        """How many topics are listened to."""
        return len(self._members)
