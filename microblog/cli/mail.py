"""`microblog mail`: does mail arrive?"""

from __future__ import annotations

import secrets
import sys
from typing import Any

import click

from microblog import application
from microblog.application import services
from microblog.cli.context import Console, as_json, on_reactor, plain, refusable, show
from microblog.config import Settings
from microblog.domain import validation
from microblog.model.emails import Envelope, Fate, Letter, LetterKind, LetterState, Mail, Receipt
from microblog.model.ids import LetterId

WORDS = {
    Fate.SENT: "The mail server at {place} took the mail over",
    Fate.KEPT: "This site sends no mail; the mail was kept in {place}",
    Fate.DEFERRED: "The mail could not be handed to {place} now",
    Fate.REFUSED: "The mail server at {place} refused the mail",
}


@click.group()
def mail() -> None:
    """Try whether mail arrives."""


@mail.command()
@click.argument("address")
@as_json
@click.pass_obj
def test(console: Console, address: str, as_json: bool) -> None:
    """Send a mail to ADDRESS at once, and print what the mail server says. Ends with 1 unless it takes the mail over."""
    settings = console.settings
    envelope = refusable(lambda: test_envelope(settings, validation.email(address)))
    if settings.smtp_url is None:  # then it is kept in the data directory
        refusable(lambda: application.require_place(settings, files=True))
    place = ""

    async def work(reactor: Any) -> Receipt:
        nonlocal place
        office = application.post_office(settings, reactor)
        place = office.place
        return await office.hand_in(envelope)

    receipt = on_reactor(work)
    told = f"{WORDS[receipt.fate].format(place=place)}: {plain(receipt.answer)}"
    show({"fate": receipt.fate, "answer": receipt.answer, "place": place}, told, as_json=as_json)
    if receipt.fate not in (Fate.SENT, Fate.KEPT):
        sys.exit(1)


def test_envelope(settings: Settings, address: str) -> Envelope:
    """A letter that says that it works, ready to be handed in."""
    name = f"<test.{secrets.token_hex(8)}@{settings.message_host}>"
    letter = Letter(
        LetterId(0), LetterKind.TEST, None, address, None, {}, name, LetterState.WAITING, tries=1, answer="", created_at=services.now()
    )
    written = application.letters_of(settings).written(Mail(letter, link=settings.public_url))
    return Envelope(settings.mail_bounces, address, name, written)
