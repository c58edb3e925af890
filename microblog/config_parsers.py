"""Parsers of setting values: each converts text to a value or raises ValueError.

The message of a `NotAllowed` is shown as it is; for any other ValueError the setting's general message is shown.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

import idna
from twisted.internet.endpoints import serverFromString

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX = "unix"
"""The entry in a list of proxies that stands for all clients of a UNIX socket, which have no address."""
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_ADDRESS_AND_PORT = re.compile(r"(?P<host>[0-9.]+|\[[^\]]*\]|localhost)?:(?P<port>[0-9]+)", re.IGNORECASE)
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")


class NotAllowed(ValueError):
    """Invalid value; the message gives the reason."""


def endpoint(text: str) -> str:
    """Return a Twisted server endpoint description. Accepts ADDRESS:PORT and :PORT too. Opens nothing."""
    text = _expanded(text)
    try:
        serverFromString(None, text)
        port = _tcp(text)[1]
    except LookupError as cause:
        if text.startswith("systemd:"):
            raise NotAllowed("systemd passed no such socket to this process; set it in the service unit only") from cause
        raise ValueError from cause
    except (ValueError, TypeError) as cause:
        raise ValueError from cause
    except Exception as cause:  # ssl: and plug-ins read files and raise their own errors
        raise NotAllowed(f"this endpoint cannot be used: {cause}") from cause
    if port.isdecimal() and int(port) > 65535:
        raise NotAllowed("the port must be from 0 to 65535")
    return text


def _expanded(listen: str) -> str:
    """Expand 127.0.0.1:8080, [::1]:8080, localhost:8080 or :8080 (all IPv4 addresses) to an endpoint; return others unchanged.

    No other host name is accepted: it could be an endpoint type, and need not be an address of this machine.
    """
    found = _ADDRESS_AND_PORT.fullmatch(listen)
    if found is None:
        return listen
    if found["host"] is None:
        return f"tcp:{found['port']}"
    host, port = found["host"].strip("[]").lower(), found["port"]
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as cause:
        raise NotAllowed(f"{host!r} is not an IP address; use for example 127.0.0.1:8080 or [::1]:8080") from cause
    interface = str(address).replace(":", r"\:")
    return f"tcp{'6' if address.version == 6 else ''}:{port}:interface={interface}"


def _tcp(listen: str) -> tuple[str, str]:
    """Return interface and port of a TCP endpoint; the port is empty for other types."""
    kind, *rest = (part.replace("\\", "") for part in re.split(r"(?<!\\):", listen))
    named = dict(part.split("=", 1) for part in rest if "=" in part)
    plain = [part for part in rest if "=" not in part]
    if kind not in {"tcp", "tcp6"}:
        return "", ""
    return named.get("interface", plain[1] if len(plain) > 1 else ""), named.get("port") or plain[0]


def url_of(listen: str) -> str | None:
    """Return the URL that reaches a TCP endpoint from this machine, or None if it cannot be derived."""
    host, port = _tcp(listen)
    if port in {"", "0"}:
        return None
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - recognised, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def leads_to(url: str, listen: str) -> bool:
    """True if requests for the URL arrive at the endpoint without a proxy that terminates TLS or maps ports: both name the same port."""
    scheme = "https" if listen.startswith("ssl:") else "http"
    _, port = _tcp(f"tcp:{listen.removeprefix('ssl:')}" if scheme == "https" else listen)
    parts = urlsplit(url)
    return parts.scheme == scheme and str(parts.port or {"http": 80, "https": 443}[scheme]) == port


def base_url(text: str) -> str:
    """Return an http(s) URL normalised to scheme, ASCII host and an optional port. Raises ValueError if it has anything else."""
    parts = urlsplit(text)
    plain = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in {"http", "https"} or not plain or not _has_host(parts):
        raise ValueError
    port = "" if parts.port in {None, 443 if parts.scheme == "https" else 80} else f":{parts.port}"
    host = ascii_host(str(parts.hostname))
    return f"{parts.scheme}://[{host}]{port}" if ":" in host else f"{parts.scheme}://{host}{port}"


def base_url_with_path(text: str) -> str:
    """Return an http(s) URL normalised like a `base_url`, with its path but without a final slash. Raises ValueError."""
    scheme, _, rest = text.partition("://")
    host, slash, path = rest.partition("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", path):
        raise ValueError
    return (base_url(f"{scheme}://{host}") + slash + path).rstrip("/")


def matching(pattern: str) -> Callable[[str], str]:
    """Return a parser of texts that match the pattern as a whole."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return read


def _has_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if ":" in host:
        ipaddress.IPv6Address(host)  # raises ValueError
        return True
    return bool(_HOST.fullmatch(ascii_host(host)))


def ascii_host(host: str) -> str:
    """Return the host in ASCII as in URLs and certificates: internationalised names in Punycode (RFC 5891 with the UTS 46 mapping).

    Raises ValueError for an invalid host.
    """
    return host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")


def is_local(url: str) -> bool:
    """True if the URL can be reached only from this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a host name, or no host
        return False


def mail_host(url: str, *, literal: bool = False) -> str:
    """Return the URL's host for use after an @. An IP address becomes an address `literal` (RFC 5321, section 4.1.3), or else localhost."""
    host = urlsplit(url).hostname or "localhost"
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return host
    if not literal:
        return "localhost"
    return f"[{host}]" if version == 4 else f"[IPv6:{host}]"


