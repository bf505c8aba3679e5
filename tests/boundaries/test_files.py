"""Every file that we read, with bytes at random changed, taken out, put in or cut off."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solidb_odm.errors import SolidbError
from tests.sizes import examples
from tools.attack.files import KINDS, Files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("files"))


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_file_is_read(files: Files, name: str, tmp_path: Path) -> None:
    assert files.read(name, tmp_path / "whole") != ""


@pytest.mark.parametrize("name", KINDS)
@given(chance=st.randoms(note_method_calls=False, use_true_random=False))
@settings(max_examples=examples(8))
def test_a_damaged_file_is_read_or_refused_with_an_error_of_ours(
    files: Files, name: str, chance: random.Random
) -> None:
    try:
        files.damaged(name, chance)
    except SolidbError:
        return
