"""`microblog user`: accounts with a login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from microblog.cli.context import Console, as_json, new_password, show, table
from microblog.model.account_origins import AccountOrigin
from microblog.model.accounts import Account, AccountWithLogin, Role, Session
from microblog.model.errors import NotFound
from microblog.model.ids import AccountId
from microblog.model.paging import Page

if TYPE_CHECKING:
    from microblog.cli.services import Services

    Change = Callable[[Services, AccountId], Awaitable[object]]
    ChangeElsewhere = Callable[[Services, AccountId], Awaitable[Account]]

ROLES = click.Choice([str(role) for role in Role])
ADDRESS_COLUMNS = ("address", "used_at", "sources", "user_agents")
COLUMNS = ("id", "username", "email", "role", "state", "created_at", "posts")


@click.group()
def user() -> None:
    """Create, list and change user accounts. NAME is a username or an e-mail address."""


def described(member: AccountWithLogin) -> dict[str, object]:
    """Return a user's fields for output."""
    account, login = member.account, member.login
    return {
        "id": str(account.id),
        "username": account.username,
        "email": login.email,
        "role": login.role,
        "state": member.state,
        "display_name": account.display_name,
        "created_at": login.created_at.isoformat(timespec="seconds"),
        "confirmed_at": login.confirmed_at and login.confirmed_at.isoformat(timespec="seconds"),
        "approved_at": login.approved_at and login.approved_at.isoformat(timespec="seconds"),
        "suspended_at": account.suspended_at and account.suspended_at.isoformat(timespec="seconds"),
        "limited_at": account.limited_at and account.limited_at.isoformat(timespec="seconds"),
        "disabled_at": login.disabled_at and login.disabled_at.isoformat(timespec="seconds"),
        "reason": login.reason,
        "posts": account.posts_count,
        "followers": account.followers_count,
        "following": account.following_count,
    }


@user.command()
@click.argument("username")
@click.argument("email")
@click.option("--role", type=ROLES, default=str(Role.USER), show_default=True, help="The user's role.")
@click.option("--id", type=click.IntRange(1, 2**63 - 1), help="The account's id, for users who move here from another server.")
@click.option("--reattach", is_flag=True, help="Allow the username of a deleted account. The old account's data is not restored.")
@as_json
@click.pass_obj
def create(console: Console, /, *, username: str, email: str, role: str, id: int | None, reattach: bool, as_json: bool) -> None:
    """Create a user account. Prompts for the password, or reads it from standard input.

    The account needs no approval or e-mail confirmation, and its username may be a reserved one.
    """
    from microblog.domain.registration import SignUpForm

    form = SignUpForm(username, email, new_password(), agreement=True)

    async def work(services: Services) -> AccountWithLogin:
        account = await services.registrations.create(form, role=Role(role), id=id, reattach=reattach)
        return await services.account_admin.by_name(account.username)

    created = console.run(work)
    show(described(created), f"Created {created.account.username} (id {created.account.id}, {created.login.role}).", as_json=as_json)


@user.command("list")
@click.option("--pending", is_flag=True, help="Only users that are waiting for approval.")
@click.option("--suspended", is_flag=True, help="Only suspended users.")
@click.option("--role", type=ROLES, help="Only users with this role.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Maximum number of users.")
@click.option("--before", type=click.IntRange(1), help="Only users with an id below this one, for the next page.")
@as_json
@click.pass_obj
def list_(console: Console, /, limit: int, before: int | None, role: str | None, as_json: bool, **only: bool) -> None:
    """List users, newest first."""
    page = Page(limit=limit, max_id=before)
    found = console.run(lambda services: services.account_admin.list(page, role=Role(role) if role else None, **only))
    rows = [described(member) for member in found]
    show(rows, table(rows, COLUMNS) if rows else "No users.", as_json=as_json)


@user.command("show")
@click.argument("name")
@as_json
@click.pass_obj
def show_(console: Console, name: str, as_json: bool) -> None:
    """Show all details of a user, or what is known of @name@server."""
    if _is_elsewhere(name):
        found = described_elsewhere(console.run(lambda services: _elsewhere(services, name)))
    else:
        found = described(console.run(lambda services: services.account_admin.by_name(name)))
    text = table([{"field": field, "value": value} for field, value in found.items()], ("field", "value"))
    show(found, text.partition("\n")[2], as_json=as_json)


def described_elsewhere(account: Account) -> dict[str, object]:
    """Return the fields of an account of another server for output."""
    return {
        "id": str(account.id),
        "address": account.acct,
        "display_name": account.display_name,
        "suspended_at": account.suspended_at and account.suspended_at.isoformat(timespec="seconds"),
        "limited_at": account.limited_at and account.limited_at.isoformat(timespec="seconds"),
        "posts": account.posts_count,
    }


def _is_elsewhere(name: str) -> bool:
    """True for an address on another server, such as @bo@b.example. An e-mail address has no @ at its beginning."""
    return name.startswith("@") and "@" in name[1:]


async def _elsewhere(services: Services, name: str) -> Account:
    found = await services.accounts_elsewhere.by_acct(name)
    if found is None:
        raise NotFound("No account with this address on another server is known here.")
    return found


