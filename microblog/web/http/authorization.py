"""Checks before every route: authentication, permission, rate limits and CSRF."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from attrs import Factory, field, frozen

from microblog.domain.rate_limits import API_ACCOUNT, API_NETWORK, API_TOKEN, PAGING, LimitScope, RateLimit, RateLimiter
from microblog.domain.scopes import covers
from microblog.model.accounts import Role
from microblog.model.errors import Forbidden, TooLarge, Unauthenticated
from microblog.model.oauth import TokenContext
from microblog.web.http import csrf
from microblog.web.http.body_buffer import IN_MEMORY
from microblog.web.http.cookies import SESSION, Cookie
from microblog.web.http.errors import BadToken, NeedsUser, PendingApproval
from microblog.web.http.request import Authenticator, Request
from microblog.web.http.route import AccessLevel, Route, RouteOptions

_ROLES = {AccessLevel.MODERATOR: Role.MODERATOR, AccessLevel.ADMIN: Role.ADMIN}
_MAX_TOKEN_LENGTH = 512
_PAGED = re.compile(rb"(?:\A|&)(?:max_id|min_id|since_id|page)=")


@frozen
class Authorizer:
    """Authenticates and authorizes requests; raises a Problem for a refusal.

    `cached` authenticates requests that only read; commands use the `authenticator`, which knows all that was committed before.
    `log_position` returns the position up to which the invalidation log has been read.
    """

    authenticator: Authenticator
    limits: RateLimiter
    cached: Authenticator = field(default=Factory(lambda self: self.authenticator, takes_self=True))
    log_position: Callable[[], int] = lambda: 0

    async def authorize(self, request: Request, route: Route) -> None:
        """Set the request's viewer, and check everything that the route needs."""
        request.log_position = self.log_position()
        authenticator = self.cached if route.safe else self.authenticator
        if route.options.api:
            if route.options.bearer:
                await self._identify_bearer(request, authenticator, pending=route.options.pending)
        elif route.options.identify:
            await self._identify_session(request, authenticator)
        if self.limits.enabled:
            await self._count(request, self._rates(request, route.options))
        _check_viewer(request, route.options)
        if not route.safe and not route.options.api and route.options.csrf:
            _check_form(request, cookieless=route.options.cookieless)

    async def admit_body(self, request: Request, route: Route) -> None:
        """Raise a Problem unless the client may send a large body here. Only the head of the request is read."""
        if route.options.signed and request.header("Signature"):
            return
        if not route.options.api:
            await self._identify_session(request, self.cached)
        elif route.options.bearer:
            await self._identify_bearer(request, self.cached, pending=route.options.pending)
        _check_viewer(request, route.options)
        if request.viewer is None:
            raise TooLarge(f"Please log in to send more than {IN_MEMORY >> 10} kB.")

    async def identify(self, request: Request) -> None:
        """Set the request's viewer from the session cookie, if there is a valid one."""
        await self._identify_session(request, self.cached)

    async def _identify_session(self, request: Request, authenticator: Authenticator) -> None:
        token = request.cookie(SESSION)
        if token is None:
            return
        context = await authenticator.by_cookie(token)
        if context is not None:
            request.viewer, request.session = context
            request.incoming.log_context.user_id = request.viewer.id
        elif await authenticator.is_over(token):  # a suspended account keeps its cookie, for the time after its restore
            request.cookies.append(Cookie(SESSION, "", 0))

    async def _identify_bearer(self, request: Request, authenticator: Authenticator, *, pending: bool) -> None:
        token = bearer_token(request)
        if token is None:
            return
        refusal: BadToken | None = None
        try:
            known = 0 < len(token) <= _MAX_TOKEN_LENGTH
            context = await authenticator.by_bearer(token, address=str(request.address), pending=pending) if known else None
        except Unauthenticated as problem:
            context, refusal = None, BadToken(problem.sentence)
        if context is None:
            await self._count(request, [(API_NETWORK, request.network)])  # slows down guessing of tokens
            raise refusal or BadToken()
        request.access, request.viewer = context, context.viewer
        if request.viewer is not None:
            request.incoming.log_context.user_id = request.viewer.id

    async def _count(self, request: Request, rates: Iterable[tuple[RateLimit, str]]) -> None:
        request.limit_usage = await self.limits.consume(rates)
        if request.limit_usage is not None and request.limit_usage.exceeded:
            raise request.limit_usage.problem(self.limits.now())

    def _rates(self, request: Request, options: RouteOptions) -> Iterator[tuple[RateLimit, str]]:
        if options.api and options.counted:
            if request.access is None:
                yield API_NETWORK, request.network
            else:
                yield API_TOKEN, str(request.access.id)
                if request.viewer is not None:
                    yield API_ACCOUNT, str(request.viewer.id)
            if _PAGED.search(request.incoming.query):
                yield PAGING, request.network if request.viewer is None else str(request.viewer.id)
        for rate in options.rate:
            yield rate, _limit_key(request, rate.per)


def _limit_key(request: Request, per: LimitScope) -> str:
    if per is LimitScope.ACCOUNT and request.viewer is not None:
        return str(request.viewer.id)
    if per is LimitScope.TOKEN and request.access is not None:
        return str(request.access.id)
    return request.network


def bearer_token(request: Request) -> str | None:
    """The API token of a request: in its Authorization header, else as field `access_token` or `bearer_token`."""
    header = request.header("Authorization")
    if header is not None and header[:7].lower() == "bearer ":
        return header[7:].strip()
    if b"token" not in request.incoming.query and b"token" not in request.incoming.body:
        return None
    return request.fields.value("access_token") or request.fields.value("bearer_token") or None


def _check_viewer(request: Request, options: RouteOptions) -> None:
    if options.api and options.viewer >= AccessLevel.APP and request.access is None:
        raise BadToken
    if request.access is not None and options.scopes and not _covers_any(request.access, options.scopes):
        raise Forbidden("This action is outside the authorized scopes")
    if request.access is not None and options.viewer_scopes and not _covers_any(request.access, options.viewer_scopes):
        request.viewer = None
    if options.viewer < AccessLevel.MEMBER:
        return
    if request.viewer is None:
        raise NeedsUser if options.api else Unauthenticated("Please log in first.")
    if request.viewer.pending:
        raise PendingApproval
    required_role = _ROLES.get(options.viewer)
    if required_role is not None and not request.viewer.role.includes(required_role):
        raise Forbidden


def _covers_any(access: TokenContext, scopes: Iterable[str]) -> bool:
    return any(covers(access.scopes, scope) for scope in scopes)


def _check_form(request: Request, *, cookieless: bool) -> None:
    """Raise Forbidden unless the form came from one of our own pages."""
    own_hosts = frozenset({request.host, request.origin.host})
    if csrf.is_cross_site(request.header("Sec-Fetch-Site"), request.header("Origin"), own_hosts):
        raise Forbidden("This form was sent from another site. Nothing was changed.")
    if cookieless and request.session is None:
        return
    secret = request.csrf_secret
    token = request.header("X-CSRF-Token") or request.fields.value("csrf")
    if secret is None or not csrf.is_token_of(secret, token):
        raise Forbidden("This form has expired, or cookies are disabled. Nothing was changed. Please reload the page and try again.")
