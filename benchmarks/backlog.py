"""Rows that pile up on a busy site: logs, finished work, words that every post has, and members who have very much of something.

Written by PostgreSQL itself (`generate_series`), on top of benchmarks/dataset.py: 500,000 rows take some seconds. Statements whose answer
is small must not cost more because of them; tests/storage/test_growth.py holds them to that.

No waiting job is due for ten years (`DUE_IN`). A site that runs on these rows would otherwise work off the jobs while it is measured.
"""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

from benchmarks.dataset import Site
from microblog.model.ids import AccountId, TagId, id_at
from microblog.storage import tags
from microblog.storage.database import Connection, execute


@frozen
class Backlog:
    """Numbers of rows to add: `rows` in each log and queue, `marks` of the heavy member, and `fans`, accounts that follow that member.

    `uses`: of HASHTAGS hashtags with the same beginning. `gone`: suspended accounts.
    """

    rows: int = 500_000
    marks: int = 100_000
    fans: int = 100_000
    uses: int = 100_000
    gone: int = 10_000


HASHTAGS = 50
TAGS_PER_POST = 10  # of these


def common_tags(site: Site) -> list[TagId]:
    """Return the hashtags with the same beginning."""
    return [TagId(site.other_id(FIRST_NUMBER) + number) for number in range(1, HASHTAGS + 1)]


def heavy(site: Site) -> AccountId:
    """Return the member who has very much of everything, and follows 2,000."""
    return site.account_id(site.special["many"])


def first_remote(site: Site) -> AccountId:
    """Return the id before that of the first account of another server."""
    return AccountId(site.account_id(0) - 100_000_000)


def pile_up(connection: Connection, site: Site, backlog: Backlog) -> None:
    """Add the rows to a site that `fill` has written, then vacuum and analyse."""
    params = {
        "rows": backlog.rows,
        "marks": backlog.marks,
        "fans": backlog.fans,
        "uses": backlog.uses,
        "gone": backlog.gone,
        "first_gone": site.account_id(site.people + backlog.fans),
        "heavy": heavy(site),
        "known": site.account_id(0),
        "first_fan": site.account_id(site.people),
        "first_remote": first_remote(site),
        "first_id": site.other_id(FIRST_NUMBER),
        "end": site.end,
        "due_in": DUE_IN,
    }
    with connection.cursor() as cursor:
        execute(cursor, "set session_replication_role = replica")  # no triggers: every row refers to what is there
        execute(cursor, "set statement_timeout = 0")
        for statement in STATEMENTS:
            execute(cursor, statement, params)
        tags.recount(cursor, after=0, first=id_at(site.end.replace(hour=0, minute=0, second=0) - timedelta(days=6)) - 1)
        execute(cursor, "set session_replication_role = default")
        connection.commit()
        connection.autocommit = True
        execute(cursor, "vacuum (analyze)")
        connection.autocommit = False


DUE_IN = timedelta(days=3_652)
MANY_WAIT, FEW_WAIT = "host2.example", "host102.example"  # hosts for which many and few deliveries wait
WORKER = "worker"  # of the first
FIRST_NUMBER = 100_000_000  # above the numbers of all other rows of the site

# The position of an event is a transaction that is over: the rows are spread over those that this server has seen.
_XID = "(1 + n * (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 2) / %(rows)s)::text::xid8"
_FAN = "%(first_fan)s + (n - 1) * 65536::bigint"
_AT = "%(end)s::timestamptz - (%(rows)s - n) * interval '1 second'"

