/* SPDX-License-Identifier: GPL-3.0-or-later
 * The block cipher is the processor's, counter mode and GCM are OpenSSL's, called directly. Its EVP interface and its providers keep
 * kilobytes for each key in seven allocations and look parameters up by name for each packet; with hundreds of calls none of that is
 * in a cache when its packet comes, and fetching it costs more than the cipher. */
#include "srtp_aes.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <openssl/modes.h>
#include <srtp2/cipher.h>
#include <srtp2/crypto_types.h>
#include <stdlib.h>
#include <string.h>

#include "../bytes.h"
#include "srtp_state.h"

#define AES __attribute__((target("aes,sse4.1")))
#define ROUNDS 10
#define BLOCK 16
#define KEY 16
#define ICM_SALT 14
#define GCM_IV 12
#define AT_ONCE 4 /* blocks: rounds of one run while the next one's are in the pipeline */

extern const srtp_cipher_type_t srtp_aes_icm_128, srtp_aes_gcm_128; /* libsrtp's, whose test vectors ours have to pass */

struct aes {
    srtp_cipher_t base; /* state points at this struct */
    __m128i keys[ROUNDS + 1];
};

struct icm {
    struct aes aes;
    uint8_t offset[BLOCK], counter[BLOCK], stream[BLOCK];
    unsigned used; /* bytes of `stream` */
};

struct gcm {
    struct aes aes;
    GCM128_CONTEXT *mode;
    unsigned tag_len;
};

static srtp_cipher_type_t icm_type, gcm_type;

/* --- the block cipher (FIPS 197) --- */

AES static __m128i next_key(__m128i key, __m128i assisted) {
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, _mm_shuffle_epi32(assisted, 0xff));
}

/* The round constant has to be a literal of the instruction. */
#define EXPAND(i, constant) keys[i] = next_key(keys[(i)-1], _mm_aeskeygenassist_si128(keys[(i)-1], constant))

AES static void set_key(struct aes *aes, const uint8_t *key) {
    __m128i *keys = aes->keys;

    keys[0] = _mm_loadu_si128((const __m128i *)key);
    EXPAND(1, 0x01);
    EXPAND(2, 0x02);
    EXPAND(3, 0x04);
    EXPAND(4, 0x08);
    EXPAND(5, 0x10);
    EXPAND(6, 0x20);
    EXPAND(7, 0x40);
    EXPAND(8, 0x80);
    EXPAND(9, 0x1b);
    EXPAND(10, 0x36);
}

/* block128_f of OpenSSL's modes. */
AES static void encrypt_block(const unsigned char in[BLOCK], unsigned char out[BLOCK], const void *key) {
    const __m128i *keys = ((const struct aes *)key)->keys;
    __m128i block = _mm_xor_si128(_mm_loadu_si128((const __m128i *)in), keys[0]);

    for (int i = 1; i < ROUNDS; i++) {
        block = _mm_aesenc_si128(block, keys[i]);
    }
    _mm_storeu_si128((__m128i *)out, _mm_aesenclast_si128(block, keys[ROUNDS]));
}

/* ctr128_f: whole blocks; the counter is the last 32 bits, and the caller steps it. */
AES static void encrypt_counters(const unsigned char *in, unsigned char *out, size_t blocks, const void *key,
                                 const unsigned char iv[BLOCK]) {
    const __m128i *keys = ((const struct aes *)key)->keys;
    const __m128i first = _mm_loadu_si128((const __m128i *)iv);
    uint32_t counter = mc_get32(iv + BLOCK - 4);

    while (blocks > 0) {
        const size_t n = blocks < AT_ONCE ? blocks : AT_ONCE;
        __m128i run[AT_ONCE];
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            run[i] = _mm_xor_si128(_mm_insert_epi32(first, (int)__builtin_bswap32(counter + i), 3), keys[0]);
        }
        for (int r = 1; r < ROUNDS; r++) {
            for (int i = 0; i < AT_ONCE; i++) {
                run[i] = _mm_aesenc_si128(run[i], keys[r]);
            }
        }
        for (size_t i = 0; i < n; i++) {
            const __m128i text = _mm_loadu_si128((const __m128i *)(in + i * BLOCK));
            _mm_storeu_si128((__m128i *)(out + i * BLOCK), _mm_xor_si128(text, _mm_aesenclast_si128(run[i], keys[ROUNDS])));
        }
        blocks -= n;
        counter += (uint32_t)n;
        in += n * BLOCK;
        out += n * BLOCK;
    }
}

/* --- what libsrtp asks of a cipher --- */

static struct aes *new_aes(size_t size, const srtp_cipher_type_t *type, int key_len) {
    struct aes *aes = aligned_alloc(64, (size + 63) / 64 * 64); /* of a cache line */

    if (aes) {
        memset(aes, 0, size);
        aes->base = (srtp_cipher_t){.type = type, .state = aes, .key_len = key_len, .algorithm = (int)type->id};
    }
    return aes;
}

static srtp_err_status_t icm_alloc(srtp_cipher_t **out, int key_len, int tag_len) {
    struct aes *aes;

    if (key_len != SRTP_AES_ICM_128_KEY_LEN_WSALT) {
        return srtp_err_status_bad_param;
    }
    aes = new_aes(sizeof(struct icm), &icm_type, key_len);
    if (!aes) {
        return srtp_err_status_alloc_fail;
    }
    *out = &aes->base;
    return srtp_err_status_ok;
}

