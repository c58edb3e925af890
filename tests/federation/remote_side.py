"""People of another server, b.example, who write to people of this one, with everything that receives it but the inbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from attrs import define, field

from microblog.domain.follows import Follows
from microblog.domain.polls import Polls
from microblog.domain.relationships import Relationships
from microblog.federation.effects import Effects
from microblog.federation.post_effects import PostEffects
from microblog.federation.post_extras import PostExtras
from microblog.federation.relevance import Relevance
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_posts import RemotePosts
from microblog.model.accounts import Account, Viewer
from microblog.model.federation import ActorEndpoints, ActorKind
from microblog.model.ids import AccountId
from microblog.model.posts import Post
from microblog.model.remote_actors import ActorToStore
from microblog.storage import posts, remote_actors, remote_posts
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests.fakes import RolledBackDatabase
from tests.federation.documents import PUBLIC, activity
from tests.federation.internet import SITE, Internet, build_fetcher
from tests.make import NOW

BO = "https://b.example/users/bo"


def store_actor(cursor: Cursor, uri: str = BO, kind: ActorKind = ActorKind.PERSON) -> Account:
    """Store an actor, as if its document had been read."""
    _, _, host, _, name = uri.split("/")
    account = Account(AccountId(0), name, name, "", "", NOW, host=host, uri=uri, url=f"https://{host}/@{name}")
    endpoints = ActorEndpoints(f"{uri}/inbox", f"https://{host}/inbox", followers=f"{uri}/followers", featured=f"{uri}/featured")
    assert remote_actors.store(cursor, actor=ActorToStore(account, kind, endpoints), now=NOW) is not None
    return known_actor(cursor, uri)


def known_actor(cursor: Cursor, uri: str = BO) -> Account:
    """Return the stored account of an actor."""
    found = remote_actors.by_uri(cursor, uri=uri)
    assert found is not None
    return found


def store_activity(cursor: Cursor, document: dict[str, Any], recipient: AccountId | None = None, now: datetime = NOW) -> int:
    """Store an activity of a known actor as if it had not arrived before; return its id."""
    values = {"signer": known_actor(cursor, document["actor"]).id, "recipient": recipient, "body": orjson.dumps(document).decode()}
    sql = """insert into incoming_activities (key, signer_id, recipient_id, body, received_at)
        values (gen_random_uuid()::text, %(signer)s, %(recipient)s, %(body)s, %(now)s) returning id"""
    return int(fetch_value(cursor, sql, {**values, "now": now}))


def note(id: str = "1", by: str = BO, **changes: Any) -> dict[str, Any]:
    """Return a public note of an actor, with other properties."""
    plain = {
        "id": f"{by}/statuses/{id}",
        "type": "Note",
        "content": "<p>hi</p>",
        "attributedTo": by,
        "published": NOW.isoformat(),
        "url": f"{by}/pages/{id}",
        "to": [PUBLIC],
        "cc": [f"{by}/followers"],
    }
    return {**plain, **changes}


def local(viewer: Viewer) -> str:
    """Return the id of an account of this site."""
    return SITE.actor(viewer.account.username)


def local_post(post: Post) -> str:
    """Return the id of a post of this site."""
    return SITE.post(post.author.username, post.id)


def naming(*viewers: Viewer) -> list[dict[str, str]]:
    """Return the tags that mention accounts of this site."""
    return [{"type": "Mention", "href": local(viewer), "name": f"@{viewer.account.username}@site.test"} for viewer in viewers]


def build_effects(db: Any, internet: Internet, now: Callable[[], datetime], extras: PostExtras | None = None) -> Effects:
    """Return what lets activities have their effect in a database."""
    actors = RemoteActors(db, build_fetcher(db, internet, now), now)
    posts = PostEffects(db, actors, RemotePosts(SITE, now, extras or PostExtras()), Polls(db, now), now)
    return Effects(db, actors, Follows(db, now), Relationships(db, now), posts, Relevance(SITE, posts.posts), now)


@define(eq=False)
class RemoteSide:
    """Lets activities have their effect, in the order in which they are given."""

    db: RolledBackDatabase
    internet: Internet = field(factory=Internet)
    time: datetime = NOW
    extras: PostExtras = field(factory=PostExtras)
    effects: Effects = field(init=False)

    @effects.default
    def _effects(self) -> Effects:
        return build_effects(self.db, self.internet, lambda: self.time, self.extras)

    @property
    def cursor(self) -> Cursor:
        """Return the cursor of the test."""
        return self.db.cursor

    async def receive(self, document: dict[str, Any], recipient: Viewer | None = None) -> None:
        """Let an activity of a stored actor have its effect, as the job does."""
        id = store_activity(self.cursor, document, None if recipient is None else recipient.id, self.time)
        await self.effects.apply(id, _nothing)

    async def create(self, document: dict[str, Any], recipient: Viewer | None = None, **changes: Any) -> Post | None:
        """Receive the Create of a post; return the post."""
        await self.receive(activity("Create", document, actor=document["attributedTo"], **changes), recipient)
        return self.post(document["id"])

    async def created(self, document: dict[str, Any], recipient: Viewer | None = None) -> Post:
        """Receive the Create of a post, which must be stored."""
        post = await self.create(document, recipient)
        assert post is not None
        return post

    def post(self, uri: str) -> Post | None:
        """Return the stored post with this id; None if it is unknown or was deleted."""
        known = remote_posts.by_uri(self.cursor, uri=uri)
        return posts.by_ids(self.cursor, [known.id]).get(known.id) if known else None

    def sees(self, viewer: Viewer | None, post: Post) -> bool:
        """True if the viewer may see the post."""
        return bool(posts.visible(self.cursor, ids=[post.id], viewer=viewer.id if viewer else None))

    def told(self, viewer: Viewer) -> list[tuple[str, int | None]]:
        """Return the notifications of an account: kind and post."""
        return self.rows("select kind, post_id from notifications where account_id = %(id)s order by id", id=viewer.id)

    def events(self) -> list[str]:
        """Return the kinds of the events of posts so far."""
        return fetch_all(self.cursor, str, "select kind from events where kind like 'post.%%' order by id", {})

    def rows(self, sql: str, **params: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        self.cursor.execute(sql, params or None)
        return list(self.cursor.fetchall())


def _nothing(cursor: Cursor) -> None:
    """There is no job to finish."""


def service(cursor: Cursor, extras: PostExtras | None = None) -> RemoteSide:
    """Return the receiving side with the actor bo stored."""
    store_actor(cursor)
    return RemoteSide(RolledBackDatabase(cursor), extras=extras or PostExtras())
