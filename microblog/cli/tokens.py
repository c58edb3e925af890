"""`microblog token` and `microblog app`: access tokens, and the apps that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from microblog.cli.context import Console, as_json, show, table
from microblog.model.ids import AppId, TokenId
from microblog.model.oauth import App, IssuedToken, Token

if TYPE_CHECKING:
    from microblog.cli.services import Services

COLUMNS = ("id", "app", "scopes", "created_at", "used_at")
APP_COLUMNS = ("id", "name", "website", "scopes", "created_at", "tokens")


@click.group()
def token() -> None:
    """Create, list and revoke access tokens for the API. USER is a username or an e-mail address."""


def described(token: Token, name: str) -> dict[str, object]:
    """Return a token's fields for output."""
    return {
        "id": str(token.id),
        "app": name,
        "scopes": " ".join(token.scopes),
        "created_at": token.created_at.isoformat(timespec="seconds"),
        "used_at": token.used_at and token.used_at.isoformat(timespec="seconds"),
    }


@token.command()
@click.argument("user")
@click.option("--scopes", default="read", show_default=True, help="Scopes separated by spaces: read, write, push, read:lists ...")
@click.option("--name", default="Script", show_default=True, help="Name shown to the user in the list of their apps.")
@as_json
@click.pass_obj
def create(console: Console, user: str, scopes: str, name: str, as_json: bool) -> None:
    """Create an access token and print it. It is shown only once and does not expire."""

    async def work(services: Services) -> IssuedToken:
        return await services.tokens.issue((await services.account_admin.by_name(user)).account.id, scopes, name)

    issued = console.run(work)
    show({"token": issued.text, **described(issued.token, name)}, issued.text, as_json=as_json)


@token.command("list")
@click.argument("user")
@as_json
@click.pass_obj
def list_(console: Console, user: str, as_json: bool) -> None:
    """List a user's access tokens, newest first. The secret tokens themselves are not shown: the site stores only their hashes."""

    async def work(services: Services) -> list[tuple[Token, App]]:
        return await services.tokens.of((await services.account_admin.by_name(user)).account.id)

    rows = [described(one, app.name) for one, app in console.run(work)]
    show(rows, table(rows, COLUMNS) if rows else "No access tokens.", as_json=as_json)


@token.command()
@click.argument("user")
@click.argument("id", type=click.IntRange(1, 2**63 - 1), required=False)
@click.option("--all", "all_tokens", is_flag=True, help="Revoke all of the user's tokens.")
@as_json
@click.pass_obj
def revoke(console: Console, /, user: str, id: int | None, all_tokens: bool, as_json: bool) -> None:
    """Revoke one or all of a user's access tokens. Open connections that use them are closed."""
    if (id is None) is not all_tokens:
        raise click.UsageError("Give either the ID of a token or --all.")

    async def work(services: Services) -> None:
        account = (await services.account_admin.by_name(user)).account.id
        await (services.tokens.revoke_all(account) if id is None else services.tokens.revoke(account, TokenId(id)))

    console.run(work)
    show({"id": None if id is None else str(id), "revoked": True}, "Revoked.", as_json=as_json)


@click.group()
def app() -> None:
    """List and delete the apps that users log in with."""


@app.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Maximum number of apps.")
@click.option("--before", type=click.IntRange(1), help="Only apps with an id below this one, for the next page.")
@as_json
@click.pass_obj
def list_apps(console: Console, limit: int, before: int | None, as_json: bool) -> None:
    """List apps, newest first, with the number of valid tokens of each."""
    found = console.run(lambda services: services.tokens.apps(limit=limit, before=before))
    rows: list[dict[str, object]] = [
        {
            "id": str(one.id),
            "name": one.name,
            "website": one.website,
            "redirect_uris": list(one.redirect_uris),
            "scopes": " ".join(one.scopes),
            "created_at": one.created_at.isoformat(timespec="seconds"),
            "tokens": tokens,
        }
        for one, tokens in found
    ]
    show(rows, table(rows, APP_COLUMNS) if rows else "No apps.", as_json=as_json)


@app.command()
@click.argument("id", type=click.IntRange(1, 2**63 - 1))
@as_json
@click.pass_obj
def delete(console: Console, id: int, as_json: bool) -> None:
    """Delete an app. All its users are logged out of it immediately."""
    console.run(lambda services: services.tokens.delete_app(AppId(id)))
    show({"id": str(id), "deleted": True}, "The app was deleted.", as_json=as_json)
