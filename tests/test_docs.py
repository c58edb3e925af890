"""Tests that the documents and docstrings agree with the code."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from microblog.cli import main
from microblog.config import setting_docs

ROOT = Path(__file__).parent.parent
PACKAGES = ("microblog", "tests", "benchmarks")
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
FENCED = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
SOURCE_PATH = re.compile(r"(?<![\w./*<-])((?:[\w-]+/)*\w+\.(?:py|mjs|sql))\b")
DIRECTORY = re.compile(r"(?:[\w-]+/){2,}")
DOTTED = re.compile(r"([A-Za-z_]\w*)\.([A-Za-z_]\w*)(?:\(.*\))?", re.DOTALL)
CAMEL_CASE = re.compile(r"(?:[A-Z][a-z]+){2,}")
NAMES_IN_FILE = re.compile(r"`([\w/]+\.py)`(?: \(|, )\s?((?:`[\w.]+`(?:, )?)+)")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
ELSEWHERE = {"Mastodon.py", "params.in_reply_to_id", "email.policy", "protocol.makeConnection(transport)"}  # names of others
COMMAND = re.compile(r"(?:^|(?<=`))(?:runuser -u microblog -- )?(?:\./run\.sh |/\S+/)?microblog ([^`#]+?) *(?=[`#]|$)", re.MULTILINE)
NAMED_DOCUMENT = re.compile(r"\bdocs?/(?:microblog/)?([\w-]+\.md)\b")


def test_every_setting_is_documented_with_its_current_values() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for setting in setting_docs():
        unit = f" {setting.unit}" if setting.unit else ""
        assert f"| `{setting.name}` | {setting.default}{unit} | {setting.meaning} It {setting.allowed}. |" in text


def test_every_documented_setting_exists() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert set(re.findall(r"\| `(MICROBLOG_\w+)`", text)) == {setting.name for setting in setting_docs()}


def test_the_readme_gives_a_reason_for_each_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "README.md").read_text("utf-8").lower()
    for requirement in project["dependencies"]:
        name = re.split(r"[\[<>=~! ;]", requirement)[0]
        assert f"[{name.lower()}](" in text, name


def test_links_between_documents_resolve() -> None:
    for document in DOCUMENTS:
        for target in LINK.findall(document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_document_named_in_code_and_configuration_exists() -> None:
    places = [path for root in (*PACKAGES, "templates", "contrib") for path in (ROOT / root).rglob("*") if path.is_file()]
    texts = {path: path.read_text("utf-8", errors="ignore") for path in places if path.suffix != ".pyc"}
    named = [(path.name, document) for path, text in texts.items() for document in NAMED_DOCUMENT.findall(text)]
    assert ("microblog.service", "operate.md") in named
    assert [f"{name}: {document}" for name, document in named if not (ROOT / "docs" / document).exists()] == []


def _commands() -> list[str]:
    """Return the arguments of each call of `microblog` in the documents."""
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


@cache
def _sources() -> dict[str, ast.Module]:
    """Return all Python modules, parsed, by path from the root."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in paths}


@cache
def _nodes() -> dict[str, list[ast.AST]]:
    """Return all nodes of the syntax trees of the modules, by path."""
    return {path: [*ast.walk(module)] for path, module in _sources().items()}


@cache
def _files() -> frozenset[str]:
    """Return the paths of all files and directories, and every shorter suffix of them down to the bare name."""
    roots = [*PACKAGES, "docs", "templates", "twisted", "types"]
    paths = [path.relative_to(ROOT) for root in roots for path in (ROOT / root).rglob("*")]
    paths += [Path(path.name) for path in ROOT.iterdir()] + [Path(root) for root in roots]
    return frozenset("/".join(path.parts[start:]) for path in paths for start in range(len(path.parts)))


