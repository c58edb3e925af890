"""Days of an administrator on a Debian machine: install a site, back it up, lose it, restore it, upgrade it, move its media to a bucket."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from attrs import frozen

from tests.certificates import Certificates
from tests.install.browser import Browser
from tests.install.debian_machine import LOG, DebianMachine
from tests.install.documents import SITE, code_blocks, follow

STORAGE = "s3.example.org"
PASSWORD = "correct horse battery"
TWO_PROCESSES = "microblog@8080.socket microblog@8081.socket microblog@8080.service microblog@8081.service"
SETTINGS, CRONTAB, BACKUPS = "/etc/microblog/microblog.toml", "/etc/cron.d/microblog", "/var/backups/microblog"
CERTBOT = 'certbot certonly --webroot -w /var/www/html -d $SITE --deploy-hook "systemctl reload nginx"\n'
STORAGE_PROXY = """server {{
    listen 443 ssl http2;
    server_name {host};
    ssl_certificate /etc/letsencrypt/live/{site}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{site}/privkey.pem;
    location / {{
        proxy_pass http://127.0.0.1:{port};
    }}
}}
"""


@frozen
class Administrator:
    """The administrator of a machine. `certificates` are those of the site and of the object storage."""

    machine: DebianMachine
    certificates: Certificates

    def browser(self, username: str = "", password: str = PASSWORD) -> Browser:
        """Return a new browser, in which this person has logged in."""
        browser = Browser(SITE, self.certificates.authority)
        if username:
            browser.open("/login")
            browser.press("Log in", name=username, password=password)
            assert browser.address == f"https://{SITE}/home"
        return browser

    def prepare(self) -> None:
        """Give the machine what its provider does: its name, and that of the object storage, lead to it."""
        self.machine.write("/etc/hosts", f"127.0.0.1 localhost {SITE} {STORAGE}\n")

    def install_program(self) -> None:
        """Install the program, PostgreSQL and Redis, and write the settings."""
        follow(self.machine, "install.md", "## 1. The program")
        self.machine.write("/usr/local/share/ca-certificates/test.crt", self.certificates.authority.read_text())
        self.machine.run("update-ca-certificates")
        follow(self.machine, "install.md", "## 2. PostgreSQL and Redis")
        follow(self.machine, "install.md", "## 3. Settings")

    def install(self) -> None:
        """Install the site: two processes behind nginx, with PostgreSQL and Redis of Debian, and the first administrator."""
        self.install_program()
        assert follow(self.machine, "install.md", "## 4. The service").strip().endswith("OK")
        self.install_proxy()
        follow(self.machine, "install.md", "## 6. The first administrator", typed=f"{PASSWORD}\n{PASSWORD}\n")
        follow(self.machine, "install.md", "## Manual pages, completion and documents")

    def install_proxy(self, *changes: tuple[str, str]) -> None:
        """Install nginx, with a certificate from elsewhere than Let's Encrypt."""
        for name in ("fullchain.pem", "privkey.pem"):
            self.machine.write(f"/etc/letsencrypt/live/{SITE}/{name}", self.certificates.server.read_text())
        follow(self.machine, "install.md", "## 5. TLS, by nginx or Caddy", ("nginx certbot", "nginx"), (CERTBOT, ""), *changes)

    def create_account(self, username: str, *options: str) -> None:
        """Create an account on the command line."""
        command = " ".join(("runuser -u microblog -- microblog user create", username, f"{username}@example.org", *options))
        self.machine.run(command, typed=f"{PASSWORD}\n{PASSWORD}\n")

    def back_up_tonight(self, heading: str, block: int = 0) -> str:
        """Have cron back up every night, and let it be night; return the path of the backup."""
        follow(self.machine, "backup.md", heading, block=block)
        crontab = self.machine.read(CRONTAB)
        tonight, count = re.subn(r"^15 3 \* \* \* (.*)$", rf"* * * * * \1 && touch {BACKUPS}/verified", crontab, flags=re.MULTILINE)
        assert count == 1, crontab
        self.machine.run(f"rm -f {BACKUPS}/*")
        self.machine.write(CRONTAB, tonight)
        LOG.info("cron: a backup in this minute")
        end = time.monotonic() + 240
        while not (self.machine.directory / f"{BACKUPS}/verified".lstrip("/")).exists():
            assert time.monotonic() < end, self.machine.run(f"ls -l {BACKUPS}; journalctl --unit cron --no-pager")
            time.sleep(0.5)
        self.machine.write(CRONTAB, crontab)
        return self.machine.run(f"ls {BACKUPS}/*.zip").strip()

    def lose_everything(self) -> None:
        """Destroy the program, the settings, the data and the database. The backups are elsewhere."""
        LOG.info("everything is lost")
        self.machine.run(f"""systemctl disable --quiet --now {TWO_PROCESSES}
            rm -r /opt/microblog /etc/microblog /var/lib/microblog /etc/systemd/system/microblog@* /usr/local/bin/microblog
            systemctl daemon-reload
            runuser -u postgres -- dropdb microblog
            runuser -u postgres -- dropuser microblog
            userdel microblog""")

    def restore(self, backup: str) -> None:
        """Install the site anew, up to its start, and restore the backup."""
        self.install_program()
        self.machine.run(f"chown -R microblog:microblog {BACKUPS}")
        follow(self.machine, "install.md", "## 4. The service", ("enable --now", "enable"), ("curl -sf http://127.0.0.1:8080/health\n", ""))
        follow(self.machine, "backup.md", "## Restoring", ("/var/backups/microblog/2026-11-21.zip", backup), block=1)

    def serve_bucket(self, port: int) -> None:
        """Give the object storage, which listens on a port of this machine, its name and TLS."""
        self.machine.write("/etc/nginx/conf.d/storage.conf", STORAGE_PROXY.format(host=STORAGE, site=SITE, port=port))
        self.machine.run("nginx -t && systemctl reload nginx")

    def move_media_to_bucket(self) -> None:
        """Follow media.md from the first step to the last. An hour passes in between."""
        follow(self.machine, "media.md", "## In an object storage")
        [block] = code_blocks("media.md", "## In an object storage", "toml")
        first, others = block.split("\n", 1)
        assert first == 'media_storage = "s3"'
        self.machine.write(SETTINGS, self.machine.read(SETTINGS) + others)
        follow(self.machine, "media.md", "### Moving there, and back")
        self.machine.write(SETTINGS, f"{self.machine.read(SETTINGS)}{first}\n")
        follow(self.machine, "media.md", "### Moving there, and back", block=1)
        self.machine.run("find /var/lib/microblog/media -type f -exec touch --date='2 hours ago' {} +")
        follow(self.machine, "media.md", "### Moving there, and back", block=2)

    def audit_log(self) -> list[tuple[str, str, str]]:
        """Return who did what to whom, oldest first, as the command prints it."""
        rows = json.loads(self.machine.run("runuser -u microblog -- microblog log --json"))
        return [(row["actor"], row["action"], row["target"]) for row in reversed(rows)]

    def mails_to(self, address: str) -> list[Path]:
        """Return the files of the e-mails to an address, oldest first."""
        files = (self.machine.directory / "var/lib/microblog/mail").glob("*.eml")
        to = f"\r\nTo: {address}\r\n".encode()
        return sorted((each for each in files if to in each.read_bytes()), key=lambda each: each.stat().st_mtime_ns)
