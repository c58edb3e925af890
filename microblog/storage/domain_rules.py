"""Rules of the site for other servers, and the hosts on its allow-list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from microblog.model.domain_rules import AllowedDomain, DomainRule, DomainRules, DomainSeverity, RuleToStore, StoredDomainRule
from microblog.model.ids import AccountId, DomainRuleId
from microblog.model.paging import Page
from microblog.storage.database import Cursor, execute, fetch_all, fetch_one, fetch_value
from microblog.storage.paging import bounds, directed, page_sql

_SELECT = """select id, domain, severity, reject_media, reject_reports, obfuscate, public_comment, private_comment, created_at
    from domain_rules"""


def _stored(id: int, domain: str, severity: str, *rest: Any) -> StoredDomainRule:
    reject_media, reject_reports, obfuscate, public_comment, private_comment, created_at = rest
    rule = DomainRule(domain, DomainSeverity(severity), reject_media, reject_reports, obfuscate)
    return StoredDomainRule(DomainRuleId(id), rule, public_comment, private_comment, created_at)


def _params(to_store: RuleToStore) -> dict[str, object]:
    rule = to_store.rule
    return {
        "domain": rule.domain,
        "severity": rule.severity,
        "reject_media": rule.reject_media,
        "reject_reports": rule.reject_reports,
        "obfuscate": rule.obfuscate,
        "public_comment": to_store.public_comment,
        "private_comment": to_store.private_comment,
    }


def current(cursor: Cursor, *, has_allow_list: bool) -> DomainRules:
    """Return all rules, with the allow-list if the site has one. One statement, so that both are of one moment."""
    rows = fetch_all(
        cursor,
        lambda *columns: columns,
        """select domain, severity, reject_media, reject_reports, obfuscate from domain_rules
           union all select domain, null, false, false, false from allowed_domains""",
    )
    rules = [DomainRule(domain, DomainSeverity(severity), *flags) for domain, severity, *flags in rows if severity is not None]
    allowed = frozenset(domain for domain, severity, *_ in rows if severity is None)
    return DomainRules(rules, allowed if has_allow_list else None)


def everything(cursor: Cursor) -> list[StoredDomainRule]:
    """Return all rules in alphabetical order."""
    return fetch_all(cursor, _stored, f"{_SELECT} order by domain")


def page_of(cursor: Cursor, *, page: Page) -> list[StoredDomainRule]:
    """Return rules, newest first."""
    sql = f"{_SELECT} where id < %(max_id)s and id > %(min_id)s order by id desc limit %(limit)s"
    return directed(page, fetch_all(cursor, _stored, page_sql(sql, page), bounds(page)))


def by_id(cursor: Cursor, *, id: DomainRuleId) -> StoredDomainRule | None:
    """Return a rule."""
    return fetch_one(cursor, _stored, f"{_SELECT} where id = %(id)s", {"id": id})


def by_domain(cursor: Cursor, *, domain: str) -> StoredDomainRule | None:
    """Return the rule for exactly this domain."""
    return fetch_one(cursor, _stored, f"{_SELECT} where domain = %(domain)s", {"domain": domain})


def add(cursor: Cursor, to_store: RuleToStore, *, by: AccountId | None, now: datetime) -> DomainRuleId | None:
    """Store a new rule and return its id; None if there is one for this domain."""
    return fetch_one(
        cursor,
        DomainRuleId,
        """insert into domain_rules (id, domain, severity, reject_media, reject_reports, obfuscate, public_comment, private_comment,
                                     created_by, created_at)
           values (new_id(%(now)s), %(domain)s, %(severity)s, %(reject_media)s, %(reject_reports)s, %(obfuscate)s, %(public_comment)s,
                   %(private_comment)s, %(by)s, %(now)s)
           on conflict do nothing returning id""",
        {**_params(to_store), "by": by, "now": now},
    )


def replace(cursor: Cursor, to_store: RuleToStore, *, id: DomainRuleId) -> None:
    """Replace everything of a rule but its domain."""
    execute(
        cursor,
        """update domain_rules set severity = %(severity)s, reject_media = %(reject_media)s, reject_reports = %(reject_reports)s,
               obfuscate = %(obfuscate)s, public_comment = %(public_comment)s, private_comment = %(private_comment)s
           where id = %(id)s""",
        {**_params(to_store), "id": id},
    )


def remove(cursor: Cursor, *, id: DomainRuleId) -> bool:
    """Delete a rule; False if there is none with this id."""
    return bool(execute(cursor, "delete from domain_rules where id = %(id)s", {"id": id}))


# --- The allow-list


def allowed_page(cursor: Cursor, *, page: Page) -> list[AllowedDomain]:
    """Return allowed hosts, newest first."""
    sql = """select id, domain, created_at from allowed_domains where id < %(max_id)s and id > %(min_id)s
             order by id desc limit %(limit)s"""
    return directed(page, fetch_all(cursor, _allowed, page_sql(sql, page), bounds(page)))


def allowed_by_id(cursor: Cursor, *, id: DomainRuleId) -> AllowedDomain | None:
    """Return an allowed host."""
    return fetch_one(cursor, _allowed, "select id, domain, created_at from allowed_domains where id = %(id)s", {"id": id})


def allowed_by_domain(cursor: Cursor, *, domain: str) -> AllowedDomain | None:
    """Return an allowed host by its name."""
    sql = "select id, domain, created_at from allowed_domains where domain = %(domain)s"
    return fetch_one(cursor, _allowed, sql, {"domain": domain})


def _allowed(id: int, domain: str, created_at: datetime) -> AllowedDomain:
    return AllowedDomain(DomainRuleId(id), domain, created_at)


def allow(cursor: Cursor, *, domain: str, by: AccountId | None, now: datetime) -> bool:
    """Put a host on the allow-list; False if it is there."""
    return bool(
        execute(
            cursor,
            """insert into allowed_domains (id, domain, created_by, created_at) values (new_id(%(now)s), %(domain)s, %(by)s, %(now)s)
               on conflict do nothing""",
            {"domain": domain, "by": by, "now": now},
        )
    )


def disallow(cursor: Cursor, *, id: DomainRuleId) -> bool:
    """Take a host off the allow-list; False if there is none with this id."""
    return bool(execute(cursor, "delete from allowed_domains where id = %(id)s", {"id": id}))


def note_mode(cursor: Cursor, *, mode: str) -> bool:
    """Store how the site federates; False if it is as before."""
    return bool(execute(cursor, "update federation_start set mode = %(mode)s where mode <> %(mode)s", {"mode": mode}))


def lock(cursor: Cursor) -> None:
    """Let no other transaction change the rules until this one ends."""
    fetch_value(cursor, "select pg_advisory_xact_lock(-7415963102)")
