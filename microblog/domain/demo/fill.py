"""Writes a demo plan to an empty site within seconds, with the same rows as if people had used the site.

Only the event log stays empty, since no client waits for events of the past.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from operator import itemgetter

from attrs import asdict, define, field, frozen

from microblog.domain.demo.plan import Demo, PlannedBookmark, PlannedFavourite, PlannedPost
from microblog.domain.passwords import Hashes, acceptable
from microblog.domain.text import post_text
from microblog.model.accounts import Preferences
from microblog.model.errors import Conflict
from microblog.model.ids import SEQUENCE_BITS, PostId, id_at
from microblog.model.notifications import NotificationKind
from microblog.model.posts import Visibility
from microblog.storage import bulk_insert
from microblog.storage.database import Cursor, Transactions
from microblog.storage.notifications import group_keys

NOT_EMPTY = "This site already has accounts; the demo only fills an empty site."
UNREAD = timedelta(hours=12)  # older notifications and conversations are read


@frozen
class DemoSite:
    """Fills this site. `host` and `base_url` are its public ones."""

    database: Transactions
    passwords: Hashes
    host: str
    base_url: str
    now: Callable[[], datetime]

    async def fill(self, plan: Demo, password: str | None = None) -> None:
        """Write the plan. All accounts get the password, or a random unknown one.

        Raises Conflict if there are accounts already, Invalid for an unacceptable password.
        """
        password_hash = await self.passwords.hash(acceptable(secrets.token_urlsafe(32) if password is None else password))
        await self.database.run(self._fill, plan, password_hash)

    def _fill(self, cursor: Cursor, plan: Demo, password_hash: str) -> None:
        if not bulk_insert.is_empty(cursor):
            raise Conflict(NOT_EMPTY)
        site = _Rows(plan, self.host, self.base_url, self.now())
        for table, columns, rows in site.tables(password_hash):
            bulk_insert.insert(cursor, table, columns.split(), rows)
        bulk_insert.count_everything(cursor)


@define
class _Rows:
    """Database rows of a plan. Ids are derived from times, as the database does."""

    plan: Demo
    host: str
    base_url: str
    now: datetime
    accounts: dict[str, int] = field(init=False)
    posts: list[PostId] = field(init=False)
    threads: list[int] = field(init=False, factory=list)
    parsed: list[post_text.ParsedText] = field(init=False)
    tags: dict[str, tuple[int, str]] = field(init=False, factory=dict)
    known: Mapping[str, str] = field(init=False)
    _numbers: Iterator[int] = field(init=False, factory=count)

    def __attrs_post_init__(self) -> None:
        self.accounts = {person.username: self._id(person.joined) for person in self.plan.people}
        self.known = {username.lower(): username for username in self.accounts}
        self.posts = [PostId(self._id(post.at)) for post in self.plan.posts]
        self.parsed = [post_text.parse(_final_text(post), self.host) for post in self.plan.posts]
        for post, id in zip(self.plan.posts, self.posts, strict=True):
            self.threads.append(id if post.reply_to is None else self.threads[post.reply_to])
        for post, parsed in zip(self.plan.posts, self.parsed, strict=True):
            for tag in parsed.tags:
                if tag.key not in self.tags:
                    self.tags[tag.key] = self._id(post.at), tag.name

    def _id(self, at: datetime) -> int:
        return id_at(at) | next(self._numbers) % (1 << SEQUENCE_BITS)

    def tables(self, password_hash: str) -> Iterator[tuple[str, str, Iterator[bulk_insert.Row]]]:
        """Yield table, columns and rows, in an order in which every reference points to an existing row."""
        yield "accounts", "id username display_name bio bio_html fields locked created_at", self._accounts()
        users = "account_id email password_hash created_at confirmed_at approved_at preferences"
        yield "users", users, self._users(password_hash)
        yield "follows", "id follower_id followee_id created_at", self._follows(accepted=True)
        yield "follow_requests", "id follower_id followee_id created_at", self._follows(accepted=False)
        posts = "id account_id text html visibility spoiler sensitive language reply_to reply_to_account thread_id boost_of created_at"
        yield "posts", posts + " edited_at", map(self._post, self.plan.posts)
        yield "revisions", "post_id id text html spoiler sensitive created_at", self._revisions()
        yield "tags", "id key name", ((id, key, name) for key, (id, name) in self.tags.items())
        yield "post_tags", "tag_id post_id", self._post_tags()
        yield "mentions", "post_id account_id", self._mentions()
        yield "favourites", "id account_id post_id created_at", self._marks(self.plan.favourites)
        yield "bookmarks", "id account_id post_id created_at", self._marks(self.plan.bookmarks)
        yield "notifications", "id account_id kind from_account_id post_id group_key created_at", self._notifications()
        yield "conversations", "id account_id thread_id participants last_post_id unread", self._conversations()
        yield "markers", "account_id timeline last_read_id updated_at", self._markers()

    def _html(self, text: str) -> str:
        return post_text.parse(text, self.host).html(self.known, self.base_url)

    def _accounts(self) -> Iterator[bulk_insert.Row]:
        for person in self.plan.people:
            site = [{"name": "Website", "value": person.site, "html": self._field(person.site)}] if person.site else []
            id, bio = self.accounts[person.username], person.bio
            yield id, person.username, person.display_name, bio, self._html(bio), site, person.locked, person.joined

    def _field(self, value: str) -> str:
        return post_text.field_html(value, self.host, self.known, self.base_url)

    def _users(self, password_hash: str) -> Iterator[bulk_insert.Row]:
        for person in self.plan.people:
            email, preferences = f"{person.username}@demo.invalid", asdict(Preferences(language=person.language))
            yield self.accounts[person.username], email, password_hash, person.joined, person.joined, person.joined, preferences

    def _follows(self, *, accepted: bool) -> Iterator[bulk_insert.Row]:
        for follow in self.plan.follows:
            if follow.accepted is accepted:
                yield self._id(follow.at), self.accounts[follow.follower], self.accounts[follow.followed], follow.at

    def _post(self, post: PlannedPost) -> bulk_insert.Row:
        reply = None if post.reply_to is None else self.plan.posts[post.reply_to]
        html = "" if post.boost_of is not None else self.parsed[post.index].html(self.known, self.base_url)
        return (
            self.posts[post.index],
            self.accounts[post.author],
            _final_text(post),
            html,
            post.visibility,
            post.spoiler,
            bool(post.spoiler),
            post.language,
            None if reply is None else self.posts[reply.index],
            None if reply is None else self.accounts[reply.author],
            self.threads[post.index],
            None if post.boost_of is None else self.posts[post.boost_of],
            post.at,
            post.edits[-1].at if post.edits else None,
        )

    def _revisions(self) -> Iterator[bulk_insert.Row]:
        for post in self.plan.posts:
            versions = [(post.at, post.text), *((edit.at, edit.text) for edit in post.edits)]
            for number, (at, text) in enumerate(versions[:-1], start=1):
                yield self.posts[post.index], number, text, self._html(text), post.spoiler, bool(post.spoiler), at

    def _post_tags(self) -> Iterator[bulk_insert.Row]:
        for id, parsed in zip(self.posts, self.parsed, strict=True):
            yield from ((self.tags[tag.key][0], id) for tag in parsed.tags)

    def _mentioned(self, post: PlannedPost) -> set[str]:
        return {self.known[name] for name in self.parsed[post.index].mentions if name in self.known}

    def _mentions(self) -> Iterator[bulk_insert.Row]:
        for post in self.plan.posts:
            yield from ((self.posts[post.index], self.accounts[name]) for name in sorted(self._mentioned(post)))

    def _marks(self, marks: Iterable[PlannedFavourite | PlannedBookmark]) -> Iterator[bulk_insert.Row]:
        for mark in marks:
            yield self._id(mark.at), self.accounts[mark.account], self.posts[mark.post], mark.at

    def _notifications(self) -> Iterator[bulk_insert.Row]:
        seen_groups: set[tuple[str, str]] = set()
        for at, kind, recipient, sender, index in sorted(dict.fromkeys(self._notified()), key=itemgetter(0, 2, 3, 1)):
            if recipient != sender:
                post = None if index is None else self.posts[index]
                keys = group_keys(kind, post, at)
                group = next((key for key in keys if (recipient, key) in seen_groups), keys[0] if keys else "")
                seen_groups.add((recipient, group))
                yield self._id(at), self.accounts[recipient], kind, self.accounts[sender], post, group, at

    def _notified(self) -> Iterator[tuple[datetime, NotificationKind, str, str, int | None]]:
        """Yield time, kind, recipient, sender and post index of each notification."""
        for follow in self.plan.follows:
            kind = NotificationKind.FOLLOW if follow.accepted else NotificationKind.FOLLOW_REQUEST
            yield follow.at, kind, follow.followed, follow.follower, None
        for like in self.plan.favourites:
            yield like.at, NotificationKind.FAVOURITE, self.plan.posts[like.post].author, like.account, like.post
        follows = {(follow.follower, follow.followed) for follow in self.plan.follows if follow.accepted}
        for post in self.plan.posts:
            if post.boost_of is not None:
                yield post.at, NotificationKind.BOOST, self.plan.posts[post.boost_of].author, post.author, post.boost_of
                continue
            recipients = self._mentioned(post)
            if post.reply_to is not None:
                parent_author = self.plan.posts[post.reply_to].author
                if post.visibility in (Visibility.PUBLIC, Visibility.UNLISTED) or (parent_author, post.author) in follows:
                    recipients.add(parent_author)
            for name in sorted(recipients):
                yield post.at, NotificationKind.MENTION, name, post.author, post.index

    def _conversations(self) -> Iterator[bulk_insert.Row]:
        last: dict[tuple[str, int, frozenset[str]], PlannedPost] = {}
        for post in self.plan.posts:
            if post.visibility is Visibility.DIRECT and post.boost_of is None:
                people = frozenset(self._mentioned(post) | {post.author})
                last |= {(name, self.threads[post.index], people): post for name in sorted(people)}
        for (name, thread, people), post in last.items():
            others = sorted(self.accounts[other] for other in people - {name})
            unread = post.author != name and post.at > self.now - UNREAD
            array = "{" + ",".join(map(str, others)) + "}"
            yield self._id(post.at), self.accounts[name], thread, array, self.posts[post.index], unread

    def _markers(self) -> Iterator[bulk_insert.Row]:
        for id in self.accounts.values():
            yield id, "notifications", id_at(self.now - UNREAD), self.now


def _final_text(post: PlannedPost) -> str:
    """Return the final text of the post."""
    return post.edits[-1].text if post.edits else post.text
