# SPDX-License-Identifier: GPL-3.0-or-later
# csrc/seam.h, sink.h and leg.h, as far as Python needs them.
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "<stdbool.h>" nogil:
    ctypedef bint cbool "bool"


cdef extern from "seam.h" nogil:
    cdef struct mc_leg:
        pass

    cdef struct mc_leg_params:
        char codec[16]
        uint32_t clock
        uint8_t tx_pt
        uint8_t rx_pt
        uint8_t event_tx_pt
        uint8_t event_rx_pt
        uint8_t cn_tx_pt
        uint8_t cn_rx_pt
        uint16_t ptime_ms
        cbool send
        cbool recv
        cbool secure
        char fmtp[256]

    cdef struct mc_wire:
        void *ctx
        int (*send_rtp)(void *ctx, const void *pkt, size_t len) noexcept nogil
        int (*send_rtcp)(void *ctx, const void *pkt, size_t len) noexcept nogil

    cdef struct mc_seam:
        pass

    const mc_seam *mc_seam_get()
    void mc_seam_set(const mc_seam *seam)
    int mc_seam_bind(int call_id, mc_leg *leg)


cdef extern from "sink.h" nogil:
    cdef struct mc_sink:
        pass

    cdef struct mc_frame:
        const int16_t *pcm
        size_t n
        uint64_t index
        uint64_t arrival_us
        cbool lost

    const mc_sink mc_sink_engine
    const mc_sink mc_sink_echo


cdef extern from "leg.h" nogil:
    enum: MC_LEG_NAME
    enum: MC_EV_STARTED
    enum: MC_EV_STOPPED
    enum: MC_EV_DTMF
    enum: MC_EV_PLAY_START
    enum: MC_EV_PLAY_END
    enum: MC_EV_FLUSHED
    enum: MC_EV_RX_TIMEOUT

    ctypedef int64_t mc_live
    cdef struct mc_path:
        pass
    cdef struct mc_tap:
        pass

    cdef struct mc_event:
        int64_t kind
        int64_t a
        int64_t b
        uint64_t t_us

    cdef struct mc_leg_cfg:
        uint32_t rate
        uint32_t tx_ms
        uint32_t rx_timeout_ms
        cbool suppress
        cbool inband_dtmf
        uint32_t jitter_max_ms
        uint32_t jitter_price_ms
        uint64_t seed
        int64_t wall_us
        char name[64]
        mc_live *live

    cdef struct mc_leg_stats:
        uint64_t rx_cn
        uint64_t tx_cn
        uint64_t rx_strangers
        uint64_t rx_candidates
        uint64_t rx_moves
        uint64_t rx_forged
        uint64_t rx_replayed
        uint64_t rx_packets
        uint64_t rx_bytes
        uint64_t rx_late
        uint64_t rx_dup
        uint64_t rx_reordered
        uint64_t rx_malformed
        uint64_t rx_ignored
        uint64_t rx_restarts
        uint64_t rx_last_us
        uint64_t rx_jitter_us
        int64_t rx_lost
        uint64_t tx_packets
        uint64_t tx_bytes
        uint64_t tx_errors
        uint64_t tx_late_max_us
        uint64_t tx_skipped
        uint64_t jb_target_ms
        uint64_t jb_depth_ms
        uint64_t concealed
        uint64_t shortened_us
        uint64_t stretched_us
        uint64_t flushed
        uint64_t underruns
        uint64_t ear_frames
        uint64_t ear_lost
        uint64_t ear_dropped
        uint64_t tap_dropped
        uint64_t events_dropped
        uint64_t rtcp_sent
        uint64_t rtcp_received
        uint64_t rtcp_malformed
        uint64_t rtcp_errors
        uint64_t rtcp_bye
        uint64_t rtt_known
        uint64_t rtt_us
        uint64_t rtt_max_us
        uint64_t remote_known
        int64_t remote_lost
        double remote_fraction
        double remote_mos_cq
        uint64_t remote_jitter_us
        double r_factor
        double mos_cq
        double mos_lq

    int mc_leg_new(mc_leg **out, const mc_leg_cfg *cfg)
    void mc_leg_ref(mc_leg *leg)
    void mc_leg_unref(mc_leg *leg)
    uint32_t mc_leg_rate(const mc_leg *leg)
    const char *mc_leg_name(const mc_leg *leg)
    size_t mc_leg_write(mc_leg *leg, const int16_t *pcm, size_t n)
    uint64_t mc_leg_flush(mc_leg *leg)
    void mc_leg_pause(mc_leg *leg, uint32_t ms)
    uint64_t mc_leg_written(const mc_leg *leg)
    uint64_t mc_leg_played(const mc_leg *leg)
    uint64_t mc_leg_pending(const mc_leg *leg)
    cbool mc_leg_takes_events(const mc_leg *leg)
    int mc_leg_send_dtmf(mc_leg *leg, const char *digits, uint32_t ms)
    cbool mc_leg_started(const mc_leg *leg)
    void mc_leg_set_rx_timeout(mc_leg *leg, uint32_t ms)
    uint32_t mc_leg_rx_timeout(const mc_leg *leg)
    void mc_leg_stats_read "mc_leg_stats"(const mc_leg *leg, mc_leg_stats *out)
    void mc_leg_ready_clear(mc_leg *leg)
    int mc_leg_pop_event(mc_leg *leg, mc_event *out)
    int mc_leg_pop_ear(mc_leg *leg, mc_frame *out)
    size_t mc_leg_ear_waiting(const mc_leg *leg)
    size_t mc_leg_ear_samples(const mc_leg *leg)
    const mc_frame *mc_leg_front_ear(mc_leg *leg)
    void mc_leg_want_ear(mc_leg *leg, uint32_t samples)
    void mc_leg_take_ear(mc_leg *leg, int16_t *pcm, size_t n)
    int mc_path_new(mc_path **out, mc_leg *leg, const mc_leg_params *params)
    void mc_path_free(mc_path *path)
    mc_path *mc_leg_start(mc_leg *leg, mc_path *path, const mc_wire *wire, uint64_t now_us)
    mc_path *mc_leg_stop(mc_leg *leg, uint64_t now_us)
    void mc_leg_on_packet(mc_leg *leg, const uint8_t *buf, size_t len, uint64_t now_us)
    void mc_leg_on_rtcp(mc_leg *leg, const uint8_t *buf, size_t len, uint64_t now_us)
    void mc_leg_bye(mc_leg *leg, uint64_t now_us)
    void mc_leg_publish(mc_leg *leg)
    int mc_leg_on_tick(mc_leg *leg, uint64_t now_us)
    const mc_leg_params *mc_leg_params_of "mc_leg_params"(const mc_leg *leg)
    const mc_leg_params *mc_leg_last_params(const mc_leg *leg)
    void mc_leg_set_sink(mc_leg *leg, const mc_sink *sink)
    int mc_leg_describe(const mc_leg *leg, char *out, size_t size)
    void mc_leg_set_tap(mc_leg *leg, mc_tap *tap)
    mc_tap *mc_leg_tap(const mc_leg *leg)
    void mc_leg_set_user(mc_leg *leg, void *user)
    void *mc_leg_user(const mc_leg *leg)
