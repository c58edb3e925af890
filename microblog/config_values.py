"""Values of the settings from the environment and from the settings file, as text and as parsed values."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from microblog import config_parsers as read
from microblog.config_errors import SettingProblem
from microblog.config_fields import PREFIX, name_of
from microblog.config_files import CONFIG, placed, toml_table

Fields: TypeAlias = "Sequence[attrs.Attribute[Any]]"

# Kubernetes sets such variables in every pod for a service called "microblog". They are not settings.
_KUBERNETES = re.compile(r"MICROBLOG_(SERVICE_(HOST|PORT\w*)|PORT(_\w+)?)")


def from_environment(fields: Fields, environment: Mapping[str, str], problems: list[SettingProblem]) -> dict[str, str]:
    """Return the texts of the settings in the environment by name. Unknown names are problems."""
    names = [name_of(field) for field in fields]
    ours = {name: text.strip() for name, text in environment.items() if name.startswith(PREFIX)}
    problems += [_unknown(fields, name) for name in ours if name not in {*names, CONFIG} and not _KUBERNETES.fullmatch(name)]
    return {name: text for name, text in ours.items() if name in names and text}


def from_file(fields: Fields, path: Path, problems: list[SettingProblem]) -> dict[str, str]:
    """Return the texts of the settings in the TOML file by name. Unknown keys and values of other types are problems."""
    table = toml_table(path, problems)
    keys = [field.name for field in fields]
    paths = {field.name for field in fields if field.metadata["read"] in {read.directory, read.texts, read.file}}
    problems += [_unknown(fields, key) for key in table if key not in keys]
    given = {key: read.toml_text(table[key]) for key in keys if key in table}
    sentence = "must be a string, a whole number, true, false or a list of strings"
    problems += [SettingProblem(key, None, sentence) for key, text in given.items() if text is None]
    return {PREFIX + key.upper(): placed(text, path.parent) if key in paths else text for key, text in given.items() if text}


def _unknown(fields: Fields, name: str) -> SettingProblem:
    keys = [field.name for field in fields]
    close = difflib.get_close_matches(name.removeprefix(PREFIX).lower(), keys, n=1)
    prefix = PREFIX if name.startswith(PREFIX) else ""
    known = (prefix + close[0].upper() if prefix else close[0]) if close else ""
    hint = f"did you mean {known}?" if known else "`twistd microblog --help` lists all settings"
    return SettingProblem(name, None, f"there is no such setting; {hint}")


def values_of(fields: Fields, given: Mapping[str, str], problems: list[SettingProblem]) -> Iterator[tuple[str, Any]]:
    """Yield field name and parsed value of each setting, given the texts by name. Values that cannot be parsed are problems."""
    for field in fields:
        meta, name = field.metadata, name_of(field)
        text = given.get(name, meta["default"])
        try:
            yield field.name, None if text is None else meta["read"](text)
        except ValueError as cause:
            sentence = str(cause) if isinstance(cause, read.NotAllowed) else meta["allowed"]
            problems.append(SettingProblem(name, None if meta["secret"] else text, sentence))
