/* SPDX-License-Identifier: GPL-3.0-or-later
 * What we say of ourselves in Allow, Supported, Accept and Allow-Events (RFC 3261 section 20) is what we do: PJSIP's modules announce
 * presence, instant messages and trickle ICE, which nobody here serves. */
#include "../err.h"
#include "pj_internal.h"

struct claim {
    int type;         /* of the header; PJSIP_H_OTHER: Allow-Events, which its own module has */
    const char *kept; /* between spaces */
};

static const struct claim claims[] = {
    {PJSIP_H_ALLOW, " INVITE ACK BYE CANCEL OPTIONS PRACK UPDATE INFO REFER NOTIFY "},
    {PJSIP_H_SUPPORTED, " replaces 100rel timer norefersub "},
    {PJSIP_H_ACCEPT, " application/sdp message/sipfrag;version=2.0 "},
    {PJSIP_H_OTHER, " refer "},
};

static bool is_kept(const char *kept, const pj_str_t *value) {
    char word[64];

    if (value->slen <= 0 || (size_t)value->slen + 3 > sizeof(word)) {
        return false;
    }
    pj_ansi_snprintf(word, sizeof(word), " %.*s ", (int)value->slen, value->ptr);
    return strstr(kept, word) != NULL;
}

void mc_caps_tell_the_truth(void) {
    for (unsigned i = 0; i < PJ_ARRAY_SIZE(claims); i++) {
        const struct claim *claim = &claims[i];
        const pjsip_hdr *found = claim->type == PJSIP_H_OTHER ? pjsip_evsub_get_allow_events_hdr(NULL)
                                                              : pjsip_endpt_get_capability(pjsua_var.endpt, claim->type, NULL);
        pjsip_generic_array_hdr *hdr = (pjsip_generic_array_hdr *)found;
        unsigned n = 0;

        for (unsigned j = 0; hdr && j < hdr->count; j++) {
            if (is_kept(claim->kept, &hdr->values[j])) {
                hdr->values[n++] = hdr->values[j];
            }
        }
        if (hdr) {
            hdr->count = n;
        }
    }
}
