"""Numbers of the moderators' dashboard by day (UTC): counted with the statistics of the day, and read by period.

Posts count that are there when the day is counted. Sign-up days come from the ids of accounts, which outlive deleted accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from microblog.model.statistics import TimeSpan
from microblog.storage.database import Cursor, execute, fetch_all, first_column

# Rows (host, language, posts) of a day.
_POSTS = """
    select coalesce(a.host, '') as host, coalesce(p.language, '') as language, count(*) as posts
    from posts p join accounts a on a.id = p.account_id
    where p.created_at >= %(begin)s and p.created_at < %(end)s and p.visibility in ('public', 'unlisted') and p.boost_of is null
    and p.deleted_at is null
    group by 1, 2"""

# Rows (signed_up, people, first_of_month) of a day.
_COHORTS = """
    select (to_timestamp((v.account_id >> 16) / 1000.0) at time zone 'UTC')::date as signed_up, count(*) as people,
           count(*) filter (where e.account_id is null) as first_of_month
    from visits v left join (
        select distinct account_id from visits where day >= date_trunc('month', %(day)s::date)::date and day < %(day)s::date) e
        on e.account_id = v.account_id
    where v.day = %(day)s::date group by 1"""


def count_posts(cursor: Cursor, *, span: TimeSpan) -> list[tuple[str, str, int]]:
    """Count the public posts of a day: rows (host, language, posts); the host of this site and an unknown language are empty."""
    return fetch_all(cursor, lambda host, language, posts: (host, language, int(posts)), _POSTS, {"begin": span.begin, "end": span.end})


def count_cohorts(cursor: Cursor, *, day: date) -> list[tuple[date, int, int]]:
    """Count the accounts active on a day: rows (day of sign-up, accounts, those whose first active day of the month it is)."""
    return fetch_all(cursor, lambda signed_up, people, first: (signed_up, int(people), int(first)), _COHORTS, {"day": day})


def forget_posts(cursor: Cursor, *, day: date) -> None:
    """Delete the posts counted of a day."""
    execute(cursor, "delete from post_days where day = %(day)s", {"day": day})


def forget_cohorts(cursor: Cursor, *, day: date) -> None:
    """Delete the active accounts counted of a day."""
    execute(cursor, "delete from cohort_days where day = %(day)s", {"day": day})


def store_posts(cursor: Cursor, *, day: date, span: TimeSpan) -> None:
    """Count and store the posts of a day."""
    sql = f"insert into post_days (host, day, language, posts) select host, %(day)s, language, posts from ({_POSTS}) counted"
    execute(cursor, sql, {"day": day, "begin": span.begin, "end": span.end})


def store_cohorts(cursor: Cursor, *, day: date) -> None:
    """Count and store the accounts active on a day."""
    sql = f"""insert into cohort_days (signed_up, day, people, first_of_month)
              select signed_up, %(day)s, people, first_of_month from ({_COHORTS}) counted"""
    execute(cursor, sql, {"day": day})


def lock_day(cursor: Cursor, *, day: date) -> None:
    """Note that a day is counted. Others that count the same day wait until this transaction ends."""
    sql = "insert into counted_days (day) values (%(day)s) on conflict (day) do update set day = excluded.day"
    execute(cursor, sql, {"day": day})


def uncounted(cursor: Cursor, *, days: Sequence[date]) -> list[date]:
    """Return those of the days that were not counted yet, oldest first."""
    sql = "select d from unnest(%(days)s::date[]) d where not exists (select from counted_days c where c.day = d) order by d"
    cursor.execute(sql, {"days": list(days)})
    return first_column(cursor.fetchall())


def visitors(cursor: Cursor, *, first: date, last: date) -> int:
    """Count the different accounts that were logged in on any of the days."""
    sql = "select count(distinct account_id) from visits where day >= %(first)s and day <= %(last)s"
    cursor.execute(sql, {"first": first, "last": last})
    [count] = first_column(cursor.fetchall())
    return int(count)


def cohorts(cursor: Cursor, *, first: date, last: date) -> list[tuple[date, date, int, int]]:
    """Return what was counted of sign-ups of these days on these days: day of sign-up, day, accounts, first of the month."""
    return fetch_all(
        cursor,
        lambda signed_up, day, people, first_of_month: (signed_up, day, int(people), int(first_of_month)),
        """select signed_up, day, people, first_of_month from cohort_days
           where signed_up >= %(first)s and signed_up <= %(last)s and day >= %(first)s and day <= %(last)s""",
        {"first": first, "last": last},
    )


def posts_by_day(cursor: Cursor, *, host: str) -> list[tuple[date, int]]:
    """Return the number of posts of a server on each counted day."""
    sql = "select day, sum(posts)::bigint from post_days where host = %(host)s group by day"
    return fetch_all(cursor, lambda day, posts: (day, int(posts)), sql, {"host": host})


def posts_by_host(cursor: Cursor, *, first: date, last: date) -> list[tuple[str, int]]:
    """Return the number of posts of each server within the days; the host of this site is empty."""
    sql = "select host, sum(posts)::bigint from post_days where day >= %(first)s and day <= %(last)s group by host"
    return fetch_all(cursor, lambda host, posts: (str(host), int(posts)), sql, {"first": first, "last": last})


def posts_by_language(cursor: Cursor, *, host: str, first: date, last: date) -> list[tuple[str, int]]:
    """Return the number of posts of a server in each language within the days; an unknown language is empty."""
    sql = """select language, sum(posts)::bigint from post_days
             where host = %(host)s and day >= %(first)s and day <= %(last)s group by language"""
    return fetch_all(cursor, lambda language, posts: (str(language), int(posts)), sql, {"host": host, "first": first, "last": last})
