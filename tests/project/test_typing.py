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

TESTS = Path(__file__).parents[1]
PAGES = ["README.md", "docs/tutorial.md", "docs/queries.md", "docs/tutorial-migrations.md"]
SMALL = """\
numbers: list[int] = [1]
reveal_type(numbers)  # T: list[int]
reveal_type((1, "x")[0] == 1)  # T: bool
first: str = numbers[0]  # E
second: int = numbers[0]
"""
WRONG = (
    SMALL.replace("T: list[int]", "T: list[str]")
    .replace("numbers[0]  # E", "numbers[0]")
    .replace("second: int = numbers[0]", "second: int = numbers[0]  # E")
)
"""The same, with a missed error, a surplus one and another type."""


@pytest.fixture(params=["mypy", "pyright"])
def checker(request: pytest.FixtureRequest) -> Callable[[list[Path], Path], dict[Path, Findings]]:
    """Return each checker in turn; one that is not installed fails the run under CI."""
    if importlib.util.find_spec(request.param) is None:
        missing = f"{request.param} is not installed; `make setup` installs it"
        if os.environ.get("CI"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return getattr(checkers, request.param)  # type: ignore[no-any-return]


def typed_script(markdown: str) -> str:
    """Return the Python of a page as one script; a class that is written anew stands in another."""
    written: list[str] = []
    defined: set[str] = set()
    for number, block in enumerate(block for block in blocks(markdown) if block.runs):
        classes = set(re.findall(r"^class (\w+)", block.text, re.MULTILINE))
        is_again = bool(classes & defined)
        defined |= classes
        text = textwrap.indent(block.text, "    ") if is_again else block.text
        header = [f"class Version{number}:"] if is_again else []
        written += [""] * (block.line - 1 - len(header) - len(written)) + header + text.splitlines()
    return "\n".join(written) + "\n"


def cases(folder: Path) -> dict[Path, str]:
    """Return what is checked, by file: the cases, whole programs, the first pages, and two small ones.

    What is no file yet is written to the folder.
    """
    made = {folder / "small.py": SMALL, folder / "wrong.py": WRONG}
    for page in PAGES:
        name = f"{Path(page).stem.replace('-', '_')}_page.py"
        made[folder / name] = typed_script((checkers.ROOT / page).read_text())
    for path, source in made.items():
        path.write_text(source)
    files = [*sorted((TESTS / "typing").glob("*.py")), *sorted((TESTS / "programs").glob("*.py")), *made]
    return {path.resolve(): path.read_text() for path in files}


@pytest.mark.timeout(600)
def test_a_checker_flags_what_is_wrong_and_nothing_that_is_right(
    checker: Callable[[list[Path], Path], dict[Path, Findings]], tmp_path: Path
) -> None:
    checked = cases(tmp_path)

    findings = checker([*checked], tmp_path)

    said = {
        f"{path.parent.name}/{path.name}": disagreements(expectations(source), findings.get(path, Findings()))
        for path, source in checked.items()
    }
    wrong = said.pop(f"{tmp_path.name}/wrong.py")
    assert [line.split(":")[0] for line in wrong] == ["5", "4", "2"]
    assert {name: lines for name, lines in said.items() if lines} == {}
    assert findings.keys() <= checked.keys()


def test_types_are_compared_without_their_modules() -> None:
    assert checkers.plain("builtins.list[app.models.User | None]") == "list[User | None]"


def test_a_class_that_a_page_writes_anew_stands_in_another() -> None:
    page = "```python\nclass A: pass\n```\nNow\n```python\nclass A: x = 1\n```\n"

    assert typed_script(page) == "\nclass A: pass\n\n\nclass Version1:\n    class A: x = 1\n"
