"""nginx with the configuration of contrib/, in front of processes that a test starts."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from attrs import define

from microblog.adapters.child_launcher import command_line
from tests.acceptance.site_process import free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light")
CONFIGURATION = """
daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off; client_body_temp_path {at}/1; proxy_temp_path {at}/2;
    fastcgi_temp_path {at}/3; uwsgi_temp_path {at}/4; scgi_temp_path {at}/5;
{block}
}}
"""


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
