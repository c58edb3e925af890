"""The documents for administrators, followed word by word, but for the changes that a test names."""

from __future__ import annotations

import re
from itertools import takewhile

from tests.install.debian_machine import LOG, ROOT, DebianMachine

SITE = "blog.example.org"
CHECK = "microblog check\n"


def code_blocks(document: str, heading: str, language: str = "sh") -> list[str]:
    """Return the code blocks of a section of a document in docs/, without those of its subsections."""
    lines = iter((ROOT / "docs" / document).read_text("utf-8").splitlines(keepends=True))
    assert any(line == f"{heading}\n" for line in lines), f"docs/{document} has no {heading!r}"
    blocks: list[str] = []
    for line in lines:
        if line.startswith("```"):
            block = "".join(takewhile(lambda text: not text.startswith("```"), lines))
            if line == f"```{language}\n":
                blocks.append(block)
        elif line.startswith("#"):
            break
    return blocks


def follow(machine: DebianMachine, document: str, heading: str, *changes: tuple[str, str], block: int = 0, typed: str = "") -> str:
    """Run the commands of a block of a section; return what they print. `changes`: old and new text. `typed`: the answers to questions.

    `microblog check` must have nothing to object to but that the DNS does not know the site, as in no test.
    """
    LOG.info("docs/%s, %s%s", document, heading.lstrip("# "), f", block {block + 1}" if block else "")
    script = code_blocks(document, heading)[block]
    for old, new in changes:
        assert old in script, f"docs/{document}, {heading}: there is no {old!r} in block {block + 1}"
        script = script.replace(old, new)
    printed = machine.run(script.replace(CHECK, f"{CHECK.strip()} || true\n"), typed=typed)
    found = re.findall(r"^error .*", printed, re.MULTILINE)
    assert [error for error in found if f"the DNS has no address for {SITE}" not in error] == [], printed
    assert len(found) == script.count(CHECK), printed
    return printed
