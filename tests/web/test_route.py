"""What a route needs is asked before it is called: who, which scope, whose form, how often; and how the answer looks."""

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
from tests.web.fake_site import NOW, Api, House, Rooms, house
from tests.web.memory import FORM, Line, Reply, ask, replies, request

ADA = {"Cookie": "__Host-session=ada"}


@pytest.fixture
def home() -> House:
    return house()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(home: House, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> int:
    return ask(home.server, method, path, headers, body).status


# --- the table


def test_the_table_lists_every_route_with_its_needs(home: House) -> None:
    table = {(entry.method, entry.path): entry for entry in home.site.routes.table}
    lists = table["GET", "/api/v1/lists"]
    assert (lists.name, lists.options.viewer, set(lists.options.scopes)) == ("Api.lists", AccessLevel.MEMBER, {"read:lists"})
    assert {"GET", "POST", "DELETE"} == {method for method, path in table if path == "/api/v1/echo"}


def test_two_routes_for_one_address_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Rooms\.front and Rooms\.front both want GET /"):
        Routes([Rooms(), Rooms()], house().site)


@pytest.mark.parametrize(("method", "path"), [("GTE", "/"), ("GET", "posts")])
def test_a_route_that_cannot_be_is_refused(method: str, path: str) -> None:
    with pytest.raises(ValueError, match="not a route"):
        route(method, path, RouteOptions())


def test_scopes_are_for_the_api_only() -> None:
    with pytest.raises(ValueError, match="scopes"):
        RouteOptions(scopes={"read"})


def test_only_reading_routes_are_safe(home: House) -> None:
    unsafe = {entry.path for entry in home.site.routes.table if not entry.safe}
    assert "/slow" in unsafe
    assert Route("GET", "/x", RouteOptions(), "X.x", Api.echo).safe


# --- finding


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
def test_an_address_is_found_or_clearly_not(home: House, path: str, expected: int) -> None:
    assert status(home, "GET", path) == expected


def test_a_slash_at_the_end_is_tolerated(home: House) -> None:
    assert ask(home.server, "GET", "/api/v1/echo/?a=1").json == {"a": "1"}


def test_a_wrong_method_is_told_the_right_ones(home: House) -> None:
    reply = ask(home.server, "PUT", "/api/v1/echo")
    assert (reply.status, reply.header("Allow")) == (405, "DELETE, GET, HEAD, OPTIONS, POST")
    assert ask(home.server, "BREW", "/posts/1").header("Allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("method", ["get", "Get", "gEt", "post", "options", "head", "delete"])
@pytest.mark.parametrize("path", ["/", "/posts/1", "/api/v1/echo", "/tags/x"])
def test_methods_are_told_apart_by_their_case(home: House, method: str, path: str) -> None:
    reply = ask(home.server, method, path)
    assert (reply.status, "GET" in (reply.header("Allow") or "")) == (405, True)
    assert ask(home.server, method, "/nowhere").status == 404


def test_head_is_get_without_its_body(home: House) -> None:
    line = Line(home.server)
    data = line.send(request("HEAD", "/") + request("GET", "/"))
    head, get = replies(data, ("HEAD", "GET"))
    assert (head.status, head.header("Content-Length"), head.body) == (200, "14", b"")
    assert get.text == "hello stranger"


def test_options_tell_the_methods(home: House) -> None:
    assert ask(home.server, "OPTIONS", "/posts/1").header("Allow") == "GET, HEAD, OPTIONS"
    assert status(home, "OPTIONS", "/nowhere") == 404
    assert status(home, "OPTIONS", "*") == 204


# --- who


def test_nobody_is_asked_where_there_is_no_cookie(home: House) -> None:
    ask(home.server, "GET", "/", {"Cookie": "theme=dark; session=ada"})
    assert home.people.asked == 0


def test_a_session_cookie_makes_a_viewer(home: House) -> None:
    reply = ask(home.server, "GET", "/", {"Cookie": "theme=dark; __Host-session=ada"})
    assert (reply.text, reply.header("Cache-Control")) == ("hello user1", "private, no-store")


def test_a_cookie_that_is_no_longer_valid_is_deleted(home: House) -> None:
    reply = ask(home.server, "GET", "/", {"Cookie": "__Host-session=old"})
    assert reply.text == "hello stranger"
    assert reply.all("Set-Cookie") == ["__Host-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure"]


def test_a_cookie_is_no_key_to_the_api_and_a_token_none_to_the_pages(home: House) -> None:
    assert status(home, "GET", "/api/v1/lists", ADA) == 401
    assert status(home, "GET", "/mine", bearer("reader")) == 303


def test_a_page_for_members_sends_others_to_the_login_and_back(home: House) -> None:
    reply = ask(home.server, "GET", "/mine?page=2&x=/a")
    assert (reply.status, reply.header("Location")) == (303, "/login?next=/mine%3Fpage%3D2%26x%3D/a")


def test_a_form_for_members_is_refused_with_a_sentence_so_that_nothing_is_lost(home: House) -> None:
    reply = ask(home.server, "POST", "/mine", {"Content-Type": FORM}, b"text=long")
    assert (reply.status, "log in" in reply.text) == (401, True)


def test_a_script_of_ours_gets_its_errors_as_json(home: House) -> None:
    reply = ask(home.server, "GET", "/mine", {"Accept": "application/json"})
    assert (reply.status, reply.json) == (401, {"error": "Please log in first."})


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
def test_each_role_may_do_what_those_below_it_may(home: House, cookie: str, page: str, expected: int) -> None:
    assert status(home, "GET", page, {"Cookie": f"__Host-session={cookie}"}) == expected


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
def test_a_token_opens_what_its_scopes_cover(home: House, token: str, method: str, path: str, expected: int) -> None:
    assert status(home, method, path, bearer(token)) == expected


def test_errors_of_tokens_are_said_in_the_words_that_clients_know(home: House) -> None:
    unknown = ask(home.server, "GET", "/api/v1/lists", bearer("nobody"))
    assert unknown.json == {"error": "The access token is invalid"}
    assert unknown.header("WWW-Authenticate") == (
        'Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token is invalid"'
    )
    assert ask(home.server, "POST", "/api/v1/statuses", bearer("reader")).json == {"error": "This action is outside the authorized scopes"}
    assert ask(home.server, "GET", "/api/v1/lists", bearer("app")).json == {"error": "This method requires an authenticated user"}


@pytest.mark.parametrize("name", ["access_token", "bearer_token"])
def test_a_token_may_come_as_a_field(home: House, name: str) -> None:
    assert status(home, "GET", f"/api/v1/lists?{name}=reader") == 200
    assert status(home, "POST", "/api/v1/statuses", {"Content-Type": FORM}, f"{name}=writer".encode()) == 200


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
def test_a_broad_scope_covers_its_parts_and_never_the_other_way(granted: str, wanted: str, expected: bool) -> None:
    assert covers([granted], wanted) is expected


# --- forms


def send(home: House, form: dict[str, str], cookie: str, **headers: str) -> Reply:
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    given = {"Content-Type": FORM, "Cookie": cookie} | {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(home.server, "POST", "/form", given, body)


def visitor(home: House) -> tuple[str, str]:
    """A visitor's cookie and a form token for it."""
    page = ask(home.server, "GET", "/form")
    return "__Host-visitor=" + page.cookies()["__Host-visitor"], page.text


def test_a_form_of_ours_is_taken(home: House) -> None:
    cookie, token = visitor(home)
    assert send(home, {"csrf": token, "text": "hi"}, cookie, Origin="https://site.test", Sec_Fetch_Site="same-origin").text == "hi"


def test_a_logged_in_members_form_is_taken(home: House) -> None:
    token = ask(home.server, "GET", "/form", ADA).text
    assert send(home, {"csrf": token, "text": "hi"}, ADA["Cookie"]).text == "hi"
    assert send(home, {"text": "hi"}, ADA["Cookie"], X_CSRF_Token=token).text == "hi"


def test_a_page_with_a_form_token_is_kept_by_no_cache(home: House) -> None:
    cookie, _ = visitor(home)
    assert ask(home.server, "GET", "/form", {"Cookie": cookie}).header("Cache-Control") == "private, no-store"


def test_each_page_has_another_token(home: House) -> None:
    tokens = {ask(home.server, "GET", "/form", ADA).text for _ in range(5)}
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
def test_a_form_from_another_site_is_refused_even_with_a_token(home: House, headers: dict[str, str]) -> None:
    cookie, token = visitor(home)
    assert send(home, {"csrf": token}, cookie, **headers).status == 403


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "ü" * 43])
def test_a_form_with_a_wrong_token_is_refused(home: House, token: str) -> None:
    cookie, _ = visitor(home)
    assert send(home, {"csrf": token}, cookie).status == 403


def test_a_form_with_somebody_elses_token_is_refused(home: House) -> None:
    cookie, token = visitor(home)
    other, _ = visitor(home)
    assert send(home, {"csrf": token}, other).status == 403
    assert send(home, {"csrf": token}, cookie + "; " + ADA["Cookie"]).status == 403
    assert send(home, {"csrf": token}, "").status == 403


def test_a_token_belongs_to_its_secret_alone() -> None:
    assert is_token_of("a", token_for("a"))
    assert not is_token_of("a", token_for("b"))


def test_a_large_body_is_taken_apart_beside_the_reactor(home: House) -> None:
    sizes: list[int] = []

    async def in_thread(parse: Callable[[], Params]) -> Params:
        fields = parse()
        sizes.append(len(fields.text("text")))
        return fields

    gate = Authorizer(home.people, RateLimiter(MemoryCounter(home.clock.seconds), lambda: NOW, enabled=False))
    home.server.site = Dispatcher(
        [Rooms(), Api()], origin=SiteOrigin.parse("https://site.test"), authorizer=gate, errors=Errors(), in_thread=in_thread
    )
    for size in (1_000, 90_000):
        headers = {"Content-Type": FORM, "Authorization": "Bearer reader"}
        reply = ask(home.server, "POST", "/api/v1/echo", headers, b"text=" + b"x" * size)
        assert len(reply.json["text"]) == size
    assert sizes == [90_000]


# --- cookies and redirects


def test_cookies_have_every_protection_behind_https() -> None:
    home = house()
    token = ask(home.server, "GET", "/form", ADA).text
    reply = ask(home.server, "POST", "/mine", ADA | {"Content-Type": FORM}, f"csrf={token}".encode())
    assert reply.all("Set-Cookie") == ["__Host-session=fresh; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"]
    assert reply.header("Strict-Transport-Security") is not None


def test_cookies_work_without_https() -> None:
    home = house("http://127.0.0.1:8080")
    reply = ask(home.server, "GET", "/form", {"Cookie": "session=ada"})
    assert (reply.all("Set-Cookie"), reply.header("Strict-Transport-Security")) == ([], None)
    assert "visitor" in ask(home.server, "GET", "/form").cookies()


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
def test_a_cookie_is_read_or_not_there(header: bytes | None, value: str | None) -> None:
    assert CookieJar(secure=False).read(header, "session") == value


@pytest.mark.parametrize("target", ["/", "/home", "/@ada/1?x=1#a", "/search?q=a%2Fb", "/tags/%E6%97%A5", "/x?next=//host"])
def test_a_path_of_ours_is_a_place_to_go_on_to(target: str) -> None:
    assert next_path(target) == target


@pytest.mark.parametrize(
    "target",
    [
        *("", "home", "//host", "///host", "/\\host", "\\/host", "/%2fhost", "%2f%2fhost", "/%2Fhost", "/%5chost", "/%252fhost"),
        *("/\t/host", "/\n/host", "/ /host", "https://host", "https:/host", "javascript:alert(1)", "//host@site.test"),
        *("/x\r\nSet-Cookie: a=b", "/\0", "/" + "a" * 9_000),
    ],
)
def test_another_place_is_not(target: str) -> None:
    assert next_path(target, "/safe") == "/safe"


def test_a_redirect_goes_where_the_form_says_if_that_is_here(home: House) -> None:
    there = ask(home.server, "POST", "/go", {"Content-Type": FORM}, b"next=/tags/x")
    away = ask(home.server, "POST", "/go", {"Content-Type": FORM}, b"next=//evil.test/")
    assert (there.status, there.header("Location"), away.header("Location")) == (303, "/tags/x", "/")


def test_no_header_can_be_broken_apart() -> None:
    for value in ("a\r\nSet-Cookie: b=c", "a\nb", "a\0b"):
        with pytest.raises(ValueError, match="corrupt"):
            Response.empty().with_header("X-A", value)
    (location,) = Response.redirect("/a\r\nSet-Cookie: b=c ü").headers
    assert location == (b"Location", b"/a%0D%0ASet-Cookie:%20b=c%20%C3%BC")


def test_the_address_of_a_site_has_no_path() -> None:
    assert SiteOrigin.parse("https://Example.org:8443/").host == "example.org:8443"
    for wrong in ("example.org", "ftp://example.org", "https://example.org/blog", "https://"):
        with pytest.raises(ValueError, match="address"):
            SiteOrigin.parse(wrong)


# --- errors


def test_a_fault_of_ours_gives_nothing_away_but_its_number(home: House, caplog: pytest.LogCaptureFixture) -> None:
    for headers in ({}, {"Accept": "application/json"}):
        reply = ask(home.server, "GET", "/bug", headers)
        assert reply.status == 500
        assert "secret" not in reply.text
        assert "Traceback" not in reply.text
        assert str(reply.header("X-Request-Id")) in reply.text


def test_what_is_down_says_when_to_come_back(home: House) -> None:
    reply = ask(home.server, "GET", "/down")
    assert (reply.status, reply.header("Retry-After")) == (503, "7")


def test_a_full_disk_is_said_and_when_to_come_back(home: House) -> None:
    reply = ask(home.server, "GET", "/full")
    assert (reply.status, reply.header("Retry-After")) == (503, "60")
    assert "run out of storage" in reply.text


def test_what_is_wrong_with_a_form_is_told_by_field(home: House) -> None:
    reply = ask(home.server, "POST", "/invalid", {"Accept": "application/json"})
    assert reply.status == 422
    assert reply.json == {
        "error": "Name is taken",
        "details": {"name": [{"error": "ERR_TAKEN", "description": "is taken"}]},
        "fields": {"name": "Name is taken"},
    }


def test_an_unknown_address_of_the_api_answers_in_json_for_every_site(home: House) -> None:
    reply = ask(home.server, "GET", "/api/v9/nothing")
    assert (reply.status, reply.json, reply.header("Access-Control-Allow-Origin")) == (404, {"error": "Not Found"}, "*")


def test_an_error_page_shows_text_and_no_markup(home: House) -> None:
    reply = ask(home.server, "POST", "/form", {"Content-Type": FORM}, b"<script>=%ff")
    assert (reply.status, "<script" in reply.text) == (422, False)


# --- headers


def test_a_page_has_every_protection(home: House) -> None:
    reply = ask(home.server, "GET", "/")
    policy = str(reply.header("Content-Security-Policy"))
    assert "unsafe" not in policy
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy.split("; ")
    assert reply.header("X-Content-Type-Options") == "nosniff"
    assert reply.header("Referrer-Policy") == "same-origin"
    assert reply.header("Cross-Origin-Opener-Policy") == "same-origin"
    assert "camera=()" in str(reply.header("Permissions-Policy"))


def test_the_api_has_its_own_protections(home: House) -> None:
    reply = ask(home.server, "GET", "/api/v1/echo")
    assert reply.header("Content-Security-Policy") == "default-src 'none'; frame-ancestors 'none'; form-action 'none'"
    assert reply.header("Content-Type") == "application/json; charset=utf-8"
    assert reply.header("Vary") == "Accept-Encoding, Authorization, Origin"
    assert reply.header("Cache-Control") == "max-age=15, public"
    assert ask(home.server, "GET", "/api/v1/echo", bearer("app")).header("Cache-Control") == "private, no-store"


def test_a_script_of_any_site_may_call_the_api_with_any_header(home: House) -> None:
    wish = {"Origin": "https://client.test", "Access-Control-Request-Headers": "idempotency-key, x-own"}
    reply = ask(home.server, "OPTIONS", "/api/v1/statuses", wish)
    assert reply.status == 200
    assert reply.header("Access-Control-Allow-Origin") == "*"
    assert reply.header("Access-Control-Allow-Headers") == "idempotency-key, x-own"
    assert "POST" in str(reply.header("Access-Control-Allow-Methods"))
    assert "X-RateLimit-Reset" in str(reply.header("Access-Control-Expose-Headers"))
    assert reply.header("Access-Control-Allow-Credentials") is None
    assert ask(home.server, "OPTIONS", "/form").header("Access-Control-Allow-Origin") is None


def test_what_the_client_has_already_is_not_sent_again(home: House) -> None:
    first = ask(home.server, "GET", "/posts/1")
    assert first.header("ETag") == 'W/"v1"'
    line = Line(home.server)
    data = line.send(request("GET", "/posts/1", {"If-None-Match": '"other", W/"v1"'}) + request("GET", "/"))
    again, after = replies(data)
    assert (again.status, again.body, after.status) == (304, b"", 200)


# --- limits


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    home = house(limits=True)
    answers = [ask(home.server, "GET", "/twice") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert (answers[2].header("Retry-After"), answers[2].header("X-RateLimit-Remaining")) == ("60", "0")
    assert "Please try again in 1 minute." in answers[2].text
    home.clock.advance(60)
    assert status(home, "GET", "/twice") == 200


def test_a_slash_or_a_query_is_no_way_around_a_limit() -> None:
    home = house(limits=True)
    assert [status(home, "GET", path) for path in ("/twice/", "/twice?x=1", "/%74wice")] == [200, 200, 429]


def test_a_whole_household_is_counted_together() -> None:
    home = house(limits=True)
    addresses = ("2001:db8::1", "2001:db8::2", "2001:db8::ffff", "2001:db8:0:1::1")
    assert [ask(home.server, "GET", "/twice", host=address).status for address in addresses] == [200, 200, 429, 200]


def test_an_invented_address_is_no_way_around_a_limit() -> None:
    home = house(limits=True)
    lies = [{"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"} for number in range(3)]
    assert [status(home, "GET", "/twice", lie) for lie in lies] == [200, 200, 429]


def test_the_api_counts_and_tells() -> None:
    home = house(limits=True)
    anonymous = ask(home.server, "GET", "/api/v1/echo")
    assert anonymous.header("X-RateLimit-Limit") == "300"
    assert anonymous.header("X-RateLimit-Remaining") == "299"
    assert anonymous.header("X-RateLimit-Reset") == "2026-05-04T12:05:00.000000Z"
    first = ask(home.server, "GET", "/api/v1/lists", bearer("reader"))
    second = ask(home.server, "GET", "/api/v1/lists", bearer("writer"))
    assert [reply.header("X-RateLimit-Remaining") for reply in (first, second)] == ["299", "299"]


def test_guessing_tokens_is_counted() -> None:
    home = house(limits=True)
    statuses = {status(home, "GET", "/api/v1/lists", bearer(f"guess{number}")) for number in range(300)}
    assert statuses == {401}
    assert status(home, "GET", "/api/v1/lists", bearer("guess")) == 429


def test_limits_can_be_switched_off(home: House) -> None:
    assert {status(home, "GET", "/twice") for _ in range(5)} == {200}
    assert ask(home.server, "GET", "/api/v1/echo").header("X-RateLimit-Limit") is None


# --- where somebody is


def where(headers: dict[str, str], peer: str = "10.0.0.1", proxies: tuple[str, ...] = ("10.0.0.0/8",)) -> tuple[str, bool]:
    found = ask(house(proxies=proxies).server, "GET", "/where", headers, host=peer).json
    return found["address"], found["secure"]


def test_a_trusted_proxy_says_who_the_client_is() -> None:
    assert where({"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}) == ("198.51.100.7", True)
    assert where({"Forwarded": 'for="[2001:db8::1]:4711";proto=https'}) == ("2001:db8::1", False)


def test_the_nearest_address_that_is_no_proxy_of_ours_counts() -> None:
    assert where({"X-Forwarded-For": "1.1.1.1, 198.51.100.7, 10.0.0.9"})[0] == "198.51.100.7"
    assert where({"X-Forwarded-For": "1.1.1.1, nonsense, 10.0.0.9"})[0] == "10.0.0.9"
    assert where({"X-Forwarded-For": "10.0.0.8,10.0.0.9"})[0] == "10.0.0.8"
    assert where({"X-Forwarded-For": "a, " * 5_000 + "198.51.100.7"})[0] == "198.51.100.7"


def test_anybody_else_is_not_believed() -> None:
    lie = {"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.7", "X-Forwarded-Proto": "https"}
    assert where(lie, peer="203.0.113.7") == ("203.0.113.7", False)
    assert where(lie, proxies=()) == ("10.0.0.1", False)


def test_an_address_of_version_4_is_itself_in_any_form() -> None:
    assert where({}, peer="::ffff:203.0.113.7")[0] == "203.0.113.7"
    assert where({"X-Forwarded-For": "198.51.100.7:4711"}, peer="::ffff:10.0.0.1")[0] == "198.51.100.7"


def test_languages_are_read_in_order_of_liking(home: House) -> None:
    def languages(path: str, header: str) -> list[str]:
        found: list[str] = ask(home.server, "GET", path, {"Accept-Language": header}).json["languages"]
        return found

    assert languages("/where", "en;q=0.5, de-AT, ja;q=0.8, fr;q=0, *;q=0.1, nonsense!") == ["de-at", "ja", "en"]
    assert languages("/where?lang=pt-BR", "en") == ["pt-br", "en"]
