"""Which signature a request to another server gets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.federation.signature_choice import MAX_HOSTS, SignatureChoices, SignatureForm
from microblog.federation.signed_requests import HttpRequest
from tests.federation.signing import NOW, POST

HOST = "b.example"
GET = HttpRequest("GET", "https://b.example/users/bo")
GET_PAGE = HttpRequest("GET", "https://b.example/users/bo?page=true")
FIRST, WITHOUT_QUERY, SECOND = SignatureForm.CAVAGE, SignatureForm.CAVAGE_WITHOUT_QUERY, SignatureForm.RFC_9421


def forms(request: HttpRequest, statuses: list[int], choices: SignatureChoices | None = None) -> list[SignatureForm]:
    """Return the forms that are tried with a host that answers with these statuses."""
    choices, tried = choices or SignatureChoices(), list[tuple[SignatureForm, int]]()
    while (form := choices.next_form(HOST, request, tried, NOW)) is not None:
        tried.append((form, statuses[len(tried)]))
    return [form for form, _ in tried]


def test_cavage_comes_first() -> None:
    for request in (POST, GET, GET_PAGE):
        assert SignatureChoices().next_form(HOST, request, [], NOW) == SignatureForm.CAVAGE
    for status in (200, 202, 301, 403, 404, 410, 429, 500, 503):
        assert forms(POST, [status]) == [FIRST]


@pytest.mark.parametrize("status", [400, 401])
def test_second_knock_after_401(status: int) -> None:
    assert forms(POST, [status, 202]) == [FIRST, SECOND]
    assert forms(POST, [status, status]) == [FIRST, SECOND]
    assert forms(GET, [status, status]) == [FIRST, SECOND]


def test_a_get_is_tried_without_its_query_after_401() -> None:
    assert forms(GET_PAGE, [401, 200]) == [FIRST, WITHOUT_QUERY]
    assert forms(GET_PAGE, [401, 401, 401]) == [FIRST, WITHOUT_QUERY, SECOND]
    assert forms(GET_PAGE, [400, 400]) == [FIRST, SECOND]


def test_what_a_host_accepted_is_remembered_for_a_day() -> None:
    choices = SignatureChoices()
    choices.accepted(HOST, SECOND, NOW)
    assert forms(POST, [202], choices) == [SECOND]
    assert forms(POST, [401, 401], choices) == [SECOND, FIRST]
    assert forms(GET_PAGE, [401, 401, 200], choices) == [SECOND, FIRST, WITHOUT_QUERY]
    assert choices.next_form("c.example", POST, [], NOW) == FIRST
    assert choices.next_form(HOST, POST, [], NOW + timedelta(hours=24)) == FIRST
    choices.accepted(HOST, FIRST, NOW)
    assert forms(POST, [202], choices) == [FIRST]


def test_the_memory_is_bounded() -> None:
    choices = SignatureChoices()
    for number in range(MAX_HOSTS + 1):
        choices.accepted(f"{number}.example", SECOND, NOW)
    assert [choices.next_form(f"{number}.example", POST, [], NOW) for number in (0, 1, MAX_HOSTS)] == [FIRST, SECOND, SECOND]
