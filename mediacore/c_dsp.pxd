# SPDX-License-Identifier: GPL-3.0-or-later
# csrc/codec.h, resample.h, level.h, rtp.h and jitter.h, as far as Python needs them.
from libc.stdint cimport int16_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from mediacore.c_leg cimport cbool


cdef extern from "codec.h" nogil:
    enum: MC_CODEC_MAX_PCM

    cdef struct mc_fmtp:
        uint32_t max_average_bitrate
        cbool cbr
        cbool dtx

    cdef struct mc_codec:
        const char *name
        uint8_t pt
        uint32_t clock
        uint32_t rate
        size_t enc_size
        size_t dec_size
        const char *fmtp
        int (*enc_init)(void *enc, const mc_fmtp *remote, unsigned ptime_ms) noexcept nogil
        int (*dec_init)(void *dec) noexcept nogil
        int (*encode)(void *enc, const int16_t *pcm, size_t n, uint8_t *out, size_t size) noexcept nogil
        int (*decode)(void *dec, const uint8_t *data, size_t len, int16_t *pcm, size_t max) noexcept nogil
        int (*conceal)(void *dec, const uint8_t *next, size_t len, int16_t *pcm, size_t n) noexcept nogil

    const mc_codec *const *mc_codecs
    const mc_codec *mc_codec_find(const char *name, uint32_t clock)
    int mc_fmtp_parse(mc_fmtp *out, const char *text, size_t len)


cdef extern from "resample.h" nogil:
    cdef struct mc_resample:
        pass
    int mc_resample_init(mc_resample *rs, uint32_t rate_in, uint32_t rate_out)
    int mc_resample_run(mc_resample *rs, const int16_t *data, size_t n, int16_t *out, size_t max)
    uint32_t mc_resample_delay_us(const mc_resample *rs)


cdef extern from "plc.h" nogil:
    cdef struct mc_plc:
        pass
    int mc_plc_init(mc_plc *plc, uint32_t rate)
    void mc_plc_good(mc_plc *plc, int16_t *pcm, size_t n)
    void mc_plc_conceal(mc_plc *plc, int16_t *pcm, size_t n)
    void mc_plc_between(mc_plc *plc, int16_t *pcm, size_t n, const int16_t *next, size_t n_next)


cdef extern from "tone.h" nogil:
    enum: MC_TONE_STEPS
    cdef struct mc_tone_plan:
        const char *name
    cdef struct mc_tone:
        pass
    const mc_tone_plan *mc_tone_plans
    const mc_tone_plan *mc_tone_find(const char *name)
    int mc_tone_dtmf(mc_tone_plan *out, char digit, uint32_t on_ms, uint32_t off_ms)
    int mc_tone_init(mc_tone *tone, const mc_tone_plan *plan, uint32_t rate)
    size_t mc_tone_run(mc_tone *tone, int16_t *pcm, size_t n)


cdef extern from "goertzel.h" nogil:
    cdef struct mc_inband_digit:
        char digit
        uint32_t ms
    cdef struct mc_inband:
        pass
    int mc_inband_init(mc_inband *inband, uint32_t rate)
    int mc_inband_run(mc_inband *inband, const int16_t *pcm, size_t n, size_t *used, mc_inband_digit *out)


cdef extern from "level.h" nogil:
    int mc_level_ddb(const int16_t *pcm, size_t n)


cdef extern from "rtp.h" nogil:
    cdef struct mc_rtp:
        cbool marker
        uint8_t pt
        uint16_t seq
        uint32_t ts
        uint32_t ssrc
        const uint8_t *payload
        size_t len
    int mc_rtp_parse(mc_rtp *out, const uint8_t *buf, size_t len)


cdef extern from "jitter.h" nogil:
    cdef struct mc_jb:
        pass
    cdef struct mc_jb_cfg:
        uint32_t clock
        uint32_t min_ms
        uint32_t max_ms
        uint32_t capacity
        uint32_t tick_us
        uint32_t price_us
    cdef enum mc_jb_what:
        MC_JB_EMPTY
        MC_JB_FRAME
        MC_JB_LOST
    cdef struct mc_jb_frame:
        mc_jb_what what
        const uint8_t *payload
        size_t len
        uint8_t pt
        uint32_t ts
        cbool marker
        uint64_t arrival_us
        uint32_t step
        uint32_t n_skipped
    cdef struct mc_jb_stats:
        uint64_t n_in
        uint64_t n_played
        uint64_t n_lost
        uint64_t n_late
        uint64_t n_dup
        uint64_t n_dropped
        uint64_t n_empty
        uint64_t n_restart
        uint32_t target_ms
        uint32_t depth_ms
    mc_jb *mc_jb_new(const mc_jb_cfg *cfg)
    void mc_jb_free(mc_jb *jb)
    int mc_jb_put(mc_jb *jb, const mc_rtp *pkt, uint64_t now_us)
    int mc_jb_get(mc_jb *jb, uint64_t now_us, uint32_t ahead_us, mc_jb_frame *out)
    int32_t mc_jb_scale_us(const mc_jb *jb, bint quiet)
    void mc_jb_stats_read "mc_jb_stats"(const mc_jb *jb, mc_jb_stats *out)
