"""Finds the statements of `microblog.storage` that read or write accounts or posts, and reads what each of them is about."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

import microblog.storage

STORAGE = Path(microblog.storage.__file__).parent
SCOPES = Path(__file__).with_name("query_scopes.toml")
HERE, ANYWHERE, BY_ID, PART = "here", "anywhere", "by_id", "part"
TABLES = ("accounts", "posts")


@frozen
class Statement:
    """A definition with SQL of its own. `names` are the constants that its SQL is built with, with their module."""

    name: str
    sql: str
    names: frozenset[str]

    def mentions(self, table: str) -> bool:
        """True if its own SQL names the table."""
        sql = re.sub(r"--.*", "", self.sql)
        return re.search(rf"(?:\b(?:from|join|update|into|table|using|analyze)|,)\s+{table}\b|^{table} \w\b", sql) is not None


def statements(sources: Mapping[str, str]) -> Iterator[Statement]:
    """Yield the definitions at the top of the modules, given by name."""
    for module, source in sources.items():
        tree = ast.parse(source)
        imported = {
            alias.asname or alias.name: f"{node.module.rpartition('.')[2]}.{alias.name}"
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("microblog.storage.")
            for alias in node.names
            if node.module
        }
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                yield _statement(module, node.name, node, imported, [part for part in ast.walk(node) if _builds_text(part)])
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
                if isinstance(target, ast.Name):
                    yield _statement(module, target.id, node.value, imported, [node.value])


def storage_sources() -> dict[str, str]:
    """Return the sources of all modules of `microblog.storage`, by name."""
    return {path.stem: path.read_text("utf-8") for path in sorted(STORAGE.glob("*.py"))}


def _builds_text(node: ast.AST) -> bool:
    """True for an expression that makes a text of others. A constant that is only passed on is a statement of its own."""
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("replace", "format", "join")
    return is_method or isinstance(node, ast.JoinedStr) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add))


def _statement(module: str, name: str, node: ast.AST, imported: Mapping[str, str], built: list[ast.AST]) -> Statement:
    docstring = ast.get_docstring(node, clean=False) if isinstance(node, ast.FunctionDef) else None
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    names = set()
    for part in (each for whole in built for each in ast.walk(whole)):
        if isinstance(part, ast.Name):
            names.add(imported.get(part.id, f"{module}.{part.id}"))
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            names.add(f"{part.value.id}.{part.attr}")
    return Statement(f"{module}.{name}", "\n".join(text for text in texts if text != docstring), frozenset(names))


@frozen
class Scopes:
    """What the statements about one table are about: lists of names by scope, as in query_scopes.toml."""

    by_name: Mapping[str, str]

    @classmethod
    def of(cls, table: str) -> Scopes:
        """Read the lists of a table."""
        listed = tomllib.loads(SCOPES.read_text("utf-8"))[table]
        names = [name for scope in listed for name in listed[scope]]
        assert len(names) == len(set(names)), "a name is listed twice"
        return cls({name: scope for scope in listed for name in listed[scope]})

    def about(self, table: str, known: Mapping[str, Statement]) -> dict[str, Statement]:
        """Return the statements that name the table, or are built with a part that does."""
        parts = {name for name, scope in self.by_name.items() if scope == PART}
        return {name: statement for name, statement in known.items() if statement.mentions(table) or statement.names & parts}


def whole_sql(statement: Statement, known: Mapping[str, Statement]) -> str:
    """Return the SQL with that of the constants that it is built with."""
    parts = (known[name] for name in sorted(statement.names) if name in known and name != statement.name)
    return "\n".join([statement.sql, *(whole_sql(part, known) for part in parts)])
