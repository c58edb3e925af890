"""Storing e-mails as files, for sites that do not send any."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.threads import deferToThreadPool

from microblog.model.emails import DeliveryResult, DeliveryStatus, Envelope

_UNSAFE = re.compile(r"[^A-Za-z0-9.@_-]+")


@frozen
class FileMailTransport:
    """A `MailTransport` that writes each e-mail to a file which mail programs can open. Delivering it again replaces the file."""

    directory: Path
    reactor: Any

    @property
    def description(self) -> str:
        """See `MailTransport`."""
        return str(self.directory)

    async def deliver(self, envelope: Envelope) -> DeliveryResult:
        """See `MailTransport`."""
        try:
            name = await deferToThreadPool(self.reactor, self.reactor.getThreadPool(), self._write, envelope)
        except OSError as problem:
            return DeliveryResult(DeliveryStatus.DEFERRED, f"The e-mail could not be saved: {problem.strerror}")
        return DeliveryResult(DeliveryStatus.KEPT, name)

    def _write(self, envelope: Envelope) -> str:
        """Write the e-mail atomically with mode 0600: it may contain links that give access to accounts."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{_UNSAFE.sub('_', envelope.message_id).strip('_.')[:200]}.eml"
        handle, temporary = tempfile.mkstemp(dir=self.directory, prefix=".", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(envelope.message)
        os.replace(temporary, self.directory / name)
        return name
