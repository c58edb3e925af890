"""Passwords: argon2id, in a thread of their own, so that neither the reactor nor the database's threads wait for them.

Chosen 2026: time cost 2, 19 MiB, one lane (OWASP's second choice), because one thread then does some 40 logins a second without
taking more than 19 MiB; a hash made with other parameters is replaced at the next login.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from attrs import define, field, frozen
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from microblog.model.errors import Invalid, Unavailable

SHORTEST = 8  # characters
LONGEST = 1000  # bytes; argon2 takes any length, the wire should not
BUSY = "Too many people are logging in at this moment. Please try again in a few seconds."

T = TypeVar("T")


@frozen
class Verdict:
    """What came of a look at a password. `fresh` is a new hash of it, to be stored because today's parameters differ."""

    correct: bool
    fresh: str | None = None


class Hashes(Protocol):
    """Makes and checks hashes of passwords."""

    async def hash(self, password: str) -> str:
        """The text to be stored. Raises Unavailable when too many wait already."""

    async def verify(self, stored: str | None, password: str) -> Verdict:
        """Whether the password made the hash. None (nobody is there) takes as long and is never correct. Raises Unavailable as above."""


def acceptable(password: str, name: str = "password") -> str:
    """The password, if somebody may choose it; no rule but its length. Raises Invalid for the field `name`."""
    if not password:
        problem, code = "Password can't be blank", "ERR_BLANK"
    elif _octets(password) is None:
        problem, code = "Password contains characters that cannot be stored", "ERR_INVALID"
    elif len(unicodedata.normalize("NFC", password)) < SHORTEST:
        problem, code = f"Password is too short (minimum is {SHORTEST} characters)", "ERR_TOO_SHORT"
    elif len(_octets(password) or b"") > LONGEST:
        problem, code = f"Password is too long (maximum is {LONGEST} bytes)", "ERR_TOO_LONG"
    else:
        return password
    raise Invalid({name: problem}, codes={name: code})


def _octets(password: str) -> bytes | None:
    """The same for the same text, however the keyboard composes its accents; None where it is no text."""
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        return None


def argon2id() -> PasswordHasher:
    """Hashes as they are made today."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


def _thread() -> ThreadPool:
    return ThreadPool(minthreads=1, maxthreads=1, name="passwords")


@define
class Passwords:
    """`Hashes` in one thread. At most `room` passwords are looked at or wait; who comes then is asked to come again."""

    reactor: Any
    hasher: PasswordHasher = field(factory=argon2id)
    room: int = 32
    threads: Any = field(factory=_thread)
    _busy: int = field(default=0, init=False)
    _nobody: str = field(default="", init=False)

    def start(self) -> None:
        """Start the thread."""
        self.threads.start()

    def stop(self) -> None:
        """Wait for what is being hashed."""
        self.threads.stop()

    async def hash(self, password: str) -> str:
        """See `Hashes.hash`."""
        return await self._elsewhere(lambda: self.hasher.hash(_octets(password) or b""))

    async def verify(self, stored: str | None, password: str) -> Verdict:
        """See `Hashes.verify`."""
        given = _octets(password)
        if given is None or len(given) > LONGEST:
            return Verdict(correct=False)
        return await self._elsewhere(lambda: self._verdict(stored, given))

    async def _elsewhere(self, work: Callable[[], T]) -> T:
        if self._busy >= self.room:
            raise Unavailable(BUSY)
        self._busy += 1

        def counted() -> T:
            try:
                return work()
            finally:
                # Not when the waiting client gives up: the thread would still have the work.
                self.reactor.callFromThread(self._done)

        return await deferToThreadPool(self.reactor, self.threads, counted)

    def _done(self) -> None:
        self._busy -= 1

    def _verdict(self, stored: str | None, password: bytes) -> Verdict:
        if stored is None:
            return self._same_work(password)
        try:
            self.hasher.verify(stored, password)
        except InvalidHashError:  # somebody who has no password (imported, or made by the administrator without one)
            return self._same_work(password)
        except VerificationError:
            return Verdict(correct=False)
        return Verdict(correct=True, fresh=self.hasher.hash(password) if self.hasher.check_needs_rehash(stored) else None)

    def _same_work(self, password: bytes) -> Verdict:
        self._nobody = self._nobody or self.hasher.hash(b"nobody")
        try:
            self.hasher.verify(self._nobody, password)
        except VerificationError:
            pass
        return Verdict(correct=False)
