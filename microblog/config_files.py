"""The settings file: which one it is, and what is in it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from microblog.config_errors import SettingProblem

CONFIG = "MICROBLOG_CONFIG"  # names the file; not a setting itself, so that no file names another one
DEFAULT_CONFIG = Path("/etc/microblog/microblog.toml")


def config_file(environment: Mapping[str, str], option: Path | None = None) -> Path | None:
    """The settings file of the server and of every command: `--config`, else MICROBLOG_CONFIG, else the one in /etc if it exists."""
    if option is not None:
        return option
    if named := environment.get(CONFIG, "").strip():
        return Path(named)
    try:
        DEFAULT_CONFIG.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # one that cannot be looked at is not passed over: reading it says why
        pass
    return DEFAULT_CONFIG


def toml_table(path: Path, problems: list[SettingProblem]) -> dict[str, Any]:
    """What the file says, or nothing and a problem more where it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as cause:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        reason = getattr(cause, "strerror", None) or cause
        name = "settings file" if path == DEFAULT_CONFIG else "--config"
        problems.append(SettingProblem(name, str(path), f"cannot be read: {reason}"))
        return {}


def placed(text: str, directory: Path) -> str:
    """A path of a settings file in that directory. A relative one begins there, wherever the server or a command is called."""
    return text if text.startswith("~") else str(directory.absolute() / text)
