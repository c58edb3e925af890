"""Registration: sign-up, invites, and accounts created by the administrator."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import evolve, field, frozen

from microblog.domain import applicants, audit, email_domain_blocks, email_policy, ip_blocks, username_blocks, validation
from microblog.domain.email_queue import enqueue_confirmation
from microblog.domain.guessable_passwords import login_words
from microblog.domain.passwords import Hashes, acceptable
from microblog.domain.ports import MailHosts
from microblog.domain.text import post_text
from microblog.domain.validation import ValidationErrors
from microblog.model.accounts import Account, Invite, Preferences, RegistrationMode, Role, Viewer
from microblog.model.audit import AuditAction, AuditEntry
from microblog.model.email_domain_blocks import EmailDomainBlock
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.ids import AccountId, AppId, InviteId
from microblog.model.ip_blocks import IpSeverity
from microblog.model.site_settings import SiteSettings
from microblog.storage import accounts, invites, users
from microblog.storage.database import Cursor, Transactions

MAX_REASON_LENGTH = 500
MAX_CODE_LENGTH = 64
NAME_TAKEN = "Username has already been taken"
NAME_OF_DELETED = (
    "Username belonged to an account that was deleted, and stays reserved so that nobody can impersonate its owner. "
    "Use `user create --reattach` to give it to somebody anyway"
)
KNOWN_ELSEWHERE = "Username belonged to a deleted account that other servers know, and can never be used again"
EMAIL_TAKEN = "E-mail address is already in use"
BAD_INVITE = "Invite is invalid or has expired"
CLOSED = "This site is not accepting new sign-ups at the moment."


@frozen
class SignUpForm:
    """Fields of the sign-up form. `reason` is for the moderator who approves; `invite` is an invite code.

    `app` is the app that signs the user up; None on the site. `locale` is what the browser or app sends; empty if none. `address` is the
    client's network address; empty on the command line.
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
    address: str = ""


@frozen
class _Admission:
    """Initial state of an admitted account. `reattach`: allow the username of a deleted account."""

    role: Role = Role.USER
    approved: bool = True
    confirmed: bool = True
    by_invite: bool = False
    id: int | None = None
    reattach: bool = False


def _taken(name: str) -> Invalid:
    return Invalid({name: NAME_TAKEN if name == "username" else EMAIL_TAKEN}, codes={name: "ERR_TAKEN"})


def fresh_code() -> str:
    """Return a new invite code with 72 random bits. It can be an argument of a command: it does not begin with a hyphen."""
    return secrets.token_hex(9)


