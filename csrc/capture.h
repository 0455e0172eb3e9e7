/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP and RTCP of one leg as they were on the wire, for a capture file: the media worker puts packets in, whoever writes the file takes
 * them out. What nobody takes out in time is lost, and counted. */
#ifndef MC_CAPTURE_H
#define MC_CAPTURE_H

#include <stdbool.h>

#include "pcap.h"

struct mc_capture;
struct mc_leg;

/* `whole`: with the payload; else of RTP the header alone. `room`: bytes, a power of two. MC_OK, MC_E_ARG, MC_E_NOMEM. */
int mc_capture_new(struct mc_capture **out, size_t room, bool whole);
void mc_capture_ref(struct mc_capture *c);
void mc_capture_unref(struct mc_capture *c);

/* The media worker, or whoever is its only one. Sealed as it is. */
void mc_capture_packet(struct mc_capture *c, const struct mc_pcap_end *src, const struct mc_pcap_end *dst, const uint8_t *pkt,
                       size_t len, uint64_t wall_us);
/* Any one thread at a time. Whole packets of a capture file, as many as fit. */
size_t mc_capture_read(struct mc_capture *c, uint8_t *out, size_t room);
uint64_t mc_capture_lost(const struct mc_capture *c);

/* From now on, once for a leg: it takes a reference. Any thread. MC_OK, MC_E_STATE: it has one. */
int mc_leg_set_capture(struct mc_leg *leg, struct mc_capture *c);
/* A packet came or goes; nothing unless the leg has a capture. Media worker. */
void mc_leg_seen(struct mc_leg *leg, bool sent, const struct sockaddr *ours, const struct sockaddr *theirs, const uint8_t *pkt,
                 size_t len);

#endif