def _assigned(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that statements define, including attributes of `self`."""
    for inner in nodes:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield inner.name
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id
        elif isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
            yield inner.attr


@cache
def _members() -> dict[str, set[str]]:
    """Return the names defined in each class and module, by its short name; equal short names are merged."""
    members: dict[str, set[str]] = defaultdict(set)
    for path, nodes in _nodes().items():
        parts = Path(path).with_suffix("").parts
        members[parts[-2] if parts[-1] == "__init__" else parts[-1]].update(_assigned(nodes))
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                members[node.name].update(_assigned(ast.walk(node)))
                members[node.name].update(base.id for base in node.bases if isinstance(base, ast.Name))
    for package in {path.parent for path in map(Path, _sources())}:
        members[package.name].update(Path(path).stem for path in _sources() if Path(path).parent == package)
        members[package.parent.name].add(package.name)
    return members


def _has_member(owner: str, name: str) -> bool:
    members = _members()
    return name in members[owner] or any(
        _has_member(base, name) for base in members[owner] if base in members and base[:1].isupper() and base != owner
    )


@cache
def _literals() -> frozenset[str]:
    """Return all string constants of the code, such as job kinds."""
    nodes = (node for path, found in _nodes().items() if path.startswith("microblog/") for node in found)
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@cache
def _texts() -> list[tuple[str, str]]:
    """Yield the documents and all docstrings with their locations."""
    documents = [(document.name, FENCED.sub("", document.read_text("utf-8"))) for document in DOCUMENTS]
    nodes = [(path, node) for path, found in _nodes().items() for node in found if isinstance(node, DOCUMENTED)]
    return documents + [(f"{path}:{getattr(node, 'lineno', 1)}", ast.get_docstring(node, clean=False) or "") for path, node in nodes]


def _docstrings() -> Iterator[tuple[str, int, str]]:
    """Yield path, line and text of each docstring of the code: of modules, classes, functions and attributes."""
    for path, nodes in _nodes().items():
        bodies = (getattr(node, "body", None) for node in nodes if path.startswith("microblog/"))
        for statement in (statement for body in bodies if isinstance(body, list) for statement in body):
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str):
                yield path, statement.lineno, statement.value.value


def test_no_docstring_begins_with_a_question_word() -> None:
    begins = re.compile(r"(What|Who|Whom|Whose|How|Where|When|Which|Whether|Why|That)\b")
    found = [f"{path}:{line}" for path, line, text in _docstrings() if begins.match(text.lstrip())]
    assert found == [], "Begin with a noun phrase or an imperative verb."


def test_every_path_in_documents_and_docstrings_exists() -> None:
    named = [(at, path) for at, text in _texts() for path in SOURCE_PATH.findall(text)]
    named += [(at, code) for at, text in _texts() for code in INLINE_CODE.findall(text) if DIRECTORY.fullmatch(code)]
    assert len(named) > 100
    assert [f"{at}: {path}" for at, path in named if path not in ELSEWHERE and path.rstrip("/") not in _files()] == []


def _unknown(code: str) -> bool:
    """True if the code is `Class.member` or `module.member` of ours without such a member. Job kinds are strings with a dot."""
    match = DOTTED.fullmatch(code)
    if match is None or code in ELSEWHERE or code in _literals() or SOURCE_PATH.fullmatch(code):
        return False
    owner, name = match.groups()
    return owner in _members() and not _has_member(owner, name)


def test_every_class_and_function_in_documents_and_docstrings_exists() -> None:
    assert [f"{at}: {code}" for at, text in _texts() for code in INLINE_CODE.findall(text) if _unknown(code)] == []


def test_every_class_in_the_documents_exists() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "microblog").rglob("*.py"))
    words = set(re.findall(r"\w+", code))
    for document in DOCUMENTS:
        named = set(filter(CAMEL_CASE.fullmatch, INLINE_CODE.findall(FENCED.sub("", document.read_text("utf-8")))))
        assert named <= words, document.name


def test_documented_names_are_defined_in_the_files_named_with_them() -> None:
    sources, missing, found = _nodes(), [], 0
    for document in DOCUMENTS:
        for path, names in NAMES_IN_FILE.findall(document.read_text("utf-8")):
            [nodes] = [nodes for name, nodes in sources.items() if name in (path, f"microblog/{path}")]
            for name in re.findall(r"[\w.]+", names):
                found += 1
                if not name.endswith(".py") and not set(name.split(".")) <= set(_assigned(nodes)):
                    missing.append(f"{document.name}: {path} {name}")
    assert found > 20
    assert missing == []


@pytest.mark.parametrize("code", ["Posts.publishes", "posts.no_such_function", "Authorizer.gone(request)"])
def test_a_missing_name_is_detected(code: str) -> None:
    assert _unknown(code)


@pytest.mark.parametrize("code", ["Posts.publish", "events.record", "push.send", "twisted.web", "Mastodon.py", "Database.run(f)"])
def test_existing_and_foreign_names_are_accepted(code: str) -> None:
    assert not _unknown(code)
