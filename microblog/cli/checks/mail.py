"""Checks of e-mail: the mail server, and what the DNS says about mail of the site's domain.

The records decide whether receivers accept the site's e-mails: MX (bounces arrive), SPF, DKIM and DMARC (the sender is authentic).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from microblog.application import services
from microblog.cli.checks.findings import Finding, Status
from microblog.config import Settings
from microblog.config_parsers import is_local

SMTP, TLS, FROM, BOUNCES = "MICROBLOG_SMTP_URL", "MICROBLOG_SMTP_TLS", "MICROBLOG_MAIL_FROM", "MICROBLOG_MAIL_BOUNCE_ADDRESS"
_NOT_PUBLIC = (".localhost", ".local", ".internal", ".test", ".invalid", ".example", ".lan", ".home.arpa")
MAX_PARENTS = 8  # labels of a name that are looked at for a DMARC policy


class DnsRecords(Protocol):
    """Look-ups in the DNS; a name that does not exist has no records."""

    async def mail_exchangers(self, name: str) -> list[str]:
        """Return the hosts of the MX records; an empty name says that the domain accepts no mail (RFC 7505)."""

    async def texts(self, name: str) -> list[str]:
        """Return the TXT records."""

    async def addresses(self, name: str) -> list[str]:
        """Return the addresses."""

    async def exists(self, name: str) -> bool:
        """True if there is anything at or below this name."""


class MailServerState(Protocol):
    """Result of a connection to the mail server. `problem` is empty if it accepts e-mails of the site."""

    @property
    def problem(self) -> str:
        """The reason why e-mails cannot be handed over; empty if there is none."""

    @property
    def secured(self) -> bool:
        """True if the connection was encrypted."""

    @property
    def logged_in(self) -> bool:
        """True if the server accepted the log-in."""

    @property
    def extensions(self) -> Mapping[str, str]:
        """The extensions that the server offers, such as AUTH."""


def without_server(settings: Settings) -> Finding:
    """Return the finding for a site that sends no e-mail."""
    text = f"not sent, but saved in {services.mail_directory(settings)}"
    if is_local(settings.public_url):
        return Finding("mail", Status.OK, text, SMTP)
    text += ": addresses are not confirmed and nobody can reset a password. Set it to a mail server."
    return Finding("mail", Status.WARNING, text, SMTP)


async def mail_server(settings: Settings, probe: Callable[[], Awaitable[MailServerState]]) -> Sequence[Finding]:
    """Check that the mail server accepts the connection, TLS and log-in of the site. No e-mail is sent."""
    found = await probe()
    if found.problem:
        return [Finding("mail server", Status.ERROR, f"{found.problem} E-mails wait until it works.", SMTP)]
    offered = ", ".join(
        filter(None, (f"AUTH {found.extensions['AUTH']}" if "AUTH" in found.extensions else "", "encrypted" if found.secured else ""))
    )
    findings = [Finding("mail server", Status.OK, f"accepts connections ({offered or 'without log-in and encryption'})", SMTP)]
    if not found.secured and not is_local(str(settings.smtp_url)):
        text = "the connection to the mail server is not encrypted, so that others can read e-mails: set it to required"
        findings.append(Finding("mail server", Status.WARNING, text, TLS))
    if "AUTH" in found.extensions and not found.logged_in and not is_local(str(settings.smtp_url)):
        text = "the mail server offers a log-in and the URL has no user name: it may refuse e-mails; try microblog mail test ADDRESS"
        findings.append(Finding("mail server", Status.WARNING, text, SMTP))
    return findings


def is_public_domain(domain: str) -> bool:
    """True if the DNS of the internet can have records of this domain."""
    return "." in domain and not domain.endswith(_NOT_PUBLIC) and not domain.rpartition(".")[2].isdecimal()


def private_domain(domain: str) -> Finding:
    """Return the finding for a domain that exists on this machine or network only."""
    return Finding("mail domain", Status.WARNING, f"{domain} is not a public domain, so that receivers reject e-mails from it", FROM)


async def mail_exchanger(domain: str, dns: DnsRecords) -> Sequence[Finding]:
    """Check that bounces can arrive: many receivers reject senders to whom nobody can respond (RFC 5321, section 5.1)."""
    hosts = await dns.mail_exchangers(domain)
    if hosts == [""]:
        return [Finding("MX", Status.ERROR, f"{domain} says that it accepts no mail (null MX): receivers reject e-mails from it", BOUNCES)]
    if hosts:
        return [Finding("MX", Status.OK, f"{domain}: {', '.join(hosts[:3])}", BOUNCES)]
    if await dns.addresses(domain):
        return [Finding("MX", Status.OK, f"{domain} has no MX record, so that its own address receives bounces", BOUNCES)]
    text = (
        f"{domain} has neither an MX record nor an address, so that bounces cannot arrive and receivers reject e-mails from it: publish one"
    )
    return [Finding("MX", Status.ERROR, text, BOUNCES)]


async def spf(domain: str, dns: DnsRecords) -> Sequence[Finding]:
    """Check the record of the servers that may send for the domain of the envelope's sender (RFC 7208)."""
    records = [text for text in await dns.texts(domain) if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if not records:
        text = f'{domain} has no SPF record: publish a TXT record that names the mail server, such as "v=spf1 a:mail.{domain} ~all"'
        return [Finding("SPF", Status.WARNING, text, BOUNCES)]
    if len(records) > 1:
        return [Finding("SPF", Status.ERROR, f"{domain} has {len(records)} SPF records, which makes all invalid: keep one", BOUNCES)]
    if {"all", "+all"} & set(records[0].lower().split()):
        return [Finding("SPF", Status.WARNING, f"{domain} allows every server to send (+all): end the record with ~all or -all", BOUNCES)]
    return [Finding("SPF", Status.OK, f"{domain}: {records[0]}", BOUNCES)]


async def dkim(domain: str, dns: DnsRecords) -> Sequence[Finding]:
    """Check whether any keys for signatures are published (RFC 6376). Their names are known to the mail server only."""
    if await dns.exists(f"_domainkey.{domain}"):
        text = f"{domain} has names for keys; an e-mail of microblog mail test ADDRESS shows whether the mail server signs with one"
        return [Finding("DKIM", Status.OK, text, FROM)]
    text = f"there are no keys below _domainkey.{domain}: let the mail server sign e-mails, and publish its key there"
    return [Finding("DKIM", Status.WARNING, text, FROM)]


async def dmarc(domain: str, dns: DnsRecords) -> Sequence[Finding]:
    """Check the policy of the domain in the From field, or of the nearest domain above it that has one (RFC 7489)."""
    for name in _and_parents(domain):
        records = [text for text in await dns.texts(f"_dmarc.{name}") if text.replace(" ", "").lower().startswith("v=dmarc1")]
        if len(records) > 1:
            return [Finding("DMARC", Status.ERROR, f"_dmarc.{name} has {len(records)} policies, which makes all invalid: keep one", FROM)]
        if records:
            return [_policy(name, records[0])]
    text = f'{domain} has no DMARC policy: publish the TXT record "v=DMARC1; p=none" at _dmarc.{domain}; large providers ask for one'
    return [Finding("DMARC", Status.WARNING, text, FROM)]


def _policy(name: str, record: str) -> Finding:
    tags = dict(part.strip().split("=", 1) for part in record.lower().replace(" ", "").split(";") if "=" in part)
    if tags.get("p") not in {"none", "quarantine", "reject"}:
        return Finding("DMARC", Status.WARNING, f"the policy at _dmarc.{name} has no valid p= (none, quarantine or reject)", FROM)
    return Finding("DMARC", Status.OK, f"{name}: {record}", FROM)


def _and_parents(domain: str) -> list[str]:
    """Return the domain and those above it, down to two labels."""
    labels = domain.split(".")[-MAX_PARENTS:]
    above = [".".join(labels[start:]) for start in range(1, len(labels) - 1)]
    return [domain, *above]
