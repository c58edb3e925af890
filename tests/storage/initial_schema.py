"""Single statements of the initial schema, for tests that run one again."""

from __future__ import annotations

import re

from microblog.storage.migrate import known


def schema_block(containing: str) -> str:
    """Return the `do` block of the initial schema that contains the text."""
    blocks = re.findall(r"^do \$\$.*?^end \$\$;", known()[0].sql, re.DOTALL | re.MULTILINE)
    [block] = [block for block in blocks if containing in block]
    return str(block)
