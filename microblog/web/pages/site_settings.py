"""Page for administrators: the settings of the site."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.site_settings import SiteAdmin, SiteChange
from microblog.model.errors import Invalid
from microblog.model.site_images import MAX_BYTES, SiteImageKind
from microblog.model.site_settings import NAMES, SiteSettings
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.site_views import SiteSettingsPage
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import TEXT_FORM, AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)
FORM = RouteOptions(viewer=AccessLevel.ADMIN, body=TEXT_FORM, files=2 * sum(MAX_BYTES.values()) + TEXT_FORM)
"""Takes larger files than are accepted, for an error that says so beside what was typed."""
PATH = "/admin/site"
_FLAGS = frozenset(name for name in NAMES if isinstance(getattr(SiteSettings(), name), bool))


@frozen
class SiteSettingsPages:
    """The form of the site settings."""

    pages: Pages
    contexts: PageContexts
    admin: SiteAdmin

    @route("GET", PATH, ADMIN)
    async def show(self, request: Request) -> Response:
        """Show the settings in force."""
        settings = self.admin.current.settings
        return await self._show(request, SiteChange({name: getattr(settings, name) for name in NAMES}))

    @route("POST", PATH, FORM)
    async def change(self, request: Request) -> Response:
        """Store the settings. On errors, show the form again with its values and an error per field."""
        fields = request.fields
        typed = {name: fields.flag(name) if name in _FLAGS else fields.text(name) for name in NAMES}
        uploads = {kind: upload.file for kind in SiteImageKind if (upload := fields.upload(kind)) is not None}
        removed = frozenset(kind for kind in SiteImageKind if fields.flag(f"drop_{kind}"))
        wanted = SiteChange(typed, uploads, removed)
        try:
            await self.admin.change(wanted, request.member)
        except Invalid as problem:
            return await self._show(request, wanted, problem)
        return Response.redirect(f"{PATH}?notice=saved")

    async def _show(self, request: Request, form: SiteChange, problem: Invalid | None = None) -> Response:
        current = self.admin.current
        errors = problem.fields if problem else {}
        page = SiteSettingsPage(form.values, current.fixed, current.settings.images, form.removed, errors)
        html = self.pages.page("site_settings", await self.contexts.of(request), PageMetadata("Site settings"), page=page)
        return Response.html(html, status_of(problem) if problem else 200)
