"""Errors of the domain. They do not know HTTP: web/http/errors.py maps them to status codes.

Each error has a `sentence`, which is shown to the user or client. The cause for the log is its `__cause__`.
"""

from __future__ import annotations

from collections.abc import Mapping


class Problem(Exception):
    """Base class: the request cannot be carried out. `sentence` tells the user why."""

    sentence: str = "Something is wrong with this request."

    def __init__(self, sentence: str | None = None) -> None:
        if sentence is not None:
            self.sentence = sentence
        super().__init__(self.sentence)


class NotFound(Problem):
    """The record does not exist, or the viewer may not see it: the two are not distinguished."""

    sentence = "Record not found"


class Gone(Problem):
    """The record existed and was deleted permanently."""

    sentence = "This was deleted."


class Unauthenticated(Problem):
    """There is no login, or the token is invalid or revoked."""

    sentence = "This method requires an authenticated user"


class Forbidden(Problem):
    """The viewer is authenticated and lacks the permission."""

    sentence = "This action is not allowed"


class Conflict(Problem):
    """A concurrent update won; a retry may succeed."""

    sentence = "Conflict during update, please try again"


class Malformed(Problem):
    """The request cannot be parsed: a missing parameter, invalid JSON, a wrong encoding."""

    sentence = "The request could not be understood."


class TooLarge(Problem):
    """The request body or a file exceeds its size limit."""

    sentence = "That is larger than this site accepts."


class UnsupportedType(Problem):
    """The body has a media type that is not accepted."""

    sentence = "This type of content is not accepted here."


class TooMany(Problem):
    """A rate limit was exceeded. `retry_after` is in seconds, at least 1."""

    sentence = "Too many requests"

    def __init__(self, sentence: str | None = None, *, retry_after: int = 60) -> None:
        super().__init__(sentence)
        self.retry_after = max(1, retry_after)


class Unavailable(Problem):
    """The server is temporarily unable to handle the request. `retry_after` is in seconds."""

    sentence = "There was a temporary problem serving your request, please try again"

    def __init__(self, sentence: str | None = None, *, retry_after: int = 5) -> None:
        super().__init__(sentence)
        self.retry_after = max(1, retry_after)


def disk_full() -> Unavailable:
    """Return the error for a full disk, the site's or its database's."""
    return Unavailable("The site has run out of storage. Please try again later.", retry_after=60)


class ProbeError(Exception):
    """A service that the site depends on does not respond as it should; the text says which, and why."""


def describe_os_error(problem: OSError) -> str:
    """Describe an operating system error without its number: the file, if there is one, and the reason."""
    if problem.strerror is None:
        return str(problem)
    return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror


class Invalid(Problem):
    """Validation errors. `fields` maps each field's name to an error text, in the order of the form.

    `codes` maps field names to Mastodon's validation codes (ERR_TAKEN, ERR_BLANK ...), where there are any.
    """

    def __init__(self, fields: Mapping[str, str], *, sentence: str | None = None, codes: Mapping[str, str] | None = None) -> None:
        self.fields = dict(fields)
        self.codes = dict(codes or {})
        super().__init__(sentence or "Validation failed: " + ", ".join(self.fields.values()))

    def named(self, names: Mapping[str, str]) -> Invalid:
        """Return a copy with renamed fields: `names` maps the names of the domain to those of the form or API."""
        fields = {names.get(name, name): text for name, text in self.fields.items()}
        return Invalid(fields, sentence=self.sentence, codes={names.get(name, name): code for name, code in self.codes.items()})
