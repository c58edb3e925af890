"""Moving to another account: aliases, the move itself, and taking it back."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from microblog.domain.moves import Moves
from microblog.model.errors import Invalid
from microblog.model.ids import AccountId
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import MoveForm
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
MAX_ADDRESS = 600


@frozen
class MovePages:
    """The page about aliases and moves."""

    pages: Pages
    contexts: PageContexts
    moves: Moves

    @route("GET", "/settings/move", MEMBER)
    async def show(self, request: Request) -> Response:
        """Show the aliases, and the form to move or to take a move back."""
        return await self._page(request, {}, None)

    @route("POST", "/settings/aliases", MEMBER)
    async def add_alias(self, request: Request) -> Response:
        """Add an alias."""
        typed = request.fields.value("alias", max=MAX_ADDRESS)
        try:
            await self.moves.add_alias(request.member, typed)
        except Invalid as problem:
            return await self._page(request, {"alias": typed}, problem)
        return Response.redirect("/settings/move?notice=saved")

    @route("POST", "/settings/aliases/<id:account_id>/remove", MEMBER)
    async def remove_alias(self, request: Request, account_id: int) -> Response:
        """Remove an alias."""
        await self.moves.remove_alias(request.member, AccountId(account_id))
        return Response.redirect("/settings/move?notice=saved")

    @route("POST", "/settings/move", MEMBER)
    async def move(self, request: Request) -> Response:
        """Move to another account."""
        fields, typed = request.fields, request.fields.value("moved_to", max=MAX_ADDRESS)
        try:
            await self.moves.move(request.member, fields.password("current_password"), typed, request.network)
        except Invalid as problem:
            return await self._page(request, {"moved_to": typed}, problem)
        return Response.redirect("/settings/move?notice=saved")

    @route("POST", "/settings/move/cancel", MEMBER)
    async def cancel(self, request: Request) -> Response:
        """Take a move back."""
        await self.moves.cancel(request.member)
        return Response.redirect("/settings/move?notice=saved")

    async def _page(self, request: Request, typed: Mapping[str, str], problem: Invalid | None) -> Response:
        state = await self.moves.state(request.member)
        errors = problem.fields if problem else {}
        form = MoveForm(state.aliases, state.moved_to, state.may_move_at, self.contexts.site.federates, typed, errors)
        page = self.pages.page("settings_move", await self.contexts.of(request), PageMetadata("Move to another account"), form=form)
        return Response.html(page, status_of(problem) if problem else 200)
