"""Removal of what is shown of a domain from the moment at which its media are rejected. New ones are refused where they arrive."""

from __future__ import annotations

from attrs import frozen

from microblog.federation.remote_files import RemoteFiles
from microblog.model.ids import AccountId
from microblog.storage import rejected_media

STEP = 20  # accounts in one transaction


@frozen
class RejectedMedia:
    """Hides the media of a domain in small transactions. It may be interrupted and repeated at any time."""

    files: RemoteFiles

    async def hide(self, domain: str) -> None:
        """Hide all media of a domain and its subdomains, unless its media are shown again by now, and delete their copies."""
        if not self.files.fetches.rules().domains.rejects_media(domain):
            return
        after, database = AccountId(0), self.files.database
        while found := await database.read(rejected_media.accounts, domain=domain, after=after, limit=STEP):
            await database.run(rejected_media.hide, accounts=found)
            after = found[-1]
        await self.files.delete_released()
