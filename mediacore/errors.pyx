# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where an MC_E_ value becomes an exception."""
from libc.errno cimport errno

import os

cdef extern from "err.h" nogil:
    const char *mc_strerror(int rc)
    enum: MC_E_ARG, MC_E_SHORT, MC_E_FORMAT, MC_E_EMPTY, MC_E_NOMEM, MC_E_SYS, MC_E_CODEC, MC_E_STATE


class MediaError(Exception):
    """Anything the media core refuses."""


class ArgumentError(MediaError, ValueError):
    """The caller asked for something that can't be."""


class FormatError(MediaError, ValueError):
    """Bytes that are not what they should be."""


class CodecError(MediaError, ValueError):
    """Unknown codec, or the codec library refused."""


class StateError(MediaError):
    """Right call, wrong moment."""


class FullError(MediaError):
    """No room now; nothing was taken."""


class SystemError_(MediaError, OSError):
    """A system call failed; errno says which way."""


_KINDS = {
    MC_E_ARG: ArgumentError, MC_E_SHORT: FormatError, MC_E_FORMAT: FormatError, MC_E_FULL: FullError, MC_E_CODEC: CodecError,
    MC_E_STATE: StateError,
}


cdef int check(int rc, object what) except -1:
    """Returns rc, or raises what it means; `what` names the thing that was tried."""
    if rc >= 0:
        return rc
    cdef int err = errno
    text = mc_strerror(rc).decode()
    if rc == MC_E_NOMEM:
        raise MemoryError(what)
    if rc == MC_E_SYS:
        raise SystemError_(err, f"{what}: {os.strerror(err)}")
    raise _KINDS.get(rc, MediaError)(f"{what}: {text}")
