"""The documents for administrators, followed word by word on a clean Debian: install, back up, lose everything, restore, upgrade."""

from __future__ import annotations

import json
import os
import re
import ssl
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance.nginx import replace_all
from tests.certificates import Certificates, create_certificates
from tests.install.debian_machine import DebianMachine, code_blocks, debian_machine

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can boot a Debian"),
]

SITE = "blog.example.org"
PASSWORD = "correct horse battery"
SERVICES = "microblog@8080.socket microblog@8081.socket microblog@8080.service microblog@8081.service"


def install(machine: DebianMachine, certificates: Certificates) -> None:
    """Follow install.md: two processes behind nginx, with PostgreSQL and Redis of Debian."""
    machine.run(f"echo 127.0.0.1 {SITE} >>/etc/hosts")
    (machine.directory / "usr/local/share/ca-certificates/test.crt").write_bytes(certificates.authority.read_bytes())
    for number, heading in enumerate(("## 1. The program", "## 2. PostgreSQL and Redis", "## 3. Settings")):
        [block] = code_blocks("install.md", heading)
        machine.run(block)
        if number == 0:
            machine.run("update-ca-certificates")
    two_processes = code_blocks("install.md", "## 4. The service")[0]
    assert machine.run(two_processes).strip().endswith("OK")
    live = machine.directory / "etc/letsencrypt/live" / SITE
    live.mkdir(parents=True)
    for name in ("fullchain.pem", "privkey.pem"):
        (live / name).write_bytes(certificates.server.read_bytes())
    nginx = code_blocks("install.md", "## 5. TLS, by nginx or Caddy")[0]
    fetched = 'certbot certonly --webroot -w /var/www/html -d $SITE --deploy-hook "systemctl reload nginx"\n'
    machine.run(replace_all(nginx, ("nginx certbot", "nginx"), (fetched, "")))
    create, check = code_blocks("install.md", "## 6. The first administrator")[0].splitlines()
    machine.run(create, typed=f"{PASSWORD}\n{PASSWORD}\n")
    results = machine.run(f"{check} || true")
    [error] = [line for line in results.splitlines() if line.startswith("error")]
    assert f"the DNS has no address for {SITE}" in error, results
    [documents] = code_blocks("install.md", "## Manual pages, completion and documents")
    machine.run(documents)


def without_the_status_of_checks(script: str) -> str:
    """Return the script for a site that the DNS does not know, which `microblog check` complains about."""
    return script.replace("microblog check\n", "microblog check || true\n")


def fetch(certificates: Certificates, path: str, *, token: str = "", **fields: str) -> str:
    """Read a page of the site through the proxy, by its public name; with fields, send them as a form with the token."""
    trusted = ssl.create_default_context(cafile=str(certificates.authority))
    headers = {"Host": SITE} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = urllib.parse.urlencode(fields).encode() if fields else None
    request = urllib.request.Request(f"https://127.0.0.1{path}", body, headers)
    with urllib.request.urlopen(request, timeout=30, context=trusted) as response:
        return str(response.read().decode())


def create_author(machine: DebianMachine) -> str:
    """Create an account that writes; return its access token."""
    machine.run("runuser -u microblog -- microblog user create author author@example.org", typed=f"{PASSWORD}\n{PASSWORD}\n")
    made = machine.run("runuser -u microblog -- microblog token create author --scopes 'read write' --json")
    return str(json.loads(made)["token"])


def back_up(machine: DebianMachine) -> str:
    """Follow backup.md: have cron back up every night; do now what it will do. Return the path of the backup."""
    [block] = code_blocks("backup.md", "## Every night")
    machine.run(block)
    [command] = re.findall(r"^15 3 \* \* \* microblog (.*)$", (machine.directory / "etc/cron.d/microblog").read_text("utf-8"), re.MULTILINE)
    assert machine.run(f"runuser -u microblog -- sh -c '{command.replace(chr(92), '')}'") == "", "cron would mail what it writes"
    return machine.run("ls /var/backups/microblog/*.zip").strip()


def lose_everything(machine: DebianMachine) -> None:
    """Destroy the data directory and the database."""
    machine.run(f"systemctl stop {SERVICES}")
    machine.run("rm -rf /var/lib/microblog; runuser -u postgres -- dropdb microblog")
    machine.run("install -d -o microblog -g microblog -m 700 /var/lib/microblog")
    machine.run("runuser -u postgres -- createdb --owner=microblog --encoding=UTF8 --template=template0 microblog")


def test_an_administrator_who_follows_the_documents_has_a_site_that_survives_everything(tmp_path: Path) -> None:
    certificates = create_certificates(tmp_path, SITE)
    with debian_machine(tmp_path) as machine:
        install(machine, certificates)
        assert json.loads(fetch(certificates, "/api/v2/instance"))["domain"] == SITE
        token = create_author(machine)
        fetch(certificates, "/api/v1/statuses", token=token, status="Before the fire")
        backup = back_up(machine)
        fetch(certificates, "/api/v1/statuses", token=token, status="After the backup")
        lose_everything(machine)
        restore = code_blocks("backup.md", "## Restoring")[1]
        machine.run(without_the_status_of_checks(restore.replace("/var/backups/microblog/2026-11-21.zip", backup)))
        restored = fetch(certificates, "/@author")
        assert "Before the fire" in restored
        assert "After the backup" not in restored
        machine.run(without_the_status_of_checks(code_blocks("upgrade.md", "## Step by step")[0]))
        assert "Before the fire" in fetch(certificates, "/@author")
        assert machine.run("readlink /opt/microblog/.venv").strip() == machine.run("echo $NEW").strip() != machine.run("echo $OLD").strip()
        assert "microblog-user-create" in machine.run("ls /usr/local/share/man/man1")
