/* SPDX-License-Identifier: GPL-3.0-or-later
 * The a=crypto lines of a media description (RFC 4568). */
#ifndef MC_SDES_SDP_H
#define MC_SDES_SDP_H

#include <pjlib.h>
#include <pjmedia/sdp.h>

#include "sdes.h"

pj_status_t mc_sdes_sdp_add(pj_pool_t *pool, pjmedia_sdp_media *m, unsigned tag, const struct mc_sdes_key *key);
/* How many there are, whatever they say. */
unsigned mc_sdes_sdp_count(const pjmedia_sdp_media *m);
/* The first that can be served, with one of these suites; only the one with this tag unless it is below 0. False: there is none. */
bool mc_sdes_sdp_find(const pjmedia_sdp_media *m, const char *const *suites, unsigned n_suites, int64_t wanted, unsigned *tag,
                      struct mc_sdes_key *key);
/* Two lines with one tag (RFC 4568 section 9.1 wants each its own): an answer to it would name both. */
bool mc_sdes_sdp_ambiguous(const pjmedia_sdp_media *m, unsigned tag);

#endif
