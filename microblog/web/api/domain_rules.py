"""Rules for other servers: the public list, and their administration by client apps."""

from __future__ import annotations

from attrs import frozen

from microblog.federation.domain_moderation import DomainModeration, RuleExists
from microblog.model.domain_rules import DomainRule, DomainSeverity, RuleToStore, StoredDomainRule
from microblog.model.errors import Invalid, NotFound, Unauthenticated
from microblog.model.federation_mode import ShownBlocks
from microblog.model.ids import DomainRuleId
from microblog.render.api.domain_rules import ADMIN_DOMAIN_ALLOW, ADMIN_DOMAIN_BLOCK, DOMAIN_BLOCK
from microblog.render.api.schemas import EMPTY, FLAG, TEXT, array_of, one_of
from microblog.web.api.paging import MARKED, page_of, paged
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

READ_BLOCKS = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:read:domain_blocks"})
WRITE_BLOCKS = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:write:domain_blocks"})
READ_ALLOWS = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:read:domain_allows"})
WRITE_ALLOWS = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:write:domain_allows"})
DOMAIN = (Param("domain", TEXT, "The domain; its subdomains are included.", required=True),)
RULE = (
    Param("severity", one_of(*DomainSeverity), "What the rule does: suspend, silence (limit), or only what the other flags say (noop)."),
    Param("reject_media", FLAG, "Whether media of the domain are not fetched and shown."),
    Param("reject_reports", FLAG, "Whether reports by the domain are dropped."),
    Param("private_comment", TEXT, "A note for administrators."),
    Param("public_comment", TEXT, "The reason that is shown with the domain in the public list."),
    Param("obfuscate", FLAG, "Whether a part of the name is hidden in the public list."),
)
ALLOWED = (Param("domain", TEXT, "The host, without its subdomains.", required=True),)
UPDATE = RouteDoc("Update a domain block", ADMIN_DOMAIN_BLOCK, body=RULE, errors=(404, 422))
MAX_PAGE_SIZE = 200


@frozen
class PublicBlockRoutes:
    """The list of suspended and limited domains, as far as a setting shows it."""

    domains: DomainModeration
    shown: ShownBlocks

    @route(
        "GET",
        "/api/v1/instance/domain_blocks",
        RouteOptions(api=True),
        RouteDoc("View moderated servers", array_of(DOMAIN_BLOCK), errors=(401, 404)),
    )
    async def list(self, request: Request) -> Response:
        """Suspended domains, then limited ones. 404 if the site shows them to nobody, 401 if only to its users."""
        if self.shown is ShownBlocks.NOBODY:
            raise NotFound
        if self.shown is ShownBlocks.USERS and request.viewer is None:
            raise Unauthenticated
        rules = [stored for stored in await self.domains.everything() if stored.rule.severity is not DomainSeverity.NOOP]
        rules.sort(key=lambda stored: stored.rule.severity is DomainSeverity.SILENCE)
        return Response.json(DOMAIN_BLOCK.each(rules, None))


@frozen
class DomainBlockRoutes:
    """Rules for domains."""

    domains: DomainModeration

    @route(
        "GET", "/api/v1/admin/domain_blocks", READ_BLOCKS, RouteDoc("List all blocked domains", array_of(ADMIN_DOMAIN_BLOCK), query=PAGING)
    )
    async def page(self, request: Request) -> Response:
        """Rules, newest first."""
        page = page_of(request, 100, MAX_PAGE_SIZE)
        found = await self.domains.page(page)
        return paged(request, ADMIN_DOMAIN_BLOCK.each(found, None), [stored.id for stored in found], page, MARKED)

    @route(
        "GET",
        "/api/v1/admin/domain_blocks/<id:block_id>",
        READ_BLOCKS,
        RouteDoc("Get a single blocked domain", ADMIN_DOMAIN_BLOCK, errors=(404,)),
    )
    async def show(self, request: Request, block_id: int) -> Response:
        """One rule."""
        del request
        return _block(await self.domains.one(DomainRuleId(block_id)))

    @route(
        "POST",
        "/api/v1/admin/domain_blocks",
        WRITE_BLOCKS,
        RouteDoc("Block a domain from federating", ADMIN_DOMAIN_BLOCK, body=DOMAIN + RULE, errors=(422,)),
    )
    async def create(self, request: Request) -> Response:
        """Add a rule, by default a limit. 422 with `existing_domain_block` if there is one for this domain."""
        try:
            wanted = rule_from(request.fields, None, request.fields.text("domain"))
            return _block(await self.domains.add(wanted, request.member.id))
        except RuleExists as problem:
            error = {"error": problem.sentence, "existing_domain_block": ADMIN_DOMAIN_BLOCK(problem.existing, None)}
            return Response.json(error, 422)

    @route("PUT", "/api/v1/admin/domain_blocks/<id:block_id>", WRITE_BLOCKS, UPDATE)
    @route("PATCH", "/api/v1/admin/domain_blocks/<id:block_id>", WRITE_BLOCKS, UPDATE)
    async def update(self, request: Request, block_id: int) -> Response:
        """Change a rule; attributes that are not sent keep their values."""
        id = DomainRuleId(block_id)
        return _block(await self.domains.change(id, rule_from(request.fields, await self.domains.one(id)), request.member.id))

    @route(
        "DELETE",
        "/api/v1/admin/domain_blocks/<id:block_id>",
        WRITE_BLOCKS,
        RouteDoc("Remove a domain block", EMPTY, errors=(404,)),
    )
    async def delete(self, request: Request, block_id: int) -> Response:
        """Delete a rule. What it hid is shown again, as far as it still exists."""
        await self.domains.remove(DomainRuleId(block_id), request.member.id)
        return Response.json({})


