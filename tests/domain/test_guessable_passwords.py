"""Passwords that are common, or made of the words of a login or of the site."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain.guessable_passwords import COMMON, PERSONAL, _common, consists_of, login_words, problem_of, site_words
from microblog.domain.passwords import MIN_LENGTH, PasswordCheck, acceptable
from microblog.model.errors import Invalid
from tests.fakes import quick_passwords, result_of

WORDS = (*login_words("ada_99", "a.lovelace@mail.example"), *site_words("My Microblog", "social.example.org:8080"))


@pytest.mark.parametrize("password", ["password", "12345678", "PassWord1", "ｐａｓｓｗｏｒｄ", "qwertyuiop", "iloveyou", "trustno1"])
def test_a_common_password_is_recognised_in_any_case_and_width(password: str) -> None:
    assert problem_of(password, ()) == COMMON


def test_more_than_the_3000_most_common_passwords_of_the_shortest_allowed_length_are_known() -> None:
    assert sum(len(password) >= MIN_LENGTH for password in _common()) > 3_000


@pytest.mark.parametrize(
    "password",
    [
        "ada_99ada_99",
        "ADA-99-1815",
        "2026 ada99!!!",
        "a.lovelace1",
        "alovelace@mail.example",
        "A.Lovelace@mail.example",
        "20ada99alovelace26",
        "my microblog",
        "MyMicroblog!",
        "1234mymicroblog",
        "social.example.org",
        "example1234",
        "adA_99@social.example",
    ],
)
def test_a_password_of_the_words_of_login_and_site_is_recognised_with_digits_around(password: str) -> None:
    assert problem_of(password, WORDS) == PERSONAL


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "ada likes my microblog",
        "ada_99 x 1815",
        "!!!!!!!!!!!!",
        "99 19 28 37 46",
        "microblogging 2026",
        "пароль-моей-ады",
    ],
)
def test_a_password_with_anything_else_in_it_is_allowed(password: str) -> None:
    assert problem_of(password, WORDS) is None


def test_a_password_without_letters_is_made_of_a_number_only_if_nothing_else_is_left() -> None:
    assert consists_of("2026-2026", ["2026"])
    assert not consists_of("2026-2026-1", ["2026"])


@given(st.text(max_size=40), st.lists(st.text(max_size=10), max_size=4))
def test_a_word_with_digits_around_consists_of_it_and_no_word_never_matters(password: str, words: list[str]) -> None:
    assert consists_of(password, [*words, "", "-"]) == consists_of(password, words)
    letters = [word for word in words if any(map(str.isalpha, word))]
    assert all(consists_of(f"12 {word.casefold()} 34!", [word]) for word in letters if word.isascii())


def test_a_guessable_password_is_not_hashed_and_an_existing_one_still_logs_in() -> None:
    passwords = quick_passwords(site_words=("My Microblog",))
    for password, words, sentence in (("password", (), COMMON), ("ada12345", ("ada",), PERSONAL), ("mymicroblog", (), PERSONAL)):
        with pytest.raises(Invalid) as raised:
            result_of(passwords.hash(acceptable(password), words))
        assert (raised.value.fields, raised.value.codes) == ({"password": sentence}, {"password": "ERR_INVALID"})
        stored = passwords.hasher.hash(password)
        assert result_of(passwords.verify(stored, password)) == PasswordCheck(correct=True)


LAZY = """
import sys
from microblog import application, cli
from tests.fakes import quick_passwords, result_of
passwords = quick_passwords()
assert result_of(passwords.verify(passwords.hasher.hash("password"), "password")).correct
assert "zxcvbn" not in sys.modules
result_of(passwords.hash("correct horse battery"))
assert "zxcvbn" in sys.modules
"""


def test_starting_and_logging_in_do_not_load_the_list() -> None:
    subprocess.run([sys.executable, "-c", LAZY], check=True, timeout=60)
