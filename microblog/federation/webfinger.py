"""Lookup of handles at their servers by WebFinger (RFC 7033)."""

from __future__ import annotations

from urllib.parse import quote

from microblog.federation.fetching import FetchBudget, Fetcher, NotFetched
from microblog.federation.incoming import parse_host_meta, parse_webfinger
from microblog.federation.trust import Handle
from microblog.model.federation import WebFingerResult

JRD = "application/jrd+json, application/json"
XRD = "application/xrd+xml, application/xml, text/xml"


async def look_up(fetcher: Fetcher, handle: Handle, budget: FetchBudget, scheme: str = "") -> WebFingerResult:
    """Return what the server of a handle says about it. Raises NotFetched or InvalidDocument.

    A server that does not have the usual address may name another one in its host-meta (RFC 6415). `scheme` is that of a known id.
    """
    resource = quote(f"acct:{handle.username}@{handle.host}", safe="")
    scheme = scheme or ("http" if handle.host in fetcher.rules().exempt else "https")  # only servers of tests speak HTTP
    origin = f"{scheme}://{handle.host}"
    try:
        return await fetcher.other(f"{origin}/.well-known/webfinger?resource={resource}", parse_webfinger, budget, accept=JRD)
    except NotFetched as problem:
        if not problem.missing or problem.gone:
            raise
        try:
            template = await fetcher.other(f"{origin}/.well-known/host-meta", parse_host_meta, budget, accept=XRD)
        except NotFetched:
            raise problem from None
    return await fetcher.other(template.replace("{uri}", resource), parse_webfinger, budget, accept=JRD)
