"""Checks before a route runs: authentication, scopes, CSRF, rate limits; and the headers of responses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.domain.scopes import covers
from microblog.web.http.authorization import Authorizer
from microblog.web.http.cookies import CookieJar
from microblog.web.http.csrf import is_token_of, token_for
from microblog.web.http.dispatcher import Dispatcher
from microblog.web.http.errors import Errors
from microblog.web.http.params import Params
from microblog.web.http.request import SiteOrigin, next_path
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, Route, RouteOptions, route
from microblog.web.http.url_map import Routes
from tests.web.fake_site import NOW, ApiRoutes, FakeSite, PageRoutes, build_fake_site
from tests.web.http_client import FORM, HttpResponse, MemoryConnection, encode_request, parse_responses, request

ADA = {"Cookie": "__Host-session=ada"}


@pytest.fixture
def fake_site() -> FakeSite:
    return build_fake_site()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(fake_site: FakeSite, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> int:
    return request(fake_site.server, method, path, headers, body).status


# --- the route table


def test_the_route_table_has_the_options_of_every_route(fake_site: FakeSite) -> None:
    table = {(entry.method, entry.path): entry for entry in fake_site.dispatcher.routes.table}
    lists = table["GET", "/api/v1/lists"]
    assert (lists.name, lists.options.viewer, set(lists.options.scopes)) == ("ApiRoutes.lists", AccessLevel.MEMBER, {"read:lists"})
    assert {"GET", "POST", "DELETE"} == {method for method, path in table if path == "/api/v1/echo"}


def test_two_routes_with_the_same_path_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"PageRoutes\.front and PageRoutes\.front both handle GET /"):
        Routes([PageRoutes(), PageRoutes()], build_fake_site().dispatcher)


@pytest.mark.parametrize(("method", "path"), [("GTE", "/"), ("GET", "posts")])
def test_an_invalid_route_is_an_error(method: str, path: str) -> None:
    with pytest.raises(ValueError, match="not a route"):
        route(method, path, RouteOptions())


def test_scopes_are_for_the_api_only() -> None:
    with pytest.raises(ValueError, match="scopes"):
        RouteOptions(scopes={"read"})


def test_only_read_routes_are_safe(fake_site: FakeSite) -> None:
    unsafe = {entry.path for entry in fake_site.dispatcher.routes.table if not entry.safe}
    assert "/slow" in unsafe
    assert Route("GET", "/x", RouteOptions(), "X.x", ApiRoutes.echo).safe


# --- paths


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/posts/123", 200),
        ("/posts/123/", 200),
        ("/posts/9223372036854775807", 200),
        ("/posts/9223372036854775808", 404),
        ("/posts/99999999999999999999", 404),
        ("/posts/-1", 404),
        ("/posts/abc", 404),
        ("/posts/%D9%A1", 404),
        ("/posts/1%2f2", 404),
        ("/posts/1%00", 404),
        ("/tags/%E6%97%A5%E6%9C%AC", 200),
        ("/tags/%ff", 400),
        ("/tags/%ed%a0%80", 400),
        ("//posts/1", 404),
        ("/POSTS/1", 404),
        ("/nowhere", 404),
        ("/nowhere/", 404),
    ],
)
def test_paths_are_resolved_to_routes(fake_site: FakeSite, path: str, expected: int) -> None:
    assert status(fake_site, "GET", path) == expected


def test_a_trailing_slash_is_tolerated(fake_site: FakeSite) -> None:
    assert request(fake_site.server, "GET", "/api/v1/echo/?a=1").json == {"a": "1"}


def test_a_405_response_lists_the_allowed_methods(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "PUT", "/api/v1/echo")
    assert (response.status, response.header("Allow")) == (405, "DELETE, GET, HEAD, OPTIONS, POST")
    assert request(fake_site.server, "BREW", "/posts/1").header("Allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("method", ["get", "Get", "gEt", "post", "options", "head", "delete"])
@pytest.mark.parametrize("path", ["/", "/posts/1", "/api/v1/echo", "/tags/x"])
def test_methods_are_case_sensitive(fake_site: FakeSite, method: str, path: str) -> None:
    response = request(fake_site.server, method, path)
    assert (response.status, "GET" in (response.header("Allow") or "")) == (405, True)
    assert request(fake_site.server, method, "/nowhere").status == 404


def test_head_is_get_without_the_body(fake_site: FakeSite) -> None:
    connection = MemoryConnection(fake_site.server)
    data = connection.send(encode_request("HEAD", "/") + encode_request("GET", "/"))
    head, get = parse_responses(data, ("HEAD", "GET"))
    assert (head.status, head.header("Content-Length"), head.body) == (200, "14", b"")
    assert get.text == "hello stranger"


def test_options_lists_the_methods(fake_site: FakeSite) -> None:
    assert request(fake_site.server, "OPTIONS", "/posts/1").header("Allow") == "GET, HEAD, OPTIONS"
    assert status(fake_site, "OPTIONS", "/nowhere") == 404
    assert status(fake_site, "OPTIONS", "*") == 204


# --- authentication


def test_no_session_is_looked_up_without_a_cookie(fake_site: FakeSite) -> None:
    request(fake_site.server, "GET", "/", {"Cookie": "theme=dark; session=ada"})
    assert fake_site.authenticator.lookups == 0


def test_a_session_cookie_authenticates_a_page_request(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "GET", "/", {"Cookie": "theme=dark; __Host-session=ada"})
    assert (response.text, response.header("Cache-Control")) == ("hello user1", "private, no-store")


def test_an_invalid_session_cookie_is_deleted(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "GET", "/", {"Cookie": "__Host-session=old"})
    assert response.text == "hello stranger"
    assert response.all("Set-Cookie") == ["__Host-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure"]


def test_cookies_do_not_authenticate_the_api_nor_tokens_the_pages(fake_site: FakeSite) -> None:
    assert status(fake_site, "GET", "/api/v1/lists", ADA) == 401
    assert status(fake_site, "GET", "/mine", bearer("reader")) == 303


def test_a_page_that_requires_login_redirects_to_it_and_back(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "GET", "/mine?page=2&x=/a")
    assert (response.status, response.header("Location")) == (303, "/login?next=/mine%3Fpage%3D2%26x%3D/a")


def test_a_form_that_requires_login_is_rejected_without_a_redirect(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "POST", "/mine", {"Content-Type": FORM}, b"text=long")
    assert (response.status, "log in" in response.text) == (401, True)


def test_a_script_gets_errors_as_json(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "GET", "/mine", {"Accept": "application/json"})
    assert (response.status, response.json) == (401, {"error": "Please log in first."})


@pytest.mark.parametrize(
    ("cookie", "page", "expected"),
    [
        ("ada", "/mine", 200),
        ("ada", "/moderation", 403),
        ("ada", "/administration", 403),
        ("mod", "/mine", 200),
        ("mod", "/moderation", 200),
        ("mod", "/administration", 403),
        ("admin", "/moderation", 200),
        ("admin", "/administration", 200),
        ("", "/administration", 303),
    ],
)
def test_each_role_includes_the_lower_ones(fake_site: FakeSite, cookie: str, page: str, expected: int) -> None:
    assert status(fake_site, "GET", page, {"Cookie": f"__Host-session={cookie}"}) == expected


# --- tokens and scopes


@pytest.mark.parametrize(
    ("token", "method", "path", "expected"),
    [
        ("reader", "GET", "/api/v1/lists", 200),
        ("reader", "POST", "/api/v1/statuses", 403),
        ("writer", "POST", "/api/v1/statuses", 200),
        ("app", "GET", "/api/v1/app", 200),
        ("app", "GET", "/api/v1/lists", 422),
        ("nobody", "GET", "/api/v1/lists", 401),
        ("nobody", "GET", "/api/v1/echo", 401),
        ("", "GET", "/api/v1/lists", 401),
        ("x" * 600, "GET", "/api/v1/lists", 401),
    ],
)
def test_a_token_opens_the_routes_that_its_scopes_cover(fake_site: FakeSite, token: str, method: str, path: str, expected: int) -> None:
    assert status(fake_site, method, path, bearer(token)) == expected


def test_token_errors_are_those_of_mastodon(fake_site: FakeSite) -> None:
    unknown = request(fake_site.server, "GET", "/api/v1/lists", bearer("nobody"))
    assert unknown.json == {"error": "The access token is invalid"}
    assert unknown.header("WWW-Authenticate") == (
        'Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token is invalid"'
    )
    assert request(fake_site.server, "POST", "/api/v1/statuses", bearer("reader")).json == {
        "error": "This action is outside the authorized scopes"
    }
    assert request(fake_site.server, "GET", "/api/v1/lists", bearer("app")).json == {"error": "This method requires an authenticated user"}


@pytest.mark.parametrize("name", ["access_token", "bearer_token"])
def test_a_token_may_be_a_parameter(fake_site: FakeSite, name: str) -> None:
    assert status(fake_site, "GET", f"/api/v1/lists?{name}=reader") == 200
    assert status(fake_site, "POST", "/api/v1/statuses", {"Content-Type": FORM}, f"{name}=writer".encode()) == 200


@pytest.mark.parametrize(
    ("granted", "wanted", "expected"),
    [
        ("read", "read:lists", True),
        ("read:lists", "read", False),
        ("read:lists", "read:lists", True),
        ("read", "write:lists", False),
        ("rea", "read", False),
        ("follow", "write:follows", True),
        ("follow", "read:mutes", True),
        ("follow", "read:lists", False),
        ("admin:read", "admin:read:accounts", True),
        ("admin", "administration", False),
        ("read", "admin:read", False),
    ],
)
def test_a_broad_scope_covers_its_parts_but_not_vice_versa(granted: str, wanted: str, expected: bool) -> None:
    assert covers([granted], wanted) is expected


# --- forms


def send(fake_site: FakeSite, form: dict[str, str], cookie: str, **headers: str) -> HttpResponse:
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    all_headers = {"Content-Type": FORM, "Cookie": cookie} | {name.replace("_", "-"): value for name, value in headers.items()}
    return request(fake_site.server, "POST", "/form", all_headers, body)


def visitor(fake_site: FakeSite) -> tuple[str, str]:
    """Return a visitor's cookie and a CSRF token for it."""
    page = request(fake_site.server, "GET", "/form")
    return "__Host-visitor=" + page.cookies()["__Host-visitor"], page.text


