"""Delivery of what is due to one host, one request after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from microblog.federation import gone_inboxes, retry_schedule
from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.fetching import SignedRequests
from microblog.federation.followers_sync import HEADER, FollowersDigest, followers_digest
from microblog.federation.retry_schedule import PAUSES, Attempt, Outcome, TransportFailure
from microblog.federation.signed_requests import HttpRequest
from microblog.model.cards import FetchError
from microblog.model.deliveries import Delivery, HostState, OutgoingKind
from microblog.model.errors import Malformed
from microblog.storage import activity_recipients
from microblog.storage import deliveries as rows
from microblog.storage.database import Cursor, Transactions

CONTENT_TYPE = ("Content-Type", "application/activity+json")


@define(eq=False)
class Pace:
    """Limits the requests per second of this process, so that a post with many followers leaves processor time for visitors."""

    reactor: IReactorTime
    per_second: float
    _next: float = field(init=False, default=0.0)

    async def wait(self) -> None:
        """Wait until the next request may be sent."""
        now = self.reactor.seconds()
        turn = max(now, self._next)
        self._next = turn + 1 / self.per_second
        if turn > now:
            waiting: Deferred[None] = Deferred(lambda _: call.cancel())
            call = self.reactor.callLater(turn - now, waiting.callback, None)
            await waiting


@frozen
class _Retry:
    """A delivery that is tried again later."""

    id: int
    due_at: datetime
    error: str


@define(eq=False)
class HostDelivery:
    """A claimed host: what was delivered to it, and its state. `moved_at` is when the last request was sent or answered."""

    host: str
    state: HostState
    requests: SignedRequests
    ids: SiteIds
    pace: Pace
    now: Callable[[], datetime]
    chance: Callable[[], float]
    reactor: IReactorTime
    moved_at: float = field(init=False)
    stopping: bool = False
    is_abandoned: bool = False
    delivered: int = 0
    failed: int = 0
    done: list[int] = field(init=False, factory=list)
    retries: list[_Retry] = field(init=False, factory=list)
    gone: set[str] = field(init=False, factory=set)  # inboxes
    _work: Deferred[None] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.moved_at = self.reactor.seconds()

    async def deliver(self, database: Transactions, due: Sequence[Delivery], *, allowed: bool) -> None:
        """Deliver what is due. A host that the rules do not allow any more gets nothing, and what waits for it is given up."""
        self._work = Deferred.fromCoroutine(self._deliver(database, due, allowed=allowed))
        await self._work

    def cancel(self) -> None:
        """Do not wait for a response any more."""
        if self._work is not None:
            self._work.cancel()

    def abandon(self) -> None:
        """End everything: another process has claimed the host."""
        self.is_abandoned = True
        self.cancel()

    @property
    def went_well(self) -> bool:
        """True if there is nothing to record but that everything arrived."""
        return not (self.retries or self.gone or self.is_abandoned) and self.state == HostState()

    @property
    def counts(self) -> tuple[int, int]:
        """The numbers of deliveries that arrived, and of those that failed or are tried again."""
        return self.delivered, self.failed + len(self.retries)

    def record(self, cursor: Cursor, *, worker: str) -> None:
        """Store what was done, apart from deleting what is done, and release the host."""
        for one in self.retries:
            rows.retry(cursor, id=one.id, due_at=one.due_at, error=one.error)
        for inbox in self.gone:
            rows.delete_inbox(cursor, host=self.host, inbox=inbox)
            gone_inboxes.enqueue(cursor, host=self.host, inbox=inbox, now=self.now())
        if not self.is_abandoned:
            rows.release(cursor, host=self.host, worker=worker, state=self.state)

    async def _deliver(self, database: Transactions, due: Sequence[Delivery], *, allowed: bool) -> None:
        waiting_actors = set[int | None]()
        for delivery in due:
            if self.stopping:
                return
            if not allowed or delivery.inbox in self.gone:
                self._finish(delivery)
            elif delivery.actor_id not in waiting_actors:
                attempt, error = await self._attempt(database, delivery)
                if not self._apply(delivery, attempt, error):
                    waiting_actors.add(delivery.actor_id)
                if self._is_paused():
                    return

    def _is_paused(self) -> bool:
        return self.state.dead_since is not None or (self.state.paused_until is not None and self.state.paused_until > self.now())

    async def _attempt(self, database: Transactions, delivery: Delivery) -> tuple[Attempt, str]:
        """Send a delivery once; return the result and an explanation for people."""
        deleted = delivery.actor is not None and delivery.actor.is_deleted
        headers = [CONTENT_TYPE]
        if delivery.followers_only and delivery.actor is not None:
            uris = await database.read(activity_recipients.follower_uris, account=delivery.actor.id, host=self.host)
            headers.append((HEADER, self._digest(delivery.actor.username, uris)))
        await self.pace.wait()
        self.moved_at = self.reactor.seconds()
        try:
            request = HttpRequest("POST", delivery.inbox, tuple(headers), delivery.body.encode())
            announces_key = delivery.kind is OutgoingKind.UPDATE_KEYS
            response = await self.requests.send(request, delivery.actor, replaced_first=announces_key)
        except FetchError as problem:
            failure = TransportFailure.ADDRESS_NOT_ALLOWED if problem.permanent else TransportFailure.NETWORK
            return Attempt(failure, author_is_deleted=deleted), str(problem)
        except Malformed:
            return Attempt(TransportFailure.ADDRESS_NOT_ALLOWED), "The address of the inbox is not valid."
        finally:
            self.moved_at = self.reactor.seconds()
        return Attempt(response.status, response.headers.get("retry-after"), deleted), f"The server answered {response.status}."

    def _digest(self, username: str, followers: list[str]) -> str:
        url = self.ids.make(LocalKind.FOLLOWERS_SYNCHRONIZATION, username)
        return FollowersDigest(self.ids.followers(username), url, followers_digest(followers)).header()

    def _apply(self, delivery: Delivery, attempt: Attempt, error: str) -> bool:
        """Take note of the result of a try; False if later activities of the actor have to wait."""
        now, tries = self.now(), delivery.tries + 1
        self.state = retry_schedule.after_attempt(self.state, attempt, now)
        if attempt.host_failed():
            # The rest of what waits for the host would fail too.
            rest = max(filter(None, (self.state.paused_until, now + PAUSES[0])))
            self.state = evolve(self.state, last_error=error, paused_until=rest)
        due_at = retry_schedule.next_try(attempt, tries, now, self.chance())
        if due_at is not None:
            self.retries.append(_Retry(delivery.id, due_at, error))
            return False
        if attempt.outcome() is Outcome.DELIVERED:
            self.delivered += 1
            self.done.append(delivery.id)
            return True
        if attempt.outcome() is Outcome.INBOX_GONE:
            self.gone.add(delivery.inbox)
        self._finish(delivery)
        return True

    def _finish(self, delivery: Delivery) -> None:
        """Give a delivery up."""
        self.failed += 1
        self.done.append(delivery.id)
