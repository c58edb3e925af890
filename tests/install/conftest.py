"""Fixtures: a clean Debian, and the names of the site and of its object storage."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Certificates, create_certificates
from tests.install.administrator import STORAGE
from tests.install.debian_machine import install_debian
from tests.install.documents import SITE


@pytest.fixture(scope="session")
def installed_debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clean Debian, of which tests boot copies."""
    root = tmp_path_factory.mktemp("debian") / "installed"
    try:
        install_debian(root)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Certificates of the site and its object storage, whose names lead to this machine, as if they were in the DNS."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        return look_up("127.0.0.1" if host in {SITE, STORAGE} else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return create_certificates(tmp_path, SITE, STORAGE)
