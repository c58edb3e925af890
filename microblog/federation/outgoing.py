"""Common parts of the makers of outgoing activities: where an activity goes, and how it is stored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

import orjson
from attrs import frozen

from microblog.federation.documents.ids import SiteIds
from microblog.federation.documents.write_parts import Json
from microblog.federation.recipients import InboxRules, choose_inboxes
from microblog.model.deliveries import Inbox, LocalActor, OutgoingActivity, OutgoingKind, Recipient
from microblog.model.posts import Visibility
from microblog.storage import activity_recipients, outgoing_activities
from microblog.storage.database import Cursor


@frozen
class Outgoing:
    """Stores activities with their deliveries, in the running transaction. `rules` returns the rules for hosts as they are now.

    `tells_blocks`: the server of an account that somebody here blocks is told so.
    """

    ids: SiteIds
    rules: Callable[[], InboxRules]
    now: Callable[[], datetime]
    tells_blocks: bool = True

    def send(
        self,
        cursor: Cursor,
        activity: tuple[OutgoingKind, LocalActor | None, Json],
        inboxes: Collection[Inbox],
        *,
        followers_only: bool = False,
    ) -> int:
        """Store the activity, given as kind, actor (None: the site) and document; return the number of its deliveries."""
        kind, actor, document = activity
        account = None if actor is None else actor.id
        if inboxes:
            stored = OutgoingActivity(kind, account, orjson.dumps(document).decode(), followers_only)
            outgoing_activities.add(cursor, stored, inboxes=inboxes, now=self.now())
        return len(inboxes)

    def inboxes(self, recipients: Iterable[Recipient], visibility: Visibility = Visibility.PUBLIC) -> tuple[Inbox, ...]:
        """Return the inboxes of the recipients, as far as the rules allow them."""
        return choose_inboxes(recipients, visibility, self.rules())

    def personal_inbox(self, cursor: Cursor, account: int | None) -> tuple[Inbox, ...]:
        """Return the inbox of an account of another server; nothing for an account of this site."""
        found = [] if account is None else activity_recipients.accounts(cursor, ids=[account])
        return self.inboxes(found, Visibility.DIRECT)

    def other_side(self, cursor: Cursor, account: int | None) -> tuple[Recipient | None, tuple[Inbox, ...]]:
        """Return an account of another server, suspended or not, with its inbox: its server is told what ended."""
        found = None if account is None else activity_recipients.even_suspended(cursor, id=account)
        return found, () if found is None else self.inboxes([found], Visibility.DIRECT)

    def allowed(self, urls: Iterable[str]) -> tuple[Inbox, ...]:
        """Return the inboxes at these addresses that the rules still allow."""
        rules = self.rules()
        hosts = {url: rules.host_of(url) for url in urls}
        return tuple(Inbox(host, url) for url, host in hosts.items() if host is not None and rules.domains.is_allowed(host))

    def actor(self, cursor: Cursor, account: int | None) -> LocalActor | None:
        """Return an account of this site; None for one that is deleted or of another server."""
        found = None if account is None else activity_recipients.local_actor(cursor, id=account)
        return None if found is None or found.is_deleted else found
