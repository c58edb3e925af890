"""Tests of contrib/container, with linters: no container engine is needed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import node

ROOT = Path(__file__).resolve().parents[1]
CONTAINER = ROOT / "contrib" / "container"


def test_the_containerfile_has_no_findings() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [str(hadolint), "--failure-threshold=style", str(CONTAINER / "Containerfile")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_the_compose_file_is_valid() -> None:
    node.require("dclint")
    linter = node.PACKAGES / "dclint" / "bin" / "dclint.cjs"
    command = [node.NODE, str(linter), "--quiet", str(CONTAINER / "compose.yaml")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout


def test_the_build_installs_the_versions_that_the_tests_ran_with() -> None:
    script = re.search(r"sed -nE '(.+?)' requirements\.lock", (CONTAINER / "Containerfile").read_text("utf-8"))
    assert script is not None
    command = ["sed", "-nE", script[1], str(ROOT / "requirements.lock")]
    versions = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(versions) > 30
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[^ \\;]+", line) for line in versions)
    assert any(line.startswith("twisted==") for line in versions)


def test_the_image_can_store_media_in_a_bucket() -> None:
    [installed] = re.findall(r'--constraint /tmp/versions.txt (".+")$', (CONTAINER / "Containerfile").read_text("utf-8"), re.MULTILINE)
    assert installed == '".[s3]"'
    assert "\n  env_file: [ .env ]" in site_of_compose_file(), "the settings of the bucket are there"


def test_processes_of_the_compose_file_cannot_change_their_system() -> None:
    site = re.sub(r"[ \"]", "", site_of_compose_file())
    assert all(line in site for line in ("read_only:true", "cap_drop:[ALL]", "no-new-privileges:true"))


def site_of_compose_file() -> str:
    """Return what the processes of the site have in common."""
    text = (CONTAINER / "compose.yaml").read_text("utf-8")
    return text[text.index("x-site:") : text.index("services:")]


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", (CONTAINER / "compose.yaml").read_text("utf-8")))
    assert used == set(re.findall(r"^(\w+)=", (CONTAINER / "env.example").read_text("utf-8"), re.MULTILINE))


@pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not installed: apt-get install caddy")
def test_caddy_accepts_the_configuration_of_the_compose_file(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "SITE_HOST": "blog.example.org"}
    command = [str(shutil.which("caddy")), "validate", "--adapter", "caddyfile", "--config", str(CONTAINER / "Caddyfile")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)
    assert result.returncode == 0, result.stderr
