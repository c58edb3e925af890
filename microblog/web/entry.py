"""Signing up, logging in, logging out."""

from __future__ import annotations

from urllib.parse import urlencode

from attrs import frozen

from microblog.domain.credentials import Credentials
from microblog.domain.devices import LASTS
from microblog.domain.limits import SIGN_UP
from microblog.domain.registration import Registrations, SignUp
from microblog.domain.sessions import LIFETIME, Entry, Origin, Sessions
from microblog.model.errors import Invalid, Problem, TooMany, Unauthenticated
from microblog.render.pages import Pages
from microblog.render.views import LoginForm, Signup
from microblog.web.answer import Answer
from microblog.web.call import Call
from microblog.web.cookies import DEVICE, SESSION, VISITOR
from microblog.web.errors import for_people, status_of
from microblog.web.headers import CONSENT_POLICY
from microblog.web.needs import Needs, route
from microblog.web.shells import Shells


@frozen
class EntryPages:
    """The way in and out."""

    pages: Pages
    shells: Shells
    registrations: Registrations
    sessions: Sessions
    credentials: Credentials

    @route("GET", "/signup", Needs())
    async def signup_form(self, call: Call) -> Answer:
        """The form, or a sentence why there is none. Members are at home already."""
        if call.viewer:
            return Answer.redirect("/home")
        form = Signup(invite=call.fields.text("invite", max=100))
        return Answer.html(self.pages.signup(self.shells.plain(call, form=True), form))

    @route("POST", "/signup", Needs(rate=SIGN_UP))
    async def signup(self, call: Call) -> Answer:
        """Make an account and log its owner in. What is wrong is said beside each field; nothing typed is lost."""
        fields = call.fields
        form = SignUp(
            username=fields.text("username"),
            email=fields.text("email"),
            password=fields.text("password"),
            agreement=True,  # the page says that whoever signs up agrees
            reason=fields.text("reason"),
            invite=fields.text("invite"),
            locale=next(iter(call.languages()), "en"),
        )
        try:
            account = await self.registrations.sign_up(form)
        except Invalid as problem:
            shown = Signup(form.username, form.email, form.reason, form.invite, problem.fields)
            return Answer.html(self.pages.signup(self.shells.plain(call, form=True), shown), status_of(problem))
        entry = await self.sessions.begin(account.id, origin_of(call), call.cookie(SESSION) or "")
        return _entered(Answer.redirect("/home"), entry)

    @route("GET", "/login", Needs())
    async def login_form(self, call: Call) -> Answer:
        """The form to log in; `next` says where to go afterwards."""
        target = call.next_path("/home")
        if call.viewer:
            return Answer.redirect(target)
        return self._login(call, LoginForm(next=target))

    def _login(self, call: Call, form: LoginForm, status: int = 200) -> Answer:
        answer = Answer.html(self.pages.login(self.shells.plain(call, form=True), form), status)
        return answer.with_policy(CONSENT_POLICY) if form.next.startswith("/oauth/") else answer  # its redirects may end in an app

    @route("GET", "/auth/sign_in", Needs())
    async def sign_in(self, call: Call) -> Answer:
        """Where scripts and password managers know the form to be."""
        return Answer.redirect(f"/login?{urlencode(list(call.fields.pairs('next')))}".rstrip("?"), 302)

    @route("GET", "/auth/sign_up", Needs())
    async def sign_up(self, call: Call) -> Answer:
        """The same, of signing up."""
        del call
        return Answer.redirect("/signup", 302)

    @route("POST", "/login", Needs())
    async def login(self, call: Call) -> Answer:
        """Log in under a new session id. The counting of failures is the domain's."""
        name, target = call.fields.text("name"), call.next_path("/home")
        try:
            entry = await self.sessions.log_in(name, call.fields.text("password"), origin_of(call), call.cookie(SESSION) or "")
        except (Unauthenticated, TooMany) as problem:
            return self._refused(call, LoginForm(name, target, for_people(problem)), problem)
        return _entered(Answer.redirect(target), entry)

    def _refused(self, call: Call, form: LoginForm, problem: Problem) -> Answer:
        answer = self._login(call, form, status_of(problem))
        return answer.with_header("Retry-After", str(problem.retry_after)) if isinstance(problem, TooMany) else answer

    @route("POST", "/logout", Needs())
    async def logout(self, call: Call) -> Answer:
        """End this browser's session, and all that is open in it."""
        if token := call.cookie(SESSION):
            await self.sessions.log_out(token)
        return Answer.redirect("/?notice=loggedout").without_cookie(SESSION).with_header("Clear-Site-Data", '"cache"')


def origin_of(call: Call) -> Origin:
    """Where the request comes from, as the list of sessions shows it."""
    return Origin(call.network, str(call.address), call.header("User-Agent") or "", call.cookie(DEVICE) or "")


def _entered(answer: Answer, entry: Entry) -> Answer:
    known = answer.with_cookie(DEVICE, entry.device, int(LASTS.total_seconds())) if entry.device else answer
    return known.with_cookie(SESSION, entry.token, int(LIFETIME.total_seconds())).without_cookie(VISITOR)
