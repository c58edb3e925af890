"""A crawler of all routes and forms of a site."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from microblog.web.http.route import Route
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture, Visitor, document

STREAMS = ("/live/", "/api/v1/streaming")
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


def fill_path(path: str, values: Mapping[str, object]) -> str:
    """Return the path of a route with its variables filled in; those without a value become 1."""
    return _VARIABLE.sub(lambda variable: str(values.get(variable[1], "1")), path)


def finite_get_routes(site: SiteFixture) -> Iterator[Route]:
    """Return the GET routes, without streams."""
    return (route for route in site.routes if route.method == "GET" and not route.path.startswith(STREAMS))


@frozen
class Form:
    """An HTML form: the address that it is sent to, and its fields with their values."""

    action: str
    fields: Mapping[str, str]


def forms(response: HttpResponse, page: str) -> Iterator[Form]:
    """Return the POST forms of a page, each once per address that its buttons send it to."""
    for form in document(response).xpath("//form[@method='post']"):
        fields: dict[str, str] = {}
        for field in form.xpath(".//input[@name] | .//textarea[@name]"):
            if field.get("type") not in ("checkbox", "radio", "file") or field.get("checked") is not None:
                fields[field.get("name")] = field.get("value") or (field.text or "").removeprefix("\n")
        for select in form.xpath(".//select[@name]"):
            [option, *_] = select.xpath(".//option[@selected]") or select.xpath(".//option")
            fields[select.get("name")] = option.get("value") or option.text or ""
        targets = [str(target) for target in form.xpath(".//button/@formaction")]
        if form.xpath(".//button[not(@formaction)]") or not targets:
            targets.append(str(form.get("action") or page))
        for target in dict.fromkeys(targets):
            yield Form(target, fields)


def all_forms(site: SiteFixture, visitor: Visitor, values: Mapping[str, object]) -> dict[str, Form]:
    """Return all forms on all pages that the visitor can open, by address and field names."""
    found: dict[str, Form] = {}
    for route in finite_get_routes(site):
        page = fill_path(route.path, values)
        response = visitor.get(page)
        if (response.header("Content-Type") or "").startswith("text/html"):
            for form in forms(response, page):
                found.setdefault(f"{re.sub(r'[0-9]{5,}', 'N', form.action)} {' '.join(sorted(form.fields))}", form)
    return found
