"""A real SoliDB server of our own: found, started on a free port, stopped.

The tests and the benchmarks use it. ``make server`` installs the binary.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

USER = "admin"
START_SECONDS = 60
STOP_SECONDS = 20


class ServerDidNotStart(RuntimeError):
    """The process ended, or did not answer in time; the message holds the end of its log."""


def find_server() -> Path | None:
    """Return the server's binary: from ``SOLIDB_BIN``, the PATH, or cargo's folder."""
    if named := os.environ.get("SOLIDB_BIN"):
        return Path(named) if os.access(named, os.X_OK) else None
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "bin"
    program = shutil.which("solidb") or shutil.which("solidb", path=str(cargo))
    return Path(program) if program else None


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A running server, and the way to make and drop databases on it."""

    host: str
    port: int
    user: str
    password: str
    http: httpx.Client = field(repr=False)
    process: int = 0
    """The number of its process."""

    def url(self, database: str = "_system") -> str:
        """Return the URL that ``create_engine`` takes for this database."""
        return f"solidb://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Create a database over plain HTTP, without the code under test."""
        self.http.post("/_api/database", json={"name": name}).raise_for_status()

    def drop_database(self, name: str) -> None:
        """Drop a database; one that is already gone is fine."""
        reply = self.http.delete(f"/_api/database/{name}")
        if reply.status_code != 404:
            reply.raise_for_status()


@contextmanager
def running_server(
    binary: Path,
    data: Path,
    *,
    password: str = "",
    port: int = 0,
    environment: Mapping[str, str] | None = None,
) -> Generator[LocalServer, None, None]:
    """Run a server over ``data``, an empty folder, for the length of a ``with`` block.

    ``port``: a chosen one, such as that of a server that has just ended. ``environment`` holds settings of
    the server beside, or instead of, the usual ones.
    """
    port, password = port or _free_port(), password or secrets.token_hex(16)
    log = data / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binary, "--port", str(port), "--data-dir", str(data / "store"), "--dev"],
            cwd=data,  # a .env file in the working folder would be read
            env=_environment(password) | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    base = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=base, trust_env=False, timeout=30) as http:
            _wait_until_ready(process, http, log)
            http.headers["Authorization"] = f"Bearer {_log_in(http, password)}"
            yield LocalServer("127.0.0.1", port, USER, password, http, process.pid)
    finally:
        _stop(process)


def _environment(password: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SOLIDB_")}
    return inherited | {
        "SOLIDB_ADMIN_PASSWORD": password,
        "SOLIDB_MAX_LOGIN_ATTEMPTS": "1000000",  # tests of bad passwords must not lock out the others
        "JWT_SECRET": secrets.token_hex(32),
        "RUST_LOG": "solidb=warn",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], http: httpx.Client, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerDidNotStart(f"the server ended with {process.returncode}:\n{_tail(log)}")
        try:
            if http.get("/_api/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise ServerDidNotStart(f"the server did not answer within {START_SECONDS} s:\n{_tail(log)}")


def _log_in(http: httpx.Client, password: str) -> str:
    reply = http.post("/auth/login", json={"username": USER, "password": password}).raise_for_status()
    token: str = reply.json()["token"]
    return token


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
