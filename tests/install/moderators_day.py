"""A day of a moderator, by the pages: an applicant, a report, a warning, an appeal, a suspension, and its undoing."""

from __future__ import annotations

from tests.acceptance.site_process import wait_until
from tests.install.administrator import PASSWORD, Administrator
from tests.install.browser import Browser
from tests.install.debian_machine import LOG
from tests.rfc5322 import body_text

DESCRIPTION, POST, REASON, WARNING, APPEAL, SUSPENSION = (
    "All about herbs.",
    "Cheap pills, only today!",
    "I want to talk about herbs.",
    "No advertisements, please.",
    "It was a joke about my grandmother.",
    "Three reports in an hour.",
)


def have_a_day(site: Administrator) -> None:
    """Live through the day of Maud, who moderates, and Eve, who applies. Each step shows its result to whom it concerns."""
    LOG.info("a moderator's day: the applicant")
    ask_for_approval(site)
    maud, ada = site.browser("maud"), site.browser("ada")
    eve = apply_for_account(site)
    approve(maud, eve)
    LOG.info("a moderator's day: the report and the warning")
    address = report_post(ada, eve)
    warn(maud)
    assert wait_until(lambda: len(site.mails_to("maud@example.org")) == 2), "about the applicant and about the report"
    site.browser().open(address, shows=POST)  # a warning deletes nothing
    LOG.info("a moderator's day: the appeal")
    appeal(eve, maud)
    LOG.info("a moderator's day: the suspension and its undoing")
    suspend(maud)
    site.browser().open(address, status=404)
    assert tell_reason(site) == SUSPENSION
    eve.open("/home")
    assert "The moderators have suspended your account." in eve.press("Log in", status=403, name="eve", password=PASSWORD)
    undo(maud)
    site.browser().open(address, shows=POST)
    eve.open("/home", shows=POST)  # the session goes on
    read_audit_log(site, maud)


def ask_for_approval(site: Administrator) -> None:
    """Have the administrator let moderators review sign-ups, and create a moderator and a member."""
    site.create_account("maud", "--role moderator")
    site.create_account("ada")
    administrator = site.browser("you")
    administrator.open("/admin/dashboard")
    administrator.follow("Site settings")
    administrator.press("Save changes", registration="approval", description=DESCRIPTION)
    site.browser().open("/about", shows=DESCRIPTION)


def apply_for_account(site: Administrator) -> Browser:
    """Have Eve apply for an account; return her browser."""
    eve = site.browser()
    eve.open("/signup", shows="A moderator reviews every application.")
    text = eve.press("Apply for an account", username="eve", email="eve@example.org", password=PASSWORD, reason=REASON)
    assert "A moderator will review your application soon." in text
    eve.open("/@eve", status=404)
    return eve


def approve(maud: Browser, eve: Browser) -> None:
    """Have Maud read the application and approve it."""
    maud.open("/notifications", shows="Pending accounts")
    maud.follow("Pending accounts")
    assert REASON in maud.text
    assert REASON not in maud.press("Approve eve")
    eve.open("/home")
    eve.press("Post", text=POST)
    eve.open("/@eve", shows=POST)


def report_post(ada: Browser, eve: Browser) -> str:
    """Have Ada report Eve's post; return the address of the post."""
    ada.open("/@eve", shows=POST)
    [address] = ada.page.xpath("//a[@class='at']/@href")
    ada.open(address, shows=POST)
    ada.follow("Report…")
    ada.press("Send report", category="spam", comment="It is an advertisement.")
    return str(address)


def warn(maud: Browser) -> None:
    """Have Maud read the report, assign it to herself, keep a note, and warn Eve."""
    maud.open("/admin/reports", shows="It is an advertisement.")
    maud.follow("Open the report about eve")
    assert POST in maud.text
    assert "It is an advertisement." in maud.text
    assert "Assigned to @maud" in maud.press("Assign to me")
    assert "New here." in maud.press("Save note", note="New here.")
    assert "Resolved by @maud" in maud.press("Act", type="none", text=WARNING)
    maud.open("/admin/reports", shows="No open reports")


def appeal(eve: Browser, maud: Browser) -> None:
    """Have Eve read the warning and appeal, and Maud approve that."""
    eve.open("/notifications", shows=WARNING)
    assert WARNING in eve.follow("View the decision")
    decision = eve.address
    assert APPEAL in eve.press("Send appeal", text=APPEAL)
    maud.open("/admin/appeals", shows=APPEAL)
    assert APPEAL not in maud.press("Approve the appeal of eve")
    eve.open(decision, shows="Your appeal was approved, and the decision was undone.")


def suspend(maud: Browser) -> None:
    """Have Maud suspend Eve."""
    maud.open("/admin/people?q=eve")
    maud.follow("Open eve")
    assert "Suspended" in maud.press("Act", type="suspend", text=SUSPENSION)
    maud.open("/admin/people?type=suspended", shows="eve@example.org")


def tell_reason(site: Administrator) -> str:
    """Follow the link of the e-mail to Eve, who cannot log in now; return the moderator's message on the page."""
    assert wait_until(lambda: SUSPENSION in newest_mail_to_eve(site))
    text = newest_mail_to_eve(site)
    [link] = [line for line in text.splitlines() if "/disputes/strikes/" in line]
    visitor = site.browser()
    visitor.open(link, shows="The moderators have suspended your account.")
    return str(visitor.page.xpath("//main//p[@class='note-warning']")[0].text_content())


def newest_mail_to_eve(site: Administrator) -> str:
    """Return the text of the newest e-mail to Eve."""
    return body_text(site.mails_to("eve@example.org")[-1].read_bytes(), "plain")


def undo(maud: Browser) -> None:
    """Have Maud undo the suspension."""
    maud.open("/admin/people?q=eve")
    maud.follow("Open eve")
    maud.press("Undo: Account suspended")
    assert "Undone" in maud.text
    maud.open("/admin/people?type=suspended", shows="No accounts")


def read_audit_log(site: Administrator, maud: Browser) -> None:
    """Find every act of the day in the audit log, on the page and by the command."""
    acts = [(action, target) for actor, action, target in site.audit_log() if actor == "maud"]
    assert acts == [
        ("account.approve", "eve"),
        ("report.assign", "eve"),
        ("note.create", "eve"),
        ("account.warn", "eve"),
        ("appeal.approve", "eve"),
        ("account.suspend", "eve"),
        ("strike.undo", "eve"),
    ]
    maud.open("/admin/dashboard")
    page = maud.follow("Audit log")
    for label in (
        "Approved the sign-up of",
        "Took the report about",
        "Warned",
        "Approved the appeal of",
        "Suspended",
        "Undid a strike against",
    ):
        assert f"{label} @eve" in page
    assert "Changed the site settings" in page
    for text in (WARNING, SUSPENSION):
        assert text in page
