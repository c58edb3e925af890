"""Signatures of received requests, of either family."""

from __future__ import annotations

from datetime import datetime

from microblog.federation import message_signatures, signatures
from microblog.federation.signed_requests import HttpRequest, MalformedSignature, MissingSignature, SignatureClaim


def read_claim(request: HttpRequest, now: datetime) -> SignatureClaim:
    """Return what the signature of a request claims: its key id, and what to compare with that key (`SignatureClaim.verify`).

    A request with `Signature-Input` follows RFC 9421, any other the draft. Raises MissingSignature, MalformedSignature or InvalidSignature.
    """
    signature, inputs = request.bounded_header("Signature"), request.bounded_header("Signature-Input")
    if signature is None and inputs is None:
        raise MissingSignature
    if signature is None:
        raise MalformedSignature("The header Signature is missing.")
    if inputs is None:
        return signatures.read_claim(request, signature, now)
    return message_signatures.read_claim(request, inputs, signature, now)