def test_a_form_with_a_csrf_token_is_accepted(fake_site: FakeSite) -> None:
    cookie, token = visitor(fake_site)
    assert send(fake_site, {"csrf": token, "text": "hi"}, cookie, Origin="https://site.test", Sec_Fetch_Site="same-origin").text == "hi"


def test_a_logged_in_users_form_is_accepted(fake_site: FakeSite) -> None:
    token = request(fake_site.server, "GET", "/form", ADA).text
    assert send(fake_site, {"csrf": token, "text": "hi"}, ADA["Cookie"]).text == "hi"
    assert send(fake_site, {"text": "hi"}, ADA["Cookie"], X_CSRF_Token=token).text == "hi"


def test_a_page_with_a_csrf_token_is_never_cached(fake_site: FakeSite) -> None:
    cookie, _ = visitor(fake_site)
    assert request(fake_site.server, "GET", "/form", {"Cookie": cookie}).header("Cache-Control") == "private, no-store"


def test_each_page_has_a_different_csrf_token(fake_site: FakeSite) -> None:
    tokens = {request(fake_site.server, "GET", "/form", ADA).text for _ in range(5)}
    assert len(tokens) == 5


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://site.test.evil.test"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "https://site.test"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_form_from_another_site_is_rejected_even_with_a_token(fake_site: FakeSite, headers: dict[str, str]) -> None:
    cookie, token = visitor(fake_site)
    assert send(fake_site, {"csrf": token}, cookie, **headers).status == 403


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "ü" * 43])
def test_a_form_with_an_invalid_token_is_rejected(fake_site: FakeSite, token: str) -> None:
    cookie, _ = visitor(fake_site)
    assert send(fake_site, {"csrf": token}, cookie).status == 403


