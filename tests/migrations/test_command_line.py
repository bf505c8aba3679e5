"""The command line, from an empty folder to a database that agrees with its models."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from solidb_odm import Engine, create_engine
from solidb_odm.migrations import Migrator
from tests.forks import Starter

ROOT = Path(__file__).parents[2]
CONFIG = (
    '[tool.solidb_odm]\nmodels = ["cellar.models"]\nmigrations = "migrations"\nurl = "sqlite:///app.db"\n'
)
ONE = """
from typing import Literal

from solidb_odm import Document

class Wine(Document, collection="wines"):
    label: str
"""
TWO = ONE.replace("label: str", "title: str\n    stars: int")


class Project:
    """A folder with models, in which commands are run."""

    def __init__(self, folder: Path, starter: Starter) -> None:
        self.folder, self.starter = folder, starter
        (folder / "cellar").mkdir()
        (folder / "cellar" / "__init__.py").write_text("")
        (folder / "pyproject.toml").write_text(CONFIG)
        self.models(ONE)

    def models(self, text: str) -> None:
        (self.folder / "cellar" / "models.py").write_text(text)

    def run(self, *arguments: str, code: int = 0) -> str:
        done = self.starter.run("-m", "solidb_odm", *arguments, cwd=self.folder, env=self.environment)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code in (0, 3) else done.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "SOLIDB_URL"}
        return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def project(tmp_path: Path, starter: Starter) -> Project:
    return Project(tmp_path, starter)


def test_from_nothing_to_agreement_and_back(project: Project) -> None:
    project.run("init")
    first = project.run("revision", "-m", "first", "--autogenerate").strip()
    assert first.startswith("migrations/")
    assert project.json("check", code=3)["pending"]
    assert "upgraded to" in project.run("upgrade")
    assert project.json("check")["ok"] is True

    project.models(TWO)
    refusal = project.run("revision", "-m", "stars", "--autogenerate", code=4)
    assert "--rename wines.label=title" in refusal
    assert "--fill wines.stars=JSON" in refusal
    project.run(
        "revision",
        "-m",
        "stars",
        "--autogenerate",
        "--rename",
        "wines.label=title",
        "--fill",
        "wines.stars=3",
    )
    assert "add_field" in project.run("upgrade", "--dry-run")
    steps = project.json("plan")["steps"]
    assert [step["operation"] for step in steps] == ["rename_field", "add_field"]
    project.run("upgrade", "+1")
    assert project.run("history").count("\n") == 2
    project.run("downgrade", "-1")
    project.run("downgrade", "base")
    assert project.json("current") == {"revisions": [], "changed": [], "running": None}


def test_options_stand_before_or_after_the_command(project: Project) -> None:
    project.run("revision", "-m", "first", "--autogenerate")
    project.run("--url", "sqlite:///other.db", "upgrade")
    assert project.run("current", "--url", "sqlite:///other.db").strip()
    assert project.run("current").strip() == "no revision has run"


def test_a_relative_file_of_the_configuration_is_beside_it(project: Project) -> None:
    project.run("revision", "-m", "first", "--autogenerate")
    project.run("upgrade")
    assert (project.folder / "app.db").exists()


def test_two_heads_are_merged_with_the_command_that_the_error_names(project: Project) -> None:
    first = project.json("revision", "-m", "first")[0]["id"]
    one = project.json("revision", "-m", "one", "--head", first)[0]["id"]
    two = project.json("revision", "-m", "two", "--head", first)[0]["id"]

    refusal = project.run("upgrade", "head", code=1)

    assert f"solidb-odm merge {one} {two}" in refusal or f"solidb-odm merge {two} {one}" in refusal
    assert len(project.json("heads")) == 2
    assert [each["id"] for each in project.json("branches")] == [first]
    project.run("merge", one, two, "-m", "both")
    project.run("upgrade")
    assert f"{first} --> {one}" in project.run("graph")
    assert project.run("show", first[:4]).count("def upgrade(op)") == 1


def test_a_database_is_inspected_dumped_and_loaded(project: Project) -> None:
    project.run("revision", "-m", "first", "--autogenerate")
    project.run("upgrade")
    project.run("query", "INSERT {_key: 'a', label: 'x', more: {deep: [1]}} INTO wines")
    project.run("inspect", "--out", "found.py")
    text = (project.folder / "found.py").read_text()
    assert 'class Wines(Document, collection="wines"):' in text
    subprocess.run([sys.executable, "found.py"], cwd=project.folder, env=project.environment, check=True)
    project.run("dump", "all.jsonl")
    project.run("load", "all.jsonl", "--url", "sqlite:///copy.db")
    assert project.run("current", "--url", "sqlite:///copy.db") == project.run("current")
    rows = project.run("query", "FOR w IN wines RETURN w.more", "--url", "sqlite:///copy.db")
    assert json.loads(rows) == {"deep": [1]}


def test_wrong_arguments_are_told_from_errors(project: Project) -> None:
    project.run("nonsense", code=2)
    project.run("show", "zzzz", code=1)
    (project.folder / "pyproject.toml").unlink()
    project.run("upgrade", code=2)


def test_a_runner_at_work_exits_with_five(project: Project) -> None:
    project.run("revision", "-m", "first", "--autogenerate")
    project.run("upgrade")
    with create_engine(f"sqlite:///{project.folder / 'app.db'}") as engine:
        _hold(engine)
    project.run("upgrade", "--wait", "0", code=5)


def _hold(engine: Engine) -> None:
    """Take the lease as a process that is alive: this one."""
    migrator = Migrator(engine)
    from solidb_odm.commands import run
    from solidb_odm.migrations.ledger import acquire

    channel = engine.channel()
    run(acquire(migrator._run(engine.capabilities)), channel)
    channel.close()


def test_a_person_is_asked_in_a_terminal(project: Project) -> None:
    project.run("revision", "-m", "first", "--autogenerate")
    project.models(ONE.replace("label", "title"))

    said = _in_terminal(project, ["revision", "-m", "second", "--autogenerate"], "y\n")

    assert "wines.label is removed and wines.title is added" in said
    assert "[y/n]" in said
    assert 'rename_field("wines", "label", "title")' in project.run("show", "head")


def test_a_person_is_asked_for_values_and_may_keep_what_would_go(project: Project) -> None:
    project.models(ONE.replace("label: str", 'label: str\n    colour: Literal["red", "pink"] = "red"'))
    project.run("revision", "-m", "first", "--autogenerate")
    project.models(ONE.replace("label: str", 'stars: int\n    colour: Literal["red"] = "red"'))
    command = ["revision", "-m", "second", "--autogenerate"]

    said = _in_terminal(project, command, "n\nn\n", code=4)

    assert "Drop wines.label? [y/n]" in said
    assert project.run("history").count("\n") == 1
    said = _in_terminal(project, command, "n\ny\nred\nthree\n3\n")
    assert "three is not JSON" in said
    text = project.run("show", "head")
    assert 'op.drop_field("wines", "label")' in text
    assert 'op.add_field("wines", "stars", "int", fill=3)' in text
    assert 'values={"pink": "red"}' in text


def _in_terminal(project: Project, arguments: list[str], typed: str, code: int = 0) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "solidb_odm", *arguments],
        cwd=project.folder, env=project.environment, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed.encode())
    said = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
    assert process.wait(60) == code, said.decode()
    return said.decode()


def test_a_named_database_has_its_own_revisions(project: Project) -> None:
    text = CONFIG + '[tool.solidb_odm.databases.archive]\nmigrations = "old"\nurl = "sqlite:///old.db"\n'
    (project.folder / "pyproject.toml").write_text(text)
    project.run("revision", "-m", "first", "--autogenerate", "--database", "archive")
    project.run("upgrade", "--database", "archive")
    assert (project.folder / "old.db").exists()
    assert len(list((project.folder / "old").glob("*.py"))) == 1


def test_help_imports_nothing_of_the_package() -> None:
    script = (
        "import sys; from solidb_odm.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "assert 'pydantic' not in sys.modules and 'solidb_odm.errors' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)
