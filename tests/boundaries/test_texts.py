"""Every function that takes a text from users, with texts that are almost right."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sizes import examples
from tools.attack import mutations
from tools.attack.texts import OURS, Takers

FUNCTIONS = 10
"""How many functions of the language are called with one text."""


@pytest.fixture(scope="module")
def takers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Takers]:
    opened = Takers(tmp_path_factory.mktemp("texts"))
    yield opened
    opened.close()


def test_each_takes_a_text_that_is_right(takers: Takers) -> None:
    for name, taker in takers.takers.items():
        if not name.isupper():  # a function of the language wants an argument of its own
            taker.take(taker.seeds[0])


@given(chance=st.randoms(note_method_calls=False, use_true_random=False))
@settings(max_examples=examples(12))
def test_any_text_is_answered_or_refused_with_an_error_of_ours(takers: Takers, chance: random.Random) -> None:
    functions = chance.sample([name for name in takers.takers if name.isupper()], FUNCTIONS)
    for name, taker in takers.takers.items():
        if name in functions or not name.isupper():
            text = mutations.text(chance, taker.seeds)
            try:
                taker.take(text)
            except OURS:
                continue
            except Exception as problem:
                raise AssertionError(f"{name} of {text!r}") from problem


@given(st.text(max_size=60))
@settings(max_examples=examples(50))
def test_any_text_at_all_is_taken_as_a_query(takers: Takers, text: str) -> None:
    with suppress(*OURS):
        takers.takers["sdbql"].take(text)
