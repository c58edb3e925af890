"""Packaging: wheel, sdist and editable install are complete and without symbolic links; Twisted finds the plugin."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
NOT_SOURCE = shutil.ignore_patterns(".git", ".venv", "var", "node_modules", "build", "dist", "*.egg-info", "__pycache__", ".*_cache")
TWISTD = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"


PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"
# says where the templates are, after a page and a file of phrases were found there
LOADED = """
from jinja2 import Environment
from microblog.render.templates import loader, templates
assert {"pages/_composer.html", "emails/en.toml"} <= set(Environment(loader=loader()).list_templates())
print(templates())
"""


def _run(*command: str | Path, **more: Any) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **more)
    assert ended.returncode == 0, ended.stderr
    return str(ended.stdout)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the repository."""
    return _copied(tmp_path / "microblog")


def _copied(to: Path) -> Path:
    return shutil.copytree(ROOT, to, symlinks=True, ignore=NOT_SOURCE)


def _wheel_of(source: Path, built: Path) -> Path:
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", built, source)
    [path] = built.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a copy of the repository, built as pip does."""
    return _wheel_of(_copied(tmp_path_factory.mktemp("source") / "microblog"), tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def other_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the wheel installed and all packages of this one except the repository."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    packages = Path(_run(python, "-c", PACKAGES).strip())
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # whose own .pth files are not read
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return python


def _files_of_ours() -> set[str]:
    """Return the files that the wheel must contain, by name in the wheel."""
    package = {path.relative_to(ROOT).as_posix() for path in _files(ROOT / "microblog")}
    templates = {f"microblog/{path.relative_to(ROOT).as_posix()}" for path in _files(ROOT / "templates")}
    return package | templates | {"twisted/plugins/microblog_plugin.py"}


def _files(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
            yield path


def test_a_wheel_has_all_our_files_and_none_of_twisted(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert _files_of_ours() - names == set()
    assert {name for name in names if name.startswith("twisted/")} == {"twisted/plugins/microblog_plugin.py"}
    assert {name.partition("/")[0] for name in names} == {"microblog", "twisted"}


def test_the_source_has_no_symbolic_link(source: Path) -> None:
    """Windows and some archives turn them into files."""
    assert [path for path in source.rglob("*") if path.is_symlink()] == []


def test_an_sdist_gives_the_same_wheel(wheel: Path, source: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    _run(sys.executable, "-m", "pip", "install", "--quiet", "--target", tools, "setuptools>=77")
    build = f"from setuptools import build_meta; print(build_meta.build_sdist({str(tmp_path / 'sdist')!r}))"
    _run(sys.executable, "-c", build, cwd=source, env={**os.environ, "PYTHONPATH": str(tools)})
    [sdist] = (tmp_path / "sdist").iterdir()
    names = zipfile.ZipFile(_wheel_of(sdist, tmp_path / "wheel")).namelist()
    assert sorted(names) == sorted(zipfile.ZipFile(wheel).namelist())


def test_a_wheel_has_its_templates_inside(other_python: Path, tmp_path: Path) -> None:
    found = Path(_run(other_python, "-c", LOADED, cwd=tmp_path).strip())
    assert found.is_relative_to(other_python.parent.parent)


def test_an_editable_install_reads_the_templates_of_the_repository(source: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    venv.create(place, symlinks=True, with_pip=True)
    python = place / "bin" / "python"
    _run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--editable", source)
    packages = Path(_run(python, "-c", PACKAGES).strip())
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    assert Path(_run(python, "-c", LOADED, cwd=tmp_path).strip()) == source / "templates"


@pytest.mark.parametrize("statement", ["microblog.service", "microblog.application"])
def test_a_wheel_can_be_imported(other_python: Path, tmp_path: Path, statement: str) -> None:
    told = subprocess.run(
        [other_python, "-c", f"import {statement}; print({statement}.__file__)"],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=True,
    ).stdout  # fmt: skip
    assert Path(told).is_relative_to(other_python.parent.parent)


def test_twistd_lists_the_site_from_a_wheel(other_python: Path, tmp_path: Path) -> None:
    _lists_the_site([str(other_python), "-c", TWISTD, "--help"], tmp_path)


def test_twistd_lists_the_site_from_this_installation(tmp_path: Path) -> None:
    _lists_the_site([str(Path(sys.executable).with_name("twistd")), "--help"], tmp_path)


def _lists_the_site(command: list[str], directory: Path) -> None:
    told = subprocess.run(command, capture_output=True, text=True, cwd=directory, timeout=60, check=True)
    assert "microblog  " in told.stdout
    assert "Traceback" not in told.stderr
