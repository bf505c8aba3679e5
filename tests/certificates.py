"""Certificates for tests of TLS."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def certificate_in(folder: Path) -> Path:
    """Make a key and its self-signed certificate for localhost; give the file of both."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    both, certificate = folder / "server.pem", folder / "server.crt"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-addext", names, "-keyout", str(both), "-out", str(certificate)]
    subprocess.run([openssl, *made, *files], check=True, capture_output=True)
    both.write_text(both.read_text() + certificate.read_text())
    return both
