"""Tests of the site behind nginx and Caddy with the configurations of contrib/; skipped without them."""

from __future__ import annotations

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
from tests.certificates import create_certificates
from tests.servers import PostgresServer

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).resolve().parents[2]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
CADDY = shutil.which("caddy")
CONFIGURATION = """
daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/error.log;
events {{}}
http {{
    access_log off; client_body_temp_path {at}/1; proxy_temp_path {at}/2;
    fastcgi_temp_path {at}/3; uwsgi_temp_path {at}/4; scgi_temp_path {at}/5;
{block}
}}
"""

needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light")


def nginx_configuration() -> str:
    """Return the configuration of contrib/."""
    return (ROOT / "contrib" / "nginx" / "microblog.conf").read_text("utf-8")


def without_tls(port: int, upstreams: str) -> str:
    """Return the configuration of contrib/ for plain HTTP on a port, in front of these servers."""
    text = nginx_configuration()
    upstream, _, rest = text.partition("server {\n    listen 80;")
    _, _, server = rest.partition("server {\n    listen 443")
    lines = ("server {\n    listen 443" + server).splitlines(keepends=True)
    server = "".join(line for line in lines if not line.strip().startswith(("ssl_", "listen [::]")))
    return replace_all(
        upstream + server,
        ("    server 127.0.0.1:8080 max_fails=0;", upstreams),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{port};"),
    )


def replace_all(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, f"contrib/nginx/microblog.conf no longer has {old!r}"
        text = text.replace(old, new)
    return text


def nginx_command(directory: Path, block: str) -> list[str]:
    """Write the configuration; return the command that runs nginx with it."""
    directory.mkdir()
    file = directory / "nginx.conf"
    file.write_text(CONFIGURATION.format(at=directory, block=block), "utf-8")
    assert NGINX is not None
    return [NGINX, "-c", str(file), "-e", str(directory / "error.log")]


@define
class Proxy:
    """A running nginx."""

    port: int

    def request(self, method: str, path: str, client: str = "192.0.2.1") -> tuple[int, str]:
        """Return status and body of a request with this client address in X-Forwarded-For."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, "" if method == "POST" else None, {"X-Forwarded-For": client})
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")


@contextmanager
def nginx(directory: Path, *servers: str) -> Iterator[Proxy]:
    """Run nginx with the configuration of contrib/ in front of these servers."""
    port = free_port()
    upstreams = "\n".join(f"    server {server} max_fails=0;" for server in servers)
    block = replace_all(without_tls(port, upstreams), ("$proxy_add_x_forwarded_for", "$http_x_forwarded_for"))
    command = nginx_command(directory, block)
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
def test_nginx_accepts_the_configuration(tmp_path: Path) -> None:
    server = create_certificates(tmp_path, "blog.example.org").server
    configuration = replace_all(
        nginx_configuration(),
        ("/etc/letsencrypt/live/blog.example.org/fullchain.pem", str(server)),
        ("/etc/letsencrypt/live/blog.example.org/privkey.pem", str(server)),
        *[(f"listen {place}{old}", f"listen {place}{free_port()}") for place in ("", "[::]:") for old in ("80", "443")],
    )
    command = [*nginx_command(tmp_path / "nginx", configuration), "-t"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stderr
    assert "warn" not in result.stderr


@pytest.mark.skipif(CADDY is None, reason="Caddy is not installed: apt-get install caddy")
def test_caddy_accepts_the_configuration(tmp_path: Path) -> None:
    assert CADDY is not None
    file = tmp_path / "Caddyfile"
    shutil.copy(ROOT / "contrib" / "caddy" / "Caddyfile", file)
    environment = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    command = [CADDY, "validate", "--adapter", "caddyfile", "--config", str(file)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    assert '"level":"warn"' not in result.stderr


@needs_nginx
def test_behind_a_unix_socket_clients_are_limited_separately(tmp_path: Path) -> None:
    socket_path = tmp_path / "site.sock"
    settings = {"listen": f"unix:{socket_path}", "public_url": "http://127.0.0.1", "trusted_proxies": "unix", "requests_per_network": "40"}
    with site_process(tmp_path, **settings) as site:
        site.launch()
        assert wait_until(socket_path.exists, 40), site.log
        with nginx(tmp_path / "nginx", f"unix:{socket_path}") as proxy:
            assert wait_until(lambda: proxy.request("GET", "/health", "192.0.2.9")[0] == 200), site.log
            statuses = [proxy.request("GET", "/login", "192.0.2.1")[0] for _ in range(100)]
            assert statuses[0] == 200
            assert 429 in statuses  # not necessarily the last one: a new window may begin among them
            assert proxy.request("GET", "/login", "192.0.2.2")[0] == 200
        site.stop()
    log = (site.data_dir / "log" / "access.log").read_text("utf-8")
    assert {line.split()[1] for line in log.splitlines()} >= {"192.0.2.1", "192.0.2.2"}
    assert "0.0.0.0" not in log


@define
class RequestLoop:
    """A client that sends requests until `finished` is set. `statuses` holds the status codes."""

    proxy: Proxy
    statuses: list[int] = field(factory=list)
    finished: threading.Event = field(factory=threading.Event)

    def run(self) -> None:
        """Send requests until `finished` is set."""
        while not self.finished.wait(0.01):
            self.statuses.append(self.proxy.request("GET", "/login")[0])
            self.statuses.append(self.proxy.request("POST", "/oauth/token")[0])


@needs_nginx
def test_restarting_processes_one_by_one_fails_no_request(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer.below(tmp_path / "postgres"))
        sites: list[SiteProcess] = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            common = {"database_url": dsn(server.sockets, "postgres"), "rate_limits": "off", "trusted_proxies": "127.0.0.1"}
            sites.append(stack.enter_context(site_process(tmp_path / name, **common)))
            sites[-1].start()
        proxy = stack.enter_context(nginx(tmp_path / "nginx", *(f"127.0.0.1:{each.port}" for each in sites)))
        request_loop = RequestLoop(proxy)
        thread = threading.Thread(target=request_loop.run)
        thread.start()
        try:
            for each in sites:
                each.stop()
                each.start()
        finally:
            request_loop.finished.set()
            thread.join(40)
        for each in sites:
            each.stop()
    assert len(request_loop.statuses) > 100
    assert set(request_loop.statuses) == {200, 400}
