"""Every setting: name, kind, unit, default and meaning; read from the environment over a TOML file over the defaults.

Whatever is wrong is reported at once, each problem with the name, the value and what is allowed. `twistd microblog
--help`, the documentation and the tests are derived from the same fields. Only application, service and cli import this
module: all others get values as plain arguments.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import attrs
from attrs import frozen

from microblog import config_parsers as read
from microblog.config_derived import derive
from microblog.config_errors import SettingProblem, SettingsError
from microblog.config_files import CONFIG, DEFAULT_CONFIG, config_file, placed, toml_table
from microblog.model.accounts import RegistrationMode
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

PREFIX = "MICROBLOG_"

# Kubernetes gives every pod such variables for a service that is called "microblog"; they are not meant for us.
_NOT_OURS = re.compile(r"MICROBLOG_(SERVICE_(HOST|PORT\w*)|PORT(_\w+)?)")


@frozen
class SettingDoc:
    """A setting as documentation shows it. `unit` is empty where there is none."""

    name: str
    default: str
    allowed: str
    meaning: str
    unit: str
    secret: bool

    @property
    def key(self) -> str:
        """The name in a TOML file."""
        return self.name.removeprefix(PREFIX).lower()


def _setting(
    meaning: str,
    *,
    read: Callable[[str], Any],
    allowed: str,
    default: str | None,
    shown_default: str = "",
    unit: str = "",
    secret: bool = False,
) -> Any:
    """A field of `Settings`.

    `read` turns text into the value or raises ValueError. `default` is a text like any other; None means unset.
    """
    metadata = {
        "meaning": meaning,
        "allowed": allowed,
        "default": default,
        "shown_default": shown_default or default or "unset",
        "unit": unit,
        "secret": secret,
        "read": read,
    }
    return attrs.field(metadata=metadata, repr=not secret)


def _number(meaning: str, least: int, most: int, *, default: int, unit: str) -> Any:
    """A field of `Settings` that is a whole number."""
    allowed = f"must be a whole number from {least} to {most}"
    return _setting(meaning, read=read.whole(least, most), allowed=allowed, default=str(default), unit=unit)


@frozen(kw_only=True)
class Settings:
    """What the site was told to be. Made by `load`; nothing here changes while it runs."""

    listen: str = _setting(
        "Where the site listens: an address and a port, :PORT for every IPv4 address, a UNIX socket, or any Twisted server endpoint.",
        read=read.endpoint,
        allowed="must be such as 127.0.0.1:8080, [::1]:8080, :8080, unix:/run/microblog.sock or tcp:8080:interface=127.0.0.1",
        default="tcp:8080:interface=127.0.0.1",
    )
    public_url: str = _setting(
        "The address that people type, without a path. Links in mails, feeds and cookies follow it.",
        read=read.base_url,
        allowed="must be http:// or https:// with a host and at most a port, such as https://example.org",
        default=None,
        shown_default="from MICROBLOG_LISTEN: http://127.0.0.1:8080",
    )
    database_url: str | None = _setting(
        "PostgreSQL 15 or newer. Unset: an embedded PostgreSQL keeps its files in the data directory.",
        read=read.url("postgresql", "postgres", host=False),
        allowed="must be a URL such as postgresql://user:password@host:5432/database or postgresql:///database?host=/run/postgresql",
        default=None,
        shown_default="unset: embedded",
        secret=True,
    )
    redis_url: str | None = _setting(
        "A Redis that several processes of one site share for wake-ups, counters and caches. Unset: in process.",
        read=read.url("redis", "rediss"),
        allowed="must be a URL such as redis://:password@host:6379/0",
        default=None,
        shown_default="unset: in process",
        secret=True,
    )
    data_dir: Path = _setting(
        "The directory for all that the site keeps outside the database, and for the embedded database itself.",
        read=read.directory,
        allowed="must be a directory",
        default="./var",
    )
    smtp_url: str | None = _setting(
        "Where mail is handed in. Unset: mails are kept as files in the data directory, none is sent.",
        read=read.url("smtp", "smtps"),
        allowed="must be a URL such as smtp://user:password@host:587 or smtps://host:465",
        default=None,
        shown_default="unset: kept in the data directory",
        secret=True,
    )
    smtp_tls: str = _setting(
        "Whether the way to the mail server is secured, its certificate being checked: always, where it offers it, never.",
        read=read.one_of("required", "opportunistic", "off"),
        allowed="must be one of required, opportunistic, off",
        default=None,
        shown_default="opportunistic where the mail server is this machine, else required",
    )
    mail_from: str = _setting(
        "The sender of the site's mails.",
        read=read.address,
        allowed="must be an e-mail address such as notifications@example.org",
        default=None,
        shown_default="MICROBLOG_CONTACT_EMAIL, or microblog at the host of MICROBLOG_PUBLIC_URL",
    )
    mail_bounce_address: str = _setting(
        "Where mail servers report what they could not deliver later on.",
        read=read.address,
        allowed="must be an e-mail address such as bounces@example.org",
        default=None,
        shown_default="MICROBLOG_MAIL_FROM",
    )
    mail_delay: int = _number("How long a notification may be read on the site before it is mailed.", 0, 3600, default=60, unit="seconds")
    registration: RegistrationMode = _setting(
        "Who may sign up: everybody, everybody after a moderator's approval, whoever has an invitation, nobody.",
        read=lambda text: RegistrationMode(text.lower()),
        allowed="must be one of open, approval, invite, closed",
        default=None,
        shown_default="open where the public URL is local to this machine, else approval",
    )
    trusted_proxies: tuple[read.Network | str, ...] = _setting(
        "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. "
        "unix, or this machine's own address: whatever connects through a UNIX socket, too.",
        read=read.proxies,
        allowed="must be networks or addresses such as 127.0.0.1, 10.0.0.0/8, or unix, separated by commas",
        default="",
        shown_default="none",
    )
    max_characters: int = _number("How long a post may be.", 1, 65536, default=500, unit="characters")
    rate_limits: bool = _setting(
        "Whether requests are limited per account and per network. Off only behind something else that does it.",
        read=read.switch,
        allowed="must be on or off",
        default="on",
    )
    requests_per_network: int = _number(
        "How many requests, for pages and files too, one network may send in ten seconds.", 20, 10_000_000, default=1_000, unit="requests"
    )
    connections_per_network: int = _number(
        "How many idle connections of one network stay open; a new one closes the idlest.", 10, 1_000_000, default=200, unit="connections"
    )
    link_previews: bool = _setting(
        "Whether posts show what the page of their first link says. The site fetches that page, so its owner sees the site's address.",
        read=read.switch,
        allowed="must be on or off",
        default="on",
    )
    site_name: str = _setting(
        "What the site is called, in its header, mails and feeds.",
        read=read.line(60),
        allowed="must be one line of 1 to 60 characters",
        default="microblog",
    )
    site_description: str = _setting(
        "What the site is about, for its front page and its description to programs.",
        read=read.line(300),
        allowed="must be one line of 1 to 300 characters",
        default="A small place to write and to read.",
    )
    texts_dir: Path | None = _setting(
        "The directory with what the administrator says about the site: rules.txt, about.txt, privacy.txt. It is read at the start.",
        read=read.texts,
        allowed="must be a directory",
        default=None,
        shown_default="unset: nothing beyond the description",
    )
    contact_email: str | None = _setting(
        "Where people reach whoever runs the site, and where answers to its mails go. Unset: none is shown.",
        read=read.address,
        allowed="must be an e-mail address such as admin@example.org",
        default=None,
    )
    time_zone: ZoneInfo = _setting(
        "Whose midnight ends a day in the statistics and digests.",
        read=read.zone,
        allowed="must be a name of the IANA time zone database such as Europe/Vienna",
        default="UTC",
    )
    metrics_allowed_networks: tuple[read.Network, ...] = _setting(
        "From where /metrics may be read, by Prometheus. What a proxy passes on is never answered.",
        read=read.networks,
        allowed="must be networks or addresses such as 127.0.0.1, 10.0.0.0/8, separated by commas",
        default="127.0.0.0/8,::1",
    )
    database_pool_size: int = _number(
        "How many commands, and as many reads beside them, use the database at once in one process.", 1, 64, default=4, unit="connections"
    )
    database_pooler: bool = _setting(
        "Whether a pooler in transaction mode, such as PgBouncer, stands before the database. Then nothing is kept on its connections.",
        read=read.switch,
        allowed="must be on or off",
        default="off",
    )
    database_timeout: int = _number(
        "How long a statement may take, and a request may wait for its turn, before the answer is 503.", 1, 600, default=10, unit="seconds"
    )
    page_cache_mb: int = _number(
        "How much memory one process has for answers that many read, each kept until something in it changes. 0: each is made anew.",
        0,
        4096,
        default=32,
        unit="megabytes",
    )
    event_retention_days: int = _number(
        "How long a reader may be away and still catch up on all that was missed.", 1, 365, default=7, unit="days"
    )
    streams_per_account: int = _number(
        "How many live connections one account may have open at a time, in one process.", 1, 100_000, default=100, unit="connections"
    )
    streams_per_network: int = _number(
        "How many live connections one network may have open at a time, in one process: an IPv4 address or an IPv6 /64.",
        1,
        1_000_000,
        default=300,
        unit="connections",
    )
    new_streams_per_account: int = _number(
        "How many live connections one account may open in five minutes.", 1, 1_000_000, default=300, unit="connections"
    )
    new_streams_per_network: int = _number(
        "How many live connections one network may open in five minutes.", 1, 10_000_000, default=3_000, unit="connections"
    )

    @property
    def domain(self) -> str:
        """The public host, with the port where it is not the scheme's own: what follows the @ in a full name."""
        return urlsplit(self.public_url).netloc

    @property
    def message_host(self) -> str:
        """What follows the @ in a Message-ID."""
        return read.mail_host(self.public_url, literal=True)


