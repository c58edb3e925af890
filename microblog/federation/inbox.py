"""The inboxes of this site: checks of what arrives, and its storage. The effect is a job.

An activity is refused as early as possible: everything that needs no key before a key is looked up, and a key is fetched only if nothing
else speaks against the request. What is accepted is one row and one job in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define

from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.hosts import host_of
from microblog.federation.idempotency import activity_key
from microblog.federation.incoming import parse_activity
from microblog.federation.incoming_moves import is_move_of_followed
from microblog.federation.relevance import concerns_this_site
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_posts import RemotePosts
from microblog.federation.signed_requests import HttpRequest, InvalidSignature, SignatureClaim
from microblog.federation.signers import NOT_FEDERATED, Signers
from microblog.federation.trust import Believed, Reason, Refused, TrustRules, is_from_suspended_processed
from microblog.model.errors import Forbidden, NotFound
from microblog.model.federation import Activity, ActivityKind, Reference, RemoteObject
from microblog.model.ids import AccountId
from microblog.model.remote_actors import KnownKey
from microblog.storage import accounts, deliveries, incoming_activities
from microblog.storage.database import Cursor, Transactions

JOB = "federation.activity"


@define
class Inbox:
    """Receives activities."""

    database: Transactions
    signers: Signers
    posts: RemotePosts
    ids: SiteIds
    now: Callable[[], datetime]

    @property
    def actors(self) -> RemoteActors:
        """The known actors of other servers."""
        return self.signers.actors

    @property
    def rules(self) -> TrustRules:
        """The rules of the site as they are now."""
        return self.actors.fetcher.rules()

    async def receive(self, request: HttpRequest, network: str, owner: str | None = None) -> None:
        """Check and store an activity. `network` is the sender's, `owner` the username of a personal inbox.

        Raises Unauthenticated (no or no valid signature), Forbidden (its host or actor is suspended), Malformed, NotFound (no such inbox),
        Unavailable (the key cannot be fetched at the moment) and TooMany (too many unknown keys from this network).
        """
        claim = self.signers.claim(request)
        activity = parse_activity(request.body)
        recipient = None if owner is None else await self._owner(owner)
        if (activity.kind is ActivityKind.DELETE or _is_about_itself(activity)) and await self.actors.known(activity.actor) is None:
            return  # most servers tell everybody of what they delete
        key = await self.signers.verified(claim, network, activity.actor)
        if not self._is_from(activity, key, claim):
            return
        if key.suspended and not is_from_suspended_processed(activity.kind):
            raise Forbidden("This account is suspended.")
        await self.database.run(self._store, activity, key, request.body, recipient)

    async def _owner(self, name: str) -> AccountId:
        found = await self.database.read(accounts.approved_by_username, username=name)
        if found is None:
            raise NotFound
        return found.id

    def _is_from(self, activity: Activity, key: KnownKey, claim: SignatureClaim) -> bool:
        """True if the signer says this itself; False for what somebody else may forward. Raises InvalidSignature for anything else."""
        match self.rules.check_sender(activity, key.owner, claim.key_id):
            case Believed():
                return True
            case Refused(reason=Reason.FORBIDDEN_HOST):
                raise Forbidden(NOT_FEDERATED)
            case Refused():
                raise InvalidSignature("The signer is not the actor of this activity.")
        return False

    def _is_relevant(self, cursor: Cursor, activity: Activity, signer: AccountId) -> bool:
        """True if the activity may have an effect here: nobody can fill the database with what concerns nobody."""
        if activity.kind in (ActivityKind.FOLLOW, ActivityKind.BLOCK):
            found = self.ids.parse(activity.object_id or "")
            return found is not None and found.kind is LocalKind.ACTOR
        if activity.kind in (ActivityKind.ACCEPT, ActivityKind.REJECT):
            return self._is_own_follow(activity.object)
        if activity.kind is ActivityKind.UNDO:
            return activity.object is not None
        if activity.kind is ActivityKind.MOVE:
            return is_move_of_followed(cursor, activity, signer)
        return _is_about_itself(activity) or concerns_this_site(cursor, activity, signer, self.posts)

    def _is_own_follow(self, follow: RemoteObject | None) -> bool:
        """True for a follow by an account of this site, named by its id or embedded."""
        if not isinstance(follow, Reference | Activity):
            return False
        named = self.ids.parse(follow.id or "")
        if named is not None and named.kind is LocalKind.FOLLOW:
            return True
        actor = self.ids.parse(follow.actor) if isinstance(follow, Activity) and follow.kind is ActivityKind.FOLLOW else None
        return actor is not None and actor.kind is LocalKind.ACTOR

    def _store(self, cursor: Cursor, activity: Activity, key: KnownKey, body: bytes, recipient: AccountId | None) -> None:
        now, exempt, signer = self.now(), self.rules.exempt, AccountId(key.account_id)
        if not self._is_relevant(cursor, activity, signer):
            return
        deliveries.seen(cursor, host=host_of(key.owner, exempt) or "", now=now)
        unique, text = activity_key(activity, key.owner, body, exempt).hex(), body.decode()
        incoming_activities.receive(cursor, job=JOB, key=unique, signer=signer, recipient=recipient, body=text, now=now)


def _is_about_itself(activity: Activity) -> bool:
    """True if an actor deletes or updates itself."""
    return activity.kind in (ActivityKind.DELETE, ActivityKind.UPDATE) and activity.object_id == activity.actor
