/* SPDX-License-Identifier: GPL-3.0-or-later
 * The value of an a=crypto attribute (RFC 4568 section 9.1), taken apart. */
#ifndef MC_CRYPTO_LINE_H
#define MC_CRYPTO_LINE_H

#include "span.h"

struct mc_crypto_line {
    unsigned tag;
    struct mc_span suite;
    struct mc_span key; /* base64 of master key and salt; its padding may be left out */
};

/* False: it is none, or it asks for what is not served: several keys, a master key identifier, or session parameters that change how
 * packets are made (RFC 4568 section 6.3). */
bool mc_crypto_line_read(struct mc_crypto_line *out, struct mc_span value);

#endif
