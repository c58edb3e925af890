"""WebFinger, host-meta and NodeInfo: what this site adds to its documents for federation, and readers of those of other servers."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.documents.json_values import document, objects, text, uri, web_url
from microblog.federation.documents.vocabulary import ACTIVITY_JSON, is_activity_json
from microblog.model.federation import HostSoftware, InvalidDocument, WebFingerResult

PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
SUBSCRIBE = "http://ostatus.org/schema/1.0/subscribe"
NODEINFO = "http://nodeinfo.diaspora.software/ns/schema/"

_NODEINFO_VERSION = re.compile(r"[12]\.[0-9]")
_LINK = re.compile(r"<(?:\w{1,20}:)?Link\s([^<>]*)>")
_ATTRIBUTE = re.compile(r"""\b(rel|template)\s{0,9}=\s{0,9}("[^"]*"|'[^']*')""")


def webfinger_links(name: str, ids: SiteIds) -> list[dict[str, Any]]:
    """Return the links that an account's WebFinger document has once federation is on, after those of clients."""
    return [_self_link(ids.actor(name)), {"rel": SUBSCRIBE, "template": f"{ids.url}/authorize_interaction?uri={{uri}}"}]


def instance_webfinger(ids: SiteIds) -> dict[str, Any]:
    """Return the WebFinger document of the instance actor, whose username is the host."""
    actor, page = ids.make(LocalKind.INSTANCE_ACTOR), ids.make(LocalKind.ABOUT)
    return {
        "subject": f"acct:{ids.host}@{ids.host}",
        "aliases": [actor],
        "links": [{"rel": PROFILE_PAGE, "type": "text/html", "href": page}, _self_link(actor)],
    }


def _self_link(actor: str) -> dict[str, Any]:
    return {"rel": "self", "type": ACTIVITY_JSON, "href": actor}


def read_webfinger(value: object) -> WebFingerResult:
    """Return what a WebFinger document (RFC 7033) says; raises InvalidDocument without a subject or a link to an actor."""
    of = document(value)
    subject = text(of.get("subject")).removeprefix("acct:").lstrip("@")
    by_relation: dict[str, list[Any]] = {}
    for link in objects(of.get("links")):
        by_relation.setdefault(text(link.get("rel")), []).append(link)
    actors = [uri(link.get("href")) for link in by_relation.get("self", []) if is_activity_json(text(link.get("type")))]
    actor = next(filter(None, actors), "")
    if not subject or not actor:
        raise InvalidDocument("The WebFinger document names no actor." if subject else "The WebFinger document has no subject.")
    pages = (web_url(link.get("href")) for link in by_relation.get(PROFILE_PAGE, []))
    templates = (text(link.get("template")) for link in by_relation.get(SUBSCRIBE, []))
    return WebFingerResult(subject, actor, next(filter(None, pages), ""), next(filter(_is_template, templates), ""))


def read_host_meta(xml: str) -> str:
    """Return the template of WebFinger addresses, with `{uri}`, in a host-meta document (RFC 6415); raises InvalidDocument without one.

    The document is XML, but only the attributes of its Link elements count. They are found in linear time and without entities of its own,
    unlike with the parsers of the standard library.
    """
    for link in _LINK.finditer(xml):
        attributes = {found[1]: unescape(found[2][1:-1]) for found in _ATTRIBUTE.finditer(link[1])}
        template = text(attributes.get("template"))
        if attributes.get("rel") == "lrdd" and _is_template(template):
            return template
    raise InvalidDocument("The host-meta document names no address for WebFinger.")


def _is_template(template: str) -> bool:
    return "{uri}" in template and bool(web_url(template.replace("{uri}", "")))


def read_nodeinfo_links(value: object) -> str:
    """Return the address of the newest NodeInfo document that a server names; raises InvalidDocument without one.

    https://nodeinfo.diaspora.software/protocol
    """
    of = document(value)
    found = [(text(link.get("rel")).removeprefix(NODEINFO), web_url(link.get("href"))) for link in objects(of.get("links"))]
    known = [(version, url) for version, url in found if url and _NODEINFO_VERSION.fullmatch(version)]
    if not known:
        raise InvalidDocument("The server names no NodeInfo document.")
    return max(known)[1]


def read_nodeinfo(value: object) -> HostSoftware:
    """Return the software that a NodeInfo document (https://nodeinfo.diaspora.software/schema) names; raises InvalidDocument without it."""
    software = document(value).get("software")
    if not isinstance(software, dict) or not text(software.get("name")):
        raise InvalidDocument("The NodeInfo document names no software.")
    return HostSoftware(text(software["name"]), text(software.get("version")))
