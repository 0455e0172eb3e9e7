# SPDX-License-Identifier: GPL-3.0-or-later
"""PJSIP with its own media stack as a peer of the benchmarks: where its Python module is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MAKE: list[str | Path] = [sys.executable, Path(__file__).parents[3] / "scripts" / "pjsip", "--with-pjmedia"]
MISSING = "PJSIP with its own media stack is not built: scripts/pjsip --with-pjmedia does it (about 3 minutes, once)"


def _directory() -> Path:
    told = subprocess.run([*MAKE, "--print"], capture_output=True, text=True, check=True)
    return Path(told.stdout.strip())


def missing() -> str:
    """Why it can't run here, or ''."""
    return "" if (_directory() / "manifest.json").exists() else MISSING


def version() -> str:
    return "PJSIP " + str(json.loads((_directory() / "manifest.json").read_text())["version"])


def directory() -> Path:
    """What must be in sys.path to import its pjsua2. RuntimeError: it is not built."""
    if missing():
        raise RuntimeError(MISSING)
    return _directory()
