/* SPDX-License-Identifier: GPL-3.0-or-later
 * Symmetric RTP (RFC 4961) for one leg: whose packets count and where ours go. Starts at the address from SDP; moves to
 * another source only after several consecutive packets of one stream from it, or at once when SRTP has authenticated them. */
#ifndef MC_LATCH_H
#define MC_LATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define MC_LATCH_RUN 4               /* consecutive packets that make a new source believable */
#define MC_LATCH_SILENCE_US 3000000u /* a source heard less long ago than this is not displaced */

struct mc_latch {
    struct sockaddr_storage current;
    bool heard;        /* current has sent something */
    uint64_t heard_us; /* when it did last */
    struct sockaddr_storage candidate;
    uint32_t ssrc;     /* of the candidate's stream */
    uint16_t next_seq; /* that continues the candidate's run */
    unsigned run;
};

enum mc_latch_verdict {
    MC_LATCH_IGNORE, /* not from the peer, as far as we know */
    MC_LATCH_ACCEPT,
    MC_LATCH_MOVE, /* accept, and send to this source from now on */
};

void mc_latch_init(struct mc_latch *latch, const struct sockaddr *sdp, socklen_t len);
/* One well-formed RTP packet. `authentic`: SRTP has verified it. */
enum mc_latch_verdict mc_latch_packet(struct mc_latch *latch, const struct sockaddr *from, uint32_t ssrc, uint16_t seq,
                                      bool authentic, uint64_t now_us);
/* The same host as the current source, whatever the port (RTCP). */
bool mc_latch_same_host(const struct mc_latch *latch, const struct sockaddr *from);

#endif
