"""mypy and pyright, both strict, flag what is wrong in tests/typing/ and nothing that is right.

In a case file ``# E`` ends a line that both must flag; ``reveal_type(x)  # T: list[User]`` is a
type that both must see. Every other line must pass.
"""

from __future__ import annotations

import importlib.util
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import checkers
from tests.project.checkers import Findings, disagreements, expectations
from tests.project.markdown import blocks

CASES = sorted((Path(__file__).parents[1] / "typing").glob("*.py"))
Checker = Callable[[Path, Path], Findings]


@pytest.fixture(params=["mypy", "pyright"])
def checker(request: pytest.FixtureRequest) -> Checker:
    """Return each checker in turn; one that is not installed fails the run under CI."""
    if importlib.util.find_spec(request.param) is None:
        missing = f"{request.param} is not installed; `make setup` installs it"
        if os.environ.get("CI"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    found: Checker = getattr(checkers, request.param)
    return found


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what checkers keep of the package from one file to the next."""
    return tmp_path_factory.mktemp("checkers")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_both_checkers_flag_what_is_wrong_and_nothing_that_is_right(
    case: Path, checker: Checker, cache: Path
) -> None:
    assert disagreements(expectations(case.read_text()), checker(case, cache)) == []


@pytest.mark.timeout(600)
def test_both_checkers_pass_whole_programs(checker: Checker, cache: Path) -> None:
    found = checker(Path(__file__).parents[1] / "programs", cache)
    assert found.errors == {}


SMALL = """\
numbers: list[int] = [1]
reveal_type(numbers)  # T: list[int]
reveal_type((1, "x")[0] == 1)  # T: bool
first: str = numbers[0]  # E
second: int = numbers[0]
"""


@pytest.mark.timeout(600)
def test_the_harness_agrees_with_a_file_that_is_as_it_says(checker: Checker, tmp_path: Path) -> None:
    case = tmp_path / "case.py"
    case.write_text(SMALL)
    assert disagreements(expectations(SMALL), checker(case, tmp_path)) == []


@pytest.mark.timeout(600)
def test_the_harness_notices_missed_and_surplus_errors_and_types(checker: Checker, tmp_path: Path) -> None:
    case = tmp_path / "case.py"
    wrong = SMALL.replace("T: list[int]", "T: list[str]").replace("numbers[0]  # E", "numbers[0]")
    wrong = wrong.replace("second: int = numbers[0]", "second: int = numbers[0]  # E")
    case.write_text(wrong)

    said = disagreements(expectations(wrong), checker(case, tmp_path))

    assert [line.split(":")[0] for line in said] == ["5", "4", "2"]


def test_types_are_compared_without_their_modules() -> None:
    assert checkers.plain("builtins.list[app.models.User | None]") == "list[User | None]"


PAGES = ["README.md", "docs/tutorial.md", "docs/queries.md", "docs/tutorial-migrations.md"]


def typed_script(markdown: str) -> str:
    """Return the Python of a page as one script; a class that is written anew stands in another."""
    written: list[str] = []
    defined: set[str] = set()
    for number, block in enumerate(each for each in blocks(markdown) if each.runs):
        classes = set(re.findall(r"^class (\w+)", block.text, re.MULTILINE))
        is_again = bool(classes & defined)
        defined |= classes
        text = textwrap.indent(block.text, "    ") if is_again else block.text
        header = [f"class Version{number}:"] if is_again else []
        written += [""] * (block.line - 1 - len(header) - len(written)) + header + text.splitlines()
    return "\n".join(written) + "\n"


def test_a_class_that_a_page_writes_anew_stands_in_another() -> None:
    page = "```python\nclass A: pass\n```\nNow\n```python\nclass A: x = 1\n```\n"

    assert typed_script(page) == "\nclass A: pass\n\n\nclass Version1:\n    class A: x = 1\n"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES)
def test_both_checkers_pass_every_line_of_the_first_pages(
    page: str, checker: Checker, tmp_path: Path, cache: Path
) -> None:
    case = tmp_path / f"{Path(page).stem.replace('-', '_')}_page.py"
    case.write_text(typed_script((checkers.ROOT / page).read_text()))

    assert checker(case, cache).errors == {}
