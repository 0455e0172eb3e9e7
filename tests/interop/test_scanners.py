# SPDX-License-Identifier: GPL-3.0-or-later
"""Scanners as they are in use, sipvicious, against the switch; and what fail2ban makes of its log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop import ports
from tests.interop.conftest import StartSwitch
from tests.interop.process import until
from tests.interop.switch import Switch

TREE = Path(__file__).resolve().parents[2]
FILTER = TREE / "docs" / "fail2ban.conf"
ROUTES = [
    {"name": "busy", "called": "1001", "reject": 486},
    {"name": "gone", "called": "1002", "bridge": f"sip:1002@{ports.HOST}:9", "ring_s": 1},
    {"name": "declined", "called": "1003", "reject": 603},
]


def run(*words: str | Path, room: Path) -> str:
    """What a tool printed, on either channel. `room` is its home: it keeps its sessions there."""
    environment = {**os.environ, "HOME": str(room), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, env=environment, timeout=60, check=False)
    return done.stdout + done.stderr


def extensions(switch: Switch, room: Path) -> set[str]:
    """Those that svwar believes in, of 1000 to 1004, by INVITE."""
    target = ("-p", str(switch.sip_port), "-P", str(ports.one()), "-m", "INVITE", "-e", "1000-1004", "--force", ports.HOST)
    return set(re.findall(r"^\|\s*(\d{4})\s*\|", run("svwar", *target, room=room), re.MULTILINE))


@pytest.mark.behaviour(
    "Protection", "a scanner that names itself finds no SIP server here, and fail2ban is told its address", peer="sipvicious"
)
@pytest.mark.behaviour("Protection", "fail2ban reads from the log who was turned away", peer="fail2ban")
def test_a_scanner_finds_nothing_and_fail2ban_finds_it(start_switch: StartSwitch, tmp_path: Path) -> None:
    switch = start_switch("echo")
    found = run("svmap", "-p", str(switch.sip_port), "-P", str(ports.one()), ports.HOST, room=tmp_path)
    assert "found nothing" in found.lower(), found
    assert switch.healthy()
    until("the log tells", lambda: "sip source turned away" in switch.log(), 10)
    log = tmp_path / "switch.log"
    log.write_text(switch.log(10_000) + "\n")
    root = Path(run(TREE / "tests/interop/peers/fail2ban-root", "--print", room=Path.home()).strip())
    library = root / "usr/lib/python3/dist-packages"
    program = "from fail2ban.client.fail2banregex import exec_command_line; exec_command_line()"
    tool = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(library)!r}); {program}"]
    judged = run(*tool, "-c", str(root / "etc/fail2ban"), "--print-all-matched", log, FILTER, room=tmp_path)
    counts = re.search(r"Lines: (\d+) lines, (\d+) ignored, (\d+) matched", judged)
    assert counts is not None, judged
    assert int(counts[3]) >= 1, judged
    assert "reason=scanner source=127.0.0.1" in judged


@pytest.mark.behaviour(
    "Protection",
    "who tries numbers hears the same of those that exist, are busy or can't be reached as of those that don't",
    peer="sipvicious",
    rfc="3261 21.4.18",
)
@pytest.mark.parametrize("stranger", [True, False])
def test_numbers_can_not_be_told_apart(start_switch: StartSwitch, tmp_path: Path, stranger: bool) -> None:
    """Whom the switch knows hears how it is: so the scanner can find them, were it not for the rule."""
    known = {"unlimited": [] if stranger else [f"{ports.HOST}/32"], "scanners": [], "messages_per_s": 0, "calls_per_s": 0}
    switch = start_switch("echo", routes=ROUTES, protection=known)
    found = extensions(switch, tmp_path)
    if stranger:
        assert found == set()
        until("the log tells", lambda: "reason=number" in switch.log(100), 10)
    else:
        assert found & {"1001", "1003"}
