"""Custom emoji of this site: commands of administrators, and the list for pickers.

Texts name them by their codes only, which are looked up whenever a post or profile is read (storage/emojis.py). A change therefore shows
everywhere; a trigger empties all caches.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import BinaryIO

from attrs import define, evolve, field

from microblog.domain import audit, file_types
from microblog.domain.attachments import PROCESSING_GRACE, delete_unused
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.domain.ports import MediaStore
from microblog.domain.text import post_text
from microblog.domain.validation import limited
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.emojis import CustomEmoji, Emoji, EmojiChange, EmojiDraft, EmojiFiles, EmojiPage, EmojiQuery
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId
from microblog.model.media import Format
from microblog.storage import custom_emojis
from microblog.storage.database import Cursor, Transactions

MAX_BYTES = 256 * 1024
MAX_COPY_BYTES = 2 * 1024 * 1024  # of another server's emoji, as the copies that pages show
MAX_CATEGORY = 64
FORMATS = (Format.PNG, Format.GIF, Format.WEBP)
_SHORTCODE = re.compile("[A-Za-z0-9_]{2,128}")


@define
class CustomEmojis:
    """Lists and changes the emoji. Callers check permissions. `by` is the administrator, None on the command line."""

    database: Transactions
    media_store: MediaStore
    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    stem: Callable[[], str] = lambda: secrets.token_hex(16)
    _listed: DependencyCache[tuple[Emoji, ...]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._listed = DependencyCache(self.invalidation_log, self.now, 1, "emojis")

    async def listed(self) -> tuple[Emoji, ...]:
        """Return the emoji that pickers show, ordered by shortcode: the same object until one changes."""
        position = await self.invalidation_log.position()
        found = self._listed.get("listed", position)
        if found is None:
            found = tuple(await self.database.read(custom_emojis.listed))
            self._listed.put("listed", found, CacheDependencies(), position)  # a change of any emoji empties all caches
        return found

    async def suggestions(self, part: str, limit: int) -> list[Emoji]:
        """Return listed emoji whose shortcode has the part, without regard to case; those that begin with it come first."""
        wanted = part.lower()
        found = [emoji for emoji in await self.listed() if wanted in emoji.shortcode.lower()] if wanted else []
        return sorted(found, key=lambda emoji: not emoji.shortcode.lower().startswith(wanted))[:limit]

    async def one(self, id: int) -> CustomEmoji:
        """Return an emoji of this or another server. Raises NotFound."""
        return _found(await self.database.read(custom_emojis.by_id, id=id))

    async def page(self, query: EmojiQuery, page: EmojiPage) -> list[CustomEmoji]:
        """Return the emoji of all servers that match, ordered by shortcode and host."""
        return await self.database.read(custom_emojis.page_of, query, page)

    async def categories(self) -> list[str]:
        """Return the categories of this site's emoji, ordered by name."""
        return await self.database.read(custom_emojis.categories)

    async def create(self, draft: EmojiDraft, file: BinaryIO, by: AccountId | None = None) -> CustomEmoji:
        """Add an emoji. Raises Invalid (fields shortcode, category, image), also if the shortcode is taken."""
        checked = await self.available(draft)
        return await self.database.run(self._create, checked, await self.convert(file), by)

    async def copy(self, draft: EmojiDraft, file: BinaryIO, by: AccountId | None = None) -> CustomEmoji:
        """Add an emoji with the picture of another server's. Raises Invalid as `create` does."""
        checked = await self.available(draft)
        return await self.database.run(self._create, checked, await self._converted(file, file_types.detect_type(file), MAX_COPY_BYTES), by)

    async def available(self, draft: EmojiDraft) -> EmojiDraft:
        """Return the draft with a clean category. Raises Invalid (fields shortcode, category), also if the shortcode is taken."""
        checked = validated(draft)
        if await self.known([checked.shortcode]):
            raise _taken()
        return checked

    async def known(self, shortcodes: Collection[str]) -> set[str]:
        """Return those of the shortcodes that are taken, in lower case."""
        found = await self.database.read(custom_emojis.by_shortcodes, shortcodes=shortcodes)
        return {each.emoji.shortcode.lower() for each in found}

    async def store(
        self, uploads: Sequence[tuple[EmojiDraft, EmojiFiles]], *, overwrite: bool, by: AccountId | None = None
    ) -> tuple[int, int]:
        """Add checked emoji with converted pictures; return how many are new, and how many were replaced, which `overwrite` permits.

        A replaced one keeps its category and place in the picker unless the draft has another.
        """
        return await self.database.run(self._store, uploads, overwrite, by)

    async def edit(self, id: int, change: EmojiChange, file: BinaryIO | None = None, by: AccountId | None = None) -> CustomEmoji:
        """Change an emoji of this site and, if a file is given, its picture, which gets another address: both or neither.

        Raises NotFound, and Invalid (fields shortcode, category, image).
        """
        await self.one(id)
        files = None if file is None else await self.convert(file)
        return await self.database.run(self._edit, id, change, files, by)

    async def change(self, ids: Collection[int], change: EmojiChange, by: AccountId | None = None) -> list[CustomEmoji]:
        """Change those of the emoji that are of this site. Raises Invalid (fields shortcode, category)."""
        return await self.database.run(self._change, ids, change, by)

    async def delete(self, ids: Collection[int], by: AccountId | None = None) -> list[CustomEmoji]:
        """Delete and return those of the emoji that are of this site."""
        return await self.database.run(self._delete, ids, by)

    async def convert(self, file: BinaryIO) -> EmojiFiles:
        """Convert and store a picture. The files are deleted later unless an emoji uses them by then. Raises Invalid (field image)."""
        format = file_types.detect_type(file)
        if format not in FORMATS:
            raise _refused("Image must be a PNG, GIF or WebP file")
        return await self._converted(file, format, MAX_BYTES)

    async def _converted(self, file: BinaryIO, format: Format | None, max_bytes: int) -> EmojiFiles:
        file.seek(0, 2)
        if file.tell() > max_bytes:
            raise _refused(f"Image must be at most {max_bytes // 1024} kB")
        if format is None or not format.is_image:
            raise _refused("Image is in an unknown format")
        stem = self.stem()
        await self.database.run(delete_unused, [stem], now=self.now(), due_at=self.now() + PROCESSING_GRACE)
        try:
            files = await self.media_store.emoji_images(file, format, stem)
        except Invalid as problem:
            raise _refused(problem.sentence) from problem
        return evolve(files, bytes=await self.media_store.files.size([files.original, files.still]))

    def _create(self, cursor: Cursor, draft: EmojiDraft, files: EmojiFiles, by: AccountId | None) -> CustomEmoji:
        created = custom_emojis.insert(cursor, draft, files, now=self.now())
        if created is None:
            raise _taken()
        self._record(cursor, AuditAction.EMOJI_CREATE, by, created)
        return created

    def _store(
        self, cursor: Cursor, uploads: Sequence[tuple[EmojiDraft, EmojiFiles]], overwrite: bool, by: AccountId | None
    ) -> tuple[int, int]:
        created = replaced = 0
        for draft, files in uploads:
            known = custom_emojis.by_shortcodes(cursor, shortcodes=[draft.shortcode])
            if not known:
                self._create(cursor, draft, files, by)
                created += 1
            elif overwrite:
                changed = self._replace_picture(cursor, known[0].emoji.id, files, by)
                self._change_one(cursor, changed, EmojiChange(None, draft.category or None, None if draft.is_listed else False), by)
                replaced += 1
            else:
                delete_unused(cursor, [files.original, files.still], now=self.now())
        return created, replaced

    def _edit(self, cursor: Cursor, id: int, change: EmojiChange, files: EmojiFiles | None, by: AccountId | None) -> CustomEmoji:
        if files is not None:
            self._replace_picture(cursor, id, files, by)
        return _found(next(iter(self._change(cursor, [id], change, by)), None))

    def _replace_picture(self, cursor: Cursor, id: int, files: EmojiFiles, by: AccountId | None) -> CustomEmoji:
        before = _found(next(iter(custom_emojis.lock(cursor, ids=[id])), None))
        changed = _found(custom_emojis.set_files(cursor, files, id=id, now=self.now()))
        delete_unused(cursor, _names(before), now=self.now())
        self._record(cursor, AuditAction.EMOJI_UPDATE, by, before)
        return changed

    def _change(self, cursor: Cursor, ids: Collection[int], change: EmojiChange, by: AccountId | None) -> list[CustomEmoji]:
        return [self._change_one(cursor, before, change, by) for before in custom_emojis.lock(cursor, ids=ids)]

    def _change_one(self, cursor: Cursor, before: CustomEmoji, change: EmojiChange, by: AccountId | None) -> CustomEmoji:
        known, disabled_at = EmojiDraft(before.emoji.shortcode, before.emoji.category, before.emoji.is_listed), before.disabled_at
        draft = validated(_merged(known, change))
        if change.is_disabled is not None:
            disabled_at = (before.disabled_at or self.now()) if change.is_disabled else None
        if draft == known and disabled_at == before.disabled_at:
            return before
        changed = custom_emojis.update(cursor, draft, id=before.emoji.id, disabled_at=disabled_at)
        if changed is None:
            raise _taken()
        action = AuditAction.EMOJI_UPDATE
        if disabled_at != before.disabled_at:
            action = AuditAction.EMOJI_ENABLE if disabled_at is None else AuditAction.EMOJI_DISABLE
        self._record(cursor, action, by, before)
        return changed

    def _delete(self, cursor: Cursor, ids: Collection[int], by: AccountId | None) -> list[CustomEmoji]:
        deleted = custom_emojis.lock(cursor, ids=ids)
        custom_emojis.delete(cursor, ids=[each.emoji.id for each in deleted])
        delete_unused(cursor, [name for each in deleted for name in _names(each)], now=self.now())
        for each in deleted:
            self._record(cursor, AuditAction.EMOJI_DELETE, by, each)
        return deleted

    def _record(self, cursor: Cursor, action: AuditAction, by: AccountId | None, emoji: CustomEmoji) -> None:
        """Record an act in the audit log, with the emoji as it was before, or as it was made."""
        of = emoji.emoji
        facts = {"category": of.category, "listed": of.is_listed, "disabled": emoji.disabled_at is not None}
        audit.record(cursor, AuditEntry(action, by, emoji.code, of.id, facts=facts), self.now())


