/* SPDX-License-Identifier: GPL-3.0-or-later
 * AES in counter mode (RFC 3711 section 4.1.1; RFC 6188 for 256 bits). A key is followed by 14 bytes of salt. */
#include <stdbool.h>

#include "srtp_aes.h"
#include "srtp_crypto.h"

#ifdef __x86_64__

#define SALT 14

extern const srtp_cipher_type_t srtp_aes_icm_128, srtp_aes_icm_256; /* libsrtp's, whose test vectors ours have to pass */

struct cm {
    srtp_cipher_t base;
    __m128i salt;    /* times 2^16 */
    __m128i counter; /* of the next block, bytes reversed */
    struct mc_aes aes;
};

static srtp_cipher_type_t type_128, type_256;

static srtp_err_status_t alloc(srtp_cipher_t **out, int key_len, int tag_len) {
    bool is_128 = key_len == SRTP_AES_ICM_128_KEY_LEN_WSALT;
    struct cm *cm;

    if (!is_128 && key_len != SRTP_AES_ICM_256_KEY_LEN_WSALT) {
        return srtp_err_status_bad_param;
    }
    cm = mc_crypto_alloc(sizeof(*cm));
    if (!cm) {
        return srtp_err_status_alloc_fail;
    }
    cm->base.type = is_128 ? &type_128 : &type_256;
    cm->base.algorithm = is_128 ? SRTP_AES_ICM_128 : SRTP_AES_ICM_256;
    cm->base.state = cm;
    cm->base.key_len = key_len;
    *out = &cm->base;
    return srtp_err_status_ok;
}

static srtp_err_status_t dealloc(srtp_cipher_t *cipher) {
    mc_crypto_free(cipher->state, sizeof(struct cm));
    return srtp_err_status_ok;
}

static srtp_err_status_t init(void *state, const uint8_t *key) {
    struct cm *cm = state;
    int key_len = cm->base.key_len - SALT;
    uint8_t salt[16] = {0};

    if (key_len == 16) {
        mc_aes_init_128(&cm->aes, key);
    } else {
        mc_aes_init_256(&cm->aes, key);
    }
    memcpy(salt, key + key_len, SALT);
    cm->salt = _mm_loadu_si128((const __m128i *)salt);
    return srtp_err_status_ok;
}

MC_AES static srtp_err_status_t set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction) {
    struct cm *cm = state;

    cm->counter = mc_bytes_reversed(_mm_xor_si128(cm->salt, _mm_loadu_si128((const __m128i *)iv)));
    return srtp_err_status_ok;
}

MC_AES static srtp_err_status_t crypt(void *state, uint8_t *buf, unsigned *len) {
    struct cm *cm = state;

    cm->counter = mc_aes_ctr(&cm->aes, cm->counter, buf, *len);
    return srtp_err_status_ok;
}

static srtp_err_status_t replace(srtp_cipher_type_t *type, const srtp_cipher_type_t *theirs) {
    *type = *theirs;
    type->alloc = alloc;
    type->dealloc = dealloc;
    type->init = init;
    type->set_iv = set_iv;
    type->encrypt = crypt;
    type->decrypt = crypt;
    type->description = "AES counter mode, AES-NI";
    return srtp_replace_cipher_type(type, theirs->id);
}

srtp_err_status_t mc_srtp_aes_cm_install(void) {
    srtp_err_status_t err = replace(&type_128, &srtp_aes_icm_128);

    return err ? err : replace(&type_256, &srtp_aes_icm_256);
}

#endif
