# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's archive, read beside the machine's own apt and without its rights: other suites and source packages, fetched and
verified by apt itself in a private state directory. Imported by the scripts beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class ArchiveError(Exception):
    """There is no Debian archive to read here; the text says what to do."""


def mirror() -> str:
    """The Debian mirror of this machine's own apt configuration, as a URI."""
    if not shutil.which("apt-get"):
        raise ArchiveError("no apt-get on this machine: this is not a Debian system")
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(ORIGIN)|$(LABEL)"], capture_output=True, text=True, check=False
    ).stdout
    rows = [row.split("|") for row in listing.splitlines() if row.count("|") == 2]
    known = [uri for uri, origin, label in rows if (origin, label) == ("Debian", "Debian")]
    # Before the first `apt-get update` apt does not know who publishes what: Debian's main archive is the one named so.
    guessed = [uri for uri, origin, _ in rows if not origin and uri.rstrip("/").endswith("/debian")]
    for uri in known + guessed:
        if not uri.startswith("cdrom:"):
            return uri
    raise ArchiveError("apt has no Debian archive configured here")


def private_apt(room: Path, kind: str, suites: list[str], *, nothing_installed: bool = False) -> list[str]:
    """The head of an apt-get command that keeps its lists and downloads in `room`.

    kind: "deb" or "deb-src". nothing_installed: resolve dependencies as on an empty machine, so that a download is complete.
    """
    if not KEYRING.exists():
        raise ArchiveError("missing Debian's archive keyring.\nInstall: apt-get install debian-archive-keyring")
    for sub in ("lists/partial", "cache/archives/partial"):
        (room / sub).mkdir(parents=True, exist_ok=True)
    uri = mirror()
    (room / "sources.list").write_text("".join(f"{kind} [signed-by={KEYRING}] {uri} {suite} main\n" for suite in suites))
    (room / "status").touch()
    # A mirror may be a dated snapshot, so an old Release file is no error; an unsigned one always is.
    settings = {
        "Dir::Etc::sourcelist": room / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": room / "lists",
        "Dir::Cache": room / "cache",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Get::AllowUnauthenticated": "false",
        "APT::Install-Recommends": "false",
        "Debug::NoLocking": "true",
    }
    if nothing_installed:
        settings["Dir::State::status"] = room / "status"
    if os.geteuid() == 0:
        settings["APT::Sandbox::User"] = "root"
    conf = room / "apt.conf"
    conf.write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    return ["apt-get", "-c", str(conf)]
