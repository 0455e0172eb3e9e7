/* SPDX-License-Identifier: GPL-3.0-or-later
 * AES-128 in counter mode (RFC 3711 section 4.1.1) and in GCM (RFC 7714) that libsrtp runs instead of its own on OpenSSL's EVP, on
 * processors that have the instructions for AES: the same algorithms in a quarter of the memory. libsrtp tests them against its own
 * vectors before it takes them. Elsewhere, and for AES-256, libsrtp's stay. */
#ifndef MC_SRTP_AES_H
#define MC_SRTP_AES_H

#include <srtp2/srtp.h>

/* After srtp_init(), before any session. */
srtp_err_status_t mc_srtp_aes_install(void);

#endif
