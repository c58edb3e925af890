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

    def admit_body(self, request: IncomingRequest, decided: Callable[[tuple[int, str] | None], None]) -> None:
        """Find out who sends a large body whose head is here; call `decided` with status and sentence of a refusal, or None.

        Strangers may send small bodies only: else they could fill all room there is, and keep it filled.
        """
        work = begin(self._refusal_of_body(Request(request, self.origin)))
        if isinstance(work, Deferred):
            work.addCallback(decided).addErrback(_unless_cancelled)
        else:
            decided(work)

    async def _refusal_of_body(self, call: Request) -> tuple[int, str] | None:
        try:
            call.request.path_text = decode_path(call.request.raw_path)
            bound, _ = self.routes.find(call.request.method_name, call.path)
            call.route = bound.route
            await self._gate.admit_body(call, bound.route)
        except Exception as error:
            return self._errors.refusal(call, error)
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

    def render(self, request: IncomingRequest) -> None:
        """Find the route of a complete request, and answer."""
        request.label = request.path_text = request.raw_path.decode("ascii")  # a path that cannot be decoded may still be one of the API
        if request.method_name == "OPTIONS":
            self._options(request)
            return
        try:
            request.path_text = decode_path(request.raw_path)
            bound, values = self.routes.find(request.method_name, request.path_text)
        except Problem as problem:
            self.refuse(request, problem)
        else:
            self.serve(request, bound, values)

    def _options(self, request: IncomingRequest) -> None:
        call = Request(request, self.origin)
        if call.cross_origin:
            # whatever is served there: a browser must be able to read the 404 or 405 of the request itself
            self._send(call, preflight(call))
            return
        try:
            request.path_text = decode_path(request.raw_path)
            self._send(call, Response.empty().with_header("Allow", self.routes.methods(call.path)))
        except Problem as problem:
            self.refuse(request, problem)

    def serve(self, request: IncomingRequest, bound: Bound, values: Mapping[str, Any]) -> None:
        """Answer with a route, given the arguments out of the path."""
        call = Request(request, self.origin, bound.route)
        if bound.route.has_secret:
            request.label = bound.route.path
        self._run(call, self._answer(call, bound, values), safe=bound.route.safe)

    def refuse(self, request: IncomingRequest, problem: Problem) -> None:
        """Answer a request that no route answers."""
        call = Request(request, self.origin)
        self._run(call, self._refused(call, problem), safe=True)

    def _run(self, call: Request, answering: Coroutine[Any, Any, Response], *, safe: bool) -> None:
        work = begin(answering)
        if not isinstance(work, Deferred):
            self._send(call, work)
            return
        done: Deferred[None] = work.addCallback(lambda answer: self._send(call, answer))
        self._working.add(done)
        if safe:
            call.request.gone = done.cancel
        done.addErrback(_unless_cancelled).addBoth(lambda _: self._working.discard(done))

    async def _refused(self, call: Request, problem: Problem) -> Response:
        """What is said where nothing answers. Members are told it on a page of theirs."""
        try:
            if not call.wants_json:
                await self._gate.identify(call)
        except CancelledError:
            raise
        except Exception as error:
            return self._errors.answer(call, error)
        return self._errors.answer(call, problem)

    async def _answer(self, call: Request, bound: Bound, values: Mapping[str, Any]) -> Response:
        try:
            if call.request.file is not None and not call.request.body_admitted:
                await self._gate.admit_body(call, bound.route)
            if len(call.request.body) > INLINE_BODY or call.request.file is not None:
                call.keep(await self._in_thread(call.parse))
            await self._gate.authorize(call, bound.route)
            return await bound.function(call, **values)
        except CancelledError as error:
            if call.request.hung_up:
                raise
            return self._errors.answer(call, error)
        except Exception as error:
            return self._errors.answer(call, error)
        finally:
            call.close()

    def _send(self, call: Request, answer: Response) -> None:
        """Write the answer, unless nobody waits for it any more."""
        request = call.request
        if request.hung_up:
            return
        answer = packed(call, _unchanged(call, _tagged(call, answer)))
        date = request.date
        try:
            head = self._head.encode(answer, call, date)
        except Exception as error:
            call.cookies.clear()
            answer = self._errors.answer(call, error)
            head = self._head.encode(answer, call, date)
        if answer.protocol is not None and request.method_name != "HEAD":
            request.hand_over(answer.status, head, answer.protocol)
        else:
            bodiless = request.method_name == "HEAD" or answer.status in NO_BODY
            request.respond(answer.status, head, b"" if bodiless else answer.body)


def _tagged(call: Request, answer: Response) -> Response:
    """An answer of the API that is everybody's with a weak ETag of its body. Nobody may keep the others, so nobody could compare theirs."""
    if not call.api or answer.etag is not None or answer.status != 200 or call.method not in ("GET", "HEAD"):
        return answer
    if call.personal or call.viewer is not None or call.access is not None or answer.cache == NO_STORE or not answer.body:
        return answer
    return answer.tagged()


def _unchanged(call: Request, answer: Response) -> Response:
    """304 if the client says that it has this answer already (RFC 9110 section 13.1.2), else the answer itself."""
    if answer.status != 200 or call.method not in ("GET", "HEAD") or not call.has(answer.etag):
        return answer
    return evolve(answer, status=304, body=b"")


def _unless_cancelled(failure: Failure) -> None:
    if not failure.check(CancelledError):
        _log.failure("A response could not be written", failure=failure)
