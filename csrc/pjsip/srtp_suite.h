/* SPDX-License-Identifier: GPL-3.0-or-later
 * The suites of SRTP that are served: RFC 4568 section 6.2, RFC 6188 section 7, RFC 7714 section 14.2. */
#ifndef MC_SRTP_SUITE_H
#define MC_SRTP_SUITE_H

#include <srtp2/srtp.h>
#include <stddef.h>

struct mc_srtp_suite {
    const char *name; /* as in SDP */
    size_t n;         /* bytes of master key and salt */
    void (*set)(srtp_crypto_policy_t *rtp);
};

/* NULL: it is not served. */
const struct mc_srtp_suite *mc_srtp_suite_of(const char *name, size_t len);

#endif
