"""Settings that change while the site runs: read again from the file on SIGHUP."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs import Factory, define
from twisted.logger import Logger

from microblog.config import Settings, SettingsError, setting_docs

_log = Logger()


@define
class SettingsReload:
    """Applies changed settings. `read` returns the settings as they are now; each function in `appliers` gets those in force."""

    settings: Settings
    read: Callable[[], Settings]
    appliers: list[Callable[[Settings], None]] = Factory(list)

    def add(self, apply: Callable[[Settings], None]) -> None:
        """Apply the settings in force, and all later ones."""
        self.appliers.append(apply)
        apply(self.settings)

    def reload(self) -> None:
        """Read the settings again and apply those that can change; the log says which have changed.

        If one of them is wrong, all stay as they are, and the log says why.
        """
        try:
            new = self.read()
        except SettingsError as problem:
            reasons = "; ".join(map(str, problem.problems))
            _log.error("The settings cannot be used. Those from before stay in force. {reason}", reason=reasons)
            return
        changed = [doc for doc in setting_docs() if getattr(new, doc.key) != getattr(self.settings, doc.key)]
        self.settings = attrs.evolve(self.settings, **{doc.key: getattr(new, doc.key) for doc in changed if doc.reloads})
        for apply in self.appliers:
            apply(self.settings)
        for doc in changed:
            if doc.reloads:
                _log.info("{setting} has changed", event="setting_changed", setting=doc.name)
            else:
                _log.warn("{setting} has changed: restart the site to use it", setting=doc.name)
