# SPDX-License-Identifier: GPL-3.0-or-later
"""The same leg without worker, socket or clock: packets and ticks in, packets out. For tests, replay and measurements."""
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

from mediacore cimport c_leg as c
from mediacore.errors cimport check
from mediacore.port cimport Port, fill_cfg, fill_params, params_dict, params_stats
from mediacore.worker cimport live_legs

cdef enum:
    MOST = 16       # packets of one call of on_tick: the leg makes up for 5 late ticks at most
    SIZE = 1500
    MOST_RTCP = 8   # compound packets that nobody asked for yet; the oldest go first
    RTCP_SIZE = 256

cdef struct Outbox:
    int n
    size_t len[MOST]
    uint8_t data[MOST][SIZE]
    int n_rtcp      # ever
    size_t rtcp_len[MOST_RTCP]
    uint8_t rtcp[MOST_RTCP][RTCP_SIZE]


cdef int send_rtp(void *ctx, const void *pkt, size_t len) noexcept nogil:
    cdef Outbox *out = <Outbox *>ctx
    if out.n == MOST or len > SIZE:
        return -4
    memcpy(out.data[out.n], pkt, len)
    out.len[out.n] = len
    out.n += 1
    return 0


cdef int send_rtcp(void *ctx, const void *pkt, size_t len) noexcept nogil:
    cdef Outbox *out = <Outbox *>ctx
    cdef int i = out.n_rtcp % MOST_RTCP
    if len > RTCP_SIZE:
        return -4
    memcpy(out.rtcp[i], pkt, len)
    out.rtcp_len[i] = len
    out.n_rtcp += 1
    return 0


def raise_it(leg, exc):
    raise exc


cdef class VirtualLeg(Port):
    """See virtual.pyi for the interface."""

    cdef Outbox out
    cdef uint64_t now_us
    cdef bint with_rtcp
    cdef int n_rtcp_read
    cdef list kept_frames, kept_events

    def __cinit__(self, *, str codec="PCMU", int clock=8000, int pt=0, int ptime_ms=20, int rate=16000, int event_pt=101, str fmtp="", int cn_pt=0,
                  bint send=True, bint recv=True, unsigned long long seed=1, double tx_seconds=4.0, double rx_timeout=0.0,
                  bint suppress_silence=False, bint inband_dtmf=False, int jitter_max_ms=400, int jitter_price_ms=20, bint rtcp=False, long long wall_us=0, str name="virtual"):
        cdef c.mc_leg_cfg cfg
        self.kept_frames, self.kept_events = [], []
        fill_cfg(&cfg, rate, tx_seconds, rx_timeout, suppress_silence, name, inband_dtmf, jitter_max_ms, jitter_price_ms)
        cfg.seed = seed
        cfg.wall_us = wall_us
        self.with_rtcp = rtcp
        cfg.live = live_legs()
        check(c.mc_leg_new(&self.leg, &cfg), "a new leg")
        self.start(codec=codec, clock=clock, pt=pt, ptime_ms=ptime_ms, event_pt=event_pt, fmtp=fmtp, cn_pt=cn_pt, send=send, recv=recv)

    def __dealloc__(self):
        if self.leg != NULL:
            c.mc_leg_unref(self.leg)
            self.leg = NULL

    def close(self) -> None:
        if self.leg != NULL:
            c.mc_leg_bye(self.leg, self.now_us)
            self.stop()
            self.keep_last().update(describe=self.describe(), stats=self.stats())
            c.mc_leg_unref(self.leg)
            self.leg = NULL
            self.wake_reader()

    def start(self, *, str codec, int clock, int pt, int ptime_ms=20, int event_pt=101, str fmtp="", int cn_pt=0,
              bint send=True, bint recv=True) -> None:
        cdef c.mc_leg_params params
        cdef c.mc_wire wire
        cdef c.mc_path *path = NULL
        self.need()
        fill_params(&params, codec, clock, pt, event_pt, ptime_ms, fmtp, cn_pt)
        params.send = send
        params.recv = recv
        memset(&wire, 0, sizeof(wire))
        wire.ctx = &self.out
        wire.send_rtp = send_rtp
        if self.with_rtcp:
            wire.send_rtcp = send_rtcp
        check(c.mc_path_new(&path, self.leg, &params), f"{codec}/{clock}")
        c.mc_path_free(c.mc_leg_start(self.leg, path, &wire, self.now_us))

    def stop(self) -> None:
        if self.leg != NULL:
            c.mc_path_free(c.mc_leg_stop(self.leg, self.now_us))

    def on_packet(self, const unsigned char[::1] pkt not None, unsigned long long now_us) -> None:
        self.need()
        self.now_us = now_us
        cdef uint8_t nothing = 0
        c.mc_leg_on_packet(self.leg, &pkt[0] if pkt.shape[0] > 0 else &nothing, pkt.shape[0], now_us)

    def on_rtcp(self, const unsigned char[::1] pkt not None, unsigned long long now_us) -> None:
        self.need()
        self.now_us = now_us
        cdef uint8_t nothing = 0
        c.mc_leg_on_rtcp(self.leg, &pkt[0] if pkt.shape[0] > 0 else &nothing, pkt.shape[0], now_us)

    def rtcp(self) -> list[bytes]:
        first = max(self.n_rtcp_read, self.out.n_rtcp - MOST_RTCP)
        self.n_rtcp_read = self.out.n_rtcp
        return [(<const char *>self.out.rtcp[i % MOST_RTCP])[:self.out.rtcp_len[i % MOST_RTCP]] for i in range(first, self.out.n_rtcp)]

    def on_tick(self, unsigned long long now_us) -> list[bytes]:
        self.need()
        self.now_us = now_us
        self.out.n = 0
        c.mc_leg_on_tick(self.leg, now_us)
        return [(<const char *>self.out.data[i])[:self.out.len[i]] for i in range(self.out.n)]

    def tap(self, bint on) -> None:
        self.need()
        c.mc_leg_set_tap(self.leg, self.tap_of_python() if on else NULL)

    def echo_native(self, bint on) -> None:
        self.need()
        c.mc_leg_set_sink(self.leg, &c.mc_sink_echo if on else &c.mc_sink_engine)

    def describe(self) -> str:
        cdef char text[512]
        if self.leg == NULL:
            return self.last["describe"]
        c.mc_leg_describe(self.leg, text, sizeof(text))
        return text.decode()

    @property
    def params(self) -> dict | None:
        cdef const c.mc_leg_params *p
        self.need()
        p = c.mc_leg_params_of(self.leg)
        return params_dict(p) if p != NULL else None

    def counters(self) -> dict:
        if self.leg != NULL:
            c.mc_leg_publish(self.leg)
        return Port.counters(self)

    def stats(self) -> dict:
        cdef const c.mc_leg_params *p
        if self.leg == NULL:
            return {**self.last["stats"], **self.counters()}
        p = c.mc_leg_last_params(self.leg)
        return {**params_stats(params_dict(p) if p != NULL else None), **self.counters()}

    def drain(self) -> int:
        """Hands everything that waits to the handlers; what a handler raises comes out here."""
        return self.deliver(raise_it)

    def _gather(self) -> None:
        """Without handlers of its own, the leg keeps what comes in lists."""
        if self.on_audio is None:
            self.on_audio = lambda *item: self.kept_frames.append(item)
        if self.on_event is None:
            self.on_event = lambda *item: self.kept_events.append(item)
        self.drain()

    def frames(self) -> list:
        self._gather()
        out, self.kept_frames = self.kept_frames, []
        return out

    def events(self) -> list:
        self._gather()
        out, self.kept_events = self.kept_events, []
        return out
