"""New identifiers are new each time, and some sort by time."""

# a case is a line

import pytest

from tests.unit.language.functions.expressions import holds, lines

CASES = lines(r"""
LENGTH(ULID()) => 26
LENGTH(NANOID()) => 21
LENGTH(NANOID(5)) => 5
NANOID(0) !! between 1 and 256
LENGTH(RANDOM_TOKEN(7)) => 7
RANDOM_TOKEN(5000) !! between 0 and 4096
UUIDV4() != UUIDV4() => true
REGEX_TEST(UUID_V7(), "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]") => true
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_identifiers_have_their_form(line: str) -> None:
    assert holds(line)
