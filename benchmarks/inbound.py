"""Measure what activities of other servers cost: from the POST to the 202, the job that stores a post, and a flood of forged signatures.

    python -m benchmarks.inbound [--cache DIRECTORY] [--posts 100000] [--activities 300] [--rounds 3]

A started site gets Creates of one known signer, whom somebody follows. Jobs of federation are held back, so that the first figure is only
the receipt: signature, checks, one row and one job. The jobs then run in this process on one connection. CPU is user and system time of the
Python process and of all PostgreSQL processes. The flood are POSTs with the known key and a wrong signature, as fast as four connections
can send them, while a page of the API is read 50 times a second; the figures are how late its responses are with and
without the flood. Other floods are of keys that nobody knows, each on a host that does not exist, and of documents as large and crowded as
they may be.
"""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

import orjson
from attrs import define, field

from benchmarks.databases import DatabaseServer, database_server, options
from benchmarks.jobs import OneConnection, cost, now, run_now
from benchmarks.measured_site import Cpu, MeasuredSite, conditions, measured_site
from microblog.domain.follows import Follows
from microblog.domain.polls import Polls
from microblog.domain.relationships import Relationships
from microblog.federation.documents.ids import SiteIds
from microblog.federation.effects import Effects
from microblog.federation.fetching import Fetcher
from microblog.federation.keys import SigningKey, generate_private_pem, load_private_key, public_pem
from microblog.federation.post_effects import PostEffects
from microblog.federation.relevance import Relevance
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_posts import RemotePosts
from microblog.federation.signature_choice import SignatureForm, sign
from microblog.federation.signed_requests import HttpRequest
from microblog.federation.trust import TrustRules
from microblog.model.accounts import Account
from microblog.model.federation import ActorEndpoints, ActorKind
from microblog.model.ids import AccountId
from microblog.model.remote_actors import ActorToStore, StoredKey
from microblog.storage import remote_actors
from microblog.storage.database import Connection, connect, execute, fetch_all, fetch_value

BO = "https://b.example/users/bo"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
JSON = "application/activity+json"
FLOODERS = 4
READS_PER_SECOND = 50
REFUSED = (202, 401, 429, 503)
HOST = "measured.example"
URL = f"https://{HOST}"
HOLD_BACK = """
    create function hold_back() returns trigger language plpgsql as $$ begin new.due_at := now() + interval '1 day'; return new; end $$;
    create trigger hold_back before insert on jobs for each row when (new.kind like 'federation.%%') execute function hold_back()"""


@define
class RemoteAuthor:
    """An author on another server, whom somebody here follows."""

    key: SigningKey = field(factory=lambda: SigningKey(f"{BO}#main-key", load_private_key(generate_private_pem())))
    _numbers: Any = field(factory=count)

    def store(self, connection: Connection, follower: int) -> None:
        """Store the author, and hold the jobs of its activities back."""
        account = Account(AccountId(0), "bo", "Bo", "", "", now(), host="b.example", uri=BO)
        endpoints = ActorEndpoints(f"{BO}/inbox", followers=f"{BO}/followers")
        actor = ActorToStore(account, ActorKind.PERSON, endpoints, (StoredKey(self.key.id, public_pem(self.key.key)),))
        with connection, connection.cursor() as cursor:
            id = remote_actors.store(cursor, actor=actor, now=now())
            execute(
                cursor,
                """insert into follows (id, follower_id, followee_id, boosts, notify, created_at)
                   values (new_id(now()), %(follower)s, %(id)s, true, false, now())""",
                {"follower": follower, "id": id},
            )
            execute(cursor, HOLD_BACK, {})

    def request(self, *, forged: bool = False) -> tuple[bytes, dict[str, str]]:
        """Return a Create with its headers."""
        number, at = next(self._numbers), datetime.now(UTC).isoformat()
        text = '<p>A harbour in winter, <a href="https://b.example/tags/tea" class="mention hashtag">#<span>tea</span></a></p>'
        tags = [{"type": "Hashtag", "name": "#tea", "href": "https://b.example/tags/tea"}]
        addressed = {"to": [PUBLIC], "cc": [f"{BO}/followers"], "published": at}
        note = {"id": f"{BO}/{number}", "type": "Note", "attributedTo": BO, "content": text, "contentMap": {"en": text}, "tag": tags}
        body = orjson.dumps(
            {
                "@context": PUBLIC[:-7],
                "id": f"{BO}/{number}/activity",
                "type": "Create",
                "actor": BO,
                "object": note | addressed,
                **addressed,
            }
        )
        content = {"Content-Type": JSON}
        signed = HttpRequest("POST", f"{URL}/inbox", tuple(content.items()), body)
        headers = content | sign(signed, self.key, SignatureForm.CAVAGE, datetime.now(UTC))
        if forged:
            headers["Signature"] = headers["Signature"].replace('signature="', 'signature="AAAA')
        return body, headers


def post_all(port: int, requests: list[tuple[bytes, dict[str, str]]], status: int | None = 202) -> None:
    """Send requests over one connection; each must have this status, or be refused or without effect if that is None."""
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        for body, headers in requests:
            connection.request("POST", "/inbox", body, headers | {"Host": HOST})
            response = connection.getresponse()
            response.read()
            if response.status != status and (status or response.status not in REFUSED):
                raise AssertionError(f"The inbox answered {response.status} instead of {status}.")


def receipt(site: MeasuredSite, author: RemoteAuthor, activities: int) -> Cpu:
    """Return the CPU seconds of one receipt."""
    requests = [author.request() for _ in range(activities)]
    before = site.cpu()
    post_all(site.ports[0], requests)
    return (site.cpu() - before).times(1 / activities)


