"""`microblog post`: posts of anybody."""

from __future__ import annotations

import re

import click

from microblog.cli.context import Console, as_json, confirm, plain, show, yes
from microblog.model.ids import PostId
from microblog.model.posts import Post

MAX_ID = 2**63 - 1
EXCERPT = 80


def _post_id(context: click.Context, parameter: click.Parameter, value: str) -> PostId:
    """Return the id of a post from itself or from an address of this site, which ends with it."""
    found = re.fullmatch(r"(?:https?://[^/]+/(?:[^/]+/)*)?([0-9]{1,19})/?", value)
    if found is None or not 0 < int(found[1]) <= MAX_ID:
        raise click.BadParameter(f"{plain(value)!r} is neither the id of a post nor an address that ends with one.", context, parameter)
    return PostId(int(found[1]))


@click.group()
def post() -> None:
    """Manage posts of anybody."""


@post.command()
@click.argument("post", callback=_post_id)
@yes
@as_json
@click.pass_obj
def delete(console: Console, post: PostId, as_json: bool, yes: bool) -> None:
    """Delete a post with its media and boosts. POST is its id or its address on this site. This cannot be undone.

    Everything is deleted in one transaction, or nothing. Other servers that have the post are told. A post of another server is deleted
    here only.
    """
    if not yes:
        found = console.run(lambda services: services.posts.one(post))
        confirm(f"{_in_short(found)}\nDelete this post of {found.author.acct}?")
    deleted = console.run(lambda services: services.posts.delete(post))
    show(described(deleted), f"Deleted the post {deleted.id} of {plain(deleted.author.acct)}.", as_json=as_json)


def described(post: Post) -> dict[str, object]:
    """Return a post's fields for output."""
    return {
        "id": str(post.id),
        "author": post.author.acct,
        "created_at": post.created_at.isoformat(timespec="seconds"),
        "visibility": post.visibility,
        "text": post.text,
    }


def _in_short(post: Post) -> str:
    words = " ".join(post.text.split())
    return words if len(words) <= EXCERPT else words[: EXCERPT - 1] + "…"
