"""Paths of the server's interface are made of names, of callers and of answers, whatever these hold."""

from __future__ import annotations

from typing import Any

import pytest

from solidb_odm.client.requests import at
from solidb_odm.errors import UsageError


def test_every_part_of_a_path_is_quoted() -> None:
    assert at("database", "my db", "scripts", "a/ä") == "/_api/database/my%20db/scripts/a%2F%C3%A4"


@pytest.mark.parametrize("part", [2**31, None, ["a"], "\udcff"])
def test_what_is_no_name_is_refused(part: Any) -> None:
    with pytest.raises(UsageError, match="can't be a name in a request"):
        at("database", "db", part)
