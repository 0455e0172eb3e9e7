/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srtp_crypto.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define LINE ((size_t)64)

void *mc_crypto_alloc(size_t size) {
    size_t whole = (size + LINE - 1) / LINE * LINE;
    void *memory = aligned_alloc(LINE, whole);

    return memory ? memset(memory, 0, whole) : NULL;
}

void mc_crypto_free(void *memory, size_t size) {
    OPENSSL_cleanse(memory, size);
    free(memory);
}

srtp_err_status_t mc_srtp_crypto_install(void) {
    srtp_err_status_t err = mc_srtp_hmac_install();

#ifdef __x86_64__
    if (!err && __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1")) {
        err = mc_srtp_aes_cm_install();
        if (!err && __builtin_cpu_supports("pclmul")) {
            err = mc_srtp_gcm_install();
        }
    }
#endif
    return err;
}
