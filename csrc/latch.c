/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "latch.h"

#include <netinet/in.h>
#include <string.h>

static socklen_t addr_len(const struct sockaddr *a) {
    return a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static void addr_copy(struct sockaddr_storage *to, const struct sockaddr *from) {
    memset(to, 0, sizeof(*to));
    memcpy(to, from, addr_len(from));
}

static bool same_host(const struct sockaddr *a, const struct sockaddr *b) {
    if (a->sa_family != b->sa_family) {
        return false;
    }
    if (a->sa_family == AF_INET6) {
        return !memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr,
                       sizeof(struct in6_addr));
    }
    return ((const struct sockaddr_in *)a)->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

static bool same_source(const struct sockaddr *a, const struct sockaddr *b) {
    /* sin_port and sin6_port lie at the same place */
    return same_host(a, b) && ((const struct sockaddr_in *)a)->sin_port == ((const struct sockaddr_in *)b)->sin_port;
}

void mc_latch_init(struct mc_latch *latch, const struct sockaddr *sdp, socklen_t len) {
    memset(latch, 0, sizeof(*latch));
    if (len >= addr_len(sdp)) {
        addr_copy(&latch->sdp, sdp);
        addr_copy(&latch->current, sdp);
    }
}

void mc_latch_renew(struct mc_latch *latch, const struct sockaddr *sdp, socklen_t len) {
    if (len < addr_len(sdp) || !same_source((const struct sockaddr *)&latch->sdp, sdp)) {
        mc_latch_init(latch, sdp, len);
    }
}

bool mc_latch_is_peer(const struct mc_latch *latch, const struct sockaddr *from) {
    const struct sockaddr *current = (const struct sockaddr *)&latch->current;
    return latch->heard ? same_source(current, from) : same_host(current, from);
}

static void hear(struct mc_latch *latch, uint32_t ssrc, uint64_t now_us) {
    latch->heard = true;
    latch->ssrc = ssrc;
    latch->heard_us = now_us;
    latch->run = 0;
}

static enum mc_latch_verdict move(struct mc_latch *latch, const struct sockaddr *from, uint32_t ssrc, uint64_t now_us) {
    addr_copy(&latch->current, from);
    hear(latch, ssrc, now_us);
    return MC_LATCH_MOVE;
}

enum mc_latch_verdict mc_latch_packet(struct mc_latch *latch, const struct sockaddr *from, uint32_t ssrc, uint16_t seq,
                                      bool authentic, uint64_t now_us) {
    if (same_source((const struct sockaddr *)&latch->current, from)) {
        hear(latch, ssrc, now_us);
        return MC_LATCH_ACCEPT;
    }
    if (authentic || same_source((const struct sockaddr *)&latch->sdp, from)) {
        return move(latch, from, ssrc, now_us);
    }
    if (latch->heard && (ssrc != latch->ssrc || now_us - latch->heard_us < MC_LATCH_SILENCE_US)) {
        return MC_LATCH_STRANGER;
    }

    bool continues = latch->run > 0 && latch->candidate_ssrc == ssrc && latch->next_seq == seq &&
                     same_source((const struct sockaddr *)&latch->candidate, from);
    if (!continues) {
        addr_copy(&latch->candidate, from);
        latch->candidate_ssrc = ssrc;
        latch->run = 0;
    }
    latch->next_seq = (uint16_t)(seq + 1);
    return ++latch->run < MC_LATCH_RUN ? MC_LATCH_CANDIDATE : move(latch, from, ssrc, now_us);
}
