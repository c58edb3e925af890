"""Oneself: signing up by a program, who the token belongs to, what one says about oneself, how one likes to read and write."""

from __future__ import annotations

from attrs import evolve, frozen

from microblog.domain.accounts import Accounts, ProfileChanges, validated
from microblog.domain.follows import Follows
from microblog.domain.profile_images import ProfileImages
from microblog.domain.rate_limits import SIGN_UP
from microblog.domain.registration import Registrations, SignUpForm
from microblog.domain.tokens import Tokens
from microblog.model.accounts import Preferences, Viewer
from microblog.model.errors import Forbidden, Invalid, Unauthenticated
from microblog.render.api.accounts import CREDENTIAL_ACCOUNT, PREFERENCES
from microblog.render.api.apps import TOKEN
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import FILE, FLAG, TEXT, TEXTS, VISIBILITY, array_of, record
from microblog.web.http.params import Params
from microblog.web.http.profile_image_form import PROFILE_IMAGES_FORM, update_profile_images
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import DATA_FORM, AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

PROFILE = (
    Param("display_name", TEXT, "What to be called."),
    Param("note", TEXT, "About oneself, as plain text."),
    Param("avatar", FILE, "The small picture."),
    Param("header", FILE, "The wide one on top."),
    Param("locked", FLAG, "Let in followers by hand."),
    Param("bot", FLAG, "Posts are made by a program."),
    Param("discoverable", FLAG, "Be suggested to others."),
    Param("hide_collections", FLAG, "Do not show whom one follows and who follows one."),
    Param("indexable", FLAG, "Let search engines find one's posts."),
    Param("attribution_domains", TEXTS, "Websites that may name one as the author of their pages."),
    Param("fields_attributes", array_of(record({"name": TEXT, "value": TEXT})), "Up to four lines of a table."),
    Param("source[privacy]", VISIBILITY, "Who may see posts unless said otherwise."),
    Param("source[sensitive]", FLAG, "Hide media unless said otherwise."),
    Param("source[language]", TEXT, "The language of posts unless said otherwise."),
)
NAMES = {"bio": "note", "visibility": "source[privacy]", "language": "source[language]"}
NEWCOMER = (
    Param("username", TEXT, required=True),
    Param("email", TEXT, required=True),
    Param("password", TEXT, required=True),
    Param("agreement", FLAG, "That one agrees with the rules.", required=True),
    Param("locale", TEXT, "The language of e-mails and, by default, of posts; from Accept-Language if it is not sent."),
    Param("time_zone", TEXT, "Where one lives, such as Europe/Berlin."),
    Param("reason", TEXT, "Why one wants to come in, where that is asked."),
    Param("invite_code", TEXT, "The code of an invitation: needed where new people come by invitation, and no approval is needed with it."),
)


@frozen
class OwnAccountRoutes:
    """What a client asks first, and what it changes."""

    entities: Entities
    accounts: Accounts
    follows: Follows
    registrations: Registrations
    tokens: Tokens
    pictures: ProfileImages

    @route(
        "GET",
        "/api/v1/accounts/verify_credentials",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"profile", "read:accounts"}),
        RouteDoc("Who the token belongs to", CREDENTIAL_ACCOUNT),
    )
    async def verify(self, request: Request) -> Response:
        """Oneself, with what only oneself sees."""
        return await self._told(request.member)

    @route(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"}, body=DATA_FORM, files=PROFILE_IMAGES_FORM),
        RouteDoc("Change one's profile", CREDENTIAL_ACCOUNT, body=PROFILE, errors=(422,)),
    )
    async def update(self, request: Request) -> Response:
        """Only what was sent changes."""
        viewer = request.member
        preferences = _preferences(request.fields, viewer.preferences)
        changed = preferences if preferences != viewer.preferences else None
        await update_profile_images(self.pictures, viewer, request.fields)
        try:
            account = await self.accounts.edit(viewer, _changes(request.fields), changed)
        except Invalid as problem:
            raise problem.named(NAMES) from None
        return await self._told(evolve(viewer, account=account, preferences=validated(preferences)))

    @route(
        "GET",
        "/api/v1/preferences",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:accounts"}),
        RouteDoc("How one likes to read and write", PREFERENCES),
    )
    async def preferences(self, request: Request) -> Response:
        """What a client should begin with."""
        return Response.json(PREFERENCES(request.member.preferences, None))

    @route(
        "POST",
        "/api/v1/accounts",
        RouteOptions(api=True, viewer=AccessLevel.APP, scopes={"write:accounts"}, rate=SIGN_UP),
        RouteDoc("Make an account", TOKEN, body=NEWCOMER, errors=(403, 422)),
    )
    async def sign_up(self, request: Request) -> Response:
        """A token of the new account for the app whose own token asks."""
        if request.access is None:
            raise Unauthenticated
        if request.viewer is not None:
            raise Forbidden("This method requires an client credentials authentication")
        account = await self.registrations.sign_up(evolve(_newcomer(request), app=request.access.app.id))
        issued = await self.tokens.welcome(request.access, account.id)
        return Response.json(TOKEN(issued, None))

    async def _told(self, viewer: Viewer) -> Response:
        requests = await self.follows.count_requests(viewer)
        return Response.json(self.entities.credentials(viewer, requests))


def _newcomer(request: Request) -> SignUpForm:
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
