"""Daily statistics: each measure is counted by one statement, from existing rows and from the log of deleted ones.

Statistics are about the people of this site and what they write and do, whatever comes from other servers. They are public, so only public
content is counted. Each thing is counted once, whether it is deleted before, after or during the
count.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby

import orjson
from psycopg2.extras import execute_values

from microblog.model.ids import PostId, id_at
from microblog.model.statistics import TOP, Day, Measure, PostScore, TagScore, TimeSpan
from microblog.storage.database import Cursor, fetch_all, fetch_one, fetch_value, first_column
from microblog.storage.visibility import VISIBLE

# Public content: (kind, account_id, subject_id), each post and reply once, boosts once for each pair of account and original.
_WRITTEN = """
    select case when p.boost_of is not null then 'boost' when p.thread_id <> p.id then 'reply' else 'post' end as kind,
           p.account_id, coalesce(p.boost_of, p.id) as subject_id
    from posts p where p.created_at >= %(begin)s and p.created_at < %(end)s and p.visibility in ('public', 'unlisted') and p.uri is null
    union
    select kind, account_id, subject_id from statistics_log
    where kind in ('post', 'reply', 'boost') and open and at >= %(begin)s and at < %(end)s"""

_VISITED = """
    select account_id from visits
    where day >= (%(begin)s at time zone 'UTC')::date and day <= (%(end)s at time zone 'UTC')::date
    and last_at >= %(begin)s and first_at < %(end)s"""

_FAVOURITED = """
    select f.account_id, f.post_id from favourites f join posts p on p.id = f.post_id join accounts a on a.id = f.account_id
    where f.id >= %(low)s and f.id < %(high)s and p.visibility in ('public', 'unlisted') and a.host is null
    union
    select account_id, subject_id from statistics_log where kind = 'favourite' and open and at >= %(begin)s and at < %(end)s"""

_FOLLOWED = """
    select f.follower_id, f.followee_id from follows f join accounts a on a.id = f.follower_id
    where f.id >= %(low)s and f.id < %(high)s and a.host is null
    union
    select account_id, subject_id from statistics_log where kind = 'follow' and at >= %(begin)s and at < %(end)s"""

_ACTIVITY_MEASURES = (
    Measure.POSTED,
    Measure.VISITED,
    Measure.ACTIVE,
    Measure.POSTS,
    Measure.REPLIES,
    Measure.BOOSTS,
)


def count(cursor: Cursor, span: TimeSpan, day: date) -> Day:
    """Count the statistics of `day`, which covers `span`."""
    params = {"begin": span.begin, "end": span.end, "low": id_at(span.begin), "high": id_at(span.end)}
    tags, posts = _tags(cursor, params), _posts(cursor, params)
    values = dict(zip(_ACTIVITY_MEASURES, _activity(cursor, params), strict=True)) | {
        Measure.NEW_ACCOUNTS: _number(
            cursor,
            """select (select count(*) from accounts where host is null and created_at >= %(begin)s and created_at < %(end)s)
               + (select count(*) from statistics_log where kind = 'account' and at >= %(begin)s and at < %(end)s)""",
            params,
        ),
        Measure.FAVOURITES: _number(cursor, f"select count(*) from ({_FAVOURITED}) l", params),
        Measure.FOLLOWS: _number(cursor, f"select count(*) from ({_FOLLOWED}) f", params),
        Measure.MAILS_SENT: _logged(cursor, "mail.sent", params),
        Measure.MAILS_FAILED: _logged(cursor, "mail.failed", params),
        Measure.LIVE_PEAK: _number(
            cursor,
            """select coalesce(max(peak), 0) from (
                   select sum(peak) as peak from connection_samples where slot >= %(begin)s and slot < %(end)s group by slot) c""",
            params,
        ),
        Measure.TOP_TAGS: tags[0],
        Measure.TOP_POSTS: posts[0],
    }
    return Day(day, {measure: values[measure] for measure in Measure}, tags[1], posts[1])


def _number(cursor: Cursor, sql: str, params: dict[str, object]) -> int:
    return int(fetch_value(cursor, sql, params))


def _logged(cursor: Cursor, kind: str, params: dict[str, object]) -> int:
    sql = "select count(*) from statistics_log where kind = %(kind)s and at >= %(begin)s and at < %(end)s"
    return _number(cursor, sql, params | {"kind": kind})


def _activity(cursor: Cursor, params: dict[str, object]) -> tuple[int, ...]:
    """Return the measures of _PEOPLE."""
    return (
        fetch_one(
            cursor,
            lambda *counts: counts,
            f"""with written as materialized ({_WRITTEN}), visitors as materialized ({_VISITED})
                -- Accounts that posted, accounts that visited, accounts that did either; posts, replies and boosts.
                select (select count(distinct account_id) from written),
                       (select count(distinct account_id) from visitors),
                       (select count(*) from (select account_id from written union select account_id from visitors) active),
                       count(*) filter (where kind <> 'boost'),
                       count(*) filter (where kind = 'reply'),
                       count(*) filter (where kind = 'boost')
                from written""",
            params,
        )
        or ()
    )


def _tags(cursor: Cursor, params: dict[str, object]) -> tuple[int, tuple[TagScore, ...]]:
    """Return the number of tags used, and the most used ones."""
    found = fetch_all(
        cursor,
        lambda total, *score: (total, TagScore(*score)),
        """with used as (
               -- Uses in public posts of the day, uses that an edit added that day, and uses that were deleted since.
               select t.tag_id, p.account_id, p.id as post_id from posts p join post_tags t on t.post_id = p.id
               where p.created_at >= %(begin)s and p.created_at < %(end)s and t.used_at is null and p.visibility = 'public'
               and p.uri is null
               union
               select t.tag_id, p.account_id, p.id from post_tags t join posts p on p.id = t.post_id
               where t.used_at >= %(begin)s and t.used_at < %(end)s and p.visibility = 'public' and p.uri is null
               union
               select tag_id, account_id, subject_id from statistics_log where kind = 'tag' and at >= %(begin)s and at < %(end)s)
           select count(*) over (), g.key, count(distinct u.account_id), count(*) from used u join tags g on g.id = u.tag_id
           group by g.id order by count(distinct u.account_id) desc, count(*) desc, g.key limit %(top)s""",
        params | {"top": TOP},
    )
    return (found[0][0] if found else 0), tuple(score for _, score in found)


def _posts(cursor: Cursor, params: dict[str, object]) -> tuple[int, tuple[PostScore, ...]]:
    """Return the number of posts of this site that people here favourited or boosted, and the most popular ones."""
    found = fetch_all(
        cursor,
        lambda total, *score: (total, PostScore(*score)),
        """with marked as (
               -- Favourites of the day, boosts of the day, and those that were deleted since.
               select 'favourite' as kind, f.account_id, f.post_id from favourites f join posts p on p.id = f.post_id
               join accounts a on a.id = f.account_id
               where f.id >= %(low)s and f.id < %(high)s and p.visibility = 'public' and p.uri is null and a.host is null
               union
               select 'boost', b.account_id, b.boost_of from posts b join posts p on p.id = b.boost_of
               where b.created_at >= %(begin)s and b.created_at < %(end)s and p.visibility = 'public'
               and b.visibility in ('public', 'unlisted') and b.uri is null and p.uri is null
               union
               select kind, account_id, subject_id from statistics_log
               where kind in ('favourite', 'boost') and public and open and at >= %(begin)s and at < %(end)s)
           select count(*) over (), post_id, count(*) filter (where kind = 'favourite'), count(*) filter (where kind = 'boost')
           from marked group by post_id order by count(*) desc, post_id desc limit %(top)s""",
        params | {"top": TOP},
    )
    return (found[0][0] if found else 0), tuple(score for _, score in found)


def write(cursor: Cursor, zone: str, counted: Day) -> None:
    """Store the day: one row for each measure, replacing earlier ones.

    The order of rows is fixed, so that concurrent writers do not deadlock.
    """
    details = {
        Measure.TOP_TAGS: [[score.key, score.people, score.posts] for score in counted.tags],
        Measure.TOP_POSTS: [[str(score.post), score.favourites, score.boosts] for score in counted.posts],
    }
    rows = [
        (zone, counted.day, str(measure), value, orjson.dumps(details.get(measure, [])).decode())
        for measure, value in sorted(counted.values.items())
    ]
    execute_values(
        cursor,
        """insert into statistics (zone, day, measure, value, detail) values %s
           on conflict (zone, day, measure) do update set value = excluded.value, detail = excluded.detail""",
        rows,
    )


def read(cursor: Cursor, *, zone: str, first: date, last: date) -> list[Day]:
    """Return the counted days, oldest first."""
    rows = fetch_all(
        cursor,
        lambda *row: row,
        """select day, measure, value, detail from statistics
           where zone = %(zone)s and day >= %(first)s and day <= %(last)s order by day""",
        {"zone": zone, "first": first, "last": last},
    )
    return [_day(day, list(group)) for day, group in groupby(rows, key=lambda row: row[0])]


def _day(day: date, rows: list[tuple[date, str, int, list[list[object]]]]) -> Day:
    values, details = {}, {}
    for _, name, value, detail in rows:
        if name in list(Measure):  # a newer version may have more measures
            values[Measure(name)], details[Measure(name)] = value, detail
    return Day(
        day,
        values,
        tuple(TagScore(str(key), int(str(people)), int(str(posts))) for key, people, posts in details.get(Measure.TOP_TAGS, [])),
        tuple(
            PostScore(PostId(int(str(post))), int(str(favourites)), int(str(boosts)))
            for post, favourites, boosts in details.get(Measure.TOP_POSTS, [])
        ),
    )


def first_signup(cursor: Cursor) -> datetime | None:
    """Return the creation time of the first account of this site."""
    return fetch_value(cursor, "select min(created_at) from accounts where host is null")  # type: ignore[no-any-return]  # a column of type timestamptz


def missing_days(cursor: Cursor, *, zone: str, first: date, last: date) -> list[date]:
    """Return the days without statistics, oldest first; in UTC also those without the numbers of `day_counts`."""
    cursor.execute(
        """select d::date from generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 day') d
           where not exists (select from statistics s where s.zone = %(zone)s and s.day = d::date)
           or %(zone)s = 'UTC' and not exists (select from counted_days c where c.day = d::date) order by 1""",
        {"zone": zone, "first": first, "last": last},
    )
    return first_column(cursor.fetchall())


def active(cursor: Cursor, span: TimeSpan) -> int:
    """Count the accounts that posted or were logged in during that time."""
    sql = f"select count(*) from (select account_id from ({_WRITTEN}) w union select account_id from ({_VISITED}) h) a"
    return _number(cursor, sql, {"begin": span.begin, "end": span.end})


def record_connections(cursor: Cursor, *, slot: datetime, process: str, peak: int) -> None:
    """Store the process's peak number of live connections in the quarter of an hour that begins at `slot`."""
    cursor.execute(
        """insert into connection_samples as c (slot, process, peak) values (%(slot)s, %(process)s, %(peak)s)
           on conflict (slot, process) do update set peak = greatest(c.peak, excluded.peak)""",
        {"slot": slot, "process": process, "peak": peak},
    )


def tags_in_use(cursor: Cursor, *, keys: Sequence[str]) -> dict[str, str]:
    """Return the names, by key, of the tags that occur in a public post of an account of this site that is not limited."""
    return dict(
        fetch_all(
            cursor,
            lambda key, name: (key, name),
            """select t.key, t.name from tags t where t.key = any(%(keys)s) and exists (
                   select from post_tags pt join posts p on p.id = pt.post_id join accounts a on a.id = p.account_id
                   where pt.tag_id = t.id and p.visibility = 'public' and p.deleted_at is null and a.host is null
                   and a.suspended_at is null and a.deleted_at is null and a.limited_at is null)""",
            {"keys": list(keys)},
        )
    )


def listable_posts(cursor: Cursor, *, ids: Sequence[int]) -> set[PostId]:
    """Return the posts that are public today and whose authors are discoverable and not limited."""
    cursor.execute(
        f"""select p.id from posts p join accounts a on a.id = p.account_id
            where p.id = any(%(ids)s) and p.visibility = 'public' and a.discoverable and a.limited_at is null and {VISIBLE}""",
        {"ids": list(ids), "viewer": None},
    )
    return set(first_column(cursor.fetchall()))
