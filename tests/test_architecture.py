"""Architecture rules: imports between layers and sub-packages, no import circles, sizes, what statements are about."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.storage.query_scopes import TABLES, Scopes, Statement, statements, storage_sources

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "microblog"

# Which layers each layer may import, besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "logs": set(),
    "model": set(),
    "render": {"model"},
    "storage": {"model", "logs"},
    "domain": {"model", "storage", "logs", "coroutines"},
    "federation": {"model", "render", "storage", "domain", "logs", "coroutines"},
    "live": {"model", "render", "storage", "coroutines"},
    "jobs": {"model", "render", "storage", "domain", "federation", "logs"},
    "twisted_private": set(),
    "web": {"model", "render", "domain", "federation", "live", "twisted_private", "logs"},
    "adapters": {"model", "coroutines"},
    "coroutines": set(),
    "config_errors": set(),
    "config_parsers": set(),
    "secret_key": {"config_errors"},
    "config_derived": {"model", "config_errors", "config_parsers"},
    "config_files": {"config_errors"},
    "config_fields": {"config_parsers"},
    "config_media": {"config_parsers", "config_fields"},
    "config_values": {"config_errors", "config_parsers", "config_fields", "config_files"},
    "config": {
        *("model", "config_derived", "config_fields", "config_files", "config_media", "config_errors", "config_parsers", "config_values"),
        *("secret_key", "logs"),
    },
    "lifecycle": {"storage", "jobs"},
    "reactor_lag": set(),
    "reactor_stalls": {"logs"},
    "settings_reload": {"config"},
    "workers": {"lifecycle", "storage", "domain", "jobs"},
    "metrics": {"model", "render", "storage", "federation", "live", "jobs", "web", "reactor_lag"},
    "application": {
        *("config", "workers", "metrics", "lifecycle", "reactor_lag", "reactor_stalls", "secret_key", "logs"),
        *("model", "render", "storage", "domain", "federation", "live", "jobs", "web", "adapters"),
    },
    "service": {
        *("model", "render", "storage", "domain", "live", "jobs", "web", "adapters"),
        *("config", "config_parsers", "settings_reload", "application", "logs"),
    },
    "cli": {
        *("model", "render", "storage", "domain", "federation", "live", "jobs", "web"),
        *("config", "config_parsers", "application", "coroutines"),
    },
}

# Which sub-packages of its layer each sub-package may import, besides itself; "" stands for the modules outside sub-packages.
MAY_IMPORT_WITHIN: dict[str, dict[str, set[str]]] = {
    "web": {
        "http": set(),
        "streaming": {"http"},
        "api": {"http", "streaming"},
        "pages": {"http", "streaming"},
        "activitypub": {"http"},
    },
    "render": {
        "": set(),
        "html": {""},
        "email": {""},
        "api": {""},
    },
    "domain": {
        "caching": set(),
        "text": set(),
        "push": {"", "text"},
        "demo": {"", "text"},
        "": {"caching", "text"},
    },
    "federation": {
        "documents": set(),
        "": {"documents"},
    },
}

# Libraries that only some layers may import, so that a layer without I/O does none through a library either.
BELONGS_TO: dict[str, set[str]] = {
    "psycopg2": {"storage", "adapters"},
    "twisted": {
        *("storage", "domain", "federation", "live", "jobs", "web", "adapters"),
        *("logs", "config_parsers", "settings_reload", "lifecycle", "coroutines", "reactor_lag", "reactor_stalls"),
        *("application", "service", "cli", "twisted_private"),
    },
    "klein": {"web", "application"},
    "oauthlib": {"domain"},
    "jinja2": {"render"},
    "nh3": {"federation"},
    "tinycss2": {"domain"},
    "zxcvbn": {"domain"},
    "http_sf": {"federation"},
    "treq": {"adapters"},
    "botocore": {"adapters"},
    "txredisapi": {"adapters"},
    "click": {"cli"},
    "prometheus_client": {"metrics"},
}

MAX_LINES_PER_MODULE = 400
MAX_LINES_PER_BODY = 50
MAX_LINES_OF_90TH_PERCENTILE = 20
MAX_PARAMETERS = 5

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def layer_of(path: Path) -> str:
    """Return the layer of a module; empty for the package itself."""
    first, *_ = path.relative_to(PACKAGE).parts
    return first.removesuffix(".py").replace("__init__", "")


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Return all nodes of the syntax tree of a module."""
    return [*ast.walk(tree(path))]


@cache
def imported(path: Path) -> list[tuple[int, str]]:
    """Return line and full name of every import of a module, also within functions and for type checking."""
    here = path.relative_to(ROOT).with_suffix("").parts
    found = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(here[: len(here) - node.level]) if node.level else ""
            base = ".".join(filter(None, (above, node.module)))
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


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
            yield f"{at}: {library} does not belong in {layer}"


