# SPDX-License-Identifier: GPL-3.0-or-later
"""The native media core: RTP, codecs, jitter buffer and the 20 ms clock, in C, and the thin wall Python sees it through."""

from mediacore.batch import Batch
from mediacore.dsp import Codec, JitterBuffer, Resampler, codecs, level_db
from mediacore.errors import ArgumentError, CodecError, FormatError, FullError, MediaError, StateError, SystemError_
from mediacore.gate import drain_gate, gate_blame, gate_counts, gate_events, gate_lag, set_gate
from mediacore.held import sip_held
from mediacore.leg import Leg
from mediacore.pcap import Capture, pcap_head, pcap_packet
from mediacore.port import (
    EV_DTMF,
    EV_FLUSHED,
    EV_PLAY_END,
    EV_PLAY_START,
    EV_RX_TIMEOUT,
    EV_STARTED,
    EV_STOPPED,
    NO_PT,
)
from mediacore.record import RECORD_FORMATS, Recorder, Recording
from mediacore.sinks import Bridge, ListenIn, Mixer, Prompt, bridge
from mediacore.siptrace import SipMessage, set_siptrace, siptrace_counts, siptrace_end, siptrace_own, siptrace_read
from mediacore.virtual import VirtualLeg
from mediacore.worker import Worker, clock_us, live

__all__ = [
    "EV_DTMF",
    "EV_FLUSHED",
    "EV_PLAY_END",
    "EV_PLAY_START",
    "EV_RX_TIMEOUT",
    "EV_STARTED",
    "EV_STOPPED",
    "NO_PT",
    "RECORD_FORMATS",
    "ArgumentError",
    "Batch",
    "Bridge",
    "Capture",
    "Codec",
    "CodecError",
    "FormatError",
    "FullError",
    "JitterBuffer",
    "Leg",
    "ListenIn",
    "MediaError",
    "Mixer",
    "Prompt",
    "Recorder",
    "Recording",
    "Resampler",
    "SipMessage",
    "StateError",
    "SystemError_",
    "VirtualLeg",
    "Worker",
    "bridge",
    "clock_us",
    "codecs",
    "drain_gate",
    "gate_blame",
    "gate_counts",
    "gate_events",
    "gate_lag",
    "level_db",
    "live",
    "pcap_head",
    "pcap_packet",
    "set_gate",
    "set_siptrace",
    "sip_held",
    "siptrace_counts",
    "siptrace_end",
    "siptrace_own",
    "siptrace_read",
]
