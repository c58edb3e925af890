"""Other servers that read documents: by their signatures, which are needed for what is not public, and for everything in secure mode."""

from __future__ import annotations

from attrs import frozen

from microblog.federation.hosts import host_of
from microblog.federation.local_documents import LocalDocuments
from microblog.federation.signed_requests import HttpRequest, MissingSignature
from microblog.federation.signers import Signers
from microblog.model.errors import Forbidden, NotFound
from microblog.model.ids import AccountId
from microblog.model.remote_actors import KnownKey
from microblog.web.http.request import Request


@frozen
class Readers:
    """Checks who reads. With `secure`, documents are only for those who sign their requests, and not for those whom an account blocks."""

    signers: Signers
    documents: LocalDocuments
    secure: bool = False

    @staticmethod
    def is_signed(request: Request) -> bool:
        """True if a request has a signature, which may be wrong."""
        return request.header("Signature") is not None

    async def reader(self, request: Request) -> KnownKey:
        """Return the key of who signed a request. Raises Unauthenticated without a valid signature, Forbidden for suspended accounts."""
        if not self.is_signed(request):
            raise MissingSignature
        signed = HttpRequest.received(request.origin.url, request.method, request.path_and_query, request.incoming.all_headers(), b"")
        key = await self.signers.verified(self.signers.claim(signed), request.incoming.network)
        if key.suspended:
            raise Forbidden("This account is suspended.")
        return key

    async def check(self, request: Request, username: str) -> None:
        """In secure mode, raise a Problem unless the request is signed by somebody whom the account does not block."""
        if self.secure:
            request.personal = True  # not for shared caches
            key = await self.reader(request)
            if await self.documents.blocks(username, AccountId(key.account_id)):
                raise NotFound

    async def host_that_may_read(self, request: Request, username: str) -> str:
        """Return the host of who signed the request. Raises NotFound if the account blocks the signer."""
        key = await self.reader(request)
        if await self.documents.blocks(username, AccountId(key.account_id)):
            raise NotFound
        return host_of(key.owner, self.signers.rules.exempt) or ""

    async def host(self, request: Request) -> str:
        """Return the host of who signed the request."""
        return host_of((await self.reader(request)).owner, self.signers.rules.exempt) or ""