def test_a_form_with_another_browsers_token_is_rejected(fake_site: FakeSite) -> None:
    cookie, token = visitor(fake_site)
    other, _ = visitor(fake_site)
    assert send(fake_site, {"csrf": token}, other).status == 403
    assert send(fake_site, {"csrf": token}, cookie + "; " + ADA["Cookie"]).status == 403
    assert send(fake_site, {"csrf": token}, "").status == 403


def test_a_csrf_token_belongs_to_one_secret() -> None:
    assert is_token_of("a", token_for("a"))
    assert not is_token_of("a", token_for("b"))


def test_a_large_body_is_parsed_in_a_thread(fake_site: FakeSite) -> None:
    sizes: list[int] = []

    async def in_thread(parse: Callable[[], Params]) -> Params:
        fields = parse()
        sizes.append(len(fields.text("text")))
        return fields

    gate = Authorizer(fake_site.authenticator, RateLimiter(MemoryCounter(fake_site.clock.seconds), lambda: NOW, enabled=False))
    fake_site.server.site = Dispatcher(
        [PageRoutes(), ApiRoutes()], origin=SiteOrigin.parse("https://site.test"), authorizer=gate, errors=Errors(), in_thread=in_thread
    )
    for size in (1_000, 90_000):
        headers = {"Content-Type": FORM, "Authorization": "Bearer reader"}
        response = request(fake_site.server, "POST", "/api/v1/echo", headers, b"text=" + b"x" * size)
        assert len(response.json["text"]) == size
    assert sizes == [90_000]


