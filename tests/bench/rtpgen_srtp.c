/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtpgen_srtp.h"

#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    srtp_t tx, rx;
};

static const struct suite {
    const char *name;
    void (*set)(srtp_crypto_policy_t *policy);
} suites[] = {
    {"AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default},
    {"AES_CM_128_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32},
    {"AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
    {"AES_256_CM_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32},
    {"AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth},
    {"AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth},
};

static bool unhex(uint8_t *out, size_t n, const char *hex) {
    if (strlen(hex) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

static srtp_t session(const struct suite *suite, const char *hex, srtp_ssrc_type_t direction) {
    uint8_t key[SRTP_MAX_KEY_LEN];
    srtp_policy_t policy = {.ssrc.type = direction, .key = key, .window_size = 128};
    srtp_t made = NULL;
    suite->set(&policy.rtp);
    suite->set(&policy.rtcp);
    if (policy.rtcp.auth_tag_len == 4)
        policy.rtcp.auth_tag_len = 10; /* RFC 4568 section 6.2.2 */
    if (!unhex(key, (size_t)policy.rtp.cipher_key_len, hex) || srtp_create(&made, &policy) != srtp_err_status_ok)
        return NULL;
    return made;
}

struct line *line_new(const char *suite, const char *tx_hex, const char *rx_hex) {
    static bool started;
    if (!started && srtp_init() != srtp_err_status_ok)
        return NULL;
    started = true;
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        if (strcmp(suites[i].name, suite) == 0) {
            struct line *line = calloc(1, sizeof *line);
            if (line == NULL)
                return NULL;
            line->tx = session(&suites[i], tx_hex, ssrc_any_outbound);
            line->rx = session(&suites[i], rx_hex, ssrc_any_inbound);
            if (line->tx != NULL && line->rx != NULL)
                return line;
            line_free(line);
        }
    }
    return NULL;
}

void line_free(struct line *line) {
    if (line->tx != NULL)
        srtp_dealloc(line->tx);
    if (line->rx != NULL)
        srtp_dealloc(line->rx);
    free(line);
}

bool line_seal(struct line *line, uint8_t *pkt, int *len) {
    return srtp_protect(line->tx, pkt, len) == srtp_err_status_ok;
}

bool line_open(struct line *line, uint8_t *pkt, int *len) {
    return srtp_unprotect(line->rx, pkt, len) == srtp_err_status_ok;
}

bool line_seal_rtcp(struct line *line, uint8_t *pkt, int *len) {
    return srtp_protect_rtcp(line->tx, pkt, len) == srtp_err_status_ok;
}

bool line_open_rtcp(struct line *line, uint8_t *pkt, int *len) {
    return srtp_unprotect_rtcp(line->rx, pkt, len) == srtp_err_status_ok;
}
