"""A request to the site's own public URL, as a browser makes it: with the certificate authorities of this machine."""

from __future__ import annotations

import ssl
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from microblog.adapters.tls_errors import explained
from microblog.model.cards import FetchError
from microblog.model.errors import ProbeError

TIMEOUT_S = 5.0  # of each step: connection, TLS, response
PATH, BODY = "/health", b"OK"


def probe(url: str) -> datetime:
    """Return when the certificate of an https URL expires, if this or a like site responds there. Blocking.

    Raises ProbeError for a certificate that browsers refuse, OSError if nothing responds, FetchError if something else does.
    """
    parts = urlsplit(url)
    with closing(HTTPSConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context())) as connection:
        try:
            connection.connect()
            certificate: Any = connection.sock.getpeercert()  # the socket has TLS
            connection.request("GET", PATH, headers={"User-Agent": "microblog check"})
            response = connection.getresponse()
            body = response.read(len(BODY) + 1)
        except ssl.SSLError as problem:
            raise ProbeError(explained(problem)) from problem
        except HTTPException as problem:
            raise FetchError(f"The response is not HTTP ({type(problem).__name__}).") from problem
    if response.status != 200:
        raise FetchError(f"{PATH} responds with the status {response.status}.")
    if body != BODY:
        raise FetchError(f"{PATH} is not served by this site.")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
