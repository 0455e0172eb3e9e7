/* SPDX-License-Identifier: GPL-3.0-or-later
 * AES in Galois/counter mode (NIST SP 800-38D; RFC 7714 for SRTP). A packet that is not authentic is left as it is.
 *
 * GHASH works on blocks with their bytes reversed, so that a block is a polynomial with its bits in the order of the carry-less
 * multiplication, turned round; the product is then one bit short and is shifted (Gueron and Kounavis, "Intel Carry-Less
 * Multiplication Instruction and its Usage for Computing the GCM Mode"). Four blocks share one reduction. */
#include <openssl/crypto.h>

#include <stdbool.h>

#include "srtp_aes.h"
#include "srtp_crypto.h"

#ifdef __x86_64__

#define IV 12
#define POWERS ((size_t)4)

extern const srtp_cipher_type_t srtp_aes_gcm_128, srtp_aes_gcm_256; /* libsrtp's, whose test vectors ours have to pass */

struct gcm {
    srtp_cipher_t base;
    unsigned tag_len;
    unsigned n_part; /* bytes in part[] */
    uint64_t n_aad, n_text;
    __m128i h[POWERS]; /* H, H^2, H^3, H^4 */
    __m128i sum;       /* GHASH so far */
    __m128i first;     /* counter block J0, bytes reversed */
    struct mc_aes aes;
    uint8_t part[16]; /* of the authenticated data: what does not fill a block yet */
};

static srtp_cipher_type_t type_128, type_256;

struct wide { /* an unreduced product of 256 bits */
    __m128i low, high;
};

MC_AES static inline struct wide multiply(__m128i a, __m128i b) {
    __m128i mid = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x10), _mm_clmulepi64_si128(a, b, 0x01));

    return (struct wide){.low = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x00), _mm_slli_si128(mid, 8)),
                         .high = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x11), _mm_srli_si128(mid, 8))};
}

/* Modulo x^128 + x^7 + x^2 + x + 1, after the shift by the missing bit. */
MC_AES static inline __m128i reduce(struct wide p) {
    __m128i low_carry = _mm_srli_epi32(p.low, 31), high_carry = _mm_srli_epi32(p.high, 31);
    __m128i a, b;

    p.low = _mm_or_si128(_mm_slli_epi32(p.low, 1), _mm_slli_si128(low_carry, 4));
    p.high = _mm_or_si128(_mm_slli_epi32(p.high, 1), _mm_slli_si128(high_carry, 4));
    p.high = _mm_or_si128(p.high, _mm_srli_si128(low_carry, 12));

    a = _mm_xor_si128(_mm_xor_si128(_mm_slli_epi32(p.low, 31), _mm_slli_epi32(p.low, 30)), _mm_slli_epi32(p.low, 25));
    b = _mm_srli_si128(a, 4);
    p.low = _mm_xor_si128(p.low, _mm_slli_si128(a, 12));
    a = _mm_xor_si128(_mm_xor_si128(_mm_srli_epi32(p.low, 1), _mm_srli_epi32(p.low, 2)), _mm_srli_epi32(p.low, 7));
    return _mm_xor_si128(p.high, _mm_xor_si128(p.low, _mm_xor_si128(a, b)));
}

MC_AES static inline __m128i block(const uint8_t *at) {
    return mc_bytes_reversed(_mm_loadu_si128((const __m128i *)at));
}

/* Whole blocks, and a last one that is filled up with zeros. */
MC_AES static void ghash(struct gcm *gcm, const uint8_t *data, size_t len) {
    for (; len >= POWERS * 16; data += POWERS * 16, len -= POWERS * 16) {
        struct wide all = multiply(_mm_xor_si128(gcm->sum, block(data)), gcm->h[3]);

        for (size_t i = 1; i < POWERS; i++) {
            struct wide one = multiply(block(data + i * 16), gcm->h[POWERS - 1 - i]);

            all.low = _mm_xor_si128(all.low, one.low);
            all.high = _mm_xor_si128(all.high, one.high);
        }
        gcm->sum = reduce(all);
    }
    for (; len >= 16; data += 16, len -= 16) {
        gcm->sum = reduce(multiply(_mm_xor_si128(gcm->sum, block(data)), gcm->h[0]));
    }
    if (len > 0) {
        uint8_t last[16] = {0};

        memcpy(last, data, len);
        gcm->sum = reduce(multiply(_mm_xor_si128(gcm->sum, block(last)), gcm->h[0]));
    }
}

static srtp_err_status_t alloc(srtp_cipher_t **out, int key_len, int tag_len) {
    bool is_128 = key_len == SRTP_AES_GCM_128_KEY_LEN_WSALT;
    struct gcm *gcm;

    if ((!is_128 && key_len != SRTP_AES_GCM_256_KEY_LEN_WSALT) || (tag_len != 16 && tag_len != 8)) {
        return srtp_err_status_bad_param;
    }
    gcm = mc_crypto_alloc(sizeof(*gcm));
    if (!gcm) {
        return srtp_err_status_alloc_fail;
    }
    gcm->base.type = is_128 ? &type_128 : &type_256;
    gcm->base.algorithm = is_128 ? SRTP_AES_GCM_128 : SRTP_AES_GCM_256;
    gcm->base.state = gcm;
    gcm->base.key_len = key_len;
    gcm->tag_len = (unsigned)tag_len;
    *out = &gcm->base;
    return srtp_err_status_ok;
}

