"""`microblog mail`: a test of e-mail delivery."""

from __future__ import annotations

import secrets
import sys
from typing import Any

import click

from microblog import application
from microblog.application import services
from microblog.cli.context import Console, as_json, on_reactor, plain, report_errors, show
from microblog.config import Settings
from microblog.domain import validation
from microblog.model.emails import DeliveryResult, DeliveryStatus, Email, EmailContext, EmailKind, EmailState, Envelope
from microblog.model.ids import EmailId

WORDS = {
    DeliveryStatus.SENT: "The mail server at {place} took the mail over",
    DeliveryStatus.KEPT: "This site sends no mail; the mail was kept in {place}",
    DeliveryStatus.DEFERRED: "The mail could not be handed to {place} now",
    DeliveryStatus.REFUSED: "The mail server at {place} refused the mail",
}


@click.group()
def mail() -> None:
    """Test the delivery of e-mail."""


@mail.command()
@click.argument("address")
@as_json
@click.pass_obj
def test(console: Console, address: str, as_json: bool) -> None:
    """Send a test e-mail to ADDRESS and print the mail server's response. Exits with 1 unless the server accepts it."""
    settings = console.settings
    envelope = report_errors(lambda: test_envelope(settings, validation.email(address)))
    if settings.smtp_url is None:  # e-mails are stored in the data directory
        report_errors(lambda: application.require_place(settings, files=True))
    place = ""

    async def work(reactor: Any) -> DeliveryResult:
        nonlocal place
        office = application.post_office(settings, reactor)
        place = office.description
        return await office.deliver(envelope)

    receipt = on_reactor(work)
    told = f"{WORDS[receipt.status].format(place=place)}: {plain(receipt.response)}"
    show({"fate": receipt.status, "answer": receipt.response, "place": place}, told, as_json=as_json)
    if receipt.status not in (DeliveryStatus.SENT, DeliveryStatus.KEPT):
        sys.exit(1)


def test_envelope(settings: Settings, address: str) -> Envelope:
    """Return a test e-mail, ready for delivery."""
    name = f"<test.{secrets.token_hex(8)}@{settings.message_host}>"
    letter = Email(
        EmailId(0), EmailKind.TEST, None, address, None, {}, name, EmailState.WAITING, tries=1, response="", created_at=services.now()
    )
    written = application.build_email_composer(settings).render(EmailContext(letter, link=settings.public_url))
    return Envelope(settings.mail_bounce_address, address, name, written)
