/* SPDX-License-Identifier: GPL-3.0-or-later
 * Bounds of a session description (RFC 8866), held before any parser of it runs. Works on the lines as they stand, so that those in
 * a multipart body count too. */
#ifndef MC_SDP_SCAN_H
#define MC_SDP_SCAN_H

#include "span.h"

#define MC_SDP_MAX_BYTES 4096
#define MC_SDP_MAX_LINES 200
#define MC_SDP_MAX_MEDIA 4
#define MC_SDP_MAX_FORMATS 32 /* of one media line */
#define MC_SDP_MAX_CRYPTO 16
#define MC_SDP_MIN_PTIME_MS 10
#define MC_SDP_MAX_PTIME_MS 60
#define MC_SDP_MAX_PARTS 8 /* of a multipart body: lines that start with "--" */

/* NULL when it is within them, else which one it breaks, in a few words that never change. */
const char *mc_sdp_scan(const char *body, size_t len);

#endif
