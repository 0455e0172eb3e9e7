# SPDX-License-Identifier: GPL-3.0-or-later
# What a leg of the worker and a leg in virtual time have in common: the engine's side of mc_leg.
from libc.stdint cimport uint32_t

from mediacore.c_leg cimport mc_leg, mc_leg_cfg, mc_leg_params, mc_tap


cdef class Port:
    cdef mc_leg *leg         # NULL once closed
    cdef mc_tap *tap_queue   # made by the first tap(True), NULL before
    cdef object right        # bytearray: what the tap brought and no block has yet
    cdef dict last           # what a closed leg still answers
    cdef bint reading        # frames are fetched by read(), not handed to on_audio
    cdef uint32_t wanted     # samples that read() waits for
    cdef object waiter       # the future of the read() that waits, or None
    cdef public object on_audio
    cdef public object on_event
    cdef object __weakref__

    cdef int deliver(self, object on_error) except -1
    cdef bint readable(self)
    cdef int wake_reader(self) except -1
    cdef int need(self) except -1
    cdef dict keep_last(self)
    cdef mc_tap *tap_of_python(self) except NULL


cdef int fill_cfg(mc_leg_cfg *cfg, int rate, double tx_seconds, double rx_timeout, bint suppress, str name,
                  bint inband_dtmf, int jitter_max_ms, int jitter_price_ms) except -1
cdef int fill_params(mc_leg_params *p, str codec, int clock, int pt, int event_pt, int ptime_ms, str fmtp,
                     int cn_pt) except -1
cdef dict params_dict(const mc_leg_params *p)
cdef dict params_stats(dict params)
