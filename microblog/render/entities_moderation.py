"""Members and reports as programs for moderators know them."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from microblog.model.accounts import Account, Member
from microblog.model.reports import Case
from microblog.render.entities import Entities, Entity, moment, role
from microblog.render.entities_reports import broken_rules, said_of
from microblog.render.schemas import ACCOUNT, ANY, FLAG, ID, MOMENT, ROLE, STATUS, TEXT, array_of, entity, nullable
from microblog.render.schemas_instance import RULE

ADMIN_ACCOUNT = entity(
    "AdminAccount",
    {
        "id": ID,
        "username": TEXT,
        "domain": {"type": "null"},
        "created_at": MOMENT,
        "email": nullable(TEXT),
        "ip": {"type": "null"},
        "confirmed": FLAG,
        "suspended": FLAG,
        "silenced": FLAG,
        "sensitized": FLAG,
        "disabled": FLAG,
        "approved": FLAG,
        "locale": nullable(TEXT),
        "invite_request": nullable(TEXT),
        "ips": array_of(ANY),
        "account": ACCOUNT,
        "role": nullable(ROLE),
    },
)
ADMIN_REPORT = entity(
    "AdminReport",
    {
        "id": ID,
        "action_taken": FLAG,
        "action_taken_at": nullable(MOMENT),
        "category": TEXT,
        "comment": TEXT,
        "forwarded": FLAG,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "account": ADMIN_ACCOUNT,
        "target_account": ADMIN_ACCOUNT,
        "assigned_account": nullable(ADMIN_ACCOUNT),
        "action_taken_by_account": nullable(ADMIN_ACCOUNT),
        "statuses": array_of(STATUS),
        "rules": array_of(RULE),
    },
)


def member_entity(entities: Entities, member: Member) -> Entity:
    """Admin::Account. Addresses of the network are not told."""
    login = member.login
    return _account(entities, member.account) | {
        "email": login.email,
        "confirmed": login.confirmed_at is not None,
        "disabled": login.disabled_at is not None,
        "approved": login.approved_at is not None,
        "locale": login.preferences.locale,
        "invite_request": login.reason or None,
        "role": role(login.role),
    }


def _account(entities: Entities, account: Account) -> Entity:
    """What is known without a login: of somebody who is deleted, that is all."""
    return {
        "id": str(account.id),
        "username": account.username,
        "domain": None,
        "created_at": moment(account.created_at),
        "email": None,
        "ip": None,
        "confirmed": False,
        "suspended": account.suspended_at is not None,
        "silenced": account.limited_at is not None,
        "sensitized": False,
        "disabled": False,
        "approved": False,
        "locale": None,
        "invite_request": None,
        "ips": [],
        "account": entities.account(account),
        "role": None,
    }


def case_entity(entities: Entities, case: Case, statuses: Sequence[bytes], rules: Sequence[str]) -> Entity:
    """Admin::Report. `statuses` are its posts, encoded; `rules` are the site's."""
    report, members = case.report, {id: member_entity(entities, member) for id, member in case.members.items()}
    return said_of(report) | {
        "updated_at": moment(report.closed_at or report.created_at),
        "account": members.get(report.by.id) or _account(entities, report.by),
        "target_account": members.get(report.target.id) or _account(entities, report.target),
        "assigned_account": None if report.assigned_to is None else members.get(report.assigned_to),
        "action_taken_by_account": None if report.closed_by is None else members.get(report.closed_by),
        "statuses": [orjson.Fragment(status) for status in statuses],
        "rules": broken_rules(report, rules),
    }
