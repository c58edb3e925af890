"""Signing up, invites, and accounts that the administrator makes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import evolve, field, frozen

from microblog.domain import validation
from microblog.domain.email_queue import enqueue_confirmation
from microblog.domain.notify import notify
from microblog.domain.passwords import Hashes, acceptable
from microblog.domain.text import post_text
from microblog.domain.validation import ValidationErrors
from microblog.model.accounts import Account, Invite, Preferences, RegistrationMode, Role, Viewer
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.ids import AccountId, AppId, InviteId
from microblog.model.notifications import NotificationKind
from microblog.storage import accounts, invites, users
from microblog.storage.database import Cursor, Transactions

LONGEST_REASON = 500
LONGEST_CODE = 64
NAME_TAKEN = "Username has already been taken"
NAME_OF_DELETED = (
    "Username was taken by an account that is deleted, and is kept so that nobody poses as its owner. "
    "`user create --reattach` gives it to somebody all the same"
)
EMAIL_TAKEN = "E-mail address is already in use"
BAD_INVITE = "Invite is not valid, or not any more"
CLOSED = "This site does not take new people at the moment."


@frozen
class SignUpForm:
    """What somebody fills in to get an account. `reason` is for whoever approves, `invite` a code, if they have one.

    `app` is the program that they fill it in with; None on the site. `locale` is what their browser or program says; empty if it says none.
    """

    username: str
    email: str
    password: str = field(repr=False)
    agreement: bool = False
    reason: str = ""
    invite: str = ""
    locale: str = ""
    time_zone: str = "UTC"
    app: AppId | None = None


@frozen
class _Admission:
    """How somebody comes in."""

    role: Role = Role.USER
    approved: bool = True
    confirmed: bool = True
    by_invite: bool = False
    id: int | None = None
    reattach: bool = False


def _taken(name: str) -> Invalid:
    return Invalid({name: NAME_TAKEN if name == "username" else EMAIL_TAKEN}, codes={name: "ERR_TAKEN"})


def fresh_code() -> str:
    """An invite's code: 72 random bits."""
    return secrets.token_urlsafe(9)


