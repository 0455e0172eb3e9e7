# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk 22 as a PBX on loopback. It plays a file into a call and keeps every sample that comes back of the same call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.interop import asterisk_trunks, audio, ports
from tests.interop.asterisk_daemon import Daemon
from tests.interop.certs import Certificates
from tests.interop.process import PeerError, until

MODULES = (Path(__file__).parent / "peers" / "asterisk-modules.txt").read_text().split()

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
exten => _9X.,1,Dial(PJSIP/${{EXTEN}}@plain,30)
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
{"dtls_auto_generate_cert=yes" if self.encryption == "dtls" else ""}
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


class Asterisk(Daemon):
    """start(), cli(), probe(), stop()."""

    def __init__(self, root: Path, room: Path, certificates: Certificates, extensions: list[Extension]) -> None:
        self.sip_port = ports.one()
        self.tls_port = ports.one()
        self.trunk_port = ports.one()  # of all peers without registration
        self._n_probes = 0
        self._files = room / "probe"
        self._files.mkdir(parents=True, exist_ok=True)
        agi = room / "probe.sh"
        agi.write_text(AGI)
        agi.chmod(0o755)
        rtp = ports.block(200)
        files = {
            "logger.conf": "[general]\n[logfiles]\nfull.log => notice,warning,error,verbose(3)\n",
            "rtp.conf": f"[general]\nrtpstart={rtp}\nrtpend={rtp + 199}\nstrictrtp=yes\n",
            "extensions.conf": "[general]\nstatic=yes\n"
            + DIALPLAN.format(agi=agi, room=self._files)
            + asterisk_trunks.dialplan(self.trunk_port, self.sip_port),
            "pjsip.conf": f"""
[udp]
type=transport
protocol=udp
bind={ports.HOST}:{self.sip_port}
[tcp]
type=transport
protocol=tcp
bind={ports.HOST}:{self.sip_port}
[tls]
type=transport
protocol=tls
bind={ports.HOST}:{self.tls_port}
cert_file={certificates.cert}
priv_key_file={certificates.key}
ca_list_file={certificates.ca}
method=tlsv1_2
verify_client=no
"""
            + "".join(extension.render() for extension in extensions)
            + asterisk_trunks.endpoints(self.trunk_port),
        }
        super().__init__(root, room, MODULES, files)

    def channel_statistics(self, name: str) -> list[str]:
        """What Asterisk knows of an extension's call: codec, received (packets, lost, per cent, jitter in s), sent (the same,
        by the peer's reports), round trip in s. Empty while there is no call."""
        for line in self.cli("pjsip show channelstats").splitlines():
            words = line.split()
            at = next((n for n, word in enumerate(words[:2]) if word.startswith(f"{name}-")), None)  # after its bridge, if any
            if at is not None:
                return words[at + 2 :]
        return []

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

    def calls_us(self, number: str, context: str, own: str = "600@provider") -> None:
        """A call to one of the contexts of asterisk_trunks; `own`: what its other side does, Echo()."""
        if refused := self.cli(f"channel originate Local/{number}@{context} extension {own}").strip():
            raise PeerError(f"Asterisk did not originate: {refused}")

    @property
    def sip_uri(self) -> str:
        return f"sip:{ports.HOST}:{self.sip_port}"
