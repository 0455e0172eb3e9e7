# SPDX-License-Identifier: GPL-3.0-or-later
"""Wireshark's dissectors, asked for fields of the packets of a file."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

STRICT = ("ip.check_checksum", "udp.check_checksum")


def packets(path: Path, fields: Sequence[str], *, where: str = "") -> list[dict[str, str]]:
    """The packets that match a display filter; a field that is not there is ""."""
    options = [f"-o{name}:TRUE" for name in STRICT]
    done = subprocess.run(
        ["tshark", "-r", path, "-2", *options, *(["-Y", where] if where else []), "-T", "fields", *(f"-e{f}" for f in fields)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [dict(zip(fields, line.split("\t"), strict=True)) for line in done.stdout.splitlines()]


def sound(path: Path) -> None:
    """Nothing in it is malformed, cut off, or has a wrong checksum."""
    bad = packets(
        path,
        [
            "frame.number",
            "frame.protocols",
            "_ws.malformed",
            "_ws.expert.message",
            "ip.checksum.status",
            "udp.checksum.status",
            "udp.port",
        ],
        where="_ws.malformed || ip.checksum.status==0 || udp.checksum.status==0",
    )
    assert not bad, bad
