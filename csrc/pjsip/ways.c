/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ways.h"

#define RTCP_SILENCE_US                                                                                                        \
    30000000u /* RFC 3550 section 6.3.5: after five intervals of at least 5 s, and some, it may be elsewhere */

static void set_port(pj_sockaddr *addr, const pj_sockaddr *like, unsigned above) {
    pj_sockaddr_set_port(addr, (pj_uint16_t)(pj_sockaddr_get_port(like) + above));
}

static void aim_as_said(struct mc_ways *ways, const pj_sockaddr *rtp, const pj_sockaddr *rtcp) {
    ways->said[MC_RTP] = *rtp;
    ways->said[MC_RTCP] = *rtcp;
    ways->remote[MC_RTP] = ways->remote[MC_RTCP] = *rtp;
    ways->rtcp_mux = pj_sockaddr_has_addr(rtp) && !pj_sockaddr_cmp(rtp, rtcp);
    if (pj_sockaddr_has_addr(rtcp)) {
        ways->remote[MC_RTCP] = *rtcp;
    } else {
        set_port(&ways->remote[MC_RTCP], rtp, 1);
    }
    ways->rtcp_heard = false;
}

void mc_ways_aim(struct mc_ways *ways, const pj_sockaddr *rtp, const pj_sockaddr *rtcp, const pj_sockaddr *found) {
    if (pj_sockaddr_cmp(&ways->said[MC_RTP], rtp) || pj_sockaddr_cmp(&ways->said[MC_RTCP], rtcp)) {
        aim_as_said(ways, rtp, rtcp);
    }
    if (pj_sockaddr_has_addr(found) && pj_sockaddr_cmp(&ways->remote[MC_RTP], found)) {
        mc_ways_follow(ways, found);
    }
}

void mc_ways_follow(struct mc_ways *ways, const pj_sockaddr *source) {
    ways->remote[MC_RTP] = *source;
    if (ways->rtcp_mux || !ways->rtcp_heard) {
        ways->remote[MC_RTCP] = *source;
        set_port(&ways->remote[MC_RTCP], source, ways->rtcp_mux ? 0 : 1);
    }
}

bool mc_ways_is_peer(const struct mc_ways *ways, const pj_sockaddr *source, uint64_t now_us) {
    pj_sockaddr host = *source;

    if (ways->rtcp_heard && now_us - ways->rtcp_us < RTCP_SILENCE_US) {
        return !pj_sockaddr_cmp(source, &ways->remote[MC_RTCP]);
    }
    set_port(&host, &ways->remote[MC_RTP], 0);
    return !pj_sockaddr_cmp(&host, &ways->remote[MC_RTP]);
}

void mc_ways_learn(struct mc_ways *ways, const pj_sockaddr *source, uint64_t now_us) {
    ways->remote[MC_RTCP] = *source;
    ways->rtcp_heard = true;
    ways->rtcp_us = now_us;
}