def _change(console: Console, name: str, as_json: bool, act: Change, done: str) -> None:
    async def work(services: Services) -> AccountWithLogin:
        before = await services.account_admin.by_name(name)
        after = await act(services, before.account.id)
        return after if isinstance(after, AccountWithLogin) else before

    changed = console.run(work)
    show(described(changed), f"{changed.account.username} is {done.format(role=changed.login.role)}.", as_json=as_json)


def _change_elsewhere(console: Console, name: str, as_json: bool, act: ChangeElsewhere, done: str) -> None:
    async def work(services: Services) -> Account:
        return await act(services, (await _elsewhere(services, name)).id)

    changed = console.run(work)
    show(described_elsewhere(changed), f"{changed.acct} is {done}.", as_json=as_json)


def _command(name: str, help: str, done: str, act: Change, elsewhere: ChangeElsewhere | None = None) -> None:
    """Add a command. `elsewhere` does the same with an account of another server."""

    @user.command(name, help=help)
    @click.argument("name")
    @as_json
    @click.pass_obj
    def command(console: Console, name: str, as_json: bool) -> None:
        if elsewhere is not None and _is_elsewhere(name):
            _change_elsewhere(console, name, as_json, elsewhere, done)
            return
        _change(console, name, as_json, act, done)


_command(
    "suspend",
    "Hide a user and all their posts from everyone, and log them out. Can be undone. For @name@server: within 30 days.",
    "suspended",
    lambda services, id: services.account_admin.suspend(id),
    lambda services, id: services.accounts_elsewhere.suspend(id),
)
_command(
    "unsuspend",
    "Undo a suspension, also of @name@server.",
    "not suspended",
    lambda services, id: services.account_admin.restore(id),
    lambda services, id: services.accounts_elsewhere.restore(id),
)
_command(
    "limit",
    "Show the posts of a user or of @name@server only to followers and to people who open the profile.",
    "limited",
    lambda services, id: services.account_admin.limit(id),
    lambda services, id: services.accounts_elsewhere.limit(id),
)
_command(
    "unlimit",
    "Undo a limit, also of @name@server.",
    "not limited",
    lambda services, id: services.account_admin.unlimit(id),
    lambda services, id: services.accounts_elsewhere.unlimit(id),
)
_command(
    "disable",
    "Log a user out and block their login. Their posts stay.",
    "disabled",
    lambda services, id: services.account_admin.disable(id),
)
_command("enable", "Allow a disabled user to log in again.", "enabled", lambda services, id: services.account_admin.enable(id))
_command("approve", "Approve a sign-up.", "approved", lambda services, id: services.account_admin.approve(id))
_command("confirm", "Mark a user's e-mail address as confirmed.", "confirmed", lambda services, id: services.account_admin.confirm(id))
_command(
    "reject",
    "Reject a sign-up and delete the account. The username and e-mail address become available again.",
    "rejected",
    lambda services, id: services.account_admin.reject(id),
)


@user.command("reset-password")
@click.argument("name")
@as_json
@click.pass_obj
def reset_password(console: Console, name: str, as_json: bool) -> None:
    """Set a new password and log the user out everywhere. Prompts for the password, or reads it from standard input."""
    password = new_password()
    _change(
        console,
        name,
        as_json,
        lambda services, id: services.account_admin.reset_password(id, password),
        "logged out and has a new password",
    )


@user.command()
@click.argument("name")
@click.argument("role", type=ROLES)
@as_json
@click.pass_obj
def role(console: Console, name: str, role: str, as_json: bool) -> None:
    """Set a user's role: user, moderator or admin."""
    _change(console, name, as_json, lambda services, id: services.account_admin.set_role(id, Role(role)), "now {role}")


@user.command()
@click.argument("name")
@as_json
@click.pass_obj
def ip(console: Console, name: str, as_json: bool) -> None:
    """List the IP addresses of a user's sessions, apps and sign-up, with the browsers, the most recently used first.

    Those of ended and expired sessions are not stored; those of apps for 60 days, that of the sign-up for a year.
    """

    async def work(services: Services) -> tuple[AccountOrigin, Sequence[Session]]:
        id = (await services.account_admin.by_name(name)).account.id
        return (await services.account_admin.origins([id]))[id], await services.account_admin.sessions(id)

    rows = _addresses(*console.run(work))
    lines = [row | {"sources": ", ".join(row["sources"]), "user_agents": ", ".join(row["user_agents"])} for row in rows]
    show(rows, table(lines, ADDRESS_COLUMNS) if rows else "No addresses.", as_json=as_json)


def _addresses(origin: AccountOrigin, sessions: Sequence[Session]) -> list[dict[str, Any]]:
    return [
        {
            "address": used.address,
            "used_at": used.used_at.isoformat(timespec="seconds"),
            "sources": used.sources,
            "user_agents": [session.user_agent for session in sessions if session.address == used.address],
        }
        for used in origin.addresses
    ]


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@as_json
@click.pass_obj
def delete(console: Console, name: str, yes: bool, as_json: bool) -> None:
    """Delete a user permanently. The account is hidden immediately; the running site then deletes its data, after interruptions again.

    The username stays reserved, so that nobody can impersonate the user; `user create --reattach` makes it available again.
    """
    if not yes:
        click.confirm(f"Delete {name} and all their posts? This cannot be undone.", abort=True, err=True)
    _change(console, name, as_json, lambda services, id: services.account_admin.delete(id), "deleted")
