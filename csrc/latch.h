/* SPDX-License-Identifier: GPL-3.0-or-later
 * Symmetric RTP (RFC 4961) for one leg: whose packets count and where ours go.
 *
 *   SDP's address --(a run of packets from elsewhere, before anything came from there)--> elsewhere
 *   locked, once packets came: only SRTP, SDP's own address, or the same stream (SSRC) after a silence moves it
 *   SDP has another address: from the beginning
 *
 * A stranger who sends a run is believed only while the leg has heard nobody, and not beyond the first packet from SDP's address. */
#ifndef MC_LATCH_H
#define MC_LATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define MC_LATCH_RUN 4               /* consecutive packets that make a new source believable */
#define MC_LATCH_SILENCE_US 3000000u /* a source heard less long ago than this is not displaced */

struct mc_latch {
    struct sockaddr_storage sdp, current;
    bool heard;        /* current has sent something: locked */
    uint32_t ssrc;     /* of its stream */
    uint64_t heard_us; /* when it did last */
    struct sockaddr_storage candidate;
    uint32_t candidate_ssrc;
    uint16_t next_seq; /* that continues the candidate's run */
    unsigned run;
};

enum mc_latch_verdict {
    MC_LATCH_STRANGER,  /* not from the peer */
    MC_LATCH_CANDIDATE, /* not from the peer as far as we know; more of them may change that */
    MC_LATCH_ACCEPT,
    MC_LATCH_MOVE, /* accept, and send to this source from now on */
};

void mc_latch_init(struct mc_latch *latch, const struct sockaddr *sdp, socklen_t len);
/* SDP was settled again. With the same address in it all that was learnt holds, the lock too: a hold or a session refresh is no
 * chance for strangers. With another one everything begins anew. */
void mc_latch_renew(struct mc_latch *latch, const struct sockaddr *sdp, socklen_t len);
/* One well-formed RTP packet. `authentic`: SRTP has verified it. */
enum mc_latch_verdict mc_latch_packet(struct mc_latch *latch, const struct sockaddr *from, uint32_t ssrc, uint16_t seq,
                                      bool authentic, uint64_t now_us);
/* Whether other packets on the RTP socket (RTCP, RFC 5761; payload types that were not agreed on) may be the peer's: once locked its
 * very address, before that its host. */
bool mc_latch_is_peer(const struct mc_latch *latch, const struct sockaddr *from);

#endif