# --- cookies and redirects


def test_cookies_have_all_protections_with_https() -> None:
    fake_site = build_fake_site()
    token = request(fake_site.server, "GET", "/form", ADA).text
    response = request(fake_site.server, "POST", "/mine", ADA | {"Content-Type": FORM}, f"csrf={token}".encode())
    assert response.all("Set-Cookie") == ["__Host-session=fresh; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"]
    assert response.header("Strict-Transport-Security") == "max-age=31536000"


def test_cookies_work_without_https() -> None:
    fake_site = build_fake_site("http://127.0.0.1:8080")
    response = request(fake_site.server, "GET", "/form", {"Cookie": "session=ada"})
    assert (response.all("Set-Cookie"), response.header("Strict-Transport-Security")) == ([], None)
    assert "visitor" in request(fake_site.server, "GET", "/form").cookies()


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"a=1; session=x; b=2", "x"),
        (b"session=x; session=y", "x"),
        (b"xsession=x", None),
        (b"session=", None),
        (b"session", None),
        (b"session=" + b"x" * 600, None),
        (b"session=\xff", None),
        (None, None),
    ],
)
def test_cookies_are_parsed(header: bytes | None, value: str | None) -> None:
    assert CookieJar(secure=False).read(header, "session") == value


@pytest.mark.parametrize("target", ["/", "/home", "/@ada/1?x=1#a", "/search?q=a%2Fb", "/tags/%E6%97%A5", "/x?next=//host"])
def test_local_paths_are_valid_redirect_targets(target: str) -> None:
    assert next_path(target) == target


@pytest.mark.parametrize(
    "target",
    [
        *("", "home", "//host", "///host", "/\\host", "\\/host", "/%2fhost", "%2f%2fhost", "/%2Fhost", "/%5chost", "/%252fhost"),
        *("/\t/host", "/\n/host", "/ /host", "https://host", "https:/host", "javascript:alert(1)", "//host@site.test"),
        *("/x\r\nSet-Cookie: a=b", "/\0", "/" + "a" * 9_000),
    ],
)
def test_other_redirect_targets_are_replaced(target: str) -> None:
    assert next_path(target, "/safe") == "/safe"


def test_a_form_can_redirect_only_to_local_paths(fake_site: FakeSite) -> None:
    there = request(fake_site.server, "POST", "/go", {"Content-Type": FORM}, b"next=/tags/x")
    away = request(fake_site.server, "POST", "/go", {"Content-Type": FORM}, b"next=//evil.test/")
    assert (there.status, there.header("Location"), away.header("Location")) == (303, "/tags/x", "/")


def test_header_injection_is_rejected() -> None:
    for value in ("a\r\nSet-Cookie: b=c", "a\nb", "a\0b"):
        with pytest.raises(ValueError, match="corrupt"):
            Response.empty().with_header("X-A", value)
    (location,) = Response.redirect("/a\r\nSet-Cookie: b=c ü").headers
    assert location == (b"Location", b"/a%0D%0ASet-Cookie:%20b=c%20%C3%BC")


def test_a_public_url_has_no_path() -> None:
    assert SiteOrigin.parse("https://Example.org:8443/").host == "example.org:8443"
    for wrong in ("example.org", "ftp://example.org", "https://example.org/blog", "https://"):
        with pytest.raises(ValueError, match="not a valid site URL"):
            SiteOrigin.parse(wrong)


# --- errors


def test_an_internal_error_reveals_only_the_request_id(fake_site: FakeSite, caplog: pytest.LogCaptureFixture) -> None:
    for headers in ({}, {"Accept": "application/json"}):
        response = request(fake_site.server, "GET", "/bug", headers)
        assert response.status == 500
        assert "secret" not in response.text
        assert "Traceback" not in response.text
        assert str(response.header("X-Request-Id")) in response.text


