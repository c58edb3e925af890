"""Roles: what each may do, what apps are told of it, and that nobody acts on accounts of the same role or above."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from microblog.model.accounts import AccountWithLogin, Role
from microblog.model.moderation import ModerationAction, Sanction
from microblog.model.permissions import PERMISSIONS, Permission
from microblog.storage import users, warnings
from microblog.storage.database import Cursor, fetch_all, fetch_value
from microblog.web.http.route import AccessLevel, Route
from tests import make
from tests.federation.internet import Internet
from tests.federation.remote_server import URL
from tests.web.api.client import Client, client, new_client_for
from tests.web.test_audit import STAFF_SCOPES
from tests.web.test_moderation import with_role
from tests.web.visitor import SiteFixture, Visitor, build_site

LEVELS = {AccessLevel.MODERATOR: Role.MODERATOR, AccessLevel.ADMIN: Role.ADMIN}
Fields = dict[str, str]

ROUTES = {
    "/admin/accounts": Permission.MANAGE_USERS,
    "/admin/announcements": Permission.MANAGE_ANNOUNCEMENTS,
    "/admin/appeals": Permission.MANAGE_APPEALS,
    "/admin/canonical_email_blocks": Permission.MANAGE_BLOCKS,
    "/admin/dashboard": Permission.VIEW_DASHBOARD,
    "/admin/email_domain_blocks": Permission.MANAGE_BLOCKS,
    "/admin/emojis": Permission.MANAGE_CUSTOM_EMOJIS,
    "/admin/invites": Permission.MANAGE_INVITES | Permission.INVITE_USERS,
    "/admin/ip_blocks": Permission.MANAGE_BLOCKS,
    "/admin/jobs": Permission.VIEW_DEVOPS,
    "/admin/log": Permission.VIEW_AUDIT_LOG,
    "/admin/notes": Permission.MANAGE_REPORTS,
    "/admin/outbox": Permission.VIEW_DEVOPS,
    "/admin/people": Permission.MANAGE_USERS,
    "/admin/reports": Permission.MANAGE_REPORTS,
    "/admin/roles": Permission.MANAGE_ROLES,
    "/admin/rules": Permission.MANAGE_RULES,
    "/admin/servers": Permission.MANAGE_FEDERATION,
    "/admin/site": Permission.MANAGE_SETTINGS,
    "/admin/stats": Permission.VIEW_DEVOPS,
    "/admin/strikes": Permission.MANAGE_USERS,
    "/admin/trends": Permission.MANAGE_TAXONOMIES,
    "/admin/username_blocks": Permission.MANAGE_BLOCKS,
    "/api/v1/admin/accounts": Permission.MANAGE_USERS | Permission.DELETE_USER_DATA,
    "/api/v1/admin/audit_log": Permission.VIEW_AUDIT_LOG,
    "/api/v1/admin/canonical_email_blocks": Permission.MANAGE_BLOCKS,
    "/api/v1/admin/custom_emojis": Permission.MANAGE_CUSTOM_EMOJIS,
    "/api/v1/admin/dimensions": Permission.VIEW_DASHBOARD,
    "/api/v1/admin/measures": Permission.VIEW_DASHBOARD,
    "/api/v1/admin/retention": Permission.VIEW_DASHBOARD,
    "/api/v1/admin/domain_allows": Permission.MANAGE_FEDERATION,
    "/api/v1/admin/domain_blocks": Permission.MANAGE_FEDERATION,
    "/api/v1/admin/email_domain_blocks": Permission.MANAGE_BLOCKS,
    "/api/v1/admin/ip_blocks": Permission.MANAGE_BLOCKS,
    "/api/v1/admin/reports": Permission.MANAGE_REPORTS,
    "/api/v1/admin/tags": Permission.MANAGE_TAXONOMIES,
    "/api/v1/admin/trends": Permission.MANAGE_TAXONOMIES,
    "/api/v2/admin/accounts": Permission.MANAGE_USERS,
}
"""The permissions that routes of staff stand for, by the beginning of their paths."""


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, Internet(), public_url=URL, federation="on", rate_limits="off")


def staff_routes(site: SiteFixture) -> list[Route]:
    """Return all routes that ask for a role."""
    return [route for route in site.routes if route.options.viewer in LEVELS]


def permissions_of(route: Route) -> Permission:
    """Return the permissions that a route stands for. Raises KeyError if there are none."""
    return ROUTES["/".join(route.path.partition("<")[0].rstrip("/").split("/")[: 5 if route.options.api else 3]).partition(".")[0]]


def test_the_masks_say_what_the_routes_let_each_role_do(site: SiteFixture) -> None:
    for route in staff_routes(site):
        for role, mask in PERMISSIONS.items():
            may, named = role.includes(LEVELS[route.options.viewer]), permissions_of(route)
            assert (mask & named) == (named if may else Permission(0)), (route.name, role)


def test_no_mask_has_a_permission_without_a_route(site: SiteFixture) -> None:
    used = Permission(0)
    for route in staff_routes(site):
        used |= permissions_of(route)
    assert PERMISSIONS[Role.ADMIN] == used | Permission.ADMINISTRATOR
    assert not PERMISSIONS[Role.MODERATOR] & Permission.ADMINISTRATOR
    assert set(ROUTES) == {key for route in staff_routes(site) for key in ROUTES if route.path.startswith(key)}


@pytest.mark.parametrize("role", list(Role))
def test_apps_are_told_the_mask_as_text(site: SiteFixture, role: Role) -> None:
    app = client(site, "ada", STAFF_SCOPES, role=role)
    own = app.get("/v1/accounts/verify_credentials").json["role"]
    boss = client(site, "boss", STAFF_SCOPES, role=Role.ADMIN)
    assert own == boss.get(f"/v1/admin/accounts/{app.id}").json["role"]
    assert (own["permissions"], own["highlighted"], own["color"]) == (str(int(PERMISSIONS[role])), role is not Role.USER, "")


@define(eq=False)
class Scene:
    """A viewer on the pages and by the API, and an account of the same role or above."""

    site: SiteFixture
    visitor: Visitor
    app: Client
    target: AccountWithLogin

    @property
    def cursor(self) -> Cursor:
        return self.site.cursor

    @property
    def name(self) -> str:
        return self.target.account.username

    @property
    def id(self) -> int:
        return self.target.account.id

    def restrict(self) -> None:
        """Restrict the account in every way, so that each act that lifts a restriction would change something."""
        sql = "update accounts set suspended_at = now(), limited_at = now(), sensitized_at = now() where id = %s"
        self.cursor.execute(sql, [self.id])
        self.cursor.execute("update users set disabled_at = now(), approved_at = null where account_id = %s", [self.id])

    def report(self) -> int:
        reporter = client(self.site, f"reporter{fetch_value(self.cursor, 'select count(*) from reports')}")
        return int(reporter.post("/v1/reports", account_id=self.id).json["id"])

    def strike(self) -> int:
        sanction = Sanction(ModerationAction.SILENCE)
        id = warnings.insert(
            self.cursor, sanction, account=self.target.account.id, moderator=self.target.account.id, posts=(), now=make.NOW
        )
        warnings.insert_appeal(self.cursor, warning=id, text="I was wrong.", now=make.NOW)
        return id

    def state(self) -> list[Any]:
        """Return everything that an act could change."""
        account = fetch_all(self.cursor, lambda *row: row, "select * from accounts where id = %(id)s", {"id": self.id})
        strikes = "select action, overruled_at from account_warnings where account_id = %(id)s order by id"
        appeals = "select approved from appeals order by warning_id"
        return [
            account,
            users.by_account(self.cursor, account=self.target.account.id),
            fetch_all(self.cursor, lambda *row: row, strikes, {"id": self.id}),
            fetch_all(self.cursor, lambda *row: row, appeals),
            fetch_value(self.cursor, "select count(*) from reports where closed_at is not null"),
            fetch_value(self.cursor, "select count(*) from audit_log"),
        ]


Act = Callable[[Scene], tuple[str, Fields]]


def page(act: str, **fields: str) -> Act:
    return lambda scene: (f"/admin/people/{scene.name}/{act}", fields)


def desk(act: str, **fields: str) -> Act:
    return lambda scene: (f"/admin/accounts/{scene.id}/{act}", fields)


def api(act: str, **fields: str) -> Act:
    return lambda scene: (f"/v1/admin/accounts/{scene.id}/{act}".removesuffix("/"), fields)


ACTS: dict[str, list[Act]] = {
    "POST /admin/people/<username:username>/approve": [page("approve")],
    "POST /admin/people/<username:username>/reject": [page("reject")],
    "POST /admin/people/<username:username>/suspend": [page("suspend")],
    "POST /admin/people/<username:username>/limit": [page("limit")],
    "POST /admin/people/<username:username>/unlimit": [page("unlimit")],
    "POST /admin/people/<username:username>/restore": [page("restore")],
    "POST /admin/accounts/<id:account_id>/action": [
        desk("action", type=action) for action in ("none", "disable", "sensitive", "silence", "suspend", "delete_statuses")
    ],
    "POST /admin/accounts/<id:account_id>/undo": [desk("undo", type=kind) for kind in ("unsuspend", "unsilence", "unsensitive", "enable")],
    "POST /admin/accounts/<id:account_id>/confirm": [desk("confirm")],
    "POST /admin/accounts/<id:account_id>/resend_confirmation": [desk("resend_confirmation")],
    "POST /admin/accounts/<id:account_id>/email": [desk("email", email="other@example.org")],
    "POST /admin/accounts/<id:account_id>/password_reset": [desk("password_reset")],
    "POST /admin/roles/<id:account_id>": [lambda scene: (f"/admin/roles/{scene.id}", {"role": "user"})],
    "POST /admin/accounts/<id:account_id>/remove_image": [desk("remove_image", image=image) for image in ("avatar", "header")],
    "POST /admin/reports/<id:report_id>/action": [lambda scene: (f"/admin/reports/{scene.report()}/action", {"type": "suspend"})],
    "POST /admin/appeals/<id:strike_id>/approve": [lambda scene: (f"/admin/appeals/{scene.strike()}/approve", {})],
    "POST /admin/appeals/<id:strike_id>/reject": [lambda scene: (f"/admin/appeals/{scene.strike()}/reject", {})],
    "POST /admin/strikes/<id:strike_id>/undo": [lambda scene: (f"/admin/strikes/{scene.strike()}/undo", {})],
    "POST /api/v1/admin/accounts/<id:account_id>/approve": [api("approve")],
    "POST /api/v1/admin/accounts/<id:account_id>/reject": [api("reject")],
    "POST /api/v1/admin/accounts/<id:account_id>/enable": [api("enable")],
    "POST /api/v1/admin/accounts/<id:account_id>/unsilence": [api("unsilence")],
    "POST /api/v1/admin/accounts/<id:account_id>/unsuspend": [api("unsuspend")],
    "POST /api/v1/admin/accounts/<id:account_id>/unsensitive": [api("unsensitive")],
    "DELETE /api/v1/admin/accounts/<id:account_id>": [api("")],
    "POST /api/v1/admin/accounts/<id:account_id>/action": [
        api("action", type=action) for action in ("none", "disable", "sensitive", "silence", "suspend")
    ],
}
"""The acts of each route on an account of the site."""

ABOUT_ACCOUNTS = ("<username:username>", "<id:account_id>", "<id:strike_id>", "<id:report_id>")
NO_ACTS = {
    "POST /admin/accounts/<id:account_id>/notes": "a note that only moderators see",
    "POST /admin/reports/<id:report_id>/notes": "a note that only moderators see",
    "POST /admin/reports/<id:report_id>/close": "changes the report alone",
    "POST /admin/reports/<id:report_id>/assign": "changes the report alone",
    "POST /admin/reports/<id:report_id>/reopen": "changes the report alone",
    "PUT /api/v1/admin/reports/<id:report_id>": "changes the report alone",
    "PATCH /api/v1/admin/reports/<id:report_id>": "changes the report alone",
    "POST /api/v1/admin/reports/<id:report_id>/assign_to_self": "changes the report alone",
    "POST /api/v1/admin/reports/<id:report_id>/unassign": "changes the report alone",
    "POST /api/v1/admin/reports/<id:report_id>/resolve": "changes the report alone",
    "POST /api/v1/admin/reports/<id:report_id>/reopen": "changes the report alone",
}
"""Routes with an account, strike or report in their path that change no account, each with the reason."""


def test_every_act_of_staff_on_accounts_is_tested(site: SiteFixture) -> None:
    acts = {
        f"{route.method} {route.path}"
        for route in staff_routes(site)
        if not route.safe and any(variable in route.path for variable in ABOUT_ACCOUNTS)
    }
    assert acts == {*ACTS, *NO_ACTS}


@pytest.mark.parametrize(("own", "other"), [(Role.MODERATOR, Role.MODERATOR), (Role.MODERATOR, Role.ADMIN), (Role.ADMIN, Role.ADMIN)])
@pytest.mark.parametrize("restricted", [False, True])
def test_an_equal_or_higher_role_is_untouched(site: SiteFixture, own: Role, other: Role, restricted: bool) -> None:
    visitor, target = with_role(site, "actor", own), make.member(site.cursor, "target", role=other)
    scene = Scene(site, visitor, new_client_for(site, site.viewer("actor"), STAFF_SCOPES), target)
    if restricted:
        scene.restrict()
    assert_untouched(scene)


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.ADMIN])
def test_nobody_acts_on_themselves(site: SiteFixture, role: Role) -> None:
    visitor, viewer = with_role(site, "actor", role), site.viewer("actor")
    target = users.by_account(site.cursor, account=viewer.id)
    assert target is not None
    assert_untouched(Scene(site, visitor, new_client_for(site, viewer, STAFF_SCOPES), target))


def assert_untouched(scene: Scene) -> None:
    """Try each act; all are refused, and none changes anything."""
    for route, acts in ACTS.items():
        for act in acts:
            path, fields = act(scene)
            before = scene.state()
            if path.startswith("/admin"):
                status = scene.visitor.submit(path, page="/admin/people", **fields).status
            else:
                status = scene.app.request(route.partition(" ")[0], path, form=fields).status
            assert status == 403, (route, fields)
            assert scene.state() == before, (route, fields)
