"""Measure PostgreSQL's work for each frequent query on the databases of benchmarks/databases.py.

    python -m benchmarks.queries [--cache DIRECTORY] [--posts 1000000] [--plan NAME]

Each statement of the storage functions is explained and timed (EXPLAIN ANALYZE, medians). `--plan` prints the plans of queries whose name
contains the text. tests/storage/test_plans.py asserts the plans of the same queries.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg2.extensions
from attrs import frozen

from benchmarks.backlog import DUE_IN, FEW_WAIT, MANY_WAIT, WORKER, common_tags, first_remote, heavy
from benchmarks.databases import database_server, options
from benchmarks.dataset import Site, name, token
from microblog.domain.tokens import token_hash
from microblog.model.accounts import Account
from microblog.model.deliveries import HostState
from microblog.model.emails import EmailKind, EmailState
from microblog.model.events import Position
from microblog.model.federation_posts import RemoteEmoji, RemoteImage
from microblog.model.ids import AccountId, id_at
from microblog.model.incoming_activities import ActivityToStore
from microblog.model.jobs import JobState
from microblog.model.paging import Page
from microblog.model.remote_files import RemoteFileKind, SharedFile
from microblog.model.timeline_rules import AccountPosts, TagFilter
from microblog.storage import (
    accounts,
    activity_recipients,
    autocomplete,
    deliveries,
    domain_accounts,
    emails,
    emojis,
    events,
    federation_days,
    follow_up,
    follows,
    health,
    incoming_activities,
    invalidation_log,
    jobs,
    live_queries,
    moves,
    notification_groups,
    notification_recipients,
    notifications,
    outbound_position,
    outgoing_activities,
    posts,
    reading_again,
    received_actions,
    relationships,
    remote_actors,
    remote_files,
    remote_images,
    remote_posts,
    remote_relations,
    retention,
    search,
    sessions,
    severances,
    suggestions,
    suspensions,
    tags,
    threads,
    timelines,
)
from microblog.storage.database import Cursor, connect
from microblog.storage.invalidation_log import InvalidationPosition
from microblog.storage.notification_groups import GroupSelection
from microblog.storage.received_actions import Action, ActionKind

REPEATS = 7


@frozen
class Query:
    """One call of a function of storage."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]

    def run(self, cursor: Cursor) -> Any:
        """Call the function."""
        return self.function(cursor, **self.arguments)


class ExplainingCursor(psycopg2.extensions.cursor):
    """A cursor that records the plan of every statement before executing it."""

    explain_options = "format json"
    plans: list[dict[str, Any]]

    def execute(self, query: Any, vars: Any = None) -> None:
        """Explain, then execute. PREPARE and statements without a plan are only executed."""
        if str(query).startswith(("prepare ", "savepoint ", "release ", "rollback ")):
            super().execute(query, vars)
            return
        super().execute(f"explain ({self.explain_options}) {query}", vars)
        explained = self.fetchone()
        assert explained is not None
        self.plans.append(explained[0][0])
        super().execute(query, vars)


def frequent_queries(site: Site) -> list[Query]:
    """Return the frequent read queries, each with its hard cases."""
    return [*_homes(site), *_lists(site), *_posts(site), *_people(site), *_own(site)]


def _homes(site: Site) -> Iterator[Query]:
    readers = {"typical": site.typical[0]} | site.special
    for kind, number in readers.items():
        for position, page in pages(site).items():
            viewer = site.account_id(number)
            yield Query(f"home, {kind} reader, {position}", timelines.home, {"viewer": viewer, "page": page, "now": site.end})


