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


NEW = ["-newkey", "rsa:2048", "-nodes"]


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def make(room: Path, names: str = "IP:127.0.0.1,IP:::1,DNS:localhost", days: int = 1) -> Certificates:
    """An authority and one certificate of it in `room`, with its names as openssl's subjectAltName has them."""
    room.mkdir(parents=True, exist_ok=True)
    ca, ca_key = room / "ca.crt", room / "ca.key"
    _openssl("req", "-x509", *NEW, "-days", "1", "-keyout", ca_key, "-out", ca, "-subj", "/CN=interop test authority")
    return issue(room, ca, ca_key, names, days)


def issue(room: Path, ca: Path, ca_key: Path, names: str, days: int = 1) -> Certificates:
    """One more certificate of an authority that `make` made."""
    room.mkdir(parents=True, exist_ok=True)
    key, cert, request = (room / n for n in ("server.key", "server.crt", "server.csr"))
    _openssl("req", *NEW, "-keyout", key, "-out", request, "-subj", "/CN=interop peer")
    alternative = room / "names"
    alternative.write_text(f"subjectAltName={names}\n")
    signing: list[str | Path] = ["-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", str(days), "-extfile", alternative]
    _openssl("x509", "-req", "-in", request, *signing, "-out", cert)
    both = room / "server.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    return Certificates(ca, cert, key, both)