def effects(connection: Connection) -> Effects:
    """Return what stores posts, on one connection. Nothing is fetched."""
    database, nothing = cast(Any, OneConnection(connection)), cast(Any, None)
    ids = SiteIds(URL)
    actors = RemoteActors(database, Fetcher(nothing, lambda: TrustRules(ids.host)), now)
    posts = PostEffects(database, actors, RemotePosts(ids, now), Polls(database, now), now)
    return Effects(database, actors, Follows(database, now), Relationships(database, now), posts, Relevance(ids, posts.posts), now)


def print_jobs(server: DatabaseServer, connection: Connection, rounds: int) -> None:
    """Measure the jobs that store posts."""
    apply = effects(connection).apply
    with connection, connection.cursor() as cursor:
        sql = "select i.id from incoming_activities i join accounts a on a.id = i.signer_id where a.uri = %(uri)s order by i.id"
        waiting = fetch_all(cursor, int, sql, {"uri": BO})
    size, results = len(waiting) // rounds, []
    for start in range(rounds):
        ids = iter(waiting[start * size : (start + 1) * size])
        results.append(cost(server, lambda ids=ids: run_now(apply(next(ids), lambda cursor: None)), size))  # type: ignore[misc]
    python, database = (statistics.median(getattr(one, name) for one in results) for name in ("python", "database"))
    print(f"job that stores a post: CPU {python + database:5.2f} ms: {python:5.2f} Python, {database:5.2f} PostgreSQL (target 3 ms)")
    with connection, connection.cursor() as cursor:
        assert fetch_value(cursor, "select count(*) from posts where uri is not null") == size * rounds


def read_delays(port: int, seconds: float) -> list[float]:
    """Read a page at a fixed rate; return how late each response was, in milliseconds after the time at which it was due."""
    delays, due = [], time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        end = due + seconds
        while due < end:
            time.sleep(max(0.0, due - time.monotonic()))
            connection.request("GET", "/api/v2/instance", headers={"Host": HOST})
            connection.getresponse().read()
            delays.append((time.monotonic() - due) * 1e3)
            due += 1 / READS_PER_SECOND
    return delays


def unknown(request: tuple[bytes, dict[str, str]], number: int) -> tuple[bytes, dict[str, str]]:
    """Return a request with a key that nobody knows, on a host of its own."""
    body, headers = request
    return body, headers | {"Signature": headers["Signature"].replace("https://b.example/", f"https://b{number}.invalid/")}


def crowded(author: RemoteAuthor) -> tuple[bytes, dict[str, str]]:
    """Return a request with a valid signature and a megabyte of as many embedded objects as may be."""
    objects = [{"id": f"{BO}/{number}", "type": "Note", "attributedTo": BO, "name": "x" * 120} for number in range(4_900)]
    body = orjson.dumps({"id": f"{BO}/crowded", "type": "Flag", "actor": BO, "object": objects})
    content = {"Content-Type": JSON}
    return body, content | sign(HttpRequest("POST", f"{URL}/inbox", tuple(content.items()), body), author.key, SignatureForm.CAVAGE, now())


def flooded(port: int, requests: list[tuple[bytes, dict[str, str]]], seconds: float) -> tuple[list[float], float]:
    """Return the delays of reads while connections send these requests as fast as they can, and how many they sent per second."""
    stop, sent = threading.Event(), count()

    def flood() -> None:
        while not stop.is_set():
            post_all(port, requests, None)
            for _ in requests:
                next(sent)

    threads = [threading.Thread(target=flood) for _ in range(FLOODERS)]
    for thread in threads:
        thread.start()
    delays = read_delays(port, seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return delays, next(sent) / seconds


def print_flood(site: MeasuredSite, author: RemoteAuthor, seconds: float) -> None:
    """Measure how late others are while activities that are not accepted arrive."""
    port, forged = site.ports[0], [author.request(forged=True) for _ in range(100)]
    floods = {
        "forged activities": forged,
        "activities with unknown keys": [unknown(request, number) for number, request in enumerate(forged)],
        "crowded documents": [crowded(author)] * 4,
    }
    read_delays(port, 1.0)  # after the jobs, the caches are read anew
    found = {"alone": read_delays(port, seconds)}
    for name, requests in floods.items():
        delays, rate = flooded(port, requests, seconds)
        found[f"with {rate:.0f} {name}/s"] = delays
    for name, delays in found.items():
        ordered = sorted(delays)
        p50, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
        print(f"reads {name}: p50 {p50:6.1f} ms, p99 {p99:6.1f} ms, most {ordered[-1]:6.1f} ms (target: at most 50 ms later)")


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--activities", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    print(conditions())
    with (
        database_server(chosen.cache, durable=False) as server,
        measured_site(server, chosen.posts[0], settings={"FEDERATION": "on", "PUBLIC_URL": URL}) as site,
        closing(connect(site.url)) as connection,
    ):
        author = RemoteAuthor()
        author.store(connection, site.requests.site.account_id(site.requests.site.typical[0]))
        receipt(site, author, 50)  # statements are prepared, and the key is cached
        each = [receipt(site, author, chosen.activities) for _ in range(chosen.rounds)]
        python, database = (statistics.median(getattr(one, name) for one in each) * 1e3 for name in ("python", "database"))
        print(f"from POST to 202: CPU {python + database:5.2f} ms: {python:5.2f} Python, {database:5.2f} PostgreSQL (target 1.5 ms)")
        print_jobs(server, connection, chosen.rounds)
        print_flood(site, author, chosen.seconds)


if __name__ == "__main__":
    main()
