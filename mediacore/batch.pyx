# SPDX-License-Identifier: GPL-3.0-or-later
"""Several frames of the machine ear in one object."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, uint64_t

from mediacore cimport c_leg as c
from mediacore.c_leg cimport mc_frame, mc_leg


cdef class Batch:
    """See batch.pyi for the interface."""

    @property
    def index(self) -> int:
        return self.frames[0][0] if self.frames else 0

    @property
    def arrival_us(self) -> int:
        return self.frames[-1][1] if self.frames else 0

    @property
    def lost(self) -> bool:
        return any(lost for _, _, lost in self.frames)

    def __repr__(self) -> str:
        return f"<Batch of {len(self.frames)} frames from sample {self.index}, {len(self.pcm) // 2} samples{', with gaps' if self.lost else ''}>"


cdef Batch take_batch(mc_leg *leg, size_t samples):
    """Whole frames, until `samples` are reached or no more wait, or before a place where some are missing. leg NULL: nothing."""
    cdef Batch batch = Batch.__new__(Batch)
    cdef const mc_frame *front
    cdef mc_frame frame
    cdef uint64_t next_index = 0
    cdef size_t n = 0
    cdef list frames = []
    cdef bytes pcm
    cdef list parts = []
    while leg != NULL and n < samples:
        front = c.mc_leg_front_ear(leg)
        if front == NULL or (n > 0 and front.index != next_index):
            break
        c.mc_leg_pop_ear(leg, &frame)
        pcm = PyBytes_FromStringAndSize(NULL, frame.n * sizeof(int16_t))
        c.mc_leg_take_ear(leg, <int16_t *>PyBytes_AS_STRING(pcm), frame.n)
        parts.append(pcm)
        frames.append((frame.index, frame.arrival_us, frame.lost))
        next_index = frame.index + frame.n
        n += frame.n
    batch.pcm = parts[0] if len(parts) == 1 else b"".join(parts)
    batch.frames = tuple(frames)
    return batch
