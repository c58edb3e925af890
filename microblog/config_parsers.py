"""From text to the value of a setting, or a ValueError.

A `NotAllowed` brings a sentence of its own; at any other ValueError the setting's general sentence is shown.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

import idna
from twisted.internet.endpoints import serverFromString

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX = "unix"
"""Among proxies: the far end of a UNIX socket, which has no address."""
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_ADDRESS_AND_PORT = re.compile(r"(?P<host>[0-9.]+|\[[^\]]*\]|localhost)?:(?P<port>[0-9]+)", re.IGNORECASE)
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")


class NotAllowed(ValueError):
    """The text cannot be used, and the message says why."""


def endpoint(text: str) -> str:
    """A Twisted server endpoint, also where it is given as ADDRESS:PORT or :PORT. It is described, not opened."""
    text = _spelled_out(text)
    try:
        serverFromString(None, text)
        port = _tcp(text)[1]
    except (ValueError, TypeError, LookupError) as cause:
        raise ValueError from cause
    except Exception as cause:  # ssl: and plugins read files, in ways of their own
        raise NotAllowed(f"this endpoint cannot be used: {cause}") from cause
    if port.isdecimal() and int(port) > 65535:
        raise NotAllowed("the port must be from 0 to 65535")
    return text


def _spelled_out(listen: str) -> str:
    """The endpoint that 127.0.0.1:8080, [::1]:8080, localhost:8080 or :8080 (every IPv4 address) stands for; others as they are.

    A name other than localhost could be the kind of an endpoint, and is none that this machine surely has.
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
        raise NotAllowed(f"{host!r} is no address of the network; give one such as 127.0.0.1:8080 or [::1]:8080") from cause
    interface = str(address).replace(":", r"\:")
    return f"tcp{'6' if address.version == 6 else ''}:{port}:interface={interface}"


def _tcp(listen: str) -> tuple[str, str]:
    """Interface and port of a TCP endpoint; the port is empty at any other kind."""
    kind, *rest = (part.replace("\\", "") for part in re.split(r"(?<!\\):", listen))
    named = dict(part.split("=", 1) for part in rest if "=" in part)
    plain = [part for part in rest if "=" not in part]
    if kind not in {"tcp", "tcp6"}:
        return "", ""
    return named.get("interface", plain[1] if len(plain) > 1 else ""), named.get("port") or plain[0]


def url_of(listen: str) -> str | None:
    """The URL at which a TCP endpoint is reached from this machine, or None where there is no telling."""
    host, port = _tcp(listen)
    if port in {"", "0"}:
        return None
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - recognised, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def base_url(text: str) -> str:
    """An http(s) URL of scheme, host and at most a port, in lower case, without the final slash, and its host as programs write it."""
    parts = urlsplit(text)
    plain = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in {"http", "https"} or not plain or not _has_host(parts):
        raise ValueError
    port = "" if parts.port in {None, 443 if parts.scheme == "https" else 80} else f":{parts.port}"
    host = ascii_host(str(parts.hostname))
    return f"{parts.scheme}://[{host}]{port}" if ":" in host else f"{parts.scheme}://{host}{port}"


def _has_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if ":" in host:
        ipaddress.IPv6Address(host)  # raises a ValueError
        return True
    return bool(_HOST.fullmatch(ascii_host(host)))


def ascii_host(host: str) -> str:
    """The host as it stands in URLs and certificates: one in other letters than ASCII in punycode (RFC 5891, with the mapping of UTS 46).

    Raises ValueError for what is no host.
    """
    return host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")


def is_local(url: str) -> bool:
    """True if only programs on this machine reach that URL."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or no host at all
        return False


def mail_host(url: str, *, literal: bool = False) -> str:
    """The URL's host as it may follow an @; an address of the network as a `literal` (RFC 5321, section 4.1.3), or as localhost."""
    host = urlsplit(url).hostname or "localhost"
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return host
    if not literal:
        return "localhost"
    return f"[{host}]" if version == 4 else f"[IPv6:{host}]"


def url(*schemes: str, host: bool = True) -> Callable[[str], str]:
    """A URL of one of these schemes, and with a host unless that may be left out."""

    def read(text: str) -> str:
        parts = urlsplit(text)
        _ = parts.port  # raises a ValueError when it is no port
        if parts.scheme not in schemes or (host and not parts.hostname):
            raise ValueError
        return text

    return read


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within these bounds, both included."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return read


def switch(text: str) -> bool:
    """on or off."""
    known = {"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
    if text.lower() not in known:
        raise ValueError
    return known[text.lower()]


def networks(text: str) -> tuple[Network, ...]:
    """Networks and addresses, separated by commas."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as cause:
        raise NotAllowed(f"{cause}; give networks or addresses such as 127.0.0.1, 10.0.0.0/8") from cause


def proxies(text: str) -> tuple[Network | str, ...]:
    """Networks, addresses, and `unix` for whoever connects through a UNIX socket, separated by commas."""
    parts = [part.strip() for part in text.split(",")]
    unix = (UNIX,) if UNIX in (part.lower() for part in parts) else ()
    return (*networks(",".join(part for part in parts if part.lower() != UNIX)), *unix)


def directory(text: str) -> Path:
    """An absolute path that is a directory or nothing yet."""
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError as cause:  # ~nobody-of-that-name
        raise NotAllowed(str(cause)) from cause
    try:
        is_taken = path.exists() and not path.is_dir()
    except OSError as cause:  # a directory above it may not be entered
        raise NotAllowed(f"this cannot be looked at: {cause.strerror}") from cause
    if is_taken:
        raise NotAllowed("this exists and is not a directory")
    return path


def texts(text: str) -> Path:
    """A directory that is there, with files of text that can be read."""
    path = directory(text)
    if not path.is_dir():
        raise NotAllowed("there is no such directory")
    for file in path.glob("*.txt"):
        try:
            file.read_text("utf-8")
        except (OSError, UnicodeError) as cause:
            raise NotAllowed(f"{file.name} cannot be read: {cause}") from cause
    return path


def one_of(*choices: str) -> Callable[[str], str]:
    """One of these words."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError
        return text.lower()

    return read


def line(most: int) -> Callable[[str], str]:
    """One printable line of at most so many characters."""

    def read(text: str) -> str:
        if not 1 <= len(text) <= most or not text.isprintable():
            raise ValueError
        return text

    return read


def address(text: str) -> str:
    """An e-mail address, its host in punycode where that is in other letters than ASCII."""
    local, at, host = text.rpartition("@")
    text = f"{local}{at}{ascii_host(host)}"
    if not re.fullmatch(r"[!-;=?A-~]{1,64}@[A-Za-z0-9.-]{1,253}", text) or set(text) & set(',;"()'):
        raise ValueError
    return text


def zone(text: str) -> ZoneInfo:
    """A time zone by its IANA name."""
    try:
        return ZoneInfo(text)
    except (LookupError, OSError) as cause:
        raise ValueError from cause


def toml_text(value: object) -> str | None:
    """A TOML value as it would be written in the environment; None for what cannot be."""
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
