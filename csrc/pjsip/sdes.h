/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keys in SDP (SDES, RFC 4568): a=crypto lines written and read. */
#ifndef MC_SDES_H
#define MC_SDES_H

#include "../span.h"
#include "srtp.h"

#define MC_SDES_VALUE 128 /* bytes that the longest line of ours needs after "a=crypto:" */

/* One direction's key with the suite that it is for. */
struct mc_sdes_key {
    const char *suite; /* one of srtp.c's names; NULL: none */
    size_t n;
    uint8_t bytes[MC_SRTP_KEY_MAX];
};

/* A random one for the suite. False: there is no such suite, or no randomness. */
bool mc_sdes_make(struct mc_sdes_key *key, const char *suite);
/* "1 AES_CM_128_HMAC_SHA1_80 inline:..." into `text`; its length. */
size_t mc_sdes_write(char text[MC_SDES_VALUE], unsigned tag, const struct mc_sdes_key *key);
/* Reads the value of an a=crypto attribute. False: it is none, or it asks for what is not served (crypto_line.h), or for another suite. */
bool mc_sdes_read(struct mc_span value, unsigned *tag, struct mc_sdes_key *key);
bool mc_sdes_same(const struct mc_sdes_key *a, const struct mc_sdes_key *b);

#endif
