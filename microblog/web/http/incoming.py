"""The request as the site needs it, whichever server has read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, AnyStr, BinaryIO, Protocol

from twisted.internet.interfaces import IProtocol

from microblog.web.http.client_address import Address

if TYPE_CHECKING:
    from microblog.web.http.response import Response


class IncomingRequest(Protocol):
    """A complete request and the way to answer it. `web.request.Request` comes from this server, `StockRequest` from `twisted.web.server`.

    `path_text` is the decoded path, `label` the path as logs show it. `gone` is called once if the client hangs up before the response.
    """

    path_text: str
    label: str
    gone: Callable[[], None] | None

    @property
    def id(self) -> str:
        """The request's id in log and X-Request-Id."""

    @property
    def method_name(self) -> str:
        """GET, POST ..."""

    @property
    def uri(self) -> bytes:
        """Path and query as they came, ASCII."""

    @property
    def raw_path(self) -> bytes:
        """The path as it came, ASCII."""

    @property
    def query(self) -> bytes:
        """The query as it came, without the question mark."""

    @property
    def body(self) -> bytes:
        """The body; empty where it is in `file`."""

    @property
    def file(self) -> BinaryIO | None:
        """The body where it is too large for memory."""

    @property
    def address(self) -> Address:
        """The client's address."""

    @property
    def network(self) -> str:
        """The client's network as limits count it."""

    @property
    def secure(self) -> bool:
        """True if the client came by TLS."""

    @property
    def host_name(self) -> str:
        """The Host header, lower case."""

    @property
    def date(self) -> bytes:
        """The value of the Date header."""

    @property
    def hung_up(self) -> bool:
        """True if nobody waits for the response any more."""

    @property
    def body_admitted(self) -> bool:
        """True if the sender of a large body was checked before the body was read."""

    def getHeader(self, key: AnyStr) -> AnyStr | None:  # noqa: N802 - Twisted's name
        """The last value of a header."""

    def persistent_after(self, answer: Response) -> bool:
        """True if the connection stays open for more requests after this answer."""

    def respond(self, status: int, head: bytes, body: bytes) -> None:
        """Write the whole response. Only while the client has not hung up."""

    def hand_over(self, status: int, head: bytes, protocol: IProtocol) -> None:
        """Write the head and give the connection to `protocol`. Only while the client has not hung up."""
