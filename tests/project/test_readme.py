"""Code in README.md and docs/ runs, file by file, each from an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.forks import Starter
from tests.project.markdown import blocks, script, shell_commands

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def run_page(starter: Starter, page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page's blocks in one namespace; tracebacks point into the page."""
    copy = folder / page.name
    copy.write_text(script(page.read_text()))
    return starter.run(str(copy), cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)})


def identify(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_the_python_blocks_of_a_page_run(page: Path, starter: Starter, tmp_path: Path) -> None:
    ended = run_page(starter, page, tmp_path)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_a_page_names_only_make_targets_that_exist(page: Path) -> None:
    commands = [shlex.split(command, comments=True) for command in shell_commands(page.read_text())]
    named = {word for first, *words in commands if first == "make" for word in words if "=" not in word}
    assert named <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


PAGE = """\
# A page

```python
x = 1
```

<!-- skip: needs a server -->
```python
raise SystemExit(1)
```

1. In a list:

   ```python
   assert x == 1
   ```

```python no-run
raise SystemExit(2)
```

```sh
$ make test   # a comment
make demo URL=sqlite://
```
"""


def test_blocks_share_a_namespace_and_skipped_ones_do_not_run(starter: Starter, tmp_path: Path) -> None:
    page = tmp_path / "source" / "page.md"
    page.parent.mkdir()
    page.write_text(PAGE)
    assert run_page(starter, page, tmp_path).returncode == 0


def test_a_failing_block_is_named_by_its_line_in_the_page(starter: Starter, tmp_path: Path) -> None:
    page = tmp_path / "source" / "page.md"
    page.parent.mkdir()
    page.write_text(PAGE.replace("x == 1", "x == 2"))
    assert 'page.md", line 15' in run_page(starter, page, tmp_path).stderr


def test_blocks_are_read_with_their_language_and_place() -> None:
    found = [(block.language, block.line, block.runs) for block in blocks(PAGE)]
    assert found == [
        ("python", 4, True),
        ("python", 9, False),
        ("python", 15, True),
        ("python", 19, False),
        ("sh", 23, False),
    ]


def test_commands_are_read_without_prompts_and_comments() -> None:
    assert list(shell_commands(PAGE)) == ["make test", "make demo URL=sqlite://"]


def test_a_block_that_is_never_closed_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2 is never closed"):
        list(blocks("text\n```python\nx = 1\n"))
