"""Client of Web Push services. Endpoint URLs come from clients, so requests are guarded like those for any link."""

from __future__ import annotations

from collections.abc import Mapping

import treq.client
from attrs import define
from twisted.web.http_headers import Headers

from microblog.adapters.ssrf_guard import SsrfGuard
from microblog.model.push import PushResponse

MAX_RESPONSE_BYTES = 4_096  # the body is not used


@define
class PushClient(SsrfGuard):
    """Posts push messages. `agent` is the User-Agent; `seconds` limits a whole request."""

    agent: str
    seconds: float = 10.0

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> PushResponse:
        """Send one request; redirects are not followed. Raises FetchError if there is no response."""
        return await self.with_timeout(self.seconds, self._post(url, headers, body))

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> PushResponse:
        limit = self.transfer_limit(MAX_RESPONSE_BYTES)
        client = treq.client.HTTPClient(limit.agent())
        sent = Headers({"User-Agent": [self.agent], **{name: [value] for name, value in headers.items()}})
        try:
            response = await client.post(url, headers=sent, data=body, allow_redirects=False, unbuffered=True)
            return PushResponse(response.code, response.headers.getRawHeaders("retry-after", [""])[0])
        finally:
            limit.close()
