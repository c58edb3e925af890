"""Pages for administrators: the rules of the site."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.rules import RuleAdmin
from microblog.model.errors import Invalid
from microblog.model.ids import RuleId
from microblog.model.rules import Rule, RuleText
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.site_views import RuleForm
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)
PATH = "/admin/rules"


@frozen
class RulePages:
    """The list of rules with buttons, and a form for each."""

    pages: Pages
    contexts: PageContexts
    admin: RuleAdmin

    @route("GET", PATH, ADMIN)
    async def all(self, request: Request) -> Response:
        """List the rules, with a form for another one."""
        return await self._all(request, RuleForm())

    @route("POST", PATH, ADMIN)
    async def add(self, request: Request) -> Response:
        """Add a rule."""
        text, hint = request.fields.text("text"), request.fields.text("hint")
        try:
            await self.admin.add(text, hint, request.member)
        except Invalid as problem:
            return await self._all(request, RuleForm(None, text, hint, problem.fields), status_of(problem))
        return Response.redirect(f"{PATH}?notice=saved")

    @route("GET", PATH + "/<id:rule_id>", ADMIN)
    async def form(self, request: Request, rule_id: int) -> Response:
        """Show the form to edit a rule."""
        rule = await self.admin.one(RuleId(rule_id))
        return await self._form(request, RuleForm(rule.id, rule.text, rule.hint))

    @route("POST", PATH + "/<id:rule_id>", ADMIN)
    async def change(self, request: Request, rule_id: int) -> Response:
        """Change the words of a rule."""
        id, text, hint = RuleId(rule_id), request.fields.text("text"), request.fields.text("hint")
        try:
            await self.admin.change(id, text, hint, request.member)
        except Invalid as problem:
            return await self._form(request, RuleForm(id, text, hint, problem.fields), status_of(problem))
        return Response.redirect(f"{PATH}?notice=saved")

    @route("GET", PATH + "/<id:rule_id>/translations", ADMIN)
    async def translations(self, request: Request, rule_id: int) -> Response:
        """List the translations of a rule, with a form for one: of the language `language`, or another one."""
        rule, language = await self.admin.one(RuleId(rule_id)), request.fields.value("language", max=50) or ""
        words = rule.translations.get(language, RuleText(""))
        return await self._translations(request, rule, RuleForm(rule.id, words.text, words.hint, language=language))

    @route("POST", PATH + "/<id:rule_id>/translations", ADMIN)
    async def translate(self, request: Request, rule_id: int) -> Response:
        """Add or change a translation."""
        id, fields = RuleId(rule_id), request.fields
        text, hint, language = fields.text("text"), fields.text("hint"), fields.value("language", max=50) or ""
        try:
            await self.admin.translate(id, language, text, hint, request.member)
        except Invalid as problem:
            form = RuleForm(id, text, hint, problem.fields, language)
            return await self._translations(request, await self.admin.one(id), form, status_of(problem))
        return Response.redirect(f"{PATH}/{id}/translations?notice=saved")

    @route("POST", PATH + "/<id:rule_id>/translations/delete", ADMIN)
    async def delete_translation(self, request: Request, rule_id: int) -> Response:
        """Delete a translation."""
        await self.admin.delete_translation(RuleId(rule_id), request.fields.value("language", max=50) or "", request.member)
        return Response.redirect(f"{PATH}/{rule_id}/translations")

    @route("POST", PATH + "/<id:rule_id>/up", ADMIN)
    async def up(self, request: Request, rule_id: int) -> Response:
        """Move a rule up by one place."""
        await self.admin.move(RuleId(rule_id), request.member, up=True)
        return Response.redirect(PATH)

    @route("POST", PATH + "/<id:rule_id>/down", ADMIN)
    async def down(self, request: Request, rule_id: int) -> Response:
        """Move a rule down by one place."""
        await self.admin.move(RuleId(rule_id), request.member, up=False)
        return Response.redirect(PATH)

    @route("POST", PATH + "/<id:rule_id>/delete", ADMIN)
    async def delete(self, request: Request, rule_id: int) -> Response:
        """Delete a rule."""
        await self.admin.delete(RuleId(rule_id), request.member)
        return Response.redirect(PATH)

    async def _all(self, request: Request, form: RuleForm, status: int = 200) -> Response:
        values = {"rules": self.admin.rules, "source": self.admin.source, "form": form}
        return Response.html(self.pages.page("rules", await self.contexts.of(request), PageMetadata("Rules"), **values), status)

    async def _translations(self, request: Request, rule: Rule, form: RuleForm, status: int = 200) -> Response:
        metadata, context = PageMetadata("Translations of a rule"), await self.contexts.of(request)
        return Response.html(self.pages.page("rule_translations", context, metadata, rule=rule, form=form), status)

    async def _form(self, request: Request, form: RuleForm, status: int = 200) -> Response:
        return Response.html(self.pages.page("rule", await self.contexts.of(request), PageMetadata("Edit rule"), form=form), status)
