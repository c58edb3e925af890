"""Detection of ambiguous request heads, which two parsers could read differently (RFC 9112 sections 3.2, 6.1 and 11.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted.web.http_headers import Headers

_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)([^#]*)", re.IGNORECASE)


def request_fault(headers: Headers, version: bytes) -> str | None:
    """The error sentence for ambiguous or invalid headers, or None."""
    hosts = headers.getRawHeaders(b"Host") or []
    if len(hosts) > 1 or (not hosts and version == b"HTTP/1.1"):
        return "A request needs exactly one Host header."
    if hosts and not _HOST.fullmatch(hosts[0]):
        return "The Host header is invalid."
    codings = [coding.lower() for coding in headers.getRawHeaders(b"Transfer-Encoding") or ()]
    if codings and (codings != [b"chunked"] or version == b"HTTP/1.0"):
        return "The only supported Transfer-Encoding is chunked."
    return None


def path_of(command: bytes, target: bytes, hosts: Sequence[bytes]) -> tuple[bytes, str | None]:
    """The path and query of a request target, and an error sentence, or None.

    `GET http://host/path` becomes the origin form (RFC 9112 section 3.2.2); `OPTIONS *` is handled as `OPTIONS /`.
    """
    if target.startswith(b"/"):
        return (
            target,
            None if target.isascii() and b"#" not in target else "The URL contains characters that must be percent-encoded.",
        )
    absolute = _ABSOLUTE.fullmatch(target)
    if target == b"*" and command == b"OPTIONS":
        return b"/", None
    if absolute and hosts and absolute.group(1).lower() == hosts[0].lower() and absolute.group(2).isascii():
        path = absolute.group(2)
        return path if path.startswith(b"/") else b"/" + path, None
    return target, "This URL does not belong to this site."


def target_of(line: bytes) -> bytes:
    """The target in a malformed request line, as far as it can be recognized; else empty."""
    _, _, rest = line[:1_024].partition(b" ")
    return rest.partition(b" ")[0]
