"""Account support by moderators, without scripts: confirmation, e-mail address, password reset, role, and profile images."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import frozen

from microblog.model.accounts import Role
from microblog.model.ids import AccountId
from microblog.storage import users
from microblog.storage.database import Cursor, execute, fetch_value
from tests.fakes import MailboxTransport
from tests.files import image
from tests.web.http_client import HttpResponse
from tests.web.test_email_settings import EmailSite, SiteMailbox
from tests.web.test_moderation import with_role
from tests.web.visitor import PASSWORD, SiteFixture, Visitor, build_site, document, main_text


@frozen
class Helped:
    """A moderator, and the account of ada, whose page is `page`."""

    email_site: EmailSite
    mod: Visitor
    page: str

    @property
    def site(self) -> SiteFixture:
        return self.email_site.site

    @property
    def mailbox(self) -> SiteMailbox:
        return self.email_site.mailbox

    def act(self, act: str, **fields: str) -> HttpResponse:
        """Send a form of the page."""
        return self.mod.submit(f"{self.page}/{act}", page=self.page, **fields)

    @property
    def role_path(self) -> str:
        """The target of the form that changes the role."""
        return f"/admin/roles/{self.page.rpartition('/')[2]}"

    def change_role(self, role: str) -> HttpResponse:
        """Send the form that changes the role."""
        return self.mod.submit(self.role_path, page=self.page, role=role)

    def buttons(self) -> list[str]:
        """Return the labels of the buttons on the page."""
        return [" ".join(one.itertext()).strip() for one in document(self.mod.get(self.page)).xpath("//main//button")]

    def address(self) -> tuple[str, bool]:
        """Return the address of the account, and whether it is confirmed."""
        found = users.by_account(self.site.cursor, account=self.site.viewer("ada").id)
        assert found is not None
        return found.login.email, found.login.confirmed_at is not None


def helped(cursor: Cursor, data_dir: Path, *, confirmed: bool, role: str = "moderator", smtp_url: str = "") -> Helped:
    """Build a site with ada and somebody of this role."""
    site = build_site(cursor, data_dir, rate_limits="off", smtp_url=smtp_url)
    email_site = EmailSite(site, SiteMailbox(cursor, site.domain, MailboxTransport()))
    email_site.sign_up("ada")
    if not smtp_url:
        return Helped(email_site, with_role(site, "mod", role), f"/admin/accounts/{site.viewer('ada').id}")
    [email] = email_site.mailbox.deliver()
    if confirmed:
        site.visitor().submit(email_site.mailbox.path(email, "/confirm/"))
    return Helped(email_site, with_role(site, "mod", role), f"/admin/accounts/{site.viewer('ada').id}")


SMTP = "smtp://mail.test"


def test_a_moderator_has_the_confirmation_sent_again_or_confirms(cursor: Cursor, tmp_path: Path) -> None:
    ada = helped(cursor, tmp_path, confirmed=False, smtp_url=SMTP)
    assert {"Confirm e-mail address", "Resend confirmation", "Send password reset"} <= set(ada.buttons())
    assert ada.act("resend_confirmation").status == 303
    [email] = ada.mailbox.deliver()
    assert (email["To"], "/confirm/" in ada.mailbox.path(email, "/confirm/")) == ("ada@example.org", True)
    assert ada.act("confirm").status == 303
    assert ada.address() == ("ada@example.org", True)
    assert ada.act("resend_confirmation").status == 409
    assert not {"Confirm e-mail address", "Resend confirmation"} & set(ada.buttons())


def test_a_new_address_waits_for_its_owner_and_the_old_one_is_notified(cursor: Cursor, tmp_path: Path) -> None:
    ada = helped(cursor, tmp_path, confirmed=True, smtp_url=SMTP)
    assert ada.act("email", email="new@example.org").status == 303
    assert "Not confirmed yet: new@example.org" in main_text(ada.mod.get(ada.page))
    assert ada.address() == ("ada@example.org", True)
    emails = {email["To"]: email for email in ada.mailbox.deliver()}
    assert set(emails) == {"ada@example.org", "new@example.org"}
    ada.site.visitor().submit(ada.mailbox.path(emails["new@example.org"], "/confirm/"))
    assert ada.address() == ("new@example.org", True)


def test_an_address_that_was_never_confirmed_is_replaced_and_confirmed_anew(cursor: Cursor, tmp_path: Path) -> None:
    ada = helped(cursor, tmp_path, confirmed=False, smtp_url=SMTP)
    assert ada.act("email", email="new@example.org").status == 303
    [email] = ada.mailbox.deliver()
    assert (email["To"], ada.address()) == ("new@example.org", ("new@example.org", False))


@pytest.mark.parametrize(
    ("email", "problem"),
    [
        ("nowhere", "invalid"),
        ("ADA@example.org", "already"),
        ("mod@example.org", "already in use"),
        ("a@bad.example", "not allowed here"),
        ("", "blank"),
    ],
)
def test_a_bad_address_is_refused_with_what_was_typed(cursor: Cursor, tmp_path: Path, email: str, problem: str) -> None:
    ada = helped(cursor, tmp_path, confirmed=True)
    execute(
        cursor,
        "insert into email_domain_blocks (id, domain, created_at) values (new_id(now()), 'bad.example', now())",
    )
    response = ada.act("email", email=email)
    [field] = document(response).xpath("//input[@name='email']")
    assert (response.status, field.get("value"), field.get("aria-invalid")) == (422, email, "true")
    assert problem in main_text(response)
    assert ada.address() == ("ada@example.org", True)


def test_without_a_mail_server_addresses_change_at_once_and_nothing_is_sent(cursor: Cursor, tmp_path: Path) -> None:
    ada = helped(cursor, tmp_path, confirmed=True)
    assert not {"Resend confirmation", "Send password reset"} & set(ada.buttons())
    assert [ada.act(act).status for act in ("resend_confirmation", "password_reset")] == [409, 409]
    assert ada.act("email", email="new@example.org").status == 303
    assert ada.address() == ("new@example.org", True)


def test_a_password_reset_is_sent_to_the_owner_within_a_limit(cursor: Cursor, tmp_path: Path) -> None:
    ada = helped(cursor, tmp_path, confirmed=True, smtp_url=SMTP)
    assert ada.act("password_reset").status == 303
    [email] = ada.mailbox.deliver()
    visitor = ada.site.visitor()
    visitor.submit(ada.mailbox.path(email, "/password/reset/"), password=f"{PASSWORD}!")
    assert visitor.submit("/login", name="ada", password=f"{PASSWORD}!").status == 303
    assert [ada.act("password_reset").status for _ in range(5)] == [303, 303, 303, 303, 429]
    assert ada.act("action", type="disable").status == 303
    assert ada.act("password_reset").status == 409


def test_administrators_change_roles_and_moderators_do_not(cursor: Cursor, tmp_path: Path) -> None:
    ada = helped(cursor, tmp_path, confirmed=True, role="admin")
    mod = with_role(ada.site, "maud", "moderator")
    assert "Change role" in ada.buttons()
    assert "Change role" not in main_text(mod.get(ada.page))
    assert mod.submit(ada.role_path, page=ada.page, role="moderator").status == 403
    assert ada.change_role("owner").status == 422
    assert ada.change_role("moderator").status == 303
    assert role_of(cursor, ada.site.viewer("ada").id) is Role.MODERATOR
    assert mod.submit(f"{ada.page}/email", page="/admin/people", email="x@example.org").status == 403, "a moderator now"
    assert ada.change_role("user").status == 303
    assert role_of(cursor, ada.site.viewer("ada").id) is Role.USER


def role_of(cursor: Cursor, account: AccountId) -> Role | None:
    return users.role_of(cursor, account=account)


def test_profile_images_are_removed(cursor: Cursor, tmp_path: Path) -> None:
    ada = helped(cursor, tmp_path, confirmed=True)
    browser = ada.site.visitor()
    browser.submit("/login", name="ada", password=PASSWORD)
    assert browser.upload("/settings", "/settings", {"avatar": image(), "header": image()}, display_name="Ada").status == 303
    assert {"Remove avatar", "Remove header"} <= set(ada.buttons())
    for which in ("avatar", "header"):
        assert ada.act("remove_image", image=which).status == 303
        assert fetch_value(cursor, f"select {which} from accounts where username = 'ada'") is None
        assert ada.act("remove_image", image=which).status == 404
    assert ada.act("remove_image", image="bio").status == 404
    assert not {"Remove avatar", "Remove header"} & set(ada.buttons())
