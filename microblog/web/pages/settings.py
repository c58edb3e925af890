"""Settings: profile, preferences, password, e-mail address, sessions, blocked and muted users, and account deletion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from zoneinfo import available_timezones

from attrs import evolve, frozen

from microblog.domain.account_security import AccountSecurity
from microblog.domain.accounts import Accounts, ProfileChanges
from microblog.domain.email_queue import EmailOutbox
from microblog.domain.follows import Follows
from microblog.domain.profile_images import ProfileImages
from microblog.domain.relationships import Relationships
from microblog.domain.sessions import Sessions
from microblog.model.accounts import Account, RelatedAccount, Viewer
from microblog.model.errors import Invalid
from microblog.model.ids import SessionId
from microblog.model.paging import Page
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import AccountForm, ConfirmView, PreferencesForm, ProfileForm, SessionsPage
from microblog.web.http.cookies import SESSION
from microblog.web.http.errors import status_of
from microblog.web.http.profile_image_form import PROFILE_IMAGES_FORM, update_profile_images
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.theme import THEME, THEMES
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import page_of
from microblog.web.pages.profiles import PEOPLE_PER_PAGE, PeopleLists

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
MAX_FIELDS = 4
YEAR = 365 * 24 * 3600
ZONES = tuple(sorted(available_timezones()))


@frozen
class SettingsPages:
    """Profile and preferences."""

    pages: Pages
    contexts: PageContexts
    accounts: Accounts
    images: ProfileImages

    @route("GET", "/settings", MEMBER)
    async def profile(self, request: Request) -> Response:
        """Show the profile form."""
        account = request.member.account
        return Response.html(self.pages.settings_profile(await self.contexts.of(request), _profile_form(account)))

    @route("POST", "/settings", RouteOptions(viewer=AccessLevel.MEMBER, files=PROFILE_IMAGES_FORM))
    async def save_profile(self, request: Request) -> Response:
        """Save the profile."""
        fields = request.fields
        changes = ProfileChanges(
            display_name=fields.text("display_name"),
            bio=fields.text("bio"),
            fields=tuple((fields.text(f"field_name_{n}"), fields.text(f"field_value_{n}")) for n in range(MAX_FIELDS)),
            locked=fields.flag("locked"),
            bot=fields.flag("bot"),
            discoverable=fields.flag("discoverable"),
            indexable=fields.flag("indexable"),
            hide_relations=fields.flag("hide_relations"),
        )
        try:
            await update_profile_images(self.images, request.member, fields)
            await self.accounts.edit(request.member, changes)
        except Invalid as problem:
            return Response.html(
                self.pages.settings_profile(await self.contexts.of(request), _submitted_form(changes, problem)), status_of(problem)
            )
        return Response.redirect("/settings?notice=saved")

    @route("GET", "/settings/preferences", MEMBER)
    async def preferences(self, request: Request) -> Response:
        """Show the preferences."""
        form = PreferencesForm(request.member.preferences, ZONES)
        return Response.html(self.pages.settings_preferences(await self.contexts.of(request), form))

    @route("POST", "/settings/preferences", MEMBER)
    async def save_preferences(self, request: Request) -> Response:
        """Save the preferences."""
        fields = request.fields
        preferences = evolve(
            request.member.preferences,
            theme=fields.value("theme", default="auto"),
            visibility=fields.value("visibility", default="public"),
            language=fields.value("language") or None,
            time_zone=fields.value("time_zone", default="UTC"),
            sensitive=fields.flag("sensitive"),
            shortcuts=fields.flag("shortcuts"),
        )
        try:
            await self.accounts.set_preferences(request.member, preferences)
        except Invalid as problem:
            form = PreferencesForm(preferences, ZONES, problem.fields)
            return Response.html(self.pages.settings_preferences(await self.contexts.of(request), form), status_of(problem))
        return Response.redirect("/settings/preferences?notice=saved")

    # Anonymous pages are cached publicly, so they set no cookie that a CSRF token could be bound to.
    @route("POST", "/settings/theme", RouteOptions(cookieless=True))
    async def theme(self, request: Request) -> Response:
        """Set the theme (light, dark or the system's): in a cookie, and in the preferences of members."""
        chosen = request.fields.value("theme")
        if chosen not in THEMES:
            raise Invalid({"theme": "Theme is not included in the list"})
        if request.viewer:
            await self.accounts.set_preferences(request.viewer, evolve(request.viewer.preferences, theme=chosen))
        return Response.redirect(request.next_path()).with_cookie(THEME, chosen, YEAR)


@frozen
class LoginPages:
    """Password, e-mail address and account deletion, which all ask for the password; and the sessions."""

    pages: Pages
    contexts: PageContexts
    security: AccountSecurity
    sessions: Sessions
    outbox: EmailOutbox

    @route("GET", "/settings/account", MEMBER)
    async def account(self, request: Request) -> Response:
        """Show the forms for password and e-mail address."""
        return await self._account(request, None)

    async def _account(self, request: Request, problem: Invalid | None, current: str = "current") -> Response:
        errors = {current if name == "current_password" else name: text for name, text in problem.fields.items()} if problem else {}
        login = await self.security.login(request.member)
        form = AccountForm(login, errors, await self.outbox.address_rejection(request.member, login.new_email or login.email))
        return Response.html(self.pages.settings_account(await self.contexts.of(request), form), status_of(problem) if problem else 200)

    @route("POST", "/settings/password", MEMBER)
    async def change_password(self, request: Request) -> Response:
        """Change the password and end all other sessions."""
        fields = request.fields
        try:
            await self.security.change_password(request.member, fields.password("current"), fields.password("password"), request.network)
        except Invalid as problem:
            return await self._account(request, problem)
        return Response.redirect("/settings/account?notice=saved")

    @route("POST", "/settings/email", MEMBER)
    async def change_email(self, request: Request) -> Response:
        """Change the e-mail address."""
        fields = request.fields
        try:
            await self.security.change_email(request.member, fields.password("email_password"), fields.value("email"), request.network)
        except Invalid as problem:
            return await self._account(request, problem, "email_password")
        unconfirmed = (await self.security.login(request.member)).new_email
        return Response.redirect(f"/settings/account?notice={'address' if unconfirmed else 'saved'}")

    @route("GET", "/settings/delete", MEMBER)
    async def delete_question(self, request: Request) -> Response:
        """Ask for confirmation before the account is deleted."""
        return await self._delete_form(request, "")

    @route("POST", "/settings/delete", MEMBER)
    async def delete(self, request: Request) -> Response:
        """Delete the account."""
        try:
            await self.security.delete_account(request.member, request.fields.password("password"), request.network)
        except Invalid as problem:
            return await self._delete_form(request, next(iter(problem.fields.values())))
        return Response.redirect("/?notice=gone").without_cookie(SESSION)

    async def _delete_form(self, request: Request, error: str) -> Response:
        confirm = ConfirmView(
            title="Delete your account?",
            sentence="This permanently deletes your posts, follows and profile. Your username can't be used again.",
            action="/settings/delete",
            button="Delete my account",
            cancel="/settings/account",
            password=True,
            error=error,
        )
        return Response.html(self.pages.confirm(await self.contexts.of(request), confirm), 422 if error else 200)

    @route("GET", "/settings/sessions", MEMBER)
    async def sessions_list(self, request: Request) -> Response:
        """List the viewer's sessions."""
        page = SessionsPage(tuple(await self.sessions.of(request.member)), request.member.session_id)
        return Response.html(self.pages.settings_sessions(await self.contexts.of(request), page))

    @route("POST", "/settings/sessions/<id:session_id>/revoke", MEMBER)
    async def revoke(self, request: Request, session_id: int) -> Response:
        """End a session."""
        await self.sessions.end(request.member, SessionId(session_id))
        return Response.redirect("/settings/sessions")

    @route("POST", "/settings/sessions/revoke-others", MEMBER)
    async def revoke_others(self, request: Request) -> Response:
        """End all other sessions."""
        await self.sessions.end_others(request.member)
        return Response.redirect("/settings/sessions")


@frozen
class PeopleSettings:
    """Blocked and muted users, and follow requests."""

    pages: Pages
    contexts: PageContexts
    relationships: Relationships
    follows: Follows
    people: PeopleLists

    @route("GET", "/settings/blocks", MEMBER)
    async def blocks(self, request: Request) -> Response:
        """List blocked users."""
        return await self._list(request, "blocks", self.relationships.blocked)

    @route("GET", "/settings/mutes", MEMBER)
    async def mutes(self, request: Request) -> Response:
        """List muted users."""
        return await self._list(request, "mutes", self.relationships.muted)

    @route("GET", "/settings/requests", MEMBER)
    async def requests(self, request: Request) -> Response:
        """List follow requests."""
        return await self._list(request, "requests", self.follows.requests)

    async def _list(self, request: Request, which: str, lister: Callable[[Viewer, Page], Awaitable[list[RelatedAccount]]]) -> Response:
        page = page_of(request, PEOPLE_PER_PAGE)
        found = await self.people.page(request, await lister(request.member, page), page)
        return Response.html(self.pages.settings_people(await self.contexts.of(request), which, found))


def _profile_form(account: Account) -> ProfileForm:
    return ProfileForm(
        account.display_name,
        account.bio,
        tuple((one.name, one.value) for one in account.fields),
        account.locked,
        account.bot,
        account.discoverable,
        account.indexable,
        account.hide_relations,
    )


def _submitted_form(changes: ProfileChanges, problem: Invalid) -> ProfileForm:
    return ProfileForm(
        changes.display_name or "",
        changes.bio or "",
        changes.fields or (),
        bool(changes.locked),
        bool(changes.bot),
        bool(changes.discoverable),
        bool(changes.indexable),
        bool(changes.hide_relations),
        problem.fields,
    )
