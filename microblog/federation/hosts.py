"""Spelling of host names, so that each server has one name, and comparison of the servers of URIs. Pure.

A host is in lower case, in ASCII (internationalised names in Punycode: RFC 5891 with the mapping of UTS 46), without a trailing dot and
without the port of its scheme. Whatever is unusual is refused: IP addresses in any spelling, user information, other ports, names without
a dot, characters that URL parsers drop or rewrite. Tests need servers on this machine: the hosts in `exempt`, spelled `name:port`, may be
IP addresses, have a port and speak HTTP.
"""

from __future__ import annotations

import re

import idna

MAX_HOST_LENGTH = 253
MAX_URI_LENGTH = 2_048

_URI = re.compile(r"(https?)://([^/?#\\]+)([/?#].*)?", re.IGNORECASE)
# Some parsers drop tabs and newlines, and read a backslash as a slash: the same URI would name different hosts. RFC 3986 has none of them.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ud800-\udfff]")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# The last label of an IPv4 address is a number in some base (URL Standard, "ends in a number"); that of a name is not.
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+$|0x[0-9a-f]*$){_LABEL}")
_PORT = re.compile(r"[0-9]{1,5}")
_DEFAULT_PORTS = {"https": "443", "http": "80"}

# Below a country's domain, labels like these are registries: example.co.uk is registered, co.uk is not.
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "gouv", "id", "ltd", "ne", "net", "nom", "or", "org", "plc", "sch"})


def normalize_host(text: str, exempt: frozenset[str] = frozenset()) -> str | None:
    """Return the host in its one spelling, or None if it is no acceptable host."""
    return _normalize(text, "443", exempt)


def host_of(uri: object, exempt: frozenset[str] = frozenset()) -> str | None:
    """Return the host of an absolute HTTPS URI in its one spelling, or None if the value is no acceptable URI."""
    parts = _split(uri)
    if parts is None:
        return None
    scheme, authority, _ = parts
    host = _normalize(authority, _DEFAULT_PORTS[scheme], exempt)
    return host if scheme == "https" or host in exempt else None


def same_host(first: object, second: object, exempt: frozenset[str] = frozenset()) -> bool:
    """True if both are acceptable URIs and belong to the same host."""
    host = host_of(first, exempt)
    return host is not None and host == host_of(second, exempt)


def same_uri(first: object, second: object, exempt: frozenset[str] = frozenset()) -> bool:
    """True if both are acceptable URIs and equal, apart from the spelling of scheme and host and the slash of an empty path."""
    if not same_host(first, second, exempt):
        return False
    one, other = _split(first), _split(second)
    assert one is not None
    assert other is not None
    return one[0] == other[0] and one[2] == other[2]


def registered_domain(host: str) -> str:
    """Return the domain that somebody registered in order to have this host.

    An approximation without the Public Suffix List, for limits of new hosts in a domain: providers of subdomains count as one domain.
    """
    labels = host.split(".")
    has_registry = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _REGISTRIES
    return ".".join(labels[-3:] if has_registry else labels[-2:])


def _split(uri: object) -> tuple[str, str, str] | None:
    """Return the scheme in lower case, the authority as it is, and the rest, at least a slash."""
    if not isinstance(uri, str) or len(uri) > MAX_URI_LENGTH or _FORBIDDEN.search(uri):
        return None
    found = _URI.fullmatch(uri)
    return (found[1].lower(), found[2], found[3] or "/") if found else None


def _normalize(authority: str, default_port: str, exempt: frozenset[str]) -> str | None:
    if len(authority) > MAX_URI_LENGTH or _FORBIDDEN.search(authority) or "@" in authority:
        return None
    if authority.lower() in exempt:
        return authority.lower()
    name, colon, port = authority.partition(":")
    if colon and not (_PORT.fullmatch(port) and port == default_port):
        return None
    name = _ascii_name(name)
    return name if len(name) <= MAX_HOST_LENGTH and _NAME.fullmatch(name) else None


def _ascii_name(name: str) -> str:
    """Return the name in lower case and ASCII, without the dot of the root; empty if it is no valid name."""
    if name.isascii():
        return name.lower().removesuffix(".")
    try:
        return idna.encode(name, uts46=True).decode("ascii").removesuffix(".") if len(name) <= MAX_HOST_LENGTH else ""
    except (idna.IDNAError, UnicodeError):
        return ""
