"""The site's rules for other servers as one process knows them: read when it starts and after each change, so that no check asks the
database.

What must not depend on when a process hears of a change is decided in the database: an account that is stored gets its state from the rules
of that moment (storage/domain_accounts.py), and the transaction of a new rule changes the accounts that exist.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from microblog.federation.trust import TrustRules
from microblog.model.domain_rules import DomainRules
from microblog.model.events import Event, EventKind
from microblog.model.federation_mode import FederationMode
from microblog.storage import domain_rules, jobs
from microblog.storage.database import Cursor, Transactions

RETRY_S = 1.0
STATES_JOB = "federation.domain_states"
_log = Logger()


@define(eq=False)
class CurrentRules:
    """Holds the rules. Until they are read, a site with an allow-list federates with nobody."""

    database: Transactions
    trust: TrustRules
    mode: FederationMode
    reactor: IReactorTime
    now: Callable[[], datetime]
    _changes: int = field(init=False, default=0)
    _is_reading: bool = field(init=False, default=False)
    _stopped: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._use(DomainRules(allowed=frozenset() if self.has_allow_list else None))

    @property
    def has_allow_list(self) -> bool:
        """True if the site federates only with listed hosts."""
        return self.mode is FederationMode.ALLOWLIST

    @property
    def domains(self) -> DomainRules:
        """The rules as they are now."""
        return self.trust.domains

    async def start(self) -> None:
        """Read the rules; other processes tell of changes from then on. After another mode, a job hides or shows accounts."""
        self._stopped = False
        await self.read()
        await self.database.run(self._note_mode)

    def stop(self) -> None:
        """Do not read the rules any more."""
        self._stopped = True

    async def read(self) -> None:
        """Read the rules now. Raises what the database raises."""
        self._use(await self.database.read(domain_rules.current, has_allow_list=self.has_allow_list))

    def happened(self, event: Event) -> None:
        """Read the rules soon if the event says that they changed. For every event that this process reads."""
        if event.kind is EventKind.DOMAIN_RULES_CHANGED:
            self._changes += 1
            if not self._is_reading:
                self._is_reading = True
                Deferred.fromCoroutine(self._read_until_current())

    async def _read_until_current(self) -> None:
        seen = -1
        try:
            while seen != self._changes and not self._stopped:
                seen = self._changes
                await self.read()
        except Exception:
            _log.failure("The rules for other servers could not be read; trying again")
            self.reactor.callLater(RETRY_S, self._retry)
            return
        self._is_reading = False

    def _retry(self) -> None:
        Deferred.fromCoroutine(self._read_until_current())

    def _use(self, domains: DomainRules) -> None:
        self.trust = evolve(self.trust, domains=domains)

    def _note_mode(self, cursor: Cursor) -> None:
        if domain_rules.note_mode(cursor, mode=self.mode):
            jobs.add(cursor, STATES_JOB, {}, due_at=self.now(), now=self.now(), key="all")
