# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings, and the C thread that writes them."""
import os

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset
from posix.unistd cimport read

from mediacore cimport c_leg as c
from mediacore cimport c_record as r
from mediacore cimport c_worker as w
from mediacore.errors cimport check
from mediacore.leg cimport Leg
from mediacore.port cimport Port
from mediacore.worker cimport live_recordings

from mediacore.errors import ArgumentError, StateError
from mediacore.worker import report

RECORD_FORMATS = ("wav", "opus")


cdef class Recorder:
    """See record.pyi for the interface."""

    cdef r.mc_recorder *ptr
    cdef set recordings  # those whose files are not complete
    cdef public object on_error

    def __cinit__(self):
        self.recordings = set()
        self.on_error = report
        check(r.mc_recorder_new(&self.ptr), "a new recorder")

    def __dealloc__(self):
        self.let_go()

    cdef r.mc_recorder *handle(self) except NULL:
        if self.ptr == NULL:
            raise StateError("the recorder is closed")
        return self.ptr

    cdef void let_go(self) noexcept:
        cdef r.mc_recorder *ptr = self.ptr
        self.ptr = NULL
        if ptr != NULL:
            with nogil:
                r.mc_recorder_unref(ptr)

    def fileno(self) -> int:
        return r.mc_recorder_fd(self.handle())

    def drain(self) -> int:
        cdef uint64_t count
        cdef ssize_t n = read(r.mc_recorder_fd(self.handle()), &count, sizeof(count))
        return self.tell()

    cdef int tell(self) except -1:
        told = 0
        for recording in list(self.recordings):
            told += (<Recording>recording).tell(self.on_error)
            if (<Recording>recording).done:
                self.recordings.discard(recording)
        return told

    def close(self) -> None:
        if self.ptr == NULL:
            return
        for recording in self.recordings:
            recording.stop()
        for recording in self.recordings:
            (<Recording>recording).wait()
        self.tell()
        self.let_go()


