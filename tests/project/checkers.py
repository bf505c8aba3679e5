"""What mypy and pyright, both strict, say about files, in one form."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUALIFIED = re.compile(r"\b(?:\w+\.)+(?=\w)")
EXPECTED_TYPE = re.compile(r"#\s*T:\s*(?P<type>.+?)\s*$")
MYPY_LINE = re.compile(r"^([^:\n]+):(\d+): (error|note): (.*)$", re.MULTILINE)
EXPECTED_ERROR = re.compile(r"#\s*E\b")


@dataclass
class Findings:
    """The lines with errors, what was said there, and the types revealed, by line."""

    errors: dict[int, str] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)


def expectations(source: str) -> Findings:
    """Read what a case file expects: ``# E`` marks an error, ``# T: list[User]`` a revealed type."""
    expected = Findings()
    for number, line in enumerate(source.splitlines(), start=1):
        if EXPECTED_ERROR.search(line):
            expected.errors[number] = line.strip()
        if revealed := EXPECTED_TYPE.search(line):
            expected.types[number] = plain(revealed["type"])
    return expected


def disagreements(expected: Findings, findings: Findings) -> list[str]:
    """Return where a checker's findings differ from what a case file expects."""
    missed = [f"{n}: no error: {text}" for n, text in expected.errors.items() if n not in findings.errors]
    surplus = [f"{n}: {text}" for n, text in findings.errors.items() if n not in expected.errors]
    wrong = [
        f"{n}: expected {wanted}, revealed {findings.types.get(n, 'nothing')}"
        for n, wanted in expected.types.items()
        if findings.types.get(n) != wanted
    ]
    return missed + surplus + wrong


def mypy(paths: Sequence[Path], cache: Path) -> dict[Path, Findings]:
    """Check files, and folders of them, with one start of mypy; its findings by file."""
    command = ["mypy", "--strict", "--no-error-summary", "--no-color-output", "--cache-dir", str(cache)]
    ended = _run([*command, "--config-file", str(ROOT / "pyproject.toml"), *map(str, paths)])
    if ended.returncode not in (0, 1):
        raise RuntimeError(ended.stdout + ended.stderr)
    findings: defaultdict[Path, Findings] = defaultdict(Findings)
    for file, number, kind, text in MYPY_LINE.findall(ended.stdout):
        of_file = findings[(ROOT / file).resolve()]
        if kind == "error":
            of_file.errors[int(number)] = text
        elif revealed := re.match(r'Revealed type is "(.*)"', text):
            of_file.types[int(number)] = plain(revealed[1])
    return findings


def pyright(paths: Sequence[Path], cache: Path) -> dict[Path, Findings]:
    """Check files, and folders of them, with one start of pyright. ``cache`` holds the settings for it."""
    settings = cache / "pyrightconfig.json"
    include = [os.path.relpath(path, cache) for path in paths]
    strict = {"include": include, "extraPaths": [str(ROOT)], "typeCheckingMode": "strict"}
    lenient = {"reportMissingTypeStubs": False, "reportUnusedExpression": False}
    settings.write_text(json.dumps(strict | lenient))
    ended = _run(["pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(settings)])
    if ended.returncode not in (0, 1):
        raise RuntimeError(ended.stdout + ended.stderr)
    findings: defaultdict[Path, Findings] = defaultdict(Findings)
    for said in json.loads(ended.stdout)["generalDiagnostics"]:
        of_file = findings[Path(said["file"]).resolve()]
        number = said["range"]["start"]["line"] + 1
        if said["severity"] == "error":
            of_file.errors[number] = said["message"]
        elif revealed := re.match(r'Type of ".*" is "(.*)"', said["message"], re.DOTALL):
            of_file.types[number] = plain(revealed[1])
    return findings


def plain(written: str) -> str:
    """Write a type without modules, and without mypy's question marks and stars."""
    return re.sub(r"[?*]", "", QUALIFIED.sub("", written))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    module, *arguments = command
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
