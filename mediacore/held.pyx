# SPDX-License-Identifier: GPL-3.0-or-later
"""What the SIP stack holds (csrc/held.h)."""
from libc.stdint cimport uint64_t


cdef extern from "held.h" nogil:
    enum: MC_HELD_ALL
    const char *const *mc_held_names
    uint64_t mc_held_get(int what)


def sip_held() -> dict:
    """See held.pyi."""
    return {mc_held_names[i].decode(): mc_held_get(i) for i in range(MC_HELD_ALL)}
