"""A runner that is killed at random moments, up and down, until it has finished: each document once.

``KILLS`` in the environment is how often at most.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.migrations import Migrator
from tests.sizes import tries

from .conftest import Place

ROOT = Path(__file__).parents[2]
KILLS = tries("KILLS", 12)
COUNT = 400

PROGRAM = """
import os, random, signal, sys, time
from solidb_odm import create_engine
from solidb_odm.migrations import Migrator

url, folder, way, kills, seed = sys.argv[1:]
choose = random.Random(int(seed))


def work():
    with create_engine(url) as engine:
        migrator = Migrator(engine, folder, models=[])
        migrator.upgrade(wait=60) if way == "up" else migrator.downgrade("aaaa", wait=60)
    os._exit(0)


for turn in range(int(kills) + 1):
    child = os.fork()
    if not child:
        work()
    if turn < int(kills):
        time.sleep(choose.uniform(0.01, 0.3))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(os.waitstatus_to_exitcode(status))
sys.exit(9)
"""

FIRST = 'op.create_collection("things", {"fields": {"n": "int", "old": "any = null"}})'
HEAD = """
def more(d):
    return {**d, "runs": d.get("runs", 0) + 1}

def fewer(d):
    return {**d, "runs": d["runs"] - 1}
"""
STEPS = """
op.for_each("things", more, reverse=fewer, batch=20)
op.add_field("things", "stars", "int", fill=3)
op.alter_field("things", "n", "str", convert="str", reverse="int")
op.create_index("things", "n")
op.drop_field("things", "old")
op.rename_collection("things", "others")
"""
BACK = """
op.rename_collection("others", "things")
op.add_field("things", "old", "any = null")
op.drop_index("things", "n_idx")
op.alter_field("things", "n", "int", convert="int", reverse="str")
op.drop_field("things", "stars")
op.for_each("things", fewer, reverse=more, batch=20)
"""


@pytest.fixture(params=["sqlite-file", pytest.param("server", marks=pytest.mark.server)])
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite-file":
        return f"sqlite:///{tmp_path / 'test.db'}"
    running: Any = request.getfixturevalue("server")
    return str(running.url(request.getfixturevalue("database")))


def killed(url: str, folder: Path, way: str, seed: int) -> None:
    arguments = [url, str(folder), way, str(KILLS), str(seed)]
    subprocess.run([sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, check=True, timeout=110 + KILLS)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_random_moments_repeat_nothing_and_skip_nothing(
    place: Place, engine_url: str, seed: int
) -> None:
    place.write("aaaa", None, FIRST, back='op.drop_collection("things")')
    place.write("bbbb", "aaaa", STEPS, back=BACK, head=HEAD)
    place.migrator().upgrade("aaaa")
    before: list[dict[str, Any]] = [{"_key": f"k{at:03}", "n": at, "old": [at]} for at in range(COUNT)]
    place.put("things", *before)
    killed(engine_url, place.folder, "up", seed)
    wanted = [{"_key": row["_key"], "n": str(row["n"]), "runs": 1, "stars": 3} for row in before]
    assert place.stored("others") == wanted
    assert Migrator(place.engine, place.folder).current().running is None
    killed(engine_url, place.folder, "down", seed + 100)
    assert place.stored("things") == before
