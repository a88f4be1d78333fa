"""Passwords as keyboards of different systems send them, and hashes of before."""

import unicodedata

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from services.core.problems import DomainError
from services.identity.password_rules import check_new_password
from services.identity.passwords import (
    hash_password,
    may_need_rehash,
    needs_rehash,
    normalize_password,
    verify_password,
)

COMPOSED, DECOMPOSED = "cr\u00e8me br\u00fbl\u00e9e 7", "cre\u0300me bru\u0302le\u0301e 7"
OLD = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def test_composed_and_decomposed_passwords_are_one() -> None:
    """Set on one system and typed on another one, the right password was wrong."""
    stored = hash_password(COMPOSED)
    assert verify_password(stored, DECOMPOSED)
    assert not needs_rehash(stored, DECOMPOSED)


def test_a_mark_of_the_clipboard_is_no_part_of_a_password() -> None:
    """A pasted password brings an invisible mark, and was wrong."""
    stored = hash_password(COMPOSED)
    assert verify_password(stored, f"\u200e{DECOMPOSED}\u200b\ufeff")
    assert verify_password(stored, COMPOSED.replace(" ", "\u00a0"))
    assert not verify_password(stored, COMPOSED.upper())


@pytest.mark.parametrize("typed", [DECOMPOSED, f"{COMPOSED}\u200b", f"\u202a{DECOMPOSED}"])
@pytest.mark.parametrize(
    "form", [lambda text: text, lambda text: unicodedata.normalize("NFKC", text)]
)
def test_an_old_hash_is_accepted_and_made_again(typed: str, form: object) -> None:
    """Hashes of the text as it was typed, and of its NFKC with invisible characters in it."""
    assert callable(form)
    stored = OLD.hash(form(typed))
    assert verify_password(stored, typed)
    assert may_need_rehash(stored, typed)
    renewed = hash_password(typed)
    assert verify_password(renewed, COMPOSED)
    assert not needs_rehash(renewed, COMPOSED)


@given(st.text(max_size=40))
def test_a_password_has_one_form(text: str) -> None:
    """Whatever form a keyboard sends, the hash is of one."""
    once = normalize_password(text)
    assert normalize_password(once) == once
    assert normalize_password(unicodedata.normalize("NFD", text)) == once
    assert normalize_password(f"\u200b{text}\u202c") == once


@pytest.mark.parametrize("control", ["\0", "\x07", "\x7f", "\n"])
def test_a_new_password_has_no_control_characters(control: str) -> None:
    """It could not be typed again on another keyboard."""
    with pytest.raises(DomainError):
        check_new_password(f"long enough {control} password", "password")


def test_a_password_of_invisible_characters_is_too_short() -> None:
    """Twelve zero-width characters passed as a long password."""
    with pytest.raises(DomainError):
        check_new_password("\u200b" * 20, "password")
