"""Packages of Node that tests run."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

NODE = shutil.which("node") or ""
OLDEST_NODE = 20
PACKAGES = Path(__file__).parent.parent / "node_modules"


@cache
def missing_requirement(package: str) -> str:
    """Return what is missing to run a package of package.json; empty if nothing is."""
    if not NODE:
        return f"{package} needs Node: apt-get install -y nodejs npm"
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        return f"{package} needs Node {OLDEST_NODE} or newer; this is {version.strip()}"
    return "" if (PACKAGES / package).exists() else f"{package} is missing: npm ci"


def require(package: str) -> None:
    """Skip the test if the package cannot be run."""
    if message := missing_requirement(package):
        pytest.skip(message)
