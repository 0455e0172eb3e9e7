# SPDX-License-Identifier: GPL-3.0-or-later
# csrc/worker.h, udp.h and clock.h, as far as Python needs them.
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from mediacore.c_dsp cimport mc_fmtp
from mediacore.c_leg cimport cbool, mc_leg, mc_leg_cfg, mc_leg_params, mc_live, mc_seam, mc_sink, mc_tap


cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    cdef struct sockaddr_storage:
        pass


cdef extern from "clock.h" nogil:
    uint64_t mc_clock_us()


cdef extern from "udp.h" nogil:
    int mc_addr_parse(sockaddr_storage *out, socklen_t *len, const char *text, uint16_t port)
    int mc_addr_format(const sockaddr_storage *addr, char *text, size_t size, uint16_t *port)


cdef extern from "worker.h" nogil:
    cdef struct mc_worker:
        pass
    cdef struct mc_udp_leg:
        pass

    cdef struct mc_worker_cfg:
        int cpu
        cbool fifo
        uint32_t max_legs
        mc_live *live_workers
        mc_live *live_socks

    cdef struct mc_worker_stats:
        uint64_t legs
        uint64_t ticks
        uint64_t late_max_us
        uint64_t late_sum_us
        uint64_t overruns
        uint64_t rx_packets
        uint64_t tx_packets
        uint64_t rx_dropped
        uint64_t tx_dropped
        uint64_t wakeups
        uint64_t signals
        uint64_t last_tick_us
        uint64_t fifo

    cdef struct mc_udp_ends:
        sockaddr_storage local
        sockaddr_storage remote
        socklen_t local_len
        socklen_t remote_len
        cbool rtcp

    int mc_worker_new(mc_worker **out, const mc_worker_cfg *cfg)
    void mc_worker_close(mc_worker *w)
    int mc_worker_start(mc_worker *w)
    void mc_worker_stop(mc_worker *w)
    void mc_worker_stats_read "mc_worker_stats"(const mc_worker *w, mc_worker_stats *out)
    const mc_seam *mc_worker_seam(mc_worker *w)
    void mc_worker_seam_cfg(mc_worker *w, cbool rest, const mc_fmtp *ask)
    int mc_worker_fd(const mc_worker *w)
    size_t mc_worker_ready(mc_worker *w)
    mc_leg *mc_worker_pop(mc_worker *w)
    void mc_worker_done(mc_worker *w)
    int mc_worker_leg_new(mc_worker *w, mc_leg **out, const mc_leg_cfg *cfg)
    void mc_worker_leg_stop(mc_leg *leg)
    int mc_worker_leg_close(mc_leg *leg, char *text, size_t size, mc_leg_params *params)
    int mc_worker_set_sink(mc_leg *leg, const mc_sink *sink)
    int mc_worker_tap(mc_leg *leg, mc_tap *tap)
    void mc_worker_untap(mc_leg *leg, mc_tap *tap)
    int mc_worker_describe(mc_leg *leg, char *out, size_t size)
    int mc_worker_params(mc_leg *leg, mc_leg_params *out)
    int mc_udp_leg_start(mc_udp_leg **out, mc_leg *leg, const mc_leg_params *params, mc_udp_ends *ends)
    void mc_udp_leg_stop(mc_udp_leg *ul)
