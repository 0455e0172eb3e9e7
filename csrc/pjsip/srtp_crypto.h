/* SPDX-License-Identifier: GPL-3.0-or-later
 * Ciphers and authentication that libsrtp runs instead of its own ones on OpenSSL's EVP: the same algorithms with all of a key's
 * state in a few neighbouring cache lines, no allocation and no look-up per packet. libsrtp tests each against its own vectors
 * before it takes it. */
#ifndef MC_SRTP_CRYPTO_H
#define MC_SRTP_CRYPTO_H

#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/crypto_types.h>
#include <srtp2/srtp.h>
#include <stddef.h>

/* After srtp_init(), before any session. What this processor has no instructions for stays libsrtp's. */
srtp_err_status_t mc_srtp_crypto_install(void);

/* srtp_hmac.c, srtp_aes_cm.c, srtp_gcm.c */
srtp_err_status_t mc_srtp_hmac_install(void);
srtp_err_status_t mc_srtp_aes_cm_install(void);
srtp_err_status_t mc_srtp_gcm_install(void);

/* Memory of a cipher or an authenticator, on cache lines of its own; given back zeroed. */
void *mc_crypto_alloc(size_t size);
void mc_crypto_free(void *memory, size_t size);

#endif
