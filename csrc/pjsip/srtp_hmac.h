/* SPDX-License-Identifier: GPL-3.0-or-later
 * HMAC-SHA1 that libsrtp runs instead of its own on OpenSSL's EVP: the same algorithm without allocation or look-up per packet.
 * libsrtp tests it against its own vectors before it takes it. */
#ifndef MC_SRTP_HMAC_H
#define MC_SRTP_HMAC_H

#include <srtp2/srtp.h>

/* After srtp_init(), before any session. */
srtp_err_status_t mc_srtp_hmac_install(void);

#endif
