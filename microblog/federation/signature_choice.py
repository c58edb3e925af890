"""Choice of the signature for requests to other servers.

The draft is always tried first. Some servers answer a request with a signature by RFC 9421 with 202 and drop it, so the other order loses
posts unnoticed; no server is known that does so the other way round.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import define, field

from microblog.federation import message_signatures, signatures
from microblog.federation.keys import SigningKey
from microblog.federation.signed_requests import HttpRequest

REFUSALS = frozenset({400, 401})  # statuses after which another signature may help
REMEMBERED_FOR = timedelta(days=1)
MAX_HOSTS = 10_000


class SignatureForm(StrEnum):
    """A form of signature, in the order in which they are tried."""

    CAVAGE = "cavage"
    CAVAGE_WITHOUT_QUERY = "cavage without query"  # Fedify 2.3 and old versions of Mastodon sign and verify the path alone
    RFC_9421 = "rfc9421"


def sign(request: HttpRequest, key: SigningKey, form: SignatureForm, now: datetime) -> dict[str, str]:
    """Return the headers to add to the request. Signing with RSA takes 0.4 ms of processor time: use a thread."""
    if form == SignatureForm.RFC_9421:
        return message_signatures.sign(request, key, now)
    return signatures.sign(request, key, now, with_query=form != SignatureForm.CAVAGE_WITHOUT_QUERY)


@define
class SignatureChoices:
    """Decides which signature a request gets, and remembers for a day which hosts accept RFC 9421 only."""

    _accepted: OrderedDict[str, datetime] = field(factory=OrderedDict, init=False)

    def next_form(
        self, host: str, request: HttpRequest, responses: Sequence[tuple[SignatureForm, int]], now: datetime
    ) -> SignatureForm | None:
        """Return the form to send the request with; None if it was answered.

        `responses`: the forms that were tried, with the statuses of their responses.
        """
        if not responses:
            since = self._accepted.get(host)
            return SignatureForm.RFC_9421 if since is not None and now < since + REMEMBERED_FOR else SignatureForm.CAVAGE
        tried = dict(responses)
        if responses[-1][1] not in REFUSALS:
            return None
        return next(
            (form for form in SignatureForm if form not in tried and _may_help(form, request, tried.get(SignatureForm.CAVAGE))), None
        )

    def accepted(self, host: str, form: SignatureForm, now: datetime) -> None:
        """Remember that the host accepted a request with this form."""
        self._accepted.pop(host, None)
        if form == SignatureForm.RFC_9421:
            self._accepted[host] = now
            if len(self._accepted) > MAX_HOSTS:
                self._accepted.popitem(last=False)


def _may_help(form: SignatureForm, request: HttpRequest, answer_to_cavage: int | None) -> bool:
    if form != SignatureForm.CAVAGE_WITHOUT_QUERY:
        return True
    return request.method == "GET" and bool(request.query) and answer_to_cavage == 401