@frozen
class Registrations:
    """Lets people sign up as `mode` says. `confirmed_at_once`: an address need not be proved, because this site sends no mail."""

    database: Transactions
    passwords: Hashes
    mode: RegistrationMode
    auto_confirm: bool
    now: Callable[[], datetime]

    async def sign_up(self, form: SignUpForm) -> Account:
        """Make an account and its login. The caller then begins a session (`Sessions.begin`).

        Raises Forbidden where registrations are closed, Invalid with everything that is wrong (fields username, email, password,
        agreement, reason, invite), Unavailable if too many passwords wait to be hashed.
        """
        if self.mode is RegistrationMode.CLOSED:
            raise Forbidden(CLOSED)
        tidy, findings = self._tidy(form, post_text.RESERVED)
        if not form.agreement:
            findings.add("agreement", "Service agreement must be accepted", "ERR_ACCEPTED")
        if self.mode is RegistrationMode.APPROVAL and not form.invite.strip() and post_text.is_blank(form.reason):
            findings.add("reason", "Reason can't be blank", "ERR_BLANK")
        if self.mode is RegistrationMode.INVITE and not form.invite.strip():
            findings.add("invite", "Invite can't be blank: this site takes new people by invitation", "ERR_BLANK")
        await self.database.read(self._look, tidy, findings)
        findings.settle()
        admission = _Admission(
            approved=self.mode is RegistrationMode.OPEN or bool(tidy.invite), confirmed=self.auto_confirm, by_invite=bool(tidy.invite)
        )
        return await self.database.run(self._admit, tidy, await self.passwords.hash(tidy.password), admission)

    async def create(self, form: SignUpForm, *, role: Role = Role.USER, id: int | None = None, reattach: bool = False) -> Account:
        """An account that the administrator makes, with this id if one is given: reserved names, no approval, no agreement.

        `reattach`: it may have the name of a deleted account, of which nothing comes back.
        Raises Invalid with everything that is wrong (fields username, email, password, id).
        """
        tidy, findings = self._tidy(evolve(form, invite=""), ())
        if id is not None and not 0 < id < 2**63:
            findings.add("id", "Id must be a whole number above 0", "ERR_INVALID")
        was_deleted = await self.database.read(accounts.is_deleted, username=tidy.username)
        if was_deleted and not reattach:
            findings.add("username", NAME_OF_DELETED, "ERR_TAKEN")
        await self.database.read(self._look, evolve(tidy, username="") if was_deleted else tidy, findings)
        findings.settle()
        admission = _Admission(role=role, id=id, reattach=reattach)
        return await self.database.run(self._admit, tidy, await self.passwords.hash(tidy.password), admission)

    async def invite(self, by: Viewer | None, *, max_uses: int | None = None, lasts: timedelta | None = None) -> Invite:
        """A new code, usable `max_uses` times (None: as often as they like) while it `lasts` (None: for ever).

        Raises Invalid for numbers that make no sense.
        """
        if max_uses is not None and not 0 < max_uses <= 10_000:
            raise Invalid({"max_uses": "Number of uses must be between 1 and 10,000"}, codes={"max_uses": "ERR_INVALID"})
        if lasts is not None and not timedelta(0) < lasts <= timedelta(days=3660):
            raise Invalid({"lasts": "An invite can last up to ten years"}, codes={"lasts": "ERR_INVALID"})
        code, now = fresh_code(), self.now()
        by_id, expires_at = (by.id if by else None), (now + lasts if lasts else None)
        id = await self.database.run(invites.insert, code=code, created_by=by_id, now=now, expires_at=expires_at, max_uses=max_uses)
        return Invite(id, code, by_id, now, expires_at, 0, max_uses)

    async def invites(self, by: Viewer | None = None, *, limit: int = 100) -> list[Invite]:
        """The newest invites; only those that somebody made, if asked for."""
        return await self.database.read(invites.newest, limit=limit, created_by=by.id if by else None)

    async def end_invite(self, code: str) -> None:
        """Let nobody else in by the code. Raises NotFound if there is no such code, or it had ended."""
        if not await self.database.run(invites.end, code=post_text.clean_line(code, "code")[:LONGEST_CODE], now=self.now()):
            raise NotFound("There is no such invite, or it has ended.")

    def _tidy(self, form: SignUpForm, reserved: frozenset[str] | tuple[str, ...]) -> tuple[SignUpForm, ValidationErrors]:
        findings = ValidationErrors()
        tidy = evolve(
            form,
            username=findings.of(lambda: post_text.username(form.username, reserved), ""),
            email=findings.of(lambda: validation.email(form.email), ""),
            password=findings.of(lambda: acceptable(form.password), ""),
            reason=findings.of(lambda: validation.limited(form.reason, LONGEST_REASON, "reason"), ""),
            invite=findings.of(lambda: post_text.clean_line(form.invite[:LONGEST_CODE], "invite"), ""),
            # These two come from the browser, not from the person: a wrong one is not worth a complaint.
            locale=ValidationErrors().of(lambda: validation.locale(form.locale), ""),
            time_zone=ValidationErrors().of(lambda: validation.time_zone(form.time_zone), "UTC"),
        )
        return tidy, findings

    def _look(self, cursor: Cursor, form: SignUpForm, findings: ValidationErrors) -> None:
        """Note what is taken already, before the work of hashing. Somebody may still be faster: `_admit` finds that."""
        if form.username and accounts.taken(cursor, usernames=[form.username]):
            findings.add("username", NAME_TAKEN, "ERR_TAKEN")
        if form.email and users.email_taken(cursor, email=form.email):
            findings.add("email", EMAIL_TAKEN, "ERR_TAKEN")
        if form.invite and not invites.usable(cursor, code=form.invite, now=self.now()):
            findings.add("invite", BAD_INVITE, "ERR_INVALID")

    def _admit(self, cursor: Cursor, form: SignUpForm, password_hash: str, admission: _Admission) -> Account:
        now = self.now()
        invite = self._used_invite(cursor, form.invite) if admission.by_invite else None
        if admission.reattach:
            accounts.release_name(cursor, username=form.username)
        id = accounts.insert(cursor, username=form.username, now=now, id=admission.id)
        if id is None:
            given_id_is_taken = admission.id is not None and accounts.id_taken(cursor, id=admission.id)
            raise Invalid({"id": "Id is taken"}, codes={"id": "ERR_TAKEN"}) if given_id_is_taken else _taken("username")
        made = users.insert(
            cursor,
            account=id,
            email=form.email,
            password_hash=password_hash,
            now=now,
            role=admission.role,
            confirmed=admission.confirmed,
            approved=admission.approved,
            reason=form.reason,
            preferences=Preferences(
                language=validation.language_of(form.locale), locale=form.locale or Preferences().locale, time_zone=form.time_zone
            ),
            invite=invite,
            app=form.app,
        )
        if not made:
            raise _taken("email")
        member = users.by_account(cursor, account=id)
        if member and not admission.confirmed:
            enqueue_confirmation(cursor, member.login, now)
        if not admission.approved:
            notify(cursor, accounts=users.staff(cursor), kind=NotificationKind.SIGN_UP, sender=id, now=now)
        return self._admitted(cursor, id)

    def _used_invite(self, cursor: Cursor, code: str) -> InviteId:
        invite = invites.use(cursor, code=code, now=self.now())
        if invite is None:
            raise Invalid({"invite": BAD_INVITE}, codes={"invite": "ERR_INVALID"})
        return invite

    def _admitted(self, cursor: Cursor, id: AccountId) -> Account:
        account = accounts.by_id(cursor, id=id)
        assert account is not None
        return account