def test_an_unavailable_service_has_a_retry_after_header(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "GET", "/down")
    assert (response.status, response.header("Retry-After")) == (503, "7")


def test_a_full_disk_is_503_with_retry_after(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "GET", "/full")
    assert (response.status, response.header("Retry-After")) == (503, "60")
    assert "run out of storage" in response.text


def test_validation_errors_are_listed_by_field(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "POST", "/invalid", {"Accept": "application/json"})
    assert response.status == 422
    assert response.json == {
        "error": "Name is taken",
        "details": {"name": [{"error": "ERR_TAKEN", "description": "is taken"}]},
        "fields": {"name": "Name is taken"},
    }


def test_an_unknown_api_path_is_404_in_json_with_cors(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "GET", "/api/v9/nothing")
    assert (response.status, response.json, response.header("Access-Control-Allow-Origin")) == (404, {"error": "Not Found"}, "*")


def test_an_error_page_escapes_input(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "POST", "/form", {"Content-Type": FORM}, b"<script>=%ff")
    assert (response.status, "<script" in response.text) == (422, False)


# --- headers


def test_pages_have_security_headers(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "GET", "/")
    policy = str(response.header("Content-Security-Policy"))
    assert "unsafe" not in policy
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy.split("; ")
    assert response.header("X-Content-Type-Options") == "nosniff"
    assert response.header("Referrer-Policy") == "same-origin"
    assert response.header("Cross-Origin-Opener-Policy") == "same-origin"
    assert "camera=()" in str(response.header("Permissions-Policy"))


def test_api_responses_have_security_headers(fake_site: FakeSite) -> None:
    response = request(fake_site.server, "GET", "/api/v1/echo")
    assert response.header("Content-Security-Policy") == "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    assert response.header("Content-Type") == "application/json; charset=utf-8"
    assert response.header("Vary") == "Accept-Encoding, Authorization, Origin"
    assert response.header("Cache-Control") == "max-age=15, public"
    assert request(fake_site.server, "GET", "/api/v1/echo", bearer("app")).header("Cache-Control") == "private, no-store"


def test_the_api_allows_cross_origin_requests_with_any_header(fake_site: FakeSite) -> None:
    headers = {"Origin": "https://client.test", "Access-Control-Request-Headers": "idempotency-key, x-own"}
    response = request(fake_site.server, "OPTIONS", "/api/v1/statuses", headers)
    assert response.status == 200
    assert response.header("Access-Control-Allow-Origin") == "*"
    assert response.header("Access-Control-Allow-Headers") == "idempotency-key, x-own"
    assert "POST" in str(response.header("Access-Control-Allow-Methods"))
    assert "X-RateLimit-Reset" in str(response.header("Access-Control-Expose-Headers"))
    assert response.header("Access-Control-Allow-Credentials") is None
    assert request(fake_site.server, "OPTIONS", "/form").header("Access-Control-Allow-Origin") is None


def test_an_unchanged_response_is_304(fake_site: FakeSite) -> None:
    first = request(fake_site.server, "GET", "/posts/1")
    assert first.header("ETag") == 'W/"v1"'
    connection = MemoryConnection(fake_site.server)
    data = connection.send(encode_request("GET", "/posts/1", {"If-None-Match": '"other", W/"v1"'}) + encode_request("GET", "/"))
    again, after = parse_responses(data)
    assert (again.status, again.body, after.status) == (304, b"", 200)


# --- limits


def test_a_rate_limit_error_has_a_retry_after_header() -> None:
    fake_site = build_fake_site(limits=True)
    responses = [request(fake_site.server, "GET", "/twice") for _ in range(3)]
    assert [response.status for response in responses] == [200, 200, 429]
    assert (responses[2].header("Retry-After"), responses[2].header("X-RateLimit-Remaining")) == ("60", "0")
    assert "Please try again in 1 minute." in responses[2].text
    fake_site.clock.advance(60)
    assert status(fake_site, "GET", "/twice") == 200


def test_path_variants_share_a_rate_limit() -> None:
    fake_site = build_fake_site(limits=True)
    assert [status(fake_site, "GET", path) for path in ("/twice/", "/twice?x=1", "/%74wice")] == [200, 200, 429]


