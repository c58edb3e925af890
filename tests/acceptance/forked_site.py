"""A site whose process is forked from one that has imported its modules: for tests that start it often, or several of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from attrs import define

from tests.acceptance.prepared_database import prepare_database
from tests.acceptance.site_process import SiteProcess, killed_at_the_end
from tests.forked_programs import TWISTD, ForkedProcess


@define
class ForkedSite(SiteProcess):
    """A site as from `site_process`: a real process, which can be killed, but a start takes a tenth of the processor time."""

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the process without waiting."""
        if self.prepared and not self.data_dir.exists():
            prepare_database(self.data_dir)
        command = ["twistd", "--pidfile=", "--nodaemon", "microblog", *arguments]
        started = ForkedProcess.start(
            TWISTD,
            command,
            environment=self.environment(),
            directory=self.data_dir.parent,
            stdout=self.log_file,
            stderr=self.log_file,
        )
        self.process = cast("subprocess.Popen[bytes]", started)  # it has what a site needs of one
        return self.process


@contextmanager
def forked_site(directory: Path, **settings: str) -> Iterator[SiteProcess]:
    """Yield a site with a prepared database that is not started; kill it at the end if it still runs."""
    with killed_at_the_end(ForkedSite(directory / "var", settings, prepared="database_url" not in settings)) as site:
        yield site
