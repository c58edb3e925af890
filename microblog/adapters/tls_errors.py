"""Explanations of failed connections, for people who look at why a server does not respond."""

from __future__ import annotations

import ssl

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.python.failure import Failure
from twisted.web.client import RequestTransmissionFailed, ResponseNeverReceived

WRONG_NAME = "TLS: the certificate of the server is for another name."
MAX_LENGTH = 300


def explained(problem: BaseException) -> str:
    """Return why a request failed, in one line."""
    if isinstance(problem, ResponseNeverReceived | RequestTransmissionFailed):
        values = [reason.value if isinstance(reason, Failure) else reason for reason in problem.reasons]
        first = next((value for value in values if isinstance(value, BaseException)), None)
        return "The connection was lost." if first is None else explained(first)
    if isinstance(problem, VerificationError):
        return WRONG_NAME
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"TLS: {problem.verify_message.rstrip('.')}."
    if isinstance(problem, ssl.SSLError):
        return f"TLS: {(problem.reason or str(problem)).replace('_', ' ').lower()}."
    if isinstance(problem, SSL.Error):
        return f"TLS: {_reason(problem)}."
    return f"{type(problem).__name__}: {problem}"[:MAX_LENGTH]


def _reason(problem: SSL.Error) -> str:
    """Return what OpenSSL says, such as "certificate verify failed"."""
    entries = problem.args[0] if problem.args and isinstance(problem.args[0], list) else []
    found = [str(entry[-1]) for entry in entries if isinstance(entry, tuple) and entry and entry[-1]]
    return (", ".join(found) or "the connection could not be secured")[:MAX_LENGTH]
