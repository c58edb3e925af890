"""All services that have to do with mail, as one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from attrs import frozen

from microblog.domain.confirmation import Confirmations
from microblog.domain.dispatch import Dispatch
from microblog.domain.jobs import Jobs
from microblog.domain.letters import Outbox
from microblog.domain.links import Links
from microblog.domain.passwords import Hashes
from microblog.domain.recovery import Recoveries
from microblog.domain.subscriptions import Subscriptions
from microblog.storage.database import Transactions


@frozen
class MailPlan:
    """How a site writes: the links in its letters, the domain of its Message-IDs, and where letters are kept if it sends none."""

    links: Links
    host: str
    kept_in: str | None


@frozen
class MailServices:
    """What is done with letters, and by them; and the jobs behind it."""

    confirmations: Confirmations
    dispatch: Dispatch
    jobs: Jobs
    outbox: Outbox
    recoveries: Recoveries
    subscriptions: Subscriptions

    @classmethod
    def on(cls, database: Transactions, passwords: Hashes, plan: MailPlan, now: Callable[[], datetime]) -> MailServices:
        """All of them on one database."""
        return cls(
            confirmations=Confirmations(database, plan.links, now),
            dispatch=Dispatch(database, plan.links, plan.host, now),
            jobs=Jobs(database, now),
            outbox=Outbox(database, plan.kept_in, now),
            recoveries=Recoveries(database, passwords, plan.links, now, urlsplit(plan.links.base_url).netloc),
            subscriptions=Subscriptions(database, plan.links),
        )
