# SPDX-License-Identifier: GPL-3.0-or-later
"""The media worker: a C thread that Python starts and stops, and never meets."""
import sys
from types import SimpleNamespace

from libc.string cimport memset

from mediacore cimport c_leg as c
from mediacore cimport c_worker as w
from mediacore.c_dsp cimport mc_fmtp
from mediacore.c_leg cimport mc_live
from mediacore.errors cimport check
from mediacore.port cimport Port

from mediacore.errors import ArgumentError, StateError

cdef mc_live n_legs = 0
cdef mc_live n_socks = 0
cdef mc_live n_workers = 0
cdef mc_live n_sinks = 0
cdef mc_live n_recordings = 0


cdef mc_live *live_legs() noexcept:
    return &n_legs


cdef mc_live *live_sinks() noexcept nogil:
    return &n_sinks


cdef mc_live *live_recordings() noexcept:
    return &n_recordings


def live() -> dict[str, int]:
    """Native objects that exist now; all zero when everything was closed."""
    return {"legs": n_legs, "socks": n_socks, "workers": n_workers, "sinks": n_sinks, "recordings": n_recordings}


def clock_us() -> int:
    """CLOCK_MONOTONIC in microseconds: the clock of every time in this package."""
    return w.mc_clock_us()


def report(leg, exc) -> None:
    """Default of Worker.on_error: as Python reports what nobody can catch."""
    sys.unraisablehook(SimpleNamespace(
        exc_type=type(exc), exc_value=exc, exc_traceback=exc.__traceback__, err_msg="handler of a media leg", object=leg,
    ))


cdef class Worker:
    """See worker.pyi for the interface."""

    def __cinit__(self, *, int cpu=-1, bint fifo=True, int max_legs=4096):
        cdef w.mc_worker_cfg cfg
        if cpu < -1 or cpu >= 1024:
            raise ArgumentError(f"cpu must be -1 (anywhere) or a processor's number, not {cpu}")
        if not 1 <= max_legs <= 65536:
            raise ArgumentError(f"max_legs must lie between 1 and 65536, not {max_legs}")
        cfg.cpu = cpu
        cfg.fifo = fifo
        cfg.max_legs = max_legs
        cfg.live_workers = &n_workers
        cfg.live_socks = &n_socks
        check(w.mc_worker_new(&self.ptr, &cfg), "a new worker")
        self.cpu = cpu
        self.on_error = report

    def __dealloc__(self):
        self.close()

    cdef w.mc_worker *handle(self) except NULL:
        if self.ptr == NULL:
            raise StateError("the worker is closed")
        return self.ptr

    def start(self) -> None:
        check(w.mc_worker_start(self.handle()), f"start of the worker (cpu {self.cpu})")

    def stop(self) -> None:
        cdef w.mc_worker *ptr = self.handle()
        with nogil:
            w.mc_worker_stop(ptr)

    def close(self) -> None:
        cdef w.mc_worker *ptr = self.ptr
        if ptr == NULL:
            return
        if c.mc_seam_get() == w.mc_worker_seam(ptr):
            c.mc_seam_set(NULL)
        self.ptr = NULL
        with nogil:
            w.mc_worker_close(ptr)

    def fileno(self) -> int:
        return w.mc_worker_fd(self.handle())

    def drain(self) -> int:
        cdef w.mc_worker *ptr = self.handle()
        cdef size_t ready = w.mc_worker_ready(ptr)
        cdef c.mc_leg *leg
        cdef void *user
        cdef int n = 0
        while ready > 0 and self.ptr != NULL:
            ready -= 1
            leg = w.mc_worker_pop(ptr)
            if leg == NULL:
                break
            user = c.mc_leg_user(leg)
            try:
                if user != NULL:
                    n += (<Port><object>user).deliver(self.on_error)
            finally:
                c.mc_leg_unref(leg)
        if self.ptr != NULL:  # a handler may have closed it
            w.mc_worker_done(ptr)
        return n

    def stats(self) -> dict:
        cdef w.mc_worker_stats s
        w.mc_worker_stats_read(self.handle(), &s)
        return dict(
            legs=s.legs, ticks=s.ticks, late_max_us=s.late_max_us, late_sum_us=s.late_sum_us, overruns=s.overruns,
            rx_packets=s.rx_packets, tx_packets=s.tx_packets, rx_dropped=s.rx_dropped, tx_dropped=s.tx_dropped, wakeups=s.wakeups,
            signals=s.signals, fifo=bool(s.fifo), cpu=self.cpu, last_tick_us=s.last_tick_us,
        )

    def install_seam(self, *, bint suppress_silence=False, unsigned int opus_max_bitrate=0, bint opus_cbr=False) -> None:
        cdef mc_fmtp ask
        memset(&ask, 0, sizeof(ask))
        ask.dtx, ask.max_average_bitrate, ask.cbr = suppress_silence, opus_max_bitrate, opus_cbr
        w.mc_worker_seam_cfg(self.handle(), suppress_silence, &ask)
        c.mc_seam_set(w.mc_worker_seam(self.handle()))

    def uninstall_seam(self) -> None:
        if c.mc_seam_get() == w.mc_worker_seam(self.handle()):
            c.mc_seam_set(NULL)
