"""The tutorial's commands print what it says."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from tests.forks import Starter

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial-migrations.md"
PARTS = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)


def masked(text: str) -> str:
    """Take out what is another each time."""
    return re.sub(r"\b[0-9a-f]{8}\b", "ID", re.sub(r"\d{8}_\d{4}_[0-9a-f]{8}", "WHEN_ID", text))


def run(starter: Starter, command: str, folder: Path) -> str:
    line, _, comment = command.partition("  # exit ")
    program, *arguments = shlex.split(line)
    assert program == "solidb-odm"
    environment = {name: value for name, value in os.environ.items() if name != "SOLIDB_URL"}
    done = starter.run("-m", "solidb_odm", *arguments, cwd=folder, env=environment)
    assert done.returncode == int(comment or 0), done.stderr
    return done.stderr if comment else done.stdout


def test_the_commands_of_the_tutorial_print_what_it_says(starter: Starter, tmp_path: Path) -> None:
    count = 0
    for part in PARTS.finditer(PAGE.read_text()):
        if part["file"]:
            path = tmp_path / part["file"]
            path.parent.mkdir(exist_ok=True)
            path.write_text(part["text"])
        elif part["language"] == "console":
            for piece in part["text"].split("$ ")[1:]:
                command, _, said = piece.partition("\n")
                assert masked(run(starter, command, tmp_path)) == masked(said), command
                count += 1
    assert count == 12