static srtp_err_status_t icm_dealloc(srtp_cipher_t *cipher) {
    return mc_srtp_state_free(cipher->state, sizeof(struct icm)); /* `cipher` is inside it */
}

static srtp_err_status_t icm_init(void *state, const uint8_t *key) {
    struct icm *icm = state;

    set_key(&icm->aes, key);
    memcpy(icm->offset, key + KEY, ICM_SALT);
    memcpy(icm->counter, icm->offset, BLOCK);
    icm->used = 0;
    return srtp_err_status_ok;
}

static srtp_err_status_t icm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction) {
    struct icm *icm = state;

    for (int i = 0; i < BLOCK; i++) {
        icm->counter[i] = icm->offset[i] ^ iv[i];
    }
    icm->used = 0;
    return srtp_err_status_ok;
}

static srtp_err_status_t icm_crypt(void *state, uint8_t *buf, unsigned int *len) {
    struct icm *icm = state;

    CRYPTO_ctr128_encrypt_ctr32(buf, buf, *len, &icm->aes, icm->counter, icm->stream, &icm->used, encrypt_counters);
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_alloc(srtp_cipher_t **out, int key_len, int tag_len) {
    struct gcm *gcm;

    if (key_len != SRTP_AES_GCM_128_KEY_LEN_WSALT || (tag_len != 16 && tag_len != 8)) {
        return srtp_err_status_bad_param;
    }
    gcm = (struct gcm *)new_aes(sizeof(struct gcm), &gcm_type, key_len);
    if (!gcm) {
        return srtp_err_status_alloc_fail;
    }
    gcm->tag_len = (unsigned)tag_len;
    *out = &gcm->aes.base;
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_dealloc(srtp_cipher_t *cipher) {
    struct gcm *gcm = cipher->state;

    CRYPTO_gcm128_release(gcm->mode);
    return mc_srtp_state_free(gcm, sizeof(*gcm));
}

static srtp_err_status_t gcm_init(void *state, const uint8_t *key) {
    struct gcm *gcm = state;

    set_key(&gcm->aes, key);
    CRYPTO_gcm128_release(gcm->mode);
    gcm->mode = CRYPTO_gcm128_new(&gcm->aes, encrypt_block);
    return gcm->mode ? srtp_err_status_ok : srtp_err_status_alloc_fail;
}

static srtp_err_status_t gcm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction) {
    CRYPTO_gcm128_setiv(((struct gcm *)state)->mode, iv, GCM_IV);
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_set_aad(void *state, const uint8_t *aad, uint32_t len) {
    return CRYPTO_gcm128_aad(((struct gcm *)state)->mode, aad, len) ? srtp_err_status_algo_fail : srtp_err_status_ok;
}

static srtp_err_status_t gcm_encrypt(void *state, uint8_t *buf, unsigned int *len) {
    GCM128_CONTEXT *mode = ((struct gcm *)state)->mode;

    return CRYPTO_gcm128_encrypt_ctr32(mode, buf, buf, *len, encrypt_counters) ? srtp_err_status_cipher_fail
                                                                               : srtp_err_status_ok;
}

static srtp_err_status_t gcm_get_tag(void *state, uint8_t *tag, uint32_t *len) {
    struct gcm *gcm = state;

    CRYPTO_gcm128_tag(gcm->mode, tag, gcm->tag_len);
    *len = gcm->tag_len;
    return srtp_err_status_ok;
}

/* `len` counts the tag behind the text, and afterwards no more. */
static srtp_err_status_t gcm_decrypt(void *state, uint8_t *buf, unsigned int *len) {
    struct gcm *gcm = state;

    if (*len < gcm->tag_len) {
        return srtp_err_status_bad_param;
    }
    *len -= gcm->tag_len;
    if (CRYPTO_gcm128_decrypt_ctr32(gcm->mode, buf, buf, *len, encrypt_counters) ||
        CRYPTO_gcm128_finish(gcm->mode, buf + *len, gcm->tag_len)) {
        return srtp_err_status_auth_fail;
    }
    return srtp_err_status_ok;
}

srtp_err_status_t mc_srtp_aes_install(void) {
    srtp_err_status_t err;

    if (!__builtin_cpu_supports("aes") || !__builtin_cpu_supports("sse4.1")) {
        return srtp_err_status_ok;
    }
    icm_type = srtp_aes_icm_128;
    icm_type.alloc = icm_alloc;
    icm_type.dealloc = icm_dealloc;
    icm_type.init = icm_init;
    icm_type.encrypt = icm_type.decrypt = icm_crypt;
    icm_type.set_iv = icm_set_iv;
    icm_type.description = "AES-128 counter mode by the processor";
    gcm_type = srtp_aes_gcm_128;
    gcm_type.alloc = gcm_alloc;
    gcm_type.dealloc = gcm_dealloc;
    gcm_type.init = gcm_init;
    gcm_type.set_aad = gcm_set_aad;
    gcm_type.encrypt = gcm_encrypt;
    gcm_type.decrypt = gcm_decrypt;
    gcm_type.set_iv = gcm_set_iv;
    gcm_type.get_tag = gcm_get_tag;
    gcm_type.description = "AES-128 GCM by the processor";
    err = srtp_replace_cipher_type(&icm_type, SRTP_AES_ICM_128);
    return err ? err : srtp_replace_cipher_type(&gcm_type, SRTP_AES_GCM_128);
}

#else

srtp_err_status_t mc_srtp_aes_install(void) {
    return srtp_err_status_ok;
}

#endif
