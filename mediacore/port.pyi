# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import AsyncGenerator, Callable
from typing import Final, TypedDict

from typing_extensions import Buffer

from mediacore.batch import Batch

# Kinds of Leg.on_event(kind, a, b, t_us)
EV_STARTED: Final[int]  # parameters applied, first time or after a re-INVITE: read leg.params
EV_STOPPED: Final[int]
EV_DTMF: Final[int]  # a = ord(digit), b = milliseconds
EV_PLAY_START: Final[int]  # a = index of the first sample after silence, t_us = its packet was handed to the socket
EV_PLAY_END: Final[int]  # a = index one past the last sample played: the ring ran dry, or a pause began
EV_FLUSHED: Final[int]  # a = index where playing stopped, 5 ms fade included; b = where it goes on; no EV_PLAY_END then
EV_RX_TIMEOUT: Final[int]  # a = milliseconds without RTP; once, until RTP comes again
NO_PT: Final[int]  # 255: no payload type

class LegParams(TypedDict):
    codec: str
    clock: int
    tx_pt: int
    rx_pt: int
    event_tx_pt: int
    event_rx_pt: int
    cn_tx_pt: int  # comfort noise (RFC 3389); 0 = none
    cn_rx_pt: int
    ptime_ms: int
    send: bool
    recv: bool
    secure: bool
    fmtp: str

class Counters(TypedDict):
    rx_cn: int  # comfort noise packets (RFC 3389)
    tx_cn: int
    rx_packets: int
    rx_bytes: int  # of payload
    rx_lost: int  # RFC 3550 A.3; negative when duplicates outnumber losses
    rx_late: int  # too late for the machine ear
    rx_dup: int
    rx_reordered: int
    rx_malformed: int  # not RTP, or a payload that the codec refused
    rx_ignored: int  # other payload type, a stray source, or while not receiving
    rx_strangers: int  # packets from addresses that are not the peer's, RTP or RTCP: dropped
    rx_candidates: int  # packets from addresses that may become the peer's (symmetric RTP): dropped
    rx_moves: int  # times that the peer was found at another address
    rx_forged: int  # SRTP: not sealed with the peer's key
    rx_replayed: int  # SRTP: a sealed packet that came before
    rx_restarts: int
    rx_jitter_ms: float
    rx_last_us: int
    tx_packets: int
    tx_bytes: int
    tx_errors: int
    tx_late_max_us: int
    tx_skipped: int  # ticks not made up for after a long sleep
    jb_target_ms: int  # the human ear's jitter buffer; 0 while nobody wants it
    jb_depth_ms: int
    concealed: int  # lost and late packets whose sound was made up for the human ear
    shortened_ms: int  # sound taken out for the human ear by time scaling
    stretched_ms: int  # and put in
    written: int  # samples at the leg's rate
    played: int
    flushed: int  # samples dropped by flushes
    underruns: int  # times that the ring ran dry, ends of speech included
    ear_frames: int
    ear_lost: int  # frames made up for the machine ear
    ear_dropped: int  # frames that found no room because Python did not come
    tap_dropped: int  # ticks that a recording had no room for
    events_dropped: int
    rtcp_sent: int  # compound packets
    rtcp_received: int
    rtcp_malformed: int
    rtcp_errors: int  # that could not be sent
    rtcp_bye: bool  # the peer took leave
    rtt_ms: float | None  # round trip by the peer's last report (RFC 3550 section 6.4.1); None = not known
    rtt_max_ms: float | None
    remote_lost: int | None  # packets of ours that the peer missed; None = it never reported
    remote_loss: float | None  # the same between its last two reports, 0 ... 1
    remote_jitter_ms: float | None
    remote_mos: float | None  # MOS-CQ, if its reports say it (RFC 3611 section 4.7.5)
    r_factor: float | None  # 0 ... 93.2, E-model (ITU-T G.107) of what we receive since the leg began; None = nothing came
    mos: float | None  # of it, 1 ... 4.4, conversational: codec, loss, its burstiness, delay
    mos_lq: float | None  # listening only: without delay

class LegStats(Counters):
    codec: str
    ptime_ms: int
    secure: bool

class Port:
    """What Leg and VirtualLeg have in common. Main thread. A closed leg answers with its last values and takes nothing."""

    # Until it is set, and while it is None, the newest 10 frames wait for it.
    on_audio: Callable[[bytes, int, int, bool], object] | None
    """(pcm, arrival_us, sample_index, lost): machine ear, s16le mono at `rate`, in order, one packet a call. sample_index
    counts without gaps, but for frames that were dropped because nobody drained for two seconds. lost: made up, for nothing
    came."""
    on_event: Callable[[int, int, int, int], object] | None
    """(kind, a, b, t_us): see EV_*."""

    @property
    def rate(self) -> int:
        """Samples per second of everything that Python gives and gets."""
    @property
    def name(self) -> str: ...
    @property
    def written(self) -> int:
        """Samples ever written."""
    @property
    def played(self) -> int:
        """Samples that left in packets or were dropped by a flush: the ring's read index."""
    @property
    def pending(self) -> int:
        """written - played, where a flush counts at once."""
    @property
    def started(self) -> bool: ...
    @property
    def rx_timeout_ms(self) -> int:
        """Silence on the wire after which EV_RX_TIMEOUT comes; 0 = never."""
    @rx_timeout_ms.setter
    def rx_timeout_ms(self, ms: int) -> None: ...
    def write(self, pcm: Buffer) -> int:
        """Queues s16 mono at `rate`; returns the samples taken, fewer when the ring is full, 0 when the leg is closed."""
    async def read(self, ms: float = 20) -> Batch:
        """The next frames: as few as hold `ms` (1 ... 500), as soon as they are there; fewer when the leg stops, or when
        samples are missing behind them (ear_dropped); an empty Batch when it is closed. Instead of on_audio: frames wait
        until they are read, for about two seconds, then the newest are dropped. Python is woken once for a Batch. Who is
        cancelled has taken nothing: the next read gets it all. One reader at a time.
        ArgumentError: ms. StateError: on_audio is set, or another task waits in read."""
    def batches(self, ms: float = 100) -> AsyncGenerator[Batch]:
        """read(ms) until the leg is closed: `async for batch in leg.batches()`."""
    def flush(self) -> int:
        """Drops what is queued (what sounds just now fades out in 5 ms); returns the index that playing goes on from."""
    def pause(self, ms: int) -> None:
        """What is queued waits for at most `ms` (0 ... 10000; 0 = go on now): what sounds fades out in 5 ms, EV_PLAY_END says
        at which sample, and EV_PLAY_START that it goes on at the next one, fading in. A flush ends it too."""
    def send_dtmf(self, digits: str, ms: int = 100) -> None:
        """RFC 4733 events in the place of audio, or the sound of the digits where the peer takes no events; speech waits
        meanwhile. ArgumentError: not digits. StateError: not started. FullError: more than 64 digits wait."""
    @property
    def takes_events(self) -> bool:
        """The peer takes telephone-events (RFC 4733)."""
    def tap(self, on: bool) -> None:
        """taps() has what comes from now on, or no more. StateError: the leg is recorded."""
    def taps(self) -> list[tuple[bytes, int, int]]:
        """For tests and measurements: (stereo, t_us, left_delay_us) of each tick since the last call, at most 8 s of them.
        s16le interleaved, left = human ear, right = what was sent; t_us of the tick; left_delay_us = tick - arrival of what is
        played."""
    def counters(self) -> Counters:
        """As of the last tick."""
