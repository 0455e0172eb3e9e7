/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtcp_timer.h"

#include "rng.h"

#define MIN_US 5e6           /* section 6.2 */
#define REDUCED_US_BPS 360e9 /* section 6.2: 360 s divided by kbit/s */
#define SHARE (0.05 / 8)     /* section 6.2: 5 % of the session, in bytes */
#define SENDERS_SHARE 0.25   /* section 6.3.1 */
#define COMPENSATION 1.21828 /* e - 3/2, section 6.3.1: what reconsideration does to the mean */
#define FIRST_SIZE 128       /* section 6.3.2 wants the probable size of the first one: SR, CNAME, XR */
#define SIZE_GAIN (1.0 / 16) /* section 6.3.3 */

void mc_rtcp_timer_session(struct mc_rtcp_timer *t, uint32_t session_bps) {
    double reduced = REDUCED_US_BPS / (session_bps > 0 ? session_bps : 1);
    t->min_us = reduced < MIN_US ? reduced : MIN_US;
    t->bytes_s = (session_bps > 0 ? session_bps : 1) * SHARE;
}

uint64_t mc_rtcp_timer_interval_us(const struct mc_rtcp_timer *t) {
    double n = t->members, bytes_s = t->bytes_s;
    if (t->senders <= t->members * SENDERS_SHARE) {
        bytes_s *= t->we_sent ? SENDERS_SHARE : 1 - SENDERS_SHARE;
        n = t->we_sent ? t->senders : t->members - t->senders;
    }
    double min_us = t->initial ? t->min_us / 2 : t->min_us;
    double us = n * t->size / bytes_s * 1e6;
    return (uint64_t)(us > min_us ? us : min_us);
}

static uint64_t draw(struct mc_rtcp_timer *t) {
    return (uint64_t)((double)mc_rtcp_timer_interval_us(t) * (0.5 + mc_rng_unit(&t->rng)) / COMPENSATION);
}

void mc_rtcp_timer_init(struct mc_rtcp_timer *t, uint64_t seed, uint32_t session_bps, uint64_t now_us) {
    *t = (struct mc_rtcp_timer){
        .rng = seed, .initial = true, .size = FIRST_SIZE + MC_RTCP_LOWER_LAYERS, .members = 1, .last_us = now_us};
    mc_rtcp_timer_session(t, session_bps);
    t->next_us = now_us + draw(t);
}

static void account(struct mc_rtcp_timer *t, size_t len) {
    t->size += ((double)(len + MC_RTCP_LOWER_LAYERS) - t->size) * SIZE_GAIN;
}

void mc_rtcp_timer_heard(struct mc_rtcp_timer *t, size_t len) {
    account(t, len);
}

void mc_rtcp_timer_members(struct mc_rtcp_timer *t, unsigned members, unsigned senders, bool we_sent) {
    t->members = members;
    t->senders = senders;
    t->we_sent = we_sent;
}

bool mc_rtcp_timer_due(struct mc_rtcp_timer *t, uint64_t now_us) {
    if (now_us < t->next_us) {
        return false;
    }
    uint64_t again = t->last_us + draw(t);
    if (again <= now_us) {
        return true;
    }
    t->next_us = again;
    return false;
}

void mc_rtcp_timer_sent(struct mc_rtcp_timer *t, size_t len, uint64_t now_us) {
    account(t, len);
    t->initial = false;
    t->last_us = now_us;
    t->next_us = now_us + draw(t);
}
