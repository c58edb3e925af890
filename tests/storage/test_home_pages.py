"""Pages of home and lists equal those of a plain query, whichever way the statement finds them."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.model.ids import AccountId, ListId
from microblog.model.lists import ListReplies
from microblog.model.paging import Page
from microblog.storage import timelines
from microblog.storage.database import Cursor, execute, fetch_all
from microblog.storage.paging import bounds
from microblog.storage.timelines import Entry
from microblog.storage.visibility import VISIBLE, WANTED
from tests.make import NOW

VIEWER, PEOPLE, LIST = 1, 12, 1
POST_COLUMNS = """id, account_id, text, html, visibility, language, reply_to, reply_to_account, thread_id, boost_of, created_at,
    deleted_at"""

# Every post of everybody is compared with the rules, one by one.
PLAIN = f"""
    with own_lists as (
        select l.id, l.exclusive, m.member_id from lists l join list_members m on m.list_id = l.id where l.account_id = %(viewer)s)
    select p.id, p.boost_of from posts p
    left join follows f on f.follower_id = %(viewer)s and f.followee_id = p.account_id
    where p.deleted_at is null and p.id < %(max_id)s and p.id > %(min_id)s
    and case when %(list)s is null
        then (f.id is not null or p.account_id = %(viewer)s)
             and p.account_id not in (select member_id from own_lists where exclusive)
        else f.id is not null and p.account_id in (select member_id from own_lists where id = %(list)s) end
    and (p.boost_of is null or coalesce(f.boosts, true))
    and (f.languages is null or p.language is null or p.language = any(f.languages))
    and (p.reply_to_account is null or p.reply_to_account = p.account_id
         or p.account_id = %(viewer)s or p.reply_to_account = %(viewer)s
         or %(replies)s = 'followed' and exists (
             select from follows r where r.follower_id = %(viewer)s and r.followee_id = p.reply_to_account)
         or %(replies)s = 'list' and p.reply_to_account in (select member_id from own_lists where id = %(list)s))
    and {VISIBLE} and {WANTED}
    order by p.id {{order}} limit %(limit)s"""


def write_history(cursor: Cursor, random: Random) -> None:
    """Write people, relations and posts, at random."""
    everybody = range(1, PEOPLE + 1)

    def sometimes(share: float) -> bool:
        return random.random() < share

    accounts = [(id, f"person{id}", NOW, NOW if id > 1 and sometimes(0.1) else None) for id in everybody]
    _insert(cursor, "accounts (id, username, created_at, suspended_at)", accounts)
    followed = [id for id in everybody if id != VIEWER and sometimes(random.choice((0.2, 0.9)))]
    languages = [random.choice((None, None, ["en"], ["de", "fr"])) for _ in followed]
    rows = [(id, VIEWER, id, sometimes(0.7), said, NOW) for id, said in zip(followed, languages, strict=True)]
    _insert(cursor, "follows (id, follower_id, followee_id, boosts, languages, created_at)", rows)
    others = [id for id in everybody if id != VIEWER]
    for table in ("blocks", "mutes"):
        pairs = {(VIEWER, random.choice(others)) for _ in range(random.randrange(2))}
        pairs |= {(random.choice(others), VIEWER) for _ in range(random.randrange(2))}
        _insert(cursor, f"{table} (id, account_id, target_id, created_at)", [(n, *pair, NOW) for n, pair in enumerate(sorted(pairs))])
    _insert(cursor, "lists (id, account_id, title, exclusive, created_at)", [(LIST, VIEWER, "list", sometimes(0.5), NOW)])
    members = [id for id in followed if sometimes(0.5)]
    _insert(cursor, "list_members (id, list_id, account_id, member_id)", [(id, LIST, VIEWER, id) for id in members])
    _write_posts(cursor, random)


def _write_posts(cursor: Cursor, random: Random) -> None:
    authors: dict[int, int] = {}
    originals: list[int] = []
    writers = random.sample(range(1, PEOPLE + 1), random.choice((3, PEOPLE)))
    boosts: set[tuple[int, int]] = set()
    rows: list[tuple[Any, ...]] = []
    mentions: list[tuple[int, int]] = []
    for id in range(100, 100 + random.randrange(80)):
        author = random.choice(writers)
        original = random.choice(originals) if originals and random.random() < 0.25 else None
        if original is not None and (original, author) in boosts:
            continue
        parent = random.choice(originals) if originals and original is None and random.random() < 0.3 else None
        visibility = "public" if original else random.choice(("public", "public", "unlisted", "private", "direct"))
        deleted = NOW if random.random() < 0.1 else None
        language, answered = random.choice((None, "en", "de")), parent and authors[parent]
        rows.append((id, author, "", "", visibility, language, parent, answered, id, original, NOW, deleted))
        authors[id] = author
        if original is None:
            originals.append(id)
            if random.random() < 0.3:
                mentions.append((id, random.choice((VIEWER, 2))))
        else:
            boosts.add((original, author))
    _insert(cursor, f"posts ({POST_COLUMNS})", rows)
    _insert(cursor, "mentions (post_id, account_id)", mentions)


def _insert(cursor: Cursor, into: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        cursor.execute(f"insert into {into} values {', '.join(['%s'] * len(rows))}", rows)


def plain(cursor: Cursor, page: Page, list: int | None, replies: str) -> list[Entry]:
    """Return the page as a query finds it that compares every post with the rules."""
    sql = PLAIN.format(order="asc" if page.upward else "desc")
    params = bounds(page) | {"viewer": VIEWER, "list": list, "replies": replies, "now": NOW}
    found = fetch_all(cursor, lambda id, boost_of: (id, boost_of), sql, params)
    return found[::-1] if page.upward else found


PAGES = st.builds(Page, st.integers(1, 12)) | st.builds(
    Page, st.integers(1, 12), max_id=st.none() | st.integers(100, 180), min_id=st.none() | st.integers(100, 180)
)


@given(seed=st.integers(0, 2**32), walk=st.booleans(), pages=st.lists(PAGES, min_size=3, max_size=6))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_of_home_and_lists_are_those_of_a_plain_query(cursor: Cursor, seed: int, walk: bool, pages: list[Page]) -> None:
    execute(cursor, "savepoint before")
    try:
        write_history(cursor, Random(seed))
        if not walk:  # posts of nobody, newer and older than all others, use the walk up
            _insert(cursor, "accounts (id, username, created_at)", [(99, "stranger", NOW)])
            strangers = [(id, 99, "", "", "public", id, NOW) for id in (*range(1, 60), *range(300, 360))]
            _insert(cursor, "posts (id, account_id, text, html, visibility, thread_id, created_at)", strangers)
        for page in pages:
            home = timelines.home(cursor, viewer=AccountId(VIEWER), page=page, now=NOW)
            assert home == plain(cursor, page, None, "followed")
            for replies in ListReplies:
                found = timelines.of_list(cursor, viewer=AccountId(VIEWER), list=ListId(LIST), replies=replies, page=page, now=NOW)
                assert found == plain(cursor, page, LIST, replies)
    finally:
        execute(cursor, "rollback to savepoint before")
