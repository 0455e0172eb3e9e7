/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where a transport's RTP and RTCP go, and whose RTCP is taken: SDP first, then what the peer's packets say. */
#ifndef MC_WAYS_H
#define MC_WAYS_H

#include "pj_internal.h"

enum { MC_RTP, MC_RTCP, MC_N_WAYS };

struct mc_ways {
    pj_sockaddr said[MC_N_WAYS]; /* by the peer's SDP */
    pj_sockaddr remote[MC_N_WAYS];
    bool rtcp_mux;    /* RFC 5761: both on the RTP socket */
    bool rtcp_heard;  /* remote[MC_RTCP] is where it came from */
    uint64_t rtcp_us; /* when */
};

/* SDP is settled. When it says the same as before, what was learnt of RTCP stays. No address of RTCP: the port above RTP's.
 * `found`: where the stream above knows the peer to be, which may be elsewhere than SDP says; no address: it knows nothing. */
void mc_ways_aim(struct mc_ways *ways, const pj_sockaddr *rtp, const pj_sockaddr *rtcp, const pj_sockaddr *found);
/* The stream above found the peer at another address. RTCP goes along until it is heard from somewhere itself. */
void mc_ways_follow(struct mc_ways *ways, const pj_sockaddr *source);
/* Whether RTCP from there can be the peer's: the host that RTP comes from, and once it came, the one port of it. */
bool mc_ways_is_peer(const struct mc_ways *ways, const pj_sockaddr *source, uint64_t now_us);
/* It was. */
void mc_ways_learn(struct mc_ways *ways, const pj_sockaddr *source, uint64_t now_us);

#endif
