"""Interfaces of what federation uses outside the database; the composition root chooses the adapters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from microblog.model.remote_requests import RemoteResponse


class RemoteServers(Protocol):
    """HTTP client for other servers."""

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> RemoteResponse:
        """Send one request, within bounded time, and return the response of any status. Redirects are not followed.

        Raises FetchError if there is no response, if it is too long, or if the host must not be contacted.
        """
