"""Tests of the choice of inboxes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from microblog.federation.recipients import InboxRules, choose_inboxes
from microblog.model.deliveries import Inbox, Recipient
from microblog.model.domain_rules import DomainRule, DomainRules, DomainSeverity
from microblog.model.posts import Visibility

RULES = InboxRules("a.example")


def account(host: str, name: str, shared: str | None = "inbox") -> Recipient:
    id = f"https://{host}/users/{name}"
    return Recipient(id, f"{id}/inbox", f"https://{host}/{shared}" if shared else "")


def chosen(*recipients: Recipient, visibility: Visibility = Visibility.PUBLIC, rules: InboxRules = RULES) -> list[str]:
    return [inbox.url for inbox in choose_inboxes(recipients, visibility, rules)]


def test_one_inbox_per_host() -> None:
    followers = [account(f"h{number % 5}.example", f"u{number}") for number in range(50)]
    for visibility in (Visibility.PUBLIC, Visibility.UNLISTED, Visibility.PRIVATE):
        assert chosen(*followers, visibility=visibility) == [f"https://h{number}.example/inbox" for number in range(5)]
    assert choose_inboxes(followers[:1], Visibility.PUBLIC, RULES) == (Inbox("h0.example", "https://h0.example/inbox"),)


def test_an_account_without_a_shared_inbox_gets_its_own() -> None:
    bo, cy, dee = account("b.example", "bo"), account("b.example", "cy", None), account("b.example", "dee", None)
    assert chosen(bo, cy, dee, cy) == ["https://b.example/inbox", cy.inbox, dee.inbox]


def test_a_direct_post_to_one_account_of_a_host_goes_to_its_own_inbox() -> None:
    bo, cy, dee = account("b.example", "bo"), account("b.example", "cy"), account("d.example", "dee")
    assert chosen(bo, dee, bo, visibility=Visibility.DIRECT) == [bo.inbox, dee.inbox]
    assert chosen(bo, cy, dee, visibility=Visibility.DIRECT) == ["https://b.example/inbox", dee.inbox]


def test_nothing_goes_to_a_suspended_domain() -> None:
    rules = InboxRules(
        "a.example", DomainRules([DomainRule("b.example", DomainSeverity.SUSPEND), DomainRule("c.example", DomainSeverity.SILENCE)])
    )
    assert chosen(account("b.example", "bo"), account("x.b.example", "bo"), account("c.example", "cy"), rules=rules) == [
        "https://c.example/inbox"
    ]


def test_the_allow_list_holds_for_deliveries() -> None:
    rules = InboxRules("a.example", DomainRules(allowed=frozenset({"c.example"})))
    assert chosen(account("b.example", "bo"), account("c.example", "cy"), account("x.c.example", "cy"), rules=rules) == [
        "https://c.example/inbox"
    ]


def test_nothing_is_queued_for_a_dead_host() -> None:
    rules = InboxRules("a.example", dead_hosts=frozenset({"b.example"}))
    assert chosen(account("b.example", "bo"), account("c.example", "cy"), rules=rules) == ["https://c.example/inbox"]


def test_nothing_is_delivered_to_ourselves() -> None:
    assert chosen(account("a.example", "al"), account("A.example.", "al")) == []


def test_an_inbox_on_another_host_is_not_used() -> None:
    id = "https://b.example/users/bo"
    assert chosen(Recipient(id, "https://victim.example/inbox", "https://b.example/inbox")) == []
    assert chosen(Recipient(id, f"{id}/inbox", "https://victim.example/inbox")) == [f"{id}/inbox"]
    assert chosen(Recipient(id, f"{id}/inbox", "https://10.0.0.1/inbox")) == [f"{id}/inbox"]


def test_accounts_that_name_different_shared_inboxes_cause_one_request() -> None:
    accounts = [account("b.example", f"u{number}", f"inbox{number % 9 and number}") for number in range(30)]
    assert chosen(*accounts) == ["https://b.example/inbox0"]


def test_hosts_of_tests_get_deliveries_by_http() -> None:
    bo = Recipient("http://127.0.0.1:3000/users/bo", "http://127.0.0.1:3000/users/bo/inbox", "http://127.0.0.1:3000/inbox")
    rules = InboxRules("a.example", exempt=frozenset({"127.0.0.1:3000"}))
    assert choose_inboxes([bo], Visibility.PUBLIC, rules) == (Inbox("127.0.0.1:3000", "http://127.0.0.1:3000/inbox"),)
    assert chosen(bo) == []


recipients = st.builds(
    account,
    st.sampled_from(["a.example", "b.example", "B.example", "c.example"]),
    st.sampled_from("xyz"),
    st.sampled_from([None, "i", "j"]),
)


@given(st.lists(recipients), st.sampled_from(Visibility))
def test_everybody_is_reached_and_no_inbox_twice(accounts: list[Recipient], visibility: Visibility) -> None:
    inboxes = choose_inboxes(accounts, visibility, RULES)
    assert len(set(inboxes)) == len(inboxes)
    urls = {inbox.url for inbox in inboxes}
    for each in accounts:
        if "a.example" not in each.id:
            host = RULES.host_of(each.id)
            assert each.inbox in urls or any(inbox.host == host and inbox.url.endswith(("/i", "/j")) for inbox in inboxes)
