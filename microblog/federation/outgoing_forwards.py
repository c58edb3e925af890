"""Passing on of replies: what another server sends about a reply to somebody here goes on to that person's followers elsewhere.

The servers of these followers get the reply in no other way, unless somebody there follows its author. They get the activity as it
arrived. This site's signature says who passed it on, not who made it, so they verify the embedded signature or fetch the post. Activities
without an embedded signature are kept, because servers that do not fetch would drop them.
"""

from __future__ import annotations

from datetime import timedelta

import orjson
from attrs import frozen

from microblog.federation.outgoing import Outgoing
from microblog.model.accounts import Account
from microblog.model.deliveries import LocalActor, OutgoingActivity, OutgoingKind
from microblog.model.federation import Activity, ActivityKind
from microblog.storage import activity_recipients, forwards, outgoing_activities
from microblog.storage.database import Cursor

KINDS = frozenset({ActivityKind.CREATE, ActivityKind.UPDATE, ActivityKind.DELETE})
SIGNATURES = ("signature", "proof")
"""Properties with an embedded signature: RsaSignature2017, and a data integrity proof (FEP-8b32)."""
MAX_PER_HOUR = 60
"""Activities that are passed on for one account: each may be a request to thousands of servers."""


@frozen
class OutgoingForwards:
    """Passes activities on."""

    outgoing: Outgoing

    def forward(self, cursor: Cursor, activity: Activity, body: str, signer: Account) -> int:
        """Pass an activity on, after its effect and in the same transaction. Returns the number of deliveries."""
        uri = activity.object_id
        if activity.kind not in KINDS or uri is None or signer.limited_at is not None or not _is_signed(body):
            return 0
        author = forwards.answered(cursor, uri=uri, author=signer.id)
        return 0 if author is None or self._is_exhausted(cursor, author) else self._send(cursor, author, body, signer)

    def _is_exhausted(self, cursor: Cursor, author: LocalActor) -> bool:
        return forwards.count_since(cursor, account=author.id, time=self.outgoing.now() - timedelta(hours=1)) >= MAX_PER_HOUR

    def _send(self, cursor: Cursor, author: LocalActor, body: str, signer: Account) -> int:
        sender = self.outgoing.rules().host_of(str(signer.uri))
        inboxes = [
            inbox for inbox in self.outgoing.inboxes(activity_recipients.followers(cursor, account=author.id)) if inbox.host != sender
        ]
        if inboxes:
            stored = OutgoingActivity(OutgoingKind.FORWARD, author.id, body)
            outgoing_activities.add(cursor, stored, inboxes=inboxes, now=self.outgoing.now())
        return len(inboxes)


def _is_signed(body: str) -> bool:
    document = orjson.loads(body)
    return any(isinstance(document.get(name), dict | list) for name in SIGNATURES)
