"""Tests of the site behind nginx and Caddy with the configurations of contrib/; skipped without them."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.acceptance.nginx import ROOT, needs_nginx, nginx, nginx_command, nginx_configuration, replace_all
from tests.acceptance.site_process import free_port, site_process, wait_until
from tests.certificates import create_certificates

pytestmark = pytest.mark.acceptance

CADDY = shutil.which("caddy")


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


@needs_nginx
def test_the_request_id_is_made_by_the_proxy_and_not_by_the_client(tmp_path: Path) -> None:
    with site_process(tmp_path, trusted_proxies="127.0.0.1") as site:
        site.start()
        with nginx(tmp_path / "nginx", f"127.0.0.1:{site.port}") as proxy, closing(HTTPConnection("127.0.0.1", proxy.port)) as connection:
            connection.request("GET", "/login", headers={"X-Request-Id": "made-up-by-a-client"})
            request_id = connection.getresponse().headers["X-Request-Id"]
        site.stop()
    assert re.fullmatch("[0-9a-f]{32}", request_id), "the format of nginx"
    log = (site.data_dir / "log" / "access.log").read_text("utf-8")
    assert request_id in log
    assert "made-up" not in log


REQUEST_ID = {"proxy_pass": "proxy_set_header X-Request-Id $request_id;", "reverse_proxy": "header_up X-Request-Id {http.request.uuid}"}
"""The directives of nginx and Caddy that pass requests on, each with the one that gives them an id."""


def test_every_proxy_configuration_makes_the_request_id() -> None:
    found = set()
    for path in filter(Path.is_file, (ROOT / "contrib").rglob("*")):
        text = path.read_text("utf-8")
        for directive, request_id in REQUEST_ID.items():
            if number := len(re.findall(rf"^\s*{directive}\b", text, re.MULTILINE)):
                assert text.count(request_id) == number, path
                found.add(path.relative_to(ROOT / "contrib").as_posix())
    assert found == {"caddy/Caddyfile", "container/Caddyfile", "nginx/microblog.conf"}
