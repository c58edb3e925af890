"""The secret of a site: random bytes in its data directory that sign its links, forms and push messages."""

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
    """The site's own 32 random bytes, made at the first call and kept in the data directory for its owner's eyes only.

    Raises SettingsError when the file is there and is not what was written.
    """
    path = data_dir / KEY_FILE
    if not path.exists():
        _write_once(path, secrets.token_hex(_SECRET_BYTES) + "\n")
    try:
        key = bytes.fromhex(path.read_text("ascii"))
    except (OSError, ValueError):
        key = b""
    if len(key) != _SECRET_BYTES or path.stat().st_mode & 0o077:
        told = f"must hold {_SECRET_BYTES * 2} hexadecimal digits and be readable by its owner only (chmod 600); "
        raise SettingsError([SettingProblem(str(path), None, told + "remove it to have a new one made")])
    return key


def _write_once(path: Path, text: str) -> None:
    """Write the file with mode 0600, whole or not at all; where another process was faster, its file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    with suppress(FileExistsError):
        os.link(fresh, path)
    os.unlink(fresh)
