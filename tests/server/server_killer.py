"""Killing a server of ours, told by its folder, in a moment."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path


def kill_soon(data: Path, seconds: float = 0.4) -> threading.Thread:
    """Kill the server that runs over a folder, after some seconds; the thread that does it."""
    thread = threading.Thread(target=_kill, args=(data, seconds))
    thread.start()
    return thread


def _kill(data: Path, seconds: float) -> None:
    time.sleep(seconds)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(data / "store").encode() in command:
            os.kill(int(process.name), signal.SIGKILL)
