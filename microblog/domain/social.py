"""The services around tags, people and what is said between them, put together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Self

from attrs import frozen

from microblog.domain.announcements import Announcements
from microblog.domain.completion import Completion
from microblog.domain.conversations import Conversations
from microblog.domain.notification_groups import NotificationGroups
from microblog.domain.notification_policy import NotificationPolicies
from microblog.domain.people import People
from microblog.domain.reports import Reports
from microblog.domain.search import Search
from microblog.domain.tags import Tags
from microblog.domain.trends import Trends
from microblog.storage.database import Transactions


@frozen
class SocialServices:
    """Each of them by its name."""

    announcements: Announcements
    groups: NotificationGroups
    completion: Completion
    conversations: Conversations
    people: People
    policies: NotificationPolicies
    reports: Reports
    tags: Tags
    trends: Trends

    @classmethod
    def on(cls, database: Transactions, search: Search, host: str, base_url: str, now: Callable[[], datetime]) -> Self:
        """All of them on one database. `host` and `base_url` are the site's public ones."""
        return cls(
            announcements=Announcements(database, host, base_url, now),
            groups=NotificationGroups(database, now),
            completion=Completion(database),
            conversations=Conversations(database, now),
            people=People(database, now),
            policies=NotificationPolicies(database, now),
            reports=Reports(database, now),
            tags=Tags(database, search, now),
            trends=Trends(database, search, now),
        )
