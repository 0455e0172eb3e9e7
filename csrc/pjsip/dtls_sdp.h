/* SPDX-License-Identifier: GPL-3.0-or-later
 * a=setup and a=fingerprint (RFC 4145, RFC 8122), of a media line or, where it has none, of the whole description. */
#ifndef MC_DTLS_SDP_H
#define MC_DTLS_SDP_H

#include <pjmedia/sdp.h>

#include "dtls.h"

enum mc_setup { MC_SETUP_NONE, MC_SETUP_ACTPASS, MC_SETUP_ACTIVE, MC_SETUP_PASSIVE, MC_SETUP_OTHER };

/* False: no process certificate, or no room. */
bool mc_dtls_sdp_write(pj_pool_t *pool, pjmedia_sdp_media *m, const char *setup);
/* False: it has no fingerprint that can be trusted. */
bool mc_dtls_sdp_read(const pjmedia_sdp_session *sdp, const pjmedia_sdp_media *m, struct mc_fingerprints *out);
enum mc_setup mc_dtls_sdp_setup(const pjmedia_sdp_session *sdp, const pjmedia_sdp_media *m);

#endif
