# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority and one certificate for loopback, made for a test run by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """PEM files; `both` is certificate and key in one, as baresip wants them."""

    ca: Path
    cert: Path
    key: Path
    both: Path


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def make(room: Path) -> Certificates:
    """Writes them into `room`; valid for a day and for 127.0.0.1 and localhost."""
    room.mkdir(parents=True, exist_ok=True)
    ca, ca_key, key, cert, request = (room / n for n in ("ca.crt", "ca.key", "server.key", "server.crt", "server.csr"))
    new = ["-newkey", "rsa:2048", "-nodes"]
    _openssl("req", "-x509", *new, "-days", "1", "-keyout", ca_key, "-out", ca, "-subj", "/CN=interop test authority")
    _openssl("req", *new, "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1")
    names = room / "names"
    names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    signing: list[str | Path] = ["-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "1", "-extfile", names]
    _openssl("x509", "-req", "-in", request, *signing, "-out", cert)
    both = room / "server.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    return Certificates(ca, cert, key, both)
