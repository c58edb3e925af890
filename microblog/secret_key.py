"""The site's secret key: random bytes in the data directory that sign links, forms and push messages."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from microblog.config_errors import SettingProblem, SettingsError

KEY_FILE = "secret_key"
_SECRET_BYTES = 32


def secret_key(data_dir: Path) -> bytes:
    """Return the site's 32 random bytes. The first call creates the file, readable by its owner only.

    Raises SettingsError if the file is damaged or readable by others.
    """
    path = data_dir / KEY_FILE
    if not path.exists():
        _write_once(path, secrets.token_hex(_SECRET_BYTES) + "\n")
    try:
        key = bytes.fromhex(path.read_text("ascii"))
    except (OSError, ValueError):
        key = b""
    if len(key) != _SECRET_BYTES or path.stat().st_mode & 0o077:
        message = f"must contain {_SECRET_BYTES * 2} hexadecimal digits and be readable by its owner only (chmod 600); "
        raise SettingsError([SettingProblem(str(path), None, message + "delete it to create a new key")])
    return key


def _write_once(path: Path, text: str) -> None:
    """Write the file atomically with mode 0600. If another process was faster, keep its file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    with suppress(FileExistsError):
        os.link(fresh, path)
    os.unlink(fresh)
