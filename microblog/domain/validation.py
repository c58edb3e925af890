"""Validation of form fields: each field is checked by itself, all errors are reported at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import regex
from attrs import define, field

from microblog.domain.text import post_text, urls
from microblog.model.errors import Invalid

MAX_EMAIL_LENGTH = 254  # RFC 5321, section 4.5.3.1.3
MAX_LOCAL_PART_LENGTH = 64

T = TypeVar("T")

# The atoms of RFC 5322, section 3.2.3. Quoted forms are not used in practice, and could hide control characters.
_LOCAL_PART = regex.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# Names without a dot are allowed, as in intranets; a last label of digits only would be an IP address.
_HOST = regex.compile(r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)*(?!-|[0-9]+\Z)[a-z0-9-]{1,63}(?<!-)")
# Of other servers, which are looked up among the known ones.
_ANY_HOST = regex.compile(r"(?=.{1,259}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
_REMOTE_USERNAME = regex.compile(r"(?=.{1,255}$)[A-Za-z0-9_]++(?:[.-]++[A-Za-z0-9_]++)*")
_DOMAIN = regex.compile(
    r"(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.)*[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{N}])?"
)
_LOCALE = regex.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


@define
class ValidationErrors:
    """Collects the errors of a form. Each field keeps its first error."""

    fields: dict[str, str] = field(factory=dict)
    codes: dict[str, str] = field(factory=dict)

    def add(self, name: str, sentence: str, code: str) -> None:
        """Add an error of a field."""
        if name not in self.fields:
            self.fields[name] = sentence
            self.codes[name] = code

    def collect(self, check: Callable[[], T], default: T) -> T:
        """Return the result of `check`, or `default` if it raises Invalid, whose errors are added."""
        try:
            return check()
        except Invalid as invalid:
            for name, sentence in invalid.fields.items():
                self.add(name, sentence, invalid.codes.get(name, "ERR_INVALID"))
            return default

    def raise_if_any(self) -> None:
        """Raise Invalid with all errors, if there are any."""
        if self.fields:
            raise Invalid(self.fields, codes=self.codes)


def email(text: str) -> str:
    """Return the e-mail address as it is stored: with its host in ASCII and lower case. Raises Invalid with a code."""
    address = text.strip()
    if not address:
        raise Invalid({"email": "E-mail address can't be blank"}, codes={"email": "ERR_BLANK"})
    local, _, host = address.rpartition("@")
    host = urls.ascii_host(host)
    if (
        len(local) > MAX_LOCAL_PART_LENGTH
        or not _LOCAL_PART.fullmatch(local)
        or not _HOST.fullmatch(host)
        or len(local) + 1 + len(host) > MAX_EMAIL_LENGTH
    ):
        raise Invalid({"email": "E-mail address is invalid"}, codes={"email": "ERR_INVALID"})
    return f"{local}@{host}"


def one_of(text: str, allowed: frozenset[str], name: str) -> str:
    """Return `text` if it is allowed. Raises Invalid for the field `name`."""
    if text not in allowed:
        label = name.replace("_", " ").capitalize()
        raise Invalid({name: f"{label} is not included in the list"}, codes={name: "ERR_INCLUSION"})
    return text


def time_zone(text: str) -> str:
    """Return the name of a time zone, such as Europe/Vienna. Raises Invalid if it is unknown."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise Invalid({"time_zone": "Time zone is not known"}, codes={"time_zone": "ERR_INCLUSION"}) from unknown
    return text


def locale(text: str) -> str:
    """Return a language tag (RFC 5646) such as en, de-AT or zh-Hant. Raises Invalid for anything else."""
    if not _LOCALE.fullmatch(text):
        raise Invalid({"locale": "Language is not known"}, codes={"locale": "ERR_INCLUSION"})
    return text


def language(text: str) -> str:
    """Return a language code (ISO 639) such as en or yue. Raises Invalid for anything else."""
    if not (text.isascii() and text.isalpha() and text.islower() and len(text) in (2, 3)):
        raise Invalid({"language": "Language is not included in the list"}, codes={"language": "ERR_INCLUSION"})
    return text


def own_username(name: str, host: str) -> str:
    """Return the username in `name`, `@name` or `name@our.host`; empty if it cannot be one of this site."""
    username, at, at_host = name.strip().removeprefix("@").partition("@")
    if at and at_host.lower() != host.lower():
        return ""
    return (
        username if len(username) <= post_text.MAX_USERNAME_LENGTH and username.isascii() and username.replace("_", "a").isalnum() else ""
    )


def remote_acct(acct: str, host: str) -> tuple[str, str] | None:
    """Return the username and the host in `name@host` or `@name@host`; None if it is of this site, or cannot be one of another."""
    username, _, at_host = acct.strip().removeprefix("@").partition("@")
    at_host = at_host.lower()
    if at_host == host.lower() or not (_REMOTE_USERNAME.fullmatch(username) and _ANY_HOST.fullmatch(at_host)):
        return None
    return username, at_host


def language_of(locale: str) -> str | None:
    """Return the language code of a locale such as `de-AT`; None if it has none."""
    primary = locale.partition("-")[0].lower()
    return primary if primary.isascii() and primary.isalpha() and len(primary) in (2, 3) else None


def limited(text: str, max_length: int, name: str) -> str:
    """Return the text as it is stored, if it has at most `max_length` characters. Raises Invalid for the field `name`."""
    label = name.replace("_", " ").capitalize()
    # Counting is slow: reject a text of a megabyte before.
    if len(text) > 40 * max_length or post_text.length(stored := post_text.clean(text, name)) > max_length:
        raise Invalid({name: f"{label} is too long (maximum is {max_length} characters)"}, codes={name: "ERR_TOO_LONG"})
    return stored


def domain(text: str, name: str = "domain") -> str:
    """Return the domain in lower case, without a leading `@` or trailing dot. Raises Invalid if it is not a domain."""
    cleaned = text.strip().lower().removeprefix("@").removesuffix(".")
    if not cleaned:
        raise Invalid({name: f"{name.replace('_', ' ').capitalize()} can't be blank"}, codes={name: "ERR_BLANK"})
    if len(cleaned) > 253 or not _DOMAIN.fullmatch(cleaned):
        raise Invalid({name: f"{name.replace('_', ' ').capitalize()} is not a valid domain name"}, codes={name: "ERR_INVALID"})
    return cleaned


def server(text: str, name: str = "domain") -> str:
    """Return the host of another server as it is stored: in ASCII, with a port if it has one. Raises Invalid if it is none."""
    host, colon, port = text.strip().removeprefix("@").removesuffix("/").partition(":")
    cleaned = domain(host, name)
    known = urls.ascii_host(cleaned) + colon + port
    if not _ANY_HOST.fullmatch(known):
        raise Invalid({name: f"{name.replace('_', ' ').capitalize()} is not a valid domain name"}, codes={name: "ERR_INVALID"})
    return known