def validated(draft: EmojiDraft) -> EmojiDraft:
    """Return the draft with a clean category. Raises Invalid (fields shortcode, category)."""
    if not _SHORTCODE.fullmatch(draft.shortcode):
        sentence = "Shortcode must be 2 to 128 letters (a to z), digits or underscores"
        raise Invalid({"shortcode": sentence}, codes={"shortcode": "ERR_INVALID" if draft.shortcode else "ERR_BLANK"})
    return EmojiDraft(draft.shortcode, post_text.clean_line(limited(draft.category, MAX_CATEGORY, "category"), "category"), draft.is_listed)


def _merged(known: EmojiDraft, change: EmojiChange) -> EmojiDraft:
    return EmojiDraft(
        known.shortcode if change.shortcode is None else change.shortcode,
        known.category if change.category is None else change.category,
        known.is_listed if change.is_listed is None else change.is_listed,
    )


def _names(emoji: CustomEmoji) -> list[str]:
    files = emoji.emoji.files
    return [files.original, files.still] if files else []


def _refused(sentence: str) -> Invalid:
    return Invalid({"image": sentence}, codes={"image": "ERR_INVALID"})


def _taken() -> Invalid:
    return Invalid({"shortcode": "Shortcode has already been taken"}, codes={"shortcode": "ERR_TAKEN"})


def _found(emoji: CustomEmoji | None) -> CustomEmoji:
    if emoji is None:
        raise NotFound
    return emoji
