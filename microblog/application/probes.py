"""Probes of what the site depends on, for `microblog check`: mail server, name servers, Redis, programs."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from microblog.adapters import site_probe, smtp
from microblog.adapters.dns_lookup import DnsLookup
from microblog.adapters.ffmpeg import FfmpegTools
from microblog.adapters.redis import Address, ping
from microblog.adapters.smtp_probe import SmtpProbe, probe
from microblog.application.federation import in_thread
from microblog.application.media_storage import open_bucket
from microblog.config import Settings

SMTP_DEADLINE_S = 12.0


def dns_lookup(reactor: Any) -> DnsLookup:
    """Return look-ups in the DNS by the name servers of this machine."""
    return DnsLookup(reactor)


async def probe_mail_server(settings: Settings, reactor: Any) -> SmtpProbe:
    """Connect to the mail server and log in, without an e-mail. The settings name one."""
    assert settings.smtp_url is not None
    server = smtp.MailServer.parse(settings.smtp_url, smtp.Tls(settings.smtp_tls))
    return await probe(smtp.SmtpTransport(server, reactor, settings.message_host, SMTP_DEADLINE_S, SMTP_DEADLINE_S))


async def ping_redis(settings: Settings, reactor: Any) -> str:
    """Return the version of the Redis server that the settings name."""
    assert settings.redis_url is not None
    return await ping(Address.parse(settings.redis_url), reactor)


async def try_bucket(settings: Settings, reactor: Any) -> str:
    """Write, read and delete an object of the bucket that the settings name; return the name of the bucket."""
    assert settings.s3_bucket is not None
    bucket = open_bucket(settings, settings.s3_bucket)
    await in_thread(reactor)(bucket.try_out)
    return str(bucket.address)


async def probe_public_url(settings: Settings, reactor: Any) -> datetime:
    """Return when the certificate of the public URL expires, which is an https URL, if the site responds there."""
    return await in_thread(reactor)(partial(site_probe.probe, settings.public_url))


def has_ffmpeg() -> bool:
    """True if the programs for video and audio are installed."""
    return FfmpegTools.found() is not None
