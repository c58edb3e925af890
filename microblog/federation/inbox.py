"""The inboxes of this site: checks of what arrives, and its storage. The effect is a job.

An activity is refused as early as possible: everything that needs no key before a key is looked up, and a key is fetched only if nothing
else speaks against the request. What is accepted is one row and one job in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from attrs import define, field

from microblog.federation import forwarding
from microblog.federation.followers_repair import FollowersRepairs
from microblog.federation.hosts import host_of
from microblog.federation.idempotency import activity_key
from microblog.federation.inbox_limits import WaitingLimit
from microblog.federation.incoming import parse_activity
from microblog.federation.relevance import Relevance, Signer, is_about_itself
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.signed_requests import HttpRequest, InvalidSignature, SignatureClaim
from microblog.federation.signers import NOT_FEDERATED, Signers
from microblog.federation.trust import Believed, Reason, Refused, TrustRules, is_from_suspended_processed
from microblog.model.errors import Forbidden, Gone, Malformed, NotFound, Problem, TooMany, Unauthenticated, Unavailable
from microblog.model.federation import Activity, ActivityKind
from microblog.model.ids import AccountId
from microblog.model.incoming_activities import ActivityToStore
from microblog.model.remote_actors import KnownKey
from microblog.storage import accounts, deliveries, incoming_activities
from microblog.storage.database import Cursor, Transactions, suppress_wakeup

JOB = "federation.activity"
SEEN_EVERY = timedelta(minutes=1)
"""Time between two notes of a process that a host is alive."""
MAX_SEEN = 10_000  # hosts

_REFUSALS: Mapping[type[Problem], str] = {
    Unauthenticated: "unsigned",
    Forbidden: "forbidden",
    Malformed: "malformed",
    NotFound: "no_inbox",
    Gone: "no_inbox",
    TooMany: "too_many",
    Unavailable: "unavailable",
}
"""Results of activities that are refused, by error."""


@define
class Inbox:
    """Receives activities. `stored` is called after each one that is stored: there is a job to do. `results` counts what became of them."""

    database: Transactions
    signers: Signers
    relevance: Relevance
    now: Callable[[], datetime]
    waiting: WaitingLimit
    stored: Callable[[], None] = lambda: None
    results: Counter[str] = field(init=False, factory=Counter)
    _seen: dict[str, datetime] = field(init=False, factory=dict)
    followers: FollowersRepairs = field(init=False)

    @followers.default
    def _followers(self) -> FollowersRepairs:
        return FollowersRepairs(self.database, self.actors.fetcher, self.relevance.ids, self.now)

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
        Unavailable (the key cannot be fetched at the moment) and TooMany (too many unknown keys from this network, or too much of its host
        waits).
        """
        result = "failed"
        try:
            result = await self._receive(request, network, owner)
        except Problem as problem:
            result = next((name for kind, name in _REFUSALS.items() if isinstance(problem, kind)), "refused")
            raise
        finally:
            self.results[result] += 1

    async def _receive(self, request: HttpRequest, network: str, owner: str | None) -> str:
        """Return what became of the activity: stored, ignored or forwarded."""
        claim = self.signers.claim(request)
        # A signature that does not fit is refused before the body is read, which takes longer.
        known = await self.signers.verified(claim, network) if await self.signers.knows(claim) else None
        activity = await self.actors.fetcher.long_documents.parse(parse_activity, request.body, delivered_by=network)
        recipient = None if owner is None else await self._owner(owner)
        if (activity.kind is ActivityKind.DELETE or is_about_itself(activity)) and await self.actors.known(activity.actor) is None:
            return "ignored"  # most servers tell everybody of what they delete
        key = known or await self.signers.verified(claim, network, activity.actor)
        if not self._is_from(activity, key, claim):
            await self._forwarded(activity, network)
            return "forwarded"
        if key.suspended and not is_from_suspended_processed(activity.kind):
            raise Forbidden("This account is suspended.")
        host = host_of(key.owner, self.rules.exempt) or ""
        await self.waiting.check(host)
        await self.followers.check(request, claim, key)
        signer = Signer(AccountId(key.account_id), key.owner)
        unique = activity_key(activity, key.owner, request.body, self.rules.exempt).hex()
        row = ActivityToStore(unique, signer.id, host, request.body.decode(), recipient)
        if not await self.database.run(self._store, activity, signer, row):
            return "ignored"
        self.waiting.add(host, len(request.body))
        self.stored()
        return "stored"

    async def _owner(self, name: str) -> AccountId:
        found = await self.database.read(accounts.approved_by_username, username=name)
        if found is not None:
            return found.id
        if await self.database.read(accounts.is_deleted, username=name):
            raise Gone("This account was deleted.")
        raise NotFound

    async def _forwarded(self, activity: Activity, network: str) -> None:
        """Have the post fetched that somebody else's activity names, if it is of interest here."""
        limits = self.signers.limits
        if limits.enabled and (await limits.count(forwarding.FORWARDS, network)).exceeded:
            return
        if await self.database.run(forwarding.enqueue, activity, self.relevance, self.now()):
            self.stored()

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

    def _store(self, cursor: Cursor, activity: Activity, signer: Signer, row: ActivityToStore) -> bool:
        """Store an activity with its job; False if it concerns nobody here. Most come from somebody whom somebody here follows."""
        suppress_wakeup(cursor)  # for the job there is `stored`, and nothing else changes
        self._note_host(cursor, row.host)
        now, is_certain = self.now(), self.relevance.is_certain(activity)
        if is_certain or self.relevance.is_for_followers(activity):
            is_stored = incoming_activities.receive(cursor, row, job=JOB, only_if_followed=not is_certain, now=now)
            if is_stored or is_certain:
                return is_stored
        return self.relevance.concerns_this_site(cursor, activity, signer) and incoming_activities.receive(cursor, row, job=JOB, now=now)

    def _note_host(self, cursor: Cursor, host: str) -> None:
        """Note once a minute that a host is alive."""
        now, before = self.now(), self._seen.get(host)
        if before is None or now - before >= SEEN_EVERY:
            if len(self._seen) >= MAX_SEEN:
                self._seen.clear()
            self._seen[host] = now
            deliveries.seen(cursor, host=host, now=now)
