"""The public URL of a site that federates never changes."""

from __future__ import annotations

import pytest

from microblog.federation.start import FederationStart, PublicUrlChanged
from tests.fakes import RolledBackDatabase
from tests.make import NOW

URL = "https://site.test"


def start(db: RolledBackDatabase, url: str = URL, *, federates: bool = True) -> FederationStart:
    return FederationStart(db, url, federates, lambda: NOW)


async def test_a_site_that_never_federated_may_change_its_url(db: RolledBackDatabase) -> None:
    await start(db, federates=False).start()
    await start(db, "https://other.test", federates=False).start()


async def test_a_site_that_federates_keeps_its_url(db: RolledBackDatabase) -> None:
    await start(db).start()
    await start(db).start()


@pytest.mark.parametrize("federates", [True, False])
async def test_another_url_refuses_to_start_even_after_federation_is_off(db: RolledBackDatabase, federates: bool) -> None:
    await start(db).start()
    with pytest.raises(PublicUrlChanged, match=r"https://site\.test for ever"):
        await start(db, "https://other.test", federates=federates).start()
