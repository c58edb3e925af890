"""Account support by moderators: confirmation, e-mail address, password reset, role, and profile images."""

from __future__ import annotations

from collections.abc import Awaitable

from attrs import frozen

from microblog.domain.account_support import AccountSupport
from microblog.model.errors import Invalid
from microblog.model.ids import AccountId
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.moderation_desk import AccountDeskPages

MODERATOR = RouteOptions(viewer=AccessLevel.MODERATOR)
ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)


@frozen
class AccountSupportPages:
    """The forms of the section "Help and profile"; they lead back to the page of the account."""

    account_pages: AccountDeskPages
    support: AccountSupport

    @route("POST", "/admin/accounts/<id:account_id>/confirm", MODERATOR)
    async def confirm(self, request: Request, account_id: int) -> Response:
        """Mark the e-mail address as confirmed."""
        id = AccountId(account_id)
        return await self._done(request, id, self.support.confirm(request.member, id))

    @route("POST", "/admin/accounts/<id:account_id>/resend_confirmation", MODERATOR)
    async def resend_confirmation(self, request: Request, account_id: int) -> Response:
        """Send the confirmation e-mail again."""
        id = AccountId(account_id)
        return await self._done(request, id, self.support.resend_confirmation(request.member, id))

    @route("POST", "/admin/accounts/<id:account_id>/email", MODERATOR)
    async def change_email(self, request: Request, account_id: int) -> Response:
        """Change the e-mail address to `email`."""
        id = AccountId(account_id)
        return await self._done(request, id, self.support.change_email(request.member, id, request.fields.value("email")))

    @route("POST", "/admin/accounts/<id:account_id>/password_reset", MODERATOR)
    async def send_password_reset(self, request: Request, account_id: int) -> Response:
        """Send the owner a link for choosing a new password."""
        id = AccountId(account_id)
        return await self._done(request, id, self.support.send_password_reset(request.member, id))

    @route("POST", "/admin/roles/<id:account_id>", ADMIN)
    async def change_role(self, request: Request, account_id: int) -> Response:
        """Change the role to `role`."""
        id = AccountId(account_id)
        return await self._done(request, id, self.support.change_role(request.member, id, request.fields.value("role")))

    @route("POST", "/admin/accounts/<id:account_id>/remove_image", MODERATOR)
    async def remove_image(self, request: Request, account_id: int) -> Response:
        """Remove the avatar or the header: `image`."""
        id = AccountId(account_id)
        return await self._done(request, id, self.support.remove_image(request.member, id, request.fields.value("image")))

    async def _done(self, request: Request, id: AccountId, act: Awaitable[None]) -> Response:
        try:
            await act
        except Invalid as problem:
            return await self.account_pages.response(request, id, problem)
        return Response.redirect(f"/admin/accounts/{id}")
