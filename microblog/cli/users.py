"""`microblog user`: accounts with a login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import click

from microblog.cli.context import Console, Services, as_json, new_password, show, table
from microblog.domain.registration import SignUpForm
from microblog.model.accounts import AccountWithLogin, Role
from microblog.model.ids import AccountId
from microblog.model.paging import Page

ROLES = click.Choice([str(role) for role in Role])
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
@click.option("--role", type=ROLES, default=str(Role.USER), show_default=True)
@click.option("--id", type=click.IntRange(1, 2**63 - 1), help="The account's id; for people who move here from elsewhere.")
@click.option("--reattach", is_flag=True, help="Also if the name is that of a deleted account. Nothing of that account comes back.")
@as_json
@click.pass_obj
def create(console: Console, /, *, username: str, email: str, role: str, id: int | None, reattach: bool, as_json: bool) -> None:
    """Create a user account. Prompts for the password, or reads it from standard input.

    Needs neither approval nor confirmation, and may use reserved usernames.
    """
    form = SignUpForm(username, email, new_password(), agreement=True)

    async def work(desk: Services) -> AccountWithLogin:
        made = await desk.registrations.create(form, role=Role(role), id=id, reattach=reattach)
        return await desk.members.by_name(made.username)

    made = console.run(work)
    show(described(made), f"Made {made.account.username} (id {made.account.id}, {made.login.role}).", as_json=as_json)


@user.command("list")
@click.option("--pending", is_flag=True, help="Only people who wait for approval.")
@click.option("--suspended", is_flag=True, help="Only the suspended.")
@click.option("--role", type=ROLES, help="Only people with this role.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many at most.")
@click.option("--before", type=click.IntRange(1), help="Only people with a smaller id: the next page.")
@as_json
@click.pass_obj
def list_(console: Console, /, limit: int, before: int | None, role: str | None, as_json: bool, **only: bool) -> None:
    """List users, newest first."""
    page = Page(limit=limit, max_id=before)
    found = console.run(lambda desk: desk.members.list(page, role=Role(role) if role else None, **only))
    rows = [described(member) for member in found]
    show(rows, table(rows, COLUMNS) if rows else "Nobody.", as_json=as_json)


@user.command("show")
@click.argument("name")
@as_json
@click.pass_obj
def show_(console: Console, name: str, as_json: bool) -> None:
    """Show all details of a user."""
    found = described(console.run(lambda desk: desk.members.by_name(name)))
    text = table([{"field": field, "value": value} for field, value in found.items()], ("field", "value"))
    show(found, text.partition("\n")[2], as_json=as_json)


def _change(console: Console, name: str, as_json: bool, act: Callable[[Services, AccountId], Awaitable[object]], done: str) -> None:
    async def work(desk: Services) -> AccountWithLogin:
        before = await desk.members.by_name(name)
        after = await act(desk, before.account.id)
        return after if isinstance(after, AccountWithLogin) else before

    changed = console.run(work)
    show(described(changed), f"{changed.account.username} is {done.format(role=changed.login.role)}.", as_json=as_json)


def _verb(name: str, help: str, done: str, act: Callable[[Services, AccountId], Awaitable[object]]) -> None:
    @user.command(name, help=help)
    @click.argument("name")
    @as_json
    @click.pass_obj
    def verb(console: Console, name: str, as_json: bool) -> None:
        _change(console, name, as_json, act, done)


_verb(
    "suspend",
    "Hide somebody and all they wrote from everybody, and log them out. Can be undone.",
    "suspended",
    lambda desk, id: desk.members.suspend(id),
)
_verb("unsuspend", "Undo a suspension.", "not suspended", lambda desk, id: desk.members.restore(id))
_verb("limit", "Show somebody only to those who follow or look for them.", "limited", lambda desk, id: desk.members.limit(id))
_verb("unlimit", "Limit somebody no more.", "not limited", lambda desk, id: desk.members.unlimit(id))
_verb("disable", "Log somebody out and let them in no more; what they wrote stays.", "disabled", lambda desk, id: desk.members.disable(id))
_verb("enable", "Let somebody who was disabled in again.", "enabled", lambda desk, id: desk.members.enable(id))
_verb("approve", "Let an applicant in.", "approved", lambda desk, id: desk.members.approve(id))
_verb("confirm", "Take somebody's e-mail address as proved.", "confirmed", lambda desk, id: desk.members.confirm(id))
_verb("reject", "Erase an applicant; the name and the address are free again.", "erased", lambda desk, id: desk.members.reject(id))


@user.command("reset-password")
@click.argument("name")
@as_json
@click.pass_obj
def reset_password(console: Console, name: str, as_json: bool) -> None:
    """Set a new password and end all sessions of the user. Prompts for the password, or reads it from standard input."""
    password = new_password()
    _change(console, name, as_json, lambda desk, id: desk.members.reset_password(id, password), "logged out and has a new password")


@user.command()
@click.argument("name")
@click.argument("role", type=ROLES)
@as_json
@click.pass_obj
def role(console: Console, name: str, role: str, as_json: bool) -> None:
    """Set a user's role: user, moderator or admin."""
    _change(console, name, as_json, lambda desk, id: desk.members.set_role(id, Role(role)), "{role} now")


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@click.pass_obj
def delete(console: Console, name: str, yes: bool, as_json: bool) -> None:
    """Delete a user permanently. The account is hidden immediately; the running site then deletes its data.

    The username stays reserved, so that nobody can impersonate the user; `user create --reattach` makes it available again.
    """
    if not yes:
        click.confirm(f"Delete {name} and all they wrote? This cannot be undone.", abort=True, err=True)
    _change(console, name, as_json, lambda desk, id: desk.members.delete(id), "deleted")
