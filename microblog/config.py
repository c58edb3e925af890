"""The site's settings: name, type, unit, default and meaning of each.

A value comes from the environment, else from the TOML file, else from the default. All problems are reported together, with the allowed
values. `--help`, documentation and tests are derived from the same fields. Only application, service and cli import this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import attrs
from attrs import frozen

from microblog import config_parsers as read
from microblog.config_derived import derive
from microblog.config_errors import SettingProblem, SettingsError
from microblog.config_fields import PREFIX, SettingDoc, doc_of, number, setting, switch
from microblog.config_files import CONFIG, DEFAULT_CONFIG, config_file
from microblog.config_media import MediaSettings
from microblog.config_values import from_environment, from_file, values_of
from microblog.logs.format import LogFormat
from microblog.logs.process_log import LEVELS
from microblog.model.accounts import RegistrationMode
from microblog.model.caches import CACHES
from microblog.model.federation_mode import FederationMode, ShownBlocks
from microblog.secret_key import secret_key

__all__ = [
    "CONFIG",
    "DEFAULT_CONFIG",
    "PREFIX",
    "SettingDoc",
    "SettingProblem",
    "Settings",
    "SettingsError",
    "config_file",
    "load",
    "secret_key",
    "setting_docs",
    "sources",
]


def _inherited_last(settings: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    return sorted(fields, key=lambda field: field.name not in settings.__annotations__)


@frozen(kw_only=True, field_transformer=_inherited_last)
class Settings(MediaSettings):
    """The values of all settings, as returned by `load`. They do not change while the site runs."""

    listen: str = setting(
        "The address to listen on: an IP address and a port, :PORT for all IPv4 addresses, a UNIX socket, or any Twisted server endpoint.",
        read=read.endpoint,
        allowed="must be an endpoint such as 127.0.0.1:8080, [::1]:8080, :8080, unix:/run/microblog.sock or tcp:8080:interface=127.0.0.1",
        default="tcp:8080:interface=127.0.0.1",
    )
    public_url: str = setting(
        "The public address of the site, without a path. Used for links, feeds and cookies.",
        read=read.base_url,
        allowed="must be http:// or https:// with a host and at most a port, such as https://example.org",
        default=None,
        shown_default="from MICROBLOG_LISTEN: http://127.0.0.1:8080",
    )
    database_url: str | None = setting(
        "The PostgreSQL database (15 or newer). Unset: an embedded PostgreSQL stores its files in the data directory.",
        read=read.url("postgresql", "postgres", host=False),
        allowed="must be a URL such as postgresql://user:password@host:5432/database or postgresql:///database?host=/run/postgresql",
        default=None,
        shown_default="unset: embedded",
        secret=True,
    )
    redis_url: str | None = setting(
        "A Redis server through which several processes of one site share wake-ups and rate limits. Unset: each process keeps its own.",
        read=read.url("redis", "rediss"),
        allowed="must be a URL such as redis://:password@host:6379/0",
        default=None,
        shown_default="unset: in process",
        secret=True,
    )
    data_dir: Path = setting(
        "The directory for media, logs, the secret key and the embedded database.",
        read=read.directory,
        allowed="must be a directory",
        default="./var",
    )
    smtp_url: str | None = setting(
        "The mail server that sends the site's e-mail. Unset: e-mails are written to files in the data directory instead.",
        read=read.url("smtp", "smtps"),
        allowed="must be a URL such as smtp://user:password@host:587 or smtps://host:465",
        default=None,
        shown_default="unset: written to the data directory",
        secret=True,
    )
    smtp_tls: str = setting(
        "Use of TLS with the mail server, with a checked certificate: always, if the server offers it, or never.",
        read=read.one_of("required", "opportunistic", "off"),
        allowed="must be one of required, opportunistic, off",
        default=None,
        shown_default="opportunistic if the mail server is on this machine, else required",
    )
    mail_from: str = setting(
        "The sender address of the site's e-mails.",
        read=read.address,
        allowed="must be an e-mail address such as notifications@example.org",
        default=None,
        shown_default="MICROBLOG_CONTACT_EMAIL, or microblog@ the host of MICROBLOG_PUBLIC_URL",
    )
    mail_bounce_address: str = setting(
        "The address that receives bounces: reports of e-mails that could not be delivered.",
        read=read.address,
        allowed="must be an e-mail address such as bounces@example.org",
        default=None,
        shown_default="MICROBLOG_MAIL_FROM",
    )
    mail_delay: int = number("The delay before an unread notification is sent by e-mail.", 0, 3600, default=60, unit="seconds")
    registration: RegistrationMode | None = setting(
        "Who can sign up: anyone, anyone after a moderator's approval, people with an invite, or nobody.",
        read=lambda text: RegistrationMode(text.lower()),
        allowed="must be one of open, approval, invite, closed",
        default=None,
        shown_default="unset: as on the page, at first open if the public URL is on this machine, else approval",
    )
    session_max_days: int = number("When a session ends after log-in, even if it is used.", 1, 400, default=365, unit="days")
    hsts_subdomains: bool = switch("Tell browsers to use https for all names below the site's own too (HSTS).", default="off")
    trusted_proxies: tuple[read.Network | str, ...] = setting(
        "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto headers are trusted. "
        "unix, or an address of this machine, includes all connections through a UNIX socket.",
        read=read.proxies,
        allowed="must be networks or addresses such as 127.0.0.1, 10.0.0.0/8, or unix, separated by commas",
        default="",
        shown_default="none",
    )
    max_characters: int = number("The maximum length of a post.", 1, 65536, default=500, unit="characters")
    log_level: str = setting(
        "Log events of this level and above.",
        read=read.one_of(*LEVELS),
        allowed=f"must be one of {', '.join(LEVELS)}",
        default="info",
        reloads=True,
    )
    log_format: LogFormat = setting(
        "The format of the logs: lines of text, or a JSON object in each line.",
        read=lambda text: LogFormat(text.lower()),
        allowed="must be text or json",
        default="text",
        reloads=True,
    )
    log_slow_transactions: int = number(
        "Log transactions of the database that take longer, with their slowest statement. 0: all.",
        0,
        600_000,
        default=1_000,
        unit="milliseconds",
        reloads=True,
    )
    log_stalls: int = number(
        "Log the stack of a process that was busy for longer, and served nobody. 0: never.",
        0,
        60_000,
        default=100,
        unit="milliseconds",
        reloads=True,
    )
    rate_limits: bool = switch(
        "Limit requests per account and per network. Turn this off only if something in front of the site does the same.",
        default="on",
        reloads=True,
    )
    requests_per_network: int = number(
        "Maximum number of requests from one network in ten seconds, including pages and files.",
        20,
        10_000_000,
        default=1_000,
        unit="requests",
        reloads=True,
    )
    connections_per_network: int = number(
        "Maximum number of idle connections from one network. A new connection closes the one that has been idle the longest.",
        10,
        1_000_000,
        default=200,
        unit="connections",
        reloads=True,
    )
    link_previews: bool = switch(
        "Show a preview of the first link in a post, and check whether links of profiles link back. Linked pages see the IP address.",
        default="on",
    )
    trends_review: bool | None = switch("Show trending hashtags, posts and links only after a moderator has approved them.", default=None)
    site_name: str | None = setting(
        "The name of the site.",
        read=read.line(60),
        allowed="must be one line of 1 to 60 characters",
        default=None,
        shown_default="unset: as on the page, at first microblog",
    )
    site_description: str | None = setting(
        "A short description of the site, shown on the front page and in the API.",
        read=read.line(300),
        allowed="must be one line of 1 to 300 characters",
        default=None,
        shown_default="unset: as on the page",
    )
    texts_dir: Path | None = setting(
        "The directory with the site's rules.txt, about.txt and privacy.txt. They are read at start-up, and replace texts of the pages.",
        read=read.texts,
        allowed="must be a directory",
        default=None,
    )
    contact_email: str | None = setting(
        "The administrator's e-mail address, shown on the site and used for replies to its e-mails. Unset: as on the page.",
        read=read.address,
        allowed="must be an e-mail address such as admin@example.org",
        default=None,
    )
    time_zone: ZoneInfo = setting(
        "The time zone that decides when a day ends in statistics and digests.",
        read=read.zone,
        allowed="must be a name of the IANA time zone database such as Europe/Vienna",
        default="UTC",
    )
    metrics_allowed_networks: tuple[read.Network, ...] = setting(
        "Networks that may read /metrics and the details of /health/ready. Requests through a proxy are always refused.",
        read=read.networks,
        allowed="must be networks or addresses such as 127.0.0.1, 10.0.0.0/8, separated by commas",
        default="127.0.0.0/8,::1",
    )
    health_timeout: int = number(
        "How long PostgreSQL and other services may take to respond to /health/ready.", 100, 10_000, default=1500, unit="milliseconds"
    )
    health_job_age: int = number(
        "How late a job may be before /health/ready fails. 0: any time.", 0, 9_999_999, default=900, unit="seconds"
    )
    health_mail_age: int = number(
        "How late e-mails may be, while none is accepted, before /health/ready fails. 0: any.", 0, 9_999_999, default=3600, unit="seconds"
    )
    health_feed_lag: int = number(
        "How late streams may be before /health/ready fails. 0: any time.", 0, 9_999_999, default=60, unit="seconds"
    )
    health_disk_free_mb: int = number(
        "Space on the disk of the data directory below which /health/ready fails.", 0, 999_999_999, default=500, unit="megabytes"
    )
    health_clock_difference: int = number(
        "Difference of the clock and PostgreSQL's above which /health/ready fails. 0: any.", 0, 9_999_999, default=5, unit="seconds"
    )
    database_pool_size: int = number(
        "Maximum number of write transactions at a time in one process, and of read-only transactions besides.",
        1,
        64,
        default=4,
        unit="connections",
    )
    database_pooler: bool = switch(
        "Set to on if the database is behind a pooler in transaction mode, such as PgBouncer. The site then keeps no state on connections.",
        default="off",
    )
    database_timeout: int = number(
        "Maximum time for a statement, and for a request to wait for a connection, before the response is 503.",
        1,
        600,
        default=10,
        unit="seconds",
    )
    federation: FederationMode = setting(
        "The servers with which the site exchanges accounts and posts by ActivityPub: none, those on the allow list, or all that are not "
        "suspended. Once it is on, MICROBLOG_PUBLIC_URL can never change: other servers know accounts and posts by it for ever.",
        read=lambda text: FederationMode(text.lower()),
        allowed="must be one of off, allowlist, on",
        default="off",
    )
    federation_secure_mode: bool = switch(
        "Serve accounts and posts only to other servers that sign their requests (others cannot read anything), not to blocked accounts.",
        default="off",
    )
    federation_send_blocks: bool = switch(
        "Tell the servers of accounts that members block, so that they hide the members' posts. Off: follows end without a reason.",
        default="on",
    )
    federation_public_pages: bool = switch(
        "Show profiles, posts and the federated timeline of other servers to visitors too. Off: visitors are sent to the original pages.",
        default="off",
    )
    federation_shown_blocks: ShownBlocks = setting(
        "Who sees the list of other servers that are suspended or limited, with the public comments (`/api/v1/instance/domain_blocks`).",
        read=lambda text: ShownBlocks(text.lower()),
        allowed="must be one of nobody, users, all",
        default="nobody",
    )
    federation_test_addresses: tuple[tuple[str, int], ...] = setting(
        "Addresses of other servers that may be contacted although they are not public, also without TLS. For tests only.",
        read=read.address_ports,
        allowed="must be IP addresses with ports such as 127.0.0.1:8443, [::1]:8443, separated by commas",
        default="",
        shown_default="none",
    )
    federation_test_names: tuple[tuple[str, str, int], ...] = setting(
        "Names of other servers with the addresses to contact for https:// and the name, like lines of a hosts file. For tests only.",
        read=read.named_addresses,
        allowed="must be names that end with .test and IP addresses with ports such as b.test=127.0.0.1:8443, separated by commas",
        default="",
        shown_default="none",
    )
    federation_ca_file: Path | None = setting(
        "A file with the certificate authorities (PEM) that are trusted for other servers, in place of the usual ones. For tests only.",
        read=read.file,
        allowed="must be a readable file",
        default=None,
        shown_default="unset: the authorities that this machine trusts",
    )
    page_cache_mb: int = number(
        "Memory for cached pages and API responses in one process. 0 turns the cache off.", 0, 4096, default=32, unit="megabytes"
    )
    caches: frozenset[str] = setting(
        "The in-process caches that are used, to find out whether one of them is at fault.",
        read=read.names(CACHES),
        allowed="must be all, none, names of caches as in /metrics, or names with a minus for all but those, separated by commas",
        default="all",
    )
    event_retention_days: int = number(
        "How long events are kept. A streaming client that was away for less can catch up on everything it missed.",
        1,
        365,
        default=7,
        unit="days",
    )
    audit_log_retention_days: int = number("When rows of the audit log are deleted. 0: never.", 0, 9999, default=0, unit="days")
    remote_post_retention_days: int = number(
        "When posts of other servers are deleted that nobody here has anything to do with. 0: never.", 0, 9999, default=0, unit="days"
    )
    remote_account_retention_days: int = number(
        "When accounts of other servers are deleted that nothing here refers to. 0: never.", 0, 9999, default=0, unit="days"
    )
    streams_per_account: int = number(
        "Maximum number of open streaming connections of one account in one process.", 1, 100_000, default=100, unit="connections"
    )
    streams_per_network: int = number(
        "Maximum number of open streaming connections from one network (an IPv4 address or an IPv6 /64) in one process.",
        1,
        1_000_000,
        default=300,
        unit="connections",
    )
    new_streams_per_account: int = number(
        "Maximum number of streaming connections that one account can open in five minutes.", 1, 1_000_000, default=300, unit="connections"
    )
    new_streams_per_network: int = number(
        "Maximum number of streaming connections that a network can open in five minutes.", 1, 10_000_000, default=3_000, unit="connections"
    )

    @property
    def is_local(self) -> bool:
        """True if only this machine can reach the site."""
        return read.is_local(self.public_url)

    @property
    def domain(self) -> str:
        """The public host, with the port unless it is the scheme's default: the part after the @ in a full handle."""
        return urlsplit(self.public_url).netloc

    @property
    def message_host(self) -> str:
        """The part after the @ in a Message-ID."""
        return read.mail_host(self.public_url, literal=True)


def setting_docs() -> list[SettingDoc]:
    """Return all settings in the order of the documentation."""
    return [doc_of(field) for field in attrs.fields(Settings)]


def load(environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """Return the settings from the environment, else the TOML file `config`, else the defaults.

    An empty value counts as unset. Raises SettingsError with all problems; an unknown name is a problem too.
    """
    problems: list[SettingProblem] = []
    fields = attrs.fields(Settings)
    given = from_file(fields, config, problems) if config else {}
    given |= from_environment(fields, environment, problems)
    values = dict(values_of(fields, given, problems))
    derive(values, problems)
    if problems:
        raise SettingsError(problems)
    return Settings(**values)


def sources(environment: Mapping[str, str], config: Path | None = None) -> dict[str, str]:
    """Return the origin of each setting by name: environment, file or default."""
    fields = attrs.fields(Settings)
    in_file, in_environment = (from_file(fields, config, []) if config else {}), from_environment(fields, environment, [])
    return {
        setting.name: "environment" if setting.name in in_environment else "file" if setting.name in in_file else "default"
        for setting in setting_docs()
    }
