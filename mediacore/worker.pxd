# SPDX-License-Identifier: GPL-3.0-or-later
from mediacore.c_leg cimport mc_live
from mediacore.c_worker cimport mc_worker


cdef class Worker:
    cdef mc_worker *ptr
    cdef readonly int cpu
    cdef public object on_error
    cdef object __weakref__

    cdef mc_worker *handle(self) except NULL


cdef mc_live *live_legs() noexcept
cdef mc_live *live_recordings() noexcept
cdef mc_live *live_sinks() noexcept nogil # bridges, mixers, music
