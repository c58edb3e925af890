"""The site's rules for other servers as one process knows them: read when it starts and after each change, so that no check asks the
database.

What must not depend on when a process hears of a change is decided in the database: an account that is stored gets its state from the rules
of that moment (storage/domain_accounts.py), and the transaction of a new rule changes the accounts that exist.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from attrs import define, evolve, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from microblog.domain.caching.reread import Rereader
from microblog.federation.trust import TrustRules
from microblog.model.domain_rules import DomainRules
from microblog.model.events import Event, EventKind
from microblog.model.federation_mode import FederationMode
from microblog.storage import domain_rules, jobs
from microblog.storage.database import Cursor, Transactions

STATES_JOB = "federation.domain_states"


@define(eq=False)
class CurrentRules:
    """Holds the rules. Until they are read, a site with an allow-list federates with nobody."""

    database: Transactions
    trust: TrustRules
    mode: FederationMode
    reactor: IReactorTime
    now: Callable[[], datetime]
    _rereader: Rereader = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._rereader = Rereader(self.read, partial(deferLater, self.reactor), "The rules for other servers")
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
        self._rereader.start()
        await self.read()
        await self.database.run(self._note_mode)

    def stop(self) -> None:
        """Do not read the rules any more."""
        self._rereader.stop()

    async def read(self) -> None:
        """Read the rules now. Raises what the database raises."""
        self._use(await self.database.read(domain_rules.current, has_allow_list=self.has_allow_list))

    def happened(self, event: Event) -> None:
        """Read the rules soon if the event says that they changed. For every event that this process reads."""
        if event.kind is EventKind.DOMAIN_RULES_CHANGED:
            self._rereader.changed()

    def _use(self, domains: DomainRules) -> None:
        self.trust = evolve(self.trust, domains=domains)

    def _note_mode(self, cursor: Cursor) -> None:
        if domain_rules.note_mode(cursor, mode=self.mode):
            jobs.add(cursor, STATES_JOB, {}, due_at=self.now(), now=self.now(), key="all")
