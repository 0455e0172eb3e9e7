# SPDX-License-Identifier: GPL-3.0-or-later
from mediacore.port import LegParams, LegStats, Port
from mediacore.worker import Worker

class Leg(Port):
    """One media leg. Made on any thread, used on the main thread, closed once."""

    def __init__(
        self,
        worker: Worker,
        *,
        rate: int = 16000,
        tx_seconds: float = 4.0,
        name: str = "",
        rx_timeout: float = 0.0,
        suppress_silence: bool = False,
        inband_dtmf: bool = False,
        jitter_max_ms: int = 400,
        jitter_price_ms: int = 20,
    ) -> None:
        """rate: 8000, 16000, 24000 or 48000. tx_seconds: what the output ring holds (memory: 2 bytes a sample, up to the next
        power of two). rx_timeout: seconds, 0 = never.
        suppress_silence: rest while there is nothing to say, instead of sending silence: comfort noise (RFC 3389) if the peer
        takes it, Opus' own DTX, else nothing.
        jitter_max_ms: most that the human ear waits for a packet. jitter_price_ms: its delay that one percent fewer late
        packets is worth.
        inband_dtmf: EV_DTMF also for digits that come as sound (until the peer sends a telephone-event).
        FullError: the worker has max_legs."""
    @property
    def params(self) -> LegParams | None:
        """What negotiation settled; None while stopped."""
    def echo_native(self, on: bool) -> None:
        """The worker moves each machine-ear frame into the output ring itself, nothing goes to Python (benchmarks)."""
    def describe(self) -> str:
        """The live path, one line."""
    def stats(self) -> LegStats:
        """Codec, ptime and protection are those of the last run once it stopped."""
    def bind_call(self, call_id: int) -> None:
        """This leg serves PJSUA call `call_id`. Signalling thread, before SDP is settled."""
    def unbind_call(self) -> None:
        """Signalling thread. Nothing when it was not bound."""
    def start_udp(
        self,
        *,
        local: tuple[str, int],
        remote: tuple[str, int],
        codec: str = "PCMU",
        clock: int = 8000,
        pt: int = 0,
        event_pt: int = 101,
        ptime_ms: int = 20,
        fmtp: str = "",
        cn_pt: int = 0,
        send: bool = True,
        recv: bool = True,
        rtcp: bool = False,
    ) -> tuple[str, int]:
        """A plain UDP leg without signalling; numeric addresses, port 0 = any; returns what was bound. Packets from other
        addresses than `remote` are counted as ignored. event_pt 255 = no telephone-event. cn_pt: of
        comfort noise (RFC 3389), 0 = none. rtcp: on the
        same socket (RFC 5761); without it none is sent."""
    def stop(self) -> None:
        """No packet leaves or is heard after this; rings and counters stay."""
    def close(self) -> None:
        """RTCP says BYE, the worker lets go; handlers never run again. Safe to call twice."""
