"""The accounts of a domain: what rules for the domain do to their state, and what the site would lose with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.domain_rules import DomainImpact, HiddenBy
from microblog.model.ids import AccountId
from microblog.storage.database import Cursor, Prepared, execute, execute_deferred, fetch_all, fetch_one, fetch_value, first_column

MANY = 100
"""Above this number of accounts, everything that is cached is dropped, instead of what shows each of them."""


@frozen
class AccountHosts:
    """Hosts that an account belongs to: that of its name, and that of its id."""

    name: str
    id: str


_ID_HOST = "rtrim(lower(split_part(a.uri, '/', 3)), '.')"
_BELOW = """(split_part({host}, ':', 1) = %(domain)s
    or right(split_part({host}, ':', 1), length(%(domain)s) + 1) = '.' || %(domain)s or {host} = %(domain)s)"""
IN_DOMAIN = f"""a.host is not null and (%(domain)s::text is null or {_BELOW.format(host="a.host")} or {_BELOW.format(host=_ID_HOST)})"""


def hosts(cursor: Cursor, *, domain: str | None) -> list[AccountHosts]:
    """Return the hosts of all known accounts of a domain and its subdomains; None: of all accounts of other servers. Reads all of them."""
    sql = f"select distinct a.host, {_ID_HOST} from accounts a where {IN_DOMAIN}"
    return fetch_all(cursor, AccountHosts, sql, {"domain": domain})


def set_states(cursor: Cursor, *, states: Mapping[AccountHosts, HiddenBy], now: datetime) -> int:
    """Let the rules have their effect on the accounts of these hosts; return how many changed. What moderators decided stays."""
    if not states:
        return 0
    params = {
        "hosts": [each.name for each in states],
        "id_hosts": [each.id for each in states],
        "suspended": [each.suspended for each in states.values()],
        "limited": [each.limited for each in states.values()],
        "now": now,
        "limit": MANY + 1,
    }
    if fetch_value(cursor, _COUNT_CHANGES, params) <= MANY:
        return execute(cursor, _SET_STATES, params)
    fetch_value(cursor, "select set_config('microblog.many_accounts', 'on', true)")
    changed = execute(cursor, _SET_STATES, params)
    fetch_value(cursor, "select invalidate('{*}'), set_config('microblog.many_accounts', '', true)")
    return changed


_GIVEN = """unnest(%(hosts)s::text[], %(id_hosts)s::text[], %(suspended)s::boolean[], %(limited)s::boolean[])
    g (host, id_host, suspends, limits)"""
_CHANGES = f"""a.host = g.host and {_ID_HOST} = g.id_host and a.deleted_at is null and (
    case when g.suspends then a.suspended_at is null else a.suspended_by_domain end
    or case when g.limits then a.limited_at is null else a.limited_by_domain end)"""
_COUNT_CHANGES = f"select count(*) from (select from accounts a join {_GIVEN} on {_CHANGES} limit %(limit)s) changing"
_SET_STATES = f"""update accounts a set
    suspended_at = case when g.suspends then coalesce(a.suspended_at, %(now)s) when not a.suspended_by_domain then a.suspended_at end,
    suspended_by_domain = g.suspends and (a.suspended_at is null or a.suspended_by_domain),
    limited_at = case when g.limits then coalesce(a.limited_at, %(now)s) when not a.limited_by_domain then a.limited_at end,
    limited_by_domain = g.limits and (a.limited_at is null or a.limited_by_domain)
    from {_GIVEN} where {_CHANGES}"""


def set_state_of(cursor: Cursor, *, id: AccountId, account: Account, now: datetime) -> None:
    """Let the rules have their effect on an account of another server that was just stored under this id."""
    execute_deferred(cursor, _SET_STATE_OF, {"account": id, "domains": _domains_of(account), "now": now})


def _domains_of(account: Account) -> list[str]:
    """Return the hosts of an account, by its name and by its id, and all domains above them."""
    own = account.host or "", (account.uri or "").lower().split("//")[-1].partition("/")[0]
    hosts = {host.partition(":")[0].rstrip(".") for host in own}
    return [".".join(labels[start:]) for labels in (host.split(".") for host in hosts) for start in range(len(labels))]


# The rules of this moment, whatever this process knows of them: DomainRules.hidden_by for the two hosts of an account. Of a host and the
# domains above it, the longest one is the most specific.
_SET_STATE_OF = Prepared(f"""with rules as (
        select coalesce(bool_or(rule.severity = 'suspend' or (
                   exists (select from federation_start s where s.mode = 'allowlist')
                   and not exists (select from allowed_domains l where l.domain = own.host))), false) suspends,
               coalesce(bool_or(rule.severity = 'silence'), false) limits
        from accounts a cross join lateral (values (a.host), ({_ID_HOST})) own (host)
        left join lateral (
            select r.severity from domain_rules r, split_part(own.host, ':', 1) name
            where r.domain = any(%(domains)s::text[]) and (r.domain = name or right(name, length(r.domain) + 1) = '.' || r.domain)
            order by length(r.domain) desc limit 1) rule on true
        where a.id = %(account)s)
    update accounts a set
        suspended_at = case when rules.suspends then coalesce(a.suspended_at, %(now)s) else a.suspended_at end,
        suspended_by_domain = a.suspended_by_domain or (rules.suspends and a.suspended_at is null),
        limited_at = case when rules.limits then coalesce(a.limited_at, %(now)s) else a.limited_at end,
        limited_by_domain = a.limited_by_domain or (rules.limits and a.limited_at is null)
    from rules where a.id = %(account)s and ((rules.suspends and a.suspended_at is null) or (rules.limits and a.limited_at is null))""")


def suspended(cursor: Cursor, *, domain: str, after: AccountId, limit: int) -> list[AccountId]:
    """Return suspended accounts of a domain and its subdomains, in the order of their ids."""
    sql = f"""select a.id from accounts a where {IN_DOMAIN} and a.suspended_at is not null and a.id > %(after)s
              order by a.id limit %(limit)s"""
    cursor.execute(sql, {"domain": domain, "after": after, "limit": limit})
    return first_column(cursor.fetchall())


def is_suspended(cursor: Cursor, *, account: AccountId) -> bool:
    """True if the account is suspended, which does not change until the transaction ends."""
    sql = "select suspended_at is not null from accounts where id = %(account)s for no key update"
    return bool(fetch_value(cursor, sql, {"account": account}))


def impact(cursor: Cursor, *, domain: str) -> DomainImpact:
    """Count what there is of a domain and its subdomains: accounts, follows in both directions, deliveries that wait."""
    found = fetch_one(cursor, DomainImpact, _IMPACT, {"domain": domain})
    assert found is not None
    return found


_IMPACT = f"""with theirs as materialized (select a.id from accounts a where {IN_DOMAIN} and a.deleted_at is null)
    select (select count(*) from theirs),
           (select count(*) from follows f join theirs t on t.id = f.follower_id join accounts h on h.id = f.followee_id
            where h.host is null),
           (select count(*) from follows f join theirs t on t.id = f.followee_id join accounts h on h.id = f.follower_id
            where h.host is null),
           (select count(*) from deliveries d where {_BELOW.format(host="d.host")})"""


def waiting_hosts(cursor: Cursor, *, domain: str | None) -> list[str]:
    """Return the hosts of a domain and its subdomains for which deliveries wait; None: all hosts."""
    sql = f"select h.host from hosts h where h.due_at is not null and (%(domain)s::text is null or {_BELOW.format(host='h.host')})"
    return fetch_all(cursor, str, sql, {"domain": domain})


def delete_deliveries(cursor: Cursor, *, hosts: Collection[str]) -> None:
    """Delete everything that waits for these hosts."""
    if hosts:
        execute(cursor, "update hosts set due_at = null where host = any(%(hosts)s)", {"hosts": list(hosts)})
        execute(cursor, "delete from deliveries where host = any(%(hosts)s)", {"hosts": list(hosts)})


def forget_profile(cursor: Cursor, *, account: AccountId) -> None:
    """Erase what an account of another server says about itself. It is read again when the account is looked up after its suspension."""
    execute(
        cursor,
        """update accounts set display_name = '', bio = '', bio_html = '', fields = '[]', discoverable = false, indexable = false
           where id = %(account)s and host is not null""",
        {"account": account},
    )
    execute(
        cursor,
        "update remote_actors set avatar_url = null, header_url = null, fetched_at = 'epoch' where account_id = %(account)s",
        {"account": account},
    )
