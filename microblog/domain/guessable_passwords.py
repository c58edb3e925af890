"""Passwords that attackers try first: the most common ones, and those made of words that the login or the site shows to everybody.

Decision (2026): the list of zxcvbn (11,600 passwords of at least 8 characters), because it comes as a package and no third party learns a
password, instead of zxcvbn's estimate, which would refuse passwords by their composition.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

COMMON = "Password is one of the most common ones, which attackers try first"
PERSONAL = "Password is made of the username, the e-mail address or the site's name, which attackers try first"


def problem_of(password: str, words: Iterable[str]) -> str | None:
    """Return the sentence to show if the password is common or consists of `words`; None if it is neither.

    The first call takes a tenth of a second, for reading the list: call it in a thread.
    """
    if _folded(password) in _common():
        return COMMON
    return PERSONAL if consists_of(password, words) else None


def site_words(name: str, domain: str) -> tuple[str, ...]:
    """Return the words of the site of which no password may consist: its name, and its host name in one and by label."""
    host, _, _ = domain.partition(":")
    return (name, host, *host.split("."))


def login_words(username: str, email: str) -> tuple[str, ...]:
    """Return the words of a login of which its password may not consist: the username, the e-mail address and its local part."""
    return (username, email, email.rpartition("@")[0])


def consists_of(password: str, words: Iterable[str]) -> bool:
    """True if nothing but digits, punctuation and spaces is left of the password without the words. Case does not count.

    A password without letters consists of the words only if no digit is left.
    """
    plain = _alphanumeric(password)
    rest = plain
    for word in sorted({_alphanumeric(word) for word in words} - {""}, key=len, reverse=True):
        rest = rest.replace(word, "")
    significant = str.isalpha if any(map(str.isalpha, plain)) else str.isalnum
    return bool(plain) and not any(map(significant, rest))


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # 14 MB: only processes in which a password is set read it

    return frozenset(FREQUENCY_LISTS["passwords"])


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _alphanumeric(text: str) -> str:
    return "".join(filter(str.isalnum, _folded(text)))
