"""Commands of administrators about other servers: rules for domains, and the allow-list.

The transaction of a command changes the state of all known accounts of the domain, so that a suspended one is hidden at once. A job then
cuts the follows of suspended accounts and deletes what is stored of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from attrs import asdict, evolve, frozen

from microblog.domain import audit, severances
from microblog.domain.validation import limited
from microblog.federation.domain_rules import CurrentRules
from microblog.federation.hosts import normalize_host
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.domain_rules import AllowedDomain, DomainImpact, DomainRules, RuleToStore, StoredDomainRule
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId, DomainRuleId
from microblog.model.paging import Page
from microblog.model.severances import SeveranceKind
from microblog.storage import domain_accounts, domain_rules, events, jobs
from microblog.storage.database import Cursor, Transactions

PURGE_JOB = "federation.purge_domain"
HIDE_MEDIA_JOB = "federation.hide_media"
MAX_COMMENT = 5_000
T = TypeVar("T")


class RuleExists(Invalid):
    """There is a rule for the domain already."""

    def __init__(self, existing: StoredDomainRule) -> None:
        super().__init__({"domain": "There is a rule for this domain already"}, codes={"domain": "ERR_TAKEN"})
        self.existing = existing


@frozen
class DomainModeration:
    """Lists and changes the rules. Callers check permissions. `by` is the administrator, None on the command line."""

    database: Transactions
    rules: CurrentRules
    now: Callable[[], datetime]

    def domain(self, text: str) -> str:
        """Return a domain in its one spelling, also from a URL. Raises Invalid (field domain) for this site's own and for what is none."""
        name = text.strip().removeprefix("https://").removeprefix("http://").partition("/")[0].removeprefix("*.").removeprefix("@")
        trust = self.rules.trust
        domain = normalize_host(name, trust.exempt)
        if domain is None:
            message = "Domain can't be blank" if not name else "Domain is not a valid domain name"
            raise Invalid({"domain": message}, codes={"domain": "ERR_INVALID" if name else "ERR_BLANK"})
        if domain == trust.site_host or trust.site_host.endswith(f".{domain}"):
            raise Invalid({"domain": "Domain is the one of this site"}, codes={"domain": "ERR_INVALID"})
        return domain

    # --- Rules

    async def page(self, page: Page) -> list[StoredDomainRule]:
        """Return rules, newest first."""
        return await self.database.read(domain_rules.page_of, page=page)

    async def everything(self) -> list[StoredDomainRule]:
        """Return all rules in alphabetical order."""
        return await self.database.read(domain_rules.everything)

    async def one(self, id: DomainRuleId) -> StoredDomainRule:
        """Return a rule. Raises NotFound."""
        return _found(await self.database.read(domain_rules.by_id, id=id))

    async def for_domain(self, domain: str) -> StoredDomainRule | None:
        """Return the rule for exactly this domain."""
        return await self.database.read(domain_rules.by_domain, domain=domain)

    async def impact(self, domain: str) -> DomainImpact:
        """Count what a suspension of the domain would hide and cut."""
        return await self.database.read(domain_accounts.impact, domain=domain)

    async def add(self, wanted: RuleToStore, by: AccountId | None = None) -> StoredDomainRule:
        """Add a rule. Raises Invalid, or RuleExists if there is one for this domain already."""
        return await self._changed(self._add, _checked(self._normalized(wanted)), by)

    async def change(self, id: DomainRuleId, wanted: RuleToStore, by: AccountId | None = None) -> StoredDomainRule:
        """Replace everything of a rule but its domain. Raises NotFound or Invalid."""
        return await self._changed(self._change, id, _checked(wanted), by)

    async def put(self, wanted: RuleToStore, by: AccountId | None = None) -> StoredDomainRule:
        """Add a rule, or change the one for this domain."""
        return await self._changed(self._put, _checked(self._normalized(wanted)), by)

    async def remove(self, id: DomainRuleId, by: AccountId | None = None) -> StoredDomainRule:
        """Delete a rule and return it; what it hid is shown again, as far as it still exists. Raises NotFound."""
        return await self._changed(self._remove, id, by)

    # --- The allow-list

    async def allowed(self, page: Page) -> list[AllowedDomain]:
        """Return the hosts on the allow-list, newest first."""
        return await self.database.read(domain_rules.allowed_page, page=page)

    async def allowed_one(self, id: DomainRuleId) -> AllowedDomain:
        """Return a host on the allow-list. Raises NotFound."""
        return _found(await self.database.read(domain_rules.allowed_by_id, id=id))

    async def allowed_domain(self, domain: str) -> AllowedDomain | None:
        """Return a host on the allow-list by its name."""
        return await self.database.read(domain_rules.allowed_by_domain, domain=domain)

    async def allow(self, text: str, by: AccountId | None = None) -> AllowedDomain:
        """Put a host on the allow-list, if it is not there yet. Raises Invalid."""
        return await self._changed(self._allow, self.domain(text), by)

    async def disallow(self, id: DomainRuleId, by: AccountId | None = None) -> AllowedDomain:
        """Take a host off the allow-list. If the site has one, its accounts are suspended. Raises NotFound."""
        return await self._changed(self._disallow, id, by)

    # --- Within transactions

    async def _changed(self, command: Callable[..., T], *args: object) -> T:
        """Run a command and use the new rules in this process at once."""
        result = await self.database.run(command, *args)
        await self.rules.read()
        return result

    def _normalized(self, wanted: RuleToStore) -> RuleToStore:
        return evolve(wanted, rule=evolve(wanted.rule, domain=self.domain(wanted.rule.domain)))

    def _add(self, cursor: Cursor, wanted: RuleToStore, by: AccountId | None) -> StoredDomainRule:
        before = self._begin(cursor)
        existing = domain_rules.by_domain(cursor, domain=wanted.rule.domain)
        if existing is not None:
            raise RuleExists(existing)
        id = domain_rules.add(cursor, wanted, by=by, now=self.now())
        assert id is not None
        self._apply(cursor, wanted.rule.domain, before)
        stored = _found(domain_rules.by_id(cursor, id=id))
        self._record(cursor, AuditAction.DOMAIN_RULE_CREATE, by, stored)
        return stored

    def _change(self, cursor: Cursor, id: DomainRuleId, wanted: RuleToStore, by: AccountId | None) -> StoredDomainRule:
        before, existing = self._begin(cursor), _found(domain_rules.by_id(cursor, id=id))
        domain_rules.replace(cursor, wanted, id=id)
        self._apply(cursor, existing.rule.domain, before)
        self._record(cursor, AuditAction.DOMAIN_RULE_UPDATE, by, existing)
        return _found(domain_rules.by_id(cursor, id=id))

    def _put(self, cursor: Cursor, wanted: RuleToStore, by: AccountId | None) -> StoredDomainRule:
        domain_rules.lock(cursor)
        existing = domain_rules.by_domain(cursor, domain=wanted.rule.domain)
        return self._add(cursor, wanted, by) if existing is None else self._change(cursor, existing.id, wanted, by)

    def _remove(self, cursor: Cursor, id: DomainRuleId, by: AccountId | None) -> StoredDomainRule:
        before, existing = self._begin(cursor), _found(domain_rules.by_id(cursor, id=id))
        domain_rules.remove(cursor, id=id)
        self._apply(cursor, existing.rule.domain, before)
        self._record(cursor, AuditAction.DOMAIN_RULE_DELETE, by, existing)
        return existing

    def _allow(self, cursor: Cursor, domain: str, by: AccountId | None) -> AllowedDomain:
        before = self._begin(cursor)
        domain_rules.allow(cursor, domain=domain, by=by, now=self.now())
        self._apply(cursor, domain, before)
        audit.record(cursor, AuditEntry(AuditAction.ALLOWED_DOMAIN_CREATE, by, domain), self.now())
        return _found(domain_rules.allowed_by_domain(cursor, domain=domain))

    def _disallow(self, cursor: Cursor, id: DomainRuleId, by: AccountId | None) -> AllowedDomain:
        before, existing = self._begin(cursor), _found(domain_rules.allowed_by_id(cursor, id=id))
        domain_rules.disallow(cursor, id=id)
        self._apply(cursor, existing.domain, before)
        audit.record(cursor, AuditEntry(AuditAction.ALLOWED_DOMAIN_DELETE, by, existing.domain), self.now())
        return existing

    def _record(self, cursor: Cursor, action: AuditAction, by: AccountId | None, stored: StoredDomainRule) -> None:
        """Record an act on a rule in the audit log, with the rule as it was before, or as it was made."""
        facts = asdict(stored.rule) | {"public_comment": stored.public_comment, "private_comment": stored.private_comment}
        audit.record(cursor, AuditEntry(action, by, stored.rule.domain, stored.id, facts=facts), self.now())

    def _begin(self, cursor: Cursor) -> DomainRules:
        """Let one administrator at a time change the rules; return them as they are."""
        domain_rules.lock(cursor)
        return domain_rules.current(cursor, has_allow_list=self.rules.has_allow_list)

    def _apply(self, cursor: Cursor, domain: str, before: DomainRules) -> None:
        """Let the changed rules have their effect on what is known of the domain."""
        rules = apply_states(cursor, domain, self.rules, self.now())
        if before.is_allowed(domain) and not rules.is_allowed(domain):
            event = severances.begin(cursor, SeveranceKind.DOMAIN_BLOCK, domain, self.now())
            payload = {"domain": domain, "event": str(event)}
            jobs.add(cursor, PURGE_JOB, payload, due_at=self.now(), now=self.now(), key=domain)
        if rules.rejects_media(domain) and not before.rejects_media(domain):
            jobs.add(cursor, HIDE_MEDIA_JOB, {"domain": domain}, due_at=self.now(), now=self.now(), key=domain)


