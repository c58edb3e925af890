"""The user's own account: registration by an app, credentials, profile and preferences."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.domain.accounts import Accounts, ProfileChanges, validated
from microblog.domain.caching import cache_keys
from microblog.domain.follows import Follows
from microblog.domain.profile_images import ProfileImages
from microblog.domain.rate_limits import SIGN_UP
from microblog.domain.registration import Registrations, SignUpForm
from microblog.domain.tokens import Tokens
from microblog.model.accounts import Account, Preferences, Viewer
from microblog.model.errors import Forbidden, Invalid, Unauthenticated
from microblog.render.api.accounts import CREDENTIAL_ACCOUNT, PREFERENCES
from microblog.render.api.apps import TOKEN
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import FILE, FLAG, TEXT, TEXTS, VISIBILITY, array_of, record
from microblog.web.http.params import Params
from microblog.web.http.profile_image_form import PROFILE_IMAGES_FORM, update_profile_images
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.response_cache import CacheableResponse, ResponseCache
from microblog.web.http.route import DATA_FORM, AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

PROFILE = (
    Param("display_name", TEXT, "The display name to use for the profile."),
    Param("note", TEXT, "The account bio, as plain text."),
    Param("avatar", FILE, "Avatar image."),
    Param("header", FILE, "Header image."),
    Param("locked", FLAG, "Whether manual approval of follow requests is required."),
    Param("bot", FLAG, "Whether the account has a bot flag."),
    Param("discoverable", FLAG, "Whether the account should be shown in the profile directory."),
    Param("hide_collections", FLAG, "Whether to hide followers and followed accounts."),
    Param("indexable", FLAG, "Whether public posts should be searchable to anyone."),
    Param("attribution_domains", TEXTS, "Domains of websites allowed to credit the account."),
    Param("fields_attributes", array_of(record({"name": TEXT, "value": TEXT})), "The profile fields to be set, up to four."),
    Param("source[privacy]", VISIBILITY, "Default post privacy for authored statuses."),
    Param("source[sensitive]", FLAG, "Whether to mark authored statuses as sensitive by default."),
    Param("source[language]", TEXT, "Default language to use for authored statuses (ISO 639)."),
)
NAMES = {"bio": "note", "visibility": "source[privacy]", "language": "source[language]"}
SIGN_UP_PARAMS = (
    Param("username", TEXT, "The desired username for the account.", required=True),
    Param("email", TEXT, "The e-mail address to be used for login.", required=True),
    Param("password", TEXT, "The password to be used for login.", required=True),
    Param("agreement", FLAG, "Whether the user agrees to the local rules, terms and policies.", required=True),
    Param("locale", TEXT, "The language of the confirmation e-mail and, by default, of posts. Defaults to Accept-Language."),
    Param("time_zone", TEXT, "The time zone of the user, such as Europe/Berlin."),
    Param("reason", TEXT, "If registrations require manual approval, this text will be reviewed by moderators."),
    Param("invite_code", TEXT, "The code of an invitation: required if registration is by invitation; with it no approval is needed."),
)


@frozen
class OwnAccountRoutes:
    """The account of the access token's user."""

    entities: Entities
    accounts: Accounts
    follows: Follows
    registrations: Registrations
    tokens: Tokens
    profile_images: ProfileImages
    cache: ResponseCache

    @route(
        "GET",
        "/api/v1/accounts/verify_credentials",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"profile", "read:accounts"}),
        RouteDoc("Verify account credentials", CREDENTIAL_ACCOUNT),
    )
    async def verify(self, request: Request) -> Response:
        """The user's account, with the attributes that only its owner sees."""
        return await self.cache.get_or_make(request, lambda: self._verify(request.member))

    async def _verify(self, viewer: Viewer) -> CacheableResponse:
        moved = await self.accounts.moved_to(viewer.account)
        keys = cache_keys.of_keys(cache_keys.of_account_counts(viewer.id), cache_keys.of_notifications(viewer.id))
        shown = cache_keys.of_keys(*cache_keys.of_accounts([moved] if moved else []))
        return CacheableResponse(await self._response(viewer, moved), cache_keys.of_viewer(viewer) | keys | shown)

    @route(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"}, body=DATA_FORM, files=PROFILE_IMAGES_FORM),
        RouteDoc("Update account credentials", CREDENTIAL_ACCOUNT, body=PROFILE, errors=(422,)),
    )
    async def update(self, request: Request) -> Response:
        """Update the profile; attributes that are not sent keep their values."""
        viewer = request.member
        preferences = _preferences(request.fields, viewer.preferences)
        changed = preferences if preferences != viewer.preferences else None
        await update_profile_images(self.profile_images, viewer, request.fields)
        try:
            account = await self.accounts.edit(viewer, _changes(request.fields), changed)
        except Invalid as problem:
            raise problem.named(NAMES) from None
        edited = evolve(viewer, account=account, preferences=validated(preferences))
        return await self._response(edited, await self.accounts.moved_to(account))

    @route(
        "GET",
        "/api/v1/preferences",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:accounts"}),
        RouteDoc("View user preferences", PREFERENCES),
    )
    async def preferences(self, request: Request) -> Response:
        """Defaults of the user for posting and reading."""
        return Response.json(PREFERENCES(request.member.preferences, None))

    @route(
        "POST",
        "/api/v1/accounts",
        RouteOptions(api=True, viewer=AccessLevel.APP, scopes={"write:accounts"}, rate=SIGN_UP),
        RouteDoc("Register an account", TOKEN, body=SIGN_UP_PARAMS, errors=(403, 422)),
    )
    async def sign_up(self, request: Request) -> Response:
        """Create an account and return its access token, for the app whose token is sent."""
        if request.access is None:
            raise Unauthenticated
        if request.viewer is not None:
            raise Forbidden("This method requires an client credentials authentication")
        account = await self.registrations.sign_up(evolve(_sign_up_form(request), app=request.access.app.id))
        issued = await self.tokens.issue_on_sign_up(request.access, account.id)
        return Response.json(TOKEN(issued, None))

    async def _response(self, viewer: Viewer, moved: Account | None) -> Response:
        requests = await self.follows.count_requests(viewer)
        return Response.json(self.entities.credentials(viewer, requests, moved))


