"""Import of custom emoji from the files of an archive, and their export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from io import BytesIO
from itertools import islice
from pathlib import PurePosixPath
from typing import Protocol

from attrs import define, field, frozen

from microblog.coroutines import gather
from microblog.domain.custom_emojis import CustomEmojis, validated
from microblog.domain.ports import InThread
from microblog.model.emojis import ArchivedFile, CustomEmoji, EmojiDraft, EmojiFiles, EmojiPage, EmojiQuery, ImportOptions
from microblog.model.errors import Invalid
from microblog.model.ids import AccountId
from microblog.model.progress import Report, unreported

BATCH = 20  # emoji in a transaction: each empties the caches of all processes
EXPORT_PAGE = 500


class Archive(Protocol):
    """An archive of files."""

    def files(self) -> Iterator[ArchivedFile]:
        """Yield the files. Raises Invalid if the archive cannot be read."""


@define
class ImportCounts:
    """Result of an import.

    `known`: skipped, because there is an emoji of this name; `failed`: names of files, with the reasons; `left`: files that there was no
    time for.
    """

    created: int = 0
    replaced: int = 0
    known: int = 0
    left: int = 0
    failed: dict[str, str] = field(factory=dict)


@frozen
class EmojiImport:
    """Imports and exports. An import that was interrupted can be repeated: what is there already is skipped, or replaced by the same.

    Archives are read by `in_thread`.
    """

    emojis: CustomEmojis
    in_thread: InThread
    report: Report = unreported

    async def run(
        self, archive: Archive, options: ImportOptions, by: AccountId | None = None, time_limit: timedelta | None = None
    ) -> ImportCounts:
        """Import the files, whose names without ending are shortcodes. Raises Invalid for a category or archive that cannot be used.

        The whole archive is looked through before anything is stored. After the time limit, no further batch is begun.
        """
        began = self.emojis.now()
        validated(EmojiDraft("any", options.category))
        total = await self.in_thread(lambda: sum(1 for _ in _shown(archive)))
        counts, done, files = ImportCounts(), 0, _shown(archive)
        while batch := await self.in_thread(lambda: list(islice(files, BATCH))):
            if time_limit is not None and self.emojis.now() - began > time_limit:
                counts.left = total - done
                break
            await self._import(batch, options, counts, by)
            done += len(batch)
            self.report("Emoji", done, total)
        return counts

    async def _import(self, batch: Sequence[ArchivedFile], options: ImportOptions, counts: ImportCounts, by: AccountId | None) -> None:
        """Import a batch: convert its pictures, then store them in one transaction."""
        drafts = {}
        for file in batch:
            try:
                drafts[file] = _draft(file, options)
            except Invalid as problem:
                counts.failed[file.name] = _reason(problem)
        if not options.overwrite:
            known = await self.emojis.known([draft.shortcode for draft in drafts.values()])
            counts.known += sum(draft.shortcode.lower() in known for draft in drafts.values())
            drafts = {file: draft for file, draft in drafts.items() if draft.shortcode.lower() not in known}
        converted = await gather(self._converted(file, counts) for file in drafts)
        stored = [(draft, files) for draft, files in zip(drafts.values(), converted, strict=True) if files is not None]
        created, replaced = await self.emojis.store(stored, overwrite=options.overwrite, by=by)
        counts.created += created
        counts.replaced += replaced
        counts.known += len(stored) - created - replaced

    async def _converted(self, file: ArchivedFile, counts: ImportCounts) -> EmojiFiles | None:
        try:
            return await self.emojis.convert(BytesIO(file.content))
        except Invalid as problem:
            counts.failed[file.name] = _reason(problem)
            return None

    async def exported(self, category: str | None = None) -> list[tuple[str, CustomEmoji]]:
        """Return the emoji of this site, or those of a category, with the names of their files in an archive."""
        found: list[CustomEmoji] = []
        query, after = EmojiQuery(is_here=True, category=category), ""
        while page := await self.emojis.page(query, EmojiPage(EXPORT_PAGE, after)):
            found += page
            after = page[-1].sort_key
        return [(f"{each.emoji.shortcode}{PurePosixPath(each.emoji.path).suffix}", each) for each in found]


def _base_name(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _shown(archive: Archive) -> Iterator[ArchivedFile]:
    """Yield the files of an archive without hidden ones, such as those (`._name`) that macOS adds."""
    return (file for file in archive.files() if not _base_name(file.name).startswith("."))


def _draft(file: ArchivedFile, options: ImportOptions) -> EmojiDraft:
    """Return the emoji that a file describes. Raises Invalid."""
    if file.problem:
        raise Invalid({"file": file.problem}, sentence=file.problem)
    shortcode = options.prefix + _base_name(file.name).rpartition(".")[0] + options.suffix
    return validated(EmojiDraft(shortcode, options.category, options.is_listed))


def _reason(problem: Invalid) -> str:
    return problem.sentence.removeprefix("Validation failed: ")
