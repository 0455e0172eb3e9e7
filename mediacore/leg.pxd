# SPDX-License-Identifier: GPL-3.0-or-later
from mediacore.c_worker cimport mc_udp_leg
from mediacore.port cimport Port
from mediacore.worker cimport Worker


cdef class Leg(Port):
    cdef Worker worker
    cdef mc_udp_leg *udp
    cdef bint native_echo
    cdef int call_id

    cdef tuple ask_params(self)
    cdef void release(self, bint closed) noexcept
