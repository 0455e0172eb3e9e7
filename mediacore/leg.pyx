# SPDX-License-Identifier: GPL-3.0-or-later
"""A media leg of a worker."""
from libc.stdint cimport uint16_t

from mediacore cimport c_leg as c
from mediacore cimport c_worker as w
from mediacore.errors cimport check
from mediacore.port cimport Port, fill_cfg, fill_params, params_dict, params_stats
from mediacore.worker cimport Worker, live_legs

from mediacore.errors import ArgumentError, StateError


cdef int parse_address(w.sockaddr_storage *out, w.socklen_t *n, tuple address, str what) except -1:
    host, port = address
    if not 0 <= port <= 65535:
        raise ArgumentError(f"{what}: port {port} is not between 0 and 65535")
    cdef bytes raw = host.encode()
    return check(w.mc_addr_parse(out, n, raw, <uint16_t>port), f"{what}: {host!r} is not a numeric IP address")


cdef class Leg(Port):
    """See leg.pyi for the interface."""

    def __cinit__(self, Worker worker not None, *, int rate=16000, double tx_seconds=4.0, str name="", double rx_timeout=0.0,
                  bint suppress_silence=False, bint inband_dtmf=False, int jitter_max_ms=400, int jitter_price_ms=20):
        cdef c.mc_leg_cfg cfg
        fill_cfg(&cfg, rate, tx_seconds, rx_timeout, suppress_silence, name, inband_dtmf, jitter_max_ms, jitter_price_ms)
        cfg.live = live_legs()
        self.worker = worker
        self.call_id = -1
        check(w.mc_worker_leg_new(worker.handle(), &self.leg, &cfg), "a new leg: the worker has max_legs already")
        c.mc_leg_set_user(self.leg, <void *>self)

    def __dealloc__(self):
        self.release(False)

    cdef void release(self, bint closed) noexcept:
        cdef c.mc_leg *leg = self.leg
        cdef w.mc_udp_leg *udp = self.udp
        if leg == NULL:
            return
        # First of all: drain() finds nobody from here on.
        c.mc_leg_set_user(leg, NULL)
        self.leg = NULL
        self.udp = NULL
        with nogil:
            if udp != NULL:
                w.mc_udp_leg_stop(udp)
            if not closed:
                w.mc_worker_leg_close(leg, NULL, 0, NULL)
            if self.tap_queue != NULL:
                w.mc_worker_untap(leg, self.tap_queue)
            c.mc_leg_unref(leg)

    def close(self) -> None:
        cdef char text[512]
        cdef c.mc_leg_params params
        cdef c.mc_leg *leg = self.leg
        cdef int rc
        if leg != NULL:
            with nogil:
                rc = w.mc_worker_leg_close(leg, text, sizeof(text), &params)
            if self.udp != NULL:
                self.stop()
            self.keep_last().update(describe=text.decode(), params=params_dict(&params) if rc >= 0 else None)
            self.release(True)
            self.wake_reader()

    def stop(self) -> None:
        if self.leg == NULL:
            return
        cdef c.mc_leg *leg = self.leg
        cdef w.mc_udp_leg *udp = self.udp
        self.udp = NULL
        with nogil:
            if udp != NULL:
                w.mc_udp_leg_stop(udp)
            else:
                w.mc_worker_leg_stop(leg)

    def write(self, pcm) -> int:
        if self.native_echo:
            raise StateError("the leg echoes natively: its output ring belongs to the worker")
        return Port.write(self, pcm)

    def tap(self, bint on) -> None:
        cdef c.mc_leg *leg = self.leg
        cdef c.mc_tap *tap
        cdef int rc = 0
        if leg == NULL or (not on and self.tap_queue == NULL):
            return
        tap = self.tap_of_python()
        with nogil:
            w.mc_worker_untap(leg, tap)
            if on:
                rc = w.mc_worker_tap(leg, tap)
        check(rc, "tap: the leg is recorded")

    def echo_native(self, bint on) -> None:
        self.need()
        cdef c.mc_leg *leg = self.leg
        cdef const c.mc_sink *sink = &c.mc_sink_echo if on else &c.mc_sink_engine
        with nogil:
            w.mc_worker_set_sink(leg, sink)
        self.native_echo = on

    def describe(self) -> str:
        cdef char text[512]
        cdef c.mc_leg *leg = self.leg
        if leg == NULL:
            return self.last["describe"]
        with nogil:
            w.mc_worker_describe(leg, text, sizeof(text))
        return text.decode()

    cdef tuple ask_params(self):
        """(runs, what it runs or ran last with: None = never)"""
        cdef c.mc_leg_params p
        cdef c.mc_leg *leg = self.leg
        cdef int runs
        if leg == NULL:
            return False, self.last["params"]
        with nogil:
            runs = w.mc_worker_params(leg, &p)
        return runs == 1, params_dict(&p) if runs >= 0 else None

    @property
    def params(self) -> dict | None:
        runs, params = self.ask_params()
        return params if runs else None

    def stats(self) -> dict:
        params = self.ask_params()[1]
        return {**params_stats(params), **self.counters()}

    def bind_call(self, int call_id) -> None:
        self.need()
        check(c.mc_seam_bind(call_id, self.leg), f"bind_call: call id {call_id} is out of range")
        self.call_id = call_id

    def unbind_call(self) -> None:
        if self.call_id >= 0:
            c.mc_seam_bind(self.call_id, NULL)
            self.call_id = -1

    def start_udp(self, *, tuple local, tuple remote, str codec="PCMU", int clock=8000, int pt=0, int event_pt=101,
                  int ptime_ms=20, str fmtp="", int cn_pt=0, bint send=True, bint recv=True, bint rtcp=False) -> tuple[str, int]:
        cdef c.mc_leg_params params
        cdef w.mc_udp_ends ends
        cdef char text[64]
        cdef uint16_t port
        cdef int rc
        cdef c.mc_leg *leg = self.leg
        self.need()
        if self.udp != NULL or self.started:
            raise StateError("start_udp: the leg runs already")
        fill_params(&params, codec, clock, pt, event_pt, ptime_ms, fmtp, cn_pt)
        params.send = send
        params.recv = recv
        ends.rtcp = rtcp
        parse_address(&ends.local, &ends.local_len, local, "local")
        parse_address(&ends.remote, &ends.remote_len, remote, "remote")
        with nogil:
            rc = w.mc_udp_leg_start(&self.udp, leg, &params, &ends)
        check(rc, f"start_udp {local} {codec}/{clock}")
        check(w.mc_addr_format(&ends.local, text, sizeof(text), &port), "start_udp")
        return text.decode(), port
