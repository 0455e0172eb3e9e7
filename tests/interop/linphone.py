# SPDX-License-Identifier: GPL-3.0-or-later
"""linphonec as a softphone without a sound card: it plays a WAV file into the call and records what it hears into another."""

from __future__ import annotations

from pathlib import Path

from tests.interop import ports
from tests.interop.process import Process

CONFIG = """
[sip]
use_ipv6=0
ipv6_migration_done=1
bind_address={host}
sip_port={port}
sip_tcp_port={port}
sip_tls_port=0
guess_hostname=0
contact=sip:{user}@{host}:{port}
media_encryption={encryption}
media_encryption_mandatory={mandatory}
default_proxy={proxy}
inc_timeout=60
[rtp]
audio_rtp_port={rtp}
[sound]
echocancellation=0
[video]
enabled=0
capture=0
display=0
"""

PROXY = """
[proxy_0]
reg_proxy=<sip:{registrar};transport=udp>
reg_identity=sip:{user}@{domain}
reg_expires=60
reg_sendregister=1
publish=0
[auth_info_0]
username={user}
passwd={user}-secret
realm={domain}
domain={domain}
"""

CODECS = ("PCMU", "PCMA", "G722", "opus")


class Linphone:
    """call(), wait_for(text), command(line), hang_up(), stop(). `registrar`: "host:port" of `domain`, "" = none."""

    def __init__(
        self,
        room: Path,
        microphone: Path,
        *,
        user: str = "lin",
        codec: str = "PCMU",
        secure: bool = False,
        answers: bool = False,
        registrar: str = "",
        domain: str = "",
    ) -> None:
        (room / ".local/share/linphone").mkdir(parents=True, exist_ok=True)
        port, rtp = ports.one(), ports.block(4)
        self.uri = f"sip:{user}@{ports.HOST}:{port}"
        self.heard = room / "heard.wav"  # whole after stop()
        text = CONFIG.format(
            host=ports.HOST,
            port=port,
            user=user,
            rtp=rtp,
            encryption="srtp" if secure else "none",
            mandatory=int(secure),
            proxy=0 if registrar else -1,
        )
        rates = {"opus": (48000, 2)}
        for n, name in enumerate(CODECS):
            rate, channels = rates.get(name, (8000, 1))
            text += f"[audio_codec_{n}]\nmime={name}\nrate={rate}\nchannels={channels}\nenabled={int(name == codec)}\n"
        if registrar:
            text += PROXY.format(registrar=registrar, user=user, domain=domain)
        (room / "linphonerc").write_text(text)
        words: list[str | Path] = ["linphonec", "-c", room / "linphonerc", "-d", "0", *(["-a"] if answers else [])]
        # Line by line, so that what it says can be waited for.
        self._process = Process(
            "linphonec",
            ["stdbuf", "-oL", *words],
            room / "linphonec.log",
            {"HOME": str(room), "PATH": "/usr/bin:/bin"},
            ask=True,
        )
        self._process.until("it is ready", lambda: "linphonec>" in self._process.output() or "Ready" in self._process.output())
        self.command("soundcard use files")
        self.command(f"play {microphone}")
        self.command(f"record {self.heard}")

    def command(self, line: str) -> None:
        """As a user types it."""
        self._process.say(line)

    def wait_for(self, text: str, within_s: float = 20.0, times: int = 1) -> None:
        """It has said this, so often."""
        self._process.until(f"it says {text!r}", lambda: self._process.output().count(text) >= times, within_s)

    def call(self, uri: str) -> None:
        self.command(f"call {uri}")
        self.wait_for("connected")

    def hang_up(self) -> None:
        self.command("terminate all")
        self.wait_for("ended")

    def log(self) -> str:
        return self._process.tail()

    def stop(self) -> None:
        self._process.stop()
