"""`microblog federation`: rules for other servers, the allow-list, and tests of the way to a server."""

from __future__ import annotations

import csv
import sys
from collections.abc import Awaitable, Callable, Iterable
from io import StringIO
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click
from attrs import asdict

from microblog.cli.context import Console, as_json, plain, reactor, show, table
from microblog.cli.progress import progress
from microblog.model.accounts import Account
from microblog.model.domain_rules import AllowedDomain, DomainRule, DomainSeverity, RuleToStore, StoredDomainRule
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.federation_mode import FederationMode
from microblog.model.paging import Page

if TYPE_CHECKING:
    from microblog.application.federation_tools import FederationTools
    from microblog.cli.services import Services
    from microblog.federation.domain_moderation import DomainModeration

T = TypeVar("T")
COLUMNS = ("domain", "severity", "reject_media", "reject_reports", "obfuscate", "public_comment")
CSV_COLUMNS = ("#domain", "#severity", "#reject_media", "#reject_reports", "#public_comment", "#obfuscate")
RESOLVE_S = 20.0
MAX_ALLOWED = 100_000


@click.command()
@click.argument("domain")
@click.option("--limit", "severity", flag_value="silence", help="Limit it: only followers see its posts. By default it is suspended.")
@click.option("--flags-only", "severity", flag_value="noop", help="Neither suspend nor limit it: only the other options have an effect.")
@click.option("--reject-media", is_flag=True, help="Do not fetch or show its media.")
@click.option("--reject-reports", is_flag=True, help="Drop reports from there.")
@click.option("--obfuscate", is_flag=True, help="Hide part of the name in the public list.")
@click.option("--comment", default="", help="The reason, for the public list.")
@click.option("--private-comment", default="", help="A note for administrators.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@as_json
@click.pass_obj
def block(console: Console, /, domain: str, as_json: bool, yes: bool, severity: str | None, **options: Any) -> None:
    """Suspend DOMAIN and its subdomains, or limit them. An existing rule is replaced."""
    from microblog.render.html.server_views import consequence

    flags = {name: options[name] for name in ("reject_media", "reject_reports", "obfuscate")}
    rule = DomainRule(domain, DomainSeverity(severity or "suspend"), **flags)
    wanted = RuleToStore(rule, options["comment"], options["private_comment"])

    async def work(domains: DomainModeration) -> tuple[StoredDomainRule, str]:
        name = domains.domain(domain)
        text = consequence(name, rule.severity, await domains.impact(name))
        if not yes and rule.severity is DomainSeverity.SUSPEND:
            click.confirm(f"{plain(text)}\nSuspend {plain(name)}?", abort=True, err=True)
        return await domains.put(wanted), text

    stored, text = _run(console, work)
    show(_described(stored), f"{plain(stored.rule.domain)}: {stored.rule.severity}. {plain(text)}", as_json=as_json)


@click.command()
@click.argument("domain")
@as_json
@click.pass_obj
def unblock(console: Console, domain: str, as_json: bool) -> None:
    """Remove the rule for DOMAIN. Posts and follows that were deleted do not come back."""

    async def work(domains: DomainModeration) -> StoredDomainRule:
        found = await domains.for_domain(domains.domain(domain))
        if found is None:
            raise NotFound(f"There is no rule for {domain}.")
        return await domains.remove(found.id)

    removed = _run(console, work)
    show(_described(removed), f"Removed the rule for {plain(removed.rule.domain)}.", as_json=as_json)


@click.command()
@click.argument("host")
@as_json
@click.pass_obj
def allow(console: Console, host: str, as_json: bool) -> None:
    """Put HOST on the allow-list, which has an effect with MICROBLOG_FEDERATION=allowlist."""
    allowed = _run(console, lambda domains: domains.allow(host))
    show({"host": allowed.domain}, f"Allowed: {plain(allowed.domain)}", as_json=as_json)


@click.command()
@click.argument("host")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@as_json
@click.pass_obj
def disallow(console: Console, host: str, yes: bool, as_json: bool) -> None:
    """Take HOST off the allow-list. With MICROBLOG_FEDERATION=allowlist its accounts are suspended."""
    from microblog.render.html.server_views import consequence

    async def work(domains: DomainModeration) -> AllowedDomain:
        found = await domains.allowed_domain(domains.domain(host))
        if found is None:
            raise NotFound(f"{host} is not on the allow-list.")
        if domains.rules.has_allow_list and not yes:
            text = plain(consequence(found.domain, DomainSeverity.SUSPEND, await domains.impact(found.domain)))
            click.confirm(f"{text}\nTake {plain(found.domain)} off the list?", abort=True, err=True)
        return await domains.disallow(found.id)

    allowed = _run(console, work)
    show({"host": allowed.domain}, f"No longer allowed: {plain(allowed.domain)}", as_json=as_json)


@click.command()
@click.option("--csv", "as_csv", is_flag=True, help="Print them in Mastodon's format for export.")
@click.option("--import", "file", type=click.File("r", encoding="utf-8"), help="Add the rules of a CSV file; - reads standard input.")
@as_json
@click.pass_obj
def blocks(console: Console, as_csv: bool, file: TextIO | None, as_json: bool) -> None:
    """List the rules for domains and the allow-list, or add the rules of a file. Existing rules stay as they are.

    Each rule is added by itself: after an interruption, call it again for the rest.
    """
    if file is not None:
        _import(console, file, as_json=as_json)
        return

    async def work(domains: DomainModeration) -> tuple[list[StoredDomainRule], list[AllowedDomain]]:
        return await domains.everything(), await domains.allowed(Page(MAX_ALLOWED))

    rules, allowed = _run(console, work)
    if as_csv:
        click.echo(_csv(rules), nl=False)
        return
    rows, names = [_described(stored) for stored in rules], sorted(each.domain for each in allowed)
    text = table(rows, COLUMNS) if rows else "There are no rules."
    listed = ["", "On the allow-list:", *map(plain, names)] if names else []
    show({"rules": rows, "allowed": names}, "\n".join([text, *listed]), as_json=as_json)


@click.command()
@click.argument("name")
@as_json
@click.pass_obj
def resolve(console: Console, name: str, as_json: bool) -> None:
    """Find the account @user@host, or the account or post at a URL, and store it.

    What it needs is fetched and stored one by one: after an interruption, call it again for the rest.
    """

    async def work(tools: FederationTools) -> dict[str, object]:
        found = await tools.resolution.identify(name, RESOLVE_S)
        if isinstance(found, Account):
            return {"account": found.acct, "id": str(found.id), "uri": found.uri, "name": found.display_name}
        return {"post": str(found)}

    value = _run_tools(console, work)
    show(value, "\n".join(f"{key}: {plain(str(text))}" for key, text in value.items()), as_json=as_json)


@click.command(name="deliver-test")
@click.argument("target")
@as_json
@click.pass_obj
def deliver_test(console: Console, target: str, as_json: bool) -> None:
    """Test the way to a server: its name, the connection, and whether it accepts this site's signatures.

    TARGET is a handle such as @user@host, or a host of which an account is known. What is sent has no effect there.
    """

    async def work(tools: FederationTools) -> list[dict[str, object]]:
        handle = tools.resolution.handle(target)
        host = tools.domains.domain(target) if handle is None else handle.host
        return [asdict(step) for step in await tools.delivery_test.run(host, handle)]

    steps = _run_tools(console, work)
    lines = [f"{'ok    ' if step['succeeded'] else 'FAILED'}  {step['name']}: {plain(str(step['found']))}" for step in steps]
    show({"steps": steps}, "\n".join(lines), as_json=as_json)
    if not all(step["succeeded"] for step in steps):
        sys.exit(1)


def _import(console: Console, file: TextIO, *, as_json: bool) -> None:
    wanted = list(_read_csv(file))

    async def work(domains: DomainModeration) -> tuple[list[str], list[str]]:
        added, skipped = [], []
        for number, each in enumerate(wanted, 1):
            shown.report("Rules", number, len(wanted))
            try:
                added.append((await domains.add(each)).rule.domain)
            except Invalid as problem:
                skipped.append(f"{each.rule.domain}: {problem.fields.get('domain', problem.sentence)}")
        return added, skipped

    with progress() as shown:
        added, skipped = _run(console, work)
    lines = [f"Added {len(added)} rules, skipped {len(skipped)}.", *map(plain, skipped)]
    show({"added": added, "skipped": skipped}, "\n".join(lines), as_json=as_json)


def _read_csv(file: TextIO) -> Iterable[RuleToStore]:
    """Read rules in Mastodon's format. A file without a heading has one domain in each line, to be suspended."""
    rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    heading = [cell.strip().lstrip("#").lower() for cell in rows[0]] if rows else []
    has_heading = "domain" in heading
    for row in rows[1:] if has_heading else rows:
        cells = dict(zip(heading if has_heading else ["domain"], (cell.strip() for cell in row), strict=False))
        severity = cells.get("severity") or "suspend"
        if severity not in set(DomainSeverity):
            raise click.ClickException(f"The severity {plain(severity)} of {plain(cells.get('domain', ''))} is not known.")
        flags = {name: cells.get(name, "").lower() in ("true", "1", "yes") for name in ("reject_media", "reject_reports", "obfuscate")}
        yield RuleToStore(DomainRule(cells.get("domain", ""), DomainSeverity(severity), **flags), cells.get("public_comment", ""))


def _csv(rules: Iterable[StoredDomainRule]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for stored in rules:
        rule = stored.rule
        flags = [str(flag).lower() for flag in (rule.reject_media, rule.reject_reports)]
        writer.writerow([rule.domain, rule.severity, *flags, stored.public_comment, str(rule.obfuscate).lower()])
    return text.getvalue()


def _described(stored: StoredDomainRule) -> dict[str, object]:
    rule = stored.rule
    return {
        "domain": rule.domain,
        "severity": str(rule.severity),
        "reject_media": rule.reject_media,
        "reject_reports": rule.reject_reports,
        "obfuscate": rule.obfuscate,
        "public_comment": stored.public_comment,
        "private_comment": stored.private_comment,
        "created_at": stored.created_at.isoformat(timespec="seconds"),
    }


@click.command(name="rotate-keys")
@click.argument("usernames", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="All accounts, and the site's own actor.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@as_json
@click.pass_obj
def rotate_keys(console: Console, /, usernames: tuple[str, ...], everybody: bool, yes: bool, as_json: bool) -> None:
    """Give accounts here new keys for what they send to other servers, because the old ones leaked.

    Every known server is told, which is a request for each account and server. Each account gets its keys by itself: after an
    interruption, call it again, with the names of the rest (the audit log has the others) or for all, who then get new keys once more.
    """
    if everybody == bool(usernames):
        raise click.UsageError("Name accounts, or give --all.")
    if everybody and not yes:
        click.confirm("Replace the keys of all accounts?", abort=True, err=True)

    from microblog.storage import actor_keys

    async def work(tools: FederationTools) -> list[str]:
        keys = tools.requests.keys
        owners = {owner.username.lower(): owner for owner in await keys.database.read(actor_keys.owners)}
        if unknown := [name for name in usernames if name.lower() not in owners]:
            raise NotFound(f"No account here with the name {unknown[0]} has a key that other servers know.")
        chosen = owners.values() if everybody else {name.lower(): owners[name.lower()] for name in usernames}.values()
        replaced = [owner.username for owner in chosen if await keys.replace(owner)]
        if everybody:
            await keys.replace(None)
        return replaced

    replaced = _run_tools(console, work)
    show({"replaced": replaced}, f"Replaced the keys of {len(replaced)} account{'s'[: len(replaced) != 1]}.", as_json=as_json)


def _run(console: Console, work: Callable[[DomainModeration], Awaitable[T]]) -> T:
    from microblog.application.federation_tools import domain_moderation

    async def with_rules(opened: Services) -> T:
        domains = domain_moderation(console.settings, reactor(), opened.database)
        await domains.rules.read()
        return await work(domains)

    return console.run(with_rules)


def _run_tools(console: Console, work: Callable[[FederationTools], Awaitable[T]]) -> T:
    from microblog.application.federation_tools import FederationTools

    async def with_tools(opened: Services) -> T:
        if console.settings.federation is FederationMode.OFF:
            raise Forbidden("Federation is off: see MICROBLOG_FEDERATION.")
        tools = FederationTools.on(console.settings, reactor(), opened.database)
        await tools.domains.rules.read()
        return await work(tools)

    return console.run(with_tools)


COMMANDS = (block, unblock, allow, disallow, blocks, resolve, deliver_test, rotate_keys)
"""Commands of the group `federation`."""
