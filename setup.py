"""Copy the templates into the package when it is built; everything else is in pyproject.toml and setup.cfg.

They are at the top level of the repository. Mapping them by `package_dir` would make an editable install something else than the one
.pth line that Twisted's search for plugins needs.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

TEMPLATES = Path("templates")


class BuildWithTemplates(build_py):
    """Put templates/ into microblog/templates, except for an editable install, which reads them where they are."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if self.editable_mode:
            return
        for source, target in self._templates():
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """List what is built, for installers."""
        built = list(super().get_outputs(include_bytecode))
        return built if self.editable_mode else built + [str(target) for _, target in self._templates()]

    def _templates(self) -> list[tuple[Path, Path]]:
        """Pair each file with its place in the build."""
        files = sorted(path for path in TEMPLATES.rglob("*") if path.is_file() and not path.name.startswith("."))
        return [(path, Path(self.build_lib, "microblog", path)) for path in files]


setup(cmdclass={"build_py": BuildWithTemplates})
