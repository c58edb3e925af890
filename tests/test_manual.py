"""Manual pages and shell completion in contrib/ agree with the commands, and the tools that read them accept them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from microblog.cli.completion import SHELLS, VARIABLE
from tests.manual import CONTRIB, FILES, files
from tests.test_cli import program

GENERATED = files()

DECLARATIONS = {"microblog", "microblog.cli", "microblog.model", "click", "attr", "attrs", "orjson"}
"""Packages, besides the standard library, that declare the commands."""


def test_contrib_has_the_pages_and_scripts_of_the_commands_as_they_are() -> None:
    outdated = [path.name for path, text in GENERATED.items() if not path.exists() or path.read_text("utf-8") != text]
    left_over = [path.name for name in ("man", "completion") for path in (CONTRIB / name).iterdir() if path not in GENERATED]
    assert (outdated, left_over) == ([], []), "run: python -m tests.manual"


def test_every_page_names_its_command_in_a_sentence() -> None:
    pages = {path.name: text for path, text in GENERATED.items() if path.suffix == ".1"}
    assert {"microblog.1", "microblog-check.1", "microblog-user-create.1"} <= set(pages)
    for name, text in pages.items():
        heading = text.split(".SH SYNOPSIS")[0].splitlines()[-1]
        assert heading.startswith(name.removesuffix(".1").replace("-", r"\-")[: len(r"microblog")]), name
        assert not heading.endswith("..."), name
    assert r"\fBmicroblog-user-create(1)\fP" in pages["microblog-user.1"]


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man: apt-get install man-db")
def test_man_shows_every_page_without_a_warning() -> None:
    paths = sorted(path for path in GENERATED if path.suffix == ".1")
    command = ["man", "--warnings", "--no-justification", "--local-file", "--encoding=UTF-8", *map(str, paths)]
    given = os.environ | {"MANWIDTH": "100", "LC_ALL": "C.UTF-8"}
    shown = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.count("SYNOPSIS") == len(paths)


def completed(*words: str) -> list[str]:
    """Return what bash offers after these words, of which the last may be incomplete."""
    environment = os.environ | {VARIABLE: "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    command = str(Path(sys.executable).with_name("microblog"))
    done = subprocess.run([command], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    return [line.split(",", 1)[1] for line in done.stdout.splitlines()]


@pytest.mark.acceptance
def test_commands_options_and_choices_are_completed() -> None:
    assert completed("microblog", "us") == ["user", "username-block"]
    assert {"create", "delete", "ip"} <= set(completed("microblog", "user", ""))
    assert "--strict" in completed("microblog", "check", "--s")
    assert completed("microblog", "user", "role", "ada", "mod") == ["moderator"]


PRINT_IMPORTED = """
import sys
known = {*sys.stdlib_module_names, *sys.modules}
from microblog.cli import main
try:
    main(prog_name="microblog")
finally:
    print(*{".".join(name.split(".")[: 2 if name.startswith("microblog.") else 1]) for name in sys.modules} - known, file=sys.stderr)
"""
"""Runs the command, and prints the packages that were imported for it to standard error."""


@pytest.mark.parametrize("words", ["us", "user role ada mod", "check --s", "federation blo"])
def test_completion_imports_only_the_declarations_of_the_commands(words: str) -> None:
    """A shell starts the program for each completion, and importing the whole application takes seconds."""
    given = ["microblog", *words.split()]
    environment = {VARIABLE: "bash_complete", "COMP_WORDS": " ".join(given), "COMP_CWORD": str(len(given) - 1)}
    done = run(PRINT_IMPORTED, environment=environment)
    assert done.stdout.startswith("plain,")
    assert set(done.stderr.split()) == DECLARATIONS


@pytest.mark.parametrize("arguments", [["--help"], ["user", "create", "--help"], ["version"]])
def test_help_and_version_import_only_the_declarations_of_the_commands(arguments: list[str]) -> None:
    done = run(PRINT_IMPORTED, *arguments)
    assert done.stdout
    assert set(done.stderr.split()) == DECLARATIONS


def run(program: str, *arguments: str, environment: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    """Run a program in Python."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.acceptance
def test_the_command_prints_the_scripts() -> None:
    for shell in SHELLS:
        printed = program("completion", shell, environment={})
        assert (printed.returncode, printed.stderr) == (0, "")
        assert printed.stdout == GENERATED[CONTRIB / "completion" / FILES[shell]]


def test_bash_accepts_its_script() -> None:
    checked = subprocess.run(["bash", "-n", str(CONTRIB / "completion" / FILES["bash"])], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.acceptance
def test_an_unknown_shell_is_a_usage_error() -> None:
    assert program("completion", "tcsh", environment={}).returncode == 2
