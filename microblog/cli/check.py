"""`microblog check`: is the site configured so that it runs, is safe, and its e-mails arrive."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import click

from microblog.application import probes
from microblog.cli.checks import database, files, mail, network
from microblog.cli.checks.findings import Check, Finding, Status, run_all
from microblog.cli.context import Console, as_json, on_reactor, show
from microblog.config import Settings, SettingsError, sources

BUCKET_LIMIT_S = 60.0  # with retries


@click.command()
@click.option("--strict", is_flag=True, help="Exit with 1 if there is a warning too.")
@as_json
@click.pass_obj
def check(console: Console, strict: bool, as_json: bool) -> None:
    """Check whether the site can run, is configured safely, and whether its e-mails can arrive.

    Looks at the settings, data directory, disk, file modes, database and its settings, schema, clock, federation, Redis, the bucket for
    media (writes, reads and deletes an object), mail server (logs in, sends nothing), DNS of the mail domain, public URL and reverse
    proxy. Changes nothing else. Each result is one line: ok, warning or error, the setting that it concerns, and what to do. Each
    check has a time limit; what does not respond is an error.

    Exit codes: 0 if there is no error; 1 if there is an error, or with --strict a warning; 2 for wrong usage. Missing migrations are a
    warning: the site applies them when it starts.
    """
    findings = _findings(console)
    is_ok = all(finding.status is not Status.ERROR for finding in findings)
    value = {"ok": is_ok, "checks": [finding.as_json() for finding in findings]}
    show(value, "\n".join([*map(str, findings), "", _summary(findings)]), as_json=as_json)
    if not is_ok or (strict and any(finding.status is Status.WARNING for finding in findings)):
        sys.exit(1)


def _findings(console: Console) -> list[Finding]:
    try:
        settings = console.load()
    except SettingsError as problem:
        return [Finding("settings", Status.ERROR, f"{each}", each.name) for each in problem.problems]

    async def work(reactor: Any) -> list[Finding]:
        return await run_all([*_checks(console, settings, reactor)], reactor)

    return [Finding("settings", Status.OK, f"all valid ({console.config or 'no settings file'})"), *on_reactor(work)]


def _summary(findings: list[Finding]) -> str:
    numbers = {status: sum(finding.status is status for finding in findings) for status in Status}
    return f"{numbers[Status.OK]} ok, {numbers[Status.WARNING]} warnings, {numbers[Status.ERROR]} errors."


def _checks(console: Console, settings: Settings, reactor: Any) -> Iterator[Check]:
    dns = probes.dns_lookup(reactor)

    async def directory() -> list[Finding]:
        return [files.data_directory(settings)]

    async def disk() -> list[Finding]:
        return [files.disk(settings)]

    async def modes() -> list[Finding]:
        return [*files.file_modes(settings, console.config, sources(os.environ, console.config))]

    async def reach() -> list[Finding]:
        return [*network.proxy(settings), network.video(is_installed=probes.has_ffmpeg())]

    yield Check("data directory", files.DATA_DIR, directory)
    yield Check("disk", files.DATA_DIR, disk)
    yield Check("file modes", files.DATA_DIR, modes)
    yield Check("database", database.URL, partial(database.database, settings, reactor), database.START_LIMIT_S)
    if settings.redis_url is not None:
        yield Check("redis", network.REDIS, partial(network.redis, partial(probes.ping_redis, settings, reactor)))
    if settings.s3_bucket is not None:
        tried = partial(probes.try_bucket, settings, reactor)
        yield Check("bucket", network.BUCKET, partial(network.bucket, settings, tried), BUCKET_LIMIT_S)
    yield Check("address", network.PUBLIC_URL, partial(network.public_url, settings, dns))
    yield Check("proxy", network.PROXIES, reach)
    yield from _mail_checks(settings, reactor, dns)


def _mail_checks(settings: Settings, reactor: Any, dns: mail.DnsRecords) -> Iterator[Check]:
    async def unsent() -> list[Finding]:
        return [mail.without_server(settings)]

    if settings.smtp_url is None:
        yield Check("mail", mail.SMTP, unsent)
        return
    yield Check("mail server", mail.SMTP, partial(mail.mail_server, settings, partial(probes.probe_mail_server, settings, reactor)))
    sender, bounces = (address.rpartition("@")[2].lower() for address in (settings.mail_from, settings.mail_bounce_address))

    async def private() -> list[Finding]:
        return [mail.private_domain(sender)]

    if not mail.is_public_domain(sender):
        yield Check("mail domain", mail.FROM, private)
        return
    yield Check("MX", mail.BOUNCES, partial(mail.mail_exchanger, bounces, dns))
    yield Check("SPF", mail.BOUNCES, partial(mail.spf, bounces, dns))
    yield Check("DKIM", mail.FROM, partial(mail.dkim, sender, dns))
    yield Check("DMARC", mail.FROM, partial(mail.dmarc, sender, dns))
