"""What the revisions say about a commit whose answer was lost."""

import pytest

from solidb_odm.engines.solidb.commit import Seen, Witness, judge
from solidb_odm.wire.exchange import pauses

MADE = Witness("c", "made", None, "new")
CHANGED = Witness("c", "changed", "old", "new")
REMOVED = Witness("c", "removed", "old", None)


@pytest.mark.parametrize(
    ("witnesses", "revisions", "committed"),
    [
        ([MADE], {"made": "new"}, True),
        ([MADE], {}, False),
        ([MADE], {"made": "third"}, None),
        ([CHANGED], {"changed": "new"}, True),
        ([CHANGED], {"changed": "old"}, False),
        ([CHANGED], {"changed": "third"}, None),
        ([REMOVED], {}, True),
        ([REMOVED], {"removed": "old"}, False),
        ([MADE, CHANGED], {"changed": "new"}, True),
        ([MADE, CHANGED], {"changed": "old"}, False),
        ([MADE, REMOVED], {}, None),
        ([REMOVED, CHANGED], {"changed": "old"}, False),
    ],
)
def test_revisions_tell_how_a_commit_ended(
    witnesses: list[Witness], revisions: dict[str, str], committed: bool | None
) -> None:
    found = {("c", key): Seen(revision) for key, revision in revisions.items()}

    assert judge(witnesses, found) is committed


def test_a_document_that_is_older_than_the_staging_shows_that_nothing_happened() -> None:
    witness = Witness("c", "k", None, "new", staged="2026-01-01T10:00:00.5+00:00")

    assert judge([witness], {("c", "k"): Seen("old", "2026-01-01T10:00:00+00:00")}) is False
    assert judge([witness], {("c", "k"): Seen("later", "2026-01-01T10:00:00.7+00:00")}) is None


def test_pauses_grow_and_are_bounded() -> None:
    waits = list(pauses(12))

    assert all(0 < wait <= 1.0 for wait in waits)
    assert max(waits[:2]) < min(waits[6:])