def apply_states(cursor: Cursor, domain: str | None, current: CurrentRules, now: datetime) -> DomainRules:
    """Suspend, limit or show the known accounts of a domain (None: of all) as the rules in the database say; return these.

    All processes are told, because they hold the rules and what is shown in memory. Deliveries that wait for hosts that are not allowed are
    deleted.
    """
    rules = domain_rules.current(cursor, has_allow_list=current.has_allow_list)
    states = {hosts: rules.hidden_by(hosts.name, hosts.id) for hosts in domain_accounts.hosts(cursor, domain=domain)}
    domain_accounts.set_states(cursor, states=states, now=now)
    refused = [host for host in domain_accounts.waiting_hosts(cursor, domain=domain) if not rules.is_allowed(host)]
    domain_accounts.delete_deliveries(cursor, hosts=refused)
    events.record(cursor, EventKind.DOMAIN_RULES_CHANGED, at=now)
    return rules


def _checked(wanted: RuleToStore) -> RuleToStore:
    public = limited(wanted.public_comment, MAX_COMMENT, "public_comment").strip()
    private = limited(wanted.private_comment, MAX_COMMENT, "private_comment").strip()
    return evolve(wanted, public_comment=public, private_comment=private)


def _found(value: T | None) -> T:
    if value is None:
        raise NotFound
    return value