def test_an_ipv6_network_shares_a_rate_limit() -> None:
    fake_site = build_fake_site(limits=True)
    addresses = ("2001:db8::1", "2001:db8::2", "2001:db8::ffff", "2001:db8:0:1::1")
    assert [request(fake_site.server, "GET", "/twice", host=address).status for address in addresses] == [200, 200, 429, 200]


def test_a_spoofed_forwarded_address_does_not_evade_a_rate_limit() -> None:
    fake_site = build_fake_site(limits=True)
    spoofed_headers = [{"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"} for number in range(3)]
    assert [status(fake_site, "GET", "/twice", spoofed) for spoofed in spoofed_headers] == [200, 200, 429]


def test_the_api_reports_its_rate_limits() -> None:
    fake_site = build_fake_site(limits=True)
    anonymous = request(fake_site.server, "GET", "/api/v1/echo")
    assert anonymous.header("X-RateLimit-Limit") == "300"
    assert anonymous.header("X-RateLimit-Remaining") == "299"
    assert anonymous.header("X-RateLimit-Reset") == "2026-05-04T12:05:00.000000Z"
    first = request(fake_site.server, "GET", "/api/v1/lists", bearer("reader"))
    second = request(fake_site.server, "GET", "/api/v1/lists", bearer("writer"))
    assert [response.header("X-RateLimit-Remaining") for response in (first, second)] == ["299", "299"]


def test_token_guessing_is_rate_limited() -> None:
    fake_site = build_fake_site(limits=True)
    statuses = {status(fake_site, "GET", "/api/v1/lists", bearer(f"guess{number}")) for number in range(300)}
    assert statuses == {401}
    assert status(fake_site, "GET", "/api/v1/lists", bearer("guess")) == 429


def test_rate_limits_can_be_switched_off(fake_site: FakeSite) -> None:
    assert {status(fake_site, "GET", "/twice") for _ in range(5)} == {200}
    assert request(fake_site.server, "GET", "/api/v1/echo").header("X-RateLimit-Limit") is None


# --- client addresses


def client_address(headers: dict[str, str], peer: str = "10.0.0.1", proxies: tuple[str, ...] = ("10.0.0.0/8",)) -> tuple[str, bool]:
    found = request(build_fake_site(proxies=proxies).server, "GET", "/where", headers, host=peer).json
    return found["address"], found["secure"]


def test_a_trusted_proxys_forwarding_headers_are_used() -> None:
    assert client_address({"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}) == ("198.51.100.7", True)
    assert client_address({"Forwarded": 'for="[2001:db8::1]:4711";proto=https'}) == ("2001:db8::1", False)


def test_the_nearest_untrusted_address_is_the_client() -> None:
    assert client_address({"X-Forwarded-For": "1.1.1.1, 198.51.100.7, 10.0.0.9"})[0] == "198.51.100.7"
    assert client_address({"X-Forwarded-For": "1.1.1.1, nonsense, 10.0.0.9"})[0] == "10.0.0.9"
    assert client_address({"X-Forwarded-For": "10.0.0.8,10.0.0.9"})[0] == "10.0.0.8"
    assert client_address({"X-Forwarded-For": "fe80::7%eth0"})[0] == "fe80::7"
    assert client_address({"X-Forwarded-For": "a, " * 5_000 + "198.51.100.7"})[0] == "198.51.100.7"


def test_forwarding_headers_of_other_peers_are_ignored() -> None:
    spoofed = {"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.7", "X-Forwarded-Proto": "https"}
    assert client_address(spoofed, peer="203.0.113.7") == ("203.0.113.7", False)
    assert client_address(spoofed, proxies=()) == ("10.0.0.1", False)


def test_ipv4_mapped_addresses_are_ipv4() -> None:
    assert client_address({}, peer="::ffff:203.0.113.7")[0] == "203.0.113.7"
    assert client_address({"X-Forwarded-For": "198.51.100.7:4711"}, peer="::ffff:10.0.0.1")[0] == "198.51.100.7"


def test_accept_language_is_ordered_by_preference(fake_site: FakeSite) -> None:
    def languages(path: str, header: str) -> list[str]:
        found: list[str] = request(fake_site.server, "GET", path, {"Accept-Language": header}).json["languages"]
        return found

    assert languages("/where", "en;q=0.5, de-AT, ja;q=0.8, fr;q=0, *;q=0.1, nonsense!") == ["de-at", "ja", "en"]
    assert languages("/where?lang=pt-BR", "en") == ["pt-br", "en"]
