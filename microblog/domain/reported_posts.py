"""Reported posts as moderators see them, with what was said before and after them, and as their authors see what was decided."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from attrs import evolve

from microblog.model.ids import AccountId, PostId
from microblog.model.moderation import Strike, StrikeDetails
from microblog.model.reports import ReportedPost
from microblog.storage import posts, reported_posts
from microblog.storage.database import Cursor

REPLIES = 3  # to each post


def load(cursor: Cursor, ids: Collection[PostId], viewer: AccountId) -> dict[PostId, ReportedPost]:
    """Return those of the posts that are shown to the viewer, a moderator or the author; deleted ones as well."""
    shown = reported_posts.shown(cursor, ids=ids, viewer=viewer)
    found = posts.by_ids(cursor, shown, deleted=True) if shown else {}
    return {id: ReportedPost(post, shown[id]) for id, post in found.items()}


def with_threads(cursor: Cursor, reported: Sequence[ReportedPost], viewer: AccountId) -> list[ReportedPost]:
    """Add to each post the one that it replies to, and the first replies to it, as far as the moderator is shown them."""
    ids = [one.post.id for one in reported]
    replies = reported_posts.first_replies(cursor, ids=ids, limit=REPLIES) if ids else []
    parents = [one.post.reply_to for one in reported if one.post.reply_to is not None]
    around = {id: one.post for id, one in load(cursor, {*parents, *(reply for _, reply in replies)}, viewer).items() if not one.deleted_at}
    return [
        evolve(
            one,
            parent=None if one.post.reply_to is None else around.get(one.post.reply_to),
            replies=tuple(around[reply] for post, reply in replies if post == one.post.id and reply in around),
        )
        for one in reported
    ]


def of_strikes(cursor: Cursor, strikes: Sequence[Strike], viewer: AccountId) -> list[StrikeDetails]:
    """Return the strikes with the posts that they are about, as far as the viewer is shown them."""
    found = load(cursor, {id for strike in strikes for id in strike.warning.posts}, viewer)
    return [StrikeDetails(strike, tuple(found[id] for id in strike.warning.posts if id in found)) for strike in strikes]
