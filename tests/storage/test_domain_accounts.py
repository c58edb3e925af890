"""States of accounts by the rules for their domains: the rule in SQL equals the one in Python."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from microblog.model.accounts import Account
from microblog.model.domain_rules import DomainRule, DomainSeverity, RuleToStore
from microblog.model.federation_mode import FederationMode
from microblog.storage import accounts, domain_accounts, domain_rules
from microblog.storage.database import Cursor, execute, fetch_all
from tests import make

SUSPEND, SILENCE, NOOP = DomainSeverity
ON, ALLOWLIST = FederationMode.ON, FederationMode.ALLOWLIST
State = tuple[bool, bool, bool, bool]  # suspended, by a rule; limited, by a rule

domains = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=3).map(".".join)
hosts = st.tuples(domains, st.sampled_from(["", "", ":8443"])).map("".join)


def state(cursor: Cursor, account: Account) -> State:
    sql = """select suspended_at is not null, suspended_by_domain, limited_at is not null, limited_by_domain
             from accounts where id = %(id)s"""
    return fetch_all(cursor, lambda *columns: columns, sql, {"id": account.id})[0]


def account_of(cursor: Cursor, name_host: str, id_host: str) -> Account:
    """Create an account whose name and id are of these hosts."""
    account = make.remote_account(cursor, host=name_host)
    uri = f"https://{id_host}/users/{account.username}"
    execute(cursor, "update accounts set uri = %(uri)s where id = %(id)s", {"uri": uri, "id": account.id})
    return make.reload(cursor, account)


@given(
    mode=st.sampled_from([ON, ALLOWLIST]),
    rules=st.dictionaries(domains, st.sampled_from(DomainSeverity), max_size=4),
    allowed=st.sets(hosts, max_size=4),
    own=st.tuples(hosts, hosts) | hosts.map(lambda host: (host, host)),
    by_moderators=st.booleans(),
)
@example(mode=ALLOWLIST, rules={}, allowed={"a.b"}, own=("a.b", "b"), by_moderators=False)
@example(mode=ALLOWLIST, rules={}, allowed={"b"}, own=("a.b", "a.b"), by_moderators=False)
@example(mode=ALLOWLIST, rules={"b": SUSPEND, "a.b": SILENCE}, allowed={"a.b"}, own=("a.b", "a.b"), by_moderators=True)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_the_rule_for_an_account_in_sql_and_in_python_agree(
    cursor: Cursor,
    mode: FederationMode,
    rules: dict[str, DomainSeverity],
    allowed: set[str],
    own: tuple[str, str],
    by_moderators: bool,
) -> None:
    execute(cursor, "savepoint example")
    try:
        execute(cursor, "insert into federation_start (public_url, started_at) values ('https://site.test', now())")
        domain_rules.note_mode(cursor, mode=mode)
        for domain, severity in rules.items():
            domain_rules.add(cursor, RuleToStore(DomainRule(domain, severity)), by=None, now=make.NOW)
        for host in allowed:
            domain_rules.allow(cursor, domain=host, by=None, now=make.NOW)
        account = account_of(cursor, *own)
        if by_moderators:
            accounts.set_suspended(cursor, id=account.id, at=make.NOW)
        domain_accounts.set_state_of(cursor, id=account.id, account=account, now=make.NOW)

        hidden = domain_rules.current(cursor, has_allow_list=mode is ALLOWLIST).hidden_by(*own)
        by_rule = hidden.suspended and not by_moderators
        assert state(cursor, account) == (hidden.suspended or by_moderators, by_rule, hidden.limited, hidden.limited)
        both = domain_accounts.AccountHosts(*own)
        assert domain_accounts.set_states(cursor, states={both: hidden}, now=make.NOW) == 0
    finally:
        execute(cursor, "rollback to savepoint example")


@pytest.mark.parametrize("mode", [ON, FederationMode.OFF])
def test_the_allow_list_hides_nobody_in_other_modes(cursor: Cursor, mode: FederationMode) -> None:
    execute(cursor, "insert into federation_start (public_url, started_at) values ('https://site.test', now())")
    domain_rules.note_mode(cursor, mode=mode)
    domain_rules.allow(cursor, domain="a.example", by=None, now=make.NOW)
    account = account_of(cursor, "b.example", "b.example")
    domain_accounts.set_state_of(cursor, id=account.id, account=account, now=make.NOW)
    assert state(cursor, account) == (False, False, False, False)
