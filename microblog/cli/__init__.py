"""`microblog`: the administrator's commands. Each parses arguments, calls a service and prints; business rules are elsewhere.

Exit codes: 0 success; 1 error, with a message on standard error; 2 wrong usage. With `--json` a command prints one JSON value
and nothing else. Passwords are read from a prompt or from the first line of standard input; never from the command line.

At their top, the modules of commands import only what declares commands: click, the model and each other. Importing the rest takes
seconds, so a command does that when it runs, and completion in a shell and `--help` are quick.
"""

from __future__ import annotations

from pathlib import Path

import click

from microblog.cli.announce import announce
from microblog.cli.backups import backup, restore, verify
from microblog.cli.canonical_email_blocks import canonical_email_block
from microblog.cli.check import check
from microblog.cli.completion import completion
from microblog.cli.context import Console
from microblog.cli.domain_blocks import domain_block
from microblog.cli.email_blocks import email_block
from microblog.cli.emoji import emoji
from microblog.cli.federation import federation
from microblog.cli.federation_rules import COMMANDS as FEDERATION_RULES
from microblog.cli.invites import invite
from microblog.cli.ip_blocks import ip_block
from microblog.cli.jobs import jobs
from microblog.cli.log import log
from microblog.cli.mail import mail
from microblog.cli.media_storage import media
from microblog.cli.posts import post
from microblog.cli.site import config, demo, migrate, version
from microblog.cli.stats import stats
from microblog.cli.tokens import app, token
from microblog.cli.username_blocks import username_block
from microblog.cli.users import user

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "-c",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A TOML file with settings, instead of MICROBLOG_CONFIG or /etc/microblog/microblog.toml. Environment variables override it.",
)
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """Administer a microblog site.

    The commands read the same settings as the server and work whether or not the server is running. Only the server and `restore` create a
    site; other commands fail if there is none. A command changes all that it is asked to change in one transaction, or nothing, unless its
    help says otherwise. Exit codes: 0 for success, 1 for an error, 2 for wrong usage.
    """
    context.obj = context.obj or Console(config)


for command in (
    user,
    post,
    invite,
    email_block,
    canonical_email_block,
    domain_block,
    ip_block,
    username_block,
    announce,
    token,
    app,
    check,
    migrate,
    config,
    backup,
    restore,
    verify,
    media,
    emoji,
    mail,
    jobs,
    federation,
    stats,
    log,
    demo,
    completion,
    version,
):
    main.add_command(command)
for command in FEDERATION_RULES:
    federation.add_command(command)
