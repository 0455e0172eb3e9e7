/* SPDX-License-Identifier: GPL-3.0-or-later
 * How what libsrtp keeps with us goes: with no key left behind. */
#ifndef MC_SRTP_STATE_H
#define MC_SRTP_STATE_H

#include <openssl/crypto.h>
#include <srtp2/srtp.h>
#include <stdlib.h>

static inline srtp_err_status_t mc_srtp_state_free(void *state, size_t n) {
    OPENSSL_cleanse(state, n);
    free(state);
    return srtp_err_status_ok;
}

#endif
