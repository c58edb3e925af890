"""The dispatcher: finds the route of a request, authorizes the request, runs the route and writes the response.

A route that only reads is cancelled when its client disconnects; a command runs to completion. No Deferred is created unless a route
really waits: a coroutine that finishes at once is answered at once.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator, Iterable, Mapping
from typing import Any, TypeVar

import orjson
from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.federation.documents.vocabulary import prefers_activity_json
from microblog.logs.context import log_context
from microblog.model.errors import Problem
from microblog.web.http.authorization import Authorizer
from microblog.web.http.compression import packed
from microblog.web.http.errors import Errors
from microblog.web.http.headers import NO_BODY, HeaderEncoder, preflight
from microblog.web.http.incoming import IncomingRequest
from microblog.web.http.params import Params
from microblog.web.http.request import Request, SiteOrigin, is_cross_origin
from microblog.web.http.response import HTML, JSON, NO_STORE, Response
from microblog.web.http.url_map import Bound, Routes, decode_path

INLINE_BODY = 32 * 1024
"""Maximum size in bytes of a body that is parsed on the reactor; a larger one could block it for a tenth of a second."""

T = TypeVar("T")
InThread = Callable[[Callable[[], Params]], Awaitable[Params]]

_log = Logger()


@types.coroutine
def _resumed(work: Coroutine[Any, Any, T], waiting: object) -> Generator[Any, Any, T]:
    """Continue a coroutine that was started with `send` and yielded `waiting`."""
    try:
        while True:
            try:
                value = yield waiting
            except GeneratorExit:
                work.close()
                raise
            except BaseException as error:
                waiting = work.throw(error)
            else:
                waiting = work.send(value)
    except StopIteration as end:
        result: T = end.value
        return result


def begin(work: Coroutine[Any, Any, T]) -> T | Deferred[T]:
    """Run `work` until it waits. Returns its result if it never waits, else a Deferred."""
    try:
        waiting = work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    return Deferred.fromCoroutine(_resumed(work, waiting))


async def _inline(parse: Callable[[], Params]) -> Params:
    return parse()


class Dispatcher:
    """All routes of all features, behind one authorizer. `in_thread` parses large bodies in a thread.

    `federates`: pages redirect to their ActivityPub documents. `hsts_subdomains`: browsers use https for all names below the site's.
    `media_origins`: where media are besides the site itself.
    """

    def __init__(
        self,
        features: Iterable[object],
        *,
        origin: SiteOrigin,
        authorizer: Authorizer,
        errors: Errors,
        in_thread: InThread = _inline,
        federates: bool = False,
        hsts_subdomains: bool = False,
        media_origins: Collection[str] = (),
    ) -> None:
        self.origin = origin
        self.routes = Routes(features, self)
        self._authorizer = authorizer
        self._errors = errors
        self._in_thread = in_thread
        self._federates = federates
        self._head = HeaderEncoder(origin.secure, hsts_subdomains, media_origins)
        self._refusals: dict[tuple[int, str], bytes] = {}  # rendered once per sentence, so that refusals are cheap
        self._working: set[Deferred[None]] = set()

    @property
    def busy(self) -> bool:
        """True while a route is running, whether or not its client still waits."""
        return bool(self._working)

    def admit_body(self, incoming: IncomingRequest, on_decision: Callable[[tuple[int, str] | None], None]) -> None:
        """Decide from the head of a request if its large body is accepted.

        Calls `on_decision` with None, or with status and sentence of a refusal.
        Clients that are not logged in may only send small bodies; otherwise they could use up the disk budget.
        """
        work = begin(self._body_refusal(Request(incoming, self.origin)))
        if isinstance(work, Deferred):
            work.addCallback(on_decision).addErrback(_unless_cancelled)
        else:
            on_decision(work)

    async def _body_refusal(self, request: Request) -> tuple[int, str] | None:
        try:
            request.incoming.path_text = decode_path(request.incoming.raw_path)
            bound, _ = self.routes.find(request.incoming.method_name, request.path)
            request.route = bound.route
            await self._authorizer.admit_body(request, bound.route)
        except Exception as error:
            return self._errors.refusal(request, error)
        return None

    def body_limit(self, method: bytes, target: bytes, files: bool) -> int:
        """Maximum size of a body in bytes. `files`: it is a form that may contain files."""
        return self.routes.body_limit(method.decode("ascii"), target.partition(b"?")[0], files)

    def refusal(self, status: int, sentence: str, target: bytes) -> tuple[bytes, bytes]:
        """Lines of the head, from Content-Type on, and body of the response to a request that is refused before it is complete."""
        if is_cross_origin(target.partition(b"?")[0].decode("latin-1")):
            return self._head.policies(JSON), orjson.dumps({"error": sentence})
        page = self._refusals.get((status, sentence))
        if page is None:
            page = self._refusals[status, sentence] = self._errors.render(None, status, sentence)
        return self._head.policies(HTML), page

    def render(self, incoming: IncomingRequest) -> None:
        """Find the route of a complete request, and respond."""
        incoming.label = incoming.path_text = incoming.raw_path.decode("ascii")  # an undecodable path may still belong to the API
        if incoming.method_name == "OPTIONS":
            self._options(incoming)
            return
        try:
            incoming.path_text = decode_path(incoming.raw_path)
            bound, values = self.routes.find(incoming.method_name, incoming.path_text)
        except Problem as problem:
            self.refuse(incoming, problem)
        else:
            self.serve(incoming, bound, values)

    def _options(self, incoming: IncomingRequest) -> None:
        request = Request(incoming, self.origin)
        if request.cross_origin:
            # for every path: a browser must be able to read the 404 or 405 of the request that follows
            self._send(request, preflight(request))
            return
        try:
            incoming.path_text = decode_path(incoming.raw_path)
            self._send(request, Response.empty().with_header("Allow", self.routes.methods(request.path)))
        except Problem as problem:
            self.refuse(incoming, problem)

    def serve(self, incoming: IncomingRequest, bound: Bound, values: Mapping[str, Any]) -> None:
        """Respond with a route, given the arguments from the path."""
        request, incoming.route = Request(incoming, self.origin, bound.route), bound.route.path
        if bound.route.has_secret:
            incoming.label = incoming.route
        incoming.log_context.route = incoming.route
        self._run(request, self._call_route(request, bound, values), safe=bound.route.safe)

    def refuse(self, incoming: IncomingRequest, problem: Problem) -> None:
        """Respond to a request without a matching route."""
        request = Request(incoming, self.origin)
        self._run(request, self._refusal(request, problem), safe=True)

    def _run(self, request: Request, work: Coroutine[Any, Any, Response], *, safe: bool) -> None:
        outer = log_context.set(request.incoming.log_context)  # a Deferred of the work copies it
        try:
            started = begin(work)
        finally:
            log_context.reset(outer)
        if not isinstance(started, Deferred):
            self._send(request, started)
            return
        done: Deferred[None] = started.addCallback(lambda response: self._send(request, response))
        self._working.add(done)
        if safe:
            request.incoming.on_disconnect = done.cancel
        done.addErrback(_unless_cancelled).addBoth(lambda _: self._working.discard(done))

    async def _page_or_document(self, request: Request, bound: Bound, values: Mapping[str, Any]) -> Response:
        """The page, or a redirect to its ActivityPub document. An account of another server has none here."""
        if prefers_activity_json(request.header("Accept") or "") and "@" not in values.get("username", ""):
            return Response.redirect(bound.route.options.document.format(**values), 302).with_header("Vary", "Accept")
        await self._authorizer.authorize(request, bound.route)
        return (await bound.function(request, **values)).with_header("Vary", "Accept")

    async def _refusal(self, request: Request, problem: Problem) -> Response:
        """The error response. Identifies the session, so that logged-in users see the page with their menu."""
        try:
            if not request.wants_json:
                await self._authorizer.identify(request)
        except CancelledError:
            raise
        except Exception as error:
            return self._errors.response(request, error)
        return self._errors.response(request, problem)

    async def _call_route(self, request: Request, bound: Bound, values: Mapping[str, Any]) -> Response:
        try:
            if request.incoming.file is not None and not request.incoming.body_admitted:
                await self._authorizer.admit_body(request, bound.route)
            if len(request.incoming.body) > INLINE_BODY or request.incoming.file is not None:
                request.set_fields(await self._in_thread(request.parse))
            if self._federates and bound.route.options.document:
                return await self._page_or_document(request, bound, values)
            await self._authorizer.authorize(request, bound.route)
            return await bound.function(request, **values)
        except CancelledError as error:
            if request.incoming.disconnected:
                raise
            return self._errors.response(request, error)
        except Exception as error:
            return self._errors.response(request, error)
        finally:
            request.close()

    def _send(self, request: Request, response: Response) -> None:
        """Write the response, unless the client disconnected."""
        incoming = request.incoming
        if incoming.disconnected:
            return
        response = packed(request, _unchanged(request, _tagged(request, response)))
        date = incoming.date
        try:
            head = self._head.encode(response, request, date)
        except Exception as error:
            request.cookies.clear()
            response = self._errors.response(request, error)
            head = self._head.encode(response, request, date)
        if response.protocol is not None and incoming.method_name != "HEAD":
            incoming.hand_over(response.status, head, response.protocol)
        else:
            bodiless = incoming.method_name == "HEAD" or response.status in NO_BODY
            incoming.respond(response.status, head, b"" if bodiless else response.body)


def _tagged(request: Request, response: Response) -> Response:
    """Add a weak ETag of the body to public API responses. Others must not be stored, so a client could not compare them."""
    if not request.api or response.etag is not None or response.status != 200 or request.method not in ("GET", "HEAD"):
        return response
    if request.personal or request.viewer is not None or request.access is not None or response.cache == NO_STORE or not response.body:
        return response
    return response.tagged()


def _unchanged(request: Request, response: Response) -> Response:
    """A 304 if the client has this response already (RFC 9110 section 13.1.2), else the response itself."""
    if response.status != 200 or request.method not in ("GET", "HEAD") or not request.has(response.etag):
        return response
    return evolve(response, status=304, body=b"")


def _unless_cancelled(failure: Failure) -> None:
    if not failure.check(CancelledError):
        _log.failure("A response could not be written", failure=failure)
