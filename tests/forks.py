"""Programs that run in forks of a process that has imported the package: a start takes milliseconds.

What a test says of the start itself, of imports, or of an end by a signal needs a process of its own.
"""

from __future__ import annotations

import builtins
import gc
import json
import os
import runpy
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[1]
PACKAGES = ("solidb_odm", "solidb_odm.cli", "solidb_odm.migrations", "solidb_odm.engines.sqlite")


class Starter:
    """Runs programs as ``python -W error`` would, one at a time, each in a fork of one waiting process."""

    def __init__(self) -> None:
        self._waiting = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", "from tests import forks; forks.wait()"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._waiting as waiting:
            waiting.communicate()

    def run(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] = os.environ
    ) -> subprocess.CompletedProcess[str]:
        """Run a file, or a module after ``-m``, in a folder; its exit code and what it has written."""
        assert self._waiting.stdin is not None
        assert self._waiting.stdout is not None
        with TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            asked = {
                "arguments": arguments, "cwd": str(cwd), "env": dict(env), "out": str(out), "err": str(err)
            }  # fmt: skip
            print(json.dumps(asked), file=self._waiting.stdin, flush=True)
            code = int(self._waiting.stdout.readline())
            return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


def wait() -> None:
    """Import what programs use, and run each that is asked for in a fork; the fork returns from here."""
    for package in map(import_module, PACKAGES):
        for module in iter_modules(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
    gc.freeze()
    for line in sys.stdin:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads, such as those of NumPy
            child = os.fork()
        if not child:
            _run(**json.loads(line))
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(arguments: Sequence[str], cwd: str, env: dict[str, str], out: str, err: str) -> None:
    """Become the program: in its folder and environment, as ``__main__``."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, path in enumerate((os.devnull, out, err)):
        target = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(target, number)
        os.close(target)
    first, *rest = arguments
    if first == "-m":
        sys.path[0], sys.argv = cwd, rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        return
    sys.path[0], sys.argv = str(Path(first).parent), [*arguments]
    names: dict[str, Any] = vars(sys.modules["__main__"])
    names.clear()
    names.update(__name__="__main__", __file__=first, __builtins__=builtins)
    exec(compile(Path(first).read_text(), first, "exec", dont_inherit=True), names)
