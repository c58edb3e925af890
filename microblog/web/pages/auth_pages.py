"""Pages to sign up, log in and log out."""

from __future__ import annotations

from urllib.parse import quote, unquote

from attrs import evolve, frozen

from microblog.domain.client_info import ClientInfo
from microblog.domain.known_browsers import COOKIE_LIFETIME
from microblog.domain.rate_limits import SIGN_UP
from microblog.domain.registration import Registrations, SignUpForm
from microblog.domain.sessions import LoginBarred, NewSession, Sessions
from microblog.domain.strikes import Strikes
from microblog.model.errors import Invalid, Problem, TooMany, Unauthenticated
from microblog.render.formatting import WARNING_TEXTS
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import LoginForm, SignupForm
from microblog.web.http.cookies import DEVICE, RETURN, SESSION, VISITOR
from microblog.web.http.errors import page_message, status_of
from microblog.web.http.headers import CONSENT_POLICY
from microblog.web.http.request import Request, next_path
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.page_context import PageContexts

SIGN_IN = RouteOptions(keeps_opener=True)
HOME = "/home"
_RETURN_COOKIE_SECONDS = 600  # seconds
_MAX_RETURN_LENGTH = 3_500  # browsers drop cookies of more than 4,096 bytes, their name and attributes included


@frozen
class AuthPages:
    """Sign-up, login and logout."""

    pages: Pages
    contexts: PageContexts
    registrations: Registrations
    sessions: Sessions
    strikes: Strikes

    @route("GET", "/signup", SIGN_IN)
    async def signup_form(self, request: Request) -> Response:
        """Show the sign-up form. Redirect to `next` if the viewer is logged in."""
        target = request.next_path(HOME)
        if request.viewer:
            return Response.redirect(target)
        return self._signup(request, SignupForm(invite=request.fields.value("invite", max=100), next=target))

    def _signup(self, request: Request, form: SignupForm, status: int = 200) -> Response:
        return _allow_redirects_to(form.next, Response.html(self.pages.signup(self.contexts.plain(request, form=True), form), status))

    @route("POST", "/signup", RouteOptions(rate=SIGN_UP, keeps_opener=True))
    async def signup(self, request: Request) -> Response:
        """Create an account and log in. On errors, show the form again with its values and an error per field."""
        fields, target = request.fields, request.next_path(HOME)
        form = SignUpForm(
            username=fields.value("username"),
            email=fields.value("email"),
            password=fields.password("password"),
            agreement=True,  # the page says that signing up means to agree
            reason=fields.text("reason"),
            invite=fields.value("invite"),
            locale=next(iter(request.languages()), ""),
            address=str(request.address),
        )
        try:
            account = await self.registrations.sign_up(form)
        except Invalid as problem:
            shown = SignupForm(form.username, form.email, form.reason, form.invite, target, problem.fields)
            return self._signup(request, shown, status_of(problem))
        session = await self.sessions.begin(account.id, client_info_of(request), request.cookie(SESSION) or "")
        return _logged_in(Response.redirect(target), session)

    @route("GET", "/login", SIGN_IN)
    async def login_form(self, request: Request) -> Response:
        """Show the login form. `next` is the path to redirect to afterwards."""
        return self._login_form(request, request.next_path(HOME))

    @route("GET", "/auth/sign_in", SIGN_IN)
    async def sign_in(self, request: Request) -> Response:
        """Show the login form at Mastodon's address, which apps, scripts and password managers know; see `sign_in_first`."""
        stored = request.origin.jar.read(request.incoming.getHeader(b"Cookie"), RETURN, _MAX_RETURN_LENGTH)
        return self._login_form(request, request.next_path(next_path(unquote(stored or ""), HOME)))

    def _login_form(self, request: Request, target: str) -> Response:
        return Response.redirect(target) if request.viewer else self._login(request, LoginForm(next=target))

    def _login(self, request: Request, form: LoginForm, status: int = 200) -> Response:
        return _allow_redirects_to(form.next, Response.html(self.pages.login(self.contexts.plain(request, form=True), form), status))

    @route("GET", "/auth/sign_up", SIGN_IN)
    async def sign_up(self, request: Request) -> Response:
        """Redirect Mastodon's address of the sign-up form."""
        del request
        return Response.redirect("/signup", 302)

    @route("POST", "/login", SIGN_IN)
    async def login(self, request: Request) -> Response:
        """Log in with a new session id. The domain layer limits failed attempts."""
        name, target = request.fields.value("name"), request.next_path(HOME)
        try:
            session = await self.sessions.log_in(
                name, request.fields.password("password"), client_info_of(request), request.cookie(SESSION) or ""
            )
        except (Unauthenticated, TooMany) as problem:
            return self._rejected(request, LoginForm(name, target, page_message(problem)), problem)
        except LoginBarred as problem:
            return await self._barred(request, LoginForm(name, target), problem)
        return _logged_in(Response.redirect(target), session).without_cookie(RETURN)

    def _rejected(self, request: Request, form: LoginForm, problem: Problem) -> Response:
        response = self._login(request, form, status_of(problem))
        return response.with_header("Retry-After", str(problem.retry_after)) if isinstance(problem, TooMany) else response

    async def _barred(self, request: Request, form: LoginForm, problem: LoginBarred) -> Response:
        """Tell the owner, whose password was right, why they cannot log in, with the page of the decision."""
        form = evolve(form, error=page_message(problem))
        if found := await self.strikes.barring(problem.account):
            strike, url = found
            text, can_appeal = WARNING_TEXTS[strike.warning.action], self.strikes.can_appeal(strike)
            form = evolve(form, error=text, decision_url=url, can_appeal=can_appeal)
        return self._login(request, form, status_of(problem))

    @route("POST", "/logout", RouteOptions())
    async def logout(self, request: Request) -> Response:
        """End the session of this browser, and have it delete what the site stored in it: cached pages and drafts."""
        if token := request.cookie(SESSION):
            await self.sessions.log_out(token)
        return Response.redirect("/?notice=loggedout").without_cookie(SESSION).with_header("Clear-Site-Data", '"cache", "storage"')


def sign_in_first(target: str) -> Response:
    """Redirect to the login form, and from there to `target`.

    Clients recognize the form by its address without a query, so `target` is stored in a cookie unless it is too long.
    """
    value = quote(target, safe="")
    if len(value) > _MAX_RETURN_LENGTH:
        return Response.redirect(f"/auth/sign_in?next={quote(target, safe='/')}", 302)
    return Response.redirect("/auth/sign_in", 302).with_cookie(RETURN, value, _RETURN_COOKIE_SECONDS)


def client_info_of(request: Request) -> ClientInfo:
    """Describe the client, as shown in the list of sessions."""
    return ClientInfo(request.network, str(request.address), request.header("User-Agent") or "", request.cookie(DEVICE) or "")


def _allow_redirects_to(target: str, page: Response) -> Response:
    """Relax the form-action policy if the form's redirects may lead to an app."""
    return page.with_policy(CONSENT_POLICY) if target.startswith("/oauth/") else page


def _logged_in(response: Response, session: NewSession) -> Response:
    known = response.with_cookie(DEVICE, session.device, int(COOKIE_LIFETIME.total_seconds())) if session.device else response
    return known.with_cookie(SESSION, session.token, int(session.max_lifetime.total_seconds())).without_cookie(VISITOR)
