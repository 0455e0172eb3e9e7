# SPDX-License-Identifier: GPL-3.0-or-later
cdef int check(int rc, object what) except -1

cdef extern from "err.h" nogil:
    enum: MC_E_FULL
