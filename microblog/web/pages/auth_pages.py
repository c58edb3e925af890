"""Signing up, logging in, logging out."""

from __future__ import annotations

from urllib.parse import quote, unquote

from attrs import frozen

from microblog.domain.account_security import AccountSecurity
from microblog.domain.client_info import ClientInfo
from microblog.domain.known_browsers import COOKIE_LIFETIME
from microblog.domain.rate_limits import SIGN_UP
from microblog.domain.registration import Registrations, SignUpForm
from microblog.domain.sessions import LIFETIME, NewSession, Sessions
from microblog.model.errors import Invalid, Problem, TooMany, Unauthenticated
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import LoginForm, Signup
from microblog.web.http.cookies import DEVICE, RETURN, SESSION, VISITOR
from microblog.web.http.errors import for_people, status_of
from microblog.web.http.headers import CONSENT_POLICY
from microblog.web.http.request import Request, next_path
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.page_context import PageContexts

SIGN_IN = RouteOptions(keeps_opener=True)
HOME = "/home"
_RETURN_LASTS = 600  # seconds
_LONGEST_RETURN = 3_500  # browsers drop cookies of more than 4,096 bytes, their name and attributes included


@frozen
class AuthPages:
    """The way in and out."""

    pages: Pages
    shells: PageContexts
    registrations: Registrations
    sessions: Sessions
    credentials: AccountSecurity

    @route("GET", "/signup", SIGN_IN)
    async def signup_form(self, call: Request) -> Response:
        """The form, or a sentence why there is none; `next` says where to go afterwards. Members go there at once."""
        target = call.next_path(HOME)
        if call.viewer:
            return Response.redirect(target)
        return self._signup(call, Signup(invite=call.fields.value("invite", max=100), next=target))

    def _signup(self, call: Request, form: Signup, status: int = 200) -> Response:
        return _leading_to(form.next, Response.html(self.pages.signup(self.shells.plain(call, form=True), form), status))

    @route("POST", "/signup", RouteOptions(rate=SIGN_UP, keeps_opener=True))
    async def signup(self, call: Request) -> Response:
        """Make an account and log its owner in. What is wrong is said beside each field; nothing typed is lost."""
        fields, target = call.fields, call.next_path(HOME)
        form = SignUpForm(
            username=fields.value("username"),
            email=fields.value("email"),
            password=fields.password("password"),
            agreement=True,  # the page says that whoever signs up agrees
            reason=fields.text("reason"),
            invite=fields.value("invite"),
            locale=next(iter(call.languages()), ""),
        )
        try:
            account = await self.registrations.sign_up(form)
        except Invalid as problem:
            shown = Signup(form.username, form.email, form.reason, form.invite, target, problem.fields)
            return self._signup(call, shown, status_of(problem))
        entry = await self.sessions.begin(account.id, client_info_of(call), call.cookie(SESSION) or "")
        return _entered(Response.redirect(target), entry)

    @route("GET", "/login", SIGN_IN)
    async def login_form(self, call: Request) -> Response:
        """The form to log in; `next` says where to go afterwards."""
        return self._login_form(call, call.next_path(HOME))

    @route("GET", "/auth/sign_in", SIGN_IN)
    async def sign_in(self, call: Request) -> Response:
        """The same form, at the address where apps, scripts and password managers know it to be: see `sign_in_first`."""
        kept = call.origin.jar.read(call.incoming.getHeader(b"Cookie"), RETURN, _LONGEST_RETURN)
        return self._login_form(call, call.next_path(next_path(unquote(kept or ""), HOME)))

    def _login_form(self, call: Request, target: str) -> Response:
        return Response.redirect(target) if call.viewer else self._login(call, LoginForm(next=target))

    def _login(self, call: Request, form: LoginForm, status: int = 200) -> Response:
        return _leading_to(form.next, Response.html(self.pages.login(self.shells.plain(call, form=True), form), status))

    @route("GET", "/auth/sign_up", SIGN_IN)
    async def sign_up(self, call: Request) -> Response:
        """Where scripts know the form to sign up to be."""
        del call
        return Response.redirect("/signup", 302)

    @route("POST", "/login", SIGN_IN)
    async def login(self, call: Request) -> Response:
        """Log in under a new session id. The counting of failures is the domain's."""
        name, target = call.fields.value("name"), call.next_path(HOME)
        try:
            entry = await self.sessions.log_in(name, call.fields.password("password"), client_info_of(call), call.cookie(SESSION) or "")
        except (Unauthenticated, TooMany) as problem:
            return self._refused(call, LoginForm(name, target, for_people(problem)), problem)
        return _entered(Response.redirect(target), entry).without_cookie(RETURN)

    def _refused(self, call: Request, form: LoginForm, problem: Problem) -> Response:
        answer = self._login(call, form, status_of(problem))
        return answer.with_header("Retry-After", str(problem.retry_after)) if isinstance(problem, TooMany) else answer

    @route("POST", "/logout", RouteOptions())
    async def logout(self, call: Request) -> Response:
        """End this browser's session, and all that is open in it."""
        if token := call.cookie(SESSION):
            await self.sessions.log_out(token)
        return Response.redirect("/?notice=loggedout").without_cookie(SESSION).with_header("Clear-Site-Data", '"cache"')


def sign_in_first(target: str) -> Response:
    """A redirect to the login form, which leads to `target` afterwards.

    Clients know the form by its address without a query, so `target` goes into a cookie, unless it is too long for one.
    """
    value = quote(target, safe="")
    if len(value) > _LONGEST_RETURN:
        return Response.redirect(f"/auth/sign_in?next={quote(target, safe='/')}", 302)
    return Response.redirect("/auth/sign_in", 302).with_cookie(RETURN, value, _RETURN_LASTS)


def client_info_of(call: Request) -> ClientInfo:
    """Where the request comes from, as the list of sessions shows it."""
    return ClientInfo(call.network, str(call.address), call.header("User-Agent") or "", call.cookie(DEVICE) or "")


def _leading_to(target: str, page: Response) -> Response:
    """The page of a form whose redirects end at `target`: from the consent page they may lead on to an app."""
    return page.with_policy(CONSENT_POLICY) if target.startswith("/oauth/") else page


def _entered(answer: Response, entry: NewSession) -> Response:
    known = answer.with_cookie(DEVICE, entry.device, int(COOKIE_LIFETIME.total_seconds())) if entry.device else answer
    return known.with_cookie(SESSION, entry.token, int(LIFETIME.total_seconds())).without_cookie(VISITOR)
