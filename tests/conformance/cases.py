"""The recorded cases: queries with the answers of a SoliDB 2.6.0 server, and how answers compare."""

import json
from pathlib import Path
from typing import Any

from solidb_odm.errors import QuerySyntaxError, SolidbError

Case = dict[str, Any]


def _fixture(name: str) -> dict[str, Any]:
    cases: dict[str, Any] = json.loads((Path(__file__).parents[1] / "fixtures" / name).read_text("utf-8"))
    return cases


_FIXTURE = _fixture("sdbql-cases.json")

DATASET: list[dict[str, Any]] = _FIXTURE["dataset"]["collections"]
CASES: list[Case] = _FIXTURE["cases"]
OBSERVED: list[Case] = _fixture("sdbql-observed.json")["cases"]
"""More queries over the same data: an answer in ``rows``, or the beginning of an ``error``."""

_VARYING = ("_rev", "_created_at", "_updated_at")


def without_varying(value: Any) -> Any:
    """Return a value without the attributes that every write makes anew."""
    if isinstance(value, dict):
        return {key: without_varying(item) for key, item in value.items() if key not in _VARYING}
    return [without_varying(item) for item in value] if isinstance(value, list) else value


def same(answer: Any, wanted: Any, tolerance: float = 0.0) -> bool:
    """Return whether two answers agree to the letter: 2 is not 2.0, and objects have their keys sorted."""
    if type(answer) is not type(wanted):
        return False
    if isinstance(answer, list):
        return len(answer) == len(wanted) and all(map(same, answer, wanted, [tolerance] * len(answer)))
    if isinstance(answer, dict):
        return list(answer) == list(wanted) and all(same(answer[k], wanted[k], tolerance) for k in answer)
    if isinstance(answer, float):
        return abs(answer - wanted) <= tolerance * abs(wanted)
    return bool(answer == wanted)


def rows_agree(rows: list[Any], case: Case) -> bool:
    """Return whether the rows are those of the case, by the case's own idea of a match."""
    wanted, match = case["expect"]["rows"], case.get("match", "exact")
    if match == "bag":
        return sorted(map(json.dumps, rows)) == sorted(map(json.dumps, wanted))
    if match == "keys":
        return [row["_key"] for row in rows] == wanted
    return same(rows, wanted, case.get("tolerance", 0.0))


def error_agrees(error: SolidbError, case: Case) -> bool:
    """Return whether the error says what the server's says; parse errors are worded by the parser."""
    expected = case["expect"]
    if expected.get("kind") == "ParseError" and isinstance(error, QuerySyntaxError):
        return True
    return any(part.lower() in error.message.lower() for part in expected["error"].split("|"))
