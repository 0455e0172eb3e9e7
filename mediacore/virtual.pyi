# SPDX-License-Identifier: GPL-3.0-or-later
from typing_extensions import Buffer

from mediacore.port import LegParams, LegStats, Port

class VirtualLeg(Port):
    """The same native leg without worker, socket or clock: packets and ticks in, packets out. Same calls, same bytes out."""

    def __init__(
        self,
        *,
        codec: str = "PCMU",
        clock: int = 8000,
        pt: int = 0,
        ptime_ms: int = 20,
        rate: int = 16000,
        event_pt: int = 101,
        fmtp: str = "",
        cn_pt: int = 0,
        send: bool = True,
        recv: bool = True,
        seed: int = 1,
        tx_seconds: float = 4.0,
        rx_timeout: float = 0.0,
        suppress_silence: bool = False,
        inband_dtmf: bool = False,
        jitter_max_ms: int = 400,
        jitter_price_ms: int = 20,
        rtcp: bool = False,
        wall_us: int = 0,
        name: str = "virtual",
    ) -> None:
        """seed: of SSRC, CNAME, the first sequence number and timestamp, and of when RTCP goes. rtcp: send it.
        wall_us: Unix time minus virtual time, for RTCP."""
    @property
    def params(self) -> LegParams | None: ...
    def start(
        self,
        *,
        codec: str,
        clock: int,
        pt: int,
        ptime_ms: int = 20,
        event_pt: int = 101,
        fmtp: str = "",
        cn_pt: int = 0,
        send: bool = True,
        recv: bool = True,
    ) -> None:
        """Negotiated again, as by a re-INVITE."""
    def on_packet(self, pkt: Buffer, now_us: int) -> None: ...
    def on_rtcp(self, pkt: Buffer, now_us: int) -> None: ...
    def rtcp(self) -> list[bytes]:
        """RTCP that left since the last call; BYE after close(). Only the last 8 are kept."""
    def on_tick(self, now_us: int) -> list[bytes]:
        """Runs the ticks that are due (the first call begins the grid: every 20 ms, 10 ms for 10 ms packets); the RTP packets
        that left."""
    def echo_native(self, on: bool) -> None: ...
    def describe(self) -> str: ...
    def stats(self) -> LegStats: ...
    def drain(self) -> int:
        """Delivers to the handlers, like Worker.drain; a handler's exception comes out here."""
    def frames(self) -> list[tuple[bytes, int, int, bool]]:
        """What on_audio would have got since the last call, when there is no on_audio. Likewise events()."""
    def events(self) -> list[tuple[int, int, int, int]]: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...