def test_every_module_has_a_layer() -> None:
    assert {layer_of(path) for path in MODULES} - {""} <= set(MAY_IMPORT)


def test_layers_import_only_the_layers_below() -> None:
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
def test_a_forbidden_import_is_detected(layer: str, statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "microblog" / layer / "example.py"
    module.parent.mkdir(parents=True)
    module.write_text(statement)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "microblog")
    assert len(list(_forbidden(module))) == 1


def sub_package_of(path: Path) -> str:
    """Return the sub-package of its layer that a module is in; empty for other modules."""
    parts = path.relative_to(PACKAGE).parts
    return parts[1] if len(parts) > 2 else ""


def _forbidden_within(path: Path) -> Iterator[str]:
    layer, here = layer_of(path), sub_package_of(path)
    if layer not in MAY_IMPORT_WITHIN:
        return
    packages = {each.name for each in (PACKAGE / layer).iterdir() if (each / "__init__.py").exists()}
    for line, name in imported(path):
        if name.startswith(f"microblog.{layer}."):
            first = name.split(".")[2]
            target = first if first in packages else ""
            if target != here and target not in MAY_IMPORT_WITHIN[layer].get(here, set()):
                yield f"{path.relative_to(ROOT)}:{line}: {layer}/{here} may not import {name}"


def test_sub_packages_import_only_those_below() -> None:
    assert [problem for path in MODULES for problem in _forbidden_within(path)] == []


def test_every_sub_package_has_its_imports_listed() -> None:
    found = {(layer, sub_package_of(path)) for path in MODULES if (layer := layer_of(path)) in MAY_IMPORT_WITHIN}
    assert {(layer, package) for layer, package in found if package} <= {
        (layer, name) for layer, names in MAY_IMPORT_WITHIN.items() for name in names
    }


def _import_graph() -> dict[str, set[str]]:
    """Return the modules that each module imports, also those imported for type checking only."""
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES}
    graph = {name: set[str]() for name in names}
    for name, path in names.items():
        for _, target in imported(path):
            module = target if target in names else target.rpartition(".")[0]
            if module in names and module != name:
                graph[name].add(module)
    return graph


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules that import each other, directly or through others."""

    def reached_from(start: str) -> set[str]:
        found, waiting = set[str](), [start]
        while waiting:
            new = graph[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    reached = {name: reached_from(name) for name in graph}
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph if name in reached[name]}
    return [set(group) for group in groups]


def test_no_modules_import_each_other() -> None:
    assert circles(_import_graph()) == []


def test_an_import_circle_is_detected() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]


def test_the_twisted_package_has_only_our_plugin() -> None:
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "twisted").rglob("*.py")}
    assert ours == {"twisted/plugins/microblog_plugin.py"}


def _functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of lines of the body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return 1 + (body[-1].end_lineno or 0) - body[0].lineno if body else 0


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of positional parameters; keyword-only ones, such as columns of a row, are not counted."""
    given = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len([name for name in given if name not in {"self", "cls"}])


def test_modules_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES_PER_MODULE} == {}


def test_functions_are_short() -> None:
    lengths = {name: _body_lines(function) for path in MODULES for name, function in _functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES_PER_BODY} == {}
    nine_in_ten = sorted(lengths.values())[: len(lengths) * 9 // 10]
    assert nine_in_ten[-1] <= MAX_LINES_OF_90TH_PERCENTILE


def _makes_a_row(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True for functions of storage that build a row: they have as many parameters as the table has columns."""
    return layer_of(path) == "storage" and not any(argument.arg == "cursor" for argument in function.args.args)


def test_functions_take_few_parameters() -> None:
    functions = [(path, name, function) for path in MODULES for name, function in _functions(path)]
    counts = {name: _parameters(function) for path, name, function in functions if not _makes_a_row(path, function)}
    assert {name: count for name, count in counts.items() if count > MAX_PARAMETERS} == {}


@cache
def _statements() -> dict[str, Statement]:
    return {statement.name: statement for statement in statements(storage_sources())}


@pytest.mark.parametrize("table", TABLES)
def test_every_statement_about_people_or_posts_says_whether_those_of_other_servers_are_meant(table: str) -> None:
    listed = Scopes.of(table)
    found = set(listed.about(table, _statements()))
    assert found - listed.by_name.keys() == set(), "choose a list for these in tests/storage/query_scopes.toml"
    assert listed.by_name.keys() - found == set(), "these do not exist any more: remove them from tests/storage/query_scopes.toml"
