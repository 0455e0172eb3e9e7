# SPDX-License-Identifier: GPL-3.0-or-later
"""Old capture files go: those that are too old, and the oldest of what is too much."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection
from pathlib import Path

_OURS = re.compile(r"[0-9a-f]{16}\.pcap")  # named by the id of a call; what else is in there is not ours


def sweep(folder: Path, growing: Collection[str], most_bytes: int, oldest_s: float) -> int:
    """Deletes files last written before `oldest_s` (Unix time), and then the oldest until all have `most_bytes` (0 = any size).
    Those that are `growing`, by name, count and stay. Returns how many went; OSError where the folder can't be read."""
    found: list[tuple[float, int, str]] = []
    total = removed = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _OURS.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
                status = entry.stat(follow_symlinks=False)
                total += status.st_size
                if entry.name not in growing:
                    found.append((status.st_mtime, status.st_size, entry.name))
    for mtime, size, name in sorted(found):
        if mtime >= oldest_s and (not most_bytes or total <= most_bytes):
            break
        (folder / name).unlink(missing_ok=True)
        total -= size
        removed += 1
    return removed
