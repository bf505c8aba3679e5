"""Expressions with their values, a line each, as the tests of functions write them.

``expression => JSON`` must give just that value, 2 and 2.0 told apart; ``expression !! text`` must fail
with an error that contains the text. The values are the server's (2.6.0) where it was asked.
"""

import json
from typing import Any

import pytest

from solidb_odm.errors import DatabaseError
from solidb_odm.language.interpreter import MemorySource, Source, evaluate
from solidb_odm.language.parser import parse


def lines(table: str) -> list[str]:
    """Return the cases of a table."""
    return [line.strip() for line in table.splitlines() if line.strip()]


def value_of(expression: str, source: Source | None = None, **binds: Any) -> Any:
    """Evaluate an expression."""
    (value,) = evaluate(parse(f"RETURN {expression}"), source or MemorySource(), binds)
    return value


def holds(line: str, source: Source | None = None) -> bool:
    """Return whether a line is true; shows what came out when it isn't."""
    if " !! " in line:
        expression, text = line.split(" !! ")
        with pytest.raises(DatabaseError) as caught:
            value_of(expression, source)
        assert text in str(caught.value)
        return True
    expression, wanted = line.rsplit(" => ", 1)
    assert written(value_of(expression, source)) == written(json.loads(wanted))
    return True


def written(value: Any) -> str:
    """Return JSON that tells 2 from 2.0 and true from 1."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
