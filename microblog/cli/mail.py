"""`microblog mail`: a test of e-mail delivery."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING, Any

import click

from microblog.cli.context import Console, as_json, on_reactor, plain, report_errors, show
from microblog.model.emails import DeliveryResult, DeliveryStatus, Email, EmailContext, EmailKind, EmailState, Envelope
from microblog.model.ids import EmailId

if TYPE_CHECKING:
    from microblog.config import Settings

MESSAGES = {
    DeliveryStatus.SENT: "The mail server at {place} accepted the e-mail",
    DeliveryStatus.KEPT: "This site does not send e-mail; it was saved in {place}",
    DeliveryStatus.DEFERRED: "Could not deliver the e-mail to {place} at the moment",
    DeliveryStatus.REFUSED: "The mail server at {place} rejected the e-mail",
}


@click.group()
def mail() -> None:
    """Test the delivery of e-mail."""


@mail.command()
@click.argument("address")
@as_json
@click.pass_obj
def test(console: Console, address: str, as_json: bool) -> None:
    """Send a test e-mail to ADDRESS and print the mail server's response. Exit code 1 if the server does not accept it."""
    from microblog.application import build_mail_transport
    from microblog.domain import validation

    settings = console.settings
    envelope = report_errors(lambda: test_envelope(settings, validation.email(address)))
    if settings.smtp_url is None:  # e-mails are stored in the data directory
        console.require_files()
    place = ""

    async def work(reactor: Any) -> DeliveryResult:
        nonlocal place
        transport = build_mail_transport(settings, reactor)
        place = transport.description
        return await transport.deliver(envelope)

    result = on_reactor(work)
    message = f"{MESSAGES[result.status].format(place=place)}: {plain(result.response)}"
    show({"fate": result.status, "answer": result.response, "place": place}, message, as_json=as_json)
    if result.status not in (DeliveryStatus.SENT, DeliveryStatus.KEPT):
        sys.exit(1)


def test_envelope(settings: Settings, address: str) -> Envelope:
    """Return a test e-mail, ready for delivery."""
    from microblog.application import build_email_renderer
    from microblog.application.services import now
    from microblog.application.site import fixed_site_settings

    name = f"<test.{secrets.token_hex(8)}@{settings.message_host}>"
    email = Email(EmailId(0), EmailKind.TEST, None, address, None, {}, name, EmailState.WAITING, tries=1, response="", created_at=now())
    message = build_email_renderer(settings, lambda: fixed_site_settings(settings)).render(EmailContext(email, link=settings.public_url))
    return Envelope(settings.mail_bounce_address, address, name, message)
