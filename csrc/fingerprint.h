/* SPDX-License-Identifier: GPL-3.0-or-later
 * The value of an a=fingerprint attribute (RFC 8122 section 5). */
#ifndef MC_FINGERPRINT_H
#define MC_FINGERPRINT_H

#include "span.h"

/* What a certificate's digest is to be. */
struct mc_fingerprint {
    size_t n; /* 32, 48, 64: of SHA-256, SHA-384, SHA-512 */
    uint8_t bytes[64];
};

/* "sha-256 AB:CD:..." False: not that, or a hash that is not trusted (MD5, SHA-1). */
bool mc_fingerprint_read(struct mc_fingerprint *out, struct mc_span value);

#endif
