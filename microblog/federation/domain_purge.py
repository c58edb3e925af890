"""Clean-up after a domain was suspended and its accounts hidden: their follows are cut, and what is stored of them is deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain import severances
from microblog.domain.account_deletion import STEP, AccountDeletion
from microblog.federation.domain_moderation import apply_states
from microblog.federation.domain_rules import CurrentRules
from microblog.model.ids import AccountId, SeveranceEventId
from microblog.storage import domain_accounts
from microblog.storage.database import Cursor, Transactions

Finish = Callable[[Cursor], None]


@frozen
class DomainPurge:
    """Empties the accounts of a domain in many small transactions. It may be interrupted and repeated at any time.

    Accounts that are shown again meanwhile keep what they still have.
    """

    database: Transactions
    rules: CurrentRules
    deletion: AccountDeletion
    now: Callable[[], datetime]

    async def purge(self, domain: str, event: SeveranceEventId, finish: Finish) -> None:
        """Cut all follows between people here and the domain, notify the people here, then delete what the accounts have here."""
        await self.apply(domain, _nothing)  # accounts that were being stored while the rule was
        await self._each(domain, lambda cursor, account: self._sever(cursor, account, event))
        while await self.database.run(severances.notify_some, event, self.now()):
            pass
        await self._each(domain, self._empty)
        await self.database.run(finish)

    async def apply(self, domain: str | None, finish: Finish) -> None:
        """Suspend, limit or show the known accounts of a domain (None: of all) as the rules say."""

        def apply(cursor: Cursor) -> None:
            apply_states(cursor, domain, self.rules, self.now())
            finish(cursor)

        await self.database.run(apply)

    async def _each(self, domain: str, step: Callable[[Cursor, AccountId], bool]) -> None:
        """Repeat a step for each suspended account of the domain until it returns False."""
        after = AccountId(0)
        while found := await self.database.read(domain_accounts.suspended, domain=domain, after=after, limit=STEP):
            for account in found:
                while await self.database.run(step, account):
                    pass
            after = found[-1]

    def _sever(self, cursor: Cursor, account: AccountId, event: SeveranceEventId) -> bool:
        """Cut some follows of an account that is suspended; False if none is left."""
        if not domain_accounts.is_suspended(cursor, account=account):
            return False
        return severances.sever_some(cursor, event, account, self.now())

    def _empty(self, cursor: Cursor, account: AccountId) -> bool:
        """Delete some of what a suspended account has here; False if nothing is left."""
        if not domain_accounts.is_suspended(cursor, account=account):
            return False
        if self.deletion.step(cursor, account):
            return True
        domain_accounts.forget_profile(cursor, account=account)
        return False


def _nothing(cursor: Cursor) -> None:
    """Finish no job."""
