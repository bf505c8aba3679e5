"""The reference page is what the docstrings say."""

from __future__ import annotations

from tools.reference_page import PAGE, page


def test_the_reference_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run python -m tools.reference_page"
