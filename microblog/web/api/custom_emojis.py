"""Custom emoji: the list that clients show in pickers, and their administration by client apps, as GoToSocial has it."""

from __future__ import annotations

from urllib.parse import urlencode

from attrs import define, field, frozen

from microblog.domain.custom_emojis import MAX_BYTES, CustomEmojis
from microblog.federation.emoji_copies import EmojiCopies
from microblog.model.emojis import CustomEmoji, Emoji, EmojiChange, EmojiDraft, EmojiPage, EmojiQuery
from microblog.model.errors import Invalid, NotFound
from microblog.render.api.emojis import ADMIN_EMOJI, EMOJI, EMOJI_CATEGORY
from microblog.render.api.schemas import FLAG, TEXT, array_of, one_of
from microblog.render.api.site import SiteUrls
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import DATA_FORM, SMALL_FORM, AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import LIMIT, Param, RouteDoc

ANYBODY = RouteOptions(api=True, bearer=False)
READ = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:read"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.ADMIN, scopes={"admin:write"})
UPLOAD = RouteOptions(
    api=True, viewer=AccessLevel.ADMIN, scopes={"admin:write"}, body=DATA_FORM, files=4 * MAX_BYTES + SMALL_FORM
)  # more than is accepted, for an error that says so
DEFAULT_LIMIT, MAX_LIMIT = 50, 200
MAX_VALUE = 300  # characters
TYPES = ("modify", "disable", "enable", "copy")
FILTER = "Comma-separated: `domain:local`, `domain:all` or a domain, `enabled`, `disabled`, `shortcode:` and a code."
SHORTCODE = Param("shortcode", TEXT, "2 to 128 letters (a to z), digits or underscores; unique without regard to case.")
VALUES = (
    Param("category", TEXT, "At most 64 characters; empty for none."),
    Param("image", TEXT, "A PNG, GIF or WebP file of at most 256 kB."),
    Param("visible_in_picker", FLAG, "Whether pickers show the emoji."),
)
PAGE = (
    Param("filter", TEXT, FILTER),
    *LIMIT,
    Param("max_shortcode_domain", TEXT, "Return the emoji after this one in the alphabet, such as `cat@` or `cat@example.org`."),
    Param("min_shortcode_domain", TEXT, "Return the emoji before this one."),
)
CHANGE = (
    Param(
        "type", one_of(*TYPES), "`modify`, `disable` and `enable` are for emoji of this site, `copy` for those of others.", required=True
    ),
    SHORTCODE,
    *VALUES,
)


@define
class CustomEmojiRoutes:
    """The emoji that everybody here may write."""

    site: SiteUrls
    emojis: CustomEmojis
    _encoded: tuple[tuple[Emoji, ...], Response] | None = field(default=None, init=False)

    @route("GET", "/api/v1/custom_emojis", ANYBODY, RouteDoc("View all custom emoji", array_of(EMOJI)))
    async def index(self, request: Request) -> Response:
        """The enabled emoji that are shown in pickers, ordered by shortcode. Not kept by caches, so that a deleted one is gone at once."""
        del request
        listed = await self.emojis.listed()
        if self._encoded is None or self._encoded[0] is not listed:
            self._encoded = listed, Response.json(EMOJI.each(listed, self.site)).tagged()
        return self._encoded[1]


