"""Locate and read the settings file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from microblog.config_errors import SettingProblem

CONFIG = "MICROBLOG_CONFIG"  # the path of the file; not a setting itself, so that a file cannot name another
DEFAULT_CONFIG = Path("/etc/microblog/microblog.toml")


def config_file(environment: Mapping[str, str], option: Path | None = None) -> Path | None:
    """Return the path of the settings file: `--config`, else MICROBLOG_CONFIG, else the one in /etc if it exists, else None."""
    if option is not None:
        return option
    if named := environment.get(CONFIG, "").strip():
        return Path(named)
    try:
        DEFAULT_CONFIG.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # do not ignore a file that cannot be accessed: reading it reports the reason
        pass
    return DEFAULT_CONFIG


def toml_table(path: Path, problems: list[SettingProblem]) -> dict[str, Any]:
    """Return the file's contents. If it cannot be read, add a problem and return an empty table."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as cause:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        reason = getattr(cause, "strerror", None) or cause
        name = "settings file" if path == DEFAULT_CONFIG else "--config"
        problems.append(SettingProblem(name, str(path), f"cannot be read: {reason}"))
        return {}


def placed(text: str, directory: Path) -> str:
    """Return a path from a settings file in `directory`, resolved relative to that directory and not to the working directory."""
    return text if text.startswith("~") else str(directory.absolute() / text)
