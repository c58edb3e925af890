"""Factories of test data. Each writes directly to the tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count

from microblog.domain.interactions import Interactions
from microblog.domain.posts import Posts
from microblog.model.accounts import Account, AccountWithLogin, Preferences, Role, Viewer
from microblog.model.emojis import CustomEmoji, EmojiDraft, EmojiFiles
from microblog.model.ids import PostId
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.storage import accounts, custom_emojis, follows, posts, relationships, users
from microblog.storage.database import Cursor, Transactions
from microblog.storage.follows import FollowOptions
from tests.fakes import RolledBackDatabase, result_of

NOW = datetime(2026, 3, 4, 5, 6, 7, 891000, tzinfo=UTC)
_numbers = count(1)


def account(cursor: Cursor, username: str | None = None, *, now: datetime = NOW, locked: bool = False, display_name: str = "") -> Account:
    """Create an account without a login."""
    name = username or f"user{next(_numbers)}"
    id = accounts.insert(cursor, username=name, display_name=display_name, locked=locked, now=now)
    assert id is not None, f"{name} is there already"
    return _found(cursor, id)


def member(
    cursor: Cursor,
    username: str | None = None,
    *,
    role: Role = Role.USER,
    email: str | None = None,
    password_hash: str = "-",
    locked: bool = False,
    approved: bool = True,
    now: datetime = NOW,
) -> AccountWithLogin:
    """Create an account with a login; its address is `username@example.org` by default."""
    made = account(cursor, username, now=now, locked=locked)
    address = email or f"{made.username}@example.org"
    written = users.insert(cursor, account=made.id, email=address, password_hash=password_hash, role=role, now=now, approved=approved)
    assert written, f"{address} is there already"
    found = users.by_account(cursor, account=made.id)
    assert found is not None
    return found


def viewer(cursor: Cursor, username: str | None = None, *, role: Role = Role.USER, locked: bool = False, now: datetime = NOW) -> Viewer:
    """Create an account with a login; return it as a viewer."""
    return Viewer(member(cursor, username, role=role, locked=locked, now=now).account, role, Preferences())


def remote_account(
    cursor: Cursor,
    username: str | None = None,
    host: str = "there.example",
    *,
    display_name: str = "",
    bio_html: str = "",
    now: datetime = NOW,
) -> Account:
    """Create an account of another server, with the addresses that Mastodon would give it."""
    name = username or f"far.user-{next(_numbers)}"
    cursor.execute(
        """with created as (
               insert into accounts (id, username, host, uri, url, display_name, bio_html, created_at)
               values (new_id(%(now)s), %(name)s, %(host)s, %(uri)s, %(url)s, %(display_name)s, %(bio_html)s, %(now)s) returning id)
           insert into account_counts (account_id) select id from created returning account_id""",
        {
            "name": name,
            "host": host,
            "uri": f"https://{host}/users/{name}",
            "url": f"https://{host}/@{name}",
            "display_name": display_name,
            "bio_html": bio_html,
            "now": now,
        },
    )
    [(id,)] = cursor.fetchall()
    return _found(cursor, id)


def emoji(cursor: Cursor, shortcode: str = "cat", *, now: datetime = NOW) -> CustomEmoji:
    """Create a custom emoji of this site, whose files do not exist."""
    stem = f"{next(_numbers):032x}"
    made = custom_emojis.insert(cursor, EmojiDraft(shortcode), EmojiFiles(f"{stem}.png", f"{stem}-small.png"), now=now)
    assert made is not None, f"{shortcode} is there already"
    return made


def reload(cursor: Cursor, who: Account | Viewer) -> Account:
    """Return the account as it is in the database now."""
    return _found(cursor, who.id)


def _found(cursor: Cursor, id: int) -> Account:
    found = accounts.by_id(cursor, id=id)
    assert found is not None, f"there is no account {id}"
    return found


def follow(
    cursor: Cursor,
    follower: Account | Viewer,
    followee: Account | Viewer,
    *,
    boosts: bool = True,
    notify: bool = False,
    languages: tuple[str, ...] | None = None,
    now: datetime = NOW,
) -> None:
    """Make the first account follow the second and change the counters, without events and notifications."""
    if follows.follow(cursor, follower=follower.id, followee=followee.id, options=FollowOptions(boosts, notify, languages), now=now):
        accounts.count_follow(cursor, follower=follower.id, followee=followee.id, by=1)
    account = follower if isinstance(follower, Account) else follower.account
    if account.uri is not None:
        follows.set_activity_uri(cursor, follower=account.id, followee=followee.id, uri=f"{account.uri}#follows/{followee.id}")


def block(cursor: Cursor, who: Account | Viewer, target: Account | Viewer, *, now: datetime = NOW) -> None:
    """Make the first account block the second; follows stay."""
    relationships.block(cursor, account=who.id, target=target.id, now=now)


def mute(cursor: Cursor, who: Account | Viewer, target: Account | Viewer, *, until: datetime | None = None, now: datetime = NOW) -> None:
    """Make the first account mute the second, notifications included."""
    relationships.mute(cursor, account=who.id, target=target.id, notifications=True, until=until, now=now)


def suspend(cursor: Cursor, who: Account | Viewer, *, now: datetime = NOW) -> None:
    """Suspend the account; its sessions stay."""
    accounts.set_suspended(cursor, id=who.id, at=now)


def post_service(db: Transactions, *, now: datetime = NOW) -> Posts:
    """Return the service of posts, at that time."""
    return Posts(db, "example.org", "https://example.org", 500, lambda: now)


def post(
    cursor: Cursor,
    author: Account | Viewer,
    text: str = "Hello",
    *,
    visibility: Visibility = Visibility.PUBLIC,
    reply_to: Post | None = None,
    language: str | None = None,
    now: datetime = NOW,
) -> Post:
    """Publish a post by the real service, with all its effects."""
    who = author if isinstance(author, Viewer) else Viewer(author)
    draft = PostDraft(text, visibility, language=language, reply_to=reply_to.id if reply_to else None)
    return result_of(post_service(RolledBackDatabase(cursor), now=now).publish(who, draft))


def remote_post(
    cursor: Cursor,
    author: Account,
    text: str = "Hello from afar",
    *,
    html: str | None = None,
    visibility: Visibility = Visibility.PUBLIC,
    reply_to: Post | None = None,
    boost_of: Post | None = None,
    mentions: Sequence[Account] = (),
    tags: Sequence[str] = (),
    now: datetime = NOW,
) -> Post:
    """Store a post of an account of another server, or its boost of a post. Nothing else happens: no event, notification or counter."""
    assert author.host, "the author is of this site"
    post = Post(
        PostId(0),
        author,
        "" if boost_of else text,
        "" if boost_of else html or f"<p>{text}</p>",
        visibility,
        now,
        reply_to=reply_to.id if reply_to else None,
        reply_to_account=reply_to.author.id if reply_to else None,
        thread_id=reply_to.thread_id if reply_to else None,
    )
    id = posts.insert(cursor, post, boost_of=boost_of.id if boost_of else None)
    uri, url = f"{author.uri}/statuses/{id}", f"{author.url}/{id}"
    cursor.execute(
        "update posts set uri = %(uri)s, url = %(url)s, arrived_at = now() where id = %(id)s",
        {"id": id, "uri": f"{uri}/activity" if boost_of else uri, "url": None if boost_of else url},
    )
    posts.set_mentions(cursor, post=id, accounts=[one.id for one in mentions])
    if tags:
        posts.add_tags(cursor, post=id, tags=[(tag, tag) for tag in tags], now=now)
    return posts.by_ids(cursor, [id])[id]


def boost(cursor: Cursor, who: Account | Viewer, original: Post, *, now: datetime = NOW) -> Post:
    """Boost a post."""
    booster = who if isinstance(who, Viewer) else Viewer(who)
    return result_of(Interactions(RolledBackDatabase(cursor), lambda: now).boost(booster, original.id))


def account_named(cursor: Cursor, username: str) -> Account:
    """Return the account with this username."""
    found = accounts.by_username(cursor, username=username)
    assert found is not None, f"there is no {username}"
    return found
