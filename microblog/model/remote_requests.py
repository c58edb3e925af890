"""HTTP exchanges with other servers of the federation."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class RemoteResponse:
    """A complete response. `headers` has lower-case names; repeated ones are joined by ", "."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@frozen
class DownloadLimits:
    """The most bytes that a file may have, and the most seconds that its transfer may take."""

    bytes: int
    seconds: float
