"""Events about posts: what the event log says of them."""

from __future__ import annotations

from datetime import datetime

from microblog.model.events import EventKind
from microblog.model.posts import Post
from microblog.storage import events
from microblog.storage.database import Cursor


def event_data(post: Post) -> dict[str, object]:
    """Return what consumers of the event log need to route the post to timelines without a database query."""
    boost, elsewhere = post.boost, {"remote": True} if post.uri else {}
    if post.reply_to_uri:
        elsewhere["parent_unknown"] = True
    return {
        "visibility": post.visibility,
        "boost_of": boost.id if boost else None,
        "boost_author": boost.author.id if boost else None,
        "reply_to": post.reply_to,
        "reply_to_account": post.reply_to_account,
        "thread": post.thread_id,
        "language": post.language,
        "tags": [tag.key for tag in post.tags],
        "mentions": [mention.account_id for mention in post.mentions],
        **elsewhere,
    }


def record(cursor: Cursor, kind: EventKind, post: Post, at: datetime, *, unresolved: bool = False, restored: bool = False) -> None:
    """Write an event about the post. `unresolved`: accounts that it mentions may become known; other servers get it after that.

    `restored`: it was published before, and deleted.
    """
    data = event_data(post) | ({"unresolved": True} if unresolved else {}) | ({"restored": True} if restored else {})
    events.record(cursor, kind, at=at, account=post.author.id, post=post.id, data=data)
