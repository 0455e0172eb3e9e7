/* SPDX-License-Identifier: GPL-3.0-or-later
 * The keys and suites that PJSIP's SRTP adapter has negotiated, handed to srtp.c. The adapter negotiates and stands aside: packets go
 * past it, because it starts its libsrtp sessions anew with a key that has sealed already whenever the other direction's key changes
 * or, among its first hundred packets, an old one comes again. */
#include "../err.h"
#include "pj_internal.h"
#include "srtp.h"

static struct mc_srtp_key key_of(const pjmedia_srtp_crypto *crypto) {
    return (struct mc_srtp_key){.suite = crypto->name.ptr,
                                .suite_len = (size_t)crypto->name.slen,
                                .bytes = (const uint8_t *)crypto->key.ptr,
                                .n = (size_t)crypto->key.slen};
}

pj_status_t mc_srtp_negotiated(pjmedia_transport *tp, struct mc_srtp **srtp) {
    pjmedia_transport_info info;
    const pjmedia_srtp_info *found;
    struct mc_srtp_key tx, rx;

    pjmedia_transport_info_init(&info);
    pjmedia_transport_get_info(tp, &info);
    found = pjmedia_transport_info_get_spc_info(&info, PJMEDIA_TRANSPORT_TYPE_SRTP);
    if (!found || !found->active) {
        return *srtp || (found && found->use == PJMEDIA_SRTP_MANDATORY) ? PJMEDIA_SRTP_ESDPREQCRYPTO : PJ_SUCCESS;
    }
    if (found->tx_policy.flags || found->rx_policy.flags) {
        return PJMEDIA_SRTP_ENOTSUPCRYPTO; /* UNENCRYPTED_SRTP and the like (RFC 4568 section 6.3.2) */
    }
    if (!*srtp) {
        *srtp = mc_srtp_new();
    }
    tx = key_of(&found->tx_policy);
    rx = key_of(&found->rx_policy);
    if (!*srtp || mc_srtp_set_keys(*srtp, &tx, &rx) < 0) {
        return PJMEDIA_SRTP_ENOTSUPCRYPTO;
    }
    return PJ_SUCCESS;
}
