"""Reading and writing of cookies, with all protection that the scheme of the public URL allows."""

from __future__ import annotations

import re

from attrs import frozen

SESSION = "session"
VISITOR = "visitor"
DEVICE = "device"
RETURN = "return"
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")  # RFC 6265 section 4.1.1, cookie-octet
_MAX_VALUE_LENGTH = 512


@frozen
class Cookie:
    """A cookie to set. `max_age` in seconds: None for a session cookie, 0 deletes it. `name` is without prefix."""

    name: str
    value: str
    max_age: int | None = None


@frozen
class CookieJar:
    """Encodes and reads cookies. `secure`: the public URL is https, so they get the `__Host-` prefix and `Secure`."""

    secure: bool

    def full_name(self, name: str) -> str:
        """The name with its prefix."""
        return f"__Host-{name}" if self.secure else name

    def encode(self, cookie: Cookie) -> bytes:
        """The value of a Set-Cookie header. Raises ValueError for characters that cookies cannot contain."""
        if not _VALUE.fullmatch(cookie.value):
            raise ValueError(f"The value of the cookie {cookie.name} has characters that cookies cannot contain.")
        age = "" if cookie.max_age is None else f"; Max-Age={cookie.max_age}"
        secure = "; Secure" if self.secure else ""
        return f"{self.full_name(cookie.name)}={cookie.value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}".encode("ascii")

    def read(self, header: bytes | None, name: str, max_length: int = _MAX_VALUE_LENGTH) -> str | None:
        """The value of a cookie in a Cookie header; None if it is missing, empty, longer than `max_length` or not ASCII."""
        if not header:
            return None
        full_name = self.full_name(name).encode("ascii")
        for pair in header.split(b";"):
            key, _, value = pair.strip().partition(b"=")
            if key == full_name and 0 < len(value) <= max_length and value.isascii():
                return value.decode("ascii").strip('"') or None
        return None