def _sign_up_form(request: Request) -> SignUpForm:
    fields = request.fields
    return SignUpForm(
        username=fields.value("username"),
        email=fields.value("email"),
        password=fields.password("password"),
        agreement=fields.flag("agreement"),
        reason=fields.text("reason"),
        invite=fields.value("invite_code"),
        locale=fields.value("locale") or next(iter(request.languages()), ""),
        time_zone=fields.value("time_zone") or "UTC",
        address=str(request.address),
    )


def _changes(fields: Params) -> ProfileChanges:
    lines = tuple((line.text("name"), line.text("value")) for line in fields.subs("fields_attributes"))
    return ProfileChanges(
        display_name=fields.text("display_name", default=None),
        bio=fields.text("note", default=None),
        fields=lines if fields.has("fields_attributes") else None,
        locked=fields.flag("locked", None),
        bot=fields.flag("bot", None),
        discoverable=fields.flag("discoverable", None),
        indexable=fields.flag("indexable", None),
        hide_relations=fields.flag("hide_collections", None),
    )


def _preferences(fields: Params, before: Preferences) -> Preferences:
    source = fields.sub("source")
    if fields.has("attribution_domains"):
        before = evolve(before, attribution_domains=fields.list("attribution_domains"))
    if source is None:
        return before
    return evolve(
        before,
        visibility=source.text("privacy") or before.visibility,
        sensitive=source.flag("sensitive", before.sensitive),
        language=(source.text("language") or None) if source.has("language") else before.language,
    )