cdef class Recording:
    cdef r.mc_record *rec          # NULL once the file is complete and the last statistics are kept
    cdef r.mc_recorder *recorder   # NULL: in virtual time
    cdef c.mc_leg *leg             # NULL once stopped
    cdef bint added                # the recorder knows it
    cdef dict last
    cdef tuple told
    cdef readonly str path
    cdef readonly str format
    cdef readonly int rate
    cdef readonly uint64_t start_us
    cdef public object on_change

    def __cinit__(self, Recorder recorder, Port leg not None, path, format="wav", *, start_us=None):
        cdef r.mc_record_cfg cfg
        cdef bytes raw_path = os.fsencode(path)
        cdef bytes raw_format = str(format).encode()
        if format not in RECORD_FORMATS:
            raise ArgumentError(f"format must be one of {RECORD_FORMATS}, not {format!r}")
        if b"\0" in raw_path:
            raise ArgumentError("path must not contain NUL")
        if (recorder is None) == isinstance(leg, Leg):
            raise ArgumentError("a Leg needs a Recorder; a VirtualLeg has none")
        if recorder is None and start_us is None:
            raise ArgumentError("a VirtualLeg's recording needs start_us, its virtual time")
        leg.need()
        memset(&cfg, 0, sizeof(cfg))
        cfg.path, cfg.format = raw_path, raw_format
        cfg.rate = c.mc_leg_rate(leg.leg)
        cfg.start_us = w.mc_clock_us() if start_us is None else start_us
        cfg.serial = <uint32_t>int.from_bytes(os.urandom(4), "little")
        cfg.live = live_recordings()
        self.path, self.format, self.rate, self.start_us = os.fsdecode(path), format, cfg.rate, cfg.start_us
        self.told = (False, None, False)
        check(r.mc_record_new(&self.rec, &cfg), f"a recording at {cfg.rate} Hz")
        if recorder is not None:
            self.recorder = recorder.handle()
            r.mc_recorder_ref(self.recorder)
        self.attach(leg)
        if recorder is not None:
            self.added = True
            r.mc_recorder_add(self.recorder, self.rec)
            recorder.recordings.add(self)

    def __dealloc__(self):
        cdef bint begun = self.leg != NULL or self.added
        if self.rec != NULL:
            self.detach()
            if begun:
                self.complete()
            self.release()

    cdef int attach(self, Port port) except -1:
        cdef c.mc_leg *leg = port.leg
        cdef c.mc_tap *tap = r.mc_record_tap(self.rec)
        cdef int rc = 0
        if isinstance(port, Leg):
            with nogil:
                rc = w.mc_worker_tap(leg, tap)
        elif c.mc_leg_tap(leg) == NULL:
            c.mc_leg_set_tap(leg, tap)
        else:
            raise StateError("the leg is tapped already")
        check(rc, "the leg is recorded already")
        self.leg = leg
        c.mc_leg_ref(leg)
        return 0

    cdef void detach(self) noexcept:
        cdef c.mc_leg *leg = self.leg
        cdef c.mc_tap *tap
        self.leg = NULL
        if leg == NULL:
            return
        tap = r.mc_record_tap(self.rec)
        if self.recorder == NULL:
            if c.mc_leg_tap(leg) == tap:
                c.mc_leg_set_tap(leg, NULL)
            c.mc_leg_unref(leg)
        else:
            with nogil:
                w.mc_worker_untap(leg, tap)
                c.mc_leg_unref(leg)
                r.mc_recorder_end(self.recorder, self.rec)

    cdef void complete(self) noexcept:
        cdef r.mc_record_stats s
        r.mc_record_stats_read(self.rec, &s)
        if self.recorder == NULL:
            if not s.done:
                r.mc_record_finish(self.rec)
        else:
            with nogil:
                r.mc_recorder_wait(self.recorder, self.rec)

    cdef void release(self) noexcept:
        cdef r.mc_recorder *recorder = self.recorder
        r.mc_record_free(self.rec)
        self.rec = NULL
        self.recorder = NULL
        if recorder != NULL:
            with nogil:
                r.mc_recorder_unref(recorder)

    cdef int wait(self) except -1:
        if self.rec != NULL:
            self.complete()
            self.keep_last()
        return 0

    cdef int keep_last(self) except -1:
        self.last = self.stats()
        self.release()
        return 0

    cdef int tell(self, object on_error) except -1:
        """on_change, if there is something new in what matters: loss, trouble, done."""
        stats = self.stats()
        now = (stats["lost"] > 0, stats["error"], stats["done"])
        if now == self.told:
            return 0
        self.told = now
        if stats["done"] and self.rec != NULL:
            self.keep_last()
        if self.on_change is not None:
            try:
                self.on_change(self)
            except Exception as exc:
                on_error(self, exc)
        return 1

    @property
    def done(self) -> bool:
        return self.stats()["done"]

    @property
    def paused(self) -> bool:
        return self.rec != NULL and r.mc_tap_paused(r.mc_record_tap(self.rec))

    def pause(self) -> None:
        if self.rec != NULL:
            r.mc_tap_pause(r.mc_record_tap(self.rec))

    def resume(self, *, now_us=None) -> None:
        cdef uint64_t at
        if self.rec != NULL:
            at = w.mc_clock_us() if self.recorder != NULL else now_us
            r.mc_tap_resume(r.mc_record_tap(self.rec), at)

    def turn(self, uint64_t now_us) -> None:
        if self.recorder != NULL:
            raise StateError("the recorder's thread writes this recording")
        if self.leg != NULL:
            r.mc_record_turn(self.rec, now_us)

    def stop(self) -> None:
        if self.leg == NULL:
            return
        self.detach()
        if self.recorder == NULL:
            self.wait()

    def stats(self) -> dict:
        cdef r.mc_record_stats s
        if self.rec == NULL:
            return self.last
        r.mc_record_stats_read(self.rec, &s)
        return dict(
            samples=s.frames, lost=s.lost, bytes=s.bytes, errors=s.n_errors, error=os.strerror(s.error) if s.error else None,
            done=bool(s.done),
        )
