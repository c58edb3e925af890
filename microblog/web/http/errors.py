"""The one table from what went wrong to how HTTP says it, in JSON or as a page."""

from __future__ import annotations

import errno
from collections.abc import Callable
from html import escape
from urllib.parse import quote

from attrs import frozen
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.model.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    Malformed,
    NotFound,
    Problem,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    no_room,
)
from microblog.render.html.formatting import waiting
from microblog.web.http.body_parsing import label
from microblog.web.http.request import Request
from microblog.web.http.response import NO_STORE, Response

STATUS: dict[type[Problem], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Gone: 410,
    TooLarge: 413,
    Invalid: 422,
    TooMany: 429,
    Unavailable: 503,
    Problem: 400,
}

_LABELS = {
    "email": "E-mail address",
    "agreement": "Service agreement",
    "note": "Bio",
    "source[privacy]": "Visibility",
    "source[language]": "Language",
}
_WORDS_OF_CLIENTS = frozenset({NotFound.sentence, "Not Found"})  # what programs know, and people would not say

ErrorPage = Callable[[Request | None, int, str], bytes]
"""Makes the page for an error: (call if there is one, status, sentence) -> HTML. It may show the call's fields again: nothing is lost."""

_FULL = {errno.ENOSPC, errno.EDQUOT}  # of the disk, of what the site's user may have of it

_log = Logger()


class BadToken(Unauthenticated):
    """An API token was needed, and what was sent is none."""

    sentence = "The access token is invalid"


class NeedsPerson(Problem):
    """An application's own token was sent where a person's is needed."""

    sentence = "This method requires an authenticated user"


class NotYet(Forbidden):
    """The account waits for its address to be confirmed, or for approval."""

    sentence = "Your login is currently pending approval"


class NotAllowedHere(Problem):
    """The path exists, but not for this method. `allow` is the Allow header."""

    sentence = "This address does not answer to that method."

    def __init__(self, allow: str) -> None:
        super().__init__()
        self.allow = allow


def status_of(problem: Problem) -> int:
    """The status for a problem: its own class's, or that of the nearest class above it."""
    if isinstance(problem, NeedsPerson):
        return 422
    if isinstance(problem, NotAllowedHere):
        return 405
    return next(STATUS[cls] for cls in type(problem).__mro__ if cls in STATUS)


def plain_page(request: Request | None, status: int, sentence: str) -> bytes:
    """An error page without any looks, for when there is no better one."""
    del request
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{status}</title><h1>{status}</h1><p>{escape(sentence)}</p></html>'
    return page.encode("utf-8")


def error_json(problem: Problem, *, api: bool) -> dict[str, object]:
    """The body of an error: `error` always, `details` with codes where a client can use them, `fields` for the site's own scripts."""
    body: dict[str, object] = {"error": problem.sentence}
    if isinstance(problem, Invalid):
        if not api:
            body["error"] = for_people(problem)
        if problem.codes:
            body["details"] = {
                name: [{"error": problem.codes.get(name, "ERR_INVALID"), "description": _without_label(name, text)}]
                for name, text in problem.fields.items()
            }
        if not api:
            body["fields"] = problem.fields
    return body


def _without_label(name: str, text: str) -> str:
    """What is wrong with a field, for programs that put it behind the field's own name."""
    return text.removeprefix(_LABELS.get(name) or label(name)).lstrip()


def for_people(problem: Problem) -> str:
    """What to tell somebody who reads it, where programs are told the words that they know."""
    if isinstance(problem, Invalid):
        return problem.sentence.removeprefix("Validation failed: ")
    if problem.sentence in _WORDS_OF_CLIENTS:
        return "This address leads to no page."
    if problem.sentence == Forbidden.sentence:
        return "Your account may not do this."
    if not isinstance(problem, TooMany):
        return problem.sentence
    return f"{problem.sentence.rstrip('.')}. Please try again in {waiting(problem.retry_after)}."


@frozen
class Errors:
    """Turns whatever a route raised into an answer. `login` and `pending` are the paths of the pages for who is not in, or not yet."""

    page: ErrorPage = plain_page
    login: str = "/login"
    pending: str = "/pending"

    def answer(self, request: Request, error: Exception) -> Response:
        """The answer for `error`. What is not a `Problem` is a fault of ours: logged with its traceback, told without any detail."""
        if isinstance(error, OSError) and error.errno in _FULL:
            cause, error = error, no_room()
            error.__cause__ = cause
        if not isinstance(error, Problem):
            _log.failure(
                "Request {id} to {route} failed", failure=Failure(error), id=request.id, route=request.route and request.route.name
            )
            return self._said(request, 500, Unavailable(f"Something went wrong on our side. Its number in our log is {request.id}."))
        if error.__cause__ is not None and isinstance(error, Unavailable):
            _log.warn("Request {id} could not be served: {cause}", id=request.id, cause=_in_a_line(error.__cause__))
        if isinstance(error, Unauthenticated) and not request.wants_json and request.method in ("GET", "HEAD"):
            return Response.redirect(f"{self.login}?next={quote(request.path_and_query, safe='/')}")
        if isinstance(error, NotYet) and not request.wants_json:
            return Response.redirect(self.pending)
        return self._said(request, status_of(error), error)

    def refusal(self, request: Request, error: Exception) -> tuple[int, str]:
        """Status and sentence for `error` where the request is refused by its head alone."""
        if isinstance(error, Problem):
            return status_of(error), error.sentence if request.api else for_people(error)
        _log.failure("The head of a request to {route} failed", failure=Failure(error), route=request.route and request.route.name)
        return 500, "Something went wrong on our side."

    def _said(self, request: Request, status: int, problem: Problem) -> Response:
        if request.wants_json:
            answer = Response.json(error_json(problem, api=request.api), status)
        else:
            answer = Response.html(self.render(request, status, for_people(problem)), status)
        return self._with_hints(answer.cached(NO_STORE), problem, status)

    def render(self, request: Request | None, status: int, sentence: str) -> bytes:
        """The error page; a plain one if even that fails."""
        try:
            return self.page(request, status, sentence)
        except Problem:  # the page wanted the fields, and they are what is wrong
            return self.page(None, status, sentence)
        except Exception:
            _log.failure("The error page failed")
            return plain_page(None, status, sentence)

    def _with_hints(self, answer: Response, problem: Problem, status: int) -> Response:
        if isinstance(problem, (TooMany, Unavailable)) and status != 500:
            answer = answer.with_header("Retry-After", str(problem.retry_after))
        if isinstance(problem, NotAllowedHere):
            answer = answer.with_header("Allow", problem.allow)
        if isinstance(problem, BadToken):
            text = f'Bearer realm="Doorkeeper", error="invalid_token", error_description="{problem.sentence}"'
            answer = answer.with_header("WWW-Authenticate", text)
        return answer


def _in_a_line(cause: BaseException) -> str:
    return f"{type(cause).__name__}: {' '.join(str(cause).split())}"
