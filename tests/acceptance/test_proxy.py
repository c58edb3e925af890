"""Tests of the site behind nginx, configured by the blocks of docs/running.md; skipped without nginx."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from attrs import define, field

from microblog.adapters.child_launcher import command_line
from microblog.adapters.postgres_files import dsn
from tests.acceptance.site_process import SiteProcess, free_port, site_process, wait_until
from tests.servers import Server

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).resolve().parents[2]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
AROUND = """
daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/error.log;
events {{}}
http {{
    access_log off; client_body_temp_path {at}/1; proxy_temp_path {at}/2;
    fastcgi_temp_path {at}/3; uwsgi_temp_path {at}/4; scgi_temp_path {at}/5;
{block}
}}
"""

needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light")


def blocks() -> list[str]:
    """The nginx blocks of the document, in their order."""
    return re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / "running.md").read_text("utf-8"), re.DOTALL)


def replaced(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, f"the document has no {old!r} any more"
        text = text.replace(old, new)
    return text


def configured(directory: Path, block: str) -> list[str]:
    """The command that runs nginx with this block."""
    directory.mkdir()
    file = directory / "nginx.conf"
    file.write_text(AROUND.format(at=directory, block=block), "utf-8")
    assert NGINX is not None
    return [NGINX, "-c", str(file), "-e", str(directory / "error.log")]


@define
class Proxy:
    """A running nginx."""

    port: int

    def request(self, method: str, path: str, client: str = "192.0.2.1") -> tuple[int, str]:
        """Status and body, for a client that a proxy before this one has noted."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, "" if method == "POST" else None, {"X-Forwarded-For": client})
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")


@contextmanager
def nginx(directory: Path, *servers: str) -> Iterator[Proxy]:
    """nginx with the document's configuration before these upstream servers."""
    port = free_port()
    listed = "\n".join(f"    server {server} max_fails=0;" for server in servers)
    block = replaced(blocks()[0], ("    server 127.0.0.1:8080 max_fails=0;", listed), ("listen 80;", f"listen 127.0.0.1:{port};"))
    command = configured(directory, replaced(block, ("$proxy_add_x_forwarded_for", "$http_x_forwarded_for")))
    with subprocess.Popen(command_line(command, directory=directory, at_parents_death=signal.SIGKILL)) as process:
        try:
            proxy = Proxy(port)
            assert wait_until(lambda: is_up(proxy), 10), (directory / "error.log").read_text()
            yield proxy
        finally:
            process.terminate()


def is_up(proxy: Proxy) -> bool:
    try:
        return proxy.request("GET", "/health")[0] in (200, 502)
    except (OSError, HTTPException):
        return False


@needs_nginx
def test_nginx_takes_the_configuration_of_the_document_as_it_is(tmp_path: Path) -> None:
    whole, upstream = blocks()
    server = whole[whole.index("server {") :]
    for number, block in enumerate((whole, upstream + server)):
        tested = replaced(block, ("listen 80;", f"listen {free_port()};"))  # only root may have 80
        done = subprocess.run([*configured(tmp_path / str(number), tested), "-t"], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        assert "warn" not in done.stderr


@needs_nginx
def test_behind_a_unix_socket_every_client_counts_alone(tmp_path: Path) -> None:
    listening = tmp_path / "site.sock"
    settings = {"listen": f"unix:{listening}", "public_url": "http://127.0.0.1", "trusted_proxies": "unix", "requests_per_network": "40"}
    with site_process(tmp_path, **settings) as made:
        made.launch()
        assert wait_until(listening.exists, 40), made.log
        with nginx(tmp_path / "nginx", f"unix:{listening}") as proxy:
            assert wait_until(lambda: proxy.request("GET", "/health", "192.0.2.9")[0] == 200), made.log
            statuses = [proxy.request("GET", "/login", "192.0.2.1")[0] for _ in range(100)]
            assert statuses[0] == 200
            assert 429 in statuses  # not necessarily the last one: a new window may begin among them
            assert proxy.request("GET", "/login", "192.0.2.2")[0] == 200
        made.stop()
    noted = (made.data_dir / "log" / "access.log").read_text("utf-8")
    assert {line.split()[1] for line in noted.splitlines()} >= {"192.0.2.1", "192.0.2.2"}
    assert "0.0.0.0" not in noted


@define
class Asking:
    """Somebody who reads and writes all the time; `statuses` is what came."""

    proxy: Proxy
    statuses: list[int] = field(factory=list)
    done: threading.Event = field(factory=threading.Event)

    def go_on(self) -> None:
        """Until it is done."""
        while not self.done.wait(0.01):
            self.statuses.append(self.proxy.request("GET", "/login")[0])
            self.statuses.append(self.proxy.request("POST", "/oauth/token")[0])


@needs_nginx
def test_nobody_notices_that_one_process_after_the_other_is_restarted(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(Server.below(tmp_path / "postgres"))
        sites: list[SiteProcess] = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            common = {"database_url": dsn(server.sockets, "postgres"), "rate_limits": "off", "trusted_proxies": "127.0.0.1"}
            sites.append(stack.enter_context(site_process(tmp_path / name, **common)))
            sites[-1].start()
        proxy = stack.enter_context(nginx(tmp_path / "nginx", *(f"127.0.0.1:{each.port}" for each in sites)))
        asking = Asking(proxy)
        thread = threading.Thread(target=asking.go_on)
        thread.start()
        try:
            for each in sites:
                each.stop()
                each.start()
        finally:
            asking.done.set()
            thread.join(40)
        for each in sites:
            each.stop()
    assert len(asking.statuses) > 100
    assert set(asking.statuses) == {200, 400}
