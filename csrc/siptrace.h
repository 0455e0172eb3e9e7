/* SPDX-License-Identifier: GPL-3.0-or-later
 * SIP messages as they were on the wire, for whoever asks later what happened in a call. One block of memory, set up once:
 *
 *     dialog (by Call-ID) -> message -> message -> ...      each in chunks of one size
 *
 * Of a dialog that says too much the first messages and the newest stay; when the block is full, whole dialogs go, those first that
 * were over longest ago. Secrets are overwritten before anything is kept (mc_siptrace_hide). Any thread. */
#ifndef MC_SIPTRACE_H
#define MC_SIPTRACE_H

#include <pthread.h>
#include <sys/socket.h>

#include "pcap.h"
#include "span.h"

#define MC_SIPTRACE_CHUNK 256 /* bytes */
#define MC_SIPTRACE_MAX_TEXT 8192
#define MC_SIPTRACE_MAX_ID 240 /* longer Call-IDs are not kept */
#define MC_SIPTRACE_OWNER 40   /* bytes of an owner's name, its NUL included */
#define MC_SIPTRACE_OWNERS 2   /* of one Call-ID: a call that comes back to us has it twice */
#define MC_SIPTRACE_FIRST 8    /* messages that stay whatever follows */

/* What a dialog is to us. */
enum mc_siptrace_kind {
    MC_SIPTRACE_STRANGER, /* no call of ours, or not yet; at most an eighth of the memory */
    MC_SIPTRACE_PEER,     /* our registrations and OPTIONS; at most an eighth */
    MC_SIPTRACE_ENDED,
    MC_SIPTRACE_LIVE,
    MC_SIPTRACE_KINDS,
    MC_SIPTRACE_KNOWN = MC_SIPTRACE_KINDS /* of a message: only if the dialog is there */
};

enum mc_siptrace_transport { MC_SIPTRACE_UDP, MC_SIPTRACE_TCP, MC_SIPTRACE_TLS };

struct mc_siptrace_msg {
    uint64_t wall_us; /* Unix time */
    uint64_t mono_us; /* mc_clock_us */
    uint64_t number;  /* of all messages, from 1 */
    struct mc_pcap_end src, dst;
    uint32_t len;      /* of the text */
    uint8_t transport; /* MC_SIPTRACE_UDP ... */
    bool sent;
    uint8_t verdict; /* enum mc_gate_reason of one that came */
};

/* What mc_siptrace_read writes for each message; the Call-ID and the text follow, and nothing else. */
struct mc_siptrace_row {
    struct mc_siptrace_msg msg;
    uint32_t n_id;
    uint32_t n_lost; /* messages of this dialog that are missing right before this one */
};

struct mc_siptrace_counts {
    uint64_t bytes; /* of messages that are kept now, with what their chunks waste */
    uint64_t dialogs;
    uint64_t lost; /* messages that there was no room for, or no more, before their time was over */
};

struct mc_siptrace;

/* The one of this process; off until mc_siptrace_open. */
struct mc_siptrace *mc_siptrace_the(void);
struct mc_siptrace *mc_siptrace_new(void);
void mc_siptrace_free(struct mc_siptrace *t);

/* Forgets everything and keeps at most `bytes` from now on (0 = nothing), of one dialog `dialog_bytes`, of an ended call for `keep_us`.
 * `seed`: not for strangers to know. MC_OK, MC_E_NOMEM. */
int mc_siptrace_open(struct mc_siptrace *t, size_t bytes, size_t dialog_bytes, uint64_t keep_us, uint64_t seed);

/* A message was heard or sent. `kind`: what its dialog is if it begins here. `owner`: "" = nobody's yet. msg->number is set here, and
 * `text` may be longer than what is kept. */
void mc_siptrace_put(struct mc_siptrace *t, struct mc_span call_id, enum mc_siptrace_kind kind, const char *owner,
                     const struct mc_siptrace_msg *msg, const char *text);
/* The dialog is a live call's; the call is over. */
void mc_siptrace_own(struct mc_siptrace *t, struct mc_span call_id, const char *owner, uint64_t now_us);
void mc_siptrace_end(struct mc_siptrace *t, struct mc_span call_id, const char *owner, uint64_t now_us);

/* Messages of this owner's dialogs, or (owner "") of this Call-ID, numbered above `after`; of each dialog in order. Returns the bytes
 * that they take; nothing is whole in `out` when that is more than `room`. */
size_t mc_siptrace_read(struct mc_siptrace *t, const char *owner, struct mc_span call_id, uint64_t after, uint64_t now_us,
                        uint8_t *out, size_t room);
/* Whose dialog it is, the first of them; false: nobody's. */
bool mc_siptrace_owner(struct mc_siptrace *t, struct mc_span call_id, char owner[MC_SIPTRACE_OWNER]);
void mc_siptrace_counts(struct mc_siptrace *t, struct mc_siptrace_counts *out);

/* Writes x over what must not be kept: what answers a challenge (RFC 3261 section 22.4), keys in SDP (RFC 4568 section 9.1, RFC 4567,
 * RFC 8866 section 5.12), the password of a SIP URI (RFC 3261 section 19.1.1). The size stays, and base64 is base64. */
void mc_siptrace_hide(char *text, size_t len);

#endif