@frozen
class DomainAllowRoutes:
    """The allow-list. It has an effect with MICROBLOG_FEDERATION=allowlist only."""

    domains: DomainModeration

    @route(
        "GET", "/api/v1/admin/domain_allows", READ_ALLOWS, RouteDoc("List all allowed domains", array_of(ADMIN_DOMAIN_ALLOW), query=PAGING)
    )
    async def page(self, request: Request) -> Response:
        """Allowed hosts, newest first."""
        page = page_of(request, 100, MAX_PAGE_SIZE)
        found = await self.domains.allowed(page)
        return paged(request, ADMIN_DOMAIN_ALLOW.each(found, None), [allowed.id for allowed in found], page, MARKED)

    @route(
        "GET",
        "/api/v1/admin/domain_allows/<id:allow_id>",
        READ_ALLOWS,
        RouteDoc("Get a single allowed domain", ADMIN_DOMAIN_ALLOW, errors=(404,)),
    )
    async def show(self, request: Request, allow_id: int) -> Response:
        """One host."""
        del request
        return Response.json(ADMIN_DOMAIN_ALLOW(await self.domains.allowed_one(DomainRuleId(allow_id)), None))

    @route(
        "POST",
        "/api/v1/admin/domain_allows",
        WRITE_ALLOWS,
        RouteDoc("Allow a domain to federate", ADMIN_DOMAIN_ALLOW, body=ALLOWED, errors=(422,)),
    )
    async def create(self, request: Request) -> Response:
        """Put a host on the list; idempotent."""
        return Response.json(ADMIN_DOMAIN_ALLOW(await self.domains.allow(request.fields.text("domain"), request.member.id), None))

    @route(
        "DELETE",
        "/api/v1/admin/domain_allows/<id:allow_id>",
        WRITE_ALLOWS,
        RouteDoc("Delete an allowed domain", ADMIN_DOMAIN_ALLOW, errors=(404,)),
    )
    async def delete(self, request: Request, allow_id: int) -> Response:
        """Take a host off the list. If only allowed hosts federate, its accounts are suspended."""
        return Response.json(ADMIN_DOMAIN_ALLOW(await self.domains.disallow(DomainRuleId(allow_id), request.member.id), None))


def rule_from(fields: Params, before: StoredDomainRule | None, domain: str = "") -> RuleToStore:
    """Return the rule that a request describes. What is not sent is as in `before`, else a limit without flags. Raises Invalid."""
    known = before.rule if before is not None else DomainRule(domain, DomainSeverity.SILENCE)
    severity = fields.value("severity") or known.severity
    if severity not in set(DomainSeverity):
        raise Invalid({"severity": "Severity is not included in the list"}, codes={"severity": "ERR_INCLUSION"})
    rule = DomainRule(
        known.domain,
        DomainSeverity(severity),
        fields.flag("reject_media", default=known.reject_media),
        fields.flag("reject_reports", default=known.reject_reports),
        fields.flag("obfuscate", default=known.obfuscate),
    )
    public = fields.text("public_comment") if fields.has("public_comment") or before is None else before.public_comment
    private = fields.text("private_comment") if fields.has("private_comment") or before is None else before.private_comment
    return RuleToStore(rule, public, private)


def _block(stored: StoredDomainRule) -> Response:
    return Response.json(ADMIN_DOMAIN_BLOCK(stored, None))
