"""Tests of settings that change while the site runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from microblog.config import Settings, load, setting_docs
from microblog.settings_reload import SettingsReload
from tests.test_architecture import ROOT


@pytest.fixture
def sentences() -> Iterator[list[str]]:
    """Sentences that are logged."""
    found: list[str] = []

    def keep(event: LogEvent) -> None:
        if event.get("log_namespace") == "microblog.settings_reload":
            found.append(formatEvent(event))

    globalLogPublisher.addObserver(cast("Any", keep))
    yield found
    globalLogPublisher.removeObserver(cast("Any", keep))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "microblog.toml"
    path.write_text('log_level = "info"\nsite_name = "one"\n')
    return path


def reload_of(file: Path, applied: list[Settings]) -> SettingsReload:
    def read() -> Settings:
        return load({}, file)

    reload = SettingsReload(read(), read)
    reload.add(applied.append)
    applied.clear()
    return reload


def test_changes_are_applied_and_named(file: Path, sentences: list[str]) -> None:
    applied: list[Settings] = []
    reload = reload_of(file, applied)
    file.write_text('log_level = "debug"\nrate_limits = false\nsite_name = "one"\n')
    reload.reload()
    assert [(settings.log_level, settings.rate_limits) for settings in applied] == [("debug", False)]
    assert sentences == ["MICROBLOG_LOG_LEVEL has changed", "MICROBLOG_RATE_LIMITS has changed"]


def test_a_setting_that_needs_a_restart_stays_and_is_named(file: Path, sentences: list[str]) -> None:
    applied: list[Settings] = []
    reload = reload_of(file, applied)
    file.write_text('site_name = "two"\n')
    for _ in range(2):
        reload.reload()
    assert {settings.site_name for settings in applied} == {"one"}
    assert sentences == ["MICROBLOG_SITE_NAME has changed: restart the site to use it"] * 2


def test_an_error_in_the_file_changes_nothing_and_is_explained_without_secrets(file: Path, sentences: list[str]) -> None:
    applied: list[Settings] = []
    reload = reload_of(file, applied)
    file.write_text('log_level = "debug"\nlog_format = "xml"\nsmtp_url = "canary:secret"\nsit_name = "x"\n')
    reload.reload()
    assert (applied, reload.settings.log_level) == ([], "info")
    [sentence] = sentences
    assert "Those from before stay in force." in sentence
    assert "MICROBLOG_LOG_FORMAT is 'xml': must be text or json" in sentence
    assert "canary" not in sentence
    file.unlink()
    reload.reload()
    assert "cannot be read" in sentences[-1]


def test_the_settings_that_can_change_are_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    listed = re.search(r"applies changes of these settings: (.*?)\.\n", text, re.DOTALL)
    assert listed is not None
    assert re.findall(r"`(\w+)`", listed[1]) == [doc.name for doc in setting_docs() if doc.reloads]
