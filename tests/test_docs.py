"""What is documented is what there is."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from microblog.cli import main
from microblog.config import setting_docs

ROOT = Path(__file__).parent.parent
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
FENCED = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|(?<=`))(?:\./run\.sh )?microblog ([^`#]+?) *(?=[`#]|$)", re.MULTILINE)


def test_every_setting_is_documented_as_it_is() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for setting in setting_docs():
        unit = f" {setting.unit}" if setting.unit else ""
        assert f"| `{setting.name}` | {setting.default}{unit} | {setting.meaning} It {setting.allowed}. |" in text


def test_no_setting_is_documented_that_there_is_not() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert set(re.findall(r"\| `(MICROBLOG_\w+)`", text)) == {setting.name for setting in setting_docs()}


def test_the_readme_says_why_each_package_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "README.md").read_text("utf-8").lower()
    for requirement in project["dependencies"]:
        name = re.split(r"[\[<>=~! ;]", requirement)[0]
        assert f"[{name.lower()}](" in text, name


def test_links_between_the_documents_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for target in LINK.findall(document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def _commands() -> list[str]:
    """What follows `microblog` wherever the documents say how to call it."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        inline = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", FENCED.sub("", text))]
        found += COMMAND.findall("\n".join([*inline, *FENCED.findall(text)]))
    return found


@pytest.mark.parametrize("command", _commands())
def test_every_command_is_documented_as_it_is_called(command: str) -> None:
    arguments = shlex.split(re.sub(r"\$\([^)]*\)", "today", command))
    called: click.Command | None = main
    context = click.Context(main)
    while isinstance(called, click.Group) and arguments != ["--help"]:
        _, called, arguments = called.resolve_command(context, arguments)
        assert called is not None
        context = click.Context(called, parent=context)
    if called is not None and arguments != ["--help"]:
        called.make_context(called.name, arguments)


def test_commands_are_found_in_the_documents() -> None:
    assert {"user", "token", "stats", "backup", "restore"} <= {command.split()[0] for command in _commands()}
