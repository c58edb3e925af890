"""All checks of a site, in the order in which they are reported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from microblog.application import probes, services
from microblog.cli.checks import database, files, mail, network
from microblog.cli.checks.findings import Check, Finding, Status, run_all
from microblog.cli.context import Console, on_reactor
from microblog.config import Settings, SettingsError, sources

BUCKET_LIMIT_S = 60.0  # with retries


def check_site(console: Console) -> list[Finding]:
    """Return the findings about the settings and, if these are valid, about everything else."""
    try:
        settings = console.load()
    except SettingsError as problem:
        return [Finding("settings", Status.ERROR, f"{each}", each.name) for each in problem.problems]

    async def work(reactor: Any) -> list[Finding]:
        return await run_all([*_checks(console, settings, reactor)], reactor)

    return [Finding("settings", Status.OK, f"all valid ({console.config or 'no settings file'})"), *on_reactor(work)]


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
    if settings.public_url.startswith("https:"):
        asked = partial(probes.probe_public_url, settings, reactor)
        yield Check("certificate", network.PUBLIC_URL, partial(network.certificate, settings, asked, services.now()))
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
