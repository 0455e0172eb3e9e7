/* SPDX-License-Identifier: GPL-3.0-or-later
 * HMAC-SHA1 (RFC 2104; RFC 3711 section 4.2.1) that keeps the hash's state after each of the two pads instead of the key. The
 * compression is OpenSSL's, called directly: its EVP interface copies, allocates and frees two contexts for each packet. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA1_*: the only door to the compression with a saved state */
#include "srtp_hmac.h"

#include <openssl/sha.h>
#include <srtp2/auth.h>
#include <srtp2/crypto_types.h>
#include <stdlib.h>
#include <string.h>

#include "srtp_state.h"

extern const srtp_auth_type_t srtp_hmac; /* libsrtp's, whose test vectors ours has to pass */

struct hmac {
    srtp_auth_t base;
    SHA_LONG inner[5], outer[5]; /* after the block of key ^ ipad, key ^ opad */
};

static srtp_auth_type_t type;
static _Thread_local SHA_CTX run; /* of the message at hand: start, update and compute follow each other */

static void save(SHA_LONG to[5], const SHA_CTX *from) {
    to[0] = from->h0;
    to[1] = from->h1;
    to[2] = from->h2;
    to[3] = from->h3;
    to[4] = from->h4;
}

/* A hash that has taken one block already. */
static void resume(SHA_CTX *to, const SHA_LONG from[5]) {
    to->h0 = from[0];
    to->h1 = from[1];
    to->h2 = from[2];
    to->h3 = from[3];
    to->h4 = from[4];
    to->Nl = SHA_CBLOCK * 8;
    to->Nh = 0;
    to->num = 0;
}

static srtp_err_status_t alloc(srtp_auth_t **out, int key_len, int out_len) {
    struct hmac *hmac;

    if (key_len > SHA_CBLOCK || out_len > SHA_DIGEST_LENGTH) {
        return srtp_err_status_bad_param;
    }
    hmac = calloc(1, sizeof(*hmac));
    if (!hmac) {
        return srtp_err_status_alloc_fail;
    }
    hmac->base = (srtp_auth_t){.type = &type, .state = hmac, .out_len = out_len, .key_len = key_len};
    *out = &hmac->base;
    return srtp_err_status_ok;
}

static srtp_err_status_t dealloc(srtp_auth_t *auth) {
    return mc_srtp_state_free(auth->state, sizeof(struct hmac)); /* `auth` is inside it */
}

static void pad(SHA_LONG state[5], const uint8_t *key, int key_len, uint8_t with) {
    uint8_t block[SHA_CBLOCK];
    SHA_CTX sha;

    memset(block, with, sizeof(block));
    for (int i = 0; i < key_len; i++) {
        block[i] ^= key[i];
    }
    SHA1_Init(&sha);
    SHA1_Update(&sha, block, sizeof(block));
    save(state, &sha);
    OPENSSL_cleanse(block, sizeof(block));
    OPENSSL_cleanse(&sha, sizeof(sha));
}

static srtp_err_status_t init(void *state, const uint8_t *key, int key_len) {
    struct hmac *hmac = state;

    if (key_len < 0 || key_len > SHA_CBLOCK) {
        return srtp_err_status_bad_param;
    }
    pad(hmac->inner, key, key_len, 0x36);
    pad(hmac->outer, key, key_len, 0x5c);
    return srtp_err_status_ok;
}

static srtp_err_status_t start(void *state) {
    resume(&run, ((struct hmac *)state)->inner);
    return srtp_err_status_ok;
}

static srtp_err_status_t update(void *state, const uint8_t *message, int len) {
    return SHA1_Update(&run, message, (size_t)len) ? srtp_err_status_ok : srtp_err_status_auth_fail;
}

static srtp_err_status_t compute(void *state, const uint8_t *message, int len, int tag_len, uint8_t *tag) {
    uint8_t digest[SHA_DIGEST_LENGTH];

    if (tag_len < 0 || tag_len > SHA_DIGEST_LENGTH || update(state, message, len)) {
        return srtp_err_status_bad_param;
    }
    SHA1_Final(digest, &run);
    resume(&run, ((struct hmac *)state)->outer);
    SHA1_Update(&run, digest, sizeof(digest));
    SHA1_Final(digest, &run);
    memcpy(tag, digest, (size_t)tag_len);
    return srtp_err_status_ok;
}

srtp_err_status_t mc_srtp_hmac_install(void) {
    type = srtp_hmac;
    type.alloc = alloc;
    type.dealloc = dealloc;
    type.init = init;
    type.start = start;
    type.update = update;
    type.compute = compute;
    type.description = "HMAC-SHA1 with saved pads";
    return srtp_replace_auth_type(&type, SRTP_HMAC_SHA1);
}
