"""`microblog check`: is the site configured so that it runs, is safe, and its e-mails arrive."""

from __future__ import annotations

import sys
from collections import Counter

import click

from microblog.cli.context import Console, as_json, show


@click.command()
@click.option("--strict", is_flag=True, help="Exit with 1 if there is a warning too.")
@as_json
@click.pass_obj
def check(console: Console, strict: bool, as_json: bool) -> None:
    """Check whether the site can run, is configured safely, and whether its e-mails can arrive.

    Looks at the settings, data directory, disk, file modes, database and its settings, schema, clock, federation, Redis, the bucket for
    media (writes, reads and deletes an object), mail server (logs in, sends nothing), DNS of the mail domain, public URL, its certificate
    and reverse proxy. Changes nothing else. Each result is one line: ok, warning or error, the setting that it concerns, and what to do.
    Each check has a time limit; what does not respond is an error.

    Exit codes: 0 if there is no error; 1 if there is an error, or with --strict a warning; 2 for wrong usage. Missing migrations are a
    warning: the site applies them when it starts.
    """
    from microblog.cli.checks.findings import Status
    from microblog.cli.checks.site import check_site

    findings = check_site(console)
    numbers = Counter(finding.status for finding in findings)
    is_ok = not numbers[Status.ERROR]
    summary = f"{numbers[Status.OK]} ok, {numbers[Status.WARNING]} warnings, {numbers[Status.ERROR]} errors."
    value = {"ok": is_ok, "checks": [finding.as_json() for finding in findings]}
    show(value, "\n".join([*map(str, findings), "", summary]), as_json=as_json)
    if not is_ok or (strict and numbers[Status.WARNING]):
        sys.exit(1)
