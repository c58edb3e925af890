"""Password hashing with argon2id, in a thread of its own, so that neither the reactor nor the database threads wait.

Decision (2026): time cost 2, 19 MiB, one lane (the second choice of OWASP's Password Storage Cheat Sheet), because one thread then handles
about 40 logins a second with only 19 MiB. A hash made with other parameters is replaced at the next login.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from attrs import define, field, frozen
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from microblog.domain.guessable_passwords import problem_of
from microblog.model.errors import Invalid, Unavailable

MIN_LENGTH = 8  # characters
MAX_LENGTH_BYTES = 1000  # bytes; argon2 itself has no limit
BUSY = "Too many people are logging in right now. Please try again in a few seconds."

T = TypeVar("T")


@frozen
class PasswordCheck:
    """Result of a password check. `new_hash` is to be stored: the hashing parameters have changed."""

    correct: bool
    new_hash: str | None = None


class Hashes(Protocol):
    """Makes and checks password hashes."""

    async def hash(self, password: str, words: Iterable[str] = ()) -> str:
        """Return the hash to store of a newly chosen password. `words`: the username and the like, which attackers try first.

        Raises Invalid (field password) for a password that is common or consists of `words` or the site's words, Unavailable if too many
        passwords are waiting.
        """

    async def verify(self, stored: str | None, password: str) -> PasswordCheck:
        """Check the password. If `stored` is None (no such account), it takes as long and is never correct.

        Raises Unavailable as `hash` does.
        """


def acceptable(password: str, name: str = "password") -> str:
    """Return the password if its length is allowed; `Hashes.hash` refuses guessable ones. Raises Invalid for the field `name`."""
    if not password:
        problem, code = "Password can't be blank", "ERR_BLANK"
    elif _encoded(password) is None:
        problem, code = "Password contains characters that cannot be stored", "ERR_INVALID"
    elif len(unicodedata.normalize("NFC", password)) < MIN_LENGTH:
        problem, code = f"Password is too short (minimum is {MIN_LENGTH} characters)", "ERR_TOO_SHORT"
    elif len(_encoded(password) or b"") > MAX_LENGTH_BYTES:
        problem, code = f"Password is too long (maximum is {MAX_LENGTH_BYTES} bytes)", "ERR_TOO_LONG"
    else:
        return password
    raise Invalid({name: problem}, codes={name: code})


def _encoded(password: str) -> bytes | None:
    """Return the NFC bytes, so that it does not matter how a keyboard composes accents; None if it is not valid Unicode."""
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        return None


def argon2id() -> PasswordHasher:
    """Return a hasher with the current parameters."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


def _thread() -> ThreadPool:
    return ThreadPool(minthreads=1, maxthreads=1, name="passwords")


@define
class Passwords:
    """`Hashes` in one thread. At most `capacity` passwords are processed or wait; further ones raise Unavailable.

    `site_words`: names of the site, of which no password may consist.
    """

    reactor: Any
    hasher: PasswordHasher = field(factory=argon2id)
    capacity: int = 32
    threads: Any = field(factory=_thread)
    site_words: tuple[str, ...] = ()
    _pending: int = field(default=0, init=False)
    _dummy_hash: str = field(default="", init=False)

    def start(self) -> None:
        """Start the thread."""
        self.threads.start()

    def stop(self) -> None:
        """Wait for running work and stop the thread."""
        self.threads.stop()

    async def hash(self, password: str, words: Iterable[str] = ()) -> str:
        """See `Hashes.hash`."""
        return await self._in_thread(lambda: self._hash(password, (*self.site_words, *words)))

    async def verify(self, stored: str | None, password: str) -> PasswordCheck:
        """See `Hashes.verify`."""
        encoded = _encoded(password)
        if encoded is None or len(encoded) > MAX_LENGTH_BYTES:
            return PasswordCheck(correct=False)
        return await self._in_thread(lambda: self._check(stored, encoded))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._pending >= self.capacity:
            raise Unavailable(BUSY)
        self._pending += 1

        def counted() -> T:
            try:
                return work()
            finally:
                # Count the work until the thread is done, even if the waiting client disconnects.
                self.reactor.callFromThread(self._done)

        return await deferToThreadPool(self.reactor, self.threads, counted)

    def _done(self) -> None:
        self._pending -= 1

    def _hash(self, password: str, words: tuple[str, ...]) -> str:
        if problem := problem_of(password, words):
            raise Invalid({"password": problem}, codes={"password": "ERR_INVALID"})
        return self.hasher.hash(_encoded(password) or b"")

    def _check(self, stored: str | None, password: bytes) -> PasswordCheck:
        if stored is None:
            return self._check_dummy(password)
        try:
            self.hasher.verify(stored, password)
        except InvalidHashError:  # an account without a password (imported, or created so by the administrator)
            return self._check_dummy(password)
        except VerificationError:
            return PasswordCheck(correct=False)
        return PasswordCheck(correct=True, new_hash=self.hasher.hash(password) if self.hasher.check_needs_rehash(stored) else None)

    def _check_dummy(self, password: bytes) -> PasswordCheck:
        self._dummy_hash = self._dummy_hash or self.hasher.hash(b"nobody")
        try:
            self.hasher.verify(self._dummy_hash, password)
        except VerificationError:
            pass
        return PasswordCheck(correct=False)
