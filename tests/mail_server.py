"""A mail server in a separate process: python -m tests.mail_server DIRECTORY PLAN.

PLAN is JSON: {"tls": "none" | "starttls" | "implicit", "certificate": path, "users": {name: password}}. Each accepted e-mail is
a line of JSON in DIRECTORY/received.jsonl. The first part of the recipient's name selects the behaviour, see `_MessageHandler`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from attrs import define, frozen

from microblog.adapters.child_launcher import command_line


@define
class _MessageHandler:
    """Message handler whose behaviour depends on the first part of the recipient's name.

    At RCPT: refuse, defer, deferonce, hang, drop, drip. At DATA: spam; lose (accepts, then disconnects).
    """

    directory: Path
    deferred: set[str]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        del session, options
        match address.partition("@")[0].partition("-")[0]:
            case "refuse":
                return "550 5.1.1 No such mailbox"
            case "defer":
                return "451 4.3.0 Try again later"
            case "deferonce" if address not in self.deferred:
                self.deferred.add(address)
                return "450 4.2.0 Greylisted"
            case "hang":
                await asyncio.sleep(3600)
            case "drop":
                server.transport.abort()
            case "drip":
                while True:
                    await server.push("250-and another thing")
                    await asyncio.sleep(0.02)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        del session
        [address] = envelope.rcpt_tos
        kind = address.partition("@")[0].partition("-")[0]
        if kind == "spam":
            return "554 5.7.1 Looks like spam"
        received = {"from": envelope.mail_from, "to": address, "message": base64.b64encode(envelope.original_content).decode()}
        with (self.directory / "received.jsonl").open("a") as file:
            file.write(json.dumps(received) + "\n")
        if kind == "lose":
            server.transport.abort()
        return "250 2.0.0 Taken over"


async def _serve(directory: Path, plan: dict[str, Any]) -> None:
    context = None
    if plan["tls"] != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(plan["certificate"])
    users: dict[bytes, bytes] = {name.encode(): word.encode() for name, word in plan.get("users", {}).items()}

    def allowed(server: Any, session: Any, envelope: Any, mechanism: str, data: object) -> AuthResult:
        del server, session, envelope, mechanism
        assert isinstance(data, LoginPassword)
        return AuthResult(success=users.get(data.login) == data.password, handled=False)

    handler = _MessageHandler(directory, set())

    def make() -> SMTP:
        return SMTP(
            handler,
            hostname="mail.test",
            tls_context=context if plan["tls"] == "starttls" else None,
            require_starttls=plan["tls"] == "starttls",
            authenticator=allowed if users else None,
            auth_required=bool(users),
            auth_require_tls=plan["tls"] == "starttls",
            enable_SMTPUTF8=False,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", plan.get("port", 0), ssl=context if plan["tls"] == "implicit" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@frozen
class ReceivedEmail:
    """An e-mail that the server accepted."""

    sender: str
    recipient: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The parsed message."""
        message = BytesParser(policy=default).parsebytes(self.raw)
        assert isinstance(message, EmailMessage)
        return message


@frozen
class MailServer:
    """A running mail server."""

    directory: Path
    port: int

    def received(self) -> list[ReceivedEmail]:
        """Return the accepted e-mails, in order."""
        path = self.directory / "received.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        rows = [json.loads(line) for line in lines if line.endswith("}")]
        return [ReceivedEmail(row["from"], row["to"], base64.b64decode(row["message"])) for row in rows]


@contextmanager
def mail_server(directory: Path, **plan: object) -> Iterator[MailServer]:
    """Start a mail server, and stop it at the end."""
    directory.mkdir(exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-m", "tests.mail_server", str(directory), json.dumps({"tls": "none", **plan})]
    root = Path(__file__).parent.parent
    launched = command_line(command, directory=root, at_parents_death=signal.SIGKILL)
    with subprocess.Popen(launched, stdout=subprocess.PIPE, cwd=root) as process:
        try:
            assert process.stdout is not None
            yield MailServer(directory, int(process.stdout.readline()))
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), json.loads(sys.argv[2])))
