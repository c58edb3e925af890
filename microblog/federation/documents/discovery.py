"""WebFinger and NodeInfo: what this site adds to its documents for federation, and the reader of those of other servers."""

from __future__ import annotations

from typing import Any

from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.documents.json_values import document, objects, text, uri, web_url
from microblog.federation.documents.vocabulary import ACTIVITY_JSON, is_activity_json
from microblog.model.federation import InvalidDocument, WebFingerResult

PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
SUBSCRIBE = "http://ostatus.org/schema/1.0/subscribe"


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


def nodeinfo_protocols(federating: bool) -> list[str]:
    """Return the `protocols` of NodeInfo."""
    return ["activitypub"] if federating else []


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
    usable = (template for template in templates if "{uri}" in template and web_url(template.replace("{uri}", "")))
    return WebFingerResult(subject, actor, next(filter(None, pages), ""), next(usable, ""))
