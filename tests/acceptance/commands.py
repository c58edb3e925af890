"""The command `microblog` on a site of the tests: a process for each call, forked by one that has imported its modules."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.acceptance.site_process import SiteProcess
from tests.forked_programs import MICROBLOG, run_forked


def try_command(site: SiteProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command, which may fail."""
    return run_forked(MICROBLOG, ["microblog", *arguments], environment=site.environment())


def run_command(site: SiteProcess, *arguments: str) -> str:
    """Run the command, which must succeed, and return its output."""
    completed = try_command(site, *arguments)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def run_json(site: SiteProcess, *arguments: str) -> Any:
    """Run the command with --json, which must succeed, and return the decoded output."""
    return json.loads(run_command(site, *arguments, "--json"))
