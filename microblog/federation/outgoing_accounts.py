"""Activities about people here themselves: their profiles, whom they let follow them, and whom they block."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256

import orjson
from attrs import evolve, frozen

from microblog.federation.actor_keys import key_id
from microblog.federation.documents.write_activity import (
    ForwardedReport,
    ReceivedFollow,
    write_accept,
    write_actor_delete,
    write_actor_update,
    write_block,
    write_flag,
    write_follow,
    write_move,
    write_reject,
    write_undo,
)
from microblog.federation.documents.write_actor import actor_details, write_actor
from microblog.federation.outgoing import Outgoing
from microblog.model.accounts import Account
from microblog.model.deliveries import Inbox, LocalActor, OutgoingKind
from microblog.model.events import Event
from microblog.model.federation import RemoteKey
from microblog.model.ids import AccountId
from microblog.storage import accounts, activity_recipients, actor_keys, moves, relationships, remote_relations, reports
from microblog.storage.database import Cursor

MENTIONED_FOR = timedelta(days=2)  # that long, who was mentioned is told of changes of the profile


class MissingKey(Exception):
    """An account has no key pair yet. One is made outside of the transaction, which is then run again."""

    def __init__(self, account: Account) -> None:
        super().__init__(account.username)
        self.account = account


@frozen
class OutgoingAccounts:
    """Makes an activity of each event about an account, in the running transaction. Each method returns the number of deliveries."""

    outgoing: Outgoing

    def changed(self, cursor: Cursor, event: Event) -> int:
        """Send the profile if something in its document changed since it was last sent. Several changes become one activity."""
        account = None if event.account_id is None else accounts.by_id(cursor, id=event.account_id)
        if account is None or account.host is not None:
            return 0
        details = actor_details(moves.addresses(cursor, account=account.id), self.outgoing.ids)
        document = write_actor(account, details, self.outgoing.ids)
        if not activity_recipients.profile_changed(cursor, account=account.id, digest=sha256(orjson.dumps(document)).hexdigest()):
            return 0
        now = self.outgoing.now()
        recipients = activity_recipients.followers(cursor, account=account.id)
        recipients += activity_recipients.mentioned_since(cursor, account=account.id, since=now - MENTIONED_FOR)
        inboxes = self.outgoing.inboxes(recipients)
        if not inboxes:
            return 0
        return self._update(cursor, OutgoingKind.UPDATE_ACTOR, account, event.at, inboxes)

    def keys_replaced(self, cursor: Cursor, event: Event) -> int:
        """Send the profile with its new key to every known inbox. Nobody is told of the key of the site's own actor."""
        account = None if event.account_id is None else accounts.by_id(cursor, id=event.account_id)
        if account is None:
            return 0
        inboxes = self.outgoing.inboxes(activity_recipients.everybody(cursor))
        return self._update(cursor, OutgoingKind.UPDATE_KEYS, account, event.at, inboxes)

    def _update(self, cursor: Cursor, kind: OutgoingKind, account: Account, at: datetime, inboxes: Collection[Inbox]) -> int:
        details = actor_details(moves.addresses(cursor, account=account.id), self.outgoing.ids)
        document = write_actor(account, evolve(details, keys=(self._key(cursor, account),)), self.outgoing.ids)
        update = write_actor_update(account.username, document, at, self.outgoing.ids)
        return self.outgoing.send(cursor, (kind, LocalActor(account.id, account.username), update), inboxes)

    def moved(self, cursor: Cursor, event: Event) -> int:
        """Tell the followers that an account moved, so that they follow the new one."""
        actor = self.outgoing.actor(cursor, event.account_id)
        target = None if event.subject_id is None else accounts.by_id(cursor, id=event.subject_id)
        if actor is None or target is None:
            return 0
        ids, inboxes = self.outgoing.ids, self.outgoing.inboxes(activity_recipients.followers(cursor, account=actor.id))
        document = write_move(actor.username, int(str(event.data["move"])), target.uri or ids.actor(target.username), ids)
        return self.outgoing.send(cursor, (OutgoingKind.MOVE, actor, document), inboxes)

    def deleted(self, cursor: Cursor, event: Event) -> int:
        """Send the deletion of an account to every known inbox, unless nobody elsewhere has ever seen it."""
        actor = None if event.account_id is None else activity_recipients.local_actor(cursor, id=event.account_id)
        if actor is None or actor_keys.current(cursor, account=actor.id) is None:
            return 0
        inboxes = self.outgoing.inboxes(activity_recipients.everybody(cursor))
        document = write_actor_delete(actor.username, self.outgoing.ids)
        return self.outgoing.send(cursor, (OutgoingKind.DELETE_ACTOR, actor, document), inboxes)

    def followed(self, cursor: Cursor, event: Event) -> int:
        """Accept a follow from elsewhere."""
        found = activity_recipients.follow(cursor, follower=event.account_id or 0, followee=event.subject_id or 0)
        return 0 if found is None else self._decide(cursor, event, found.id, found.activity_uri, accept=True)

    def rejected(self, cursor: Cursor, event: Event) -> int:
        """Reject the request of a follower elsewhere, or end the follow."""
        return self._decide(cursor, event, int(str(event.data["follow"])), str(event.data["activity_uri"]), accept=False)

    def requested(self, cursor: Cursor, event: Event) -> int:
        """Ask the server of an account to let it be followed."""
        return self._follow(cursor, event, undo=False)

    def withdrawn(self, cursor: Cursor, event: Event) -> int:
        """Tell the server of an account that a follow ended, or the request to follow it."""
        return self._follow(cursor, event, undo=True)

    def blocked(self, cursor: Cursor, event: Event) -> int:
        """Tell the server of an account that it is blocked."""
        account, target = event.account_id or 0, event.subject_id or 0
        block = relationships.block_id(cursor, account=account, target=target) if self.outgoing.tells_blocks else None
        if block is None:
            return 0
        sent = self._block(cursor, event, block, undo=False)
        if sent:
            uri = f"#blocks/{block}"  # that it has an id there is enough to know
            remote_relations.set_block_uri(cursor, account=AccountId(account), target=AccountId(target), uri=uri)
        return sent

    def unblocked(self, cursor: Cursor, event: Event) -> int:
        """Tell the server of an account that it is blocked no more, if it was told of the block."""
        block = event.data.get("block")  # missing in events of older releases
        return 0 if block is None or not event.data.get("told") else self._block(cursor, event, int(str(block)), undo=True)

    def reported(self, cursor: Cursor, event: Event) -> int:
        """Send a report to the server of the reported account. It comes from the site, and does not say who made it."""
        report = reports.to_forward(cursor, id=int(str(event.data["report"])))
        inboxes = self.outgoing.personal_inbox(cursor, event.subject_id)
        if report is None or not inboxes:
            return 0
        forwarded = ForwardedReport(report.uuid, report.target, report.posts, report.comment)
        return self.outgoing.send(cursor, (OutgoingKind.FLAG, None, write_flag(forwarded, self.outgoing.ids)), inboxes)

    def _decide(self, cursor: Cursor, event: Event, number: int, activity_uri: str, *, accept: bool) -> int:
        actor, (follower, inboxes) = self.outgoing.actor(cursor, event.subject_id), self.outgoing.other_side(cursor, event.account_id)
        if actor is None or follower is None:
            return 0
        follow, ids = ReceivedFollow(activity_uri, follower.id, number), self.outgoing.ids
        if accept:
            activity = (OutgoingKind.ACCEPT_FOLLOW, actor, write_accept(actor.username, follow, ids))
        else:
            activity = (OutgoingKind.REJECT_FOLLOW, actor, write_reject(actor.username, follow, ids))
        return self.outgoing.send(cursor, activity, inboxes)

    def _block(self, cursor: Cursor, event: Event, number: int, *, undo: bool) -> int:
        actor, (target, inboxes) = self.outgoing.actor(cursor, event.account_id), self.outgoing.other_side(cursor, event.subject_id)
        if actor is None or target is None:
            return 0
        document = write_block(actor.username, number, target.id, self.outgoing.ids)
        kind = OutgoingKind.UNDO_BLOCK if undo else OutgoingKind.BLOCK
        return self.outgoing.send(cursor, (kind, actor, write_undo(document) if undo else document), inboxes)

    def _follow(self, cursor: Cursor, event: Event, *, undo: bool) -> int:
        actor, (target, inboxes) = self.outgoing.actor(cursor, event.account_id), self.outgoing.other_side(cursor, event.subject_id)
        if actor is None or target is None:
            return 0
        document = write_follow(actor.username, int(str(event.data["follow"])), target.id, self.outgoing.ids)
        kind = OutgoingKind.UNDO_FOLLOW if undo else OutgoingKind.FOLLOW
        return self.outgoing.send(cursor, (kind, actor, write_undo(document) if undo else document), inboxes)

    def _key(self, cursor: Cursor, account: Account) -> RemoteKey:
        stored, owner = actor_keys.current(cursor, account=account.id), self.outgoing.ids.actor(account.username)
        if stored is None:
            raise MissingKey(account)
        return RemoteKey(key_id(owner), owner, stored.public_key)
