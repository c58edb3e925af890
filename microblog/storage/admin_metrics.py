"""Numbers of the moderators' dashboard that are counted when they are asked for: of reports, of one hashtag, and of one server."""

from __future__ import annotations

from datetime import date

from microblog.model.ids import id_at
from microblog.model.statistics import TimeSpan
from microblog.storage.database import Cursor, fetch_all, fetch_value

DayCount = tuple[date | None, int]
"""A day (UTC) with a number, or None with the number of all other days."""


def _bounds(span: TimeSpan) -> dict[str, object]:
    return {"begin": span.begin, "end": span.end, "low": id_at(span.begin), "high": id_at(span.end)}


def _by_day(cursor: Cursor, sql: str, params: dict[str, object]) -> list[DayCount]:
    return fetch_all(cursor, lambda day, number: (day, int(number)), sql, params)


# --- Reports


def opened_reports(cursor: Cursor, *, span: TimeSpan) -> list[DayCount]:
    """Count the reports of each day."""
    sql = "select (created_at at time zone 'UTC')::date, count(*) from reports where id >= %(low)s and id < %(high)s group by 1"
    return _by_day(cursor, sql, _bounds(span))


def resolved_reports(cursor: Cursor, *, span: TimeSpan) -> list[DayCount]:
    """Count the reports that were resolved on each day, and are still."""
    sql = (
        "select (closed_at at time zone 'UTC')::date, count(*) from reports where closed_at >= %(begin)s and closed_at < %(end)s group by 1"
    )
    return _by_day(cursor, sql, _bounds(span))


# --- One hashtag. Uses in public posts; the same ones as in its history.

_TAGGED = """from post_tags u join posts p on p.id = u.post_id and p.visibility = 'public' and p.deleted_at is null
    join accounts a on a.id = p.account_id
    where u.tag_id = %(tag)s and u.post_id >= %(low)s and u.post_id < %(high)s"""
_DAY_OF_POST = "(to_timestamp((u.post_id >> 16) / 1000.0) at time zone 'UTC')::date"


def tag_exists(cursor: Cursor, *, tag: int) -> bool:
    """True if there is a hashtag with this id."""
    return fetch_value(cursor, "select 1 from tags where id = %(tag)s", {"tag": tag}) is not None


def tag_accounts(cursor: Cursor, *, tag: int, span: TimeSpan) -> list[DayCount]:
    """Count the accounts of this site that used the hashtag, by day, and under None in all."""
    sql = f"select {_DAY_OF_POST}, count(distinct p.account_id) {_TAGGED} and p.uri is null group by rollup(1)"
    return _by_day(cursor, sql, _bounds(span) | {"tag": tag})


def tag_uses(cursor: Cursor, *, tag: int, span: TimeSpan) -> list[DayCount]:
    """Count the posts of this site with the hashtag, by day, and under None in all."""
    sql = f"select {_DAY_OF_POST}, count(*) {_TAGGED} and p.uri is null group by rollup(1)"
    return _by_day(cursor, sql, _bounds(span) | {"tag": tag})


def tag_servers(cursor: Cursor, *, tag: int, span: TimeSpan) -> list[DayCount]:
    """Count the other servers from which posts with the hashtag came, by day, and under None in all."""
    sql = f"select {_DAY_OF_POST}, count(distinct a.host) {_TAGGED} and p.uri is not null group by rollup(1)"
    return _by_day(cursor, sql, _bounds(span) | {"tag": tag})


def tag_hosts(cursor: Cursor, *, tag: int, span: TimeSpan, limit: int) -> list[tuple[str, int]]:
    """Return the servers with most posts with the hashtag; the host of this site is empty."""
    sql = f"select coalesce(a.host, ''), count(*) {_TAGGED} group by 1 order by 2 desc, 1 limit %(limit)s"
    return fetch_all(cursor, lambda host, number: (str(host), int(number)), sql, _bounds(span) | {"tag": tag, "limit": limit})


def tag_languages(cursor: Cursor, *, tag: int, span: TimeSpan, limit: int) -> list[tuple[str, int]]:
    """Return the languages of most posts with the hashtag; an unknown language is empty."""
    sql = f"select coalesce(p.language, ''), count(*) {_TAGGED} group by 1 order by 2 desc, 1 limit %(limit)s"
    return fetch_all(cursor, lambda language, number: (str(language), int(number)), sql, _bounds(span) | {"tag": tag, "limit": limit})


