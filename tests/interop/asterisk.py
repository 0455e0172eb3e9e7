# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk 22 as a PBX on loopback. It plays a file into a call and keeps every sample that comes back of the same call."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.interop import audio, ports
from tests.interop.certs import Certificates
from tests.interop.process import PeerError, Process, until

ROOT_MAKER = Path(__file__).parent / "peers" / "asterisk-root"

MODULES = (Path(__file__).parent / "peers" / "asterisk-modules.txt").read_text().split()

# Asterisk calls it an error when one of these files is missing.
EMPTY = ["acl", "ccss", "cdr", "cel", "features", "http", "indications", "manager", "pjproject", "sorcery", "udptl"]

DIALPLAN = """
[probe8]
exten => _X!,1,Set(EAGI_AUDIO_FORMAT=slin)
 same => n,Goto(probe,${{EXTEN}},1)
[probe16]
exten => _X!,1,Set(EAGI_AUDIO_FORMAT=slin16)
 same => n,Goto(probe,${{EXTEN}},1)
[probe]
exten => _X!,1,EAGI({agi},{room},${{EXTEN}})
 same => n,Hangup()
[phones]
exten => 600,1,Answer()
 same => n,Echo()
exten => _[a-z].,1,Dial(PJSIP/${{EXTEN}},30)
 same => n,Hangup()
"""

# The header of variables ends with an empty line; descriptor 3 carries the caller's audio as it is read from the channel.
# What is still on its way back when the file ends is waited for.
AGI = """#!/bin/sh
while read -r line && [ -n "$line" ]; do :; done
cat <&3 >"$1/heard-$2.raw" &
printf 'STREAM FILE "%s" ""\\n' "$1/play-$2"
read -r reply
echo "$reply" >"$1/reply-$2"
printf 'WAIT FOR DIGIT 800\\n'
read -r reply
kill $!
wait
: >"$1/done-$2"
"""


@dataclass(frozen=True)
class Extension:
    """An endpoint that somebody registers with user = password's owner = its name."""

    name: str
    codecs: str
    encryption: str = "no"
    rtcp_mux: str = "no"

    @property
    def password(self) -> str:
        return f"{self.name}-secret"

    def render(self) -> str:
        return f"""
[{self.name}]
type=endpoint
context=phones
disallow=all
allow={self.codecs}
media_encryption={self.encryption}
rtcp_mux={self.rtcp_mux}
direct_media=no
rtp_symmetric=yes
force_rport=yes
rewrite_contact=yes
dtmf_mode=rfc4733
from_domain={ports.HOST}
auth={self.name}
aors={self.name}
[{self.name}]
type=auth
auth_type=userpass
username={self.name}
password={self.password}
[{self.name}]
type=aor
max_contacts=2
"""


def root() -> Path | None:
    """Where scripts/setup --peers unpacked Asterisk, or None when Debian unstable could not be reached then."""
    told = subprocess.run([ROOT_MAKER, "--print"], capture_output=True, text=True, check=True).stdout.strip()
    return Path(told) if Path(told).is_dir() else None