STATEMENTS = (
    f"""insert into events (xid, kind, account_id, post_id, at)
        select {_XID}, 'badges.changed', %(heavy)s, n, {_AT} from generate_series(1, %(rows)s) n""",
    f"""insert into invalidation_log (xid, keys, at)
        select {_XID}, array['p' || n, 'f' || n %% 1000, 't' || n], {_AT} from generate_series(1, %(rows)s) n""",
    # Nine of ten jobs are done, the others wait for their time, each with a key; some have failed for good.
    f"""insert into jobs (id, kind, key, payload, state, tries, due_at, created_at, finished_at)
        select %(first_id)s + n, case when n %% 10 = 0 then 'email.send' else 'post.notify' end,
            case when n %% 10 = 0 then n::text end, '{{}}',
            case when n %% 10 = 0 then 'waiting' when n %% 1000 = 1 then 'dead' else 'done' end, 1,
            {_AT} + case when n %% 10 = 0 then %(due_in)s else interval '0' end, {_AT}, case when n %% 10 > 0 then {_AT} end
        from generate_series(1, %(rows)s) n""",
    f"""insert into emails (id, kind, account_id, recipient, about, key, state, created_at, settled_at)
        select %(first_id)s + n, 'mention', case when n <= %(marks)s then %(heavy)s else %(first_fan)s end,
            'somebody@example.org', n, n::text, case when n %% 10 = 0 then 'waiting' else 'sent' end,
            {_AT}, case when n %% 10 > 0 then {_AT} end
        from generate_series(1, %(rows)s) n""",
    f"""insert into accounts (id, username, display_name, created_at)
        select {_FAN}, 'fan' || n, 'Fan ' || n, %(end)s::timestamptz from generate_series(1, %(fans)s) n""",
    f"""insert into account_counts (account_id, following)
        select {_FAN}, 2 from generate_series(1, %(fans)s) n""",
    f"""insert into follows (id, follower_id, followee_id, notify, created_at)
        select %(first_id)s + 2 * n + k, {_FAN}, (array[%(heavy)s, %(known)s]::bigint[])[k + 1],
            n %% 1000 = 0, %(end)s::timestamptz
        from generate_series(1, %(fans)s) n, generate_series(0, 1) k""",
    """update account_counts set followers = followers + %(fans)s where account_id in (%(heavy)s, %(known)s)""",
    """insert into favourites (id, account_id, post_id, created_at)
        select %(first_id)s + row_number() over (order by p.id), %(heavy)s, p.id, p.created_at from (
            select id, created_at from posts where boost_of is null and deleted_at is null and visibility = 'public'
            order by id desc limit %(marks)s) p
        on conflict do nothing""",
    """insert into bookmarks (id, account_id, post_id, created_at)
        select %(first_id)s + row_number() over (order by f.post_id), %(heavy)s, f.post_id, f.created_at
        from favourites f where f.account_id = %(heavy)s
        on conflict do nothing""",
    """insert into mentions (post_id, account_id)
        select f.post_id, %(heavy)s from favourites f where f.account_id = %(heavy)s on conflict do nothing""",
    f"""insert into notifications (id, account_id, kind, from_account_id, group_key, created_at)
        select %(first_id)s + n, %(heavy)s, 'follow', {_FAN}, 'follow-' || n / 1000, %(end)s::timestamptz
        from generate_series(1, least(%(marks)s, %(fans)s)) n""",
    """insert into post_words (post_id, words)
        select id, search_terms(spoiler, text) from posts where boost_of is null and deleted_at is null on conflict do nothing""",
    f"""insert into tags (id, key, name) select %(first_id)s + n, 'common' || n, 'Common' || n from generate_series(1, {HASHTAGS}) n""",
    f"""insert into post_tags (tag_id, post_id)
        select %(first_id)s + 1 + (number + k) %% {HASHTAGS}, id from (
            select id, row_number() over (order by id desc) as number from posts
            where boost_of is null and deleted_at is null and visibility = 'public'
            order by id desc limit %(uses)s / {TAGS_PER_POST}) p, generate_series(1, {TAGS_PER_POST}) k
        on conflict do nothing""",
    """insert into accounts (id, username, display_name, created_at, suspended_at)
        select %(first_gone)s + (n - 1) * 65536::bigint, 'gone' || n, '', %(end)s::timestamptz, %(end)s::timestamptz
        from generate_series(1, %(gone)s) n""",
    """insert into account_counts (account_id)
        select %(first_gone)s + (n - 1) * 65536::bigint from generate_series(1, %(gone)s) n""",
    """insert into thread_mutes (account_id, thread_id, created_at)
        select %(heavy)s, f.post_id, f.created_at from favourites f where f.account_id = %(heavy)s on conflict do nothing""",
    # Other servers: one in ten is dead, and for one in a hundred something waits; most of that for one of them.
    # The host for which much waits belongs to a worker whose lease is over.
    f"""insert into hosts (host, seen_at, failures, dead_since, due_at, worker)
        select 'host' || n || '.example', %(end)s, n %% 10, case when n %% 10 = 1 then %(end)s::timestamptz end,
            case when n %% 100 = 2 then %(end)s::timestamptz + %(due_in)s end, case when n = 2 then '{WORKER}' end
        from generate_series(1, %(rows)s / 10) n""",
    f"""insert into outgoing_activities (kind, account_id, body, created_at)
        select 'create', %(heavy)s, '{{}}', {_AT} from generate_series(1, %(rows)s) n""",
    f"""insert into deliveries (activity_id, host, inbox, due_at)
        select id, case when n %% 2 = 0 then '{MANY_WAIT}' else 'host' || 100 * (n / 2 %% (%(rows)s / 1000)) + 2 || '.example' end,
            'https://far.example/' || n, %(end)s::timestamptz + %(due_in)s
        from (select id, row_number() over (order by id desc) as n from outgoing_activities) o where n <= %(rows)s / 10""",
    """insert into accounts (id, username, host, uri, display_name, created_at)
        select %(first_remote)s + n, 'far' || n, 'far.example', 'https://far.example/users/' || n, '', %(end)s::timestamptz
        from generate_series(1, %(gone)s) n""",
    """insert into account_counts (account_id) select %(first_remote)s + n from generate_series(1, %(gone)s) n""",
    """insert into remote_actors (account_id, kind, inbox, shared_inbox, fetched_at)
        select %(first_remote)s + n, 'Person', 'https://far.example/users/' || n || '/inbox', 'https://far.example/inbox',
            %(end)s::timestamptz
        from generate_series(1, %(gone)s) n""",
    # Nearly all activities had their effect. One actor of another server has sent, favourited and undone very much.
    f"""insert into incoming_activities (key, signer_id, body, waiting_host, received_at)
        select 'key' || n, %(first_remote)s + case when n %% 2 = 0 then 1 else n %% %(gone)s + 1 end,
            case when n %% 1000 = 0 then '{{}}' end, case when n %% 1000 = 0 then 'far.example' end, {_AT}
        from generate_series(1, %(rows)s) n""",
    f"""insert into received_actions (actor_id, uri, kind, target_id, received_at)
        select %(first_remote)s + 1, 'https://far.example/' || n, 'favourite', n, {_AT} from generate_series(1, %(rows)s) n""",
    f"""insert into remote_tombstones (uri, actor, created_at)
        select 'https://far.example/' || n, 'https://far.example/users/1', {_AT} from generate_series(1, %(rows)s) n""",
    """insert into favourites (id, account_id, post_id, created_at, activity_uri)
        select %(first_id)s + 2 * %(rows)s + row_number() over (order by f.post_id), %(first_remote)s + 1, f.post_id, f.created_at,
            'https://far.example/like/' || f.post_id
        from favourites f where f.account_id = %(heavy)s""",
    f"""insert into emojis (shortcode, host, url, created_at)
        select 'emoji' || n, 'far.example', 'https://far.example/emoji/' || n, {_AT} from generate_series(1, %(rows)s / 10) n""",
    """insert into remote_files (stem, kind, emoji_id, original, bytes, used_at)
        select 'r' || id, 'emoji', id, 'r' || id || '.png', 1, created_at from emojis order by id""",
    # Profile images that were copied long ago, of accounts that are still heard of.
    """insert into remote_files (stem, kind, account_id, original, used_at)
        select 'a' || n, 'avatar', %(first_remote)s + n, 'a' || n || '.png', %(end)s::timestamptz - interval '90 days'
        from generate_series(1, %(gone)s) n""",
    # Fifty followers on another server of the two whom all the fans follow, and rules for domains.
    """insert into follows (id, follower_id, followee_id, created_at, activity_uri)
        select %(first_id)s + 3 * %(rows)s + 2 * n + k, %(first_remote)s + n, (array[%(heavy)s, %(known)s]::bigint[])[k + 1],
            %(end)s::timestamptz, 'https://far.example/follows/' || n
        from generate_series(1, 50) n, generate_series(0, 1) k""",
    f"""insert into domain_rules (id, domain, severity, created_at)
        select %(first_id)s + n, 'bad' || n || '.example', 'suspend', {_AT} from generate_series(1, %(rows)s / 10) n""",
)
