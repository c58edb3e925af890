"""The site: finds the route, lets the gate look at the call, runs the route, writes the answer.

A route that reads is cancelled when its client hangs up. A command runs to its end: whoever waits may stop waiting, the work goes on.
Nothing is deferred until a route really waits: a coroutine that finishes at once is answered at once.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from typing import Any, TypeVar

import orjson
from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

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
"""Up to so many bytes a body is parsed on the spot; more go to a thread, because a megabyte of percent signs takes a tenth of a second."""

T = TypeVar("T")
InThread = Callable[[Callable[[], Params]], Awaitable[Params]]

_log = Logger()


@types.coroutine
def _resumed(work: Coroutine[Any, Any, T], waiting: object) -> Generator[Any, Any, T]:
    """The rest of a coroutine that was begun by hand and has given `waiting` to wait for."""
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
    """Run `work` until it waits. The result itself if it never did, else a Deferred of it."""
    try:
        waiting = work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    return Deferred.fromCoroutine(_resumed(work, waiting))


async def _inline(parse: Callable[[], Params]) -> Params:
    return parse()


class Dispatcher:
    """All routes of all features behind one gate. `in_thread` runs the parsing of large bodies beside the reactor."""

    def __init__(
        self, features: Iterable[object], *, origin: SiteOrigin, gate: Authorizer, errors: Errors, in_thread: InThread = _inline
    ) -> None:
        self.origin = origin
        self.routes = Routes(features, self)
        self._gate = gate
        self._errors = errors
        self._in_thread = in_thread
        self._head = HeaderEncoder(origin.secure)
        self._refusals: dict[tuple[int, str], bytes] = {}  # of few sentences; who is refused often must not cost a page each time
        self._working: set[Deferred[None]] = set()

    @property
    def busy(self) -> bool:
        """True while a route works, whether its client still waits or not."""
        return bool(self._working)

    def admit_body(self, incoming: IncomingRequest, decided: Callable[[tuple[int, str] | None], None]) -> None:
        """Find out who sends a large body whose head is here; call `decided` with status and sentence of a refusal, or None.

        Strangers may send small bodies only: else they could fill all room there is, and keep it filled.
        """
        work = begin(self._refusal_of_body(Request(incoming, self.origin)))
        if isinstance(work, Deferred):
            work.addCallback(decided).addErrback(_unless_cancelled)
        else:
            decided(work)

    async def _refusal_of_body(self, request: Request) -> tuple[int, str] | None:
        try:
            request.incoming.path_text = decode_path(request.incoming.raw_path)
            bound, _ = self.routes.find(request.incoming.method_name, request.path)
            request.route = bound.route
            await self._gate.admit_body(request, bound.route)
        except Exception as error:
            return self._errors.refusal(request, error)
        return None

    def body_limit(self, method: bytes, target: bytes, files: bool) -> int:
        """How many bytes a body may have here; `files` says whether it is a form that may hold files."""
        return self.routes.body_limit(method.decode("ascii"), target.partition(b"?")[0], files)

    def refusal(self, status: int, sentence: str, target: bytes) -> tuple[bytes, bytes]:
        """Content type and body for a request that is refused before it is complete."""
        if is_cross_origin(target.partition(b"?")[0].decode("latin-1")):
            return JSON, orjson.dumps({"error": sentence})
        page = self._refusals.get((status, sentence))
        if page is None:
            page = self._refusals[status, sentence] = self._errors.render(None, status, sentence)
        return HTML, page

    def render(self, incoming: IncomingRequest) -> None:
        """Find the route of a complete request, and answer."""
        incoming.label = incoming.path_text = incoming.raw_path.decode("ascii")  # a path that cannot be decoded may still be one of the API
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
            # whatever is served there: a browser must be able to read the 404 or 405 of the request itself
            self._send(request, preflight(request))
            return
        try:
            incoming.path_text = decode_path(incoming.raw_path)
            self._send(request, Response.empty().with_header("Allow", self.routes.methods(request.path)))
        except Problem as problem:
            self.refuse(incoming, problem)

    def serve(self, incoming: IncomingRequest, bound: Bound, values: Mapping[str, Any]) -> None:
        """Answer with a route, given the arguments out of the path."""
        request = Request(incoming, self.origin, bound.route)
        if bound.route.has_secret:
            incoming.label = bound.route.path
        self._run(request, self._answer(request, bound, values), safe=bound.route.safe)

    def refuse(self, incoming: IncomingRequest, problem: Problem) -> None:
        """Answer a request that no route answers."""
        request = Request(incoming, self.origin)
        self._run(request, self._refused(request, problem), safe=True)

    def _run(self, request: Request, answering: Coroutine[Any, Any, Response], *, safe: bool) -> None:
        work = begin(answering)
        if not isinstance(work, Deferred):
            self._send(request, work)
            return
        done: Deferred[None] = work.addCallback(lambda answer: self._send(request, answer))
        self._working.add(done)
        if safe:
            request.incoming.gone = done.cancel
        done.addErrback(_unless_cancelled).addBoth(lambda _: self._working.discard(done))

    async def _refused(self, request: Request, problem: Problem) -> Response:
        """What is said where nothing answers. Members are told it on a page of theirs."""
        try:
            if not request.wants_json:
                await self._gate.identify(request)
        except CancelledError:
            raise
        except Exception as error:
            return self._errors.answer(request, error)
        return self._errors.answer(request, problem)

    async def _answer(self, request: Request, bound: Bound, values: Mapping[str, Any]) -> Response:
        try:
            if request.incoming.file is not None and not request.incoming.body_admitted:
                await self._gate.admit_body(request, bound.route)
            if len(request.incoming.body) > INLINE_BODY or request.incoming.file is not None:
                request.keep(await self._in_thread(request.parse))
            await self._gate.authorize(request, bound.route)
            return await bound.function(request, **values)
        except CancelledError as error:
            if request.incoming.hung_up:
                raise
            return self._errors.answer(request, error)
        except Exception as error:
            return self._errors.answer(request, error)
        finally:
            request.close()

    def _send(self, request: Request, answer: Response) -> None:
        """Write the answer, unless nobody waits for it any more."""
        incoming = request.incoming
        if incoming.hung_up:
            return
        answer = packed(request, _unchanged(request, _tagged(request, answer)))
        date = incoming.date
        try:
            head = self._head.encode(answer, request, date)
        except Exception as error:
            request.cookies.clear()
            answer = self._errors.answer(request, error)
            head = self._head.encode(answer, request, date)
        if answer.protocol is not None and incoming.method_name != "HEAD":
            incoming.hand_over(answer.status, head, answer.protocol)
        else:
            bodiless = incoming.method_name == "HEAD" or answer.status in NO_BODY
            incoming.respond(answer.status, head, b"" if bodiless else answer.body)


def _tagged(request: Request, answer: Response) -> Response:
    """An answer of the API that is everybody's with a weak ETag of its body. Nobody may keep the others, so nobody could compare theirs."""
    if not request.api or answer.etag is not None or answer.status != 200 or request.method not in ("GET", "HEAD"):
        return answer
    if request.personal or request.viewer is not None or request.access is not None or answer.cache == NO_STORE or not answer.body:
        return answer
    return answer.tagged()


def _unchanged(request: Request, answer: Response) -> Response:
    """304 if the client says that it has this answer already (RFC 9110 section 13.1.2), else the answer itself."""
    if answer.status != 200 or request.method not in ("GET", "HEAD") or not request.has(answer.etag):
        return answer
    return evolve(answer, status=304, body=b"")


def _unless_cancelled(failure: Failure) -> None:
    if not failure.check(CancelledError):
        _log.failure("A response could not be written", failure=failure)