class Asterisk:
    """start(), cli(), probe(), stop(). Everything it writes is under `room`."""

    def __init__(self, root: Path, room: Path, certificates: Certificates, extensions: list[Extension]) -> None:
        self.root = root
        self.room = room
        self.sip_port = ports.one()
        self.tls_port = ports.one()
        self._rtp = ports.block(200)
        self._n_probes = 0
        self._files = room / "probe"
        self._write(certificates, extensions)
        self._process: Process | None = None

    def _program(self) -> list[str | Path]:
        """Debian unstable's asterisk through its own loader: this machine's C library is older."""
        [loader] = self.root.glob("usr/lib*/ld-linux-*.so.*")
        return [
            loader,
            "--library-path",
            self._libraries(),
            self.root / "usr/sbin/asterisk",
            "-C",
            self.room / "etc/asterisk.conf",
        ]

    def _libraries(self) -> Path:
        [modules] = self.root.glob("usr/lib/*/asterisk/modules")
        return modules.parent.parent

    def _write(self, certs: Certificates, extensions: list[Extension]) -> None:
        etc = self.room / "etc"
        for directory in (etc, self._files, self.room / "var/keys", self.room / "run", self.room / "log", self.room / "spool"):
            directory.mkdir(parents=True, exist_ok=True)
        share, agi = self.root / "usr/share/asterisk", self.room / "probe.sh"
        agi.write_text(AGI)
        agi.chmod(0o755)
        places = {
            "astetcdir": etc,
            "astmoddir": self._libraries() / "asterisk/modules",
            "astdatadir": share,
            **dict.fromkeys(("astvarlibdir", "astdbdir", "astkeydir"), self.room / "var"),
            "astagidir": self.room,
            "astspooldir": self.room / "spool",
            "astrundir": self.room / "run",
            "astlogdir": self.room / "log",
        }
        files = {
            "asterisk.conf": "[directories]\n"
            + "".join(f"{name} => {path}\n" for name, path in places.items())
            + "[options]\nverbose = 3\nnocolor = yes\n",
            "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in MODULES),
            "logger.conf": "[general]\n[logfiles]\nfull.log => notice,warning,error,verbose(3)\n",
            "rtp.conf": f"[general]\nrtpstart={self._rtp}\nrtpend={self._rtp + 199}\nstrictrtp=yes\n",
            "extensions.conf": "[general]\nstatic=yes\n" + DIALPLAN.format(agi=agi, room=self._files),
            "pjsip.conf": f"""
[udp]
type=transport
protocol=udp
bind={ports.HOST}:{self.sip_port}
[tls]
type=transport
protocol=tls
bind={ports.HOST}:{self.tls_port}
cert_file={certs.cert}
priv_key_file={certs.key}
ca_list_file={certs.ca}
method=tlsv1_2
verify_client=no
"""
            + "".join(extension.render() for extension in extensions),
            **dict.fromkeys((f"{name}.conf" for name in EMPTY), ""),
        }
        for name, text in files.items():
            (etc / name).write_text(text)

    def start(self) -> None:
        self._process = Process("asterisk", [*self._program(), "-f", "-n"], self.room / "log/console.log")
        self._process.until("fully booted", lambda: "fully booted" in self.cli("core waitfullybooted"), 30)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def cli(self, command: str) -> str:
        done = subprocess.run([*map(str, self._program()), "-rx", command], capture_output=True, text=True, check=False)
        return done.stdout

    def channel_statistics(self, name: str) -> list[str]:
        """What Asterisk knows of an extension's call: codec, received (packets, lost, per cent, jitter in s), sent (the same,
        by the peer's reports), round trip in s. Empty while there is no call."""
        for line in self.cli("pjsip show channelstats").splitlines():
            words = line.split()
            if words and words[0].startswith(f"{name}-"):
                return words[2:]
        return []

    def log(self, lines: int = 12) -> str:
        path = self.room / "log/full.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def contact(self, name: str) -> str:
        """The address under which an extension is registered, or ''."""
        for line in self.cli(f"pjsip show aor {name}").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "Contact:" and words[1].startswith(f"{name}/sip"):
                return words[1].partition("/")[2]
        return ""

    def wait_registered(self, name: str, within_s: float = 15.0) -> str:
        try:
            until(f"{name} registered", lambda: self.contact(name), within_s)
        except PeerError as error:
            raise PeerError(f"{error}\n{self.log()}") from None
        return self.contact(name)

    def probe(self, channel: str, audio: bytes, suffix: str, rate: int, within_s: float = 30.0) -> audio.Pcm:
        """Calls `channel`, plays a raw file of the format that `suffix` names (ulaw, alaw, sln, sln16), then hangs up.

        Returns what came back, mono at `rate` (8000 or 16000), from the answer to 0.8 s after the file's end: every frame
        as Asterisk decoded it, none added for what was lost.
        """
        self._n_probes += 1
        number = str(self._n_probes)
        (self._files / f"play-{number}.{suffix}").write_bytes(audio)
        done = self._files / f"done-{number}"
        if refused := self.cli(f"channel originate {channel} extension {number}@probe{rate // 1000}").strip():
            raise PeerError(f"Asterisk did not originate: {refused}")
        try:
            until(f"Asterisk's call to {channel} over", done.exists, within_s)
        except PeerError as error:
            raise PeerError(f"{error}\n{self.log()}") from None
        reply = (self._files / f"reply-{number}").read_text()
        if not reply.startswith("200 result=0"):
            raise PeerError(f"Asterisk could not play to {channel}: {reply}\n{self.log()}")
        return np.fromfile(self._files / f"heard-{number}.raw", "<i2")

    @property
    def sip_uri(self) -> str:
        return f"sip:{ports.HOST}:{self.sip_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return os.getpgid(self._process.pid)
