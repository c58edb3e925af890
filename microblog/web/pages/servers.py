"""Pages for administrators: other servers, the rules for them, and the allow-list. What cannot be undone asks for confirmation first."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from attrs import evolve, frozen

from microblog.federation.domain_moderation import DomainModeration
from microblog.federation.servers import Servers
from microblog.model.deliveries import HostFilter
from microblog.model.domain_rules import AllowedDomain, DomainRule, DomainSeverity, RuleToStore, StoredDomainRule
from microblog.model.errors import Invalid, NotFound
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.server_views import RulePage, ServersPage, consequence, removal
from microblog.render.html.view_models import ConfirmView
from microblog.web.http.errors import status_of
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)
PATH = "/admin/servers"
PER_PAGE = 40
MAX_DOMAIN = 300  # characters of what is typed


@frozen
class ServerPages:
    """The list of other servers, and the rules for them."""

    pages: Pages
    contexts: PageContexts
    servers: Servers
    domains: DomainModeration

    @route("GET", "/admin/servers", ADMIN)
    async def show(self, request: Request) -> Response:
        """List servers by name: those of one `type`, whose names contain `q`."""
        return await self._show(request, None)

    async def _show(self, request: Request, problem: Invalid | None) -> Response:
        fields, kind = request.fields, request.fields.value("type", max=20)
        filter = HostFilter(kind) if kind in set(HostFilter) else HostFilter.ALL
        query, after = fields.text("q", max=MAX_DOMAIN).strip().lower(), fields.value("after", max=MAX_DOMAIN)
        found = await self.servers.page(filter, query, after, PER_PAGE)
        more = urlencode({"type": filter, "q": query, "after": found[-1].details.host}) if len(found) == PER_PAGE else None
        view = ServersPage(
            tuple(found),
            await self.servers.counts(),
            filter,
            query,
            self.domains.rules.has_allow_list,
            await self.servers.public_url(),
            f"{PATH}?{more}" if more else None,
            problem.fields if problem else {},
        )
        context = await self.contexts.of(request)
        status = status_of(problem) if problem else 200
        return Response.html(self.pages.page("servers", context, PageMetadata("Other servers"), page=view), status)

    @route("POST", "/admin/servers/retry", ADMIN)
    async def retry(self, request: Request) -> Response:
        """Try everything that waits for `host` now."""
        await self.servers.retry(request.fields.value("host", max=MAX_DOMAIN), request.member.id)
        return Response.redirect(request.next_path(PATH))

    # --- Rules

    @route("GET", "/admin/servers/rule", ADMIN)
    async def rule(self, request: Request) -> Response:
        """Show the form of the rule for `domain`."""
        try:
            domain = self.domains.domain(request.fields.text("domain", max=MAX_DOMAIN))
        except Invalid as problem:
            return await self._show(request, problem)
        existing = await self.domains.for_domain(domain)
        if existing is None:
            wanted = RuleToStore(DomainRule(domain, DomainSeverity.SUSPEND))
        else:
            wanted = RuleToStore(existing.rule, existing.public_comment, existing.private_comment)
        return await self._form(request, wanted, {})

    @route("POST", "/admin/servers/rule", ADMIN)
    async def save(self, request: Request) -> Response:
        """Save the rule for `domain`, after a confirmation if its severity changes."""
        wanted = _wanted(request)
        try:
            wanted = evolve(wanted, rule=evolve(wanted.rule, domain=self.domains.domain(wanted.rule.domain)))
            existing = await self.domains.for_domain(wanted.rule.domain)
            changes = existing is None or existing.rule.severity is not wanted.rule.severity
            if changes and not request.fields.flag("confirmed"):
                return await self._confirm(request, wanted)
            await self.domains.put(wanted, request.member.id)
        except Invalid as problem:
            return await self._form(request, wanted, problem.fields)
        return Response.redirect(_search(wanted.rule.domain))

    async def _form(self, request: Request, wanted: RuleToStore, errors: dict[str, str]) -> Response:
        domain = wanted.rule.domain
        view = RulePage(wanted, await self.domains.for_domain(domain), await self.domains.impact(domain), errors)
        page = self.pages.page("server_rule", await self.contexts.of(request), PageMetadata(f"Rule for {domain}"), page=view)
        return Response.html(page, 422 if errors else 200)

    async def _confirm(self, request: Request, wanted: RuleToStore) -> Response:
        rule = wanted.rule
        sentence = consequence(rule.domain, rule.severity, await self.domains.impact(rule.domain))
        titles = {DomainSeverity.SUSPEND: "Suspend", DomainSeverity.SILENCE: "Limit", DomainSeverity.NOOP: "Save the rule for"}
        texts = {"public_comment": wanted.public_comment, "private_comment": wanted.private_comment}
        flags = {name: "1" for name in ("reject_media", "reject_reports", "obfuscate") if getattr(rule, name)}
        fields = {"domain": rule.domain, "severity": str(rule.severity), "confirmed": "1", **texts, **flags}
        title, back = titles[rule.severity], f"{PATH}/rule?domain={quote(rule.domain)}"
        view = ConfirmView(f"{title} {rule.domain}?", sentence, f"{PATH}/rule", title.partition(" ")[0], back, fields=fields)
        return Response.html(self.pages.confirm(await self.contexts.of(request), view))

    @route("GET", "/admin/servers/rule/remove", ADMIN)
    async def remove_question(self, request: Request) -> Response:
        """Ask for confirmation before the rule for `domain` is removed."""
        stored = await self._stored(request)
        domain, back = stored.rule.domain, f"{PATH}/rule?domain={quote(stored.rule.domain)}"
        sentence = removal(domain, stored.rule)
        view = ConfirmView(f"Remove the rule for {domain}?", sentence, f"{PATH}/rule/remove", "Remove", back, fields={"domain": domain})
        return Response.html(self.pages.confirm(await self.contexts.of(request), view))

    @route("POST", "/admin/servers/rule/remove", ADMIN)
    async def remove(self, request: Request) -> Response:
        """Remove the rule for `domain`."""
        stored = await self._stored(request)
        await self.domains.remove(stored.id, request.member.id)
        return Response.redirect(PATH)

    async def _stored(self, request: Request) -> StoredDomainRule:
        """Return the rule for the submitted `domain`. Raises NotFound."""
        stored = await self.domains.for_domain(request.fields.value("domain", max=MAX_DOMAIN))
        if stored is None:
            raise NotFound
        return stored

    # --- The allow-list

    @route("POST", "/admin/servers/allow", ADMIN)
    async def allow(self, request: Request) -> Response:
        """Put `domain` on the allow-list."""
        try:
            allowed = await self.domains.allow(request.fields.text("domain", max=MAX_DOMAIN), request.member.id)
        except Invalid as problem:
            return await self._show(request, Invalid({"allow": problem.fields["domain"]}))
        return Response.redirect(_search(allowed.domain))

    @route("GET", "/admin/servers/disallow", ADMIN)
    async def disallow_question(self, request: Request) -> Response:
        """Ask for confirmation before `domain` is taken off the allow-list."""
        allowed = await self._allowed(request)
        domain, back = allowed.domain, _search(allowed.domain)
        sentence = consequence(domain, DomainSeverity.SUSPEND, await self.domains.impact(domain))
        view = ConfirmView(f"Remove {domain} from the allow-list?", sentence, f"{PATH}/disallow", "Remove", back, fields={"domain": domain})
        return Response.html(self.pages.confirm(await self.contexts.of(request), view))

    @route("POST", "/admin/servers/disallow", ADMIN)
    async def disallow(self, request: Request) -> Response:
        """Take `domain` off the allow-list."""
        allowed = await self._allowed(request)
        await self.domains.disallow(allowed.id, request.member.id)
        return Response.redirect(PATH)

    async def _allowed(self, request: Request) -> AllowedDomain:
        """Return the entry of the submitted `domain` on the allow-list. Raises NotFound."""
        allowed = await self.domains.allowed_domain(request.fields.value("domain", max=MAX_DOMAIN))
        if allowed is None:
            raise NotFound
        return allowed


def _wanted(request: Request) -> RuleToStore:
    """Return the rule as submitted."""
    fields, severity = request.fields, request.fields.value("severity", max=20)
    rule = DomainRule(
        fields.text("domain", max=MAX_DOMAIN),
        DomainSeverity(severity) if severity in set(DomainSeverity) else DomainSeverity.NOOP,
        fields.flag("reject_media"),
        fields.flag("reject_reports"),
        fields.flag("obfuscate"),
    )
    return RuleToStore(rule, fields.text("public_comment"), fields.text("private_comment"))


def _search(domain: str) -> str:
    return f"{PATH}?{urlencode({'q': domain})}"
