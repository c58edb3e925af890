"""What can go wrong, in the words of the domain. No error here knows HTTP: web/http/errors.py has the one table that translates.

Each error carries a `sentence`, which is shown to whoever asked. The cause for the log travels as `__cause__`.
"""

from __future__ import annotations

from collections.abc import Mapping


class Problem(Exception):
    """The request cannot be carried out, and `sentence` says why in words that its author may read."""

    sentence: str = "Something is wrong with this request."

    def __init__(self, sentence: str | None = None) -> None:
        if sentence is not None:
            self.sentence = sentence
        super().__init__(self.sentence)


class NotFound(Problem):
    """There is no such thing, or the viewer may not know of it: the two are the same answer."""

    sentence = "Record not found"


class Gone(Problem):
    """It existed and is gone for good."""

    sentence = "This is gone for good."


class Unauthenticated(Problem):
    """Nobody is logged in, or the token is not (or no longer) valid."""

    sentence = "This method requires an authenticated user"


class Forbidden(Problem):
    """The viewer is known and may not do this."""

    sentence = "This action is not allowed"


class Conflict(Problem):
    """Somebody else was faster; the same request may succeed when it is made again."""

    sentence = "Conflict during update, please try again"


class Malformed(Problem):
    """The request itself cannot be read: a missing parameter, broken JSON, an impossible encoding."""

    sentence = "The request could not be understood."


class TooLarge(Problem):
    """More was sent than is read."""

    sentence = "That is larger than what is accepted here."


class TooMany(Problem):
    """A rate limit was reached. `retry_after` is in seconds, at least 1."""

    sentence = "Too many requests"

    def __init__(self, sentence: str | None = None, *, retry_after: int = 60) -> None:
        super().__init__(sentence)
        self.retry_after = max(1, retry_after)


class Unavailable(Problem):
    """The server cannot do this now, and could a moment later. `retry_after` is in seconds."""

    sentence = "There was a temporary problem serving your request, please try again"

    def __init__(self, sentence: str | None = None, *, retry_after: int = 5) -> None:
        super().__init__(sentence)
        self.retry_after = max(1, retry_after)


def disk_full() -> Unavailable:
    """What is said where a disk is full, the site's or its database's."""
    return Unavailable("The site has no room left to store anything. Please try again later.", retry_after=60)


def describe_os_error(problem: OSError) -> str:
    """What the operating system refused, without its number: the file, where it is about one, and why."""
    if problem.strerror is None:
        return str(problem)
    return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror


class Invalid(Problem):
    """Some fields hold what they may not. `fields` maps each field's name to what is wrong with it, the first first.

    `codes` maps field names to the validation codes that API clients know (ERR_TAKEN, ERR_BLANK ...), where there are any.
    """

    def __init__(self, fields: Mapping[str, str], *, sentence: str | None = None, codes: Mapping[str, str] | None = None) -> None:
        self.fields = dict(fields)
        self.codes = dict(codes or {})
        super().__init__(sentence or "Validation failed: " + ", ".join(self.fields.values()))

    def named(self, names: Mapping[str, str]) -> Invalid:
        """The same about fields that whoever sent them knows by other names."""
        fields = {names.get(name, name): text for name, text in self.fields.items()}
        return Invalid(fields, sentence=self.sentence, codes={names.get(name, name): code for name, code in self.codes.items()})