@frozen
class CustomEmojiAdminRoutes:
    """Emoji of this and other servers. `copies` is None without federation."""

    site: SiteUrls
    emojis: CustomEmojis
    copies: EmojiCopies | None

    @route("GET", "/api/v1/admin/custom_emojis", READ, RouteDoc("List custom emoji", array_of(ADMIN_EMOJI), query=PAGE, errors=(422,)))
    async def page(self, request: Request) -> Response:
        """Emoji of all servers, ordered by shortcode and domain."""
        fields = request.fields
        limit = fields.limit(DEFAULT_LIMIT, MAX_LIMIT) or MAX_LIMIT
        after, before = (fields.value(f"{bound}_shortcode_domain", max=MAX_VALUE).lower() for bound in ("max", "min"))
        found = await self.emojis.page(self._query(fields.value("filter", max=2 * MAX_VALUE)), EmojiPage(limit, after, before))
        response = Response.json(ADMIN_EMOJI.each(found, self.site))
        return response.with_header("Link", self._links(request, found, limit)) if found else response

    @route(
        "GET",
        "/api/v1/admin/custom_emojis/categories",
        READ,
        RouteDoc("List categories of custom emoji", array_of(EMOJI_CATEGORY)),
    )
    async def categories(self, request: Request) -> Response:
        """The categories of this site's emoji, ordered by name, which is also the id."""
        del request
        return Response.json([{"id": name, "name": name} for name in await self.emojis.categories()])

    @route("GET", "/api/v1/admin/custom_emojis/<id:emoji_id>", READ, RouteDoc("Get a custom emoji", ADMIN_EMOJI, errors=(404,)))
    async def show(self, request: Request, emoji_id: int) -> Response:
        """One emoji of this or another server."""
        del request
        return self._one(await self.emojis.one(emoji_id))

    @route(
        "POST",
        "/api/v1/admin/custom_emojis",
        UPLOAD,
        RouteDoc("Add a custom emoji", ADMIN_EMOJI, body=(SHORTCODE, *VALUES), errors=(422,)),
    )
    async def create(self, request: Request) -> Response:
        """Add an emoji to this site."""
        fields, image = request.fields, request.fields.upload("image")
        if image is None:
            raise Invalid({"image": "Image can't be blank"}, codes={"image": "ERR_BLANK"})
        draft = EmojiDraft(_shortcode(fields) or "", fields.text("category", max=MAX_VALUE), fields.flag("visible_in_picker", True))
        return self._one(await self.emojis.create(draft, image.file, request.member.id))

    @route(
        "PATCH",
        "/api/v1/admin/custom_emojis/<id:emoji_id>",
        UPLOAD,
        RouteDoc("Change or copy a custom emoji", ADMIN_EMOJI, body=CHANGE, errors=(404, 422)),
    )
    async def update(self, request: Request, emoji_id: int) -> Response:
        """Change, disable or enable an emoji of this site, or copy one of another server to here."""
        fields, by = request.fields, request.member.id
        found, type = await self.emojis.one(emoji_id), fields.value("type", max=20).lower()
        if type not in TYPES or (type == "copy") is (found.host is None):
            raise Invalid({"type": "Type is not included in the list"}, codes={"type": "ERR_INCLUSION"})
        shortcode, category = _shortcode(fields), fields.text("category", default=None, max=MAX_VALUE)
        if type == "copy":
            if self.copies is None:
                raise NotFound
            return self._one(await self.copies.copy(emoji_id, shortcode or "", category or "", by))
        if type != "modify":
            return self._one((await self.emojis.change([emoji_id], EmojiChange(is_disabled=type == "disable"), by))[0])
        change = EmojiChange(shortcode, category, fields.flag("visible_in_picker", None))
        image = fields.upload("image")
        return self._one(await self.emojis.edit(emoji_id, change, image.file if image else None, by))

    @route(
        "DELETE",
        "/api/v1/admin/custom_emojis/<id:emoji_id>",
        WRITE,
        RouteDoc("Delete a custom emoji", ADMIN_EMOJI, errors=(404,)),
    )
    async def delete(self, request: Request, emoji_id: int) -> Response:
        """Delete an emoji of this site; return it."""
        deleted = await self.emojis.delete([emoji_id], request.member.id)
        if not deleted:
            raise NotFound
        return self._one(deleted[0])

    def _one(self, emoji: CustomEmoji) -> Response:
        return Response.json(ADMIN_EMOJI(emoji, self.site))

    def _query(self, filters: str) -> EmojiQuery:
        """Return the criteria of a `filter`. Raises Invalid for unknown ones."""
        values: dict[str, str] = {}
        for each in filter(None, map(str.strip, filters.split(","))):
            name, _, value = each.partition(":")
            if name.lower() not in ("domain", "shortcode", "enabled", "disabled"):
                raise Invalid({"filter": f"Filter {each} is not known"}, codes={"filter": "ERR_INVALID"})
            values[name.lower()] = value.strip(":") or name
        domain = values.get("domain", "all").lower()
        is_local = domain in ("local", self.site.host)
        return EmojiQuery(
            is_here=True if is_local else None,
            host="" if is_local or domain in ("all", "*") else domain,
            shortcode=values.get("shortcode", ""),
            is_disabled=None if ("enabled" in values) is ("disabled" in values) else "disabled" in values,
        )

    def _links(self, request: Request, found: list[CustomEmoji], limit: int) -> str:
        kept = list(request.fields.pairs("limit", "filter"))
        bounds = {"prev": ("min_shortcode_domain", found[0].sort_key)}
        if len(found) == limit:
            bounds = {"next": ("max_shortcode_domain", found[-1].sort_key), **bounds}
        return ", ".join(f'<{request.url}?{urlencode([*kept, bound])}>; rel="{relation}"' for relation, bound in bounds.items())


def _shortcode(fields: Params) -> str | None:
    """Return the wanted shortcode without colons around it; None if none was sent."""
    sent = fields.text("shortcode", default=None, max=MAX_VALUE)
    return None if sent is None else sent.strip().strip(":")