def url(*schemes: str, host: bool = True) -> Callable[[str], str]:
    """Return a parser of URLs with one of these schemes and, if `host` is true, a host."""

    def read(text: str) -> str:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError for an invalid port
        if parts.scheme not in schemes or (host and not parts.hostname):
            raise ValueError
        return text

    return read


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers within these bounds, both included."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return read


def switch(text: str) -> bool:
    """Parse on or off."""
    known = {"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
    if text.lower() not in known:
        raise ValueError
    return known[text.lower()]


def names(known: Collection[str]) -> Callable[[str], frozenset[str]]:
    """Return a parser of `all`, `none`, some of the known names, or all but those with a minus in front, separated by commas."""

    def read(text: str) -> frozenset[str]:
        parts = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
        if parts in ({"all"}, {"none"}):
            return frozenset(known) if "all" in parts else frozenset()
        chosen = frozenset(part.removeprefix("-") for part in parts)
        minus = {part.startswith("-") for part in parts}
        if len(minus) != 1 or not chosen <= set(known):
            listed = ", ".join(sorted(known))
            raise NotAllowed(f"it must be all, none, some of these, or all but some of these (-name), separated by commas: {listed}")
        return frozenset(known) - chosen if minus == {True} else chosen

    return read


def networks(text: str) -> tuple[Network, ...]:
    """Parse networks and addresses that are separated by commas."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as cause:
        raise NotAllowed(f"{cause}; use networks or addresses such as 127.0.0.1, 10.0.0.0/8") from cause


def proxies(text: str) -> tuple[Network | str, ...]:
    """Parse networks, addresses and `unix` (all clients of a UNIX socket) that are separated by commas."""
    parts = [part.strip() for part in text.split(",")]
    unix = (UNIX,) if UNIX in (part.lower() for part in parts) else ()
    return (*networks(",".join(part for part in parts if part.lower() != UNIX)), *unix)


def address_ports(text: str) -> tuple[tuple[str, int], ...]:
    """Parse pairs of an IP address and a port, separated by commas."""
    return tuple(_address_port(part.strip()) for part in text.split(",") if part.strip())


def named_addresses(text: str) -> tuple[tuple[str, str, int], ...]:
    """Parse NAME=ADDRESS:PORT, separated by commas. The names end with .test, so that none exists on the internet (RFC 6761)."""
    return tuple(_named_address(part.strip()) for part in text.split(",") if part.strip())


def _named_address(text: str) -> tuple[str, str, int]:
    name, _, address = text.lower().partition("=")
    if not (_HOST.fullmatch(name) and name.endswith(".test")):
        raise ValueError
    return name, *_address_port(address)


def _address_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))), whole(1, 65535)(port)


def file(text: str) -> Path:
    """Return the absolute path of a readable file."""
    try:
        path = Path(text).expanduser().absolute()
        path.read_bytes()
    except (OSError, RuntimeError) as cause:
        raise NotAllowed(f"it cannot be read: {getattr(cause, 'strerror', None) or cause}") from cause
    return path


def directory(text: str) -> Path:
    """Return the absolute path of a directory, which need not exist yet."""
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError as cause:  # a home directory (~name) of an unknown user
        raise NotAllowed(str(cause)) from cause
    try:
        is_taken = path.exists() and not path.is_dir()
    except OSError as cause:  # a parent directory is not accessible
        raise NotAllowed(f"it cannot be accessed: {cause.strerror}") from cause
    if is_taken:
        raise NotAllowed("it exists and is not a directory")
    return path


def texts(text: str) -> Path:
    """Return the path of an existing directory with readable text files."""
    path = directory(text)
    if not path.is_dir():
        raise NotAllowed("the directory does not exist")
    for file in path.glob("*.txt"):
        try:
            file.read_text("utf-8")
        except (OSError, UnicodeError) as cause:
            raise NotAllowed(f"{file.name} cannot be read: {cause}") from cause
    return path


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a parser that accepts one of these words."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError
        return text.lower()

    return read


def line(most: int) -> Callable[[str], str]:
    """Return a parser of one printable line with at most `most` characters."""

    def read(text: str) -> str:
        if not 1 <= len(text) <= most or not text.isprintable():
            raise ValueError
        return text

    return read


def address(text: str) -> str:
    """Return an e-mail address with an ASCII host (Punycode for internationalised names)."""
    local, at, host = text.rpartition("@")
    text = f"{local}{at}{ascii_host(host)}"
    if not re.fullmatch(r"[!-;=?A-~]{1,64}@[A-Za-z0-9.-]{1,253}", text) or set(text) & set(',;"()'):
        raise ValueError
    return text


def zone(text: str) -> ZoneInfo:
    """Return the time zone with this IANA name."""
    try:
        return ZoneInfo(text)
    except (LookupError, OSError) as cause:
        raise ValueError from cause


def toml_text(value: object) -> str | None:
    """Return a TOML value as text, as in an environment variable; None if the type is not supported."""
    match value:
        case bool():
            return "on" if value else "off"
        case int():
            return str(value)
        case str():
            return value.strip()
        case list() if all(isinstance(part, str) for part in value):
            return ",".join(value)
    return None