def setting_docs() -> list[SettingDoc]:
    """Every setting, in the order of documentation."""
    return [
        SettingDoc(
            name=_name(field),
            default=field.metadata["shown_default"],
            allowed=field.metadata["allowed"],
            meaning=field.metadata["meaning"],
            unit=field.metadata["unit"],
            secret=field.metadata["secret"],
        )
        for field in attrs.fields(Settings)
    ]


def load(environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """The settings from the environment over the TOML file `config` over the defaults.

    An empty text counts as unset. Raises SettingsError with everything that is wrong; unknown names are wrong too.
    """
    problems: list[SettingProblem] = []
    given = _from_file(config, problems) if config else {}
    given |= _from_environment(environment, problems)
    values = dict(_values(given, problems))
    derive(values, problems)
    if problems:
        raise SettingsError(problems)
    return Settings(**values)


def sources(environment: Mapping[str, str], config: Path | None = None) -> dict[str, str]:
    """Where `load` takes each setting from, by its name: environment, file or default."""
    from_file, from_environment = (_from_file(config, []) if config else {}), _from_environment(environment, [])
    return {
        setting.name: "environment" if setting.name in from_environment else "file" if setting.name in from_file else "default"
        for setting in setting_docs()
    }


def _name(field: attrs.Attribute[Any]) -> str:
    return PREFIX + field.name.upper()


def _from_environment(environment: Mapping[str, str], problems: list[SettingProblem]) -> dict[str, str]:
    names = [_name(field) for field in attrs.fields(Settings)]
    ours = {name: text.strip() for name, text in environment.items() if name.startswith(PREFIX)}
    problems += [_unknown(name) for name in ours if name not in {*names, CONFIG} and not _NOT_OURS.fullmatch(name)]
    return {name: text for name, text in ours.items() if name in names and text}


def _from_file(path: Path, problems: list[SettingProblem]) -> dict[str, str]:
    table = toml_table(path, problems)
    keys = [field.name for field in attrs.fields(Settings)]
    paths = {field.name for field in attrs.fields(Settings) if field.metadata["read"] in {read.directory, read.texts}}
    problems += [_unknown(key) for key in table if key not in keys]
    given = {key: read.toml_text(table[key]) for key in keys if key in table}
    sentence = "must be a text, a whole number, true, false or a list of texts"
    problems += [SettingProblem(key, None, sentence) for key, text in given.items() if text is None]
    return {PREFIX + key.upper(): placed(text, path.parent) if key in paths else text for key, text in given.items() if text}


def _unknown(name: str) -> SettingProblem:
    keys = [field.name for field in attrs.fields(Settings)]
    close = difflib.get_close_matches(name.removeprefix(PREFIX).lower(), keys, n=1)
    prefix = PREFIX if name.startswith(PREFIX) else ""
    known = (prefix + close[0].upper() if prefix else close[0]) if close else ""
    hint = f"did you mean {known}?" if known else "`twistd microblog --help` lists those that exist"
    return SettingProblem(name, None, f"there is no such setting; {hint}")


def _values(given: Mapping[str, str], problems: list[SettingProblem]) -> Iterator[tuple[str, Any]]:
    for field in attrs.fields(Settings):
        meta, name = field.metadata, _name(field)
        text = given.get(name, meta["default"])
        try:
            yield field.name, None if text is None else meta["read"](text)
        except ValueError as cause:
            sentence = str(cause) if isinstance(cause, read.NotAllowed) else meta["allowed"]
            problems.append(SettingProblem(name, None if meta["secret"] else text, sentence))
