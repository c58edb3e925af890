"""A generated site for the benchmarks: a year of accounts, follows and posts, reproducible by size and seed.

Posts are distributed unevenly: a few accounts post much, a fifth have been inactive for long, most post now and then. A fifth of the posts
are replies, a tenth are boosts, one in six has a hashtag, and there is everything that a page must leave out: restricted visibilities,
blocks, mutes, suspended accounts, deleted posts.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count, islice
from random import Random
from typing import Any

from attrs import Factory, define, field, frozen

from microblog.model.ids import SEQUENCE_BITS, AccountId, PostId
from microblog.storage.database import Connection, Cursor, execute

YEAR_MS = 365 * 86_400_000
WORDS = (
    "harbour kettle morning letter garden signal window paper winter copper river bridge lantern apple corner station market "
    "silver thread summer engine orchard pocket velvet story ladder island cotton marble thunder candle meadow bottle anchor "
    "blanket cellar feather gravel hammer kitchen mirror needle pepper quarry ribbon saddle timber valley walnut yellow the a "
    "of and in to it was on with for at by from as but not this that they had over under before after while because still "
    "never always some many few only"
)
LANGUAGES = ("en", "de", "fr", "ja", "ar")


@frozen
class Site:
    """The size and layout of the site. Accounts and posts are identified by numbers from 0."""

    posts: int
    people: int
    end: datetime

    @property
    def typical(self) -> range:
        """The typical readers, a tenth of all accounts: each follows 200."""
        return range(self.people // 2, self.people // 2 + self.people // 10)

    @property
    def special(self) -> dict[str, int]:
        """One reader for each hard case: following 20 accounts, the 200 busiest, 200 inactive ones, 2,000."""
        return {kind: self.typical.stop + index for index, kind in enumerate(("few", "busy", "quiet", "many"))}

    @property
    def long_thread(self) -> int:
        """The post with hundreds of replies."""
        return self.posts // 2

    def ms(self, post: int) -> int:
        """Return when the post was published, in Unix milliseconds."""
        return self._end_ms - YEAR_MS + post * YEAR_MS // self.posts

    @classmethod
    def of(cls, posts: int, people: int, first_account: int) -> Site:
        """Return the layout of the site whose account 0 has this id."""
        return cls(posts, people, datetime.fromtimestamp(((first_account >> SEQUENCE_BITS) + 2 * YEAR_MS) / 1000, UTC))

    @property
    def _end_ms(self) -> int:
        return int(self.end.timestamp() * 1000)

    def account_id(self, number: int) -> AccountId:
        """Return the id of an account."""
        return AccountId((self._end_ms - 2 * YEAR_MS + number) << SEQUENCE_BITS)

    def post_id(self, number: int) -> PostId:
        """Return the id of a post."""
        return PostId((self.ms(number) << SEQUENCE_BITS) | (number & 0xFFFF))

    @property
    def first_follow(self) -> int:
        """Return an id below those of all follows, which are numbered upwards from it."""
        return (self.ms(0) - 1_000) << SEQUENCE_BITS

    def other_id(self, number: int) -> int:
        """Return the id of another row, such as a follow or favourite; all are from about the first hour of the year."""
        return (self.ms(0) << SEQUENCE_BITS) + number


@define
class Rows:
    """A generator of the rows of a site, in the order of TABLES."""

    site: Site
    random: Random = Factory(lambda: Random(4711))
    _author: array[int] = field(init=False)
    _thread: array[int] = field(init=False)
    _is_shared: bytearray = field(init=False)  # visible to everybody, so that it can be boosted and favourited
    _replies: array[int] = field(init=False)
    _boosts: array[int] = field(init=False)
    _favourites: array[int] = field(init=False)
    _mentions: list[tuple[int, int]] = Factory(list)
    _tags: list[tuple[int, int]] = Factory(list)
    _favourite_pairs: list[tuple[int, int]] = Factory(list)
    _follows: list[tuple[int, int]] = Factory(list)
    _boosted: set[tuple[int, int]] = Factory(set)
    _numbers: Iterator[int] = Factory(count)

    def __attrs_post_init__(self) -> None:
        zeros = bytes(4 * self.site.posts)
        self._author, self._thread = array("i", zeros), array("i", zeros)
        self._replies, self._boosts, self._favourites = array("i", zeros), array("i", zeros), array("i", zeros)
        self._is_shared = bytearray(self.site.posts)
        self._follows = self._followed()

    def _random_account(self, share: float = 1.0) -> int:
        """Return an account from that share of all; low numbers, the busy and well-known accounts, are more likely."""
        return int(self.site.people * share * self.random.random() ** 2)

    def _followed(self) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for follower in range(self.site.people):
            found.extend((follower, followee) for followee in self._followees(follower) if followee != follower)
        self.random.shuffle(found)
        return found

    def _followees(self, follower: int) -> Iterable[int]:
        special = self.site.special
        if follower == special["busy"]:
            return range(200)
        if follower == special["quiet"]:
            return range(self.site.people - 200, self.site.people)
        number_of_followees = {special["few"]: 20, special["many"]: min(2_000, self.site.people // 2)}.get(follower)
        if number_of_followees is None:
            number_of_followees = 200 if follower in self.site.typical else self.random.randrange(5, 60)
        chosen: set[int] = set()
        while len(chosen) < number_of_followees:
            chosen.add(self._random_account() if number_of_followees <= 200 else self.random.randrange(self.site.people))
        return chosen

    def _next(self) -> int:
        return self.site.other_id(next(self._numbers))

    def accounts(self) -> Iterator[tuple[object, ...]]:
        """Yield accounts; one in 200 is suspended, but none of the measured ones."""
        created_at = self.site.end - timedelta(days=730)
        for number in range(self.site.people):
            suspended = created_at if number % 200 == 199 else None
            yield (
                self.site.account_id(number),
                name(number),
                f"Person {number}",
                "Here to read.",
                "<p>Here to read.</p>",
                created_at,
                suspended,
            )

    def post_rows(self) -> Iterator[tuple[object, ...]]:
        """Yield posts and boosts, oldest first."""
        words = WORDS.split()
        sentences = [" ".join(self.random.choices(words, k=self.random.randrange(6, 16))).capitalize() + "." for _ in range(2_000)]
        for number in range(self.site.posts):
            author = self._author[number] = self._random_account(1.0 if number * 10 < self.site.posts else 0.8)
            self._thread[number] = number
            kind = self.random.random() if number != self.site.long_thread else 1.0
            if number > 100 and kind < 0.1 and (boost := self._boost(number, author)):
                yield boost
            else:
                yield self._post(number, kind < 0.3, sentences)

    def _recent(self, number: int) -> int:
        return max(0, number - 1 - int(5_000 * self.random.random() ** 3))

    def _boost(self, number: int, author: int) -> tuple[object, ...] | None:
        original = self._recent(number)
        if not self._is_shared[original] or (original, author) in self._boosted:
            return None
        self._boosted.add((original, author))
        self._boosts[original] += 1
        return *self._head(number), "", "", "public", None, None, None, self.site.post_id(number), self.site.post_id(original), None

    def _head(self, number: int) -> tuple[object, ...]:
        return self.site.post_id(number), self.site.account_id(self._author[number]), _timestamp(self.site.ms(number))

    def _post(self, number: int, is_reply: bool, sentences: list[str]) -> tuple[object, ...]:
        random = self.random
        parent = self._parent(number) if is_reply and number > 100 else None
        chosen = random.choices(("public", "unlisted", "private", "direct"), cum_weights=(80, 90, 98, 100))[0]
        visibility = "public" if number == self.site.long_thread else chosen
        self._is_shared[number] = visibility in ("public", "unlisted")
        mentioned = [] if parent is None else [self._author[parent]]
        if visibility == "direct" or random.random() < 0.03:
            mentioned.append(self._random_account())
        tags = sorted({int(2_000 * random.random() ** 3) for _ in range(random.randrange(1, 3))}) if random.random() < 0.17 else []
        self._mentions.extend((number, account) for account in set(mentioned))
        self._tags.extend((tag, number) for tag in tags)
        text = " ".join(random.choices(sentences, k=random.randrange(2, 5)))
        if parent is not None:
            self._replies[parent] += 1
            self._thread[number] = self._thread[parent]
        return (
            *self._head(number),
            " ".join([*(f"@{name(account)}" for account in mentioned), text, *(f"#tag{tag}" for tag in tags)]),
            f"<p>{' '.join([*map(_mention, mentioned), text, *map(_hashtag, tags)])}</p>",
            visibility,
            random.choice(LANGUAGES),
            None if parent is None else self.site.post_id(parent),
            None if parent is None else self.site.account_id(self._author[parent]),
            self.site.post_id(self._thread[number]),
            None,
            self.site.end if random.random() < 0.01 else None,
        )

    def _parent(self, number: int) -> int | None:
        first = self.site.long_thread
        parent = first if first < number < first + 2_000 else self._recent(number)
        return parent if self._is_shared[parent] else None

    def mentions(self) -> Iterator[tuple[object, ...]]:
        """Yield mentions."""
        return ((self.site.post_id(post), self.site.account_id(account)) for post, account in self._mentions)

    def tags(self) -> Iterator[tuple[object, ...]]:
        """Yield hashtags."""
        return ((tag + 1, f"tag{tag}", f"tag{tag}") for tag in range(2_000))

    def post_tags(self) -> Iterator[tuple[object, ...]]:
        """Yield the hashtags of posts."""
        return ((tag + 1, self.site.post_id(post)) for tag, post in self._tags)

    def favourites(self) -> Iterator[tuple[object, ...]]:
        """Yield as many favourites as posts, each soon after its post."""
        self._favourite_pairs = [pair for pair in self._random_pairs(self.site.posts) if self._is_shared[pair[1]]]
        for account, post in self._favourite_pairs:
            self._favourites[post] += 1
            yield self._next(), self.site.account_id(account), self.site.post_id(post), _timestamp(self.site.ms(post))

    def bookmarks(self) -> Iterator[tuple[object, ...]]:
        """Yield a twentieth as many bookmarks."""
        for account, post in self._random_pairs(self.site.posts // 20):
            yield self._next(), self.site.account_id(account), self.site.post_id(post), _timestamp(self.site.ms(post))

    def _random_pairs(self, number_of_pairs: int) -> list[tuple[int, int]]:
        return list(
            dict.fromkeys(
                (self.random.randrange(self.site.people), self._recent(1 + index * self.site.posts // number_of_pairs))
                for index in range(number_of_pairs)
            )
        )

    def pins(self) -> Iterator[tuple[object, ...]]:
        """Yield pins: two of three accounts pinned their first post."""
        pinned: set[int] = set()
        for number, author in enumerate(self._author):
            if author % 3 and author not in pinned and self._is_shared[number]:
                pinned.add(author)
                yield self._next(), self.site.account_id(author), self.site.post_id(number), _timestamp(self.site.ms(number))

    def notifications(self) -> Iterator[tuple[object, ...]]:
        """Yield notifications of favourites and mentions."""
        notifications = [("favourite", self._author[post], account, post) for account, post in self._favourite_pairs]
        notifications += [("mention", account, self._author[post], post) for post, account in self._mentions]
        id_of, notifications = self.site.account_id, sorted(notifications, key=lambda row: row[3])
        for kind, account, sender, post in notifications:
            if account != sender:
                post_id = self.site.post_id(post)
                group = f"favourite-{post_id}-{self.site.ms(post) // 3_600_000}" if kind == "favourite" else ""
                yield self._next(), id_of(account), kind, id_of(sender), post_id, group, _timestamp(self.site.ms(post))

    def follows(self) -> Iterator[tuple[object, ...]]:
        """Yield follows, unordered; one in forty excludes boosts."""
        first, id_of = self.site.first_follow, self.site.account_id
        for index, (follower, followee) in enumerate(self._follows):
            yield first + index, id_of(follower), id_of(followee), index % 40 != 0, self.site.end

    def pairs(self, each: int) -> Iterator[tuple[object, ...]]:
        """Yield relations of typical readers and two of three others: to `each` and one random account."""
        people, typical = range(self.site.people), self.site.typical
        for number in people:
            others = set(self.random.choices(people, k=each if number in typical else number % 3)) - {number}
            yield from ((self._next(), self.site.account_id(number), self.site.account_id(other), self.site.end) for other in others)

    def post_counts(self) -> Iterator[tuple[object, ...]]:
        """Yield the counts of posts, from the rows above."""
        counted = zip(self._replies, self._boosts, self._favourites, strict=True)
        return ((self.site.post_id(number), *counts) for number, counts in enumerate(counted))

    def account_counts(self) -> Iterator[tuple[object, ...]]:
        """Yield the counts of accounts."""
        followers, following, posts, last = ([0] * self.site.people for _ in range(4))
        for follower, followee in self._follows:
            followers[followee] += 1
            following[follower] += 1
        for number, author in enumerate(self._author):
            posts[author] += 1
            last[author] = number
        for number in range(self.site.people):
            day = _timestamp(self.site.ms(last[number]))[:10] if posts[number] else None
            yield self.site.account_id(number), followers[number], following[number], posts[number], day

    def users(self) -> Iterator[tuple[object, ...]]:
        """Yield a login for each account."""
        for number in range(self.site.people):
            yield self.site.account_id(number), f"{name(number)}@example.org", "-", self.site.end, self.site.end, self.site.end

    def sessions(self) -> Iterator[tuple[object, ...]]:
        """Yield a long-lived session for each account."""
        later = self.site.end + timedelta(days=3_650)
        for number in range(self.site.people):
            hashed = "\\\\x" + sha256(token(number).encode()).hexdigest()
            yield self._next(), hashed, self.site.account_id(number), self.site.end, later, later


def name(number: int) -> str:
    """Return the username of an account."""
    return f"person{number}"


def token(number: int) -> str:
    """Return the session cookie of an account."""
    return f"a-session-to-measure-with-{number}"


def _mention(number: int) -> str:
    username = name(number)
    link = f'<a href="http://127.0.0.1/@{username}" class="u-url mention">@<span>{username}</span></a>'
    return f'<span class="h-card" translate="no">{link}</span>'


def _hashtag(tag: int) -> str:
    return f'<a href="http://127.0.0.1/tags/tag{tag}" class="mention hashtag" rel="tag">#<span>tag{tag}</span></a>'


def _timestamp(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


_POST_COLUMNS = "id, account_id, created_at, text, html, visibility, language, reply_to, reply_to_account, thread_id, boost_of, deleted_at"
_FAVOURITE_COLUMNS = "id, account_id, post_id, created_at"
_PAIR_COLUMNS = "id, account_id, target_id, created_at"

TABLES: tuple[tuple[str, str, Callable[[Rows], Iterable[tuple[object, ...]]]], ...] = (
    ("accounts", "id, username, display_name, bio, bio_html, created_at, suspended_at", Rows.accounts),
    ("posts", _POST_COLUMNS, Rows.post_rows),
    ("mentions", "post_id, account_id", Rows.mentions),
    ("tags", "id, key, name", Rows.tags),
    ("post_tags", "tag_id, post_id", Rows.post_tags),
    ("favourites", _FAVOURITE_COLUMNS, Rows.favourites),
    ("bookmarks", _FAVOURITE_COLUMNS, Rows.bookmarks),
    ("pins", _FAVOURITE_COLUMNS, Rows.pins),
    ("notifications", "id, account_id, kind, from_account_id, post_id, group_key, created_at", Rows.notifications),
    ("follows", "id, follower_id, followee_id, boosts, created_at", Rows.follows),
    ("follow_requests", "id, follower_id, followee_id, created_at", lambda rows: rows.pairs(3)),
    ("blocks", _PAIR_COLUMNS, lambda rows: rows.pairs(10)),
    ("mutes", _PAIR_COLUMNS, lambda rows: rows.pairs(10)),
    ("post_counts", "post_id, replies, boosts, favourites", Rows.post_counts),
    ("account_counts", "account_id, followers, following, posts, last_post_on", Rows.account_counts),
    ("users", "account_id, email, password_hash, created_at, confirmed_at, approved_at", Rows.users),
    ("sessions", "id, token_hash, account_id, created_at, seen_at, expires_at", Rows.sessions),
)


@define
class _CopyFile:
    """Rows as a file for COPY."""

    rows: Iterator[tuple[object, ...]]

    def read(self, size: int = 8192, /) -> bytes:
        """Return the next rows; `size` is only a hint."""
        return "".join("\t".join(map(_cell, row)) + "\n" for row in islice(self.rows, max(1, size // 400))).encode()

    def readline(self, size: int = 0, /) -> bytes:
        """Return the next row."""
        return self.read(size)


def _cell(value: object) -> str:
    return "\\N" if value is None else str(value)


def fill(connection: Connection, site: Site, progress: Callable[[str], Any] = lambda line: None) -> None:
    """Write the site into an empty database with the current schema, then vacuum and analyse it."""
    with connection.cursor() as cursor:
        execute(cursor, "set session_replication_role = replica")  # all references are valid, so foreign keys need no checks
        execute(cursor, "set maintenance_work_mem = '256MB'")
        execute(cursor, "set statement_timeout = 0")
        indexes = _without_indexes(cursor)
        generator = Rows(site)
        for table, columns, rows in TABLES:
            progress(table)
            cursor.copy_expert(f"copy {table} ({columns}) from stdin", _CopyFile(iter(rows(generator))))
        progress("indexes")
        for index in indexes:
            execute(cursor, index)
        execute(cursor, "set session_replication_role = default")
        connection.commit()
        connection.autocommit = True
        execute(cursor, "vacuum (freeze, analyze)")
        connection.autocommit = False


def _without_indexes(cursor: Cursor) -> list[str]:
    """Drop all indexes that no constraint needs, and return the statements that recreate them."""
    cursor.execute(
        """select i.indexname, i.indexdef from pg_indexes i
           where i.schemaname = 'public' and not exists (select from pg_constraint c where c.conname = i.indexname)"""
    )
    found = cursor.fetchall()
    for index, _ in found:
        execute(cursor, f"drop index {index}")
    return [definition for _, definition in found]