@frozen
class Registrations:
    """Sign-ups as the site's settings allow. `auto_confirm`: e-mail addresses count as confirmed, because this site sends no e-mail."""

    database: Transactions
    passwords: Hashes
    settings: Callable[[], SiteSettings]
    auto_confirm: bool
    now: Callable[[], datetime]
    mail_hosts: MailHosts | None = None

    async def sign_up(self, form: SignUpForm) -> Account:
        """Create an account and its login. The caller then starts a session (`Sessions.begin`).

        Raises Forbidden if registrations are closed or the client's network is blocked, Invalid with all validation errors (fields
        username, email, password, agreement, reason, invite), then for a guessable password, Unavailable if too many passwords wait to be
        hashed.
        """
        settings = self.settings()
        mode = settings.registration
        if mode is RegistrationMode.CLOSED:
            raise Forbidden(settings.closed_message or CLOSED)
        severity = await self.database.read(ip_blocks.strictest, form.address, self.now())
        if severity not in (None, IpSeverity.SIGN_UP_REQUIRES_APPROVAL):
            raise Forbidden(ip_blocks.BLOCKED)
        cleaned, errors = self._cleaned(form, post_text.RESERVED)
        if not form.agreement:
            errors.add("agreement", "Service agreement must be accepted", "ERR_ACCEPTED")
        needs_reason = mode is RegistrationMode.APPROVAL and settings.reason_required and not form.invite.strip()
        if needs_reason and post_text.is_blank(form.reason):
            errors.add("reason", "Reason can't be blank", "ERR_BLANK")
        if mode is RegistrationMode.INVITE and not form.invite.strip():
            errors.add("invite", "Invite can't be blank: this site accepts sign-ups by invitation only", "ERR_BLANK")
        blocks = await self._email_domain_blocks(cleaned)
        refusal = await self.database.read(email_policy.refusal, cleaned.email, blocks)
        if refusal:
            errors.add("email", refusal, "ERR_BLOCKED")
        name_blocks = await self.database.read(username_blocks.matching, cleaned.username)
        if username_blocks.refuses(name_blocks):
            errors.add("username", username_blocks.RESERVED, "ERR_RESERVED")
        await self.database.read(self._check_taken, cleaned, errors)
        errors.raise_if_any()
        approved = not blocks and not name_blocks and severity is None and (mode is RegistrationMode.OPEN or bool(cleaned.invite))
        admission = _Admission(approved=approved, confirmed=self.auto_confirm, by_invite=bool(cleaned.invite))
        return await self.database.run(self._admit, cleaned, await self._hash(cleaned), admission)

    async def create(self, form: SignUpForm, *, role: Role = Role.USER, id: int | None = None, reattach: bool = False) -> Account:
        """Create an account for the administrator, with this id if given: reserved usernames, no approval, no agreement.

        `reattach`: allow the username of a deleted account, whose data does not come back. Raises Invalid with all validation errors
        (fields username, email, password, id), then for a guessable password.
        """
        cleaned, errors = self._cleaned(evolve(form, invite=""), ())
        if id is not None and not 0 < id < 2**63:
            errors.add("id", "Id must be a whole number above 0", "ERR_INVALID")
        was_deleted = await self.database.read(accounts.is_deleted, username=cleaned.username)
        if was_deleted and not reattach:
            errors.add("username", NAME_OF_DELETED, "ERR_TAKEN")
        await self.database.read(self._check_taken, evolve(cleaned, username="") if was_deleted else cleaned, errors)
        errors.raise_if_any()
        admission, hashed = _Admission(role=role, id=id, reattach=reattach), await self._hash(cleaned)

        def create(cursor: Cursor) -> Account:
            account = self._admit(cursor, cleaned, hashed, admission)
            audit.record(cursor, audit.about(AuditAction.ACCOUNT_CREATE, None, account, facts={"role": role}), self.now())
            return account

        return await self.database.run(create)

    async def invite(self, by: Viewer | None, *, max_uses: int | None = None, lasts: timedelta | None = None) -> Invite:
        """Create an invite that can be used `max_uses` times (None: unlimited) for the duration `lasts` (None: for ever).

        Raises Invalid for numbers out of range.
        """
        if max_uses is not None and not 0 < max_uses <= 10_000:
            raise Invalid({"max_uses": "Number of uses must be between 1 and 10,000"}, codes={"max_uses": "ERR_INVALID"})
        if lasts is not None and not timedelta(0) < lasts <= timedelta(days=3660):
            raise Invalid({"lasts": "An invite can last up to ten years"}, codes={"lasts": "ERR_INVALID"})
        code, now = fresh_code(), self.now()
        by_id, expires_at = (by.id if by else None), (now + lasts if lasts else None)

        def insert(cursor: Cursor) -> InviteId:
            id = invites.insert(cursor, code=code, created_by=by_id, now=now, expires_at=expires_at, max_uses=max_uses)
            facts = {"max_uses": max_uses, "expires_at": expires_at and expires_at.isoformat()}
            audit.record(cursor, AuditEntry(AuditAction.INVITE_CREATE, by_id, code, id, facts=facts), now)
            return id

        return Invite(await self.database.run(insert), code, by_id, now, expires_at, 0, max_uses)

    async def invites(self, by: Viewer | None = None, *, limit: int = 100) -> list[Invite]:
        """Return the newest invites, optionally of one creator."""
        return await self.database.read(invites.newest, limit=limit, created_by=by.id if by else None)

    async def end_invite(self, code: str, by: Viewer | None = None) -> None:
        """Expire an invite. Raises NotFound if there is no such code or it has expired."""
        cleaned = post_text.clean_line(code, "code")[:MAX_CODE_LENGTH]

        def revoke(cursor: Cursor) -> None:
            if not invites.revoke(cursor, code=cleaned, now=self.now()):
                raise NotFound("This invite does not exist or has expired.")
            audit.record(cursor, AuditEntry(AuditAction.INVITE_DELETE, by.id if by else None, cleaned), self.now())

        await self.database.run(revoke)

    async def _hash(self, form: SignUpForm) -> str:
        return await self.passwords.hash(form.password, login_words(form.username, form.email))

    def _cleaned(self, form: SignUpForm, reserved: frozenset[str] | tuple[str, ...]) -> tuple[SignUpForm, ValidationErrors]:
        errors = ValidationErrors()
        cleaned = evolve(
            form,
            username=errors.collect(lambda: post_text.username(form.username, reserved), ""),
            email=errors.collect(lambda: validation.email(form.email), ""),
            password=errors.collect(lambda: acceptable(form.password), ""),
            reason=errors.collect(lambda: validation.limited(form.reason, MAX_REASON_LENGTH, "reason"), ""),
            invite=errors.collect(lambda: post_text.clean_line(form.invite[:MAX_CODE_LENGTH], "invite"), ""),
            # These two are sent by the browser, not typed by the user: ignore invalid ones.
            locale=ValidationErrors().collect(lambda: validation.locale(form.locale), ""),
            time_zone=ValidationErrors().collect(lambda: validation.time_zone(form.time_zone), "UTC"),
        )
        return cleaned, errors

    async def _email_domain_blocks(self, form: SignUpForm) -> list[EmailDomainBlock]:
        """Return the blocks that hold for the address, after counting the sign-up in their history."""
        names = await email_policy.names_with_mail_hosts(self.database, self.mail_hosts, form.email)
        blocks = await self.database.read(email_domain_blocks.matching, names)
        if blocks:
            await self.database.run(email_domain_blocks.count_attempt, blocks, form.address, self.now())
        return blocks

    def _check_taken(self, cursor: Cursor, form: SignUpForm, errors: ValidationErrors) -> None:
        """Add errors for taken usernames and addresses before the expensive hashing. `_admit` checks again, against races."""
        if form.username and accounts.usernames_in_use(cursor, usernames=[form.username]):
            errors.add("username", NAME_TAKEN, "ERR_TAKEN")
        if form.email and users.email_taken(cursor, email=form.email):
            errors.add("email", EMAIL_TAKEN, "ERR_TAKEN")
        if form.invite and not invites.usable(cursor, code=form.invite, now=self.now()):
            errors.add("invite", BAD_INVITE, "ERR_INVALID")

    def _admit(self, cursor: Cursor, form: SignUpForm, password_hash: str, admission: _Admission) -> Account:
        now = self.now()
        invite = self._use_invite(cursor, form.invite) if admission.by_invite else None
        is_free = not admission.reattach or accounts.release_name(cursor, username=form.username)
        if not is_free and accounts.is_deleted(cursor, username=form.username):
            raise Invalid({"username": KNOWN_ELSEWHERE}, codes={"username": "ERR_TAKEN"})
        id = accounts.insert(cursor, username=form.username, now=now, id=admission.id)
        if id is None:
            given_id_is_taken = admission.id is not None and accounts.id_taken(cursor, id=admission.id)
            raise Invalid({"id": "Id is taken"}, codes={"id": "ERR_TAKEN"}) if given_id_is_taken else _taken("username")
        inserted = users.insert(
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
            address=form.address,
        )
        if not inserted:
            raise _taken("email")
        member = users.by_account(cursor, account=id)
        if member and not admission.confirmed:
            enqueue_confirmation(cursor, member.login, now)
        applicants.notify_staff(cursor, member, now)
        return self._account(cursor, id)

    def _use_invite(self, cursor: Cursor, code: str) -> InviteId:
        invite = invites.use(cursor, code=code, now=self.now())
        if invite is None:
            raise Invalid({"invite": BAD_INVITE}, codes={"invite": "ERR_INVALID"})
        return invite

    def _account(self, cursor: Cursor, id: AccountId) -> Account:
        account = accounts.by_id(cursor, id=id)
        assert account is not None
        return account
