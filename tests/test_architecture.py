"""Tests of the layers' import rules and of the sizes of modules and functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "microblog"

# Which layers each layer may import, besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "render": {"model"},
    "storage": {"model"},
    "domain": {"model", "storage"},
    "live": {"model", "render", "storage"},
    "jobs": {"model", "render", "storage", "domain"},
    "twisted_private": set(),
    "web": {"model", "render", "domain", "live", "twisted_private"},
    "adapters": {"model"},
    "config_errors": set(),
    "config_parsers": set(),
    "secret_key": {"config_errors"},
    "config_derived": {"model", "config_errors", "config_parsers"},
    "config_files": {"config_errors"},
    "config": {"model", "config_derived", "config_files", "config_errors", "config_parsers", "secret_key"},
    "lifecycle": {"storage", "jobs"},
    "workers": {"lifecycle", "storage", "domain", "jobs"},
    "metrics": {"model", "render", "storage", "live", "jobs", "web"},
    "application": {
        *("config", "workers", "metrics", "lifecycle", "secret_key"),
        *("model", "render", "storage", "domain", "live", "jobs", "web", "adapters"),
    },
    "service": {"model", "render", "storage", "domain", "live", "jobs", "web", "config", "application", "twisted_private"},
    "cli": {"model", "render", "storage", "domain", "live", "jobs", "web", "config", "application"},
}

# Whole libraries that belong to a layer: what does no I/O cannot do it by way of a library either.
BELONGS_TO: dict[str, set[str]] = {
    "psycopg2": {"storage", "adapters"},
    "twisted": {
        *("storage", "domain", "live", "jobs", "web", "adapters"),
        *("config_parsers", "lifecycle", "application", "service", "cli", "twisted_private"),
    },
    "klein": {"web", "application"},
    "oauthlib": {"domain"},
    "jinja2": {"render"},
    "treq": {"adapters"},
    "txredisapi": {"adapters"},
    "click": {"cli"},
    "prometheus_client": {"metrics"},
}

MOST_LINES_PER_MODULE = 400
MOST_LINES_PER_BODY = 50
MOST_LINES_FOR_NINE_BODIES_IN_TEN = 20
MOST_PARAMETERS = 5

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def layer_of(path: Path) -> str:
    """The layer that a module of ours is in; empty for the map itself."""
    first, *_ = path.relative_to(PACKAGE).parts
    return first.removesuffix(".py").replace("__init__", "")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a module imports, wherever in it."""
    here = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(here[: len(here) - node.level]) if node.level else ""
            base = ".".join(filter(None, (above, node.module)))
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _forbidden(path: Path) -> Iterator[str]:
    layer = layer_of(path)
    for line, name in imported(path):
        library, *rest = name.split(".")
        at = f"{path.relative_to(ROOT)}:{line}"
        if library == "microblog":
            target = rest[0] if rest else ""
            if target in MAY_IMPORT and target != layer and target not in MAY_IMPORT[layer]:
                yield f"{at}: {layer} may not import {target}"
        elif layer and layer not in BELONGS_TO.get(library, {layer}):
            yield f"{at}: {library} does not belong into {layer}"


def test_every_module_has_a_layer() -> None:
    assert {layer_of(path) for path in MODULES} - {""} <= set(MAY_IMPORT)


def test_no_arrow_points_the_wrong_way() -> None:
    assert [problem for path in MODULES for problem in _forbidden(path)] == []


@pytest.mark.parametrize(
    ("layer", "statement"),
    [
        ("web", "from microblog.storage.database import Database"),
        ("web", "import microblog.jobs.worker"),
        ("web", "from microblog import adapters"),
        ("live", "from ..domain import posts"),
        ("domain", "from microblog.render import pages"),
        ("jobs", "def f():\n    from microblog.live.hub import Hub"),
        ("render", "from microblog.storage import posts"),
        ("model", "import psycopg2"),
        ("adapters", "from microblog.config import Settings"),
        ("domain", "from microblog.application import assemble"),
    ],
)
def test_a_wrong_arrow_is_found(layer: str, statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "microblog" / layer / "example.py"
    module.parent.mkdir(parents=True)
    module.write_text(statement)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "microblog")
    assert len(list(_forbidden(module))) == 1


def test_twisted_keeps_its_own_packages() -> None:
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "twisted").rglob("*.py")}
    assert ours == {"twisted/plugins/microblog_plugin.py"}


def _functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many lines there are to read, not counting the docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return 1 + (body[-1].end_lineno or 0) - body[0].lineno if body else 0


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many a caller has to know by their place. The columns of a row are given by name, and are not counted."""
    given = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len([name for name in given if name not in {"self", "cls"}])


def test_modules_can_be_read_in_one_sitting() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_PER_MODULE} == {}


def test_functions_can_be_read_at_a_glance() -> None:
    lengths = {name: _body_lines(function) for path in MODULES for name, function in _functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_PER_BODY} == {}
    nine_in_ten = sorted(lengths.values())[: len(lengths) * 9 // 10]
    assert nine_in_ten[-1] <= MOST_LINES_FOR_NINE_BODIES_IN_TEN


def _makes_a_row(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True for what storage calls with the columns of a row: there are as many as the table has."""
    return layer_of(path) == "storage" and not any(argument.arg == "cursor" for argument in function.args.args)


def test_functions_take_few_parameters() -> None:
    functions = [(path, name, function) for path in MODULES for name, function in _functions(path)]
    counts = {name: _parameters(function) for path, name, function in functions if not _makes_a_row(path, function)}
    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}
