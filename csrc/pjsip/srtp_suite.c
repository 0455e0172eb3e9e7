/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srtp_suite.h"

#include <string.h>

#include "srtp.h"

static const struct mc_srtp_suite suites[] = {
    {"AES_CM_128_HMAC_SHA1_80", 30, srtp_crypto_policy_set_rtp_default},
    {"AES_CM_128_HMAC_SHA1_32", 30, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32},
    {"AES_256_CM_HMAC_SHA1_80", 46, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
    {"AES_256_CM_HMAC_SHA1_32", 46, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32},
    {"AEAD_AES_128_GCM", 28, srtp_crypto_policy_set_aes_gcm_128_16_auth},
    {"AEAD_AES_256_GCM", 44, srtp_crypto_policy_set_aes_gcm_256_16_auth},
};

const struct mc_srtp_suite *mc_srtp_suite_of(const char *name, size_t len) {
    for (size_t i = 0; i < sizeof(suites) / sizeof(*suites); i++) {
        if (strlen(suites[i].name) == len && !memcmp(suites[i].name, name, len)) {
            return &suites[i];
        }
    }
    return NULL;
}

const char *mc_srtp_suite(const char *name, size_t len) {
    const struct mc_srtp_suite *suite = mc_srtp_suite_of(name, len);

    return suite ? suite->name : NULL;
}

size_t mc_srtp_key_len(const char *name, size_t len) {
    const struct mc_srtp_suite *suite = mc_srtp_suite_of(name, len);

    return suite ? suite->n : 0;
}
