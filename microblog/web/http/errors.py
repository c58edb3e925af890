"""Mapping of Problems to HTTP error responses, as JSON or HTML pages."""

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
    UnsupportedType,
    disk_full,
)
from microblog.render.formatting import NO_PAGE, waiting
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
    UnsupportedType: 415,
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
_NOT_FOUND = frozenset({NotFound.sentence, "Not Found"})  # sentences that API clients compare; pages show a friendlier one

ErrorPage = Callable[[Request | None, int, str], bytes]
"""Renders an error page: (request or None, status, sentence) -> HTML. It may show the submitted fields, so that no input is lost."""

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}

_log = Logger()


class BadToken(Unauthenticated):
    """The access token is missing or invalid."""

    sentence = "The access token is invalid"


class NeedsUser(Problem):
    """An app token was sent where a user token is required."""

    sentence = "This method requires an authenticated user"


class PendingApproval(Forbidden):
    """The account's e-mail address is not confirmed, or the account is not approved yet."""

    sentence = "Your login is currently pending approval"


class MethodNotSupported(Problem):
    """The path does not support the method. `allow` is the Allow header."""

    sentence = "This page does not support this method."

    def __init__(self, allow: str) -> None:
        super().__init__()
        self.allow = allow


def status_of(problem: Problem) -> int:
    """The status of a problem: that of its class, or of the nearest base class."""
    if isinstance(problem, NeedsUser):
        return 422
    if isinstance(problem, MethodNotSupported):
        return 405
    return next(STATUS[cls] for cls in type(problem).__mro__ if cls in STATUS)


def plain_page(request: Request | None, status: int, sentence: str) -> bytes:
    """A minimal error page, if no better one can be rendered."""
    del request
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{status}</title><h1>{status}</h1><p>{escape(sentence)}</p></html>'
    return page.encode("utf-8")


def error_json(problem: Problem, *, api: bool) -> dict[str, object]:
    """The JSON body of an error: always `error`, `details` with codes for invalid parameters, `fields` for the site's own scripts."""
    body: dict[str, object] = {"error": problem.sentence}
    if isinstance(problem, Invalid):
        if not api:
            body["error"] = page_message(problem)
        if problem.codes:
            body["details"] = {
                name: [{"error": problem.codes.get(name, "ERR_INVALID"), "description": _without_label(name, text)}]
                for name, text in problem.fields.items()
            }
        if not api:
            body["fields"] = problem.fields
    return body


def _without_label(name: str, text: str) -> str:
    """The message without the field's label, for clients that put their own label before it."""
    return text.removeprefix(_LABELS.get(name) or label(name)).lstrip()


def page_message(problem: Problem) -> str:
    """The message for a page, instead of Mastodon's sentences for API clients."""
    if isinstance(problem, Invalid):
        return problem.sentence.removeprefix("Validation failed: ")
    if problem.sentence in _NOT_FOUND:
        return NO_PAGE
    if problem.sentence == Forbidden.sentence:
        return "You are not allowed to do this."
    if not isinstance(problem, TooMany):
        return problem.sentence
    return f"{problem.sentence.rstrip('.')}. Please try again in {waiting(problem.retry_after)}."


@frozen
class Errors:
    """Builds the response for an exception. `login` and `pending`: paths of the log-in page and of the page for pending accounts."""

    page: ErrorPage = plain_page
    login: str = "/login"
    pending: str = "/pending"

    def response(self, request: Request, error: Exception) -> Response:
        """The response for `error`. Exceptions other than `Problem` are logged with traceback, and shown without details."""
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            cause, error = error, disk_full()
            error.__cause__ = cause
        if not isinstance(error, Problem):
            _log.failure(
                "Request {request_id} to {route} failed",
                failure=Failure(error),
                request_id=request.id,
                route=request.route and request.route.name,
            )
            return self._error_response(request, 500, Unavailable(f"Something went wrong. The error is logged as {request.id}."))
        if error.__cause__ is not None and isinstance(error, Unavailable):
            _log.warn("Request {request_id} could not be served: {reason}", request_id=request.id, reason=_one_line(error.__cause__))
        if isinstance(error, Unauthenticated) and not request.wants_json and request.method in ("GET", "HEAD"):
            return Response.redirect(f"{self.login}?next={quote(request.path_and_query, safe='/')}")
        if isinstance(error, PendingApproval) and not request.wants_json:
            return Response.redirect(self.pending)
        return self._error_response(request, status_of(error), error)

    def refusal(self, request: Request, error: Exception) -> tuple[int, str]:
        """Status and sentence for a request that is refused by its head alone."""
        if isinstance(error, Problem):
            return status_of(error), error.sentence if request.api else page_message(error)
        _log.failure(
            "A request to {route} failed before its body was read", failure=Failure(error), route=request.route and request.route.name
        )
        return 500, "Something went wrong."

    def _error_response(self, request: Request, status: int, problem: Problem) -> Response:
        if request.wants_json:
            response = Response.json(error_json(problem, api=request.api), status)
        else:
            response = Response.html(self.render(request, status, page_message(problem)), status)
        return self._with_error_headers(response.cached(NO_STORE), problem, status)

    def render(self, request: Request | None, status: int, sentence: str) -> bytes:
        """Render the error page, or a minimal one if that fails."""
        try:
            return self.page(request, status, sentence)
        except Problem:  # the page reads the fields, which may be malformed
            return self.page(None, status, sentence)
        except Exception:
            _log.failure("The error page could not be rendered")
            return plain_page(None, status, sentence)

    def _with_error_headers(self, response: Response, problem: Problem, status: int) -> Response:
        if isinstance(problem, (TooMany, Unavailable)) and status != 500:
            response = response.with_header("Retry-After", str(problem.retry_after))
        if isinstance(problem, MethodNotSupported):
            response = response.with_header("Allow", problem.allow)
        if isinstance(problem, BadToken):
            text = f'Bearer realm="Doorkeeper", error="invalid_token", error_description="{problem.sentence}"'
            response = response.with_header("WWW-Authenticate", text)
        return response


def _one_line(cause: BaseException) -> str:
    return f"{type(cause).__name__}: {' '.join(str(cause).split())}"
