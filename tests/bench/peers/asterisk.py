# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk 22 as a peer of the benchmarks: it answers whoever calls from loopback, in G.711 mu-law, without authentication.

    sip:audiosocket@...  hands the call to a TCP server (audiosocket.py)
    sip:play@...         plays `speech`, again and again
    sip:echo@...         sends back what it hears, in Asterisk itself

Tuned as one would for many calls: only the modules it needs, no logging of calls, RTP as it comes, no session timers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.interop import asterisk_daemon, ports
from tests.interop.asterisk_daemon import Daemon, root

MODULES = (Path(__file__).parent / "asterisk-modules.txt").read_text().split()
MAKE: list[str | Path] = [sys.executable, asterisk_daemon.ROOT_MAKER]
MOST_CALLS = 1000
PORTS_PER_CALL = 2  # RTP and RTCP

MISSING = "Asterisk 22 is not here: scripts/setup --peers fetches it from Debian unstable"


def missing() -> str:
    """Why it can't run here, or ''."""
    return "" if root() else MISSING


def version() -> str:
    where = root()
    return asterisk_daemon.version(where) if where else "none"


class Asterisk(Daemon):
    """start(), cli(), stop(), sip_port. `audiosocket_port`: where its calls to `audiosocket` connect; `speech`: s16le at
    8 kHz for `play`; `encryption`: Asterisk's media_encryption, "no" or "sdes"."""

    def __init__(
        self,
        room: Path,
        audiosocket_port: int = 0,
        speech: bytes = b"",
        calls: int = MOST_CALLS,
        encryption: str = "no",
    ) -> None:
        where = root()
        if where is None:
            raise RuntimeError(MISSING)
        self.sip_port = ports.one()
        room.mkdir(parents=True, exist_ok=True)
        (room / "speech.sln").write_bytes(speech)
        first_rtp = ports.block(PORTS_PER_CALL * calls + 20)
        last_rtp = first_rtp + PORTS_PER_CALL * calls + 19
        files = {
            "logger.conf": "[general]\n[logfiles]\nfull.log => warning,error\n",
            "rtp.conf": f"[general]\nrtpstart={first_rtp}\nrtpend={last_rtp}\nstrictrtp=no\nicesupport=no\n",
            "extensions.conf": f"""
[general]
static=yes
[calls]
exten => audiosocket,1,Answer()
 same => n,AudioSocket(${{UUID()}},{ports.HOST}:{audiosocket_port})
 same => n,Hangup()
exten => play,1,Answer()
 same => n(again),Playback({room / "speech"})
 same => n,Goto(again)
exten => echo,1,Answer()
 same => n,Echo()
""",
            "pjsip.conf": f"""
[global]
type=global
[system]
type=system
[udp]
type=transport
protocol=udp
bind={ports.HOST}:{self.sip_port}
[callers]
type=endpoint
context=calls
disallow=all
allow=ulaw
media_encryption={encryption}
direct_media=no
rtp_symmetric=yes
timers=no
[callers]
type=identify
endpoint=callers
match={ports.HOST}
""",
        }
        super().__init__(where, room, MODULES, files, verbose=0)