def pages(site: Site) -> dict[str, Page]:
    """Return the newest page, an old one, and the one right above an old entry."""
    long_ago = site.post_id(site.posts // 5)
    return {"newest": Page(), "deep": Page(max_id=long_ago), "upward": Page(min_id=long_ago)}


def _lists(site: Site) -> Iterator[Query]:
    viewer, author = site.account_id(site.typical[0]), site.account_id(20)
    inactive = site.account_id(site.people - 3)
    for position, page in pages(site).items():
        for reader in (viewer, None):
            reader_kind = "member" if reader else "anonymous"
            yield Query(f"public, {reader_kind}, {position}", timelines.public, {"viewer": reader, "page": page, "now": site.end})
            yield Query(
                f"tag, {reader_kind}, {position}",
                timelines.of_tags,
                {"tags": TagFilter(["tag3"]), "viewer": reader, "page": page, "now": site.end},
            )
            yield Query(
                f"account, {reader_kind}, {position}",
                timelines.of_account,
                {"wanted": AccountPosts(author), "viewer": reader, "page": page},
            )
        own = AccountPosts(author, replies=False, boosts=False)
        yield Query(f"account, own posts, {position}", timelines.of_account, {"wanted": own, "viewer": viewer, "page": page})
    yield Query("tag, rare", timelines.of_tags, {"tags": TagFilter(["tag1990"]), "viewer": viewer, "page": Page(), "now": site.end})
    yield Query("account, silent for long", timelines.of_account, {"wanted": AccountPosts(inactive), "viewer": None, "page": Page()})
    yield Query("pinned", timelines.pinned, {"account": author, "viewer": viewer, "limit": 5})


def _posts(site: Site) -> Iterator[Query]:
    viewer = site.account_id(site.typical[0])
    newest = [site.post_id(number) for number in range(site.posts - 20, site.posts)]
    spread = [site.post_id(number) for number in range(0, site.posts, site.posts // 20)][:20]
    yield Query("by_ids, 20 newest", posts.by_ids, {"ids": newest})
    yield Query("by_ids, 20 of all times", posts.by_ids, {"ids": spread})
    yield Query("load, one", posts.load, {"entries": [(newest[0], None)]})
    yield Query("flags", posts.flags, {"posts": newest, "viewer": viewer})
    yield Query("visible, one, anonymous", posts.visible, {"ids": newest[:1], "viewer": None})
    yield Query("visible, 20, member", posts.visible, {"ids": newest, "viewer": viewer})
    yield Query("thread", threads.outline, {"thread": site.post_id(site.long_thread), "post": site.post_id(site.long_thread)})
    yield Query("thread, upwards", threads.ancestors, {"post": newest[0], "limit": 40})
    yield Query("history", posts.history, {"post": newest[0]})
    yield Query("boost_by", posts.boost_by, {"original": newest[0], "account": viewer})
    yield Query("boosters", posts.boosters, {"original": spread[10]})


def _people(site: Site) -> Iterator[Query]:
    viewer, well_known = site.account_id(site.typical[0]), site.account_id(0)
    sample = [site.account_id(number) for number in range(0, site.people, site.people // 40)]
    long_ago = site.first_follow + site.people
    for position, page in {"newest": Page(40), "deep": Page(40, max_id=long_ago), "upward": Page(40, min_id=long_ago)}.items():
        yield Query(f"followers, {position}", follows.followers, {"account": well_known, "viewer": viewer, "page": page})
        yield Query(f"following, {position}", follows.following, {"account": viewer, "viewer": viewer, "page": page})
    yield Query("followers, anonymous", follows.followers, {"account": well_known, "viewer": None, "page": Page(40)})
    yield Query("follow requests", follows.requests, {"account": well_known, "page": Page(40)})
    yield Query("follow requests, counted", follows.count_requests, {"followee": well_known})
    yield Query("relationships, 40", relationships.relationships, {"viewer": viewer, "ids": sample, "now": site.end})
    yield Query("relationships, one", relationships.relationships, {"viewer": viewer, "ids": sample[:1], "now": site.end})
    yield Query("blocked", relationships.blocked, {"account": viewer, "page": Page(40)})
    yield Query("muted", relationships.muted, {"account": viewer, "page": Page(40), "now": site.end})
    yield Query("suggested", accounts.suggested, {"viewer": viewer, "limit": 5})
    yield Query("suggested, to nobody", accounts.suggested, {"viewer": None, "limit": 5})
    for prefix in ("p", "person12", "person4711"):
        yield Query(f"accounts by prefix {prefix}", accounts.by_prefix, {"prefix": prefix, "limit": 8})
    for prefix in ("p", "person12"):
        yield Query(f"people completed from {prefix}", autocomplete.people, {"prefix": prefix, "viewer": viewer, "limit": 6})
    yield Query("account by name", accounts.by_username, {"username": name(17)})
    yield Query("account by id", accounts.by_id, {"id": well_known})
    yield Query("accounts by 40 ids", accounts.by_ids, {"ids": sample})
    yield Query("accounts by 5 names", accounts.by_usernames, {"usernames": [name(number) for number in range(5)]})


def _own(site: Site) -> Iterator[Query]:
    number = site.typical[0]
    viewer, well_known = site.account_id(number), site.account_id(0)
    yield Query("session", sessions.by_token, {"token_hash": token_hash(token(number)), "now": site.end})
    yield Query("badges", notifications.unread_counts, {"account": viewer, "limit": 100})
    for reader, account in {"typical": viewer, "known": well_known}.items():
        yield Query(f"notifications, {reader}", notifications.page_of, {"account": account, "page": Page(40)})
        groups = {"account": account, "page": Page(40), "choice": GroupSelection()}
        yield Query(f"notifications, {reader}, groups", notification_groups.page_of, groups)
        yield Query(
            f"notifications, {reader}, mentions", notifications.page_of, {"account": account, "page": Page(40), "kinds": ["mention"]}
        )
    yield Query("notifications, unread", notifications.unread, {"account": viewer, "limit": 100})
    yield Query("notifications, subscribers", notification_recipients.subscribers, {"account": well_known})
    yield Query("favourites", timelines.favourites, {"viewer": viewer, "page": Page()})
    yield Query("bookmarks", timelines.bookmarks, {"viewer": viewer, "page": Page()})
    yield Query("tags by prefix", tags.by_prefix, {"prefix": "tag19", "viewer": viewer, "limit": 8})
    yield Query("tags completed from t", autocomplete.tags, {"prefix": "t", "viewer": viewer, "limit": 6})
    yield Query("tags talked about", tags.trending, {"after": site.post_id(site.posts - site.posts // 52), "limit": 10})


def growing_queries(site: Site) -> list[Query]:
    """Return the statements that meet the rows of benchmarks/backlog.py: logs, queues, and the member who has much of everything."""
    return [*_logs(site), *_of_the_heavy(site), *_of_other_servers(site)]


def _logs(site: Site) -> Iterator[Query]:
    yield Query("events held back, none", live_queries.held_back, {"xid": 2**62, "id": 0})
    yield Query("events, none new", events.after, {"epoch": "", "xid": 2**62, "id": 0, "limit": 500})
    yield Query("events, where to start", live_queries.start_position, {"back": 100})
    yield Query("events, oldest", events.oldest, {})
    yield Query("health", health.site_state, {"kinds": [*(f"kind{number}" for number in range(20)), "post.notify", "email.send"]})
    for mine in ([*(f"kind{number}" for number in range(20)), "post.notify"], ["email.send"]):
        claim = {"kinds": mine, "worker": "worker", "lease_until": site.end, "now": site.end + DUE_IN, "limit": 8}  # all are due by then
        yield Query(f"next job of {len(mine)} kinds", jobs.next_due, {"kinds": mine})
        yield Query(f"claim jobs of {len(mine)} kinds", jobs.claim, claim)
    yield Query("failed jobs", jobs.page_of, {"state": JobState.DEAD, "page": Page()})
    email = {"account": heavy(site), "kind": EmailKind.MENTION, "since": site.end - timedelta(hours=1)}
    yield Query("e-mails of the last hour, heavy member", emails.count_since, email)
    for state in (EmailState.WAITING, EmailState.SENT, EmailState.FAILED):
        yield Query(f"e-mails {state}", emails.page_of, {"page": Page(), "state": state})
    snapshot = {"since": InvalidationPosition("1000000000:1000000000:", site.end)}
    yield Query("invalidation log, nothing new", invalidation_log.changed_since, snapshot)
    position = {"events_after": Position("", 2**62, 0), "changed_since": snapshot["since"]}
    kinds = {"kinds": [*(f"kind{number}" for number in range(20)), "post.notify"], "soon": site.end + DUE_IN}
    yield Query("after a commit, nothing new", follow_up.after_commit, position | kinds)
    old = {"before": site.end - timedelta(days=400), "limit": 1_000}
    for cleanup in (events.delete_old, invalidation_log.delete_old, jobs.delete_old):
        yield Query(f"{cleanup.__module__}, nothing old", cleanup, {"since": site.end - timedelta(days=800), **old})
    yield Query("e-mails, nothing old", emails.delete_old, old)
    for unused in (retention.delete_posts, retention.delete_accounts):
        yield Query(f"{unused.__name__} of other servers", unused, {"after": "", "before": site.end, "limit": 20})


def _of_other_servers(site: Site) -> Iterator[Query]:
    actor, soon, soonest = AccountId(first_remote(site) + 1), site.end + DUE_IN, site.end - timedelta(hours=1)
    yield Query("events to send, none", outbound_position.has_more, {})
    yield Query("next host", deliveries.next_due, {})
    yield Query("hosts that are due, none", deliveries.claim_hosts, {"worker": "w", "lease_until": soon, "now": site.end, "limit": 64})
    yield Query("claim hosts", deliveries.claim_hosts, {"worker": "w", "lease_until": soon, "now": soon, "limit": 10})
    for host in (FEW_WAIT, MANY_WAIT):
        yield Query(f"deliveries to {host}", deliveries.due, {"hosts": [host], "now": soon, "limit": 20})
    yield Query("a host is released", deliveries.release, {"host": MANY_WAIT, "worker": WORKER, "state": HostState()})
    yield Query("a healthy host is released", deliveries.release_healthy, {"hosts": [MANY_WAIT], "worker": WORKER})
    yield Query("leases are extended", deliveries.extend_lease, {"hosts": [MANY_WAIT, FEW_WAIT], "worker": WORKER, "lease_until": soon})
    yield Query("a delivery is tried again", deliveries.retry, {"id": 1, "due_at": soon, "error": ""})
    yield Query("a host is alive", deliveries.seen, {"host": FEW_WAIT, "now": site.end})
    old = {"before": site.end - timedelta(days=400), "limit": 1_000}
    yield Query("activities that were delivered", outgoing_activities.delete_delivered, old)
    yield Query("activities that arrived long ago", incoming_activities.delete_old, old)
    row = ActivityToStore("new", actor, "far.example", "{}")
    yield Query("an activity arrives", incoming_activities.receive, {"activity": row, "job": "federation.activity", "now": site.end})
    yield Query("activities that wait", incoming_activities.waiting, {"host": "far.example", "since": soonest, "limit": 10_000})
    yield Query("an activity arrived before", incoming_activities.was_received, {"keys": ["key1", "none"]})
    yield Query(
        "something was deleted", incoming_activities.was_deleted, {"uri": "https://far.example/1", "actor": "https://far.example/users/1"}
    )
    yield Query("key of an actor", remote_actors.key, {"key_id": "https://far.example/users/1#main-key"})
    action = Action(ActionKind.FAVOURITE, 7)
    yield Query("an action by its id", received_actions.by_uri, {"actor": actor, "uri": "https://far.example/like/1"})
    yield Query("the last action of a kind", received_actions.latest, {"actor": actor, "action": action, "since": soonest})
    yield Query("an action is undone", received_actions.forget, {"actor": actor, "uri": "https://far.example/7"})
    yield Query("whether somebody is related", remote_relations.is_related, {"account": actor})
    yield Query("whether somebody is followed", remote_posts.is_followed, {"account": heavy(site)})
    yield Query("whether replies wait for a post", remote_posts.has_orphans, {"uri": "https://far.example/1"})
    old_days = {"until": site.end - timedelta(days=400)}
    yield Query("activities that are not counted, none", federation_days.count_received, old_days)
    yield Query("followers elsewhere, heavy member", activity_recipients.followers, {"account": heavy(site)})
    yield Query("followers of a host", activity_recipients.follower_uris, {"account": heavy(site), "host": "none.example"})
    yield Query("recipient of the end of a follow", activity_recipients.even_suspended, {"id": actor})
    for host in ("far.example", "none.example"):
        yield Query(f"whether {host} is known", remote_actors.is_host_known, {"host": host})
    yield Query("inbox of a host", remote_actors.inbox_of_host, {"host": "far.example"})
    yield Query("inbox of an actor", remote_actors.inbox_of, {"account": actor})
    yield Query("collections of an actor", remote_actors.collections_of, {"account": actor})
    yield Query("whether counts are old", remote_actors.are_counts_old, {"account": actor, "before": site.end})
    yield Query("whether pinned posts are old", reading_again.are_pins_old, {"account": actor, "before": site.end})
    yield Query("profile images of an actor", remote_images.urls, {"account": actor})
    yield from _of_remote_accounts(site)
    yield from _of_remote_files(site)


def _of_remote_accounts(site: Site) -> Iterator[Query]:
    actor, uri = AccountId(first_remote(site) + 1), "https://far.example/users/1"
    yield Query("account of an actor", remote_actors.by_uri, {"uri": uri})
    yield Query("whether an actor was deleted", remote_actors.is_deleted, {"uri": uri})
    yield Query("when an actor was read", remote_actors.fetched_at, {"account": actor})
    state = {"account": Account(actor, "far1", "", "", "", site.end, host="far.example", uri=uri), "now": site.end}
    yield Query("an account gets its state", domain_accounts.set_state_of, {"id": actor} | state)
    yield Query("whether an account is suspended", domain_accounts.is_suspended, {"account": actor})
    yield Query("an account is suspended", suspensions.suspend, {"id": actor, "at": site.end, "by_host": False})
    yield Query("an account is suspended by its host", suspensions.suspend, {"id": actor, "at": site.end, "by_host": True})
    yield Query("an account is restored", suspensions.restore, {"id": actor, "by_host": True})
    yield Query("when an account was suspended", suspensions.suspended_since, {"id": actor})
    yield Query("follows that a suspension cuts", follows.of_account, {"account": heavy(site), "limit": 50})
    yield Query("follows that a suspension has cut", severances.not_notified, {"event": 1, "limit": 50})


def _of_remote_files(site: Site) -> Iterator[Query]:
    copied = SharedFile(RemoteFileKind.EMOJI, 7, "https://far.example/emoji/7", "far.example")
    later, room = {"until": site.end + timedelta(minutes=10), "now": site.end}, {"bytes": 100, "keep": copied.id}
    yield Query("a file is copied", remote_files.claim, {"file": copied, "stem": "new", "again": True} | later)
    yield Query("a copy is looked at", remote_files.touch, {"kind": copied.kind, "id": copied.id, "now": site.end})
    yield Query("room for a copy", remote_files.make_room, room | {"limit": 10**12})
    for what, days in (("none", 400), ("the oldest are known", 30)):
        yield Query(f"old copies, {what}", remote_files.release_old, {"before": site.end - timedelta(days=days), "limit": 10})
    yield Query("copies whose files are to be deleted, none", remote_files.released, {"limit": 200, "now": site.end})
    yield Query("picture of an emoji", emojis.shared_file, {"id": copied.id})
    given = [RemoteEmoji("emoji7", RemoteImage("https://far.example/new")), RemoteEmoji("new", RemoteImage(copied.url))]
    yield Query("emoji of a post", emojis.store, {"host": "far.example", "emojis": given, "now": site.end})


def _of_the_heavy(site: Site) -> Iterator[Query]:
    viewer = heavy(site)
    newest = [site.post_id(number) for number in range(site.posts - 20, site.posts)]
    yield Query("flags, heavy member", posts.flags, {"posts": newest, "viewer": viewer})
    yield Query("visible, heavy member", posts.visible, {"ids": newest, "viewer": viewer})
    yield Query("live flags, heavy member", live_queries.post_flags, {"posts": newest[:5], "accounts": [viewer, site.account_id(1)]})
    for where, page in pages(site).items():
        common = {"viewer": viewer, "page": page}
        yield Query(f"home, heavy member, {where}", timelines.home, common | {"now": site.end})
        yield Query(f"public, heavy member, {where}", timelines.public, common | {"now": site.end})
        yield Query(f"account, heavy member, {where}", timelines.of_account, common | {"wanted": AccountPosts(site.account_id(20))})
        yield Query(f"favourites, heavy member, {where}", timelines.favourites, common)
        yield Query(f"bookmarks, heavy member, {where}", timelines.bookmarks, common)
    common = {"search": search.PostQuery("'the'"), "viewer": viewer, "page": Page(), "offset": 0, "now": site.end}
    yield Query("search for a common word, heavy member", search.posts, common)
    yield Query("badges, heavy member", notifications.unread_counts, {"account": viewer, "limit": 100})
    yield Query("live badges, heavy member", live_queries.unread_counts, {"accounts": [viewer], "most_unread": 100})
    yield Query("notifications, heavy member", notifications.page_of, {"account": viewer, "page": Page(40)})
    yield Query("followers, heavy member", follows.followers, {"account": viewer, "viewer": viewer, "page": Page(40)})
    yield Query("following, heavy member", follows.following, {"account": viewer, "viewer": viewer, "page": Page(40)})
    yield Query("followers who move, heavy member", moves.followers_here, {"account": viewer, "after": 0, "limit": 50})
    some = [site.account_id(number) for number in range(10)]
    yield Query(
        "familiar followers, heavy member",
        suggestions.familiar,
        {"viewer": site.account_id(site.special["few"]), "ids": [viewer], "limit": 5},
    )
    yield Query(
        "notification groups, heavy member", notification_groups.page_of, {"account": viewer, "page": Page(40), "choice": GroupSelection()}
    )
    yield Query("unread notifications, heavy member", notifications.unread, {"account": viewer, "limit": 1_000})
    yield Query("unread groups, heavy member", notification_groups.unread, {"account": viewer, "limit": 100, "choice": GroupSelection()})
    common_prefix = {"prefix": "common", "viewer": viewer, "limit": 20}
    yield Query("tags by a common prefix", tags.by_prefix, common_prefix)
    yield Query("tags completed from a common prefix", autocomplete.tags, common_prefix)
    week = id_at(site.end.replace(hour=0, minute=0, second=0) - timedelta(days=6)) - 1
    yield Query("days of 20 tags", tags.usage, {"tags": common_tags(site)[:20], "since": week})
    yield Query("relationships, heavy member", relationships.relationships, {"viewer": viewer, "ids": some, "now": site.end})


def measure(cursor: ExplainingCursor, query: Query) -> tuple[float, float, int, int]:
    """Return planning and execution milliseconds, buffers and statements: medians of REPEATS, summed over the statements."""
    measurements = []
    for _ in range(REPEATS):
        cursor.plans = []
        query.run(cursor)
        plans = cursor.plans
        buffers = sum(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] for plan in plans)
        measurements.append(
            (sum(plan["Planning Time"] for plan in plans), sum(plan["Execution Time"] for plan in plans), buffers, len(plans))
        )
    planning, execution, buffers, statements = (statistics.median(column) for column in zip(*measurements, strict=True))
    return planning, execution, round(buffers), round(statements)


class PrintingCursor(ExplainingCursor):
    """A cursor that prints each plan in PostgreSQL's text format."""

    def execute(self, query: Any, vars: Any = None) -> None:
        """Explain, print, execute. PREPARE has no plan."""
        if str(query).startswith("prepare "):
            super(ExplainingCursor, self).execute(query, vars)
            return
        super(ExplainingCursor, self).execute(f"explain (analyze, buffers) {query}", vars)
        print("\n".join(line for (line,) in self.fetchall()), end="\n\n")
        super(ExplainingCursor, self).execute(query, vars)


def main() -> None:
    """Measure all queries, or print some plans."""
    parser = options(__doc__)
    parser.add_argument("--plan", help="print the plans of queries whose name contains this")
    arguments = parser.parse_args()
    with database_server(arguments.cache, durable=False) as server:
        for count in arguments.posts:
            queries = [*frequent_queries(server.site(count)), *growing_queries(server.site(count))]
            with closing(connect(server.url(server.template(count)))) as connection:
                connection.set_session(readonly=True)
                if arguments.plan:
                    with connection.cursor(cursor_factory=PrintingCursor) as cursor:
                        for query in queries:
                            if arguments.plan in query.name:
                                print(f"== {query.name}")
                                query.run(cursor)
                else:
                    report(connection.cursor(cursor_factory=ExplainingCursor), queries, count)


def report(cursor: ExplainingCursor, queries: list[Query], count: int) -> None:
    """Print a line for each query."""
    cursor.explain_options = "analyze, buffers, timing off, format json"
    print(f"{count:,} posts{'':36} planning ms  execution ms  buffers")
    for query in queries:
        planning, execution, buffers, statements = measure(cursor, query)
        print(f"{query.name:48} {planning:11.2f} {execution:13.2f} {buffers:8}" + (f"  {statements} statements" if statements > 1 else ""))


if __name__ == "__main__":
    main()
