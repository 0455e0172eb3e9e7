# SPDX-License-Identifier: GPL-3.0-or-later
# csrc/tap.h, record.h and record_thread.h, as far as Python needs them.
from libc.stdint cimport int16_t, int64_t, uint32_t, uint64_t

from mediacore.c_leg cimport cbool, mc_live, mc_tap


cdef extern from "tap.h" nogil:
    enum: MC_TAP_MAX

    cdef struct mc_tap_head:
        uint64_t t_us
        uint64_t from_us
        int64_t left_age_us
        uint32_t n_left
        uint32_t n_right

    int mc_tap_new(mc_tap **out, uint32_t rate, uint64_t from_us)
    void mc_tap_free(mc_tap *tap)
    void mc_tap_pause(mc_tap *tap)
    void mc_tap_resume(mc_tap *tap, uint64_t now_us)
    cbool mc_tap_paused(const mc_tap *tap)
    cbool mc_tap_take(mc_tap *tap, mc_tap_head *head, int16_t *left, int16_t *right)


cdef extern from "record.h" nogil:
    cdef struct mc_record:
        pass
    cdef struct mc_file_ops:
        pass

    cdef struct mc_record_cfg:
        const char *path
        const char *format
        uint32_t rate
        uint64_t start_us
        uint32_t serial
        const mc_file_ops *ops
        void *ops_ctx
        mc_live *live

    cdef struct mc_record_stats:
        uint64_t frames
        uint64_t lost
        uint64_t bytes
        uint64_t n_errors
        uint64_t error
        uint64_t done

    int mc_record_new(mc_record **out, const mc_record_cfg *cfg)
    void mc_record_free(mc_record *rec)
    mc_tap *mc_record_tap(mc_record *rec)
    void mc_record_stats_read "mc_record_stats"(const mc_record *rec, mc_record_stats *out)
    void mc_record_turn(mc_record *rec, uint64_t now_us)
    void mc_record_finish(mc_record *rec)


cdef extern from "record_thread.h" nogil:
    cdef struct mc_recorder:
        pass

    int mc_recorder_new(mc_recorder **out)
    void mc_recorder_ref(mc_recorder *r)
    void mc_recorder_unref(mc_recorder *r)
    int mc_recorder_fd(const mc_recorder *r)
    void mc_recorder_add(mc_recorder *r, mc_record *rec)
    void mc_recorder_end(mc_recorder *r, mc_record *rec)
    void mc_recorder_wait(mc_recorder *r, mc_record *rec)