# --- One server. Each reads the rows of its accounts; the rows of other days are together under None.

_IN_SPAN = "case when {at} >= %(begin)s and {at} < %(end)s then ({at} at time zone 'UTC')::date end"
_ACCOUNTS = f"""select {_IN_SPAN.format(at="created_at")}, count(*) from accounts where host = %(host)s and deleted_at is null group by 1"""
_MEDIA = f"""select {_IN_SPAN.format(at="m.created_at")}, sum(f.bytes) from accounts a join media m on m.account_id = a.id
    join remote_files f on f.media_id = m.id where a.host = %(host)s group by 1"""
_REPORTS = f"""select {_IN_SPAN.format(at="r.created_at")}, count(*) from accounts a join reports r on r.target_id = a.id
    where a.host = %(host)s group by 1"""
_FOLLOWS = f"""select {_IN_SPAN.format(at="f.created_at")}, count(*) from accounts a join follows f on f.followee_id = a.id
    join accounts l on l.id = f.follower_id and l.host is null where a.host = %(host)s group by 1"""
_FOLLOWERS = f"""select {_IN_SPAN.format(at="f.created_at")}, count(*) from accounts a join follows f on f.follower_id = a.id
    join accounts l on l.id = f.followee_id and l.host is null where a.host = %(host)s group by 1"""


def accounts_of_host(cursor: Cursor, *, host: str, span: TimeSpan) -> list[DayCount]:
    """Count the known accounts of a server."""
    return _by_day(cursor, _ACCOUNTS, _bounds(span) | {"host": host})


def media_of_host(cursor: Cursor, *, host: str, span: TimeSpan) -> list[DayCount]:
    """Add up the bytes of the copies of a server's attachments."""
    return _by_day(cursor, _MEDIA, _bounds(span) | {"host": host})


def reports_of_host(cursor: Cursor, *, host: str, span: TimeSpan) -> list[DayCount]:
    """Count the reports about accounts of a server."""
    return _by_day(cursor, _REPORTS, _bounds(span) | {"host": host})


def follows_of_host(cursor: Cursor, *, host: str, span: TimeSpan) -> list[DayCount]:
    """Count the follows of a server's accounts by accounts of this site."""
    return _by_day(cursor, _FOLLOWS, _bounds(span) | {"host": host})


def followers_of_host(cursor: Cursor, *, host: str, span: TimeSpan) -> list[DayCount]:
    """Count the follows of accounts of this site by a server's accounts."""
    return _by_day(cursor, _FOLLOWERS, _bounds(span) | {"host": host})


def most_followed_of_host(cursor: Cursor, *, host: str, limit: int) -> list[tuple[str, int]]:
    """Return the usernames of a server's accounts with most followers here, with the number of these."""
    return fetch_all(
        cursor,
        lambda username, number: (str(username), int(number)),
        """select a.username, count(*) from accounts a join follows f on f.followee_id = a.id
           where a.host = %(host)s and a.deleted_at is null group by a.id order by count(*) desc, a.id limit %(limit)s""",
        {"host": host, "limit": limit},
    )


# --- The site


def sign_ups_by_app(cursor: Cursor, *, span: TimeSpan, limit: int) -> list[tuple[str, int]]:
    """Return the apps by which most accounts were created; the name is empty for the site's own pages and the command line."""
    return fetch_all(
        cursor,
        lambda name, number: (str(name), int(number)),
        """select coalesce(p.name, ''), count(*) from accounts a join users u on u.account_id = a.id left join apps p on p.id = u.app_id
           where a.host is null and a.created_at >= %(begin)s and a.created_at < %(end)s
           group by 1 order by 2 desc, 1 limit %(limit)s""",
        _bounds(span) | {"limit": limit},
    )


def database_bytes(cursor: Cursor) -> int:
    """Return the size of the database on its disk."""
    return int(fetch_value(cursor, "select pg_database_size(current_database())"))


def copied_bytes(cursor: Cursor) -> int:
    """Return the size of the copies of other servers' files."""
    return int(fetch_value(cursor, "select bytes from remote_files_size"))


def database_version(cursor: Cursor) -> str:
    """Return the version of PostgreSQL, such as `15.8`."""
    return str(fetch_value(cursor, "select current_setting('server_version')")).partition(" ")[0]
