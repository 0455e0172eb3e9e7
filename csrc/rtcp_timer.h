/* SPDX-License-Identifier: GPL-3.0-or-later
 * When to send RTCP: RFC 3550 sections 6.2 and 6.3, appendix A.7. Time is a parameter, chance a seed. */
#ifndef MC_RTCP_TIMER_H
#define MC_RTCP_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_RTCP_LOWER_LAYERS 28 /* bytes of UDP and IPv4 in front of each packet: they count (section 6.2) */

struct mc_rtcp_timer {
    uint64_t rng;
    bool initial;   /* nothing was sent yet */
    double bytes_s; /* for RTCP, all members together: a twentieth of the session */
    double min_us;  /* 5 s, or the reduced minimum */
    double size;    /* mean of RTCP packets of either side, bytes with lower layers */
    unsigned members, senders;
    bool we_sent;
    uint64_t last_us; /* when we sent last, tp */
    uint64_t next_us; /* when to look again, tn */
};

/* Starts a first interval. `session_bps`: RTP of one direction with lower layers, bits a second. Above 72 kbit/s the reduced minimum
 * of section 6.2 (360 s / kbit/s) is below 5 s and is taken, as it may be with one peer. */
void mc_rtcp_timer_init(struct mc_rtcp_timer *t, uint64_t seed, uint32_t session_bps, uint64_t now_us);
void mc_rtcp_timer_session(struct mc_rtcp_timer *t, uint32_t session_bps); /* another codec */
/* An RTCP packet came: section 6.3.3. */
void mc_rtcp_timer_heard(struct mc_rtcp_timer *t, size_t len);
/* Who is here now, ourselves included. There is no reverse reconsideration (section 6.3.4) when somebody leaves: with one peer it is
 * the minimum that decides, and a BYE would only put the next report off. */
void mc_rtcp_timer_members(struct mc_rtcp_timer *t, unsigned members, unsigned senders, bool we_sent);
/* Is it time? Timer reconsideration, section 6.3.6: says no and draws again when the interval has grown meanwhile. */
bool mc_rtcp_timer_due(struct mc_rtcp_timer *t, uint64_t now_us);
void mc_rtcp_timer_sent(struct mc_rtcp_timer *t, size_t len, uint64_t now_us);
/* The interval without chance, Td: a member that is silent for five of them is gone (section 6.3.5). */
uint64_t mc_rtcp_timer_interval_us(const struct mc_rtcp_timer *t);

#endif
