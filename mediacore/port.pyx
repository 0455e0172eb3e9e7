# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's side of a media leg: speech in, frames and events out."""
from asyncio import get_running_loop

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, uint32_t
from libc.string cimport memset, strncpy

from mediacore cimport c_leg as c
from mediacore cimport c_record as r
from mediacore.c_leg cimport mc_leg_cfg, mc_leg_params, mc_tap
from mediacore.batch cimport Batch, take_batch
from mediacore.errors cimport check

from mediacore.errors import ArgumentError, StateError

EV_STARTED = c.MC_EV_STARTED
EV_STOPPED = c.MC_EV_STOPPED
EV_DTMF = c.MC_EV_DTMF
EV_PLAY_START = c.MC_EV_PLAY_START
EV_PLAY_END = c.MC_EV_PLAY_END
EV_FLUSHED = c.MC_EV_FLUSHED
EV_RX_TIMEOUT = c.MC_EV_RX_TIMEOUT

RATES = (8000, 16000, 24000, 48000)
NO_PT = 255
READ_MS_LEAST, READ_MS_MOST = 1, 500  # the queue holds two seconds
cdef size_t UNHEARD = 10  # frames that wait while nobody listens: a call's first words come before its agent is there


cdef int fill_cfg(mc_leg_cfg *cfg, int rate, double tx_seconds, double rx_timeout, bint suppress, str name,
                  bint inband_dtmf, int jitter_max_ms, int jitter_price_ms) except -1:
    if rate not in RATES:
        raise ArgumentError(f"rate must be one of {RATES}, not {rate}")
    if not 0.1 <= tx_seconds <= 3600:
        raise ArgumentError(f"tx_seconds must lie between 0.1 and 3600, not {tx_seconds}")
    if not 0 <= rx_timeout <= 86400:
        raise ArgumentError(f"rx_timeout must lie between 0 (never) and 86400 s, not {rx_timeout}")
    memset(cfg, 0, sizeof(mc_leg_cfg))
    cfg.rate = rate
    cfg.tx_ms = <uint32_t>(tx_seconds * 1000)
    cfg.rx_timeout_ms = <uint32_t>(rx_timeout * 1000)
    cfg.suppress = suppress
    cfg.inband_dtmf = inband_dtmf
    if not 20 <= jitter_max_ms <= 1000:
        raise ArgumentError(f"jitter_max_ms must lie between 20 and 1000, not {jitter_max_ms}")
    if not 1 <= jitter_price_ms <= 1000:
        raise ArgumentError(f"jitter_price_ms must lie between 1 and 1000, not {jitter_price_ms}")
    cfg.jitter_max_ms = jitter_max_ms
    cfg.jitter_price_ms = jitter_price_ms
    raw = name.encode()
    strncpy(cfg.name, raw, c.MC_LEG_NAME - 1)
    return 0


cdef int copy_text(char *to, size_t size, str text, str what) except -1:
    raw = text.encode()
    if <size_t>len(raw) >= size:
        raise ArgumentError(f"{what} is longer than {size - 1} bytes")
    strncpy(to, raw, size)
    return 0


cdef int fill_params(mc_leg_params *p, str codec, int clock, int pt, int event_pt, int ptime_ms, str fmtp,
                     int cn_pt) except -1:
    if not 0 <= pt <= 127:
        raise ArgumentError(f"pt must lie between 0 and 127, not {pt}")
    if event_pt != NO_PT and not 0 <= event_pt <= 127:
        raise ArgumentError(f"event_pt must lie between 0 and 127, or be 255 for none, not {event_pt}")
    if not 0 <= cn_pt <= 127:
        raise ArgumentError(f"cn_pt must lie between 1 and 127, or be 0 for none, not {cn_pt}")
    if ptime_ms not in (10, 20, 40, 60):
        raise ArgumentError(f"ptime_ms must be 10, 20, 40 or 60, not {ptime_ms}")
    memset(p, 0, sizeof(mc_leg_params))
    copy_text(p.codec, sizeof(p.codec), codec, "codec")
    copy_text(p.fmtp, sizeof(p.fmtp), fmtp, "fmtp")
    p.clock = clock
    p.tx_pt = p.rx_pt = pt
    p.event_tx_pt = p.event_rx_pt = event_pt
    p.cn_tx_pt = p.cn_rx_pt = cn_pt
    p.ptime_ms = ptime_ms
    p.send = p.recv = True
    return 0