static srtp_err_status_t dealloc(srtp_cipher_t *cipher) {
    mc_crypto_free(cipher->state, sizeof(struct gcm));
    return srtp_err_status_ok;
}

MC_AES static srtp_err_status_t init(void *state, const uint8_t *key) {
    struct gcm *gcm = state;
    __m128i x[4] = {_mm_setzero_si128()};

    if (gcm->base.algorithm == SRTP_AES_GCM_128) {
        mc_aes_init_128(&gcm->aes, key);
    } else {
        mc_aes_init_256(&gcm->aes, key);
    }
    x[1] = x[2] = x[3] = x[0];
    mc_aes_4(&gcm->aes, x);
    gcm->h[0] = mc_bytes_reversed(x[0]);
    for (size_t i = 1; i < POWERS; i++) {
        gcm->h[i] = reduce(multiply(gcm->h[i - 1], gcm->h[0]));
    }
    return srtp_err_status_ok;
}

/* libsrtp has joined salt and index already (RFC 7714 section 8.1). */
MC_AES static srtp_err_status_t set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction) {
    struct gcm *gcm = state;
    uint8_t first[16] = {[15] = 1};

    memcpy(first, iv, IV);
    gcm->first = block(first);
    gcm->sum = _mm_setzero_si128();
    gcm->n_aad = gcm->n_text = gcm->n_part = 0;
    return srtp_err_status_ok;
}

/* In pieces of any length: SRTCP gives its index apart (RFC 7714 section 9.3). */
static srtp_err_status_t set_aad(void *state, const uint8_t *aad, uint32_t len) {
    struct gcm *gcm = state;

    gcm->n_aad += len;
    while (len > 0) {
        uint32_t n = 16 - gcm->n_part < len ? 16 - gcm->n_part : len;

        memcpy(gcm->part + gcm->n_part, aad, n);
        gcm->n_part += n;
        aad += n;
        len -= n;
        if (gcm->n_part == 16) {
            ghash(gcm, gcm->part, 16);
            gcm->n_part = 0;
        }
    }
    return srtp_err_status_ok;
}

static void hash_text(struct gcm *gcm, const uint8_t *text, size_t len) {
    ghash(gcm, gcm->part, gcm->n_part);
    gcm->n_part = 0;
    gcm->n_text += len;
    ghash(gcm, text, len);
}

MC_AES static void tag_of(struct gcm *gcm, uint8_t tag[16]) {
    __m128i x[4];

    ghash(gcm, gcm->part, gcm->n_part);
    gcm->n_part = 0;
    gcm->sum = _mm_xor_si128(gcm->sum, _mm_set_epi64x(8 * (int64_t)gcm->n_aad, 8 * (int64_t)gcm->n_text));
    gcm->sum = reduce(multiply(gcm->sum, gcm->h[0]));
    x[0] = x[1] = x[2] = x[3] = mc_bytes_reversed(gcm->first);
    mc_aes_4(&gcm->aes, x);
    _mm_storeu_si128((__m128i *)tag, _mm_xor_si128(x[0], mc_bytes_reversed(gcm->sum)));
}

MC_AES static void crypt(struct gcm *gcm, uint8_t *buf, size_t len) {
    mc_aes_ctr(&gcm->aes, _mm_add_epi32(gcm->first, _mm_set_epi32(0, 0, 0, 1)), buf, len);
}

static srtp_err_status_t encrypt(void *state, uint8_t *buf, unsigned *len) {
    crypt(state, buf, *len);
    hash_text(state, buf, *len);
    return srtp_err_status_ok;
}

static srtp_err_status_t get_tag(void *state, uint8_t *out, uint32_t *len) {
    struct gcm *gcm = state;
    uint8_t tag[16];

    tag_of(gcm, tag);
    memcpy(out, tag, gcm->tag_len);
    *len = gcm->tag_len;
    return srtp_err_status_ok;
}

/* buf: text and tag. */
static srtp_err_status_t decrypt(void *state, uint8_t *buf, unsigned *len) {
    struct gcm *gcm = state;
    uint8_t tag[16];

    if (*len < gcm->tag_len) {
        return srtp_err_status_bad_param;
    }
    *len -= gcm->tag_len;
    hash_text(gcm, buf, *len);
    tag_of(gcm, tag);
    if (CRYPTO_memcmp(tag, buf + *len, gcm->tag_len) != 0) {
        return srtp_err_status_auth_fail;
    }
    crypt(gcm, buf, *len);
    return srtp_err_status_ok;
}

static srtp_err_status_t replace(srtp_cipher_type_t *type, const srtp_cipher_type_t *theirs) {
    *type = *theirs;
    type->alloc = alloc;
    type->dealloc = dealloc;
    type->init = init;
    type->set_iv = set_iv;
    type->set_aad = set_aad;
    type->encrypt = encrypt;
    type->decrypt = decrypt;
    type->get_tag = get_tag;
    type->description = "AES Galois/counter mode, AES-NI and PCLMULQDQ";
    return srtp_replace_cipher_type(type, theirs->id);
}

srtp_err_status_t mc_srtp_gcm_install(void) {
    srtp_err_status_t err = replace(&type_128, &srtp_aes_gcm_128);

    return err ? err : replace(&type_256, &srtp_aes_gcm_256);
}

#endif
