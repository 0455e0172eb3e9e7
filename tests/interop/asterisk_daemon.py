# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk 22 as a process of this machine: Debian unstable's program with a configuration of its own, run without root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.interop.process import Process

ROOT_MAKER = Path(__file__).parent / "peers" / "asterisk-root"

# Asterisk calls it an error when one of these files is missing.
EMPTY = ["acl", "ccss", "cdr", "cel", "features", "http", "indications", "manager", "pjproject", "sorcery", "udptl"]


def root() -> Path | None:
    """Where scripts/setup --peers unpacked Asterisk, or None when Debian unstable could not be reached then."""
    told = subprocess.run([ROOT_MAKER, "--print"], capture_output=True, text=True, check=True).stdout.strip()
    return Path(told) if Path(told).is_dir() else None


def libraries(root: Path) -> Path:
    [modules] = root.glob("usr/lib/*/asterisk/modules")
    return modules.parent.parent


def program(root: Path) -> list[str | Path]:
    """Debian unstable's asterisk through its own loader: this machine's C library is older."""
    [loader] = root.glob("usr/lib*/ld-linux-*.so.*")
    return [loader, "--library-path", libraries(root), root / "usr/sbin/asterisk"]


def version(root: Path) -> str:
    return subprocess.run([*program(root), "-V"], capture_output=True, text=True, check=True).stdout.strip()


class Daemon:
    """start(), cli(), stop(). Everything it writes is under `room`. `files`: what stands in etc/ beside the directories'
    list and the modules'."""

    def __init__(self, root: Path, room: Path, modules: Sequence[str], files: Mapping[str, str], verbose: int = 3) -> None:
        self.root = root
        self.room = room
        etc = room / "etc"
        for directory in (etc, room / "var/keys", room / "run", room / "log", room / "spool"):
            directory.mkdir(parents=True, exist_ok=True)
        places = {
            "astetcdir": etc,
            "astmoddir": libraries(root) / "asterisk/modules",
            "astdatadir": root / "usr/share/asterisk",
            **dict.fromkeys(("astvarlibdir", "astdbdir", "astkeydir"), room / "var"),
            "astagidir": room,
            "astspooldir": room / "spool",
            "astrundir": room / "run",
            "astlogdir": room / "log",
        }
        whole = {
            **dict.fromkeys((f"{name}.conf" for name in EMPTY), ""),
            "asterisk.conf": "[directories]\n"
            + "".join(f"{name} => {path}\n" for name, path in places.items())
            + f"[options]\nverbose = {verbose}\nnocolor = yes\n",
            "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in modules),
            **files,
        }
        for name, text in whole.items():
            (etc / name).write_text(text)
        self._process: Process | None = None

    def _program(self) -> list[str | Path]:
        return [*program(self.root), "-C", self.room / "etc/asterisk.conf"]

    def start(self) -> None:
        self._process = Process("asterisk", [*self._program(), "-f", "-n"], self.room / "log/console.log")
        self._process.until("fully booted", lambda: "fully booted" in self.cli("core waitfullybooted"), 30)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def cli(self, command: str) -> str:
        done = subprocess.run([*map(str, self._program()), "-rx", command], capture_output=True, text=True, check=False)
        return done.stdout

    def log(self, lines: int = 12) -> str:
        path = self.room / "log/full.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return os.getpgid(self._process.pid)
