"""The inboxes, to which other servers deliver activities."""

from __future__ import annotations

from attrs import frozen

from microblog.federation.bounds import MAX_JSON_BYTES
from microblog.federation.documents.vocabulary import is_activity_json
from microblog.federation.inbox import Inbox
from microblog.federation.signed_requests import HttpRequest
from microblog.model.errors import UnsupportedType
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route

DELIVERY = RouteOptions(api=True, bearer=False, counted=False, body=MAX_JSON_BYTES, signed=True)


@frozen
class InboxRoutes:
    """The shared inbox, and those of the accounts."""

    inbox: Inbox

    @route("POST", "/inbox", DELIVERY)
    @route("POST", "/actor/inbox", DELIVERY)
    async def shared(self, request: Request) -> Response:
        """Accept an activity for anybody here."""
        return await self._receive(request, None)

    @route("POST", "/users/<username:username>/inbox", DELIVERY)
    async def personal(self, request: Request, username: str) -> Response:
        """Accept an activity for an account."""
        return await self._receive(request, username)

    async def _receive(self, request: Request, owner: str | None) -> Response:
        """Respond with 202 to what is accepted, whether it will have an effect or not: the sender learns nothing about people here."""
        if not is_activity_json(request.header("Content-Type") or ""):
            raise UnsupportedType("Activities are application/activity+json.")
        incoming, body = request.incoming, request.incoming.body
        if incoming.file is not None:
            incoming.file.seek(0)
            body = incoming.file.read()
        signed = HttpRequest.received(request.origin.url, request.method, request.path_and_query, incoming.all_headers(), body)
        await self.inbox.receive(signed, incoming.network, owner)
        return Response.empty(202)
