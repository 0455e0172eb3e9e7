# SPDX-License-Identifier: GPL-3.0-or-later
"""pipecat as a peer of the benchmarks, from PyPI, pinned, in a Python of its own in the cache: never in the product's.

python -m tests.bench.peers.pipecat      installs it (about a minute, 520 MB)
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from tests.bench import harness

PINS = Path(__file__).parent / "pipecat.txt"
MAKE = [sys.executable, "-m", "tests.bench.peers.pipecat"]


def version() -> str:
    return next(pin for pin in PINS.read_text().split() if pin.startswith("pipecat-ai==")).replace("-ai==", " ")


def _room() -> Path:
    key = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    return harness.cache() / f"pipecat-{key}"


def _complete() -> Path:
    return _room() / "complete"


def missing() -> str:
    """Why it can't run here, or ''."""
    return "" if _complete().exists() else f"pipecat is not here: {' '.join(MAKE[1:])} gets it from PyPI"


def command(program: str, *arguments: str) -> list[str]:
    """`program`: "bot", "turn" or "media"."""
    # -P: or this very file would be what it imports as pipecat
    return [str(_room() / "bin" / "python"), "-P", str(PINS.with_name(f"pipecat_{program}.py")), *arguments]


def main() -> None:
    venv.create(_room(), clear=True, with_pip=True)
    subprocess.run([_room() / "bin" / "pip", "install", "-q", "--no-deps", "-r", PINS], check=True)
    _complete().touch()


if __name__ == "__main__":
    main()