cdef dict params_dict(const mc_leg_params *p):
    return {
        "codec": (<const char *>p.codec).decode(errors="replace"), "clock": p.clock, "tx_pt": p.tx_pt, "rx_pt": p.rx_pt, "event_tx_pt": p.event_tx_pt,
        "event_rx_pt": p.event_rx_pt, "cn_tx_pt": p.cn_tx_pt, "cn_rx_pt": p.cn_rx_pt, "ptime_ms": p.ptime_ms, "send": bool(p.send), "recv": bool(p.recv), "secure": bool(p.secure),
        "fmtp": (<const char *>p.fmtp).decode(errors="replace"),
    }


cdef dict params_stats(dict params):
    """What statistics say about them; `params` None: never started."""
    if params is None:
        return {"codec": "", "ptime_ms": 0, "secure": False}
    return {"codec": params["codec"], "ptime_ms": params["ptime_ms"], "secure": params["secure"]}


cdef class Port:
    """Base of Leg and VirtualLeg."""

    def __dealloc__(self):
        # Whoever owns the leg closed it before; here is only what the engine's side made.
        r.mc_tap_free(self.tap_queue)

    cdef mc_tap *tap_of_python(self) except NULL:
        if self.tap_queue == NULL:
            check(r.mc_tap_new(&self.tap_queue, c.mc_leg_rate(self.leg), 0), "tap")
            self.right = bytearray()
        return self.tap_queue

    cdef int need(self) except -1:
        if self.leg == NULL:
            raise StateError("the leg is closed")
        return 0

    cdef dict keep_last(self):
        """Before the leg goes: tasks that are being cancelled still ask it things."""
        self.last = {"rate": self.rate, "name": self.name, "rx_timeout_ms": self.rx_timeout_ms, "counters": self.counters()}
        return self.last

    def write(self, pcm) -> int:
        cdef Py_buffer view
        cdef size_t n = 0
        PyObject_GetBuffer(pcm, &view, PyBUF_SIMPLE)
        try:
            if view.len % 2:
                raise ArgumentError("pcm must hold whole 16-bit samples")
            if self.leg != NULL:
                n = c.mc_leg_write(self.leg, <const int16_t *>view.buf, view.len // 2)
        finally:
            PyBuffer_Release(&view)
        return n

    def flush(self) -> int:
        return c.mc_leg_flush(self.leg) if self.leg != NULL else self.last["counters"]["played"]

    def pause(self, int ms) -> None:
        if not 0 <= ms <= 10000:
            raise ArgumentError(f"pause: ms must lie between 0 (go on) and 10000, not {ms}")
        if self.leg != NULL:
            c.mc_leg_pause(self.leg, ms)

    @property
    def rate(self) -> int:
        return c.mc_leg_rate(self.leg) if self.leg != NULL else self.last["rate"]

    @property
    def name(self) -> str:
        return c.mc_leg_name(self.leg).decode(errors="replace") if self.leg != NULL else self.last["name"]

    @property
    def written(self) -> int:
        return c.mc_leg_written(self.leg) if self.leg != NULL else self.last["counters"]["written"]

    @property
    def played(self) -> int:
        return c.mc_leg_played(self.leg) if self.leg != NULL else self.last["counters"]["played"]

    @property
    def pending(self) -> int:
        return c.mc_leg_pending(self.leg) if self.leg != NULL else 0

    @property
    def started(self) -> bool:
        return self.leg != NULL and c.mc_leg_started(self.leg)

    @property
    def rx_timeout_ms(self) -> int:
        return c.mc_leg_rx_timeout(self.leg) if self.leg != NULL else self.last["rx_timeout_ms"]

    @rx_timeout_ms.setter
    def rx_timeout_ms(self, int ms) -> None:
        if ms < 0:
            raise ArgumentError("rx_timeout_ms must not be negative; 0 = never")
        if self.leg != NULL:
            c.mc_leg_set_rx_timeout(self.leg, ms)

    def send_dtmf(self, digits: str, ms: int = 100) -> None:
        if self.leg == NULL:
            return
        if any(d not in "0123456789*#ABCD" for d in digits):
            raise ArgumentError(f"digits must be of 0-9 * # A-D, not {digits!r}")
        if not 40 <= ms <= 6000:
            raise ArgumentError(f"ms must lie between 40 and 6000, not {ms}")
        cdef bytes raw = digits.encode()
        check(c.mc_leg_send_dtmf(self.leg, raw, ms), "send_dtmf: not started")

    @property
    def takes_events(self) -> bool:
        return self.leg != NULL and c.mc_leg_takes_events(self.leg)

    def taps(self) -> list:
        cdef r.mc_tap_head head
        cdef int16_t left[r.MC_TAP_MAX]
        cdef int16_t right[r.MC_TAP_MAX]
        cdef bytes stereo, sent
        cdef int16_t *both
        cdef const int16_t *out
        cdef uint32_t i
        blocks = []
        while self.tap_queue != NULL and r.mc_tap_take(self.tap_queue, &head, left, right):
            self.right += (<const char *>right)[:2 * head.n_right]
            sent = bytes(self.right[:2 * head.n_left]).ljust(2 * head.n_left, b"\0")
            del self.right[:2 * head.n_left]
            stereo = PyBytes_FromStringAndSize(NULL, 4 * head.n_left)
            both, out = <int16_t *>PyBytes_AS_STRING(stereo), <const int16_t *>PyBytes_AS_STRING(sent)
            for i in range(head.n_left):
                both[2 * i] = left[i]
                both[2 * i + 1] = out[i]
            blocks.append((stereo, head.t_us, head.left_age_us))
        return blocks

    def counters(self) -> dict:
        """Every counter of the leg, as of its last tick."""
        cdef c.mc_leg_stats s
        if self.leg == NULL:
            return self.last["counters"]
        c.mc_leg_stats_read(self.leg, &s)
        return dict(
            rx_cn=s.rx_cn, tx_cn=s.tx_cn, rx_strangers=s.rx_strangers, rx_candidates=s.rx_candidates, rx_moves=s.rx_moves,
            rx_forged=s.rx_forged, rx_replayed=s.rx_replayed,
            rx_packets=s.rx_packets, rx_bytes=s.rx_bytes, rx_lost=s.rx_lost, rx_late=s.rx_late, rx_dup=s.rx_dup,
            rx_reordered=s.rx_reordered, rx_malformed=s.rx_malformed, rx_ignored=s.rx_ignored, rx_restarts=s.rx_restarts,
            rx_jitter_ms=s.rx_jitter_us / 1000, rx_last_us=s.rx_last_us, tx_packets=s.tx_packets, tx_bytes=s.tx_bytes,
            tx_errors=s.tx_errors, tx_late_max_us=s.tx_late_max_us, tx_skipped=s.tx_skipped, jb_target_ms=s.jb_target_ms,
            jb_depth_ms=s.jb_depth_ms, concealed=s.concealed,
            shortened_ms=s.shortened_us // 1000, stretched_ms=s.stretched_us // 1000, written=self.written, played=self.played, flushed=s.flushed,
            underruns=s.underruns, ear_frames=s.ear_frames, ear_lost=s.ear_lost, ear_dropped=s.ear_dropped,
            tap_dropped=s.tap_dropped, events_dropped=s.events_dropped, rtcp_sent=s.rtcp_sent, rtcp_received=s.rtcp_received,
            rtcp_malformed=s.rtcp_malformed, rtcp_errors=s.rtcp_errors, rtcp_bye=bool(s.rtcp_bye),
            rtt_ms=s.rtt_us / 1000 if s.rtt_known else None, rtt_max_ms=s.rtt_max_us / 1000 if s.rtt_known else None,
            remote_lost=s.remote_lost if s.remote_known else None, remote_loss=s.remote_fraction if s.remote_known else None,
            remote_jitter_ms=s.remote_jitter_us / 1000 if s.remote_known else None, remote_mos=s.remote_mos_cq or None,
            r_factor=s.r_factor if s.mos_cq else None, mos=s.mos_cq or None, mos_lq=s.mos_lq or None,
        )

    cdef bint readable(self):
        """Whether read() has what it waits for, or nothing more comes."""
        if self.leg == NULL:
            return True
        cdef size_t waiting = c.mc_leg_ear_samples(self.leg)
        return waiting >= self.wanted or (waiting > 0 and not c.mc_leg_started(self.leg))

    cdef int wake_reader(self) except -1:
        if self.waiter is not None and not self.waiter.done() and self.readable():
            self.waiter.set_result(None)
        return 0

    async def read(self, ms: float = 20):
        if not READ_MS_LEAST <= ms <= READ_MS_MOST:
            raise ArgumentError(f"ms must lie between {READ_MS_LEAST} and {READ_MS_MOST}, not {ms}")
        if self.on_audio is not None:
            raise StateError("read: the frames go to on_audio; set it to None first")
        if self.waiter is not None:
            raise StateError("read: another task reads this leg already")
        self.reading = True
        self.wanted = <uint32_t>(self.rate * ms / 1000)
        if self.leg != NULL:
            c.mc_leg_want_ear(self.leg, self.wanted)
        while not self.readable():
            self.waiter = get_running_loop().create_future()
            try:
                await self.waiter
            finally:
                self.waiter = None
        # No await from here on: who is cancelled has taken nothing.
        return take_batch(self.leg, self.wanted)

    async def batches(self, ms: float = 100):
        while (batch := await self.read(ms)).pcm:
            yield batch

    cdef int deliver(self, object on_error) except -1:
        """Hands everything that waits to the handlers; returns how many items. A handler that raises is reported to
        on_error(leg, exception), and the rest is delivered all the same. A handler may close the leg."""
        cdef c.mc_event ev
        cdef c.mc_frame frame
        cdef bytes pcm
        cdef int n = 0
        if self.leg == NULL:
            return 0
        c.mc_leg_ready_clear(self.leg)
        if self.reading and self.on_audio is not None:
            self.reading = False
            c.mc_leg_want_ear(self.leg, 0)
        # Each loop asks for the leg anew: the handler before may have closed it.
        while self.leg != NULL and c.mc_leg_pop_event(self.leg, &ev) == 0:
            n += 1
            if self.on_event is not None:
                try:
                    self.on_event(ev.kind, ev.a, ev.b, ev.t_us)
                except Exception as exc:
                    on_error(self, exc)
        if self.reading:
            self.wake_reader()
        while self.leg != NULL and not self.reading and (self.on_audio is not None or c.mc_leg_ear_waiting(self.leg) > UNHEARD):
            if c.mc_leg_pop_ear(self.leg, &frame) != 0:
                break
            n += 1
            pcm = PyBytes_FromStringAndSize(NULL, frame.n * sizeof(int16_t))
            c.mc_leg_take_ear(self.leg, <int16_t *>PyBytes_AS_STRING(pcm), frame.n)
            if self.on_audio is not None:
                try:
                    self.on_audio(pcm, frame.arrival_us, frame.index, bool(frame.lost))
                except Exception as exc:
                    on_error(self, exc)
        return n
