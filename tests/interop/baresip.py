# SPDX-License-Identifier: GPL-3.0-or-later
"""baresip as a softphone without a sound card: its microphone is a WAV file, and it keeps what it decodes in another.

The call ends when the microphone's file does, so that file must be longer than the call.
"""

from __future__ import annotations

import json
import socket
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.interop import ports
from tests.interop.certs import Certificates
from tests.interop.process import PeerError, Process, until

MODULES = Path("/usr/lib/baresip/modules")

CONFIG = """
poll_method         epoll
sip_listen          {host}:{sip_port}
sip_certificate     {certs.both}
sip_cafile          {certs.ca}
call_local_timeout  120
call_max_calls      4
audio_path          {room}
audio_source        aufile,{microphone}
snd_path            {room}
ausrc_srate         {rate}
auplay_srate        {rate}
ausrc_channels      1
auplay_channels     1
ausrc_format        s16
auplay_format       s16
audio_level         no
rtp_ports           {rtp}-{rtp_end}
rtcp_mux            {rtcp_mux}
jitter_buffer_delay 5-10
module_path         {modules}
module              opus.so
module              g711.so
module              g722.so
module              l16.so
module              aufile.so
module              sndfile.so
module              srtp.so
module              dtls_srtp.so
module_tmp          uuid.so
module_tmp          account.so
module_app          menu.so
module_app          ctrl_tcp.so
ctrl_tcp_listen     {host}:{control}
opus_bitrate        32000
opus_dtx            {opus_dtx}
"""


class Softphone:
    """One account, at a `registrar` ("" = without one). call(), wait_for(event), hang_up(), stop().

    codecs: baresip's names, as "PCMU/8000/1" or "opus/48000/2". options: account parameters, as "mediaenc=srtp-mand" (SDES) or
    "mediaenc=dtls_srtp".
    """

    def __init__(
        self,
        room: Path,
        certs: Certificates,
        microphone: Path,
        rate: int,
        codecs: str,
        *options: str,
        user: str = "phone",
        rtcp_mux: bool = False,
        registrar: str = "",
        opus_dtx: bool = False,
    ) -> None:
        room.mkdir(parents=True, exist_ok=True)
        self._room = room
        control, rtp, sip_port = ports.one(), ports.block(20), ports.one()
        self.uri = f"sip:{user}@{ports.HOST}:{sip_port}"
        text = CONFIG.format(
            host=ports.HOST,
            sip_port=sip_port,
            certs=certs,
            room=room,
            microphone=microphone,
            rate=rate,
            rtp=rtp,
            rtp_end=rtp + 19,
            modules=MODULES,
            control=control,
            rtcp_mux="yes" if rtcp_mux else "no",
            opus_dtx="yes" if opus_dtx else "no",
        )
        (room / "config").write_text(text)
        (room / "contacts").write_text("")
        home, often = (registrar, 60) if registrar else (f"{ports.HOST}:{sip_port}", 0)
        account = ";".join([f"<sip:{user}@{home}>", f"audio_codecs={codecs}", f"regint={often}", *options])
        (room / "accounts").write_text(account + "\n")
        self._process = Process("baresip", ["baresip", "-4", "-f", room, "-s"], room / "baresip.log")
        self._events: list[dict[str, Any]] = []
        self._buffer = b""
        self._socket = self._connect(control)

    def _connect(self, port: int) -> socket.socket:
        found: list[socket.socket] = []

        def attempt() -> bool:
            try:
                found.append(socket.create_connection((ports.HOST, port), 1))
            except OSError:
                return False
            return True

        self._process.until("control port open", attempt)
        found[0].settimeout(0.1)
        return found[0]

    def _command(self, name: str, parameters: str = "") -> None:
        """JSON in a netstring (module ctrl_tcp)."""
        text = json.dumps({"command": name, "params": parameters, "token": name}).encode()
        self._socket.sendall(b"%d:%s," % (len(text), text))

    def _read(self) -> None:
        try:
            self._buffer += self._socket.recv(65536)
        except TimeoutError:
            return
        while b":" in self._buffer:
            length, rest = self._buffer.split(b":", 1)
            if len(rest) <= int(length):
                break
            self._events.append(json.loads(rest[: int(length)]))
            self._buffer = rest[int(length) + 1 :]

    def _seen(self, kind: str) -> dict[str, Any] | None:
        self._read()
        if kind != "CALL_CLOSED" and (closed := self._find("CALL_CLOSED")):
            raise PeerError(f"baresip's call ended: {closed.get('param')}\n{self._process.tail()}")
        return self._find(kind)

    def _find(self, kind: str) -> dict[str, Any] | None:
        return next((event for event in self._events if event.get("type") == kind), None)

    def wait_for(self, kind: str, within_s: float) -> dict[str, Any]:
        """An event of baresip by its type, as CALL_ESTABLISHED or CALL_CLOSED."""
        try:
            until(f"baresip's {kind}", lambda: self._seen(kind), within_s, every_s=0)
        except PeerError as error:
            raise PeerError(f"{error}; events: {[e.get('type') for e in self._events]}\n{self._process.tail()}") from None
        event = self._find(kind)
        assert event is not None
        return event

    def dial(self, uri: str) -> None:
        self._command("dial", uri)

    def call(self, uri: str) -> None:
        self.dial(uri)
        self.wait_for("CALL_ESTABLISHED", 15)

    def transfer(self, uri: str) -> None:
        """Blind: REFER (RFC 3515)."""
        self._command("transfer", uri)

    def hold(self, on: bool) -> None:
        self._command("hold" if on else "resume")

    def press(self, digits: str) -> None:
        """DTMF, the way that the account says."""
        for digit in digits:
            self._command("sndcode", digit)

    def count(self, kind: str) -> int:
        """How many events of this type came so far."""
        self._read()
        return sum(event.get("type") == kind for event in self._events)

    def hang_up(self) -> None:
        self._command("hangup")
        self.wait_for("CALL_CLOSED", 10)

    @property
    def heard(self) -> Path:
        """WAV of everything decoded from the other side; whole after hang_up() and stop()."""
        [path] = self._room.glob("dump-*-dec.wav")
        return path

    def heard_seconds(self) -> float:
        """How much it has written so far; the header's lengths are only right at the end."""
        paths = list(self._room.glob("dump-*-dec.wav"))
        head = paths[0].read_bytes()[:44] if paths else b""
        if len(head) < 44:
            return 0.0
        channels, rate = struct.unpack("<HI", head[22:28])
        return float((paths[0].stat().st_size - len(head)) / (2 * channels * rate))

    def lately(self, seconds: float) -> tuple[npt.NDArray[np.int16], int]:
        """The newest of what it has written, mono, and its rate: while the file grows its header is not right yet."""
        data = self.heard.read_bytes()
        channels, rate = struct.unpack("<HI", data[22:28])
        whole = len(data) - (len(data) - 44) % (2 * channels)
        pcm = np.frombuffer(data[44:whole], "<i2").reshape(-1, channels)[:, 0]
        return pcm[-int(seconds * rate) :], rate

    def log(self) -> str:
        return self._process.tail()

    def stop(self) -> None:
        self._socket.close()
        self._process.stop()
