"""Checks of the way to the site: public URL, reverse proxy, federation, and Redis."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta

from microblog.cli.checks.findings import Finding, Status
from microblog.cli.checks.mail import DnsRecords, is_public_domain
from microblog.cli.federation import mode_sentence
from microblog.config import Settings
from microblog.config_parsers import UNIX, is_local, leads_to, mail_host
from microblog.federation.start import PublicUrlChanged
from microblog.model.cards import FetchError
from microblog.model.errors import describe_os_error

BUCKET = "MICROBLOG_S3_BUCKET"
PROXIES, PUBLIC_URL, LISTEN, REDIS = "MICROBLOG_TRUSTED_PROXIES", "MICROBLOG_PUBLIC_URL", "MICROBLOG_LISTEN", "MICROBLOG_REDIS_URL"
EXPIRES_SOON = timedelta(days=14)  # whatever renews certificates does so earlier: certbot 30 days before
_EVERYBODY = "all visitors seem to have one address, and 25 wrong passwords of one lock out everybody"


def proxy(settings: Settings) -> Sequence[Finding]:
    """Check that the settings describe the reverse proxy in front of the site, if there has to be one."""
    return [*_proxy_problems(settings)] or [Finding("proxy", Status.OK, _in_words(settings), PROXIES)]


def _in_words(settings: Settings) -> str:
    trusted = ", ".join(map(str, settings.trusted_proxies))
    return f"requests come through {trusted}" if trusted else "requests come directly"


def _proxy_problems(settings: Settings) -> Iterator[Finding]:
    trusted, listen, url = settings.trusted_proxies, settings.listen, settings.public_url
    networks = [each for each in trusted if not isinstance(each, str)]
    if any(network.prefixlen == 0 for network in networks):
        text = "every address is trusted, so that anybody can claim any address (X-Forwarded-For): name the proxy only"
        yield Finding("proxy", Status.ERROR, text, PROXIES)
    is_direct = leads_to(url, listen) or listen.startswith("haproxy:")  # the PROXY protocol has the client's address too
    if listen.startswith("unix:") and UNIX not in trusted and not any(network.is_loopback for network in networks):
        yield Finding(
            "proxy", Status.ERROR, f"the site listens on a UNIX socket and does not trust it: {_EVERYBODY}. Set it to unix.", PROXIES
        )
    elif not trusted and not is_direct and not is_local(url):
        text = f"{url} leads through a reverse proxy, and none is trusted: {_EVERYBODY}. Set it to the proxy's address, such as 127.0.0.1."
        yield Finding("proxy", Status.ERROR, text, PROXIES)
    if trusted and not is_direct and _listens_everywhere(listen):
        text = (
            "the site listens on all addresses, so that visitors can go around the proxy and its TLS: listen on 127.0.0.1 or a UNIX socket"
        )
        yield Finding("proxy", Status.WARNING, text, LISTEN)


def _listens_everywhere(listen: str) -> bool:
    kind = listen.partition(":")[0]
    return kind in {"tcp", "tcp6"} and ("interface=" not in listen or listen.endswith(("interface=0.0.0.0", r"interface=\:\:")))


async def public_url(settings: Settings, dns: DnsRecords) -> Sequence[Finding]:
    """Check that visitors can reach the public URL safely: by TLS, and by a name that exists."""
    url, host = settings.public_url, mail_host(settings.public_url)
    if is_local(url):
        return [Finding("address", Status.OK, f"{url}, on this machine only", PUBLIC_URL)]
    found = []
    if url.startswith("http:"):
        text = (
            f"{url} is not encrypted, so that everybody on the way can read passwords: let a reverse proxy add TLS, and set an https:// URL"
        )
        found.append(Finding("address", Status.WARNING, text, PUBLIC_URL))
    if is_public_domain(host) and not await dns.addresses(host):
        text = f"the DNS has no address for {host}: publish an A or AAAA record that leads to the reverse proxy"
        found.append(Finding("address", Status.ERROR, text, PUBLIC_URL))
    return found or [Finding("address", Status.OK, url, PUBLIC_URL)]


async def certificate(settings: Settings, probe: Callable[[], Awaitable[datetime]], now: datetime) -> Sequence[Finding]:
    """Check the certificate of the public URL, and that it leads to the site.

    `probe` returns when the certificate expires. For one that browsers refuse it raises ProbeError, which is an error. If there is no
    response of the site, it may not run yet, or this machine may not be able to see it from outside.
    """
    try:
        expires_at = await probe()
    except (OSError, FetchError) as problem:
        reason = describe_os_error(problem) if isinstance(problem, OSError) else str(problem)
        text = f"{settings.public_url} does not lead from this machine to the running site: {reason.rstrip('.')}. See the reverse proxy."
        return [Finding("certificate", Status.WARNING, text, PUBLIC_URL)]
    if expires_at - now < EXPIRES_SOON:
        text = f"the certificate expires on {expires_at:%Y-%m-%d}: renew it, and find out why nothing did (certbot renew --dry-run)"
        return [Finding("certificate", Status.WARNING, text, PUBLIC_URL)]
    return [Finding("certificate", Status.OK, f"valid until {expires_at:%Y-%m-%d}", PUBLIC_URL)]


def federation(settings: Settings, known_as: str | None) -> Finding:
    """Check that the public URL is the one that other servers know, if they know one: the site does not start with another."""
    if known_as not in (None, settings.public_url):
        return Finding("federation", Status.ERROR, str(PublicUrlChanged(settings.public_url, known_as)), PUBLIC_URL)
    return Finding("federation", Status.OK, mode_sentence(settings, known_as), "MICROBLOG_FEDERATION")


async def redis(ping: Callable[[], Awaitable[str]]) -> Sequence[Finding]:
    """Check that Redis responds. `ping` returns its version, or raises."""
    return [Finding("redis", Status.OK, f"version {await ping()}", REDIS)]


async def bucket(settings: Settings, attempt: Callable[[], Awaitable[str]]) -> Sequence[Finding]:
    """Check the bucket for media. `attempt` writes, reads and deletes an object there and returns the bucket's name, or raises."""
    name = await attempt()
    links = settings.s3_public_url or settings.s3_endpoint
    if settings.public_url.startswith("https:") and links and not links.startswith("https:"):
        setting = "MICROBLOG_S3_PUBLIC_URL" if settings.s3_public_url else "MICROBLOG_S3_ENDPOINT"
        return [Finding("bucket", Status.WARNING, f"browsers do not load media from {links} into pages with TLS: use https://", setting)]
    use = "for new media" if settings.media_storage == "s3" else "for media that are there; new ones stay in the data directory"
    return [Finding("bucket", Status.OK, f"{name}, can be written and read, {use}", BUCKET)]


def video(*, is_installed: bool) -> Finding:
    """Check whether video and audio are accepted."""
    if is_installed:
        return Finding("video", Status.OK, "ffmpeg is installed: video and audio are accepted")
    return Finding("video", Status.OK, "ffmpeg is not installed: video and audio are refused (apt-get install ffmpeg)")
