"""The upgrade of the release before on a clean Debian, as its administrator would do it, and the way back."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from attrs import define

from microblog import __version__
from tests.baseline import ROOT as BASELINES
from tests.baseline import releases
from tests.install.administrator import PASSWORD, TWO_PROCESSES
from tests.install.debian_machine import DebianMachine, debian_machine
from tests.install.documents import SITE, code_blocks, follow

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can boot a Debian"),
]

EARLIER_SETTINGS = f"""public_url = "https://{SITE}"
data_dir = "/var/lib/microblog"
trusted_proxies = ["127.0.0.1"]
"""
EARLIER_UNIT = """[Unit]
Description=microblog
After=network-online.target

[Service]
User=microblog
StateDirectory=microblog
ExecStart=/opt/microblog/.venv/bin/twistd --nodaemon --pidfile= microblog
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
"""
WAIT = "until curl -sf http://127.0.0.1:8080/health; do sleep 1; done"


def install_earlier_release(machine: DebianMachine, release: str) -> None:
    """Install a release as its own documents said: one process, which runs its own PostgreSQL."""
    [wheel] = (BASELINES / release).glob("*.whl")
    shutil.copy(wheel, machine.directory / "root" / wheel.name)
    machine.write("/etc/microblog/microblog.toml", EARLIER_SETTINGS)
    machine.write("/etc/systemd/system/microblog.service", EARLIER_UNIT)
    machine.run(f"""
        apt-get update
        apt-get install -y python3-venv
        useradd --system microblog
        python3 -m venv /opt/microblog/.venv
        /opt/microblog/.venv/bin/pip install /root/{wheel.name}
        chown root:microblog /etc/microblog/microblog.toml
        chmod 640 /etc/microblog/microblog.toml
        systemctl enable --now microblog
        apt-get install -y curl
        {WAIT}""")


@define
class ApiClient:
    """A client of the only process of a site, with an access token."""

    machine: DebianMachine
    token: str

    @classmethod
    def create(cls, machine: DebianMachine) -> ApiClient:
        """Create an account by the command of the release that runs."""
        command = "runuser -u microblog -- /opt/microblog/.venv/bin/microblog"
        machine.run(f"{command} user create ada ada@example.org --role admin", typed=f"{PASSWORD}\n{PASSWORD}\n")
        made = json.loads(machine.run(f"{command} token create ada --scopes 'read write' --json"))
        return cls(machine, made["token"])

    def publish(self, text: str) -> None:
        """Publish a post."""
        self._curl(f"-X POST --data-urlencode 'status={text}' -H 'Authorization: Bearer {self.token}'", "/api/v1/statuses")

    @property
    def release(self) -> str:
        """The release that runs."""
        return str(json.loads(self._curl("", "/nodeinfo/2.0"))["software"]["version"])

    @property
    def profile(self) -> str:
        """The page of the account."""
        return self._curl("", "/@ada")

    def _curl(self, options: str, path: str) -> str:
        return self.machine.run(f"curl --silent --show-error --fail-with-body -H 'Host: {SITE}' {options} http://127.0.0.1:8080{path}")


def go_back(machine: DebianMachine, release: str) -> None:
    """Go back to the release before the upgrade, with the database of then."""
    machine.run(f"cp /opt/microblog/{release}/microblog.service /etc/systemd/system/ && systemctl daemon-reload")
    one_process = [(f" {TWO_PROCESSES}", " microblog")]
    block = code_blocks("upgrade.md", "## Going back")[1]
    own_postgres = [(line, "") for line in block.splitlines(keepends=True) if "postgres" in line]
    follow(machine, "upgrade.md", "## Going back", *one_process, *own_postgres, block=1)
    machine.run(WAIT)


def test_an_administrator_upgrades_from_the_release_before_and_can_go_back(installed_debian: Path, tmp_path: Path) -> None:
    release = releases()[-1]
    [_, new_unit] = code_blocks("upgrade.md", f"### From {release}")
    with debian_machine(installed_debian, tmp_path) as machine:
        install_earlier_release(machine, release)
        ada = ApiClient.create(machine)
        ada.publish("Before the upgrade")
        follow(machine, "upgrade.md", f"### From {release}")
        machine.run(WAIT)
        assert ada.release == release
        assert "Before the upgrade" in ada.profile
        restarts = "systemctl restart microblog@8080\nsystemctl restart microblog@8081\n"
        releases_named = (("OLD=0.3.0", f"OLD={release}"), ("NEW=0.4.0", "NEW=0.3.0"))
        one_process = (restarts, f"{new_unit}systemctl restart microblog\n")
        follow(machine, "upgrade.md", "## Step by step", *releases_named, one_process)
        assert ada.release == __version__
        ada.publish("After the upgrade")
        assert "Before the upgrade" in ada.profile
        assert "After the upgrade" in ada.profile
        go_back(machine, release)
        assert ada.release == release
        assert "Before the upgrade" in ada.profile
        assert "After the upgrade" not in ada.profile
