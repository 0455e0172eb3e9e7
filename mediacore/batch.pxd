# SPDX-License-Identifier: GPL-3.0-or-later
from mediacore.c_leg cimport mc_leg


cdef class Batch:
    cdef readonly bytes pcm
    cdef readonly tuple frames


cdef Batch take_batch(mc_leg *leg, size_t samples)
