"""Going through all routes of a site, as somebody who follows every link and sends every form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from microblog.web.http.route import Route
from tests.web.memory import Reply
from tests.web.visitor import Town, Visitor, document

STREAMS = ("/live/", "/api/v1/streaming")
_HOLE = re.compile(r"<(?:\w+:)?(\w+)>")


def filled(path: str, values: Mapping[str, object]) -> str:
    """The path of a route with its arguments; those that have no value are 1."""
    return _HOLE.sub(lambda hole: str(values.get(hole[1], "1")), path)


def reading(site: Town) -> Iterator[Route]:
    """The routes that answer to GET and come to an end."""
    return (route for route in site.routes if route.method == "GET" and not route.path.startswith(STREAMS))


@frozen
class Form:
    """A form of a page: where its button sends it, and its fields as they are filled in."""

    action: str
    fields: Mapping[str, str]


def forms(reply: Reply, page: str) -> Iterator[Form]:
    """The forms of a page that change something, each once for each of its buttons that leads elsewhere."""
    for form in document(reply).xpath("//form[@method='post']"):
        fields: dict[str, str] = {}
        for field in form.xpath(".//input[@name] | .//textarea[@name]"):
            if field.get("type") not in ("checkbox", "radio", "file") or field.get("checked") is not None:
                fields[field.get("name")] = field.get("value") or (field.text or "").removeprefix("\n")
        for choice in form.xpath(".//select[@name]"):
            [option, *_] = choice.xpath(".//option[@selected]") or choice.xpath(".//option")
            fields[choice.get("name")] = option.get("value") or option.text or ""
        targets = [str(target) for target in form.xpath(".//button/@formaction")]
        if form.xpath(".//button[not(@formaction)]") or not targets:
            targets.append(str(form.get("action") or page))
        for target in dict.fromkeys(targets):
            yield Form(target, fields)


def all_forms(site: Town, visitor: Visitor, values: Mapping[str, object]) -> dict[str, Form]:
    """Every form that the visitor finds on any page, by where it leads and what it asks."""
    found: dict[str, Form] = {}
    for route in reading(site):
        page = filled(route.path, values)
        reply = visitor.get(page)
        if (reply.header("Content-Type") or "").startswith("text/html"):
            for form in forms(reply, page):
                found.setdefault(f"{re.sub(r'[0-9]{5,}', 'N', form.action)} {' '.join(sorted(form.fields))}", form)
    return found
